# SPDX-License-Identifier: Apache-2.0
"""Which side of a surface is outside, where nobody knows where the sensor stood."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

from visionvalley.core import require
from visionvalley.core.arrays import Floats
from visionvalley.vision.shape.neighbours import build_index, nearest

JUST_ABOVE_ONE = 1.0001  # an edge of weight zero would be no edge


def orient_outwards(points_m: Any, normals: Any, k: int = 8) -> Floats:
    """Return the normals, neighbours made to agree, and each connected surface bulging outwards.

    points_m, normals  (N, 3); NaN stays NaN
    Hoppe et al. 1992, Surface reconstruction from unorganized points, section 3.3: signs spread from neighbour to
    neighbour along the tree of least turning. A surface that is mostly hollow to its sensor comes out inside out.
    """
    points, directions = require("points_m", points_m, (None, 3)), require("normals", normals, (None, 3))
    out = np.full(directions.shape, np.nan)
    rows = np.flatnonzero(np.isfinite(points).all(axis=1) & np.isfinite(directions).all(axis=1))
    if len(rows) > 1:
        out[rows] = _agreeing(points[rows], directions[rows], k)
    else:
        out[rows] = directions[rows]
    return out


def _agreeing(p: Floats, n: Floats, k: int) -> Floats:
    tree = _tree(p, n, k)
    parts, part_of = connected_components(tree, directed=False)
    signs = np.ones(len(p))
    for part in range(parts):
        members = np.flatnonzero(part_of == part)
        order, before = breadth_first_order(tree, int(members[0]), directed=False)
        _spread(signs, order, before, n)
        outward = (signs[members, None] * n[members] * (p[members] - p[members].mean(axis=0))).sum()
        signs[members] *= -1.0 if outward < 0 else 1.0
    return n * signs[:, None]


def _tree(p: Floats, n: Floats, k: int) -> csr_array:
    """Return the spanning tree of least turning between neighbours."""
    near = nearest(build_index(p), p, k).index
    i, j = np.repeat(np.arange(len(p)), near.shape[1]), near.ravel().astype(np.int64)
    there = (j >= 0) & (i != j)
    keys = np.unique(np.minimum(i, j)[there] * len(p) + np.maximum(i, j)[there])
    i, j = keys // len(p), keys % len(p)
    turning = JUST_ABOVE_ONE - np.abs((n[i] * n[j]).sum(axis=1))
    tree = minimum_spanning_tree(coo_array((turning, (i, j)), shape=(len(p), len(p))).tocsr())
    return csr_array(tree + tree.T)


def _spread(signs: Floats, order: NDArray[Any], before: NDArray[Any], n: Floats) -> None:
    """Give each point in turn the sign that agrees with the point it was reached from."""
    rest = order[1:]
    turned = np.where((n[rest] * n[before[rest]]).sum(axis=1) < 0, -1.0, 1.0)
    for point, source, sign in zip(rest.tolist(), before[rest].tolist(), turned.tolist(), strict=True):
        signs[point] = signs[source] * sign
