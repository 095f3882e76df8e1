# SPDX-License-Identifier: Apache-2.0
"""The inspection: a scan is registered to its nominal surface and judged by its deviations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from visionvalley.applications.manufacturing.conditions import Conditions, over
from visionvalley.applications.manufacturing.placement import placed
from visionvalley.applications.manufacturing.recipe import By, Recipe
from visionvalley.applications.manufacturing.scans import as_cloud, diagonal_m, without_strays
from visionvalley.applications.manufacturing.seeds import Seeds
from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import (
    SILENT,
    BadInput,
    Cloud,
    Colouring,
    Contribution,
    Feature,
    Measurement,
    Mesh,
    Part,
    Pose,
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
from visionvalley.vision.geometry.motion import best_motion
from visionvalley.vision.metrology.best_fit import BestFit, fit_least_squares, fit_zone, pose_uncertainty_m
from visionvalley.vision.metrology.decision import overall
from visionvalley.vision.metrology.extraction import Around
from visionvalley.vision.metrology.profile import NEIGHBOURS, Deviations, filtered, surface_profile
from visionvalley.vision.shape.distances import Closest, closest
from visionvalley.vision.shape.neighbours import Index, build_index, nearest
from visionvalley.vision.shape.subdivision import subdivided
from visionvalley.vision.shape.surfaces import SurfaceIndex, index_surface
from visionvalley.vision.shape.topology import sample_surface

FEWEST_POINTS = 100
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
    part         the reference with its faces, where a recipe asks for features
    recipe       what is asked of them
    conditions   under which the scan was made; what it leaves open is what the recipe says
    seeds        of all that is drawn by chance
    """

    scan: Cloud | Mesh
    reference: Mesh
    chord_m: float = 0.0
    simulated: bool = False
    remarks: tuple[Text, ...] = ()
    part: Part | None = None
    recipe: Recipe | None = None
    conditions: Conditions = field(default_factory=Conditions)
    seeds: Seeds = field(default_factory=Seeds)

    def __post_init__(self) -> None:
        if self.recipe is not None and (self.part is None or not self.part.surfaces):
            raise BadInput("manufacturing.recipe_without_faces")

    @property
    def stated(self) -> Conditions:
        """What is known of the conditions."""
        return self.conditions if self.recipe is None else over(self.conditions, self.recipe.conditions)


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """A scan on its part, and how it deviates.

    points_m  (N, 3) part frame; near: of them on the surface; around: their neighbours in the scan
    """

    points_m: Floats
    near: Closest
    around: Around
    deviations: Deviations
    fit: BestFit


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What became of a recipe.

    features      in the order of the recipe
    not_measured  what could not be, and why
    facts         points of each feature, margins
    """

    features: tuple[Feature, ...] = ()
    not_measured: tuple[Text, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)


def not_measured(name: str, error: BadInput) -> Text:
    """Return the note that something asked was not measured, why, and what to do."""
    return text("manufacturing.not_measured", name=name, reason=error.message, fix=error.message)


def run(values: Inspection, settings: Settings = Settings(), progress: Progress = SILENT) -> Report:
    """Register a scan to its nominal surface and judge its profile, and the features that a recipe asks for."""
    size_m = diagonal_m(values.reference.vertices_m)
    with stage(progress, "manufacturing.clean"):
        whole = _at_20_degrees(as_cloud(values.scan, FEWEST_POINTS, values.seeds.scan), values.stated.stretch)
        scan = without_strays(whole)
        surface = index_surface(values.reference)
    with stage(progress, "manufacturing.coarse"):
        start = _start(values, scan, surface)
    with stage(progress, "manufacturing.fine"):
        fit = fit_least_squares(scan.points_m, surface, start, reach_m=REACH * size_m, sharing_m=SHARING * size_m)
    with stage(progress, "manufacturing.deviations"):
        found = _deviations(scan.points_m, surface, fit, values, settings)
    found, judged = _features(values, settings, surface, found, progress)
    with stage(progress, "manufacturing.judge"):
        return _report(values, settings, found, judged, len(whole) - len(scan))


def _at_20_degrees(scan: Cloud, stretch: float) -> Cloud:
    """Return a scan as it would be at 20 °C, where its lengths are known to be longer by a part."""
    return scan if stretch == 0 else replace(scan, points_m=scan.points_m / (1 + stretch))


def _start(values: Inspection, scan: Cloud, surface: SurfaceIndex) -> Pose:
    """Return where the scan lies on the part: found without a start, or by the pairs of points that a user names."""
    pairs = None if values.recipe is None else values.recipe.alignment
    if pairs is None or pairs.scan_m is None or pairs.part_m is None:
        return placed(scan, values.reference, surface, values.seeds.reference)
    return best_motion(pairs.scan_m, pairs.part_m)


def _deviations(points: Floats, surface: SurfaceIndex, fit: BestFit, values: Inspection, settings: Settings) -> Aligned:
    found = nearest(build_index(points), points, NEIGHBOURS)
    around = Around(found.index, found.distance_m.astype(np.float64))
    by = By.PART if values.recipe is None else values.recipe.alignment.by
    if by is By.POINTS and values.recipe is not None:
        asked = values.recipe.alignment
        pose = best_motion(np.asarray(asked.scan_m) / (1 + values.stated.stretch), np.asarray(asked.part_m))
        return laid(points, surface, replace(fit, part_from_scan=pose, criterion="points"), around, settings)
    if settings.alignment == "zone" and by is By.PART:
        fit = fit_zone(points, surface, fit, around.index)
    return laid(points, surface, fit, around, settings)


def laid(points: Floats, surface: SurfaceIndex, fit: BestFit, around: Around, settings: Settings) -> Aligned:
    """Return how points (N, 3), scan frame, deviate where a fit lays them."""
    moved = fit.part_from_scan.apply(points)
    near = closest(surface, moved)
    return Aligned(moved, near, around, _filtered(near, around.index, settings), fit)


def _features(
    values: Inspection, settings: Settings, surface: SurfaceIndex, found: Aligned, progress: Progress
) -> tuple[Aligned, Judged]:
    """Lay the scan on the recipe's datums where it asks so, and judge its features."""
    if values.recipe is None or values.part is None:
        return found, Judged()
    from visionvalley.applications.manufacturing.cuts import judge_sections
    from visionvalley.applications.manufacturing.features import judge_features, lay_on_datums
    from visionvalley.applications.manufacturing.thickness import judge_walls

    with stage(progress, "manufacturing.features", values.recipe.asked):
        found = lay_on_datums(values, found, surface, settings)
        walls = partial(judge_walls, surface=surface)
        judged = [judge(values, found, settings, progress) for judge in (judge_features, judge_sections, walls)]
    return found, Judged(
        tuple(one for each in judged for one in each.features),
        tuple(one for each in judged for one in each.not_measured),
        {name: fact for each in judged for name, fact in each.facts.items()},
    )


def _filtered(near: Closest, neighbours: NDArray[np.int32], settings: Settings) -> Deviations:
    raw = np.where(near.on_boundary, np.nan, near.distance_m)
    return filtered(raw, neighbours, settings.noise_m)


def budget_of(found: Aligned, values: Inspection, settings: Settings) -> tuple[Contribution, ...]:
    """Return the standard uncertainties of a single deviation besides its noise."""
    reference_m = values.chord_m / math.sqrt(3)
    half_m = diagonal_m(values.reference.vertices_m) / 2
    alignment_m = float(pose_uncertainty_m(found.fit, _corners(found.points_m)).max())
    return (
        Contribution("alignment", alignment_m),
        Contribution("reference", reference_m),
        Contribution("scale", settings.scale * half_m),
        *([Contribution("temperature", warm * half_m)] if (warm := values.stated.uncertainty) else []),
    )


def _corners(points_m: Floats) -> Floats:
    """Return the corners (8, 3) of the box around points: no point's pose is less certain than one of theirs."""
    low, high = points_m.min(axis=0), points_m.max(axis=0)
    return np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])


def _report(values: Inspection, settings: Settings, found: Aligned, judged: Judged, stray: int) -> Report:
    raw = found.deviations.raw_m
    if not np.isfinite(raw).any():
        raise BadInput("manufacturing.nothing_measured")
    budget, index = budget_of(found, values, settings), build_index(found.points_m)
    profile = surface_profile(found.deviations, budget, settings.tolerance_m, simulated=values.simulated)
    asked = (profile,) if values.recipe is None or settings.tolerance_m is not None else ()
    return Report(
        application="manufacturing",
        title=text("manufacturing.title"),
        verdict=overall((one.verdict for one in (*asked, *judged.features)), missing=bool(judged.not_measured)),
        measurements=(profile.measured, *_statistics(found, values, budget)),
        features=(*asked, *judged.features),
        scene=_scene(values, settings, found, index),
        facts=_facts(found, stray, settings, _seen_share(found, values, index), values.reference)
        | ({"features": judged.facts} if values.recipe is not None else {})
        | ({"conditions": stated} if (stated := values.stated.facts()) else {}),
        notes=(*_notes(values, settings, found, stray), *profile.notes[1:], *judged.not_measured),
        simulated=values.simulated,
    )


def _statistics(found: Aligned, values: Inspection, budget: tuple[Contribution, ...]) -> tuple[Measurement, ...]:
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


def _facts(found: Aligned, stray: int, settings: Settings, seen_share: float, reference: Mesh) -> dict[str, object]:
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


def _seen_share(found: Aligned, values: Inspection, index: Index) -> float:
    """Return the share of the reference's area that lies near a measured point, from 20,000 samples."""
    sampled = sample_surface(values.reference, 20_000, values.seeds.share_seen)
    reach_m = max(3 * found.fit.rms_m, diagonal_m(values.reference.vertices_m) / 100)
    near = nearest(index, sampled.points_m, 1, reach_m)
    return float(np.mean(near.index[:, 0] >= 0))


def _notes(values: Inspection, settings: Settings, found: Aligned, stray: int) -> tuple[Text, ...]:
    notes = [*values.remarks, *values.stated.notes()]
    if values.simulated:
        notes.append(text("manufacturing.simulated"))
    by = By.PART if values.recipe is None else values.recipe.alignment.by
    how = settings.alignment.replace("-", "_") if by is By.PART else by.value
    notes.append(text(f"manufacturing.alignment_{how}"))
    if not found.fit.converged:
        notes.append(text("manufacturing.not_converged", rounds=found.fit.rounds))
    notes += [text("manufacturing.weak_motion", motion=motion) for motion in found.fit.unseen]
    if stray:
        notes.append(text("manufacturing.stray_points", count=stray))
    return tuple(notes)


def _scene(values: Inspection, settings: Settings, found: Aligned, index: Index) -> Scene:
    limits = (
        None if settings.tolerance_m is None else Tolerance(-settings.tolerance_m / 2, settings.tolerance_m / 2, "m")
    )
    shown = subdivided(values.reference, diagonal_m(values.reference.vertices_m) / PICTURE_EDGES)
    reach_m = max(3 * found.fit.rms_m, diagonal_m(values.reference.vertices_m) / 80)
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
