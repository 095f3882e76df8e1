# SPDX-License-Identifier: Apache-2.0
"""How far points lie from a surface, and on which side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, require
from visionvalley.core.arrays import Floats, Ints
from visionvalley.kernels import distances as kernels
from visionvalley.kernels.ordering import bounds, curve_order, key_layout, pieces_of, rows_of, writable
from visionvalley.kernels.threads import each_thread
from visionvalley.vision.shape.surfaces import SurfaceIndex

FARTHEST_M = 1e15  # beyond it float32 cannot tell squared distances apart
MOST_POINTS = 1 << 28


@dataclass(frozen=True, slots=True, eq=False)
class Closest:
    """The nearest place of a surface to each point.

    distance_m   (N,) metres, negative inside; NaN where the point is NaN
    point_m      (N, 3) the nearest place
    face         (N,) int32, the face that it lies on; -1 where the point is NaN
    normal       (N, 3) unit outward direction there: of the face, the edge or the vertex
    on_boundary  (N,) bool, the nearest place lies on an open edge, where a side has no meaning
    """

    distance_m: Floats
    point_m: Floats
    face: Ints
    normal: Floats
    on_boundary: NDArray[np.bool_]


def closest(surface: SurfaceIndex, points_m: Any) -> Closest:
    """Return the nearest place of a surface to each point, with the signed distance.

    points_m  (N, 3) metres; a row with NaN gives NaN and face -1
    Distances are those of float64 arithmetic; of two faces equally near, the first is named. The sign is that of
    the angle-weighted pseudo-normal (Baerentzen & Aanaes 2005), right at edges and corners; on an open surface it
    tells the side that the nearest place faces. Raises BadInput for coordinates beyond 1e15 m.
    """
    points = writable(require("points_m", points_m, (None, 3)))
    count = len(points)
    result = Closest(
        np.full(count, np.nan),
        np.full((count, 3), np.nan),
        np.full(count, -1, np.int32),
        np.full((count, 3), np.nan),
        np.zeros(count, bool),
    )
    _search(surface, points, result)
    return result


def signed_distance_m(surface: SurfaceIndex, points_m: Any) -> Floats:
    """Return the (N,) signed distances of `closest` alone, which takes less time."""
    points = writable(require("points_m", points_m, (None, 3)))
    distance = np.full(len(points), np.nan)
    _search(
        surface,
        points,
        Closest(distance, np.empty((0, 3)), np.empty(0, np.int32), np.empty((0, 3)), np.empty(0, bool)),
    )
    return distance


def _search(surface: SurfaceIndex, points: Floats, result: Closest) -> None:
    if len(points) >= MOST_POINTS:
        raise BadInput("shape.too_many_points", count=len(points), most=MOST_POINTS)
    low, high, finite = bounds(points)
    if finite and max(float(np.abs(low).max()), float(np.abs(high).max())) > FARTHEST_M:
        raise BadInput("shape.too_far", farthest=f"{FARTHEST_M:.0e}")
    order = rows_of(curve_order(points, low, high), key_layout(len(points))[1])
    nodes, flat, _, leaf_faces = surface.tree
    tree = nodes.reshape(-1), flat.reshape(-1), nodes.reshape(-1).view(np.int32), leaf_faces
    exact = (
        surface.vertices_m,
        surface.faces,
        surface.edges.twins,
        surface.face_normals,
        surface.vertex_normals,
        surface.open_vertices,
    )
    out = result.distance_m, result.point_m, result.face, result.normal, result.on_boundary.view(np.uint8)
    frame = np.array([*surface.origin_m, max(surface.extent_m, 1e-30)])
    pieces = pieces_of(len(points), kernels.PIECE)
    each_thread(kernels.closest_points, pieces, points, order, frame, tree, exact, out)
