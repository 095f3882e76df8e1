# SPDX-License-Identifier: Apache-2.0
"""From a measured value and its uncertainty to a verdict."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import NormalDist

from visionvalley.core import Measurement, Tolerance, Verdict
from visionvalley.vision.metrology.intervals import coverage_factor

TWO_SIDED_95 = NormalDist().inv_cdf(0.975)
ONE_SIDED_95 = NormalDist().inv_cdf(0.95)
CONFORMANCE = 0.95


def judge(measured: Measurement, tolerance: Tolerance, *, bounded: bool = False) -> Verdict:
    """Judge a value with a conformance probability of 95 %.

    bounded  whether the value cannot be negative, so that a lower limit of zero is none

    Pass where the true value lies within the limits with at least 95 % probability, fail where it lies outside
    with at least 95 %, else 'cannot say'. Where u is small against the tolerance one limit alone matters, and the
    value must keep a guard band of 1.65 u from it (Student's t where u itself is estimated). Where a half of the
    95 % interval is longer than 1.96 u, because the value is biased that way, the guard band is that whole half,
    and it never reaches past the end of the interval, where the quantity is bounded.

    ISO 14253-1:2017, 5.2 and 5.3; ISO/TR 14253-6; JCGM 106:2012, 7.3 and 8.3.
    """
    conforming = conformance(measured, tolerance, bounded=bounded)
    if conforming >= CONFORMANCE - 1e-12:
        return Verdict.PASS
    return Verdict.FAIL if conforming <= 1 - CONFORMANCE + 1e-12 else Verdict.CANNOT_SAY


def overall(verdicts: Iterable[Verdict | None], *, missing: bool = False) -> Verdict | None:
    """Return fail if any fails, cannot say if any cannot or something is missing, else pass if any passes."""
    found = set(verdicts)
    if Verdict.FAIL in found:
        return Verdict.FAIL
    if Verdict.CANNOT_SAY in found or missing:
        return Verdict.CANNOT_SAY
    return Verdict.PASS if Verdict.PASS in found else None


def conformance(measured: Measurement, tolerance: Tolerance, *, bounded: bool = False) -> float:
    """Return the probability that the true value lies within the limits (JCGM 106:2012, 7.2), see `judge`."""
    lower = -math.inf if tolerance.lower is None or (bounded and tolerance.lower <= 0) else tolerance.lower
    upper = math.inf if tolerance.upper is None else tolerance.upper
    return below(measured, upper) - below(measured, lower, strictly=True)


def below(measured: Measurement, limit: float, *, strictly: bool = False) -> float:
    """Return the probability that the true value lies below a limit, a limit that is met counted as kept."""
    away = limit - measured.value
    if not math.isfinite(away):
        return 1.0 if away > 0 else 0.0
    end = measured.interval_95[1 if away > 0 else 0] - measured.value
    guard = _guard(abs(end), measured.standard_uncertainty, measured.degrees_of_freedom)
    if away == 0 or guard == 0:
        return 0.5 if away == 0 and guard > 0 else float(away > 0 or (away == 0 and not strictly))
    return _student(away / guard * coverage_factor(measured.degrees_of_freedom, True), measured.degrees_of_freedom)


def _guard(half: float, standard_uncertainty: float, degrees_of_freedom: float) -> float:
    if half > coverage_factor(degrees_of_freedom) * standard_uncertainty * (1 + 1e-6):
        return half
    return min(half, coverage_factor(degrees_of_freedom, True) * standard_uncertainty)


def _student(x: float, degrees_of_freedom: float) -> float:
    if not math.isfinite(degrees_of_freedom):
        return NormalDist().cdf(x)
    from scipy.special import stdtr

    return float(stdtr(max(degrees_of_freedom, 1.0), x))
