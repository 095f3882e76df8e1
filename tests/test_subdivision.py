# SPDX-License-Identifier: Apache-2.0
"""Subdivided surfaces are the same surfaces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visionvalley.core import BadInput, Mesh
from visionvalley.vision.shape.subdivision import subdivided

CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
TETRAHEDRON = Mesh(CORNERS, np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]], np.int32))


def crosses(mesh):
    a, b, c = (mesh.vertices_m[mesh.faces[:, i]] for i in range(3))
    return np.cross(b - a, c - a) / 2


@settings(deadline=None, max_examples=30)
@given(st.floats(0.02, 2.0))
def test_area_volume_and_closure_stay_and_no_edge_is_longer_than_asked(longest):
    small = subdivided(TETRAHEDRON, longest)
    area = np.linalg.norm(crosses(small), axis=1)
    assert area.sum() == pytest.approx(np.linalg.norm(crosses(TETRAHEDRON), axis=1).sum(), rel=1e-12)
    assert (small.vertices_m[small.faces[:, 0]] * crosses(small)).sum() / 3 == pytest.approx(1 / 6, rel=1e-12)
    corners = small.vertices_m[small.faces]
    assert np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max() <= longest
    edges = np.sort(small.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert set(np.unique(edges, axis=0, return_counts=True)[1]) == {2}  # closed: two faces at every edge


def test_faces_that_are_small_enough_are_left_alone():
    assert subdivided(TETRAHEDRON, 10.0) is TETRAHEDRON


def test_more_faces_than_memory_holds_are_refused():
    with pytest.raises(BadInput, match="faces"):
        subdivided(TETRAHEDRON, 1e-9)
