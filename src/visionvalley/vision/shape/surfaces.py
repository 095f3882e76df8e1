# SPDX-License-Identifier: Apache-2.0
"""A surface made ready for search: nearest points, rays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Mesh
from visionvalley.core.arrays import Floats, Ints
from visionvalley.kernels import bvh
from visionvalley.kernels.ordering import writable
from visionvalley.vision.shape import topology


@dataclass(frozen=True, slots=True, eq=False)
class SurfaceIndex:
    """Triangles packed for search. Make it with `index_surface`.

    vertices_m      (V, 3) metres
    faces           (F, 3) int32; vertices at one place count as one
    origin_m        (3,) what the tree's coordinates are relative to
    half_sides_m    (3,) half the sides of the box around the surface
    extent_m        the largest of them
    tree            nodes, leaves for distances, leaves for rays, faces of the leaves, see kernels/bvh.py
    edges           what lies beyond each edge
    face_normals    (F, 3) unit; zero where a face has no area
    vertex_normals  (V, 3) unit, weighed by angles: they tell inside from outside
    open_vertices   (V,) uint8, 1 where an open edge ends
    """

    vertices_m: Floats
    faces: Ints
    origin_m: Floats
    half_sides_m: Floats
    extent_m: float
    tree: bvh.Tree
    edges: topology.Edges
    face_normals: Floats
    vertex_normals: Floats
    open_vertices: NDArray[np.uint8]


def index_surface(mesh: Mesh) -> SurfaceIndex:
    """Return an index of a surface, for distances and rays.

    Vertices at the very same place are taken for one, as in files without shared vertices (STL).
    Raises BadInput for a mesh without faces.
    """
    if len(mesh.faces) == 0:
        raise BadInput("shape.no_faces")
    vertices, faces = writable(mesh.vertices_m), writable(mesh.faces)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    origin = (low + high) / 2
    tree = bvh.build((vertices - origin).astype(np.float32), faces)
    edges = topology.find_edges(faces, len(vertices))
    if (edges.kinds != topology.CLOSED).any():
        faces = topology.same_place(vertices, faces)
        edges = topology.find_edges(faces, len(vertices))
    face_normals, _ = topology.face_normals(vertices, faces)
    return SurfaceIndex(
        vertices,
        faces,
        origin,
        (high - low) / 2,
        float((high - low).max()) / 2,
        tree,
        edges,
        face_normals,
        topology.vertex_normals(vertices, faces, edges, face_normals),
        topology.open_vertices(faces, edges, len(vertices)),
    )
