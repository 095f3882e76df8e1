# SPDX-License-Identifier: Apache-2.0
"""The nearest points of a cloud, and all points within a radius."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, require
from visionvalley.core.arrays import Floats, Ints
from visionvalley.kernels import neighbours as kernels
from visionvalley.kernels.ordering import body, bounds, curve_order, key_layout, pieces_of, rows_of, writable
from visionvalley.kernels.threads import each_thread

MOST_POINTS = 1 << 28


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Points packed for search. Make it with `build_index`.

    tree      (boxes, leaves, levels) as kernels take it, see kernels/tree.py
    origin_m  (3,) what the tree's coordinates are relative to
    order     (count,) int32, the row of the point at each position of the tree
    count     points that can be found: the rows that are finite
    size      rows of the cloud
    """

    tree: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]
    origin_m: Floats
    order: Ints
    count: int
    size: int

    def local(self, points_m: Floats) -> NDArray[np.float32]:
        """Return (M, 3) points relative to the origin, as kernels take them."""
        return np.ascontiguousarray(points_m - self.origin_m, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """What is nearest to each query.

    index       (M, k) int32, rows of the indexed cloud from near to far; -1 where there are no more
    distance_m  (M, k) float32; NaN where there are no more
    """

    index: Ints
    distance_m: NDArray[np.float32]


def require_count(name: str, value: int, least: int) -> None:
    """Raise BadInput unless `value` is a whole number from `least` on."""
    if int(value) != value or value < least:
        raise BadInput("points.bad_count", name=name, value=value, least=least)


def _empty_tree(count: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    leaves = max(-(-count // 16), 1)
    nodes = [-(-leaves // 16)]
    while nodes[-1] > 1:
        nodes.append(-(-nodes[-1] // 16))
    levels = np.array([count, leaves, len(nodes), *np.cumsum([0, *nodes])], np.int64)
    return np.zeros(sum(nodes) * kernels.NODE, np.float32), np.zeros(leaves * kernels.LEAF, np.float32), levels


def build_index(points_m: Any) -> Index:
    """Return an index of a cloud, for searches.

    points_m  (N, 3) metres; rows that are not finite are never found
    Raises BadInput from 2 ** 28 points on. Positions survive to 6e-8 of the distance from the middle of the cloud.
    """
    points = writable(require("points_m", points_m, (None, 3)))
    if len(points) >= MOST_POINTS:
        raise BadInput("points.too_many", count=len(points), most=MOST_POINTS)
    low, high, count = bounds(points)
    low, high = body(points, low, high)
    keys = curve_order(points, low, high)
    order = rows_of(keys[:count], key_layout(len(points))[1])
    origin = 0.5 * (low + high)
    tree = _empty_tree(count)
    pieces = -(-int(tree[2][1]) // (16 * kernels.NODES_A_PIECE))
    each_thread(kernels.fill_leaves, pieces, points, origin, order, tree)
    kernels.fill_nodes(tree)
    return Index(tree, origin, order, count, len(points))


def _queries(index: Index, queries_m: Any) -> tuple[NDArray[np.float32], Ints]:
    """Return queries as kernels take them, and the order in which they are cheap to answer."""
    points = writable(require("queries_m", queries_m, (None, 3)))
    low, high, _ = bounds(points)
    keys = curve_order(points, *body(points, low, high))
    return index.local(points), rows_of(keys, key_layout(len(points))[1])


def squared(reach_m: float) -> np.float32:
    """Return the squared distance that kernels take for a reach."""
    if not reach_m >= 0:
        raise BadInput("core.not_positive", name="reach_m", value=reach_m)
    return min(np.float32(min(reach_m, 1e17)) ** 2, kernels.ENDLESS)


def nearest(index: Index, queries_m: Any, k: int = 1, reach_m: float = np.inf) -> Neighbours:
    """Return the k nearest points of each query, at most `reach_m` away; equal distances by the lower row.

    queries_m  (M, 3) metres; a row of NaN has no neighbours
    """
    require_count("k", k, 1)
    queries, order = _queries(index, queries_m)
    rows, distances = np.zeros((len(queries), k), np.int32), np.zeros((len(queries), k), np.float32)
    pieces = pieces_of(len(queries), 16 * kernels.GROUPS_A_PIECE)
    worker = kernels.nearest if k == 1 else kernels.k_nearest
    each_thread(worker, pieces, index.tree, queries, order, squared(reach_m), rows, distances)
    return Neighbours(rows, distances)


def within(index: Index, queries_m: Any, radius_m: float) -> tuple[NDArray[np.int64], Ints]:
    """Return all points at most `radius_m` from each query.

    queries_m  (M, 3) metres; a row of NaN has no neighbours
    returns    (M + 1,) offsets and (total,) rows: those of query i, ascending, are
               rows[offsets[i]:offsets[i + 1]]
    """
    queries, order = _queries(index, queries_m)
    bound = squared(radius_m)
    offsets = np.zeros(len(queries) + 1, np.int64)
    pieces = pieces_of(len(queries), 16 * kernels.GROUPS_A_PIECE)
    each_thread(kernels.within, pieces, index.tree, queries, order, bound, offsets, np.zeros(0, np.int32))
    np.cumsum(offsets, out=offsets)
    rows = np.zeros(int(offsets[-1]), np.int32)
    if len(rows):
        each_thread(kernels.within, pieces, index.tree, queries, order, bound, offsets, rows)
    return offsets, rows
