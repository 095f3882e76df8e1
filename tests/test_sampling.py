# SPDX-License-Identifier: Apache-2.0
"""Samples of clouds against the plain method."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import naive_primitives as naive
from data import sample
from visionvalley.core import BadInput
from visionvalley.kernels.threads import set_threads, threads
from visionvalley.vision.shape.sampling import farthest_points, random_points, uniform, words


@pytest.fixture
def restored_threads():
    before = threads()
    yield
    set_threads(before)


@pytest.mark.parametrize("size", [1, 2, 127, 128, 129, 700, 5000])
def test_farthest_points_are_those_of_all_distances(size, rng):
    points = rng.normal(size=(size, 3)) * [3, 1, 0.1]
    count = min(size, 300)
    assert_array_equal(farthest_points(points, count), naive.farthest_points(points, count))


def test_of_points_equally_far_the_lowest_row_is_chosen(rng):
    """On a lattice most distances are equal, and exact."""
    points = rng.permutation(np.stack(np.meshgrid(*[np.arange(9.0)] * 3), axis=-1).reshape(-1, 3))
    assert_array_equal(farthest_points(points, len(points)), naive.farthest_points(points, len(points)))


def test_points_of_a_real_scan_are_those_of_all_distances():
    raw = np.fromfile(sample("driving/kitti_object/velodyne/000000.bin"), np.float32).reshape(-1, 4)
    points = raw[::4, :3].astype(np.float64)
    assert_array_equal(farthest_points(points, 400, 1000), naive.farthest_points(points, 400, 1000))


def test_the_first_few_are_a_choice_of_few(rng):
    points = rng.normal(size=(2000, 3))
    assert_array_equal(farthest_points(points, 500)[:60], farthest_points(points, 60))


def test_duplicates_come_last_and_none_twice(rng):
    points = np.repeat(rng.normal(size=(50, 3)), 7, axis=0)
    chosen = farthest_points(points, 1000)
    assert_array_equal(np.sort(chosen), np.arange(350))
    assert_array_equal(np.sort(chosen[:50] // 7), np.arange(50))


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_are_never_chosen(hole, rng):
    points = rng.normal(size=(300, 3))
    holed = np.insert(points, [0, 17, 300], hole, axis=0)
    rows = np.flatnonzero(np.isfinite(holed).all(axis=1))
    assert_array_equal(farthest_points(holed, 400), rows[farthest_points(points, 300)])
    assert set(random_points(holed, 290)) < set(rows)
    assert_array_equal(random_points(holed, 400), rows)


@pytest.mark.parametrize("choose", [farthest_points, random_points])
@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.full((4, 3), np.nan)])
def test_nothing_is_chosen_from_nothing(choose, points):
    assert choose(points, 3).shape == (0,)
    assert choose(np.zeros((5, 3)), 0).shape == (0,)


def test_a_city_in_utm_is_sampled_as_at_home(rng):
    points = np.round(rng.uniform(0, 900, size=(3000, 3)) * 64) / 64
    away = points + np.array([500_000.0, 5_400_000.0, 300.0])
    assert_array_equal(farthest_points(away, 200), farthest_points(points, 200))


def test_any_number_of_threads_gives_the_same_rows(rng, restored_threads):
    points = rng.normal(size=(40_000, 3))
    results = []
    for count in (1, 2, 4):
        set_threads(count)
        results.append(farthest_points(points, 500))
    assert_array_equal(results[0], results[1])
    assert_array_equal(results[0], results[2])


def test_every_point_is_as_likely_to_be_chosen():
    points, times = np.zeros((50, 3)), np.zeros(50)
    for seed in range(2000):
        rows = random_points(points, 10, seed)
        assert len(rows) == 10
        assert (np.diff(rows) > 0).all()
        times[rows] += 1
    chi2 = ((times - 400) ** 2 / (400 * 0.8)).sum()
    assert 20 < chi2 * 49 / 50 < 95  # 49 degrees of freedom: one in 10,000 lies outside


@pytest.mark.parametrize(("seed", "stream"), [(0, 0), (1, 0), (0, 1), (2**63 + 5, 77)])
def test_random_words_are_those_of_whole_numbers(seed, stream):
    assert words(seed, 40, stream).tolist() == naive.words(seed, 40, stream)


def test_random_numbers_fill_the_unit_evenly_and_streams_differ():
    numbers = uniform(5, (1000, 100))
    assert numbers.min() >= 0
    assert numbers.max() < 1
    counts = np.histogram(numbers, 100, (0, 1))[0]
    assert 45 < ((counts - 1000.0) ** 2 / 1000).sum() < 180
    for other in (uniform(6, (1000, 100)), uniform(5, (1000, 100), stream=1)):
        assert abs(np.corrcoef(numbers.ravel(), other.ravel())[0, 1]) < 0.015


def test_a_start_can_be_chosen_and_must_be_a_finite_row(rng):
    points = rng.normal(size=(500, 3))
    points[7] = np.nan
    assert farthest_points(points, 3, 40)[0] == 40
    for start in (7, 500, -1):
        with pytest.raises(BadInput, match="cannot be the first"):
            farthest_points(points, 3, start)


@pytest.mark.parametrize("choose", [farthest_points, random_points])
def test_a_negative_number_of_points_is_refused(choose):
    with pytest.raises(BadInput, match="cannot be chosen"):
        choose(np.zeros((5, 3)), -1)
