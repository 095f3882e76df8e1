# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import naive_points as naive
from visionvalley.core import BadInput
from visionvalley.kernels.threads import set_threads, threads
from visionvalley.vision.shape.neighbours import build_index, nearest, within


@pytest.fixture
def any_threads():
    before = threads()
    yield set_threads
    set_threads(before)


def scattered(rng, count):
    return rng.normal(size=(count, 3))


def on_a_grid(rng, count):
    """Whole coordinates: many equal distances and equal points."""
    return np.floor(rng.uniform(0, 9, size=(count, 3)))


@pytest.mark.parametrize("make", [scattered, on_a_grid])
@pytest.mark.parametrize("count", [0, 1, 5, 16, 17, 256, 300, 5000])
@pytest.mark.parametrize("k", [1, 7, 20])
def test_nearest_agrees_with_brute_force(make, count, k, rng):
    points = make(rng, count)
    points[count // 2 : count // 2 + 1] = np.nan
    queries = np.vstack([points[:60], make(rng, 60)])
    found = nearest(build_index(points), queries, k)
    for row, distances, query in zip(found.index, found.distance_m, queries, strict=True):
        expected = naive.nearest(points, query, k) if np.isfinite(query).all() else []
        assert_array_equal(row[: len(expected)], expected)
        assert (row[len(expected) :] == -1).all()
        assert np.isnan(distances[len(expected) :]).all()
        assert_allclose(
            distances[: len(expected)], np.linalg.norm(points[row[: len(expected)]] - query, axis=1), atol=1e-6
        )


@pytest.mark.parametrize("make", [scattered, on_a_grid])
@pytest.mark.parametrize("count", [0, 1, 17, 3000])
def test_within_agrees_with_brute_force(make, count, rng):
    points = make(rng, count)
    queries = np.vstack([points[:200], make(rng, 50), [[np.nan, 0, 0]]])
    offsets, rows = within(build_index(points), queries, 1.0)
    assert offsets[0] == 0
    assert offsets[-1] == len(rows)
    for i, query in enumerate(queries):
        assert_array_equal(rows[offsets[i] : offsets[i + 1]], naive.within(points, query, 1.0))


def test_nothing_beyond_the_reach_is_found_and_its_edge_counts_as_within():
    points = np.array([[0.0, 0, 0], [1, 0, 0], [3, 0, 0]])
    found = nearest(build_index(points), [[0.0, 0, 0]], 3, reach_m=1.0)
    assert_array_equal(found.index, [[0, 1, -1]])
    assert_array_equal(found.distance_m, [[0, 1, np.nan]])


def test_neighbours_do_not_depend_on_the_threads(any_threads, rng):
    points = rng.normal(size=(20000, 3)).round(2)
    results = []
    for count in (1, 2, 4):
        any_threads(count)
        index = build_index(points)
        found = nearest(index, points[::3] + 0.004, 9)
        results.append([*index.tree, index.order, found.index, found.distance_m, *within(index, points[::50], 0.1)])
    for other in results[1:]:
        for first, second in zip(results[0], other, strict=True):
            assert_array_equal(first.view(np.uint8), second.view(np.uint8))


def test_many_equal_points_are_answered_by_the_lowest_rows():
    points = np.zeros((20000, 3))
    points[::2, 0] = 1.0
    found = nearest(build_index(points), points, 5)
    assert_array_equal(found.index[0], [0, 2, 4, 6, 8])
    assert_array_equal(found.index[-1], [1, 3, 5, 7, 9])
    assert (found.distance_m == 0).all()


def test_a_city_far_from_the_origin_keeps_distances_to_a_tenth_of_a_millimetre(rng):
    city = rng.uniform(0, 1000, size=(2000, 3)) + np.array([500000.0, 5_000_000.0, 100.0])
    city[700] = 0.0
    found = nearest(build_index(city), city, 5)
    told = np.delete(np.arange(len(city)), 700)
    exact = np.linalg.norm(city[found.index[told]] - city[told, None], axis=2)
    assert_allclose(found.distance_m[told], exact, rtol=0, atol=1e-4)
    for row in told[::37]:
        assert_array_equal(found.index[row], naive.nearest(city, city[row], 5))


def test_a_part_keeps_distances_to_ten_nanometres(rng):
    part = rng.uniform(0, 0.1, size=(2000, 3)) + 3.0
    found = nearest(build_index(part), part, 5)
    exact = np.linalg.norm(part[found.index] - part[:, None], axis=2)
    assert_allclose(found.distance_m, exact, rtol=0, atol=1e-8)


def test_a_count_of_no_neighbours_is_refused():
    with pytest.raises(BadInput, match="k is 0"):
        nearest(build_index(np.zeros((3, 3))), np.zeros((1, 3)), 0)
