# SPDX-License-Identifier: Apache-2.0
"""The whole uncertainty budget of a characteristic: every component has its line, also where it is nought, with why.

noise, correlated noise, scale, temperature   `propagation`, from what is known of the sensor, or `estimated_noise`
sampling      `sampling`: what points do not see
registration  of scans that make one cloud, where it is stated. That of the cloud to the part is nought: a value that
              datums place, or that leaves its zone free to move, does not change with where the whole scan lies (its
              sensitivities and their torques add up to zero, `tests/test_metrology_sampling.py`)
filter        nought: its cut-off defines the measurand (ISO 14406:2010; ISO 16610-1:2015). The noise that it passes
              is in the noise, waves that it cannot average out in the sampling; its ends keep quadratic shapes
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from visionvalley.core import Contribution, Measurement, SensorNoise, text
from visionvalley.vision.metrology.characteristics import Characteristic, Evaluated, Extracted
from visionvalley.vision.metrology.intervals import coverage_factor
from visionvalley.vision.metrology.propagation import CORRELATED, REGISTRATION, Sensed, contributions
from visionvalley.vision.metrology.sampling import SAMPLING, Missed, between_points, missed, short_waves_m

FILTER = "filter"
UNSEEN = 4.0  # a perfect surface under a shared field shows up to about so many times what a given point's error makes


@dataclass(frozen=True, slots=True)
class Budget:
    """The lines, and what extreme values need besides.

    lines   in the result's unit
    drawn   the noise that is drawn: with waves that act as noise, without what is shared where that is only estimated
    missed  what extremes miss between points
    unseen  what shared noise, if what was estimated is noise and not form, may add to an extreme
    """

    lines: tuple[Contribution, ...]
    drawn: SensorNoise
    missed: Missed
    unseen: float

    @property
    def uncertainty(self) -> float:
        """The combined standard uncertainty of the lines."""
        return math.sqrt(math.fsum(one.standard_uncertainty**2 for one in self.lines))


def budget_of(
    c: Characteristic, found: Evaluated, features: Mapping[str, Extracted], points: Sensed, *, given: bool
) -> Budget:
    """Return the budget of what was found.

    features  that it depends on; points of them
    given     whether their noise was stated, not estimated from these points
    """
    known = points.noise
    lines = contributions(found.sensitivity, points)
    shared = math.fsum(one.standard_uncertainty for one in lines if one.source == CORRELATED)
    drawn = known if given else replace(known, correlated_m=0.0)
    sampled, between, unseen = 0.0, Missed(), 0.0
    if found.extreme is None:
        sampled = between_points(found.sensitivity, features, known)
    else:
        squares = {name: float((g * g).sum()) for name, g in found.sensitivity.items()}
        waves = {name: short_waves_m(features[name], c.cutoff_m, known) if given else 0.0 for name in squares}
        sampled = math.sqrt(math.fsum(waves[name] ** 2 * much for name, much in squares.items()))
        whole = math.sqrt(math.fsum(squares.values()))
        drawn = replace(drawn, white_m=math.hypot(drawn.white_m, sampled / whole if whole > 0 else 0.0))
        between = missed(found, features, known.white_m)
        unseen = 0.0 if given else UNSEEN * shared
    own = [Contribution(SAMPLING, sampled)]
    if not any(one.source == REGISTRATION for one in lines):
        own.append(Contribution(REGISTRATION, 0.0, text("metrology.registration_free")))
    return Budget((*lines, *own, _filter(found)), drawn, between, unseen)


def _filter(found: Evaluated) -> Contribution:
    cutoff_m = found.beside.get("cutoff")
    reason = (
        text("metrology.no_filter") if cutoff_m is None else text("metrology.filter_defines", cutoff_mm=cutoff_m * 1e3)
    )
    return Contribution(FILTER, 0.0, reason)


def whole(result: Measurement, budget: Budget, bounded: bool) -> Measurement:
    """Return an extreme value of the points as one of the whole surface, with what cannot be told from form."""
    between = budget.missed
    if between == Missed() and budget.unseen == 0:
        return result
    factor = coverage_factor(result.degrees_of_freedom)
    value = result.value + between.value
    below = math.hypot(result.value - result.interval_95[0], budget.unseen, factor * between.uncertainty)
    above = math.hypot(result.interval_95[1] - result.value, factor * between.uncertainty)
    low = value - below
    if bounded:
        value, low = max(value, 0.0), 0.0 if result.interval_95[0] == 0 else max(low, 0.0)
    high = max(value + above, low)
    u = max(high - value, value - low) / factor if result.standard_uncertainty > 0 else between.uncertainty
    low, value = min(low, value), max(value, low)
    return replace(
        result, value=value, standard_uncertainty=u, interval_95=(low, high), budget=_shares(result, between, u)
    )


def _shares(result: Measurement, between: Missed, u: float) -> tuple[Contribution, ...]:
    """Return the lines with what lies between points in that of the sampling, and the others as large as is left."""
    rest = math.sqrt(max(u * u - between.uncertainty**2, 0.0))
    grown = rest / result.standard_uncertainty if result.standard_uncertainty > 0 else 1.0
    return tuple(
        replace(one, standard_uncertainty=math.hypot(grown * one.standard_uncertainty, between.uncertainty))
        if one.source == SAMPLING
        else replace(one, standard_uncertainty=grown * one.standard_uncertainty)
        for one in result.budget
    )
