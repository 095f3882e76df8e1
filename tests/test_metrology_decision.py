# SPDX-License-Identifier: Apache-2.0
"""Verdicts follow ISO 14253-1."""

import numpy as np
import pytest

from visionvalley.core import Measurement, Tolerance, Verdict
from visionvalley.vision.metrology.decision import conformance, judge
from visionvalley.vision.metrology.intervals import bounded, quantile


def measured(value, u):
    return Measurement("x", value, u, "m", (value - 1.959964 * u, value + 1.959964 * u))


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.0, "pass"), (0.83, "pass"), (0.84, "cannot say"), (1.16, "cannot say"), (1.17, "fail"), (-1.17, "fail")],
)
def test_the_guard_band_is_1_65_standard_uncertainties_on_either_side_of_a_limit(value, verdict):
    assert judge(measured(value, 0.1), Tolerance(-1.0, 1.0, "m")) == Verdict(verdict)


def test_without_uncertainty_nothing_is_left_unsaid():
    assert judge(measured(1.0, 0.0), Tolerance(None, 1.0, "m")) is Verdict.PASS
    assert judge(measured(1.0 + 1e-12, 0.0), Tolerance(None, 1.0, "m")) is Verdict.FAIL


def test_a_false_pass_and_a_false_fail_are_as_rare_as_promised(rng):
    limit, u = 1.0, 0.05
    for true, wrong in ((1.0 + 1e-9, Verdict.PASS), (1.0 - 1e-9, Verdict.FAIL)):
        seen = [judge(measured(v, u), Tolerance(None, limit, "m")) for v in true + u * rng.normal(size=20_000)]
        share = np.mean([v is wrong for v in seen])
        assert 0.045 < share < 0.055  # at the limit itself one in twenty, nowhere more


def test_a_long_lower_half_of_the_interval_keeps_a_fail_back_but_no_pass():
    skewed = Measurement("x", 1.2, 0.05, "m", (0.8, 1.3))
    assert judge(skewed, Tolerance(0.0, 1.0, "m")) is Verdict.CANNOT_SAY
    assert judge(skewed, Tolerance(0.0, 1.3 - 0.017, "m")) is Verdict.CANNOT_SAY
    skewed_far = Measurement("x", 1.2, 0.05, "m", (0.8, 1.2 + 1.959964 * 0.05))
    assert judge(skewed_far, Tolerance(0.0, 1.2 + 0.083, "m")) is Verdict.PASS


def test_where_both_limits_matter_the_whole_probability_counts():
    inside = Tolerance(-1.0, 1.0, "m")
    assert conformance(measured(0.0, 0.58), inside) == pytest.approx(0.9153, abs=1e-4)  # 1.65 u from either limit
    assert judge(measured(0.0, 0.58), inside) is Verdict.CANNOT_SAY
    assert judge(measured(0.0, 0.50), inside) is Verdict.PASS


def test_no_more_than_one_in_twenty_parts_at_a_limit_passes_however_large_u_is(rng):
    for u in (0.05, 0.3, 0.45, 0.5):
        seen = [judge(measured(v, u), Tolerance(-1.0, 1.0, "m")) for v in 1.0 + 1e-9 + u * rng.normal(size=10_000)]
        assert np.mean([v is Verdict.PASS for v in seen]) < 0.057


def test_few_degrees_of_freedom_widen_the_guard_band():
    few = Measurement("x", 0.82, 0.1, "m", (0.82 - 0.2228, 0.82 + 0.2228), 10)
    assert judge(few, Tolerance(None, 1.0, "m")) is Verdict.CANNOT_SAY  # 1.812 u, not 1.645
    assert judge(measured(0.82, 0.1), Tolerance(None, 1.0, "m")) is Verdict.PASS


@pytest.mark.parametrize("limit", [1.0, 2.0, 4.0])
def test_the_risk_holds_for_values_that_cannot_be_negative(limit):
    rng = np.random.default_rng(5)
    draws = rng.normal(size=(2000, 2))
    kept = {}

    def answer(size, share):
        key = round(size, 2)
        if key not in kept:
            kept[key] = np.sort(np.hypot(draws[:, 0] + key, draws[:, 1]))
        return quantile(kept[key], share)

    wrong = {Verdict.PASS: 0, Verdict.FAIL: 0}
    for true, verdict in ((limit + 1e-9, Verdict.PASS), (limit - 1e-9, Verdict.FAIL)):
        for _ in range(600):
            seen = float(np.hypot(*(rng.normal(size=2) + np.array([true, 0.0]))))
            found = bounded(seen, answer, 1.0)
            u = max(found.high - found.value, found.value - found.low) / 1.959964
            one = Measurement("position", found.value, u, "m", (found.low, found.high))
            wrong[verdict] += judge(one, Tolerance(0.0, limit, "m"), bounded=True) is verdict
    assert max(wrong.values()) / 600 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)
