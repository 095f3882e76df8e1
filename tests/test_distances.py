# SPDX-License-Identifier: Apache-2.0
"""Distances to a surface are exact, and their sign is right."""

import numpy as np
import pytest

from naive_meshes import distances, exactly_inside
from solids import ball, box, opened, soup, torus
from visionvalley.core import BadInput, Mesh
from visionvalley.kernels import threads
from visionvalley.vision.shape.distances import closest, signed_distance_m
from visionvalley.vision.shape.surfaces import index_surface


@pytest.fixture
def wavy():
    return torus(24, 12)


def around(mesh, count, rng, margin=0.3):
    low, high = mesh.vertices_m.min(axis=0), mesh.vertices_m.max(axis=0)
    return rng.uniform(low - margin * (high - low), high + margin * (high - low), (count, 3))


def on_faces(mesh, count, rng):
    faces = rng.integers(0, len(mesh.faces), count)
    weights = rng.dirichlet((1, 1, 1), count)
    return faces, (mesh.vertices_m[mesh.faces[faces]] * weights[:, :, None]).sum(axis=1)


@pytest.mark.parametrize("away_m", [0.0, 1e-8, 1e-5, 1e-2])
def test_distances_agree_with_brute_force_to_a_picometre(wavy, rng, away_m):
    points = on_faces(wavy, 25, rng)[1] + rng.normal(0, 1, (25, 3)) * away_m
    found = closest(index_surface(wavy), points)
    truth = distances(wavy, points)
    assert np.abs(np.abs(found.distance_m) - truth).max() < 1e-12
    assert np.allclose(np.linalg.norm(points - found.point_m, axis=1), truth, rtol=0, atol=1e-12)


def test_the_sign_agrees_with_exact_crossing_counts(wavy, rng):
    points = np.concatenate([around(wavy, 25, rng), on_faces(wavy, 35, rng)[1] + rng.normal(0, 1e-4, (35, 3))])
    inside = signed_distance_m(index_surface(wavy), points) < 0
    assert inside.tolist() == [exactly_inside(wavy, p) for p in points]


def test_the_sign_is_right_beyond_sharp_edges_and_corners(rng):
    spike = Mesh(
        np.array([[0, 0, 0], [0.001, 0, 0], [0, 0.001, 0], [0.0004, 0.0004, 0.05]]),
        np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]], np.int32),
    )
    points = np.concatenate([v + rng.normal(0, 1e-3, (100, 3)) for v in spike.vertices_m])
    inside = signed_distance_m(index_surface(spike), points) < 0
    assert inside.tolist() == [exactly_inside(spike, p) for p in points]


def test_a_box_has_its_analytic_distance(rng):
    half = np.array([0.02, 0.01, 0.005])
    points = around(box(), 5000, rng, margin=1.0)
    away = np.abs(points) - half
    truth = np.linalg.norm(np.maximum(away, 0), axis=1) + np.minimum(away.max(axis=1), 0)
    assert np.abs(signed_distance_m(index_surface(box()), points) - truth).max() < 1e-16


def test_the_centre_of_a_ball_which_all_faces_surround_is_measured(rng):
    sphere = ball(0.02, 40, 20)
    points = np.concatenate([np.zeros((1, 3)), rng.normal(0, 1e-9, (5, 3))])
    found = signed_distance_m(index_surface(sphere), points)
    assert np.abs(-found - distances(sphere, points)).max() < 1e-12
    assert (found < 0).all()


def test_a_soup_of_triangles_has_the_signs_of_the_closed_surface(wavy, rng):
    points = np.concatenate([around(wavy, 2000, rng), on_faces(wavy, 2000, rng)[1] + rng.normal(0, 1e-4, (2000, 3))])
    assert np.array_equal(
        signed_distance_m(index_surface(wavy), points), signed_distance_m(index_surface(soup(wavy)), points)
    )


def test_slivers_and_faces_without_area_change_nothing(rng):
    plain = box()
    v = plain.vertices_m
    middle = len(v)
    vertices = np.concatenate([v, [(v[0] + v[1]) / 2, v[0] + (v[1] - v[0]) * (1 / 3) + [1e-10, 0, 0]]])
    edge = [f for f in plain.faces.tolist() if 0 in f and 1 in f]
    others = [f for f in plain.faces.tolist() if not (0 in f and 1 in f)]
    parted = []  # one face of the edge is parted at its middle; a face without area fills the gap to the other
    a, b, c = next(f for f in (edge[0][k:] + edge[0][:k] for k in range(3)) if {f[0], f[1]} == {0, 1})
    parted += [[a, middle, c], [middle, b, c], [a, b, middle], edge[1], [3, 3, 5], [4, 4, 4]]
    needle = [a, b, middle + 1]
    faces = np.array([*others, *parted, needle, needle[::-1]], np.int32)
    points = np.concatenate(
        [around(plain, 500, rng, 1.0), on_faces(plain, 500, rng)[1] + rng.normal(0, 1e-5, (500, 3))]
    )
    points = np.concatenate([points, v[0] + rng.normal(0, 1e-3, (500, 3))])
    found = signed_distance_m(index_surface(Mesh(vertices, faces)), points)
    assert np.abs(found - signed_distance_m(index_surface(plain), points)).max() < 2e-10


def test_long_slivers_as_cad_makes_them_are_exact(rng):
    angle = np.linspace(0, 2 * np.pi, 201)[:-1]
    ring = np.stack([0.01 * np.cos(angle), 0.01 * np.sin(angle), 0 * angle], 1)
    i = np.arange(200)
    vertices = np.concatenate([ring + np.array([0, 0, z]) for z in (-0.05, 0.05)])
    n = (i + 1) % 200
    pipe = Mesh(
        vertices, np.concatenate([np.stack([i, n, 200 + n], 1), np.stack([i, 200 + n, 200 + i], 1)]).astype(np.int32)
    )
    points = on_faces(pipe, 40, rng)[1] + rng.normal(0, 1e-6, (40, 3))
    assert np.abs(np.abs(signed_distance_m(index_surface(pipe), points)) - distances(pipe, points)).max() < 1e-13


def test_far_from_the_origin_distances_survive_as_the_vertices_do(wavy, rng):
    away = np.array([5e5, 5.5e6, 100.0])
    shifted = Mesh(wavy.vertices_m + away, wavy.faces)
    points = around(wavy, 50, rng)
    found = signed_distance_m(index_surface(shifted), points + away)
    assert np.abs(found - signed_distance_m(index_surface(wavy), points)).max() < 4e-9  # float64 at 5500 km: 1e-9 m


def test_normals_are_those_of_the_face_the_edge_and_the_corner():
    found = closest(index_surface(box()), [[0, 0, 0.02], [0.001, 0.02, 0.03], [0.03, 0.02, 0.03], [0.001, 0, 0.0049]])
    side = np.sqrt(0.5)
    expected = [[0, 0, 1], [0, side, side], [1 / np.sqrt(3)] * 3, [0, 0, 1]]
    assert np.allclose(found.normal, expected, rtol=0, atol=1e-9)
    assert np.allclose(found.point_m[1], [0.001, 0.01, 0.005], rtol=0, atol=1e-17)
    assert not found.on_boundary.any()


def test_a_point_beyond_an_open_edge_is_marked(rng):
    sheet = Mesh(np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.0]]), np.array([[0, 1, 2], [0, 2, 3]], np.int32))
    found = closest(index_surface(sheet), [[0.5, 0.4, 0.1], [-0.1, 0.5, 0.1], [1.1, 1.1, 0], [0.6, 0.4, -0.2]])
    assert found.on_boundary.tolist() == [False, True, True, False]
    assert np.allclose(found.distance_m, [0.1, np.hypot(0.1, 0.1), np.hypot(0.1, 0.1), -0.2], rtol=0, atol=1e-15)


def test_points_without_measurement_stay_without(wavy):
    points = np.array([[0.03, 0, 0], [np.nan, 0, 0], [0, np.nan, 0], [0, 0, np.inf], [0.031, 0, 0]])
    found = closest(index_surface(wavy), points)
    assert np.isnan(found.distance_m).tolist() == [False, True, True, True, False]
    assert (found.face < 0).tolist() == [False, True, True, True, False]
    assert np.isnan(found.normal[1:4]).all()


def test_no_points_give_no_distances(wavy):
    assert closest(index_surface(wavy), np.empty((0, 3))).distance_m.shape == (0,)


def test_a_single_triangle_and_a_point_upon_it():
    one = Mesh(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0.0]]), np.array([[0, 1, 2]], np.int32))
    found = closest(index_surface(one), [[0.25, 0.25, 0], [0.25, 0.25, 2]])
    assert found.distance_m.tolist() == [0.0, 2.0]


def test_the_bits_are_the_same_on_any_number_of_threads(wavy, rng):
    points = around(wavy, 20_000, rng)
    before, results = threads.threads(), []
    try:
        for count in (1, 2, 4):
            threads.set_threads(count)
            found = closest(index_surface(wavy), points)
            results.append((found.distance_m, found.point_m, found.face, found.normal))
    finally:
        threads.set_threads(before)
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_the_order_of_points_does_not_matter(wavy, rng):
    points = around(wavy, 5000, rng)
    shuffled = rng.permutation(len(points))
    surface = index_surface(wavy)
    assert np.array_equal(signed_distance_m(surface, points)[shuffled], signed_distance_m(surface, points[shuffled]))


def test_the_opened_surface_still_finds_its_faces(wavy, rng):
    part = opened(wavy, 200)
    points = around(wavy, 40, rng)
    assert np.abs(np.abs(signed_distance_m(index_surface(part), points)) - distances(part, points)).max() < 1e-12


def test_a_mesh_without_faces_and_points_beyond_measure_are_refused(wavy):
    with pytest.raises(BadInput, match="no faces"):
        index_surface(Mesh(np.zeros((3, 3)), np.empty((0, 3), np.int32)))
    with pytest.raises(BadInput, match="beyond"):
        closest(index_surface(wavy), [[1e16, 0, 0]])
