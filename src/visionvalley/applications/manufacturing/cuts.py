# SPDX-License-Identifier: Apache-2.0
"""Sections that a recipe asks for: the profile of the line in which a plane cuts the part, measured and judged."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from visionvalley.applications.manufacturing.inspection import Aligned, Inspection, Judged, budget_of, not_measured
from visionvalley.applications.manufacturing.recipe import Section
from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import BadInput, Contribution, Feature, Measurement, Progress, Text, Tolerance, Verdict, text
from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology.best_fit import BestFit
from visionvalley.vision.metrology.cross_sections import Along, deviations_along
from visionvalley.vision.metrology.decision import ONE_SIDED_95, TWO_SIDED_95, judge
from visionvalley.vision.metrology.profile import expected_extreme

KIND = "profile of a line"


def judge_sections(values: Inspection, found: Aligned, settings: Settings, progress: Progress) -> Judged:
    """Measure and judge the sections of a recipe."""
    features, missing = [], []
    for asked in () if values.recipe is None else values.recipe.sections:
        try:
            features.append(_judged(values, found, settings, asked))
        except BadInput as error:
            missing.append(not_measured(asked.name, error))
        progress.advance()
    return Judged(tuple(features), tuple(missing))


def _judged(values: Inspection, found: Aligned, settings: Settings, asked: Section) -> Feature:
    half = None if asked.tolerance_m is None else asked.tolerance_m / 2
    limits = None if half is None else Tolerance(-half, half, "m")
    along = deviations_along(values.reference, asked.plane, found.near, found.around.spacing_m, limits)
    common = tuple(one for one in budget_of(found, values, settings) if one.source != "alignment")
    sides = _sides(along, found, common, simulated=values.simulated)
    largest = max(sides[:2], key=lambda one: abs(one.value))
    doubled = tuple(replace(one, standard_uncertainty=2 * one.standard_uncertainty) for one in largest.budget)
    bias = 2 * _noise(along, found) * expected_extreme(len(along.noise))
    value, u = 2 * abs(largest.value), 2 * largest.standard_uncertainty
    low, high = max(0.0, value - bias - TWO_SIDED_95 * u), value + TWO_SIDED_95 * u
    measured = Measurement(asked.name, value, u, "m", (low, high), budget=doubled, simulated=values.simulated)
    notes = [_where(asked, along)]
    tolerance = None if half is None else Tolerance(0.0, 2 * half, "m")
    verdict = None if tolerance is None else judge(measured, tolerance, bounded=True)
    outside = 0 if half is None else _unexplained(along, found, half)
    if outside:
        notes.append(text("metrology.unexplained", count=outside))
        verdict = Verdict.CANNOT_SAY if verdict is Verdict.PASS else verdict
    return Feature(asked.name, KIND, measured, tolerance, verdict, tuple(notes), beside=sides, section=along.section)


def _where(asked: Section, along: Along) -> Text:
    place = dict(zip(("x_mm", "y_mm", "z_mm"), (asked.plane.point_m * 1e3 + 0.0).tolist(), strict=True))
    seen = dict(zip(("nx", "ny", "nz"), (np.round(asked.plane.normal, 6) + 0.0).tolist(), strict=True))
    return text("metrology.section", **place, **seen, slab_mm=along.slab_m * 1e3, share=f"{along.share:.0%}")


def _sides(
    along: Along, found: Aligned, common: tuple[Contribution, ...], *, simulated: bool
) -> tuple[Measurement, ...]:
    """Return the largest deviation outwards, inwards, and the root mean square."""
    d = along.section.deviation_m
    noise = along.noise * found.deviations.noise_m
    alignment = _alignment(found.fit, along)

    def said(name: str, value: float, white: float, laid: float) -> Measurement:
        budget = (Contribution("noise", white), Contribution("alignment", laid), *common)
        u = math.sqrt(math.fsum(one.standard_uncertainty**2 for one in budget))
        return Measurement(
            name, value, u, "m", (value - TWO_SIDED_95 * u, value + TWO_SIDED_95 * u), budget=budget,
            simulated=simulated,
        )  # fmt: skip

    out, into = int(np.argmax(d)), int(np.argmin(d))
    rms, count = float(np.sqrt(np.mean(d**2))), len(d)
    return (
        said("largest deviation outwards", float(d[out]), float(noise[out]), float(alignment[out])),
        said("largest deviation inwards", float(d[into]), float(noise[into]), float(alignment[into])),
        said("root mean square", rms, float(noise.mean()) / math.sqrt(count), float(np.sqrt(np.mean(alignment**2)))),
    )


def _alignment(fit: BestFit, along: Along) -> Floats:
    """Return what the alignment lends to the deviation at each place (N,), along the line's own normal there."""
    pose = along.section.scene_from_plane
    flat = np.zeros((len(along.noise), 1))
    places = pose.apply(np.concatenate([along.section.places_m, flat], axis=1))
    ways = pose.turn(np.concatenate([along.section.outwards, flat], axis=1))
    rows = np.concatenate([np.cross(places, ways), ways], axis=1)
    c = fit.covariance
    variance = sum(c[a, b] * rows[:, a] * rows[:, b] for a in range(6) for b in range(6))
    spread: Floats = np.sqrt(np.maximum(variance, 0.0))
    return spread


def _noise(along: Along, found: Aligned) -> float:
    return float(np.median(along.noise)) * found.deviations.noise_m


def _unexplained(along: Along, found: Aligned, half_m: float) -> int:
    """Return how many single points lie farther outside the zone than the largest of their noise would."""
    reach_m = (expected_extreme(len(along.raw_m)) + ONE_SIDED_95) * found.deviations.noise_m
    return int(np.count_nonzero(np.abs(along.raw_m) > half_m + reach_m))
