# SPDX-License-Identifier: Apache-2.0
"""Small motions, symmetric systems, robust weights and the names of unseen motions."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.parts import anywhere

from visionvalley.core import BadInput, Pose
from visionvalley.vision.geometry.degeneracy import unseen_motions
from visionvalley.vision.geometry.motion import (
    adjoint,
    best_motion,
    difference,
    moved_covariance,
    nearest_rotation,
    orthonormal,
    perturbed,
    rotation_vector,
)
from visionvalley.vision.geometry.robust import ROBUST, weights
from visionvalley.vision.geometry.symmetric import cholesky, eigen, gram, inverse, product, quadratic, solve


def positive(rng, n, condition=1e4):
    q = np.linalg.qr(rng.normal(size=(n, n)))[0]
    return (q * np.geomspace(1, condition, n)) @ q.T


# ---- motion
@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-7, 1e-3, 1.0, math.pi - 1e-3, math.pi - 1e-9, math.pi])
def test_the_rotation_vector_undoes_rodrigues_also_near_its_singular_points(rng, angle):
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    there = Pose.from_rotation_vector(axis * angle, np.zeros(3)).rotation
    back = Pose.from_rotation_vector(rotation_vector(there), np.zeros(3)).rotation
    assert_allclose(back, there, atol=1e-12)
    assert np.linalg.norm(rotation_vector(there)) == pytest.approx(angle, abs=1e-7)


def test_difference_undoes_perturbed(rng):
    for _ in range(20):
        pose, delta = anywhere(rng), np.r_[rng.normal(size=3), rng.normal(size=3)]
        assert_allclose(difference(perturbed(pose, delta), pose), delta, atol=1e-12)


def test_convention_a_perturbation_turns_and_then_shifts_in_the_target_frame():
    pose = Pose(np.eye(3), np.array([1.0, 0.0, 0.0]))
    quarter = np.array([0.0, 0.0, math.pi / 2, 0.0, 0.0, 5.0])
    assert_allclose(perturbed(pose, quarter).apply(np.zeros((1, 3))), [[0.0, 1.0, 5.0]], atol=1e-15)


def test_the_adjoint_takes_a_small_motion_to_another_frame(rng):
    b_from_a, a_from_x = anywhere(rng), anywhere(rng)
    small = 1e-7 * rng.normal(size=6)
    in_b = difference(b_from_a @ perturbed(a_from_x, small), b_from_a @ a_from_x)
    assert_allclose(adjoint(b_from_a) @ small, in_b, atol=1e-12)
    covariance = positive(rng, 6)
    expected = adjoint(b_from_a) @ covariance @ adjoint(b_from_a).T
    assert_allclose(moved_covariance(covariance, b_from_a), expected, rtol=1e-10)


def test_the_best_motion_finds_the_truth_and_never_mirrors(rng):
    points, true = rng.normal(size=(20, 3)), anywhere(rng)
    found = best_motion(points, true.apply(points))
    assert_allclose(found.matrix(), true.matrix(), atol=1e-12)
    mirrored = nearest_rotation(np.diag([1.0, 1.0, -0.9]))
    assert np.linalg.det(mirrored) == pytest.approx(1.0)
    values = np.linalg.svd(np.diag([1.0, 1.0, -0.9]), compute_uv=False)
    assert (mirrored * np.diag([1.0, 1.0, -0.9])).sum() == pytest.approx(values[0] + values[1] - values[2])


def test_weights_of_zero_take_a_pair_out(rng):
    points, true = rng.normal(size=(20, 3)), anywhere(rng)
    moved = true.apply(points)
    moved[:5] += 10
    found = best_motion(points, moved, np.r_[np.zeros(5), np.ones(15)])
    assert_allclose(found.matrix(), true.matrix(), atol=1e-12)


def test_orthonormal_takes_rounding_out(rng):
    rough = anywhere(rng).rotation + 1e-8 * rng.normal(size=(3, 3))
    assert_allclose(orthonormal(rough) @ orthonormal(rough).T, np.eye(3), atol=1e-14)


# ---- symmetric systems
@pytest.mark.parametrize("n", [1, 2, 6, 30])
def test_symmetric_systems_agree_with_lapack(rng, n):
    matrix, right = positive(rng, n), rng.normal(size=(n, 2))
    assert_allclose(cholesky(matrix), np.linalg.cholesky(matrix), rtol=1e-8, atol=1e-9)
    assert_allclose(solve(matrix, right), np.linalg.solve(matrix, right), rtol=1e-8)
    assert_allclose(solve(matrix, right[:, 0]), np.linalg.solve(matrix, right[:, 0]), rtol=1e-8)
    assert_allclose(inverse(matrix) @ matrix, np.eye(n), atol=1e-8)
    assert quadratic(matrix, right[:, 0]) == pytest.approx(right[:, 0] @ matrix @ right[:, 0])
    assert_allclose(gram(right), right.T @ right, rtol=1e-10)
    assert_allclose(product(matrix, right, right.T), matrix @ right @ right.T, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_eigenvalues_agree_with_lapack_over_many_sizes(rng, scale):
    for n in (1, 2, 3, 6, 12):
        matrix = scale * positive(rng, n, 1e8)
        values, vectors = eigen(matrix)
        assert_allclose(values, np.linalg.eigvalsh(matrix), rtol=1e-6, atol=1e-9 * scale)
        assert_allclose((vectors * values) @ vectors.T, matrix, atol=1e-12 * 1e8 * scale)
        assert_allclose(vectors.T @ vectors, np.eye(n), atol=1e-12)


def test_eigenvalues_of_zero_and_of_repeated_ones_are_found():
    assert_allclose(eigen(np.zeros((6, 6)))[0], np.zeros(6))
    assert_allclose(eigen(3 * np.eye(6))[0], np.full(6, 3.0))


def test_a_matrix_that_is_not_positive_definite_is_refused():
    with pytest.raises(BadInput, match="adds nothing new"):
        solve(np.diag([1.0, 0.0, 1.0]), np.ones(3))
    with pytest.raises(BadInput, match="adds nothing new"):
        cholesky(np.full((2, 2), np.nan))


# ---- robust weights
@pytest.mark.parametrize("robust", ROBUST)
def test_weights_start_at_one_and_never_grow(robust):
    w = weights(np.linspace(0, 10, 200), robust, 2.0)
    assert w[0] == 1.0
    assert (np.diff(w) <= 0).all()
    assert (w >= 0).all()


def test_weights_have_their_known_values_at_the_scale():
    at = {robust: float(weights(np.array([2.0]), robust, 2.0)[0]) for robust in ROBUST}
    assert at == {"none": 1.0, "huber": 1.0, "cauchy": 0.5, "tukey": 0.0, "geman_mcclure": 0.25}
    assert float(weights(np.array([4.0]), "huber", 2.0)[0]) == 0.5


# ---- names of unseen motions
def information(points, normals):
    rows = np.hstack([np.cross(points, normals), normals])
    return rows.T @ rows


def named(points, normals, centre=(0.0, 0.0, 0.0)):
    extent = float(np.sqrt((points**2).sum(axis=1).mean()))
    found = unseen_motions(information(points, normals), len(points), np.array(centre), extent)
    return sorted(map(str, found))


def test_a_plane_leaves_two_slides_and_a_turn(rng):
    points = np.c_[rng.uniform(-1, 1, (500, 2)), np.zeros(500)]
    found = named(points, np.tile([0.0, 0.0, 1.0], (500, 1)))
    assert len(found) == 3
    assert sum(name.startswith("sliding along") for name in found) == 2
    assert sum(name.startswith("turning about the axis z") for name in found) == 1


def test_a_sphere_leaves_three_turns_through_its_middle(rng):
    normals = rng.normal(size=(500, 3))
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    found = named(normals * 0.02, normals)
    assert len(found) == 3
    assert all(name.startswith("turning about the axis") and "(0, 0, 0) mm" in name for name in found)


def test_a_cylinder_leaves_its_slide_and_its_turn(rng):
    angle, along = rng.uniform(0, 2 * np.pi, 800), rng.uniform(-0.05, 0.05, 800)
    normals = np.c_[np.zeros(800), np.cos(angle), np.sin(angle)]
    found = named(normals * 0.02 + along[:, None] * [1.0, 0.0, 0.0], normals)
    assert [name.split(" through")[0] for name in found] == ["sliding along x", "turning about the axis x"]


def test_a_turn_is_named_with_the_place_of_its_axis(rng):
    angle, along = rng.uniform(0, 2 * np.pi, 3000), rng.uniform(-0.05, 0.05, 3000)
    normals = np.c_[np.zeros(3000), np.cos(angle), np.sin(angle)]
    points, axis_at = normals * 0.02 + along[:, None] * [1.0, 0.0, 0.0], np.array([0.0, 0.03, -0.01])
    ends = np.tile([1.0, 0.0, 0.0], (200, 1))  # a flange stops the slide
    whole, lean = np.r_[points, points[:200] * [0, 1, 1] + [0.05, 0, 0]], np.r_[normals, ends]
    extent = float(np.sqrt((whole**2).sum(axis=1).mean()))
    (only,) = unseen_motions(information(whole, lean), len(whole), axis_at, extent)
    assert str(only).startswith("turning about the axis x through (")
    place = [float(v) for v in str(only).split("through (")[1].split(")")[0].split(",")]
    assert_allclose(place[1:], axis_at[1:] * 1e3, atol=0.5)


def test_a_screw_is_named_with_its_lead(rng):
    angle, lead = rng.uniform(0, 6 * np.pi, 4000), 0.02
    radius = rng.uniform(0.01, 0.03, 4000)
    points = np.c_[radius * np.cos(angle), radius * np.sin(angle), lead * (angle - 3 * np.pi) / (2 * np.pi)]
    normals = np.c_[-lead * np.sin(angle), lead * np.cos(angle), -2 * np.pi * radius]
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    (only,) = named(points, normals)
    assert only.startswith("screwing about the axis z")
    assert float(only.split("mm, ")[1].split(" mm")[0]) == pytest.approx(lead * 1e3, rel=0.02)


def test_a_part_with_sides_in_all_directions_leaves_nothing(rng):
    normals = np.repeat(np.eye(3), 200, axis=0)
    assert named(rng.uniform(-1, 1, (600, 3)) * (1 - normals) + normals, normals) == []
