# SPDX-License-Identifier: Apache-2.0
"""The comparison of two scans of one part, before and after: what changed, and what could have been seen."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from visionvalley.applications.manufacturing.placement import placed
from visionvalley.applications.manufacturing.scans import as_cloud, diagonal_m, without_strays
from visionvalley.applications.manufacturing.seeds import Seeds
from visionvalley.applications.manufacturing.settings import ComparisonSettings
from visionvalley.core import (
    SILENT,
    BadInput,
    Cloud,
    Colouring,
    Contribution,
    Feature,
    Measurement,
    Mesh,
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
from visionvalley.core.arrays import Floats, Ints
from visionvalley.vision.metrology.best_fit import fit_least_squares
from visionvalley.vision.metrology.changes import SHARING, Changes, changes
from visionvalley.vision.metrology.decision import TWO_SIDED_95, judge, overall
from visionvalley.vision.metrology.profile import expected_extreme
from visionvalley.vision.shape.coarse import align_coarse
from visionvalley.vision.shape.distances import closest
from visionvalley.vision.shape.neighbours import build_index, nearest
from visionvalley.vision.shape.normals import normals
from visionvalley.vision.shape.orientation import orient_outwards
from visionvalley.vision.shape.registration import Alignment, Source, Target, align
from visionvalley.vision.shape.surfaces import SurfaceIndex, index_surface

FEWEST_POINTS, NEIGHBOURS = 1000, 16
PLACES = 40_000  # at which changes are looked for
WIDE = 3.0  # point spacings: the radius of a cylinder, where none is given
NORMAL_POINTS = 24
CELLS = (60, 40, 90)  # along the diagonal, in each search
AS_GOOD = 0.95  # of the overlap found: scans that lie so well where they are stay there
MOST_REGIONS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What is compared: two scans, each in a frame of its own, and the nominal surface where it is known."""

    before: Cloud | Mesh
    after: Cloud | Mesh
    reference: Mesh | None = None
    simulated: bool = False
    seeds: Seeds = field(default_factory=Seeds)


def run(values: Comparison, settings: ComparisonSettings, progress: Progress = SILENT) -> Report:
    """Register two scans on what did not change, and return what did."""
    with stage(progress, "manufacturing.clean"):
        scans = (as_cloud(one, FEWEST_POINTS, values.seeds.scan) for one in (values.before, values.after))
        before, after = (without_strays(one) for one in scans)
    with stage(progress, "manufacturing.register_both"):
        surface = None if values.reference is None else index_surface(values.reference)
        if values.reference is not None and surface is not None:
            before = before.moved(_on(before, values.reference, surface, values.seeds.reference))
            start = _on(after, values.reference, surface, values.seeds.reference)
        else:
            start = _start(before, after)
        before = _oriented(before, surface)
        spacing_m = _spacing(before.points_m)
        start = _refined(before, after, start, spacing_m)
    with stage(progress, "manufacturing.compare"):
        radius_m = settings.radius_m or WIDE * max(spacing_m, _spacing(after.points_m))
        some = before.taken(_places(before.points_m))
        found = changes(before.points_m, start.apply(after.points_m), some.points_m, np.asarray(some.normals), radius_m)
    with stage(progress, "manufacturing.judge"):
        return _report(values, settings, before, found, start, radius_m, len(after), oriented=surface is not None)


def _on(scan: Cloud, reference: Mesh, surface: SurfaceIndex, seed: int) -> Pose:
    """Return where a scan lies on the nominal surface."""
    size_m = diagonal_m(reference.vertices_m)
    start = placed(scan, reference, surface, seed)
    return fit_least_squares(
        scan.points_m, surface, start, reach_m=size_m / 20, sharing_m=SHARING * size_m
    ).part_from_scan


def _start(before: Cloud, after: Cloud) -> Pose:
    """Return `before_from_after`: as the scans lie, where that is about as good as what a search finds."""
    size_m = diagonal_m(before.points_m)
    fits = []
    for cells in CELLS:
        fits.append(align_coarse(after, before, size_m / cells))
        if fits[-1].converged:
            break
    best = max(fits, key=lambda fit: (fit.converged, fit.overlap))
    index, some = build_index(before.points_m), after.points_m[:: max(1, len(after) // 5000)]

    def share(pose: Pose) -> float:
        return float(np.mean(nearest(index, pose.apply(some), 1, size_m / 100).index[:, 0] >= 0))

    if share(Pose.identity()) >= AS_GOOD * share(best.target_from_source):
        return Pose.identity()
    if not best.converged:
        raise BadInput("manufacturing.not_registered", overlap=f"{best.overlap:.0%}")
    return best.target_from_source


def _oriented(cloud: Cloud, surface: SurfaceIndex | None) -> Cloud:
    """Return a cloud with normals out of the material: its own, or turned as the nominal surface or a guess says."""
    if cloud.normals is not None:
        return cloud
    found = normals(cloud.points_m, NORMAL_POINTS)
    if surface is None:
        turned = orient_outwards(cloud.points_m, found)
    else:
        sign = np.where((found * closest(surface, cloud.points_m).normal).sum(axis=1) < 0, -1.0, 1.0)
        turned = found * sign[:, None]
    known = np.isfinite(turned).all(axis=1)
    return Cloud(cloud.points_m[known], turned[known])


def _spacing(points_m: Floats) -> float:
    """Return the distance of neighbours in an even pattern of as many points on the same area."""
    some = points_m[:: max(1, len(points_m) // 20_000)]
    far = nearest(build_index(points_m), some, NEIGHBOURS + 1).distance_m[:, -1]
    return float(np.median(far[np.isfinite(far)])) * math.sqrt(math.pi / NEIGHBOURS)


def _refined(before: Cloud, after: Cloud, start: Pose, spacing_m: float) -> Pose:
    """Return the start, refined on what fits: changed places lose their weight."""
    target, source = Target.of_cloud(before), Source.of(Cloud(after.points_m))
    for reach_m in (20 * spacing_m, 5 * spacing_m):
        settings = Alignment(reach_m=reach_m, robust="tukey", rounds=30)
        start = align(source, target, start, settings).target_from_source
    return start


def _places(points_m: Floats) -> Floats:
    """Return the rows of the points at which changes are looked for, spread evenly: one a cell."""
    cell_m = _spacing(points_m) * max(1.0, math.sqrt(len(points_m) / PLACES))
    keys = np.floor((points_m - points_m.min(axis=0)) / cell_m).astype(np.int64)
    rows: Floats = np.sort(np.unique(keys, axis=0, return_index=True)[1])
    return rows


def _report(
    values: Comparison, settings: ComparisonSettings, before: Cloud, found: Changes, start: Pose, radius_m: float,
    count: int, *, oriented: bool,
) -> Report:  # fmt: skip
    limit = settings.tolerance_m
    limits = None if limit is None else Tolerance(-limit, limit, "m")
    shown = nearest(build_index(found.place_m), before.points_m, 1, 2 * radius_m).index[:, 0]
    features = _features(values, settings, found, limits)
    return Report(
        application="manufacturing",
        title=text("manufacturing.comparison_title"),
        verdict=overall(one.verdict for one in features),
        measurements=_measurements(found, simulated=values.simulated),
        features=features,
        scene=_scene(before, found, shown, limits),
        facts=_facts(found, start, radius_m, len(before), count),
        notes=_notes(found, oriented=oriented, simulated=values.simulated),
        simulated=values.simulated,
    )


def _scene(before: Cloud, found: Changes, shown: Ints, limits: Tolerance | None) -> Scene:
    at = np.maximum(shown, 0)
    change, level = (
        np.where(shown >= 0, one[at], np.nan).astype(np.float32) for one in (found.change_m, found.level_m)
    )
    significant = np.where(shown >= 0, found.region[at], -1).astype(np.int32)
    cloud = Cloud(before.points_m, before.normals, None, {"level_of_detection_mm": level * 1e3, "region": significant})
    return Scene((Thing("change", cloud, colouring=Colouring("change", change, "m", limits)),))


def _measured(name: str, value: float, u: float, found: Changes, *, simulated: bool, of: int = 0) -> Measurement:
    """Return a change; of: the places that it is the largest of, by which noise makes it larger (Blom 1958)."""
    common = min(found.common_m, u)
    budget = (Contribution("noise and registration", math.sqrt(u * u - common**2)), Contribution("shared", common))
    bias = math.copysign(math.sqrt(u * u - common**2) * expected_extreme(of), value) if of else 0.0
    interval = (value - max(bias, 0.0) - TWO_SIDED_95 * u, value - min(bias, 0.0) + TWO_SIDED_95 * u)
    return Measurement(name, value, u, "m", interval, budget=budget, simulated=simulated)


def _measurements(found: Changes, *, simulated: bool) -> tuple[Measurement, ...]:
    known = np.flatnonzero(np.isfinite(found.change_m))
    change, u = found.change_m[known], found.uncertainty_m[known]
    sure = found.region[known] >= 0
    level = _short(float(np.median(found.level_m[known])))
    out, into = int(np.argmax(np.where(sure, change, 0))), int(np.argmin(np.where(sure, change, 0)))

    def extreme(name: str, at: int, there: bool) -> Measurement:
        of = int(np.count_nonzero(found.region == found.region[known[at]])) if there else 0
        return _measured(name, float(change[at]) if there else 0.0, float(u[at]), found, simulated=simulated, of=of)

    share, rms = _short(float(np.mean(sure))), _short(float(np.sqrt(np.mean(np.where(sure, 0, change) ** 2))))
    return (
        extreme("largest growth", out, bool(change[out] > 0 and sure[out])),
        extreme("largest loss", into, bool(change[into] < 0 and sure[into])),
        Measurement("level of detection", level, 0.0, "m", (level, level), simulated=simulated),
        Measurement("changed share", share, 0.0, "1", (share, share), simulated=simulated),
        Measurement("rms of the unchanged", rms, 0.0, "m", (rms, rms), simulated=simulated),
    )


def _short(value: float) -> float:
    """Return a number that has no uncertainty to three digits."""
    return float(f"{value:.3g}")


def _features(
    values: Comparison, settings: ComparisonSettings, found: Changes, limits: Tolerance | None
) -> tuple[Feature, ...]:
    """Return the changed regions, the surest first, each by its largest change; the whole where there is none."""
    count = int(found.region.max(initial=-1)) + 1
    made = [_region(values, found, number, limits) for number in range(min(count, MOST_REGIONS))]
    if count == 0 and limits is not None:
        known = np.flatnonzero(np.isfinite(found.change_m))
        at = known[np.argmax(np.abs(found.change_m[known]) + TWO_SIDED_95 * found.uncertainty_m[known])]
        u = float(found.uncertainty_m[at])
        none = _measured("no region changed", 0.0, u, found, simulated=values.simulated)
        made.append(Feature("no region changed", "change", none, limits, judge(none, limits)))
    del settings
    return tuple(made)


def _region(values: Comparison, found: Changes, number: int, limits: Tolerance | None) -> Feature:
    own = np.flatnonzero(found.region == number)
    at = own[np.argmax(np.abs(found.change_m[own]))]
    name = f"region {number + 1}"
    measured = _measured(
        name, float(found.change_m[at]), float(found.uncertainty_m[at]), found, simulated=values.simulated, of=len(own)
    )
    middle = float(np.median(found.change_m[own]))
    u = math.hypot(float(np.median(found.uncertainty_m[own])) / math.sqrt(len(own)), found.common_m)
    beside = (_measured("median change", middle, u, found, simulated=values.simulated),)
    place = dict(zip(("x_mm", "y_mm", "z_mm"), (found.place_m[at] * 1e3).tolist(), strict=True))
    low, high = found.place_m[own].min(axis=0), found.place_m[own].max(axis=0)
    size_mm = float(np.sqrt(((high - low) ** 2).sum())) * 1e3
    notes = (text("metrology.change_place", **place, size_mm=size_mm, count=len(own)),)
    verdict = None if limits is None else judge(measured, limits)
    return Feature(name, "change", measured, limits, verdict, notes, beside=beside, scene=_around(found, own, limits))


def _around(found: Changes, own: NDArray[np.int64], limits: Tolerance | None) -> Scene:
    """Return the significant changes of a region in their colours, what lies around them grey."""
    low, high = found.place_m[own].min(axis=0), found.place_m[own].max(axis=0)
    room = max(0.6 * float(np.sqrt(((high - low) ** 2).sum())), 0.12 * diagonal_m(found.place_m))
    near = ((found.place_m >= low - room) & (found.place_m <= high + room)).all(axis=1)
    sure = near & (found.region >= 0)
    coloured = Colouring("change", found.change_m[sure].astype(np.float32), "m", limits)
    inside = Cloud(found.place_m[sure], found.normal[sure])
    rest = Cloud(found.place_m[near & ~sure], found.normal[near & ~sure])
    x, y, z = (float(one) for one in found.normal[own].mean(axis=0))
    up = (0.0, 0.0, 1.0) if abs(z) < 0.5 or not math.isfinite(x + y) else (0.0, 0.0, math.copysign(1.0, z))
    return Scene((Thing("points", inside, colouring=coloured), Thing("around", rest)), up)


def _facts(found: Changes, start: Pose, radius_m: float, before: int, after: int) -> dict[str, object]:
    known = np.isfinite(found.change_m)
    pose = found.before_from_after @ start
    return {
        "points_before": before,
        "points_after": after,
        "places": len(found.place_m),
        "places_seen_in_both": int(np.count_nonzero(known)),
        "cylinder_radius_m": radius_m,
        "shared_m": found.common_m,
        "regions": int(found.region.max(initial=-1)) + 1,
        "beyond_level_of_detection": float(np.mean(np.abs(found.change_m[known]) > found.level_m[known])),
        "level_of_detection_m": {f"{q:g}": float(np.quantile(found.level_m[known], q)) for q in (0.05, 0.5, 0.95)},
        "alignment": {
            "criterion": "unchanged surface",
            "part_from_scan": pose.matrix().tolist(),
            "covariance": found.covariance.tolist(),
            "points_used": int(np.count_nonzero(found.unchanged)),
        },
    }


def _notes(found: Changes, *, oriented: bool, simulated: bool) -> tuple[Text, ...]:
    known = np.isfinite(found.change_m)
    beyond = float(np.mean(np.abs(found.change_m[known]) > found.level_m[known]))
    regions = int(found.region.max(initial=-1)) + 1
    notes = [text("manufacturing.simulated")] if simulated else []
    notes.append(text("manufacturing.changed", count=regions) if regions else text("manufacturing.not_changed"))
    notes.append(text("manufacturing.level_of_detection", beyond=f"{beyond:.1%}", seen=f"{float(known.mean()):.0%}"))
    if not oriented:
        notes.append(text("manufacturing.sides_guessed"))
    if regions > MOST_REGIONS:
        notes.append(text("manufacturing.more_regions", shown=MOST_REGIONS, count=regions))
    return tuple(notes)
