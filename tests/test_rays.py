# SPDX-License-Identifier: Apache-2.0
"""Rays meet what they must, and never slip through."""

import numpy as np
import pytest

from naive_meshes import first_hit
from solids import ball, box, soup, torus
from visionvalley.core import BadInput, Mesh
from visionvalley.kernels import threads
from visionvalley.vision.shape.rays import cast
from visionvalley.vision.shape.surfaces import index_surface


def test_hits_agree_with_brute_force(rng):
    mesh = torus(16, 10)
    origins = rng.uniform(-0.06, 0.06, (60, 3))
    directions = rng.uniform(-0.04, 0.04, (60, 3)) * [1, 1, 0.3] - origins
    directions[:10] = np.eye(3)[rng.integers(0, 3, 10)] * rng.choice([-1.0, 1.0], 10)[:, None]
    hits = cast(index_surface(mesh), origins, directions)
    unit = directions / np.linalg.norm(directions, axis=1)[:, None]
    truth = np.array([first_hit(mesh, o, d) for o, d in zip(origins, unit, strict=True)])
    assert np.array_equal(np.isfinite(truth), hits.face >= 0)
    met = np.isfinite(truth)
    assert 10 < met.sum() < 50
    assert np.abs(hits.distance_m[met] - truth[met]).max() < 1e-13
    assert np.isinf(hits.distance_m[~met]).all()


def test_the_weights_lead_to_the_point_that_the_distance_leads_to(rng):
    mesh = torus()
    origins, directions = rng.uniform(-0.06, 0.06, (5000, 3)), rng.normal(size=(5000, 3))
    hits = cast(index_surface(mesh), origins, directions)
    met = hits.face >= 0
    unit = directions / np.linalg.norm(directions, axis=1)[:, None]
    corners = mesh.vertices_m[mesh.faces[hits.face[met]]]
    second, third = hits.weights[met].T[:, :, None]
    places = (1 - second - third) * corners[:, 0] + second * corners[:, 1] + third * corners[:, 2]
    assert np.allclose(places, (origins + hits.distance_m[:, None] * unit)[met], rtol=0, atol=1e-12)
    assert hits.weights[met].min() >= 0
    assert hits.weights[met].sum(axis=1).max() <= 1 + 1e-15


@pytest.mark.parametrize("mesh", [ball(0.02, 192, 96), box(), soup(ball(0.02, 48, 24))], ids=["ball", "box", "soup"])
def test_no_ray_from_within_slips_through_corners_or_edges(mesh, rng):
    edges = np.concatenate([mesh.faces[:, [k, (k + 1) % 3]] for k in range(3)])
    share = rng.random((4, len(edges), 1))
    along = mesh.vertices_m[edges[:, 0]] * (1 - share) + mesh.vertices_m[edges[:, 1]] * share
    targets = np.concatenate([mesh.vertices_m, along.reshape(-1, 3)])
    for origin in (np.zeros(3), np.array([1e-3, -2e-3, 1.5e-3]), np.array([0.001234567, 0.0023, -0.00321])):
        hits = cast(index_surface(mesh), origin, targets - origin)
        assert (hits.face >= 0).all()
        assert np.allclose(hits.distance_m, np.linalg.norm(targets - origin, axis=1), rtol=1e-4)


def test_no_ray_slips_through_from_far_away_or_along_an_axis(rng):
    mesh = ball(0.02, 96, 48)
    inner = mesh.vertices_m * 0.9
    for origin in (np.array([100.0, 50.0, -30.0]), np.array([0, 0, 1.0])):
        assert (cast(index_surface(mesh), origin, inner - origin).face >= 0).all()
    flat = box((1, 1, 1))
    across = np.stack([rng.uniform(-0.5, 0.5, 1000), rng.uniform(-0.5, 0.5, 1000), np.full(1000, -3.0)], 1)
    hits = cast(index_surface(flat), across, np.tile([0, 0, 1.0], (1000, 1)))
    assert np.allclose(hits.distance_m, 2.5, rtol=0, atol=1e-15)


def test_both_sides_of_a_face_are_met_and_nothing_behind_the_origin():
    one = Mesh(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0.0]]), np.array([[0, 1, 2]], np.int32))
    directions = [[0, 0, 2], [0, 0, -1], [0, 0, -1], [1, 0, 0]]
    hits = cast(index_surface(one), [[0.2, 0.2, -1], [0.2, 0.2, 1], [0.2, 0.2, -1], [-1, 0.2, 0.5]], directions)
    assert hits.distance_m.tolist() == [1, 1, np.inf, np.inf]


def test_rays_without_measurement_stay_without():
    directions = [[np.nan, 0, 1], [0, 0, 0], [0, 0, 1], [np.inf, 0, 0]]
    hits = cast(index_surface(box()), np.zeros(3), directions)
    assert np.isnan(hits.distance_m).tolist() == [True, True, False, True]
    assert (hits.face >= 0).tolist() == [False, False, True, False]
    assert cast(index_surface(box()), np.empty((0, 3)), np.empty((0, 3))).face.shape == (0,)


def test_the_bits_are_the_same_on_any_number_of_threads(rng):
    surface, directions = index_surface(torus()), rng.normal(size=(20_000, 3))
    before, results = threads.threads(), []
    try:
        for count in (1, 2, 4):
            threads.set_threads(count)
            hits = cast(surface, np.array([0.03, 0, 0]), directions)
            results.append((hits.distance_m, hits.face, hits.weights))
    finally:
        threads.set_threads(before)
    for other in results[1:]:
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(results[0], other, strict=True))


def test_as_many_origins_as_directions_are_asked_for():
    with pytest.raises(BadInput, match="2 origins and 3 directions"):
        cast(index_surface(box()), np.zeros((2, 3)), np.ones((3, 3)))


def test_what_a_ray_meets_depends_on_no_other_ray(rng):
    surface = index_surface(torus())
    origins, directions = rng.uniform(-0.06, 0.06, (1500, 3)), rng.normal(size=(1500, 3))
    origins[::7] += 1  # most of these pass the surface's box
    directions[::11] = np.nan
    whole = cast(surface, origins, directions)
    assert 100 < (whole.face >= 0).sum() < 1200
    for rows in (slice(1), slice(700, 720), slice(None, None, -1), slice(0, 1500, 3)):
        part = cast(surface, origins[rows], directions[rows])
        assert np.array_equal(part.face, whole.face[rows])
        assert np.array_equal(part.distance_m, whole.distance_m[rows], equal_nan=True)
        assert np.array_equal(part.weights, whole.weights[rows], equal_nan=True)


@pytest.mark.parametrize("origin", [(0, 0, -0.2), (0.3, 0.2, 0.1), (0.033, 0.001, 0.002)])
def test_rays_side_by_side_meet_what_they_meet_alone(origin, rng):
    mesh = torus()
    surface = index_surface(mesh)
    across, up = np.meshgrid(np.linspace(-0.06, 0.06, 200), np.linspace(-0.06, 0.06, 50))
    directions = np.column_stack([across.ravel(), up.ravel(), np.full(across.size, 0.004)]) - origin
    near = mesh.vertices_m[mesh.faces[:, [0, 1, 0, 1]]].reshape(-1, 3) - origin  # along edges, to their corners
    directions = np.concatenate([directions, near])
    beside = cast(surface, np.array(origin), directions)
    order = rng.permutation(len(directions))
    alone = cast(surface, np.array(origin), directions[order])
    assert (beside.face >= 0).sum() > 1000
    assert np.array_equal(alone.face, beside.face[order])
    assert np.array_equal(alone.distance_m, beside.distance_m[order])
    assert np.array_equal(alone.weights, beside.weights[order], equal_nan=True)


def test_of_faces_met_at_the_same_distance_the_first_in_the_tree_counts(rng):
    once = torus(40, 30)
    twice = Mesh(once.vertices_m, np.concatenate([once.faces, once.faces]))
    surface = index_surface(twice)
    hits = cast(surface, rng.uniform(-0.06, 0.06, (5000, 3)), rng.normal(size=(5000, 3)))
    faces = surface.tree[3].ravel()
    places = np.zeros(len(twice.faces), int)
    places[faces[faces >= 0]] = np.flatnonzero(faces >= 0)
    met = hits.face[hits.face >= 0]
    assert len(met) > 500
    assert (places[met] < places[(met + len(once.faces)) % len(twice.faces)]).all()


def test_deep_trees_of_many_overlapping_boxes_are_searched_whole(rng):
    count = 4000
    size = 1.002 ** np.arange(count)  # each triangle overlaps all that are larger, corner on corner
    corners = np.tile(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0.0]]), (count, 1)) * np.repeat(size, 3)[:, None]
    corners[:, 2] = np.repeat(size, 3) * 1e-3
    mesh = Mesh(corners, np.arange(3 * count, dtype=np.int32).reshape(-1, 3))
    starts = np.column_stack([rng.uniform(0, 0.4 * size[-1], (300, 2)), np.full(300, -1.0)])
    hits = cast(index_surface(mesh), starts, np.tile([0, 0, 1.0], (300, 1)))
    wanted = np.searchsorted(size, starts[:, :2].sum(axis=1))
    assert np.abs(hits.face - wanted).max() <= 1
    assert (hits.face == wanted).mean() > 0.9
