# SPDX-License-Identifier: Apache-2.0
"""From a measured value and its uncertainty to a verdict."""

from __future__ import annotations

import math
from statistics import NormalDist

from visionvalley.core import Measurement, Tolerance, Verdict

TWO_SIDED_95 = NormalDist().inv_cdf(0.975)
ONE_SIDED_95 = NormalDist().inv_cdf(0.95)


def judge(measured: Measurement, tolerance: Tolerance) -> Verdict:
    """Judge a value with a conformance probability of 95 %.

    Pass where the value lies inside the limits by more than the guard band, fail where it lies
    outside by more than it, else 'cannot say'. The guard band is 1.65 u; where a half of the 95 %
    interval is longer than 1.96 u, because the value is biased that way, it is that whole half, and
    it never reaches past the end of the interval, where the quantity is bounded.

    ISO 14253-1:2017, 5.2 and 5.3; ISO/TR 14253-6.
    """
    lowest = measured.value - _guard(measured.value - measured.interval_95[0], measured.standard_uncertainty)
    highest = measured.value + _guard(measured.interval_95[1] - measured.value, measured.standard_uncertainty)
    lower = -math.inf if tolerance.lower is None else tolerance.lower
    upper = math.inf if tolerance.upper is None else tolerance.upper
    if lowest >= lower and highest <= upper:
        return Verdict.PASS
    if lowest > upper or highest < lower:
        return Verdict.FAIL
    return Verdict.CANNOT_SAY


def _guard(half: float, standard_uncertainty: float) -> float:
    if half > TWO_SIDED_95 * standard_uncertainty * (1 + 1e-6):
        return half
    return min(half, ONE_SIDED_95 * standard_uncertainty)
