# SPDX-License-Identifier: Apache-2.0
"""Clusters against all pairs, and against what is known of them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import naive_clusters as naive
from visionvalley.core import BadInput
from visionvalley.kernels.threads import set_threads, threads
from visionvalley.vision.shape.clusters import dbscan, euclidean_clusters


@pytest.fixture
def restored_threads():
    before = threads()
    yield
    set_threads(before)


@pytest.mark.parametrize(("reach_m", "least"), [(0.3, 8), (0.2, 3), (0.5, 30), (0.15, 1), (0.4, 2), (0.01, 2)])
def test_dbscan_agrees_with_all_pairs(reach_m, least, rng):
    points = rng.normal(size=(1200, 3))
    assert_array_equal(dbscan(points, reach_m, least), naive.dbscan(points, reach_m, least))


@pytest.mark.parametrize("least", [1, 2, 5, 7, 19])
def test_points_exactly_at_reach_are_neighbours(least, rng):
    """On a lattice of spacing 1/4 the distances 1/4, and 3/4 = |(2, 2, 1)| / 4, are exact in float32."""
    points = rng.permutation(np.unique(rng.integers(0, 9, size=(300, 3)), axis=0)) / 4
    for reach_m in (0.25, 0.75):
        assert_array_equal(dbscan(points, reach_m, least), naive.dbscan(points, reach_m, least))


@pytest.mark.parametrize(("border", "cluster"), [(0.6, 0), (0.65, 1), (0.625, 0)])
@pytest.mark.parametrize("order", [1, -1])
def test_border_points_join_their_nearest_core_point(border, cluster, order):
    """Of equally near core points (0.625) the one of the lowest index wins, whichever side it is on."""
    x = np.repeat([0.0, 0.125, 0.25, 1.0, 1.125, 1.25, border], [2] * 6 + [1])
    side = np.repeat([0, 1, cluster], [6, 6, 1])[::order]
    labels = dbscan(np.stack([x, 0 * x, 0 * x], axis=1)[::order], 0.4375, 6)
    if border == 0.625:
        assert labels[12 if order == 1 else 0] == 0
        labels, side = np.delete(labels, 12 if order == 1 else 0), np.delete(side, 12 if order == 1 else 0)
    assert_array_equal(labels, naive.numbered(side))


def test_two_moons_of_dense_points_stay_apart(rng):
    angle = rng.uniform(0, np.pi, 2000)
    moon = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    points = np.concatenate([moon, moon * [1, -1, 1] + [1, 0.5, 0]]) + rng.normal(0, 0.03, (4000, 3))
    labels = dbscan(points, 0.15, 10)
    assert set(labels) == {0, 1}
    assert_array_equal(labels, np.repeat([0, 1], 2000))


def test_nan_points_are_noise_and_change_nothing(rng):
    points = rng.normal(size=(500, 3))
    holes = np.full((3, 3), np.nan)
    holes[1, :2] = 0.0
    labels = dbscan(np.concatenate([holes, points]), 0.4, 5)
    assert (labels[:3] == -1).all()
    assert_array_equal(labels[3:], dbscan(points, 0.4, 5))


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.full((4, 3), np.nan)])
def test_no_points_have_no_clusters(points):
    assert_array_equal(dbscan(points, 0.1, 1), np.full(len(points), -1))
    assert_array_equal(euclidean_clusters(points, 0.1), np.full(len(points), -1))


def test_duplicates_are_one_cluster_when_there_are_enough():
    points = np.full((40, 3), 7.5)
    assert (dbscan(points, 1e-6, 40) == 0).all()
    assert (dbscan(points, 1e-6, 41) == -1).all()


def test_a_city_in_utm_is_clustered_as_at_home(rng):
    points = np.round(rng.uniform(0, 60, size=(800, 3)) * 64) / 64
    away = points + np.array([500_000.0, 5_400_000.0, 300.0])
    assert_array_equal(dbscan(away, 4.0, 4), dbscan(points, 4.0, 4))


def test_any_number_of_threads_gives_the_same_labels(rng, restored_threads):
    points = np.concatenate([rng.normal(c, 0.2, size=(4000, 3)) for c in range(5)])
    results = []
    for count in (1, 2, 4):
        set_threads(count)
        results.append(dbscan(points, 0.05, 6))
    assert results[0].max() > 3
    assert_array_equal(results[0], results[1])
    assert_array_equal(results[0], results[2])


def test_labels_follow_the_points_when_these_are_shuffled(rng):
    points = rng.normal(size=(1500, 3))
    order = rng.permutation(len(points))
    assert_array_equal(naive.numbered(dbscan(points, 0.3, 9)[order]), dbscan(points[order], 0.3, 9))


def test_euclidean_clusters_are_parted_by_gaps_and_kept_by_size(rng):
    lines = [np.linspace(0, 1, n)[:, None] * [1, 0, 0] + [0, y, 0] for n, y in ((11, 0.0), (21, 1.0), (41, 2.0))]
    points, line = np.concatenate(lines), np.repeat([0, 1, 2], [11, 21, 41])
    assert_array_equal(euclidean_clusters(points, 0.101), line)
    assert len(set(euclidean_clusters(points, 0.099)[:11])) == 11
    assert_array_equal(euclidean_clusters(points, 0.101, least=12), line - 1)
    assert_array_equal(euclidean_clusters(points, 0.101, least=12, most=40), np.array([-1, 0, -1])[line])


def test_euclidean_clusters_agree_with_all_pairs(rng):
    points = rng.uniform(size=(900, 3))
    assert_array_equal(euclidean_clusters(points, 0.07), naive.dbscan(points, 0.07, 1))


def test_cells_too_fine_to_count_are_refused():
    points = np.array([[0, 0, 0], [1e6, 0, 0]])
    with pytest.raises(BadInput, match="too small"):
        dbscan(points, 1e-6, 1)


@pytest.mark.parametrize(("reach_m", "least"), [(0, 1), (np.nan, 1), (0.1, 0)])
def test_nonsense_is_refused(reach_m, least):
    with pytest.raises(BadInput):
        dbscan(np.zeros((3, 3)), reach_m, least)
