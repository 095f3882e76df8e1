# SPDX-License-Identifier: Apache-2.0
"""Cameras, clouds, meshes, volumes, measurements, reports: they refuse nonsense at birth, and stay as they are."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from visionvalley.core import (
    BadInput,
    Camera,
    Cloud,
    Colouring,
    Contribution,
    DepthMap,
    Event,
    Feature,
    Measurement,
    Mesh,
    Pose,
    Report,
    Scene,
    SensorNoise,
    Thing,
    Tolerance,
    Verdict,
    Volume,
    require,
    require_positive,
    text,
)

CAMERA = {"width_px": 4, "height_px": 3, "fx_px": 100.0, "fy_px": 100.0, "cx_px": 1.5, "cy_px": 1.0}
TETRAHEDRON = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float64)
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


def refusal(make) -> str:
    """Return the id of the error that `make` raises."""
    with pytest.raises(BadInput) as caught:
        make()
    what, why, fix = caught.value.render()
    assert what
    assert why
    assert fix
    return caught.value.message.id


# ---- arrays
@given(hnp.arrays(st.sampled_from([np.float64, np.float32, np.int32, np.uint8]), hnp.array_shapes(max_dims=3)))
def test_an_array_is_taken_with_its_numbers_and_cannot_be_changed(array):
    taken = require("a", array, (None,) * array.ndim)
    assert_array_equal(taken, array.astype(np.float64))
    assert taken.dtype == np.float64
    assert not taken.flags.writeable
    assert array.flags.writeable


def test_an_array_that_fits_is_not_copied_and_stays_writable_for_its_owner():
    mine = np.zeros((5, 3))
    assert np.shares_memory(require("mine", mine, (None, 3)), mine)
    mine[0] = 1


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((2, 4)), np.zeros((1, 2, 3)), 5.0, []])
def test_another_shape_is_refused_with_both_shapes_named(wrong):
    with pytest.raises(BadInput, match="N x 3") as caught:
        require("points", wrong, (None, 3))
    assert caught.value.message.id == "core.shape"


@pytest.mark.parametrize("wrong", ["abc", [None, 1], [[1], [2, 3]], np.array(["1"]), np.array([1j]), object()])
def test_what_is_no_numbers_is_refused(wrong):
    assert refusal(lambda: require("a", wrong, (None,))) == "core.not_numbers"


def test_whole_numbers_are_not_rounded_silently():
    assert require("i", [1.0, 2.0], (2,), np.int32).tolist() == [1, 2]
    assert refusal(lambda: require("i", [1.5, 2.0], (2,), np.int32)) == "core.not_numbers"
    assert refusal(lambda: require("i", [np.nan, 2.0], (2,), np.int32)) == "core.not_numbers"


@pytest.mark.parametrize("wrong", [0, -1, math.nan, math.inf, -math.inf])
def test_only_positive_finite_numbers_are_positive(wrong):
    require_positive(size_m=1e-300)
    assert refusal(lambda: require_positive(size_m=wrong)) == "core.not_positive"


# ---- camera
@pytest.mark.parametrize("name", ["width_px", "height_px", "fx_px", "fy_px"])
def test_a_camera_has_a_size_and_a_focal_length(name):
    assert refusal(lambda: Camera(**CAMERA | {name: 0})) == "core.not_positive"


def test_a_camera_has_finite_numbers():
    assert refusal(lambda: Camera(**CAMERA | {"cx_px": math.nan})) == "core.not_finite"
    assert refusal(lambda: Camera(**CAMERA, distortion=(0, math.inf, 0, 0, 0))) == "core.not_finite"


def test_a_depth_map_has_its_cameras_size_and_positive_depths_or_none():
    camera = Camera(**CAMERA)
    depth = np.full((3, 4), 2.0)
    depth[1, 2] = np.nan
    kept = DepthMap(depth, camera).depth_m
    assert kept.dtype == np.float32
    assert_array_equal(kept, depth.astype(np.float32))
    assert refusal(lambda: DepthMap(depth.T, camera)) == "core.shape"
    for wrong in (0.0, -1.0, np.inf):
        bad = depth.copy()
        bad[0, 0] = wrong
        assert refusal(lambda bad=bad: DepthMap(bad, camera)) == "core.bad_depth"


# ---- clouds, meshes, volumes
def test_a_cloud_takes_everything_of_chosen_points_along():
    points = np.arange(12.0).reshape(4, 3)
    cloud = Cloud(points, -points, points.astype(np.uint8), {"time_s": np.arange(4.0), "class": np.arange(4)})
    for index in (np.array([2, 0, 2]), np.array([True, False, True, False])):
        some = cloud.taken(index)
        assert_array_equal(some.points_m, points[index])
        assert_array_equal(some.normals, -points[index])
        assert_array_equal(some.colours, points[index])
        assert_array_equal(some.fields["time_s"], np.arange(4.0)[index])
        assert some.fields["class"].dtype == np.arange(4).dtype
    assert len(cloud.taken(np.zeros(4, bool))) == 0


def test_a_moved_cloud_keeps_what_does_not_depend_on_the_frame():
    turn = Pose.from_rotation_vector(np.array([0, 0, math.pi / 2]), np.array([10.0, 0, 0]))
    cloud = Cloud([[1, 0, 0], [np.nan] * 3], [[1, 0, 0], [0, 0, 1]], [[1, 2, 3], [4, 5, 6]], {"i": [7, 8]})
    moved = cloud.moved(turn)
    assert moved.points_m[0] == pytest.approx([10, 1, 0])
    assert np.isnan(moved.points_m[1]).all()
    assert moved.normals[0] == pytest.approx([0, 1, 0])
    assert_array_equal(moved.colours, cloud.colours)
    assert_array_equal(moved.fields["i"], [7, 8])


def test_a_cloud_may_hold_points_without_measurement_but_none_at_infinity():
    assert np.isnan(Cloud([[np.nan] * 3]).points_m).all()
    assert refusal(lambda: Cloud([[0, 0, np.inf]])) == "core.not_finite"


def test_what_belongs_to_points_has_one_row_a_point():
    for wrong in ({"normals": np.zeros((3, 3))}, {"colours": np.zeros((2, 4))}, {"fields": {"i": np.zeros(3)}}):
        assert refusal(lambda wrong=wrong: Cloud(np.zeros((2, 3)), **wrong)) == "core.shape"


def test_the_fields_of_a_cloud_cannot_be_changed():
    cloud = Cloud(np.zeros((2, 3)), fields={"i": np.zeros(2)})
    with pytest.raises(TypeError):
        cloud.fields["j"] = np.zeros(2)
    with pytest.raises(ValueError, match="read-only"):
        cloud.fields["i"][0] = 1


def test_a_mesh_refuses_faces_of_vertices_that_are_not_there():
    assert Mesh(TETRAHEDRON, FACES).faces.dtype == np.int32
    assert len(Mesh(np.empty((0, 3)), np.empty((0, 3))).faces) == 0
    for wrong in ([[0, 1, 4]], [[0, 1, -1]]):
        assert refusal(lambda wrong=wrong: Mesh(TETRAHEDRON, wrong)) == "core.face_out_of_range"
    assert refusal(lambda: Mesh(np.empty((0, 3)), [[0, 0, 0]])) == "core.face_out_of_range"
    assert refusal(lambda: Mesh([[np.nan, 0, 0]], np.empty((0, 3)))) == "core.not_finite"
    assert refusal(lambda: Mesh(TETRAHEDRON, FACES, vertex_colours=np.zeros((3, 3)))) == "core.shape"
    assert refusal(lambda: Mesh(TETRAHEDRON, FACES, face_colours=np.zeros((3, 3)))) == "core.shape"


def test_a_moved_mesh_has_the_same_faces_and_colours():
    mesh = Mesh(TETRAHEDRON, FACES, np.full((4, 3), 9), np.full((4, 3), 8))
    moved = mesh.moved(Pose(np.eye(3), np.array([0, 0, 5.0])))
    assert_array_equal(moved.vertices_m, TETRAHEDRON + np.array([0, 0, 5]))
    assert_array_equal(moved.faces, mesh.faces)
    assert_array_equal(moved.vertex_colours, mesh.vertex_colours)
    assert_array_equal(moved.face_colours, mesh.face_colours)


def test_a_volume_keeps_its_numbers_type_and_has_positive_spacing():
    values = np.zeros((2, 3, 4), np.int16)
    assert Volume(values, [1e-3, 1e-3, 2e-3], Pose.identity()).values.dtype == np.int16
    assert refusal(lambda: Volume(values, [1e-3, 0, 1e-3], Pose.identity())) == "core.not_positive"
    assert refusal(lambda: Volume(values[0], [1, 1, 1], Pose.identity())) == "core.shape"


# ---- measurements
def measurement(**changed) -> Measurement:
    """Return a measurement of 12 mm."""
    plain = {
        "name": "length",
        "value": 0.012,
        "standard_uncertainty": 1e-6,
        "unit": "m",
        "interval_95": (0.0119, 0.0121),
    }
    return Measurement(**plain | changed)


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": math.nan},
        {"value": math.inf},
        {"standard_uncertainty": -1e-9},
        {"standard_uncertainty": math.nan},
        {"interval_95": (0.2, 0.1)},
        {"interval_95": (math.nan, 0.1)},
        {"interval_95": (-math.inf, 0.1)},
    ],
)
def test_a_measurement_is_finite_and_its_interval_is_one(wrong):
    assert refusal(lambda: measurement(**wrong)) == "core.bad_measurement"


@pytest.mark.parametrize("limits", [(1, 1), (2, 1), (math.nan, 1), (0, math.nan)])
def test_a_tolerance_has_room_between_its_limits(limits):
    assert Tolerance(None, 1, "m").lower is None
    assert Tolerance(None, None, "m").upper is None
    assert refusal(lambda: Tolerance(*limits, "m")) == "core.bad_tolerance"


@pytest.mark.parametrize("name", ["white_m", "correlated_m", "correlation_length_m", "scale"])
def test_noise_is_never_negative(name):
    for wrong in (-1e-9, math.nan, math.inf):
        assert refusal(lambda wrong=wrong: SensorNoise(**{name: wrong})) == "core.bad_noise"
    assert SensorNoise() == SensorNoise(0, 0, 0, 0)


def test_a_feature_holds_what_was_asked_what_was_measured_and_what_follows():
    asked = Tolerance(0.0119, 0.0121, "m")
    feature = Feature("bore 3", "diameter", measurement(budget=(Contribution("noise", 1e-6),)), asked, Verdict.PASS)
    assert (feature.verdict, feature.tolerance, feature.notes) == ("pass", asked, ())
    assert feature.measured.budget[0].source == "noise"


def test_verdicts_say_what_can_be_said():
    assert [str(v) for v in Verdict] == ["pass", "fail", "cannot say"]


# ---- reports
def test_a_colouring_has_a_number_a_point():
    cloud, mesh = Cloud(np.zeros((2, 3))), Mesh(TETRAHEDRON, FACES)
    four = Colouring("deviation", [0, np.nan, 1, 2], "m", Tolerance(-1, 1, "m"))
    assert Thing("part", mesh, colouring=four).colouring is four
    assert refusal(lambda: Thing("scan", cloud, colouring=four)) == "core.colouring_length"


def test_a_report_starts_empty_and_cannot_be_changed():
    report = Report("manufacturing", text("core.shape", name="a", got="b", wanted="c"))
    assert (report.verdict, report.measurements, report.scene.things, dict(report.facts)) == (None, (), (), {})
    assert Scene().up == (0, 0, 1)
    with pytest.raises(AttributeError):
        report.verdict = Verdict.PASS
    assert Event(1.5, "entered", report.title).time_s == 1.5


# ---- travelling
@pytest.mark.parametrize(
    "value",
    [
        Pose.identity(),
        Camera(**CAMERA),
        Mesh(TETRAHEDRON, FACES),
        measurement(),
        Tolerance(0, 1, "m"),
        text("core.shape", name="a", got="b", wanted="c"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_travel_to_other_processes(value):
    back = pickle.loads(pickle.dumps(value))
    assert repr(back) == repr(value)


def test_a_cloud_and_a_report_travel_to_other_processes():
    cloud = Cloud(np.ones((2, 3)), fields={"i": np.arange(2)})
    report = Report("manufacturing", text("core.bad_depth"), scene=Scene((Thing("scan", cloud),)))
    back = pickle.loads(pickle.dumps(report))
    assert_array_equal(back.scene.things[0].shape.fields["i"], [0, 1])
    with pytest.raises(TypeError):
        back.scene.things[0].shape.fields["j"] = 1
