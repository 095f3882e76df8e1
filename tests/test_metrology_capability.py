# SPDX-License-Identifier: Apache-2.0
"""Capability, performance and control charts: against known processes, and their intervals against chance."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from visionvalley.core import BadInput, Tolerance
from visionvalley.vision.metrology.capability import capability, observed
from visionvalley.vision.metrology.charts import NELSON, WESTERN_ELECTRIC, control_charts, signals
from visionvalley.vision.metrology.spreads import FOLDED, HIGHEST, LOGNORMAL, WEIBULL, Spread, best_spread

LIMITS = Tolerance(-1.0, 1.0, "m")


def held(true, name, values_of, tolerance=LIMITS, rounds=600, **more):
    """Return the share of intervals of an index that hold the true one."""
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(rounds):
        low, high = capability(values_of(rng), tolerance, **more).index(name).interval_95
        inside += low <= true <= high
    return inside / rounds


def test_indices_of_a_centred_and_a_shifted_process():
    rng = np.random.default_rng(0)
    found = capability(0.2 + 0.2 * rng.normal(size=200_000), LIMITS, subgroup=5)
    assert_allclose([found.index(n).value for n in ("Cp", "Cpk", "Pp", "Ppk")], [5 / 3, 4 / 3, 5 / 3, 4 / 3], rtol=0.01)
    one_sided = capability(0.2 + 0.2 * rng.normal(size=200_000), Tolerance(None, 1.0, "m"))
    assert [one.name for one in one_sided.indices] == ["Cpk", "Ppk"]


def test_a_drift_lowers_performance_and_leaves_capability():
    rng = np.random.default_rng(0)
    x = 0.1 * rng.normal(size=1000) + np.linspace(-0.5, 0.5, 1000)
    found = capability(x, LIMITS, subgroup=5)
    assert found.index("Cp").value == pytest.approx(1 / 0.3, rel=0.05)
    assert found.index("Pp").value == pytest.approx(1 / (3 * math.hypot(0.1, 1 / math.sqrt(12))), rel=0.05)


@pytest.mark.parametrize(("name", "true"), [("Pp", 5 / 3), ("Ppk", 4 / 3)])
def test_intervals_of_indices_hold_the_true_one_in_95_of_100(name, true):
    share = held(true, name, lambda rng: 0.2 + 0.2 * rng.normal(size=50))
    assert 0.92 < share < 0.975


def test_the_interval_towards_one_limit_is_exact():
    share = held(4 / 3, "Ppk", lambda rng: 0.2 + 0.2 * rng.normal(size=20), Tolerance(None, 1.0, "m"))
    assert 0.925 < share < 0.975


def test_capability_from_subgroups_holds_too():
    share = held(5 / 3, "Cp", lambda rng: 0.2 + 0.2 * rng.normal(size=100), subgroup=4)
    assert 0.925 < share < 0.975


@pytest.mark.parametrize("name", [FOLDED, WEIBULL, LOGNORMAL])
def test_the_distribution_that_values_come_from_is_found_with_its_percentiles(name):
    first, second = {FOLDED: (0.5, 1.0), WEIBULL: (1.0, 2.0), LOGNORMAL: (0.0, 0.5)}[name]
    true = Spread(name, first, second)
    found = best_spread(true.drawn(np.random.default_rng(0), (20_000,)))
    for share in (0.5, HIGHEST):
        assert found.quantile(share) == pytest.approx(true.quantile(share), rel=0.05)
    drawn = true.drawn(np.random.default_rng(1), (400_000,))
    assert true.quantile(HIGHEST) == pytest.approx(np.quantile(drawn, HIGHEST), rel=0.03)


def test_a_bounded_characteristic_has_the_upper_index_alone_and_its_interval_holds():
    true = Spread(WEIBULL, 1.0, 2.0)  # Rayleigh: a position
    middle, highest = true.quantile(0.5), true.quantile(HIGHEST)
    wanted = (4.0 - middle) / (highest - middle)
    share = held(wanted, "Ppk", lambda rng: true.drawn(rng, (100,)), Tolerance(0.0, 4.0, "m"), 150, bounded=True)
    assert 0.88 < share < 0.99
    found = capability(true.drawn(np.random.default_rng(0), (100,)), Tolerance(0.0, 4.0, "m"), bounded=True)
    assert [one.name for one in found.indices] == ["Ppk"]


def test_what_measuring_takes_from_capability():
    rng = np.random.default_rng(0)
    parts = 0.2 * rng.normal(size=100_000)
    seen = capability(parts + 0.1 * rng.normal(size=100_000), LIMITS, standard_uncertainty=0.1)
    assert seen.measuring == pytest.approx(0.2, rel=0.03)
    assert seen.without_measuring == pytest.approx(5 / 3, rel=0.03)
    assert seen.index("Pp").value == pytest.approx(observed(5 / 3, 2.0, 0.1), rel=0.02)


@pytest.mark.parametrize(
    ("values", "tolerance", "more", "message"),
    [
        ([1, 2, 3], LIMITS, {}, "few_parts"),
        ([1.0] * 9, LIMITS, {}, "same_values"),
        (np.arange(9), Tolerance(None, None, "m"), {}, "no_limit"),
        (np.arange(9), LIMITS, {"subgroup": 11}, "bad_subgroup"),
        (np.arange(-3, 9), LIMITS, {"bounded": True}, "negative_value"),
    ],
)
def test_what_cannot_be_judged_is_refused(values, tolerance, more, message):
    with pytest.raises(BadInput) as caught:
        capability(np.array(values, float), tolerance, **more)
    assert caught.value.message.id == f"metrology.{message}"
    assert all(caught.value.render())


def test_control_limits_are_those_of_the_standard():
    x = np.array([[5.0, 7, 6, 6], [6, 8, 7, 7], [4, 6, 5, 5]])
    means, ranges = control_charts(x.ravel(), subgroup=4)
    assert means.centre == pytest.approx(6.0)
    assert means.upper - means.centre == pytest.approx(0.729 * 2, abs=2e-3)  # A2 of four, mean range 2
    assert (ranges.lower, ranges.upper) == (0.0, pytest.approx(2.282 * 2, abs=2e-3))  # D3, D4
    values, moving = control_charts(np.array([1.0, 2, 1, 2, 1]))
    assert values.upper - values.centre == pytest.approx(2.660, abs=2e-3)  # E2
    assert moving.upper == pytest.approx(3.267, abs=2e-3)


@pytest.mark.parametrize(
    ("rule", "z"),
    [
        (1, [0, 3.1]),
        (2, [0.1] * 9),
        (3, [-2, -1, 0, 0.5, 1, 1.5]),
        (4, [0.5, -0.5] * 7),
        (5, [2.1, 0, 2.1]),
        (6, [1.1, 1.1, 0, 1.1, 1.1]),
        (7, [0.5, -0.5, 0.2] * 5),
        (8, [1.5, -1.5, -1.2, 1.2] * 2),
        (9, [0.1] * 8),
    ],
)
def test_each_rule_finds_its_pattern_and_nothing_one_point_short(rule, z):
    z = np.array(z, float)
    assert [s.rule for s in signals(z, 0.0, 1.0, (rule,))] == [rule]
    assert signals(z, 0.0, 1.0, (rule,))[-1].at == len(z) - 1
    assert signals(z[1:], 0.0, 1.0, (rule,)) == () or rule == 1


def test_a_process_under_control_seldom_signals():
    z = np.random.default_rng(0).normal(size=100_000)
    assert len(signals(z, 0.0, 1.0, (1,))) == pytest.approx(270, abs=60)  # 0.27 %
    assert len({s.at for s in signals(z, 0.0, 1.0, WESTERN_ELECTRIC)}) < 2500
    assert len({s.at for s in signals(z, 0.0, 1.0, NELSON)}) < 4000
