# SPDX-License-Identifier: Apache-2.0
"""Flat pieces of a triangle mesh, and which of them meet smoothly: where the search for its surfaces begins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import Mesh
from visionvalley.core.arrays import Floats, Ints
from visionvalley.vision.shape import topology

RELATIVE_TOLERANCE = 5e-6  # of the diagonal: corners of triangles lie so near their surface (float32 files)
ROUNDING = 2.0**-21  # of the largest coordinate, in such files
SMOOTH_RAD = math.radians(40)  # faces that meet at less may be pieces of one round surface
FLAT_RAD = math.radians(1)
PLANAR = 4.0  # tolerances within which all corners of a flat piece lie in its plane


@dataclass(frozen=True, slots=True, eq=False)
class Facets:
    """Flat pieces of a mesh whose vertices at one place are one.

    vertices_m   (V, 3)
    faces        (F, 3)
    of_triangle  (F,) the piece that each triangle belongs to
    area_m2      (K,) and normal (K, 3) of the pieces
    starts, corners       the vertices of piece k are corners[starts[k]:starts[k + 1]]
    first, others         pieces that meet smoothly are others[first[k]:first[k + 1]], ascending
    tolerance_m           how far a corner may lie from its surface
    """

    vertices_m: Floats
    faces: Ints
    of_triangle: Ints
    area_m2: Floats
    normal: Floats
    starts: NDArray[np.int64]
    corners: NDArray[np.int64]
    first: NDArray[np.int64]
    others: NDArray[np.int64]
    tolerance_m: float

    def vertices_of(self, pieces: NDArray[Any]) -> NDArray[np.int64]:
        """Return the vertices of some pieces, piece after piece."""
        return _rows(self.starts, self.corners, pieces)

    def smooth(self, pieces: NDArray[Any]) -> NDArray[np.int64]:
        """Return the pieces that meet some pieces smoothly, piece after piece."""
        return _rows(self.first, self.others, pieces)


def facets(mesh: Mesh) -> Facets:
    """Return the flat pieces of a mesh; triangles without area belong to none (-1)."""
    mesh = topology.merged(mesh)
    vertices, faces = mesh.vertices_m, mesh.faces
    size_m = float(np.sqrt((np.ptp(vertices, axis=0) ** 2).sum()))
    tolerance_m = max(RELATIVE_TOLERANCE * size_m, ROUNDING * float(np.abs(vertices).max()))
    normals, areas = topology.face_normals(vertices, faces)
    left, right = meeting(mesh)
    flat = _coplanar(vertices, faces, normals, areas, left, right, tolerance_m)
    group = components(len(faces), left[flat], right[flat])
    group = _only_flat(vertices, faces, normals, areas, group, tolerance_m)
    group = np.where(areas > 0, group, -1)
    names, inverse = np.unique(group, return_inverse=True)
    of_triangle: Ints = (inverse - int(names[0] < 0)).astype(np.int32)
    count = len(names) - int(names[0] < 0)
    normal, area = piece_normals(of_triangle, normals, areas, count)
    starts, corners = _grouped(np.repeat(of_triangle, 3), faces.ravel().astype(np.int64), count)
    one, two = of_triangle[left], of_triangle[right]
    bend = (normal[one] * normal[two]).sum(axis=1)
    smooth = (one != two) & (one >= 0) & (two >= 0) & (bend > math.cos(SMOOTH_RAD))
    pairs = np.concatenate([one[smooth], two[smooth]]), np.concatenate([two[smooth], one[smooth]])
    first, others = _grouped(pairs[0], pairs[1].astype(np.int64), count)
    return Facets(vertices, faces, of_triangle, area, normal, starts, corners, first, others, tolerance_m)


def meeting(mesh: Mesh) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of triangles that share an edge, each once."""
    twins = topology.edges_of(mesh).twins
    halves = np.flatnonzero((twins >= 0) & (twins > np.arange(len(twins))))
    return halves // 3, twins[halves].astype(np.int64) // 3


def components(count: int, left: NDArray[Any], right: NDArray[Any]) -> Ints:
    """Return for each of `count` things the number of its group, where pairs belong together."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(left), bool), (left, right)), shape=(count, count))
    labels: Ints = connected_components(graph, directed=False)[1].astype(np.int32)
    return labels


def piece_normals(of: NDArray[Any], normals: Floats, areas: Floats, count: int) -> tuple[Floats, Floats]:
    """Return the mean normals (count, 3), weighed by areas, and the areas (count,) of groups of triangles."""
    there = of >= 0
    area = np.bincount(of[there], weights=areas[there], minlength=count)
    columns = [np.bincount(of[there], weights=(normals[:, k] * areas)[there], minlength=count) for k in range(3)]
    total = np.stack(columns, axis=1)
    return total / np.maximum(np.sqrt((total * total).sum(axis=1)), 1e-300)[:, None], area.astype(np.float64)


def _coplanar(
    vertices: Floats, faces: Ints, normals: Floats, areas: Floats, left: Any, right: Any, tolerance_m: float
) -> NDArray[np.bool_]:
    """Tell which pairs lie in one plane: the corners of the smaller in that of the larger, seen from one side."""
    swap = areas[left] < areas[right]
    large, small = np.where(swap, right, left), np.where(swap, left, right)
    base = vertices[faces[large, 0]]
    off = [np.abs(((vertices[faces[small, k]] - base) * normals[large]).sum(axis=1)) for k in range(3)]
    near = np.max(off, axis=0) <= tolerance_m if len(left) else np.zeros(0, bool)
    bend = (normals[left] * normals[right]).sum(axis=1)
    sliver = areas[small] < 1e-4 * areas[large]
    alike = (bend > math.cos(FLAT_RAD)) | (sliver & (bend > 0.5))
    coplanar: NDArray[np.bool_] = near & alike
    return coplanar


def _only_flat(vertices: Floats, faces: Ints, normals: Floats, areas: Floats, group: Ints, tolerance_m: float) -> Ints:
    """Break up groups that bend: chains of nearly coplanar triangles on a finely cut round surface."""
    count = int(group.max()) + 1
    normal, area = piece_normals(group, normals, areas, count)
    middle = vertices[faces].mean(axis=1)
    heights = (middle * normal[group]).sum(axis=1)
    level = np.bincount(group, weights=heights * areas, minlength=count) / np.maximum(area, 1e-300)
    off = np.abs((vertices[faces] * normal[group][:, None]).sum(axis=2) - level[group][:, None]).max(axis=1)
    bent = np.zeros(count, bool)
    bent[group[off > PLANAR * tolerance_m]] = True
    return np.where(bent[group], count + np.arange(len(group)), group).astype(np.int32)


def _grouped(keys: Ints, values: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each key's different values start (count + 1,), and the values."""
    there = keys >= 0
    pairs = np.unique(np.stack([keys[there].astype(np.int64), values[there]], axis=1), axis=0)
    return np.searchsorted(pairs[:, 0], np.arange(count + 1)).astype(np.int64), np.ascontiguousarray(pairs[:, 1])


def _rows(starts: NDArray[np.int64], values: NDArray[np.int64], which: NDArray[Any]) -> NDArray[np.int64]:
    sizes = starts[which + 1] - starts[which]
    ends = np.cumsum(sizes)
    places = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - sizes, sizes)
    rows: NDArray[np.int64] = values[np.repeat(starts[which], sizes) + places]
    return rows
