# SPDX-License-Identifier: Apache-2.0
"""Filtered deviations and the profile of a surface."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from visionvalley.core import Contribution, Verdict
from visionvalley.kernels.threads import set_threads, threads
from visionvalley.vision.metrology.profile import NEIGHBOURS, expected_extreme, filtered, surface_profile


def ring(n, k=NEIGHBOURS):
    """Each point's neighbours are itself and the next k - 1."""
    return ((np.arange(n)[:, None] + np.arange(k)) % n).astype(np.int32)


def naive_means(values, neighbours):
    out = np.full(len(values), np.nan)
    for i, row in enumerate(neighbours):
        held = [values[j] for j in row if j >= 0 and not np.isnan(values[j])]
        if held and not np.isnan(values[i]):
            out[i] = sum(held) / len(held)
    return out


def test_filtered_deviations_agree_with_the_naive_mean_and_keep_nan(rng):
    raw, neighbours = rng.normal(size=500), rng.integers(-1, 500, (500, 7)).astype(np.int32)
    raw[::13] = np.nan
    assert_allclose(filtered(raw, neighbours).filtered_m, naive_means(raw, neighbours), rtol=1e-13)


def test_filtering_is_the_same_to_the_bit_on_any_number_of_threads(rng):
    raw, before = rng.normal(size=50_000), threads()
    results = []
    for count in (1, 2, 4):
        set_threads(count)
        results.append(filtered(raw, ring(len(raw))).filtered_m)
    set_threads(before)
    assert all(np.array_equal(results[0], r) for r in results[1:])


def test_the_noise_is_found_from_the_scatter_and_steps_do_not_count(rng):
    raw = 20e-6 * rng.normal(size=100_000)
    raw[50_000:] += 1e-3
    assert filtered(raw, ring(len(raw))).noise_m == pytest.approx(20e-6, rel=0.02)


@pytest.mark.parametrize("count", [1, 10, 1000, 100_000])
def test_the_expected_extreme_is_that_of_random_numbers(count, rng):
    drawn = np.mean([np.abs(rng.normal(size=count)).max() for _ in range(400)])
    assert expected_extreme(count) == pytest.approx(drawn, rel=0.08)


def test_a_perfect_surface_under_noise_is_never_failed_and_passes_a_wide_zone(rng):
    deviations = filtered(20e-6 * rng.normal(size=100_000), ring(100_000))
    verdicts = [surface_profile(deviations, (), zone).verdict for zone in (1e-6, 20e-6, 100e-6, 200e-6)]
    assert verdicts == [Verdict.CANNOT_SAY, Verdict.CANNOT_SAY, Verdict.PASS, Verdict.PASS]


def test_a_real_bump_is_measured_and_fails(rng):
    raw = 20e-6 * rng.normal(size=100_000)
    raw[1000:1400] += 300e-6
    feature = surface_profile(filtered(raw, ring(len(raw))), (Contribution("alignment", 3e-6),), 400e-6)
    assert feature.measured.value == pytest.approx(600e-6, abs=40e-6)
    assert feature.verdict is Verdict.FAIL
    parts = [c.standard_uncertainty for c in feature.measured.budget]
    assert feature.measured.standard_uncertainty == pytest.approx(math.hypot(*parts))


def test_a_fault_smaller_than_the_filter_is_not_passed_over(rng):
    raw = 20e-6 * rng.normal(size=100_000)
    raw[5000] = 400e-6  # one point: its neighbours' mean is 25 µm
    feature = surface_profile(filtered(raw, ring(len(raw))), (), 200e-6)
    assert feature.measured.value < 100e-6
    assert feature.verdict is Verdict.CANNOT_SAY
    assert "1 single points" in str(feature.notes[-1])
