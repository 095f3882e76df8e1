# SPDX-License-Identifier: Apache-2.0
"""The demonstration: ten scans become one cloud, and the cloud is inspected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from visionvalley.applications.manufacturing.inspection import Inspection, run
from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import SILENT, Cloud, Pose, Progress, Report, stage, text
from visionvalley.core.arrays import Floats
from visionvalley.io.files import read_cloud, read_mesh
from visionvalley.io.stanford import read_conf
from visionvalley.runs.conditions import Stopwatch, conditions
from visionvalley.runs.folder import kept
from visionvalley.vision.geometry.motion import best_motion
from visionvalley.vision.shape.normals import normals
from visionvalley.vision.shape.orientation import orient_outwards
from visionvalley.vision.shape.together import register_to_model, register_together
from visionvalley.vision.shape.voxels import downsample_cloud

FUSED_M = 0.5e-3  # the scanner's own step
TOLERANCE_M = 2.5e-3
SIMULATED_TOLERANCE_M = 0.2e-3


@dataclass(frozen=True, slots=True, eq=False)
class Demonstrated:
    """What the demonstration found besides the report.

    to_model_m       RMS displacement of each scan's points from their published place, registered to the model
    together_m       mean displacement of all points, registered to one another
    seconds          by stage
    """

    report: Report
    folder: Path
    names: tuple[str, ...]
    to_model_m: tuple[float, ...]
    together_m: float
    seconds: dict[str, float]


def demonstrate(scans_folder: Path, output: Path, progress: Progress = SILENT) -> Demonstrated:
    """Register the Stanford bunny's range scans without a start, fuse them, and inspect the cloud against the model."""
    watch = Stopwatch(progress)
    with stage(watch, "runs.read"):
        places = read_conf(scans_folder / "bun.conf")
        scans = [read_cloud(scans_folder / name, "m") for name in places]
        model = read_mesh(scans_folder / "bun_zipper.ply", "m")
    fits = register_to_model(scans, model, progress=watch)
    to_model = tuple(
        _displacement(fit.target_from_source, places[n], s) for fit, n, s in zip(fits, places, scans, strict=True)
    )
    together = register_together(scans, progress=watch)
    with stage(watch, "runs.fuse"):
        fused = _fused(scans, together.world_from_scan)
    settings = Settings(tolerance_m=TOLERANCE_M)
    report = run(Inspection(fused, model, remarks=(text("runs.consistency"),)), settings, watch)
    mean_m = _mean_displacement(scans, together.world_from_scan, list(places.values()))
    facts = {
        "scans": {n: {"rms_displacement_m": d} for n, d in zip(places, to_model, strict=True)},
        "together": {"mean_displacement_m": mean_m, "rmse_m": together.rmse_m, "converged": together.converged},
    }
    report = replace(
        report,
        title=text("runs.demo_title"),
        scene=replace(report.scene, up=(0.0, 1.0, 0.0)),  # the model stands on y
        facts={**report.facts, "part": "Stanford bunny", "registration": facts},
    )
    inputs = {name: scans_folder / name for name in (*places, "bun_zipper.ply")}
    folder = kept(report, output, conditions(inputs, settings, watch.seconds), watch)
    return Demonstrated(report, folder, tuple(places), to_model, mean_m, watch.seconds)


def _displacement(pose: Pose, place: Pose, scan: Cloud) -> float:
    gaps = pose.apply(scan.points_m) - place.apply(scan.points_m)
    return float(np.sqrt(np.mean((gaps * gaps).sum(axis=1))))


def _mean_displacement(scans: Sequence[Cloud], found: Sequence[Pose], places: Sequence[Pose]) -> float:
    """Return how far points lie from their published places on average, after the one motion that all share."""
    ours = np.concatenate([pose.apply(scan.points_m) for pose, scan in zip(found, scans, strict=True)])
    theirs = np.concatenate([pose.apply(scan.points_m) for pose, scan in zip(places, scans, strict=True)])
    gaps = best_motion(ours, theirs).apply(ours) - theirs
    return float(np.mean(np.sqrt((gaps * gaps).sum(axis=1))))


def _fused(scans: Sequence[Cloud], poses: Sequence[Pose]) -> Cloud:
    placed = [_with_normals(scan).moved(pose) for scan, pose in zip(scans, poses, strict=True)]
    directions = np.concatenate([cloud.normals for cloud in placed if cloud.normals is not None])
    return downsample_cloud(Cloud(np.concatenate([cloud.points_m for cloud in placed]), directions), FUSED_M)


def _with_normals(scan: Cloud) -> Cloud:
    directions: Floats = orient_outwards(scan.points_m, normals(scan.points_m, 12))
    return Cloud(scan.points_m, directions)


def demonstrate_simulated(output: Path, progress: Progress = SILENT) -> Demonstrated:
    """Inspect simulated scans of a part with a dent of known depth, where the real scans are not to be had."""
    from visionvalley.samples.simulated import dented_block

    watch = Stopwatch(progress)
    with stage(watch, "runs.simulate"):
        scan, part = dented_block()
    settings = Settings(tolerance_m=SIMULATED_TOLERANCE_M)
    report = run(Inspection(scan, part, simulated=True), settings, watch)
    report = replace(report, facts={**report.facts, "part": str(text("runs.simulated_part"))})
    folder = kept(report, output, conditions({}, settings, watch.seconds), watch)
    return Demonstrated(report, folder, (), (), float("nan"), watch.seconds)
