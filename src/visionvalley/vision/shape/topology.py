# SPDX-License-Identifier: Apache-2.0
"""What touches what on a surface of triangles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visionvalley.core.arrays import Floats, Ints
from visionvalley.kernels import topology as kernels
from visionvalley.kernels.ordering import pieces_of
from visionvalley.kernels.threads import each_thread

CLOSED, LONE, TURNED, CROWDED = kernels.CLOSED, kernels.LONE, kernels.TURNED, kernels.CROWDED


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """What lies beyond each edge of each face; half-edge 3 * f + k goes from corner k of face f to the next.

    twins    (3 * F,) int32, the half-edge on the other side; -1 where there is none
    kinds    (3 * F,) uint8: CLOSED (two faces that agree), LONE (one face), TURNED (two faces that do not
             agree on the outside), CROWDED (more than two)
    starts   (V + 1,), corners (3 * F,): the half-edges that leave vertex v are corners[starts[v]:starts[v + 1]]
    """

    twins: Ints
    kinds: NDArray[np.uint8]
    starts: NDArray[np.int64]
    corners: Ints


def find_edges(faces: Ints, vertices: int) -> Edges:
    """Return what lies beyond each edge of (F, 3) faces of so many vertices."""
    starts, corners = np.empty(vertices + 1, np.int64), np.empty(faces.size, np.int32)
    kernels.corners_of_vertices(faces, starts, corners)
    twins, kinds = np.empty(faces.size, np.int32), np.empty(faces.size, np.uint8)
    each_thread(kernels.pair_edges, pieces_of(faces.size, kernels.PIECE), faces, starts, corners, twins, kinds)
    return Edges(twins, kinds, starts, corners)


def face_normals(vertices_m: Floats, faces: Ints) -> tuple[Floats, Floats]:
    """Return the (F, 3) unit normals, zero where a face has no area, and the (F,) areas in square metres."""
    normals, doubled = np.empty((len(faces), 3)), np.empty(len(faces))
    pieces = pieces_of(len(faces), kernels.PIECE)
    each_thread(kernels.normals_of_faces, pieces, vertices_m, faces, normals, doubled)
    return normals, doubled / 2


def vertex_normals(vertices_m: Floats, faces: Ints, edges: Edges, normals: Floats) -> Floats:
    """Return the (V, 3) unit normals of vertices: those of their faces, weighed by angles; zero where there is none."""
    out = np.empty((len(vertices_m), 3))
    pieces = pieces_of(len(vertices_m), kernels.PIECE)
    each_thread(kernels.normals_of_vertices, pieces, vertices_m, faces, edges.starts, edges.corners, normals, out)
    return out


def open_vertices(faces: Ints, edges: Edges, vertices: int) -> NDArray[np.uint8]:
    """Return (V,) uint8, 1 where an edge with one face ends."""
    marks = np.zeros(vertices, np.uint8)
    lone = np.flatnonzero(edges.kinds == LONE)
    marks[faces[lone // 3, lone % 3]] = 1
    marks[faces[lone // 3, (lone + 1) % 3]] = 1
    return marks


def same_place(vertices_m: Floats, faces: Ints) -> Ints:
    """Return the faces, each vertex replaced by the first one at the very same place."""
    bits = np.ascontiguousarray(vertices_m + 0.0).view(np.uint64)  # -0 becomes 0
    key = bits[:, 0] * np.uint64(0x9E3779B97F4A7C15)
    key = (key ^ (key >> np.uint64(29)) ^ bits[:, 1]) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(32)) ^ bits[:, 2]) * np.uint64(0x94D049BB133111EB)
    order = np.lexsort((bits[:, 2], bits[:, 1], bits[:, 0], key))
    moved = bits[order]
    new = np.ones(len(order), bool)
    new[1:] = (moved[1:] != moved[:-1]).any(axis=1)
    group = np.cumsum(new) - 1
    first = np.full(int(group[-1]) + 1 if len(group) else 0, len(order), np.int64)
    np.minimum.at(first, group, order)
    stands_for = np.empty(len(order), np.int32)
    stands_for[order] = first[group]
    return np.ascontiguousarray(stands_for[faces])
