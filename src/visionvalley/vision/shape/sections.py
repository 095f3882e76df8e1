# SPDX-License-Identifier: Apache-2.0
"""Plane sections of a surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Mesh, require
from visionvalley.core.arrays import Floats
from visionvalley.kernels import sections as kernels
from visionvalley.kernels.ordering import writable
from visionvalley.kernels.threads import each_thread
from visionvalley.vision.shape import topology


@dataclass(frozen=True, slots=True, eq=False)
class Sections:
    """Lines in which planes cut a surface.

    points_m  (P, 3) metres, line after line
    starts    (K + 1,): the points of line k are points_m[starts[k]:starts[k + 1]]
    plane     (K,) the number of the plane of each line
    is_open   (K,) bool; a closed line goes on from its last point to its first
    """

    points_m: Floats
    starts: NDArray[np.int64]
    plane: NDArray[np.int64]
    is_open: NDArray[np.bool_]

    def line_m(self, k: int) -> Floats:
        """Return the (n, 3) points of a line."""
        return self.points_m[self.starts[k] : self.starts[k + 1]]

    def lines_of(self, plane: int) -> NDArray[np.int64]:
        """Return the numbers of the lines of a plane."""
        return np.flatnonzero(self.plane == plane)


def sections(mesh: Mesh, origin_m: Any, normal: Any, heights_m: Any) -> Sections:
    """Return the lines in which parallel planes cut a surface.

    origin_m   (3,) from where heights are measured
    normal     (3,) direction of the heights, of any length above zero
    heights_m  (planes,) metres, in any order
    Seen against the normal, material lies to the left of a line where the outside of the faces is right. A vertex
    upon a plane counts as above it. Vertices at the very same place count as one. Where faces are missing, or do
    not agree on the outside, a line is open. Raises BadInput for a normal of no length.
    """
    origin, way = require("origin_m", origin_m, (3,), finite=True), require("normal", normal, (3,), finite=True)
    asked = require("heights_m", heights_m, (None,), finite=True)
    size = float(np.sqrt(way[0] ** 2 + way[1] ** 2 + way[2] ** 2))
    if size == 0:
        raise BadInput("core.not_positive", name="|normal|", value=0.0)
    order = np.argsort(asked, kind="stable")
    planes, unit = asked[order], way / size
    x, y, z = (mesh.vertices_m[:, k] - origin[k] for k in range(3))
    heights = unit[0] * x + unit[1] * y + unit[2] * z
    faces, twins = _connected(mesh)
    levels = np.searchsorted(planes, heights, side="right").astype(np.int32)
    found = _trace(writable(mesh.vertices_m), faces, twins, heights, levels, planes)
    return Sections(found.points_m, found.starts, order[found.plane], found.is_open)


def _connected(mesh: Mesh) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return faces whose vertices at one place are one, and the half-edge beyond each that goes the other way."""
    faces = writable(mesh.faces)
    edges = topology.find_edges(faces, len(mesh.vertices_m))
    if edges.kinds.any():
        faces = topology.same_place(mesh.vertices_m, faces)
        edges = topology.find_edges(faces, len(mesh.vertices_m))
    return faces, np.where(edges.kinds == topology.TURNED, np.int32(-1), edges.twins)


def _trace(vertices: Floats, faces: Any, twins: Any, heights: Floats, levels: Any, planes: Floats) -> Sections:
    count = len(planes)
    starts = np.empty(len(faces) + 1, np.int64)
    of_planes, points_of_planes = np.empty(count + 1, np.int64), np.empty(count + 1, np.int64)
    kernels.count_cuts(faces, levels, twins, starts, of_planes, points_of_planes)
    cuts = np.empty(of_planes[-1], np.int32)
    kernels.list_cuts(faces, levels, of_planes[:-1].copy(), cuts)
    points, marks = np.empty((points_of_planes[-1], 3)), np.zeros(points_of_planes[-1], np.uint8)
    mesh, cut = (vertices, heights, faces, levels, twins), (starts, np.zeros(starts[-1], np.uint8))
    lists = of_planes, cuts
    each_thread(kernels.trace, count, mesh, planes, cut, lists, points_of_planes, points, marks)
    first = np.flatnonzero(marks)
    plane = np.searchsorted(points_of_planes, first, side="right") - 1
    return Sections(points, np.append(first, len(points)), plane, marks[first] == kernels.OPEN)
