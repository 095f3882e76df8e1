# SPDX-License-Identifier: Apache-2.0
"""The inspection: a scan is registered to its nominal surface and judged by its deviations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visionvalley.applications.manufacturing.placement import placed
from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import (
    SILENT,
    BadInput,
    Cloud,
    Colouring,
    Contribution,
    Measurement,
    Mesh,
    Progress,
    Report,
    Scene,
    Text,
    Thing,
    Tolerance,
    stage,
    text,
)
from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology.best_fit import BestFit, fit_least_squares, fit_zone, pose_uncertainty_m
from visionvalley.vision.metrology.profile import NEIGHBOURS, Deviations, filtered, surface_profile
from visionvalley.vision.shape.distances import Closest, closest
from visionvalley.vision.shape.neighbours import Index, build_index, nearest
from visionvalley.vision.shape.outliers import statistical_inliers
from visionvalley.vision.shape.subdivision import subdivided
from visionvalley.vision.shape.surfaces import SurfaceIndex, index_surface
from visionvalley.vision.shape.topology import sample_surface

STRAY = 5.0  # standard deviations of the neighbours' distance beyond which a point stands alone
FEWEST_POINTS = 100
FEW_VERTICES = 10_000  # a scanned mesh of fewer has large triangles, and is measured at random places of them
REACH = 0.05  # of the diagonal: points farther off are no part of the fit, but of the deviations
SHARING = 1 / 30  # of the diagonal, over which errors of neighbours may be alike
PICTURE_EDGES = 120  # a reference is coloured at vertices this many to its diagonal


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """What an inspection looks at.

    scan         points or a surface, in the scanner's frame
    reference    the nominal surface, in the part's frame
    chord_m      how far the reference's triangles may lie from the true surface (0: they are it)
    simulated    whether the scan was simulated
    remarks      what a reader must know of where the data come from
    """

    scan: Cloud | Mesh
    reference: Mesh
    chord_m: float = 0.0
    simulated: bool = False
    remarks: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Map:
    """Deviations of the aligned points."""

    points_m: Floats
    near: Closest
    deviations: Deviations
    fit: BestFit


def run(values: Inspection, settings: Settings = Settings(), progress: Progress = SILENT) -> Report:
    """Register a scan to its nominal surface without a start and judge the profile of the surface."""
    size_m = _diagonal(values.reference)
    with stage(progress, "manufacturing.clean"):
        scan, stray = _cleaned(_cloud(values.scan))
        surface = index_surface(values.reference)
    with stage(progress, "manufacturing.coarse"):
        start = placed(scan, values.reference, surface)
    with stage(progress, "manufacturing.fine"):
        fit = fit_least_squares(scan.points_m, surface, start, reach_m=REACH * size_m, sharing_m=SHARING * size_m)
    with stage(progress, "manufacturing.deviations"):
        found = _deviations(scan.points_m, surface, fit, settings)
    with stage(progress, "manufacturing.judge"):
        return _report(values, settings, found, stray)


def _cloud(scan: Cloud | Mesh) -> Cloud:
    if isinstance(scan, Cloud):
        cloud = scan.taken(np.asarray(np.isfinite(scan.points_m).all(axis=1)))
    else:
        some = sample_surface(scan, 100_000) if len(scan.vertices_m) < FEW_VERTICES else None
        cloud = Cloud(scan.vertices_m) if some is None else Cloud(some.points_m, some.normals)
    if len(cloud) < FEWEST_POINTS:
        raise BadInput("manufacturing.too_few_points", count=len(cloud), least=FEWEST_POINTS)
    return cloud


def _cleaned(scan: Cloud) -> tuple[Cloud, int]:
    kept: NDArray[np.bool_] = np.atleast_1d(statistical_inliers(scan.points_m, k=NEIGHBOURS, ratio=STRAY))
    return scan.taken(kept), int(len(scan) - np.count_nonzero(kept))


def _diagonal(mesh: Mesh) -> float:
    return float(np.sqrt(((mesh.vertices_m.max(axis=0) - mesh.vertices_m.min(axis=0)) ** 2).sum()))


def _deviations(points: Floats, surface: SurfaceIndex, fit: BestFit, settings: Settings) -> _Map:
    neighbours = nearest(build_index(points), points, NEIGHBOURS).index
    near = closest(surface, fit.part_from_scan.apply(points))
    deviations = _filtered(near, neighbours, settings)
    if settings.alignment == "zone":
        fit = fit_zone(points, surface, fit, neighbours)
        near = closest(surface, fit.part_from_scan.apply(points))
        deviations = _filtered(near, neighbours, settings)
    return _Map(fit.part_from_scan.apply(points), near, deviations, fit)


def _filtered(near: Closest, neighbours: NDArray[np.int32], settings: Settings) -> Deviations:
    raw = np.where(near.on_boundary, np.nan, near.distance_m)
    return filtered(raw, neighbours, settings.noise_m)


def _budget(found: _Map, values: Inspection, settings: Settings) -> tuple[Contribution, ...]:
    reference_m = values.chord_m / math.sqrt(3)
    half_m = _diagonal(values.reference) / 2
    alignment_m = float(pose_uncertainty_m(found.fit, _corners(found.points_m)).max())
    return (
        Contribution("alignment", alignment_m),
        Contribution("reference", reference_m),
        Contribution("scale", settings.scale * half_m),
    )


def _corners(points_m: Floats) -> Floats:
    """Return the corners (8, 3) of the box around points: no point's pose is less certain than one of theirs."""
    low, high = points_m.min(axis=0), points_m.max(axis=0)
    return np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])


def _report(values: Inspection, settings: Settings, found: _Map, stray: int) -> Report:
    raw = found.deviations.raw_m
    if not np.isfinite(raw).any():
        raise BadInput("manufacturing.nothing_measured")
    budget, index = _budget(found, values, settings), build_index(found.points_m)
    feature = surface_profile(found.deviations, budget, settings.tolerance_m, simulated=values.simulated)
    measurements = (feature.measured, *_statistics(found, values, budget))
    return Report(
        application="manufacturing",
        title=text("manufacturing.title"),
        verdict=feature.verdict,
        measurements=measurements,
        features=(feature,),
        scene=_scene(values, settings, found, index),
        facts=_facts(found, stray, settings, _seen_share(found, values.reference, index), values.reference),
        notes=(*_notes(values, settings, found, stray), *feature.notes[1:]),
        simulated=values.simulated,
    )


def _statistics(found: _Map, values: Inspection, budget: tuple[Contribution, ...]) -> tuple[Measurement, ...]:
    d = found.deviations.raw_m[np.isfinite(found.deviations.raw_m)]
    filtered_m = found.deviations.filtered_m[np.isfinite(found.deviations.filtered_m)]
    common = math.sqrt(math.fsum(c.standard_uncertainty**2 for c in budget))
    one = math.hypot(common, found.deviations.filtered_noise_m)
    mean_u = math.hypot(common, found.deviations.noise_m / math.sqrt(len(d)))

    def said(name: str, value: float, u: float) -> Measurement:
        return Measurement(name, value, u, "m", (value - 1.96 * u, value + 1.96 * u), simulated=values.simulated)

    return (
        said("largest deviation outwards", float(filtered_m.max()), one),
        said("largest deviation inwards", float(filtered_m.min()), one),
        said("mean deviation", float(d.mean()), mean_u),
        said("standard deviation", float(d.std()), found.deviations.noise_m / math.sqrt(2 * len(d))),
    )


def _facts(found: _Map, stray: int, settings: Settings, seen_share: float, reference: Mesh) -> Mapping[str, object]:
    d = found.deviations.raw_m[np.isfinite(found.deviations.raw_m)]
    fit = found.fit
    quantiles = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
    return {
        "points": len(found.points_m),
        "points_removed": stray,
        "points_beyond_edge": int(np.count_nonzero(found.near.on_boundary)),
        "points_out_of_fit": int(np.count_nonzero(~fit.used & ~found.near.on_boundary)),
        "noise_m": found.deviations.noise_m,
        "noise_given": settings.noise_m is not None,
        "deviation_quantiles_m": {f"{q:g}": float(np.quantile(d, q)) for q in quantiles},
        "rms_deviation_m": float(np.sqrt(np.mean(d**2))),
        "alignment": {
            "criterion": fit.criterion,
            "part_from_scan": fit.part_from_scan.matrix().tolist(),
            "covariance": fit.covariance.tolist(),
            "weak_motions": [str(motion) for motion in fit.unseen],
            "rounds": fit.rounds,
            "converged": fit.converged,
            "rms_m": fit.rms_m,
            "largest_m": fit.largest_m,
            "points_used": int(np.count_nonzero(fit.used)),
        },
        "reference": {"triangles": len(reference.faces), "seen_share": seen_share},
    }


def _seen_share(found: _Map, mesh: Mesh, index: Index) -> float:
    """Return the share of the reference's area that lies near a measured point, from 20,000 samples."""
    sampled = sample_surface(mesh, 20_000, seed=1)
    reach_m = max(3 * found.fit.rms_m, _diagonal(mesh) / 100)
    near = nearest(index, sampled.points_m, 1, reach_m)
    return float(np.mean(near.index[:, 0] >= 0))


def _notes(values: Inspection, settings: Settings, found: _Map, stray: int) -> tuple[Text, ...]:
    notes = list(values.remarks)
    if values.simulated:
        notes.append(text("manufacturing.simulated"))
    notes.append(text(f"manufacturing.alignment_{settings.alignment.replace('-', '_')}"))
    if not found.fit.converged:
        notes.append(text("manufacturing.not_converged", rounds=found.fit.rounds))
    notes += [text("manufacturing.weak_motion", motion=motion) for motion in found.fit.unseen]
    if stray:
        notes.append(text("manufacturing.stray_points", count=stray))
    return tuple(notes)


def _scene(values: Inspection, settings: Settings, found: _Map, index: Index) -> Scene:
    limits = (
        None if settings.tolerance_m is None else Tolerance(-settings.tolerance_m / 2, settings.tolerance_m / 2, "m")
    )
    shown = subdivided(values.reference, _diagonal(values.reference) / PICTURE_EDGES)
    reach_m = max(3 * found.fit.rms_m, _diagonal(values.reference) / 80)
    near = nearest(index, shown.vertices_m, 4, reach_m)
    values_m = _mean_at(found.deviations.filtered_m, near.index)
    return Scene(
        (
            Thing("reference", shown, colouring=Colouring("deviation", values_m, "m", limits)),
            Thing(
                "scan",
                Cloud(found.points_m),
                colouring=Colouring("deviation", found.deviations.raw_m.astype(np.float32), "m", limits),
            ),
        )
    )


def _mean_at(values_m: Floats, index: NDArray[np.int32]) -> NDArray[np.float32]:
    held = np.where(index >= 0, values_m[np.maximum(index, 0)], np.nan)
    known = np.isfinite(held)
    total = np.where(known, held, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan).astype(np.float32)
