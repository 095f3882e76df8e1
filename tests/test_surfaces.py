# SPDX-License-Identifier: Apache-2.0
"""The tree over a surface holds every face once, inside its boxes."""

import numpy as np
import pytest

from solids import box, torus
from visionvalley.core import Mesh
from visionvalley.kernels import bvh, threads
from visionvalley.vision.shape.distances import signed_distance_m
from visionvalley.vision.shape.surfaces import index_surface


def walk(tree):
    """Yield (leaf, boxes of all nodes above it)."""
    nodes, children = tree[0], tree[0].view(np.int32)[:, 48:]
    waiting = [(0, [])]
    while waiting:
        node, above = waiting.pop()
        for j in range(8):
            low, high = nodes[node, [j, 8 + j, 16 + j]], nodes[node, [24 + j, 32 + j, 40 + j]]
            if (low <= high).all():
                child, boxes = int(children[node, j]), [*above, (low, high)]
                if child < 0:
                    yield -1 - child, boxes
                else:
                    waiting.append((child, boxes))


@pytest.mark.parametrize("mesh", [box(), torus(24, 12), torus(80, 60), Mesh(box().vertices_m, box().faces[:1])])
def test_each_face_lies_in_one_leaf_and_in_every_box_above_it(mesh):
    surface = index_surface(mesh)
    leaf_faces = surface.tree[3]
    local = (mesh.vertices_m - surface.origin_m).astype(np.float32)
    seen = []
    for leaf, boxes in walk(surface.tree):
        faces = leaf_faces[leaf][leaf_faces[leaf] >= 0]
        seen += faces.tolist()
        corners = local[mesh.faces[faces]].reshape(-1, 3)
        assert all((low <= corners).all() and (corners <= high).all() for low, high in boxes)
    assert sorted(seen) == list(range(len(mesh.faces)))


@pytest.mark.parametrize("shape", ["same place", "one line", "growing"])
def test_shapes_that_cannot_be_parted_by_place_are_indexed_all_the_same(shape, rng):
    count = 5000
    corners = np.tile(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0.0]]), (count, 1))
    if shape == "one line":
        corners[:, 1:] = 0
        corners[:, 0] = rng.random(3 * count)
    elif shape == "growing":
        corners *= np.repeat(1.01 ** (np.arange(count) % 3000), 3)[:, None]
    mesh = Mesh(corners, np.arange(3 * count, dtype=np.int32).reshape(-1, 3))
    points = corners[rng.integers(0, len(corners), 30)]
    assert np.abs(signed_distance_m(index_surface(mesh), points)).max() < 1e-12 * np.abs(corners).max()


def test_the_tree_is_the_same_on_any_number_of_threads():
    before, results = threads.threads(), []
    mesh = torus(300, 200)
    try:
        for count in (1, 2, 4):
            threads.set_threads(count)
            results.append(bvh.build(mesh.vertices_m.astype(np.float32), mesh.faces.copy()))
    finally:
        threads.set_threads(before)
    for other in results[1:]:
        assert all(np.array_equal(a.view(np.int32), b.view(np.int32)) for a, b in zip(results[0], other, strict=True))


def test_vertices_at_one_place_are_one_and_the_mesh_stays_as_it_was():
    mesh = torus(12, 8)
    apart = Mesh(mesh.vertices_m[mesh.faces].reshape(-1, 3), np.arange(mesh.faces.size, dtype=np.int32).reshape(-1, 3))
    surface = index_surface(apart)
    assert not surface.edges.kinds.any()
    assert not surface.open_vertices.any()
    assert not apart.faces.flags.writeable
    assert np.array_equal(surface.vertices_m[surface.faces], mesh.vertices_m[mesh.faces])
