# SPDX-License-Identifier: Apache-2.0
"""Verdicts follow ISO 14253-1."""

import numpy as np
import pytest

from visionvalley.core import Measurement, Tolerance, Verdict
from visionvalley.vision.metrology.decision import judge


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
