# SPDX-License-Identifier: Apache-2.0
"""Wall thickness that a recipe asks for: the thinnest and the thickest place, judged, and a map of the scan."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from visionvalley.applications.manufacturing.inspection import Aligned, Inspection, Judged, not_measured
from visionvalley.applications.manufacturing.recipe import Looked, Thickness
from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import (
    BadInput,
    Cloud,
    Colouring,
    Contribution,
    Feature,
    Measurement,
    Progress,
    Scene,
    Text,
    Thing,
    Tolerance,
    text,
)
from visionvalley.vision.metrology.decision import TWO_SIDED_95, judge
from visionvalley.vision.metrology.profile import expected_extreme
from visionvalley.vision.metrology.regions import inside
from visionvalley.vision.metrology.wall_thickness import Walls, walls
from visionvalley.vision.shape.joining import names
from visionvalley.vision.shape.surfaces import SurfaceIndex

KIND = "wall thickness"
MOST = 300_000  # points at which it is measured; of more, every n-th
FEWEST = 20


def judge_walls(
    values: Inspection, found: Aligned, settings: Settings, progress: Progress, surface: SurfaceIndex
) -> Judged:
    """Measure and judge the wall thickness that a recipe asks for."""
    features: list[Feature] = []
    missing = []
    for asked in () if values.recipe is None else values.recipe.walls:
        try:
            features += _judged(values, found, settings, surface, asked)
        except BadInput as error:
            missing.append(not_measured(asked.name, error))
        progress.advance()
    return Judged(tuple(features), tuple(missing))


def _judged(
    values: Inspection, found: Aligned, settings: Settings, surface: SurfaceIndex, asked: Thickness
) -> list[Feature]:
    chosen = _chosen(values, found, asked)
    rows = np.flatnonzero(chosen)
    some = np.zeros(len(chosen), bool)
    some[rows[:: max(1, -(-len(rows) // MOST))]] = True
    map_ = walls(surface, found.near, found.points_m, found.around.spacing_m, asked.method, some)
    thickness = map_.thickness_m
    if asked.up_to_m is not None:
        thickness = np.where(thickness <= asked.up_to_m, thickness, np.nan)
    known = np.flatnonzero(np.isfinite(thickness))
    if len(known) < FEWEST:
        raise BadInput("metrology.no_wall", count=len(known), least=FEWEST)
    share = len(known) / max(int(np.count_nonzero(some)), 1)
    notes = (text(f"metrology.wall_{asked.method.value}"), text("metrology.wall_share", share=f"{share:.0%}"))
    scene = _scene(values, found, thickness, some, asked)
    thin, thick = known[np.argmin(thickness[known])], known[np.argmax(thickness[known])]
    middle = _spread(values, found, settings, map_, known)
    made = [_feature(values, found, settings, asked, map_, int(thin), len(known), middle, notes, scene)]
    if asked.maximum_m is not None:
        made.append(_feature(values, found, settings, asked, map_, int(thick), len(known), middle, notes, scene))
    return made


def _chosen(values: Inspection, found: Aligned, asked: Thickness) -> NDArray[np.bool_]:
    """Return at which points the thickness is asked for."""
    if not asked.of or values.part is None or values.recipe is None:
        return np.ones(len(found.points_m), bool)
    numbers = {face: number for number, face in enumerate(names(values.part))}
    face = values.part.face[np.maximum(found.near.face, 0)]
    chosen = np.zeros(len(face), bool)
    for name in asked.of:
        looked = next((one for one in values.recipe.features if one.name == name), None) or Looked(name, (name,))
        unknown = next((one for one in looked.faces if one not in numbers), None)
        if unknown is not None:
            raise BadInput("manufacturing.unknown_face", face=unknown, count=len(numbers))
        own = np.isin(face, [numbers[one] for one in looked.faces]) if looked.faces else np.ones(len(face), bool)
        chosen |= own if looked.region is None else own & inside(looked.region, found.points_m)
    return chosen


def _feature(
    values: Inspection, found: Aligned, settings: Settings, asked: Thickness, map_: Walls, at: int, count: int,
    middle: Measurement, notes: tuple[Text, ...], scene: Scene,
) -> Feature:  # fmt: skip
    """Return the thinnest or the thickest place, judged against the limit on its side."""
    value, nominal = float(map_.thickness_m[at]), float(map_.nominal_m[at])
    thinnest = value <= middle.value
    noise = float(map_.noise[at]) * found.deviations.noise_m
    budget = _budget(values, settings, noise, value)
    u = math.sqrt(math.fsum(one.standard_uncertainty**2 for one in budget))
    bias = noise * expected_extreme(count)  # by which noise makes the extreme of so many places more extreme
    low, high = (value - TWO_SIDED_95 * u, value + bias + TWO_SIDED_95 * u)
    if not thinnest:
        low, high = value - bias - TWO_SIDED_95 * u, value + TWO_SIDED_95 * u
    name = f"{asked.name}, {'thinnest' if thinnest else 'thickest'}"
    measured = Measurement(name, value, u, "m", (max(0.0, low), high), budget=budget, simulated=values.simulated)
    limits = (asked.minimum_m, None) if thinnest else (None, asked.maximum_m)
    tolerance = None if limits == (None, None) else Tolerance(limits[0], limits[1], "m")
    verdict = None if tolerance is None else judge(measured, tolerance)
    place = dict(zip(("x_mm", "y_mm", "z_mm"), (found.points_m[at] * 1e3).tolist(), strict=True))
    said = (text("metrology.wall_place", **place), *notes)
    return Feature(name, KIND, measured, tolerance, verdict, said, nominal, beside=(middle,), scene=scene)


def _budget(values: Inspection, settings: Settings, noise: float, value: float) -> tuple[Contribution, ...]:
    """Return what a thickness owes its uncertainty to; where the scan was laid plays no part."""
    warm = values.stated.uncertainty
    parts = (Contribution("noise", noise), Contribution("scale", settings.scale * value))
    return (*parts, Contribution("temperature", warm * value)) if warm else parts


def _spread(
    values: Inspection, found: Aligned, settings: Settings, map_: Walls, known: NDArray[np.int64]
) -> Measurement:
    """Return the median thickness."""
    value = float(np.median(map_.thickness_m[known]))
    noise = 1.2533 * float(np.median(map_.noise[known])) * found.deviations.noise_m / math.sqrt(len(known))
    budget = _budget(values, settings, noise, value)
    u = math.sqrt(math.fsum(one.standard_uncertainty**2 for one in budget))
    interval = (value - TWO_SIDED_95 * u, value + TWO_SIDED_95 * u)
    return Measurement("median", value, u, "m", interval, budget=budget, simulated=values.simulated)


def _scene(
    values: Inspection, found: Aligned, thickness: NDArray[np.float64], some: NDArray[np.bool_], asked: Thickness
) -> Scene:
    limits = None
    if asked.minimum_m is not None or asked.maximum_m is not None:
        limits = Tolerance(asked.minimum_m, asked.maximum_m, "m")
    shown = Cloud(found.points_m[some])
    colouring = Colouring("wall thickness", thickness[some].astype(np.float32), "m", limits)
    return Scene((Thing("points", shown, colouring=colouring), Thing("part", values.reference)))
