# SPDX-License-Identifier: Apache-2.0
"""Surfaces are understood: edges, parts, sizes, normals, samples."""

import numpy as np
import pytest

from naive_meshes import edge_kinds
from solids import ball, box, opened, soup, torus
from visionvalley.core import BadInput, Mesh
from visionvalley.vision.shape import topology as t

KINDS = {(1, 1): t.CLOSED, (1, 0): t.LONE, (2, 0): t.TURNED}


def beside(a, b, shift):
    """Two meshes as one."""
    return Mesh(
        np.concatenate([a.vertices_m, b.vertices_m + shift]), np.concatenate([a.faces, b.faces + len(a.vertices_m)])
    )


def fin():
    """Three faces at one edge, and a fourth beside one of them."""
    points = np.array([[0, 0, 0], [1, 0, 0], [0.5, 1, 0], [0.5, -1, 0], [0.5, 0, 1], [2, 1, 0.0]])
    return Mesh(points, np.array([[0, 1, 2], [1, 0, 3], [0, 1, 4], [1, 5, 2]], np.int32))


@pytest.mark.parametrize("mesh", [torus(12, 8), opened(torus(12, 8), 31), fin(), soup(box())])
def test_kinds_of_edges_agree_with_counting(mesh):
    edges = t.edges_of(mesh)
    assert edges.kinds.tolist() == [KINDS.get(pair, t.CROWDED) for pair in edge_kinds(mesh.faces)]


def test_twins_are_one_another_and_go_the_other_way():
    mesh = torus(30, 20)
    twins, halves = t.edges_of(mesh).twins, np.arange(mesh.faces.size)
    assert np.array_equal(twins[twins], halves)
    flat = mesh.faces.ravel()
    tips = np.roll(mesh.faces, -1, axis=1).ravel()
    assert np.array_equal(flat[twins], tips)
    assert np.array_equal(tips[twins], flat)


def test_closed_open_turned_and_crowded_surfaces_are_told_apart():
    whole, turned = torus(12, 8), torus(12, 8).faces.copy()
    turned[5] = turned[5, ::-1]
    assert t.is_watertight(whole)
    assert not t.is_watertight(opened(whole, 1))
    assert not t.is_watertight(Mesh(whole.vertices_m, turned))
    assert not t.is_consistent(Mesh(whole.vertices_m, turned))
    assert t.is_consistent(opened(whole, 1))
    assert not t.is_watertight(Mesh(np.zeros((1, 3)), np.empty((0, 3), np.int32)))
    assert t.non_manifold_edges(fin()).tolist() == [[0, 1]]
    assert sorted(map(sorted, t.boundary_edges(opened(box(), 1)).tolist())) == sorted(
        sorted((int(a), int(b))) for a, b in zip(box().faces[0], np.roll(box().faces[0], -1), strict=True)
    )


def test_parts_are_what_hangs_together_by_edges():
    three = beside(beside(box(), torus(12, 8), [1, 0, 0]), box(), [2, 0, 0])
    labels = t.components(three)
    assert [np.unique(labels[a:b]).tolist() for a, b in ((0, 12), (12, 204), (204, 216))] == [[0], [1], [2]]
    assert set(t.components(fin())) == {0}
    assert len(set(t.components(soup(box())))) == 12


def test_area_and_volume_of_a_box_are_exact_and_of_a_ball_come_from_below():
    assert t.area_m2(box((4, 2, 1))) == 28
    assert t.volume_m3(box((4, 2, 1))) == 8
    truth = 4 / 3 * np.pi
    gaps = [truth - t.volume_m3(ball(1.0, n, n // 2)) for n in (64, 128)]
    assert 0 < gaps[1] < gaps[0]
    assert gaps[0] / gaps[1] == pytest.approx(4, rel=0.02)
    inside_out = Mesh(box().vertices_m, box().faces[:, ::-1])
    assert t.volume_m3(inside_out) == -t.volume_m3(box())
    with pytest.raises(BadInput, match="not closed"):
        t.volume_m3(opened(box(), 1))


def test_normals_of_a_ball_point_outwards_and_of_a_box_corner_to_its_diagonal():
    faces, vertices = t.normals_of(ball(0.02, 192, 96))
    assert np.allclose(np.linalg.norm(faces, axis=1), 1, rtol=0, atol=1e-15)
    assert (vertices * ball(0.02, 192, 96).vertices_m / 0.02).sum(axis=1).min() > 0.9999
    corners = t.normals_of(box((1, 1, 1)))[1]
    assert np.allclose(corners, np.sign(box((1, 1, 1)).vertices_m) / np.sqrt(3), rtol=0, atol=1e-11)


def test_the_arc_tangent_is_right_to_1e_11(rng):
    from visionvalley.kernels.topology import arc_tangent

    pairs = np.concatenate(
        [rng.normal(size=(2000, 2)), [[0, 1], [0, -1], [1, 0], [1, 1], [1e-9, 1], [1e-9, -1], [0, 0]]]
    )
    found = [arc_tangent(abs(y), x) for y, x in pairs]
    assert np.abs(np.array(found) - np.arctan2(np.abs(pairs[:, 0]), pairs[:, 1])).max() < 1e-11


def test_a_soup_becomes_the_surface_it_was():
    whole = torus(30, 20)
    joined = t.merged(soup(whole))
    assert t.is_watertight(joined)
    assert len(joined.vertices_m) == len(whole.vertices_m)
    assert np.array_equal(joined.vertices_m[joined.faces], whole.vertices_m[whole.faces])


def test_vertices_within_the_tolerance_become_one(rng):
    shaken = soup(torus(30, 20))
    shaken = Mesh(shaken.vertices_m + rng.uniform(-1e-9, 1e-9, shaken.vertices_m.shape), shaken.faces)
    assert not t.is_watertight(t.merged(shaken))
    assert t.is_watertight(t.merged(shaken, tolerance_m=1e-8))


def test_minus_zero_is_the_same_place_as_zero():
    points = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [-0.0, 0, 0], [0, 1, 0], [-1, 0, 0]])
    assert len(t.merged(Mesh(points, np.array([[0, 1, 2], [3, 4, 5]], np.int32))).vertices_m) == 4


def test_faces_without_area_are_removed_and_colours_stay_with_their_faces():
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [2, 0, 0.0]])
    colours = np.arange(9, dtype=np.uint8).reshape(3, 3)
    mesh = Mesh(points, np.array([[0, 1, 3], [0, 1, 2], [1, 1, 2]], np.int32), None, colours)
    clean = t.without_degenerate(mesh)
    assert clean.faces.tolist() == [[0, 1, 2]]
    assert clean.face_colours.tolist() == [[3, 4, 5]]


def test_samples_lie_on_their_faces_evenly_over_the_area(rng):
    mesh = torus(40, 20)
    found = t.sample_surface(mesh, 40_000, seed=3)
    corners = mesh.vertices_m[mesh.faces[found.faces]]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    heights = ((found.points_m - corners[:, 0]) * found.normals).sum(axis=1)
    assert np.abs(heights).max() < 1e-16
    assert np.allclose(found.normals, normals / np.linalg.norm(normals, axis=1)[:, None], rtol=0, atol=1e-12)
    areas = t.face_normals(mesh.vertices_m, mesh.faces)[1]
    counts = np.bincount(found.faces, minlength=len(mesh.faces))
    assert np.abs(counts - 40_000 * areas / areas.sum()).max() <= 2
    middle = (found.points_m - corners.mean(axis=1)).mean(axis=0)
    assert np.abs(middle).max() < 1e-5
    again, other = t.sample_surface(mesh, 40_000, seed=3), t.sample_surface(mesh, 40_000, seed=4)
    assert np.array_equal(found.points_m, again.points_m)
    assert not np.array_equal(found.points_m, other.points_m)


def test_a_surface_without_area_cannot_be_sampled():
    with pytest.raises(BadInput, match="without area"):
        t.sample_surface(Mesh(np.zeros((3, 3)), np.array([[0, 1, 2]], np.int32)), 5)
    assert len(t.sample_surface(box(), 0).points_m) == 0
