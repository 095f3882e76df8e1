# SPDX-License-Identifier: Apache-2.0
"""What a process can hold: capability and performance from many parts (ISO 22514-2:2017, ISO 22514-4:2016).

Indices `C` take the standard deviation within subgroups, which tells of the process where it is under control;
indices `P` that of all values. Values that cannot be negative (form, position, run-out) are not normal: their upper
index comes from percentiles of the distribution that fits them best, and they have no other (ISO 22514-2, 6.3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from visionvalley.core import BadInput, Measurement, Tolerance, require
from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology.charts import D2, deviation_within
from visionvalley.vision.metrology.spreads import HIGHEST, MIDDLE, best_spread, refitted

LEAST_PARTS = 5
DRAWS = 400


@dataclass(frozen=True, slots=True, eq=False)
class Capability:
    """Indices of a characteristic, each with its 95 % confidence interval.

    count     of values
    mean and deviation  of all values, SI
    within    standard deviation within subgroups (or from moving ranges)
    indices   'Cp', 'Cpk', 'Pp', 'Ppk', those that the tolerance allows; of one-sided limits only the 'k'
    spread    the distribution that percentiles were taken from: 'normal', 'folded normal'...
    measuring share of the measurement's uncertainty in the observed variance, 0 to 1; NaN: not known
    without_measuring  the performance index 'Ppk' of the parts themselves, the share taken off; NaN: not known
    """

    count: int
    mean: float
    deviation: float
    within: float
    indices: tuple[Measurement, ...]
    spread: str
    measuring: float = math.nan
    without_measuring: float = math.nan

    def index(self, name: str) -> Measurement | None:
        """Return an index by its name; None where there is none."""
        return next((one for one in self.indices if one.name == name), None)


def capability(
    values: Floats,
    tolerance: Tolerance,
    *,
    subgroup: int = 1,
    bounded: bool = False,
    standard_uncertainty: float = math.nan,
    seed: int = 0,
) -> Capability:
    """Return capability and performance of values (N,) in the order of their making.

    subgroup   how many consecutive values form one; 1: single values, spread from their moving ranges
    bounded    whether values cannot be negative: percentiles, and the upper index only
    standard_uncertainty  of each value, where it is known: its part in the observed spread that differs from part
               to part (the observed variance is the parts' plus its square)
    Raises BadInput for fewer than 5 values, values that are all the same, and a tolerance without limits.
    """
    x = require("values", values, (None,), finite=True)
    _check(x, tolerance, subgroup, bounded)
    mean, deviation = float(x.mean()), _deviation(x)
    within, degrees = deviation_within(x, subgroup)
    share = min((standard_uncertainty / deviation) ** 2, 1.0)
    if bounded:
        index, spread = _bounded_index(x, float(tolerance.upper or 0.0), seed)
        return Capability(len(x), mean, deviation, within, (index,), spread, share)
    found = [
        *_indices("C", mean, within, degrees, len(x), tolerance),
        *_indices("P", mean, deviation, len(x) - 1.0, len(x), tolerance),
    ]
    true = deviation * math.sqrt(1 - share) if share < 1 else math.nan
    parts = _worst(mean, true, tolerance) if true > 0 else math.nan
    return Capability(len(x), mean, deviation, within, tuple(found), "normal", share, parts)


def observed(index: float, tolerance_width: float, standard_uncertainty: float) -> float:
    """Return the Cp that is seen of a process of true index where each value has a standard uncertainty.

    Cp' = 1 / √(Cp⁻² + (6 u / T)²): spreads add in squares.
    """
    return 1 / math.sqrt(index**-2 + (6 * standard_uncertainty / tolerance_width) ** 2)


def spread_interval(index: float, degrees: float) -> tuple[float, float]:
    """Return the 95 % interval of Cp: exact, from the chi-squared distribution of s² (Kotz & Johnson 1993, 2.2)."""
    from scipy.special import chdtri

    high, low = float(chdtri(degrees, 0.025)), float(chdtri(degrees, 0.975))
    return index * math.sqrt(low / degrees), index * math.sqrt(high / degrees)


def one_sided_interval(index: float, degrees: float, count: int) -> tuple[float, float]:
    """Return the 95 % interval of an index towards one limit: 3 √n index is noncentral t (Chou et al. 1990)."""
    from scipy.special import nctdtrinc

    scale = 3 * math.sqrt(count)
    low, high = (float(nctdtrinc(degrees, share, scale * index)) / scale for share in (0.975, 0.025))
    if not (math.isfinite(low) and math.isfinite(high)):
        return two_sided_interval(index, degrees, count)
    return low, high


def two_sided_interval(index: float, degrees: float, count: int) -> tuple[float, float]:
    """Return the 95 % interval of Cpk with two limits (Bissell 1990, How reliable is your capability index?)."""
    half = NormalDist().inv_cdf(0.975) * math.sqrt(1 / (9 * count) + index**2 / (2 * degrees))
    return index - half, index + half


def _check(x: Floats, tolerance: Tolerance, subgroup: int, bounded: bool) -> None:
    if len(x) < LEAST_PARTS:
        raise BadInput("metrology.few_parts", got=len(x), least=LEAST_PARTS)
    if (tolerance.lower is None and tolerance.upper is None) or (bounded and tolerance.upper is None):
        raise BadInput("metrology.no_limit")
    if not x.max() > x.min():
        raise BadInput("metrology.same_values", value=float(x[0]))
    if not 1 <= subgroup <= max(D2) or len(x) < 2 * subgroup:
        raise BadInput("metrology.bad_subgroup", subgroup=subgroup, most=max(D2), count=len(x))
    if bounded and x.min() < 0:
        raise BadInput("metrology.negative_value", value=float(x.min()))


def _deviation(x: Floats) -> float:
    return math.sqrt(float(((x - x.mean()) ** 2).sum()) / (len(x) - 1))


def _worst(mean: float, deviation: float, tolerance: Tolerance) -> float:
    sides = [] if tolerance.upper is None else [(tolerance.upper - mean) / (3 * deviation)]
    return min(sides + ([] if tolerance.lower is None else [(mean - tolerance.lower) / (3 * deviation)]))


def _indices(
    letter: str, mean: float, deviation: float, degrees: float, count: int, tolerance: Tolerance
) -> list[Measurement]:
    """Return the index of the spread, where there are two limits, and of spread and place."""
    worst = _worst(mean, deviation, tolerance)
    if tolerance.lower is None or tolerance.upper is None:
        return [_index(letter + "pk", worst, one_sided_interval(worst, degrees, count), degrees)]
    spread = (tolerance.upper - tolerance.lower) / (6 * deviation)
    # the nearer limit counts alone, unless both are about as near: then the smaller of two chance values is seen
    return [
        _index(letter + "p", spread, spread_interval(spread, degrees), degrees),
        _index(letter + "pk", worst, two_sided_interval(worst, degrees, count), degrees),
    ]


def _index(name: str, value: float, interval: tuple[float, float], degrees: float) -> Measurement:
    half = 0.5 * (interval[1] - interval[0]) / NormalDist().inv_cdf(0.975)
    return Measurement(name, value, half, "1", interval, degrees)


def _bounded_index(x: Floats, upper: float, seed: int) -> tuple[Measurement, str]:
    """Return (U - X50) / (X99.865 - X50), its interval by parametric bootstrap (Efron & Tibshirani 1993, ch. 6)."""
    spread = best_spread(x)
    value = _upper(spread.quantile(MIDDLE), spread.quantile(HIGHEST), upper)
    random = np.random.default_rng(seed)
    drawn = refitted(spread, random, len(x), DRAWS)
    indices = np.sort([_upper(one.quantile(MIDDLE), one.quantile(HIGHEST), upper) for one in drawn])
    # the errors of an index are relative ones: turned about the value on a logarithmic scale
    low, high = (float(indices[round(share * (DRAWS - 1))]) for share in (0.025, 0.975))
    if value > 0 and low > 0:
        interval = (value * value / high, value * value / low)
    else:
        interval = (2 * value - high, 2 * value - low)
    return _index("Ppk", value, interval, math.inf), spread.name


def _upper(middle: float, highest: float, upper: float) -> float:
    return (upper - middle) / max(highest - middle, 1e-300)
