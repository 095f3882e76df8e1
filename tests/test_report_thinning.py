# SPDX-License-Identifier: Apache-2.0
"""What is thinned for the screen keeps its shape, its edges and its values."""

import numpy as np
import pytest
from tests import reports

from visionvalley.core import Cloud, Colouring, Mesh, Scene, Thing
from visionvalley.report.thinning import thinned_mesh, thinned_scene

CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
SIDES = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]


def cube(cells=40):
    """Return a cube of side 1 with fine faces, closed."""
    parts, faces, steps = [], [], np.linspace(0, 1, cells + 1)
    for ring in SIDES:
        a, b, _, d = CORNERS[ring]
        s, t = (one.ravel() for one in np.meshgrid(steps, steps, indexing="ij"))
        first = (np.arange(cells)[:, None] * (cells + 1) + np.arange(cells)).ravel() + sum(map(len, parts))
        quads = np.stack([first, first + cells + 1, first + cells + 2, first + 1], 1)
        faces += [quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]
        parts.append(a + s[:, None] * (b - a) + t[:, None] * (d - a))
    vertices, member = np.unique(np.concatenate(parts).round(9), axis=0, return_inverse=True)
    return Mesh(vertices, member[np.concatenate(faces)])


def volume(mesh):
    a, b, c = (mesh.vertices_m[mesh.faces[:, i]] for i in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize("most", [4000, 1000])
def test_a_cube_stays_the_same_cube(most):
    whole = cube()
    thin, rows = thinned_mesh(whole, most)
    assert len(thin.faces) <= most < len(whole.faces)
    assert (thin.vertices_m == whole.vertices_m[rows]).all()
    assert abs(volume(thin)) == pytest.approx(abs(volume(whole)), rel=1e-9)
    assert set(map(tuple, CORNERS)) <= set(map(tuple, thin.vertices_m))


def test_a_thin_wall_keeps_both_of_its_sides():
    whole = cube()
    wall = Mesh(whole.vertices_m * [1, 1, 0.004], whole.faces)
    thin, _ = thinned_mesh(wall, 1500)
    assert abs(volume(thin)) == pytest.approx(abs(volume(wall)), rel=0.02)


def test_what_is_small_enough_is_not_touched():
    scene = reports.scene()
    assert all(a is b for a, b in zip(thinned_scene(scene).things, scene.things, strict=True))


def test_values_go_with_their_points(rng):
    points = rng.normal(size=(1000, 3))
    points[:10] = np.nan
    values = points[:, 0].astype(np.float32)
    scene = Scene((Thing("a", Cloud(points), colouring=Colouring("x", values, "m")),))
    thin = thinned_scene(scene, most_points=100).things[0]
    assert len(thin.shape) == 100
    assert (thin.colouring.values == thin.shape.points_m[:, 0].astype(np.float32)).all()
