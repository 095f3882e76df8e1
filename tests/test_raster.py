# SPDX-License-Identifier: Apache-2.0
"""The z-buffer sees what rays through the pixel centres meet."""

import numpy as np
import pytest

from naive_meshes import first_hit
from solids import box, torus
from visionvalley.core import BadInput, Camera, Mesh, Pose
from visionvalley.kernels import threads
from visionvalley.vision.shape.raster import places_seen, render_depth, values_seen

CAMERA = Camera(40, 30, 40.0, 42.0, 19.3, 14.8)
ABOVE = Pose.from_rotation_vector(np.array([0.7, 0.2, 0.1]), np.array([0, 0, 0.12]))


def rays(camera):
    v, u = np.mgrid[: camera.height_px, : camera.width_px]
    return np.stack([(u - camera.cx_px) / camera.fx_px, (v - camera.cy_px) / camera.fy_px, np.ones(u.shape)], -1)


def depths_by_rays(mesh, camera, pose, near_m=0.0):
    moved = mesh.moved(pose)
    along = rays(camera).reshape(-1, 3)
    found = [first_hit(moved, near_m * d, d) for d in along]
    return np.array(found).reshape(camera.height_px, camera.width_px) + near_m


def test_depths_agree_with_a_ray_for_each_pixel():
    mesh = torus(12, 8, size_m=0.03)
    view = render_depth(mesh, CAMERA, ABOVE)
    truth = depths_by_rays(mesh, CAMERA, ABOVE)
    assert np.array_equal(np.isfinite(truth), view.face >= 0)
    seen = view.face >= 0
    assert seen.sum() > 200
    assert np.abs(view.depth_m - truth)[seen].max() < 2e-8
    assert np.isnan(view.depth_m[~seen]).all()


def test_what_crosses_the_near_plane_is_cut_there():
    mesh = box((0.2, 0.3, 0.5))
    pose = Pose.from_rotation_vector(np.array([0.1, 0.2, 0.3]), np.array([0.01, 0.02, 0.1]))
    camera = Camera(24, 18, 20.0, 20.0, 11.0, 9.0)
    view = render_depth(mesh, camera, pose, near_m=0.05)
    assert (view.face >= 0).all()
    assert np.allclose(view.depth_m, depths_by_rays(mesh, camera, pose, 0.05), rtol=2e-7, atol=0)


def test_a_surface_behind_the_camera_is_not_seen():
    view = render_depth(torus(8, 6), CAMERA, Pose(np.eye(3), np.array([0, 0, -0.2])))
    assert (view.face == -1).all()


@pytest.mark.parametrize("size", [1.0, 0.1, 0.07])
def test_no_pixel_falls_between_the_faces_of_a_closed_wall(rng, size):
    count = 60
    u, v = np.meshgrid(np.arange(count + 1.0), np.arange(count + 1.0), indexing="ij")
    inner = np.stack([u, v, 0 * u], -1)
    inner[1:-1, 1:-1, :2] += rng.integers(-2, 3, (count - 1, count - 1, 2)) / 8  # many corners upon pixel centres
    i, j = np.meshgrid(np.arange(count), np.arange(count), indexing="ij")
    a = i * (count + 1) + j
    faces = np.concatenate(
        [np.stack(c, -1).reshape(-1, 3) for c in ([a, a + count + 1, a + count + 2], [a, a + count + 2, a + 1])]
    )
    wall = Mesh(inner.reshape(-1, 3) * size, faces.astype(np.int32))
    view = render_depth(wall, Camera(61, 61, 1 / size, 1 / size, 0.0, 0.0), Pose(np.eye(3), np.array([0, 0, 1.0])))
    assert (view.face[1:-1, 1:-1] >= 0).all()
    assert (view.depth_m[1:-1, 1:-1] == 1).all()


def test_of_two_faces_at_the_same_depth_the_first_is_seen():
    square = np.array([[-1, -1, 1], [1, -1, 1], [0, 1, 1.0]])
    mesh = Mesh(np.concatenate([square, square]), np.array([[3, 4, 5], [0, 1, 2]], np.int32))
    view = render_depth(mesh, CAMERA, Pose.identity())
    assert set(np.unique(view.face)) <= {-1, 0}


def test_the_bits_are_the_same_on_any_number_of_threads():
    before, results = threads.threads(), []
    mesh = torus(300, 200)
    try:
        for count in (1, 2, 4):
            threads.set_threads(count)
            results.append(render_depth(mesh, CAMERA, ABOVE))
    finally:
        threads.set_threads(before)
    for other in results[1:]:
        assert np.array_equal(results[0].depth_m, other.depth_m, equal_nan=True)
        assert np.array_equal(results[0].face, other.face)


def test_values_are_interpolated_on_the_surface_and_not_in_the_picture():
    mesh = torus(60, 40)
    view = render_depth(mesh, CAMERA, ABOVE)
    picture = values_seen(view, mesh, mesh.vertices_m[:, 0] + 2 * mesh.vertices_m[:, 2])
    places = places_seen(view)
    assert np.allclose(picture[view.face >= 0], places[:, 0] + 2 * places[:, 2], rtol=0, atol=2e-8)
    assert np.isnan(picture[view.face < 0]).all()


def test_a_mesh_without_faces_is_not_seen_and_a_distorted_camera_is_refused():
    assert (render_depth(Mesh(np.zeros((1, 3)), np.empty((0, 3), np.int32)), CAMERA, ABOVE).face == -1).all()
    with pytest.raises(BadInput, match="distortion"):
        render_depth(box(), Camera(4, 3, 4, 4, 2, 1, (0.1, 0, 0, 0, 0)), ABOVE)
