# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import naive_points as naive
from visionvalley.core import BadInput, Cloud
from visionvalley.kernels.threads import set_threads, threads
from visionvalley.vision.shape.voxels import VoxelAccumulator, downsample, downsample_cloud


def in_order(points, *others):
    order = np.lexsort(points.T)
    return (points[order], *(other[order] for other in others))


@pytest.mark.parametrize("count", [0, 1, 2, 300, 40000])
@pytest.mark.parametrize("cell_m", [0.003, 0.1, 50.0])
def test_centroids_and_counts_agree_with_the_naive_twin(count, cell_m, rng):
    points = rng.normal(size=(count, 3))
    points[1::50] = np.nan
    centroids, counts = in_order(*downsample(points, cell_m))
    expected, expected_counts = in_order(*naive.downsample(points, cell_m))
    assert_array_equal(counts, expected_counts)
    assert_allclose(centroids, expected, rtol=0, atol=1e-9 * cell_m + 1e-15)


def test_coordinates_survive_in_large_cells_and_far_away(rng):
    part = rng.uniform(0, 0.1, size=(1000, 3))
    assert_allclose(downsample(part, 1.0)[0], [part.mean(axis=0)], rtol=0, atol=1e-9)
    single = np.array([[0.012345678, 0.02, 0.03]])
    assert_allclose(downsample(single, 1.0)[0], single, rtol=0, atol=1e-9)
    city = part + np.array([500000.0, 5_000_000.0, 100.0])
    assert_allclose(in_order(downsample(city, 0.01)[0])[0], in_order(naive.downsample(city, 0.01)[0])[0], atol=1e-8)


def test_centroids_do_not_depend_on_threads_nor_on_the_order_of_points(rng):
    points = rng.normal(size=(100_000, 3))
    before, results = threads(), []
    for count in (1, 2, 4):
        set_threads(count)
        results.append(downsample(points, 0.05))
    set_threads(before)
    for centroids, counts in results[1:]:
        assert_array_equal(centroids.view(np.int64), results[0][0].view(np.int64))
        assert_array_equal(counts, results[0][1])
    shuffled = in_order(*downsample(points[rng.permutation(len(points))], 0.05))
    assert_array_equal(shuffled[0].view(np.int64), in_order(results[0][0])[0].view(np.int64))


def test_more_cells_than_the_tables_begin_with(rng):
    points = np.stack(np.unravel_index(rng.permutation(1 << 18), (64, 64, 64)), axis=1) + rng.uniform(size=(1 << 18, 3))
    centroids, counts = downsample(points, 1.0)
    assert (counts == 1).all()
    assert_allclose(in_order(centroids)[0], in_order(points)[0], rtol=0, atol=1e-9)


@pytest.mark.parametrize("order", ["together", "scattered"])
def test_a_cell_may_hold_any_number_of_points(order, rng):
    points = np.full((1 << 20, 3), 0.25)
    points[:1000, 0] = np.arange(1000) + 0.75
    points = points if order == "together" else points[rng.permutation(len(points))]
    centroids, counts = in_order(*downsample(points, 1.0))
    first = np.full((len(centroids), 3), 0.25)
    first[:, 0] = np.arange(1000) + 0.75
    first[0, 0] = (0.25 * (len(points) - 1000) + 0.75) / (len(points) - 999)
    assert_array_equal(counts, [len(points) - 999] + [1] * 999)
    assert_allclose(centroids, first, rtol=0, atol=1e-9)
    adding = VoxelAccumulator(1.0)
    for _ in range(3):
        adding.add(points)
    assert_array_equal(in_order(adding.points_m(), adding.counts())[1], 3 * counts)


@pytest.mark.parametrize("copies", [1, 7001])
def test_sums_are_exact(copies):
    steps = np.array([0, 1, 2**30 + 1, 2**31 - 1, 2**31 - 1])
    points = np.stack([steps, steps[::-1], np.roll(steps, 2)], axis=1) / 2.0**31
    expected = np.full((1, 3), float(steps.sum()) / (5 * 2.0**31))
    assert_array_equal(downsample(np.tile(points, (copies, 1)), 1.0)[0], expected)


def test_chunks_give_the_same_numbers_as_the_whole(rng, monkeypatch):
    monkeypatch.setattr("visionvalley.vision.shape.voxels.SLACK", 500)
    points = rng.normal(size=(30000, 3))
    points[:7] = np.nan
    adding = VoxelAccumulator(0.1)
    for chunk in np.array_split(points, [3, 3, 500, 9000, 9001]):
        adding.add(chunk)
    centroids, counts = in_order(adding.points_m(), adding.counts())
    expected, expected_counts = in_order(*downsample(points, 0.1))
    assert_array_equal(centroids, expected)
    assert_array_equal(counts, expected_counts)
    assert_array_equal(in_order(adding.points_m())[0], expected)


def test_an_accumulator_without_points_holds_none():
    adding = VoxelAccumulator(0.1)
    adding.add(np.full((5, 3), np.nan))
    assert adding.points_m().shape == (0, 3)
    assert adding.counts().shape == (0,)


def test_a_cloud_keeps_the_averages_of_what_its_points_had(rng):
    points = rng.uniform(0, 1, size=(5000, 3))
    points[10] = np.nan
    directions = rng.normal(size=(5000, 3)) + np.array([0, 0, 3])
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    colours = rng.integers(0, 255, size=(5000, 3), dtype=np.uint8)
    thin = downsample_cloud(Cloud(points, directions, colours, {"intensity": points[:, 0] * 3}), 0.25)
    assert len(thin) == 64
    assert_allclose(thin.fields["intensity"], thin.points_m[:, 0] * 3, atol=1e-8)
    assert_allclose(np.linalg.norm(thin.normals, axis=1), 1)
    assert thin.fields["count"].sum() == 4999
    one = (np.floor(points * 4) == np.floor(thin.points_m[0] * 4)).all(axis=1)
    assert_array_equal(thin.colours[0], np.rint(colours[one].mean(axis=0)))
    mean = directions[one].mean(axis=0)
    assert_allclose(thin.normals[0], mean / np.linalg.norm(mean))


def test_cells_too_fine_for_the_reach_of_the_points_are_refused():
    with pytest.raises(BadInput, match="1 points lie more than"):
        downsample([[0.0, 0, 0], [5000.0, 0, 0]], 0.001)


@pytest.mark.parametrize("cell_m", [0.0, -1.0, np.nan, np.inf])
def test_a_cell_must_have_a_size(cell_m):
    with pytest.raises(BadInput, match="cell_m"):
        downsample(np.zeros((3, 3)), cell_m)
