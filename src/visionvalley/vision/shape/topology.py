# SPDX-License-Identifier: Apache-2.0
"""What touches what on a surface of triangles; its area, volume and normals; cleaning and sampling."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Mesh, require_positive
from visionvalley.core.arrays import Floats, Ints
from visionvalley.kernels import topology as kernels
from visionvalley.kernels.ordering import pieces_of, writable
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


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Points on a surface.

    points_m  (N, 3) metres
    faces     (N,) int32, the face that each lies on
    normals   (N, 3) unit, of these faces
    """

    points_m: Floats
    faces: Ints
    normals: Floats


# ---- edges
def find_edges(faces: Ints, vertices: int) -> Edges:
    """Return what lies beyond each edge of (F, 3) faces of so many vertices."""
    faces = writable(faces)
    starts, corners = np.empty(vertices + 1, np.int64), np.empty(faces.size, np.int32)
    kernels.corners_of_vertices(faces, starts, corners)
    twins, kinds = np.empty(faces.size, np.int32), np.empty(faces.size, np.uint8)
    each_thread(kernels.pair_edges, pieces_of(faces.size, kernels.PIECE), faces, starts, corners, twins, kinds)
    return Edges(twins, kinds, starts, corners)


def edges_of(mesh: Mesh) -> Edges:
    """Return what lies beyond each edge of a mesh, by its vertex numbers (see `merged` for files without them)."""
    return find_edges(mesh.faces, len(mesh.vertices_m))


def _pairs(faces: Ints, halves: NDArray[Any]) -> Ints:
    """Return the (K, 2) vertices of half-edges, in their direction."""
    return np.stack([faces[halves // 3, halves % 3], faces[halves // 3, (halves + 1) % 3]], axis=1)


def boundary_edges(mesh: Mesh) -> Ints:
    """Return the (K, 2) vertices of the edges that have one face."""
    return _pairs(mesh.faces, np.flatnonzero(edges_of(mesh).kinds == LONE))


def non_manifold_edges(mesh: Mesh) -> Ints:
    """Return the (K, 2) vertices of the edges that have more than two faces, each once, the smaller number first."""
    crowded = np.sort(_pairs(mesh.faces, np.flatnonzero(edges_of(mesh).kinds == CROWDED)), axis=1)
    return np.unique(crowded, axis=0)


def is_watertight(mesh: Mesh) -> bool:
    """Tell whether every edge has exactly two faces, which agree on the outside.

    A face of fewer than three vertices does not count. Vertices count by number: pass `merged(mesh)` for files
    that do not share them.
    """
    return len(mesh.faces) > 0 and not edges_of(mesh).kinds.any()


def is_consistent(mesh: Mesh) -> bool:
    """Tell whether faces that share an edge agree on the outside."""
    return not (edges_of(mesh).kinds == TURNED).any()


def components(mesh: Mesh) -> Ints:
    """Return for each face (F,) the number of its part; faces that share an edge belong together."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = edges_of(mesh)
    flat, count = mesh.faces.reshape(-1), len(mesh.faces)
    halves = np.flatnonzero(edges.twins >= 0)
    rows, columns = halves // 3, edges.twins[halves] // 3
    crowded = np.flatnonzero(edges.kinds == CROWDED)  # a fan of faces: each to the first at that edge
    if len(crowded):
        ends = np.sort(_pairs(mesh.faces, crowded), axis=1).astype(np.int64)
        _, first, group = np.unique(
            ends[:, 0] * (int(flat.max()) + 1) + ends[:, 1], return_index=True, return_inverse=True
        )
        rows = np.concatenate([rows, crowded // 3])
        columns = np.concatenate([columns, crowded[first[group]] // 3])
    graph = coo_array((np.ones(len(rows), bool), (rows, columns)), shape=(count, count))
    labels: Ints = connected_components(graph, directed=False)[1].astype(np.int32)
    return labels


# ---- normals and sizes
def face_normals(vertices_m: Floats, faces: Ints) -> tuple[Floats, Floats]:
    """Return the (F, 3) unit normals, zero where a face has no area, and the (F,) areas in square metres."""
    normals, doubled = np.empty((len(faces), 3)), np.empty(len(faces))
    pieces = pieces_of(len(faces), kernels.PIECE)
    each_thread(kernels.normals_of_faces, pieces, writable(vertices_m), writable(faces), normals, doubled)
    return normals, doubled / 2


def vertex_normals(vertices_m: Floats, faces: Ints, edges: Edges, normals: Floats) -> Floats:
    """Return the (V, 3) unit normals of vertices: those of their faces, weighed by angles; zero where there is none."""
    out = np.empty((len(vertices_m), 3))
    pieces = pieces_of(len(vertices_m), kernels.PIECE)
    vertices, faces = writable(vertices_m), writable(faces)
    each_thread(kernels.normals_of_vertices, pieces, vertices, faces, edges.starts, edges.corners, normals, out)
    return out


def normals_of(mesh: Mesh) -> tuple[Floats, Floats]:
    """Return the (F, 3) unit normals of the faces and the (V, 3) unit normals of the vertices of a mesh."""
    faces, _ = face_normals(mesh.vertices_m, mesh.faces)
    return faces, vertex_normals(mesh.vertices_m, mesh.faces, edges_of(mesh), faces)


def open_vertices(faces: Ints, edges: Edges, vertices: int) -> NDArray[np.uint8]:
    """Return (V,) uint8, 1 where an edge with one face ends."""
    marks = np.zeros(vertices, np.uint8)
    marks[_pairs(faces, np.flatnonzero(edges.kinds == LONE)).ravel()] = 1
    return marks


def area_m2(mesh: Mesh) -> float:
    """Return the area of a surface in square metres."""
    return fsum(face_normals(mesh.vertices_m, mesh.faces)[1].tolist())


def volume_m3(mesh: Mesh) -> float:
    """Return the volume inside a surface in cubic metres; negative where the outside is turned in.

    Raises BadInput where the surface is not watertight: it has no inside then.
    """
    if not is_watertight(mesh):
        raise BadInput("shape.not_watertight", edges=int((edges_of(mesh).kinds != CLOSED).sum()))
    middle = mesh.vertices_m.mean(axis=0)
    a, b, c = (mesh.vertices_m[mesh.faces[:, k]] - middle for k in range(3))
    x = a[:, 0] * (b[:, 1] * c[:, 2] - b[:, 2] * c[:, 1])
    y = a[:, 1] * (b[:, 2] * c[:, 0] - b[:, 0] * c[:, 2])
    z = a[:, 2] * (b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0])
    return fsum((x + y + z).tolist()) / 6


# ---- cleaning
def same_place(vertices_m: Floats, faces: Ints) -> Ints:
    """Return the faces, each vertex replaced by the first one at the very same place."""
    stands_for = _first_at_place(vertices_m)
    return np.ascontiguousarray(stands_for[faces])


def _first_at_place(vertices_m: Floats) -> Ints:
    places = (np.ascontiguousarray(vertices_m) + 0.0).view([("x", "f8"), ("y", "f8"), ("z", "f8")]).ravel()
    _, first, group = np.unique(places, return_index=True, return_inverse=True)
    stands_for: Ints = first.astype(np.int32)[group.ravel()]
    return stands_for


def merged(mesh: Mesh, tolerance_m: float = 0.0) -> Mesh:
    """Return the mesh with one vertex where there were several, as files without shared vertices need.

    tolerance_m  vertices within it of one another become the first of them, over chains too; 0: the very same place
    Faces keep their number and order; some may lose their area (see `without_degenerate`).
    """
    stands_for = _first_at_place(mesh.vertices_m)
    if tolerance_m > 0:
        stands_for = _first_near(mesh.vertices_m, tolerance_m)
    kept, new = np.unique(stands_for, return_inverse=True)
    colours = None if mesh.vertex_colours is None else mesh.vertex_colours[kept]
    return Mesh(mesh.vertices_m[kept], new.ravel()[mesh.faces].astype(np.int32), colours, mesh.face_colours)


def _first_near(vertices_m: Floats, tolerance_m: float) -> Ints:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    require_positive(tolerance_m=tolerance_m)
    count = len(vertices_m)
    pairs = cKDTree(vertices_m - vertices_m.mean(axis=0)).query_pairs(tolerance_m, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    group = connected_components(graph, directed=False)[1]
    _, first = np.unique(group, return_index=True)
    stands_for: Ints = first.astype(np.int32)[group]
    return stands_for


def without_degenerate(mesh: Mesh) -> Mesh:
    """Return the mesh without faces that have no area; vertices stay."""
    keep = face_normals(mesh.vertices_m, mesh.faces)[0].any(axis=1)
    colours = None if mesh.face_colours is None else mesh.face_colours[keep]
    return Mesh(mesh.vertices_m, mesh.faces[keep], mesh.vertex_colours, colours)


# ---- sampling
def sample_surface(mesh: Mesh, count: int, seed: int = 0) -> Samples:
    """Return `count` random points of a surface, spread evenly over its area, face after face.

    One point falls into each of `count` strips of equal area; within a face points are uniform.
    Raises BadInput for a surface without area.
    """
    normals, areas = face_normals(mesh.vertices_m, mesh.faces)
    ends = np.cumsum(areas)
    if count < 0 or not (len(ends) and ends[-1] > 0):
        raise BadInput("shape.no_area", count=count)
    random = np.random.Generator(np.random.PCG64(seed))
    places = (np.arange(count) + random.random(count)) * (ends[-1] / max(count, 1))
    faces = np.minimum(np.searchsorted(ends, places, side="right"), np.flatnonzero(areas)[-1]).astype(np.int32)
    root, share = np.sqrt(random.random((count, 1))), random.random((count, 1))
    a, b, c = (mesh.vertices_m[mesh.faces[faces, k]] for k in range(3))
    points = a + root * ((b - a) + share * (c - b))
    return Samples(points, faces, normals[faces])
