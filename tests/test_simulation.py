# SPDX-License-Identifier: Apache-2.0
"""The virtual sensor errs as it was told to, and knows the truth."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from visionvalley.core import BadInput, Camera, Mesh, Pose, SensorNoise
from visionvalley.kernels.threads import set_threads, threads
from visionvalley.samples.simulated import bracket, dented_block
from visionvalley.vision.geometry.directions import sphere_of_directions
from visionvalley.vision.shape.surfaces import index_surface
from visionvalley.vision.shape.topology import is_watertight, volume_m3
from visionvalley.vision.simulation.depth_sensor import DepthSensor, rays_of, returning, scan
from visionvalley.vision.simulation.noise import correlated_field
from visionvalley.vision.simulation.parts import plant_offset, rectilinear
from visionvalley.vision.simulation.views import looking_at

CAMERA = Camera(200, 150, 400, 400, 99.5, 74.5)
FLAT = Mesh(np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0.0]]), np.array([[0, 1, 2], [0, 2, 3]], np.int32))
ABOVE = looking_at(np.array([0, 0, 0.5]), np.zeros(3))


def flat_scan(seed=0, **sensor):
    return scan(index_surface(FLAT), ABOVE, DepthSensor(CAMERA, **sensor), seed)


def test_without_noise_every_pixel_sees_the_plane_where_it_is():
    seen = flat_scan()
    assert len(seen.cloud) == 200 * 150
    assert_allclose(seen.cloud.points_m[:, 2], 0.5, atol=1e-12)
    assert_allclose(seen.truth_m, seen.cloud.points_m, atol=1e-12)
    assert_allclose(seen.depth.depth_m, 0.5, atol=1e-7)
    u, v = seen.pixels.T
    assert_allclose(seen.cloud.points_m[:, 0], (u - 99.5) / 400 * 0.5, atol=1e-12)
    assert_allclose(seen.cloud.points_m[:, 1], (v - 74.5) / 400 * 0.5, atol=1e-12)


def test_white_noise_has_its_size_and_no_memory():
    error = flat_scan(noise=SensorNoise(white_m=20e-6)).error_m.reshape(150, 200)
    assert error.std() == pytest.approx(20e-6, rel=0.02)
    assert abs(np.mean(error[:, 1:] * error[:, :-1])) < 0.03 * 20e-6**2


def test_correlated_noise_has_its_size_and_its_length():
    length = 0.02
    errors = [
        flat_scan(seed, noise=SensorNoise(correlated_m=10e-6, correlation_length_m=length)).error_m.reshape(150, 200)
        for seed in range(24)
    ]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(10e-6, rel=0.1)
    step = round(length / (0.5 / 400))  # pixels to one correlation length
    pairs = np.mean([e[:, step:] * e[:, :-step] for e in errors]) / np.mean(np.square(errors))
    assert pairs == pytest.approx(math.exp(-1), abs=0.1)


def test_a_random_field_is_normal(rng):
    points = rng.uniform(-1, 1, (4000, 3)) * 10
    fields = np.concatenate([correlated_field(points, 0.01, np.random.default_rng(s)) for s in range(5)])
    assert fields.mean() == pytest.approx(0, abs=0.03)
    assert fields.std() == pytest.approx(1, abs=0.03)
    assert np.mean(np.abs(fields) < 1.96) == pytest.approx(0.95, abs=0.01)


def test_depth_comes_in_steps():
    seen = flat_scan(noise=SensorNoise(white_m=1e-3), quantisation_m=0.5e-3)
    steps = seen.cloud.points_m[:, 2] / 0.5e-3
    assert_allclose(steps, np.round(steps), atol=1e-6)
    assert len(np.unique(np.round(steps))) > 5


def test_the_scale_is_off_for_a_whole_scan_at_once():
    scales = np.array([flat_scan(seed, noise=SensorNoise(scale=1e-3)).scale for seed in range(40)])
    assert scales.std() == pytest.approx(1e-3, rel=0.3)
    seen = flat_scan(3, noise=SensorNoise(scale=1e-3))
    assert_allclose(seen.cloud.points_m, seen.truth_m * seen.scale, rtol=1e-12)


def test_light_fades_out_over_ten_degrees_before_the_grazing_limit():
    angles = np.radians([0, 69, 75, 80.001, 89])
    normals = np.stack([np.sin(angles), np.zeros(5), -np.cos(angles)], axis=1)
    points = np.tile([0.0, 0.0, 1.0], (5, 1))
    half = (math.cos(angles[2]) - math.cos(math.radians(80))) / (
        math.cos(math.radians(70)) - math.cos(math.radians(80))
    )
    assert_allclose(returning(points, normals, math.radians(80)), [1, 1, half, 0, 0], atol=1e-4)
    assert half == pytest.approx(0.5, abs=0.01)


def test_so_many_points_are_lost_at_a_grazing_angle_as_the_law_says():
    eye = np.array([math.sin(math.radians(75)), 0, math.cos(math.radians(75))]) * 0.5
    narrow = DepthSensor(Camera(200, 150, 40_000, 40_000, 99.5, 74.5), None)
    seen = scan(index_surface(FLAT), looking_at(eye, np.zeros(3)), narrow)
    assert len(seen.cloud) / (200 * 150) == pytest.approx(0.5, abs=0.03)


def test_a_wall_throws_the_shadow_that_geometry_says():
    """A wall of 20 mm at x = 0; light from x = 200 mm, 0.5 m up: it is dark from x = 0 to -20 * 200 / 480 mm."""
    wall = np.array([[0, -1, 0], [0, 1, 0], [0, 1, 0.02], [0, -1, 0.02]])
    mesh = Mesh(
        np.concatenate([FLAT.vertices_m, wall]),
        np.concatenate([FLAT.faces, [[4, 5, 6], [4, 6, 7]]]).astype(np.int32),
    )
    pose = ABOVE
    light = pose.apply(np.array([[0.2, 0, 0.5]]))[0]
    seen = scan(index_surface(mesh), pose, DepthSensor(CAMERA, tuple(light)))
    ground = pose.inverse().apply(seen.truth_m)
    ground = ground[np.abs(ground[:, 2]) < 1e-6]
    dark = ground[(ground[:, 0] < -0.0002) & (ground[:, 0] > -0.0081)]
    assert len(dark) == 0
    pixel = 0.5 / 400
    assert -0.02 * 0.2 / 0.48 - 1.5 * pixel < ground[ground[:, 0] < -0.005][:, 0].max() <= -0.02 * 0.2 / 0.48


def test_distorted_pixels_look_where_distorted_points_fall():
    k1, k2, p1, p2, k3 = distortion = (-0.2, 0.05, 1e-3, -5e-4, 0.01)
    camera = Camera(200, 150, 150, 150, 99.5, 74.5, distortion)
    pixels = np.array([[0, 0], [199, 149], [30, 100], [99, 74]])
    x, y, _ = rays_of(camera, pixels).T
    r2 = x * x + y * y
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    u = 150 * (x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)) + 99.5
    v = 150 * (y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y) + 74.5
    assert_allclose(np.stack([u, v], axis=1), pixels, atol=1e-6)


def test_a_scan_is_the_same_to_the_bit_on_any_number_of_threads():
    surface, before, seen = index_surface(bracket()), threads(), []
    sensor = DepthSensor(CAMERA, noise=SensorNoise(10e-6, 5e-6, 5e-3))
    pose = looking_at(np.array([0.1, -0.1, 0.3]), np.array([0.045, 0.03, 0.01]))
    for count in (1, 2, 4):
        set_threads(count)
        seen.append(scan(surface, pose, sensor, 7).cloud.points_m)
    set_threads(before)
    assert all(np.array_equal(seen[0], s) for s in seen[1:])


def test_a_camera_looks_where_it_is_told():
    eye, target = np.array([0.3, -0.2, 0.7]), np.array([0.1, 0.1, 0.1])
    camera_from_part = looking_at(eye, target)
    assert_allclose(camera_from_part.apply(eye[None])[0], 0, atol=1e-12)
    seen = camera_from_part.apply(target[None])[0]
    assert_allclose(seen, [0, 0, np.linalg.norm(target - eye)], atol=1e-12)
    assert camera_from_part.turn(np.array([[0, 0, 1.0]]))[0, 1] < 0  # the part's up is the image's up


def test_directions_are_spread_over_the_whole_sphere():
    ways = sphere_of_directions(50)
    assert_allclose(np.linalg.norm(ways, axis=1), 1)
    assert np.abs(ways.mean(axis=0)).max() < 0.02
    assert (ways @ ways.T - 2 * np.eye(50)).max() < 0.98


def test_the_bracket_is_closed_and_as_large_as_its_boxes_less_its_holes():
    part = bracket()
    assert is_watertight(part)
    boxes = 90 * 60 * 8 + (16 + 26 + 16) * 60 * 6 - 26 * 28 * 6 + 16 * 60 * 8
    area = 64 / 2 * 4.5**2 * math.sin(2 * math.pi / 64)  # of a hole with 64 corners
    assert volume_m3(part) * 1e9 == pytest.approx(boxes - 4 * area * 8, rel=1e-9)


def test_boxes_that_touch_make_one_closed_surface():
    filled = np.zeros((2, 2, 2), bool)
    filled[0, 0, 0] = filled[1, 0, 0] = filled[0, 0, 1] = True
    mesh = rectilinear([0, 1, 2], [0, 1, 2], [0, 1, 2], filled)
    assert is_watertight(mesh)
    assert volume_m3(mesh) == pytest.approx(3.0)


def test_a_planted_patch_is_moved_by_just_its_offset_and_nothing_else_is():
    centre = np.array([24e-3, 30e-3, 22e-3])
    planted = plant_offset(bracket(), centre, 5e-3, -0.25e-3)
    assert is_watertight(planted.mesh)
    assert_allclose(planted.normal, [0, 0, 1], atol=1e-12)
    rays = np.array([[0, 0, 0], [3e-3, 2e-3, 0], [4.9e-3, 0, 0], [7e-3, 0, 0]]) + centre + [0, 0, 0.1]
    from visionvalley.vision.shape.rays import cast

    depth = cast(index_surface(planted.mesh), rays, np.tile([0, 0, -1.0], (4, 1))).distance_m
    assert_allclose(depth, [0.10025, 0.10025, 0.10025, 0.1], atol=1e-9)


@pytest.mark.parametrize(
    "bad",
    [
        {"quantisation_m": -1.0},
        {"grazing_rad": 3.0},
        {"noise": SensorNoise(correlated_m=1e-6)},
        {"projector_m": (math.nan, 0, 0)},
    ],
)
def test_a_sensor_that_makes_no_sense_is_refused(bad):
    with pytest.raises(BadInput):
        DepthSensor(CAMERA, **bad)


def test_the_dented_block_is_the_same_every_time_and_lies_elsewhere():
    one, two = dented_block()[0].points_m, dented_block()[0].points_m
    assert np.array_equal(one, two)
    assert np.abs(one.mean(axis=0) - bracket().vertices_m.mean(axis=0)).max() > 0.1


def test_a_pose_that_turns_away_sees_nothing():
    seen = scan(
        index_surface(FLAT), Pose.from_rotation_vector(np.zeros(3), np.array([0, 0, -1.0])), DepthSensor(CAMERA)
    )
    assert len(seen.cloud) == 0
    assert np.isnan(seen.depth.depth_m).all()
