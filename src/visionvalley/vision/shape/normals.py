# SPDX-License-Identifier: Apache-2.0
"""Normals and covariances of a cloud, and which way normals point."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import require
from visionvalley.core.arrays import Floats
from visionvalley.kernels import normals as kernels
from visionvalley.kernels.ordering import writable
from visionvalley.kernels.threads import each_thread
from visionvalley.vision.shape.neighbours import Index, build_index, nearest, require_count


def _fill(points_m: Any, k: int, index: Index | None, directions: int, scatters: int) -> tuple[Floats, Floats]:
    require_count("k", k, 3)
    index = index or build_index(points_m)
    places = np.zeros(index.size, np.int32)
    places[index.order] = np.arange(index.count, dtype=np.int32)
    out = (
        np.full((index.size * directions, 3), np.nan),
        np.full((index.size * scatters, 6), np.nan),
    )
    pieces = -(-index.count // (16 * kernels.LEAVES_A_PIECE))
    each_thread(kernels.normals, pieces, index.tree, index.order, places, k, *out)
    return out


def normals(points_m: Any, k: int = 20, index: Index | None = None) -> Floats:
    """Return the unit normal at each point: the direction in which its k nearest points scatter least.

    points_m  (N, 3) metres; the point itself is one of the k
    index     the index of these points, if there is one already
    returns   (N, 3), of either sign; NaN where a point is NaN, and where its neighbours lie on one
              line or there are fewer than three
    """
    return _fill(points_m, k, index, 1, 0)[0]


def covariances(points_m: Any, k: int = 20, index: Index | None = None) -> Floats:
    """Return the (N, 3, 3) covariance in m² of the k nearest points of each point; NaN where that is NaN."""
    packed = _fill(points_m, k, index, 0, 1)[1]
    return packed[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3)


def orient_towards(points_m: Any, normals: Any, viewpoint_m: Any) -> NDArray[np.float64]:
    """Return the normals, turned to the side from which each point was seen.

    viewpoint_m  (3,) where the sensor stood, or (N, 3) where it stood for each point
    """
    points = require("points_m", points_m, (None, 3))
    directions = require("normals", normals, (len(points), 3))
    towards = np.asarray(viewpoint_m, np.float64) - points
    away = (towards * directions).sum(axis=1) < 0
    return np.where(away[:, None], -directions, directions)


def orient_consistently(points_m: Any, normals: Any, k: int = 8, index: Index | None = None) -> Floats:
    """Return the normals, turned so that neighbours agree; where the surface is closed, outwards.

    Signs are handed on along the minimum spanning tree of the graph of k nearest neighbours, whose
    edges weigh 1 - |cosine|. In each connected part the normal of the highest point points up.

    points_m  (N, 3) metres, normals  (N, 3); a row of NaN stays
    Hoppe et al. 1992, Surface reconstruction from unorganized points, section 3.3.
    """
    points = require("points_m", points_m, (None, 3))
    directions = require("normals", normals, (len(points), 3))
    require_count("k", k, 1)
    near = nearest(index or build_index(points), points, k + 1).index
    parents = np.arange(len(points), dtype=np.int32)
    turned = np.zeros(len(points), np.uint8)
    kernels.join_normals(writable(directions), near, parents, turned, np.zeros(near.size, np.int64))
    signs = np.where(turned != 0, -1.0, 1.0)
    by_part = np.lexsort((-points[:, 2], parents))
    parts, first = np.unique(parents[by_part], return_index=True)
    highest = by_part[first]
    upwards = np.ones(len(points))
    upwards[parts] = np.where(signs[highest] * directions[highest, 2] < 0, -1.0, 1.0)
    oriented: Floats = directions * (signs * upwards[parents])[:, None]
    return oriented
