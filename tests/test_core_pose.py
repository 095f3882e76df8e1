# SPDX-License-Identifier: Apache-2.0
"""Rigid motions: a group, exact near its singular points, refusing what is not a motion."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.transform import Rotation

from visionvalley.core import BadInput, Pose

UNIT = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: math.hypot(*v) > 0.1)
ANYWHERE = st.tuples(*[st.floats(-1e6, 1e6)] * 3)
ANGLES = st.one_of(
    st.floats(-3 * math.pi, 3 * math.pi),
    st.floats(-1e-3, 1e-3),
    st.sampled_from([0.0, 5e-324, 1e-300, 1e-16, 1e-12, 1e-8, 1e-6]),
    st.sampled_from([1e-3, 1e-6, 1e-9, 1e-12, 1e-15, 0.0]).map(lambda gap: math.pi - gap),
    st.sampled_from([1e-6, 1e-12, 0.0]).map(lambda gap: 2 * math.pi - gap),
)


@st.composite
def rotation_vectors(draw):
    axis = np.array(draw(UNIT))
    return axis / np.linalg.norm(axis) * draw(ANGLES)


@st.composite
def poses(draw):
    return Pose.from_rotation_vector(draw(rotation_vectors()), np.array(draw(ANYWHERE)))


def close(a: Pose, b: Pose, reach_m: float = 1.0) -> None:
    """Fail where two poses move a point within `reach_m` of the origin differently, but for rounding."""
    scale = 1 + reach_m + max(np.abs(a.translation_m).max(), np.abs(b.translation_m).max())
    assert_allclose(a.rotation, b.rotation, atol=2e-15, rtol=0)
    assert_allclose(a.translation_m, b.translation_m, atol=2e-15 * scale, rtol=0)


@given(rotation_vectors())
def test_a_rotation_vector_turns_as_an_independent_implementation_says(w):
    pose = Pose.from_rotation_vector(w, np.zeros(3))
    assert_allclose(pose.rotation, Rotation.from_rotvec(w).as_matrix(), atol=4e-15, rtol=0)


@given(rotation_vectors())
def test_every_rotation_is_orthonormal_to_rounding(w):
    rotation = Pose.from_rotation_vector(w, np.zeros(3)).rotation
    assert_allclose(rotation @ rotation.T, np.eye(3), atol=4e-15, rtol=0)
    assert np.linalg.det(rotation) == pytest.approx(1, abs=4e-15)


@given(UNIT, st.sampled_from([1e-16, 1e-12, 1e-9, 1e-8, 1e-6]))
def test_a_small_rotation_is_its_cross_product_to_second_order(axis, angle):
    w = np.array(axis) * angle
    v = np.array([0.3, -0.7, 0.2])
    moved = Pose.from_rotation_vector(w, np.zeros(3)).apply(v[None])[0]
    expected = v + np.cross(w, v) + 0.5 * np.cross(w, np.cross(w, v))
    assert_allclose(moved, expected, atol=2e-16 + angle**3, rtol=0)


@given(poses())
def test_the_inverse_takes_back(b_from_a):
    close(b_from_a @ b_from_a.inverse(), Pose.identity(), np.abs(b_from_a.translation_m).max())
    close(b_from_a.inverse() @ b_from_a, Pose.identity(), np.abs(b_from_a.translation_m).max())


@given(poses(), poses(), poses())
def test_motions_are_a_group(c, b, a):
    reach = sum(np.abs(p.translation_m).max() for p in (a, b, c))
    close((c @ b) @ a, c @ (b @ a), reach)
    close(Pose.identity() @ a, a)
    close(a @ Pose.identity(), a)


@given(poses(), poses(), st.lists(ANYWHERE, max_size=5))
def test_applying_a_product_is_applying_one_after_the_other(c_from_b, b_from_a, rows):
    points = np.array(rows, np.float64).reshape(-1, 3)
    scale = 1 + np.abs(points).max(initial=0) + sum(np.abs(p.translation_m).max() for p in (c_from_b, b_from_a))
    once = (c_from_b @ b_from_a).apply(points)
    assert_allclose(once, c_from_b.apply(b_from_a.apply(points)), atol=8e-15 * scale, rtol=0)


@given(poses())
def test_motions_keep_distances_and_handedness(pose):
    corner = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float64)
    o, x, y, z = pose.apply(corner)
    scale = 1 + np.abs(pose.translation_m).max()
    assert_allclose([np.dot(x - o, y - o), np.dot(y - o, z - o)], 0, atol=4e-15 * scale)
    assert_allclose(np.cross(x - o, y - o), z - o, atol=4e-15 * scale)


@given(poses())
def test_directions_are_turned_and_not_shifted(pose):
    v = np.array([[0.0, 0.0, 0.0], [0.6, 0.8, 0.0]])
    turned = pose.turn(v)
    assert_array_equal(turned[0], 0)
    scale = 1 + np.abs(pose.translation_m).max()
    assert_allclose(turned[1], (pose.apply(v) - pose.translation_m)[1], atol=2e-15 * scale)


@given(poses())
def test_the_matrix_goes_there_and_back_bit_by_bit(pose):
    back = Pose.from_matrix(pose.matrix())
    assert_array_equal(back.rotation, pose.rotation)
    assert_array_equal(back.translation_m, pose.translation_m)
    assert_array_equal(pose.matrix()[3], [0, 0, 0, 1])


def test_points_without_measurement_stay_without_and_disturb_no_other():
    points = np.array([[1.0, 2.0, 3.0], [np.nan] * 3, [4.0, 5.0, 6.0]])
    pose = Pose.from_rotation_vector(np.array([0.1, 0.2, 0.3]), np.array([1.0, 2.0, 3.0]))
    moved = pose.apply(points)
    assert np.isnan(moved[1]).all()
    assert_array_equal(moved[[0, 2]], pose.apply(points[[0, 2]]))


def test_no_points_are_no_points():
    assert Pose.identity().apply(np.empty((0, 3))).shape == (0, 3)


@given(poses())
def test_a_point_is_moved_to_the_same_bits_alone_and_among_others(pose):
    points = np.random.default_rng(3).normal(size=(17, 3))
    assert_array_equal(np.concatenate([pose.apply(row[None]) for row in points]), pose.apply(points))


@pytest.mark.parametrize(
    "rotation",
    [
        np.diag([1.0, 1.0, -1.0]),
        np.eye(3) * 1.001,
        np.eye(3) + 1e-5,
        np.zeros((3, 3)),
        np.array([[1.0, 0.01, 0], [0, 1, 0], [0, 0, 1]]),
    ],
)
def test_a_mirror_a_scale_and_a_shear_are_refused(rotation):
    with pytest.raises(BadInput, match="rotation") as caught:
        Pose(rotation, np.zeros(3))
    assert caught.value.message.id == "core.not_a_rotation"


@pytest.mark.parametrize(
    ("rotation", "translation", "id"),
    [
        (np.full((3, 3), np.nan), np.zeros(3), "core.not_finite"),
        (np.eye(3), np.array([0, np.inf, 0]), "core.not_finite"),
        (np.eye(4), np.zeros(3), "core.shape"),
        (np.eye(3), np.zeros(4), "core.shape"),
        (np.eye(3), ["a", "b", "c"], "core.not_numbers"),
    ],
)
def test_what_is_no_pose_is_refused(rotation, translation, id):
    with pytest.raises(BadInput) as caught:
        Pose(rotation, translation)
    assert caught.value.message.id == id


def test_a_matrix_with_a_perspective_part_is_refused():
    matrix = np.eye(4)
    matrix[3, 0] = 1e-3
    with pytest.raises(BadInput) as caught:
        Pose.from_matrix(matrix)
    assert caught.value.message.id == "core.not_rigid"
    transposed = Pose(np.eye(3), np.ones(3)).matrix().T
    with pytest.raises(BadInput, match="transpose"):
        Pose.from_matrix(transposed)


def test_a_pose_cannot_be_changed():
    pose = Pose.identity()
    with pytest.raises(ValueError, match="read-only"):
        pose.rotation[0, 0] = 2
    with pytest.raises(AttributeError):
        pose.translation_m = np.ones(3)
