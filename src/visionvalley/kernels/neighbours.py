# SPDX-License-Identifier: Apache-2.0
"""Build the tree of a point index, and search it for many queries (see kernels/tree.py)."""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import bare, kernel
from visionvalley.kernels.groups import (
    begin_group,
    box_of_queries,
    count_within,
    look_around,
    make_group,
    squared_step,
)
from visionvalley.kernels.simd import (
    bits,
    bits_float,
    float_bits,
    key_number,
    key_row,
    load_f32x16,
    minimum,
    pack_key,
    reduce_min,
    splat_f32x16,
    take,
    trailing_zeros,
)
from visionvalley.kernels.tree import (
    ENDLESS,
    FAR,
    LEAF,
    NO_ROW,
    NODE,
    TREE,
    insert,
    k_nearest_one,
    make_scratch,
    nearest_one,
    reach_from,
    row_at,
    within_one,
)

__all__ = [
    "ENDLESS",
    "FAR",
    "LEAF",
    "NODE",
    "NO_ROW",
    "TREE",
    "fill_leaves",
    "fill_nodes",
    "insert",
    "k_nearest",
    "k_nearest_one",
    "make_scratch",
    "nearest",
    "nearest_one",
    "reach_from",
    "row_at",
    "within",
    "within_one",
]

NODES_A_PIECE = 16
GROUPS_A_PIECE = 32
HOPEFUL = np.float32(1.3)  # times the squared distance that is expected, where the search begins


# ---- building
@kernel(f"void(int64[::1], float64[:, ::1], float64[::1], int32[::1], {TREE})")
def fill_leaves(counter, points, origin, order, tree):
    """Write the points of each leaf, and the lowest nodes.

    points  (N, 3)
    origin  (3,)
    order   (count,): the row at each position
    """
    boxes, leaves, levels = tree
    count, leaf_count = levels[0], levels[1]
    nodes = (leaf_count + 15) // 16
    while True:
        piece = take(counter)
        if piece * NODES_A_PIECE >= nodes:
            break
        for leaf in range(piece * NODES_A_PIECE * 16, min((piece + 1) * NODES_A_PIECE, nodes) * 16):
            at = leaf * LEAF
            x0 = y0 = z0 = FAR
            x1 = y1 = z1 = -FAR if leaf < leaf_count else FAR
            lowest = NO_ROW
            for j in range(min(16, count - leaf * 16)):
                row = order[leaf * 16 + j]
                x = np.float32(points[row, 0] - origin[0])
                y = np.float32(points[row, 1] - origin[1])
                z = np.float32(points[row, 2] - origin[2])
                leaves[at + j], leaves[at + 16 + j], leaves[at + 32 + j] = x, y, z
                leaves[at + 48 + j] = bits_float(row)
                x0, y0, z0 = min(x0, x), min(y0, y), min(z0, z)
                x1, y1, z1 = max(x1, x), max(y1, y), max(z1, z)
                lowest = min(lowest, row)
            for j in range(max(0, count - leaf * 16), 16 if leaf < leaf_count else 0):
                leaves[at + j] = leaves[at + 16 + j] = leaves[at + 32 + j] = FAR
                leaves[at + 48 + j] = bits_float(NO_ROW)
            at = (leaf >> 4) * NODE + (leaf & 15)
            boxes[at], boxes[at + 16], boxes[at + 32] = x0, y0, z0
            boxes[at + 48], boxes[at + 64], boxes[at + 80] = x1, y1, z1
            boxes[at + 96] = bits_float(lowest)


@kernel(f"void({TREE})")
def fill_nodes(tree):
    """Write the nodes above the lowest level."""
    boxes, _, levels = tree
    for level in range(1, levels[2]):
        below, first, end = levels[2 + level], levels[3 + level], levels[4 + level]
        for child in range((end - first) * 16):
            at = (first + (child >> 4)) * NODE + (child & 15)
            source = (below + child) * NODE
            lowest = NO_ROW
            there = below + child < first
            for axis in range(3):
                low, high = FAR, -FAR if there else FAR
                for j in range(16 * axis, 16 * axis + 16 if there else 0):
                    if boxes[source + j] < FAR:
                        low, high = min(low, boxes[source + j]), max(high, boxes[source + 48 + j])
                boxes[at + 16 * axis], boxes[at + 48 + 16 * axis] = low, high
            for j in range(96, 112 if there else 0):
                lowest = min(lowest, float_bits(boxes[source + j]))
            boxes[at + 96] = bits_float(lowest)


# ---- searching
@bare
def load_group(queries, order, first, group):
    """Put up to 16 queries into a group, those that are not finite as none; its box."""
    local = group[0]
    local[:] = FAR
    for lane in range(min(16, order.shape[0] - first)):
        q = order[first + lane]
        x, y, z = queries[q, 0], queries[q, 1], queries[q, 2]
        if abs(x) + abs(y) + abs(z) < FAR:
            local[lane], local[16 + lane], local[32 + lane] = x, y, z
    return box_of_queries(local)


@bare
def best_of_list(tree, group, listed, x, y, z, k, bound, guess, keys):
    """Fill `keys` with the k nearest points of the shortlist within `bound`; what `k_nearest_one` returns."""
    leaves = tree[1]
    distances, near = group[3], group[4]
    worst = min(bound, guess * HOPEFUL)
    blocks = look_around(tree, group, listed, x, y, z, worst)
    found = count_within(distances, blocks, worst)
    if found < k and worst < bound:
        worst = bound
        blocks = look_around(tree, group, listed, x, y, z, worst)
        found = count_within(distances, blocks, worst)
    keys[:] = pack_key(ENDLESS, NO_ROW)
    for block in range(blocks):
        left = bits(load_f32x16(distances, 16 * block) <= splat_f32x16(worst))
        while left != 0:
            j = trailing_zeros(left)
            left &= left - 1
            insert(keys, pack_key(distances[16 * block + j], float_bits(leaves[near[block] * LEAF + 48 + j])))
        worst = min(worst, key_number(keys[k - 1]))
    return min(found, k), worst


@kernel(f"void(int64[::1], {TREE}, float32[:, ::1], int32[::1], float32, int32[:, ::1], float32[:, ::1])")
def k_nearest(counter, tree, queries, order, reach, index, distances):
    """The k nearest points of each query within a squared distance.

    queries    (M, 3), relative to the origin of the tree
    order      (M,): the queries' rows, in an order in which near ones follow each other
    index      (M, k): rows, -1 where there are no more
    distances  (M, k): NaN where there are no more
    """
    k = index.shape[1]
    scratch, group = make_scratch(tree, k), make_group()
    keys, local = scratch[3], group[0]
    while True:
        piece = take(counter)
        if piece * GROUPS_A_PIECE * 16 >= order.shape[0]:
            break
        last, listed = (FAR, FAR, FAR, ENDLESS), np.int64(-1)
        for first in range(piece * GROUPS_A_PIECE * 16, min((piece + 1) * GROUPS_A_PIECE * 16, order.shape[0]), 16):
            box = load_group(queries, order, first, group)
            if box[0] < FAR:
                listed, last = begin_group(tree, k, scratch, group, box, last, reach, listed)
            for lane in range(min(16, order.shape[0] - first)):
                q = order[first + lane]
                x, y, z = local[lane], local[16 + lane], local[32 + lane]
                found = np.int64(0)
                if x < FAR:
                    bound = min(reach, reach_from(last[3], np.sqrt(squared_step(x, y, z, last[0], last[1], last[2]))))
                    if listed >= 0:
                        found, worst = best_of_list(tree, group, listed, x, y, z, k, bound, last[3], keys)
                    else:
                        found, worst = k_nearest_one(tree, x, y, z, k, bound, scratch)
                    last = (x, y, z, worst)
                for j in range(found):
                    index[q, j], distances[q, j] = key_row(keys[j]), np.sqrt(key_number(keys[j]))
                for j in range(found, k):
                    index[q, j], distances[q, j] = np.int32(-1), np.float32(np.nan)


@kernel(f"void(int64[::1], {TREE}, float32[:, ::1], int32[::1], float32, int32[:, ::1], float32[:, ::1])")
def nearest(counter, tree, queries, order, reach, index, distances):
    """The nearest point of each query within a squared distance: `k_nearest` for k = 1."""
    leaves = tree[1]
    scratch, group = make_scratch(tree, 1), make_group()
    local, squared, near = group[0], group[3], group[4]
    while True:
        piece = take(counter)
        if piece * GROUPS_A_PIECE * 16 >= order.shape[0]:
            break
        last, listed = (FAR, FAR, FAR, ENDLESS), np.int64(-1)
        best = np.int64(-1)
        for first in range(piece * GROUPS_A_PIECE * 16, min((piece + 1) * GROUPS_A_PIECE * 16, order.shape[0]), 16):
            box = load_group(queries, order, first, group)
            if box[0] < FAR:
                listed, last = begin_group(tree, 1, scratch, group, box, last, reach, listed)
                best = np.int64(-1)
            for lane in range(min(16, order.shape[0] - first)):
                q = order[first + lane]
                x, y, z = local[lane], local[16 + lane], local[32 + lane]
                index[q, 0], distances[q, 0] = np.int32(-1), np.float32(np.nan)
                if not x < FAR:
                    continue
                bound = min(reach, reach_from(last[3], np.sqrt(squared_step(x, y, z, last[0], last[1], last[2]))))
                if best >= 0:
                    bound = min(
                        bound,
                        squared_step(leaves[best], leaves[best + 16], leaves[best + 32], x, y, z) * np.float32(1.0001),
                    )
                if listed < 0:
                    position, worst = nearest_one(tree, x, y, z, bound, np.int64(-1), scratch)
                    best = np.int64(-1)
                    if position >= 0:
                        best = (position >> 4) * LEAF + (position & 15)
                else:
                    blocks = look_around(tree, group, listed, x, y, z, bound)
                    least = splat_f32x16(ENDLESS)
                    for block in range(blocks):
                        least = minimum(load_f32x16(squared, 16 * block), least)
                    worst, best, row = reduce_min(least), np.int64(-1), NO_ROW
                    for block in range(blocks if worst <= bound else 0):
                        left = bits(load_f32x16(squared, 16 * block) == splat_f32x16(worst))
                        while left != 0:
                            at = near[block] * LEAF + trailing_zeros(left)
                            left &= left - 1
                            candidate = float_bits(leaves[at + 48])
                            if candidate <= row:
                                best, row = at, candidate
                    worst = min(worst, bound)
                last = (x, y, z, worst)
                if best >= 0:
                    index[q, 0], distances[q, 0] = float_bits(leaves[best + 48]), np.sqrt(worst)


@bare
def sort_rows(rows):
    """Sort rows in place (Shell 1959, gaps of Ciura 2001)."""
    for gap in (1750, 701, 301, 132, 57, 23, 10, 4, 1):
        for i in range(gap, rows.shape[0]):
            row = rows[i]
            j = i
            while j >= gap and rows[j - gap] > row:
                rows[j] = rows[j - gap]
                j -= gap
            rows[j] = row


@kernel(f"void(int64[::1], {TREE}, float32[:, ::1], int32[::1], float32, int64[::1], int32[::1])")
def within(counter, tree, queries, order, bound, offsets, rows):
    """All points within a squared distance of each query: first how many, and in a second call which.

    queries, order  as for k_nearest
    offsets         (M + 1,): the number of points of query i goes to offsets[i + 1] where `rows` is
                    empty; else the rows of query i go to rows[offsets[i]:offsets[i + 1]], ascending
    """
    scratch = make_scratch(tree, 0)
    counting = rows.shape[0] == 0
    while True:
        piece = take(counter)
        if piece * (GROUPS_A_PIECE * 16) >= order.shape[0]:
            break
        for i in range(piece * (GROUPS_A_PIECE * 16), min((piece + 1) * (GROUPS_A_PIECE * 16), order.shape[0])):
            q = np.int64(order[i])
            room = rows[0:0] if counting else rows[offsets[q] : offsets[q + 1]]
            count = within_one(tree, queries[q, 0], queries[q, 1], queries[q, 2], bound, scratch, room)
            if counting:
                offsets[q + 1] = count
            else:
                sort_rows(room)
