# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import naive_points as naive
from visionvalley.kernels.threads import set_threads, threads
from visionvalley.vision.shape.normals import covariances, normals, orient_consistently, orient_towards


def sphere(rng, count, radius_m=0.05):
    points = rng.normal(size=(count, 3))
    return radius_m * points / np.linalg.norm(points, axis=1)[:, None]


def test_normals_and_covariances_agree_with_brute_force(rng):
    points = np.vstack([rng.normal(size=(600, 3)), sphere(rng, 600)])
    found, scatter = normals(points, 12), covariances(points, 12)
    for i in range(0, len(points), 7):
        expected = naive.covariance(points, points[i], 12)
        assert_allclose(scatter[i], expected, rtol=1e-4, atol=1e-5 * np.trace(expected))
        values, vectors = np.linalg.eigh(expected)
        gap = (values[1] - values[0]) / values[2]
        assert abs(found[i] @ vectors[:, 0]) > 1 - 1e-9 / gap**2


def test_normals_have_unit_length_and_point_across_a_sphere(rng):
    points = sphere(rng, 20000)
    found = normals(points, 20)
    assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-12)
    assert np.abs((found * points).sum(axis=1) / 0.05).min() > 0.99


def test_a_plane_far_from_the_origin_has_one_normal(rng):
    points = rng.uniform(0, 1000, size=(5000, 3)) * [1, 1, 0] + [500000.0, 5_000_000.0, 120.0]
    assert_allclose(np.abs(normals(points, 10)), np.broadcast_to([0.0, 0, 1], points.shape), atol=1e-6)


def test_rows_without_measurement_have_no_normal_and_do_not_matter_to_others(rng):
    points = sphere(rng, 3000)
    holes = np.vstack([points[:1000], np.full((50, 3), np.nan), points[1000:]])
    found = normals(holes, 15)
    assert np.isnan(found[1000:1050]).all()
    assert_array_equal(np.delete(found, np.s_[1000:1050], axis=0), normals(points, 15))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_points_have_no_normal(count):
    assert np.isnan(normals(np.eye(3)[:count])).all()
    assert normals(np.eye(3)[:count]).shape == (count, 3)


def test_points_on_one_line_or_in_one_place_have_no_normal():
    line = np.linspace(0, 1, 50)[:, None] * [1.0, 2.0, 0.5]
    assert np.isnan(normals(line, 8)).all()
    assert np.isnan(normals(np.ones((50, 3)), 8)).all()
    assert_array_equal(covariances(np.ones((50, 3)), 8), np.zeros((50, 3, 3)))


def test_normals_do_not_depend_on_the_threads(rng):
    points = sphere(rng, 30000)
    before, results = threads(), []
    for count in (1, 2, 4):
        set_threads(count)
        results.append((normals(points, 20), covariances(points, 20)))
    set_threads(before)
    for other in results[1:]:
        assert_array_equal(other[0].view(np.int64), results[0][0].view(np.int64))
        assert_array_equal(other[1].view(np.int64), results[0][1].view(np.int64))


def test_normals_are_turned_to_where_they_were_seen_from(rng):
    points = sphere(rng, 2000)
    found = orient_towards(points, normals(points, 15), np.zeros(3))
    assert ((found * points).sum(axis=1) < 0).all()


def test_normals_of_closed_surfaces_agree_and_point_outwards(rng):
    ball = sphere(rng, 5000)
    tube = np.array([0.3, 0, 0]) + rng.uniform(-1, 1, size=(5000, 3)) * [1, 1, 0.1]
    tube[:, :2] = [0.3, 0] + 0.05 * (tube[:, :2] - [0.3, 0]) / np.linalg.norm(tube[:, :2] - [0.3, 0], axis=1)[:, None]
    points = np.vstack([ball, tube, [[np.nan] * 3]])
    found = orient_consistently(points, normals(points, 12))
    assert ((found[:5000] * ball).sum(axis=1) > 0).all()
    around = (found[5000:-1, :2] * (tube[:, :2] - [0.3, 0])).sum(axis=1)
    assert (around > 0).all() or (around < 0).all()
    assert np.isnan(found[-1]).all()


def test_orientation_only_turns_normals_and_does_not_depend_on_their_signs(rng):
    points = sphere(rng, 3000)
    given = normals(points, 12)
    found = orient_consistently(points, given)
    assert_array_equal(np.abs(found), np.abs(given))
    signs = rng.choice([-1.0, 1.0], size=(3000, 1))
    assert_array_equal(orient_consistently(points, given * signs), found)


def test_orientation_of_no_points_is_none():
    assert orient_consistently(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0, 3)
