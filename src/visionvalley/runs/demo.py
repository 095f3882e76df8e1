# SPDX-License-Identifier: Apache-2.0
"""The demonstration: ten scans become one cloud, and the cloud is inspected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from visionvalley.applications.manufacturing.inspection import Inspection, run
from visionvalley.applications.manufacturing.seeds import Seeds
from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import SILENT, Cloud, Pose, Progress, Report, stage, text
from visionvalley.core.arrays import Floats
from visionvalley.io.files import read_cloud, read_mesh
from visionvalley.io.stanford import read_conf
from visionvalley.runs.conducting import Asked, Done, Job, Keeping, conduct
from visionvalley.vision.geometry.motion import best_motion
from visionvalley.vision.shape.normals import normals
from visionvalley.vision.shape.orientation import orient_outwards
from visionvalley.vision.shape.together import register_to_model, register_together
from visionvalley.vision.shape.voxels import downsample_cloud

APPLICATION = "manufacturing.demonstration"
SIMULATED = "simulated scan"  # the name of its seed
CONF, MODEL = "bun.conf", "bun_zipper.ply"
FUSED_M = 0.5e-3  # the scanner's own step
TOLERANCE_M = 2.5e-3
SIMULATED_TOLERANCE_M = 0.2e-3


@dataclass(frozen=True, slots=True, eq=False)
class Demonstrated:
    """What the demonstration found besides the report.

    to_model_m       RMS displacement of each scan's points from their published place, registered to the model
    together_m       mean displacement of all points, registered to one another
    """

    done: Done
    names: tuple[str, ...]
    to_model_m: tuple[float, ...]
    together_m: float


def demonstrate(
    scans_folder: Path, output: Path, progress: Progress = SILENT, keeping: Keeping = Keeping()
) -> Demonstrated:
    """Register the Stanford bunny's range scans without a start, fuse them, and inspect the cloud against the model."""
    names = (CONF, *read_conf(scans_folder / CONF), MODEL)
    return _told(conduct(_real({name: scans_folder / name for name in names}, output, Seeds()), keeping, progress))


def demonstrate_simulated(output: Path, progress: Progress = SILENT, keeping: Keeping = Keeping()) -> Demonstrated:
    """Inspect simulated scans of a part with a dent of known depth, where the real scans are not to be had."""
    return _told(conduct(_simulated(output, Seeds(), 0), keeping, progress))


def again(asked: Asked, inputs: Mapping[str, Path], output: Path) -> Job:
    """Return the job of what was asked, over these files."""
    seeds = Seeds.of(asked.seeds)
    return _real(inputs, output, seeds) if inputs else _simulated(output, seeds, asked.seeds.get(SIMULATED, 0))


def _real(files: Mapping[str, Path], output: Path, seeds: Seeds) -> Job:
    settings = Settings(tolerance_m=TOLERANCE_M)

    def work(progress: Progress) -> Report:
        return _work(files, settings, seeds, progress)

    return Job(APPLICATION, {}, files, settings, work, output, seeds.kept())


def _work(files: Mapping[str, Path], settings: Settings, seeds: Seeds, progress: Progress) -> Report:
    with stage(progress, "runs.read"):
        places = read_conf(files[CONF])
        scans = [read_cloud(files[name], "m") for name in places]
        model = read_mesh(files[MODEL], "m")
    fits = register_to_model(scans, model, progress=progress)
    to_model = [
        _displacement(fit.target_from_source, places[n], s) for fit, n, s in zip(fits, places, scans, strict=True)
    ]
    together = register_together(scans, progress=progress)
    with stage(progress, "runs.fuse"):
        fused = _fused(scans, together.world_from_scan)
    report = run(Inspection(fused, model, remarks=(text("runs.consistency"),), seeds=seeds), settings, progress)
    mean_m = _mean_displacement(scans, together.world_from_scan, list(places.values()))
    facts = {
        "scans": {n: {"rms_displacement_m": d} for n, d in zip(places, to_model, strict=True)},
        "together": {"mean_displacement_m": mean_m, "rmse_m": together.rmse_m, "converged": together.converged},
    }
    return replace(
        report,
        title=text("runs.demo_title"),
        scene=replace(report.scene, up=(0.0, 1.0, 0.0)),  # the model stands on y
        facts={**report.facts, "part": "Stanford bunny", "registration": facts},
    )


def _told(done: Done) -> Demonstrated:
    facts: Any = done.report.facts.get("registration")
    if facts is None:
        return Demonstrated(done, (), (), float("nan"))
    found = {name: one["rms_displacement_m"] for name, one in facts["scans"].items()}
    return Demonstrated(done, tuple(found), tuple(found.values()), facts["together"]["mean_displacement_m"])


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


def _simulated(output: Path, seeds: Seeds, seed: int) -> Job:
    settings = Settings(tolerance_m=SIMULATED_TOLERANCE_M)

    def work(progress: Progress) -> Report:
        from visionvalley.samples.simulated import dented_block

        with stage(progress, "runs.simulate"):
            scan, part = dented_block(seed)
        report = run(Inspection(scan, part, simulated=True, seeds=seeds), settings, progress)
        return replace(report, facts={**report.facts, "part": str(text("runs.simulated_part"))})

    return Job(APPLICATION, {}, {}, settings, work, output, seeds.kept() | {SIMULATED: seed})
