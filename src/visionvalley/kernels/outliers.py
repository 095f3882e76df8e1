# SPDX-License-Identifier: Apache-2.0
"""How far points are from their neighbours, and how many they have."""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import bare, kernel
from visionvalley.kernels.groups import (
    begin_group,
    box_of_queries,
    make_group,
    nearest_of_list,
    squared_step,
)
from visionvalley.kernels.simd import (
    key_number,
    load_f32x16,
    reduce_add,
    select,
    splat_f32x16,
    square_root,
    take,
)
from visionvalley.kernels.tree import (
    ENDLESS,
    FAR,
    LEAF,
    TREE,
    k_nearest_one,
    make_scratch,
    reach_from,
    within_one,
)

LEAVES_A_PIECE = 64


@bare
def sum_of_distances(distances, blocks, bound):
    """Sum of the distances, of so many leaves, whose squares are at most `bound`."""
    limit, zero = splat_f32x16(bound), splat_f32x16(np.float32(0.0))
    total = zero
    for block in range(blocks):
        squared = load_f32x16(distances, 16 * block)
        total = total + square_root(select(squared <= limit, squared, zero))
    return np.float64(reduce_add(total))


@kernel(f"void(int64[::1], {TREE}, int32[::1], int64, float64[::1])")
def mean_distances(counter, tree, order, k, means):
    """Mean distance of each point of the tree to its k nearest points, itself among them.

    order  (count,): the row at each position
    means  (N,)
    """
    leaves, count = tree[1], tree[2][0]
    scratch, group = make_scratch(tree, k), make_group()
    keys, queries, distances, gap = scratch[3], group[0], group[3], group[5]
    while True:
        piece = take(counter)
        if piece * LEAVES_A_PIECE * 16 >= count:
            break
        last, listed = (FAR, FAR, FAR, ENDLESS), np.int64(-1)
        for leaf in range(piece * LEAVES_A_PIECE, min((piece + 1) * LEAVES_A_PIECE, (count + 15) >> 4)):
            for i in range(48):
                queries[i] = leaves[leaf * LEAF + i]
            listed, last = begin_group(tree, k, scratch, group, box_of_queries(queries), last, ENDLESS, listed)
            for lane in range(min(16, count - 16 * leaf)):
                x, y, z = queries[lane], queries[16 + lane], queries[32 + lane]
                bound = reach_from(last[3], np.sqrt(squared_step(x, y, z, last[0], last[1], last[2])))
                if listed >= 0:
                    blocks, worst, close, found, within = nearest_of_list(
                        tree, group, listed, x, y, z, k, bound, last[3]
                    )
                    total = sum_of_distances(distances, blocks, close)
                    for i in range(found):
                        total += np.sqrt(np.float64(key_number(gap[i])))
                    found += within
                else:
                    found, worst = k_nearest_one(tree, x, y, z, k, bound, scratch)
                    total = 0.0
                    for i in range(found):
                        total += np.sqrt(np.float64(key_number(keys[i])))
                last = (x, y, z, worst)
                means[order[16 * leaf + lane]] = total / found


@kernel(f"void(int64[::1], {TREE}, int32[::1], float32, int64[::1])")
def count_neighbours(counter, tree, order, bound, counts):
    """How many points, itself among them, lie within a squared distance of each point of the tree.

    order   (count,): the row at each position
    counts  (N,)
    """
    leaves, count = tree[1], tree[2][0]
    scratch, nowhere = make_scratch(tree, 0), np.zeros(0, np.int32)
    while True:
        piece = take(counter)
        if piece * LEAVES_A_PIECE * 16 >= count:
            break
        for position in range(piece * LEAVES_A_PIECE * 16, min((piece + 1) * LEAVES_A_PIECE * 16, count)):
            at = (position >> 4) * LEAF + (position & 15)
            counts[order[position]] = within_one(
                tree, leaves[at], leaves[at + 16], leaves[at + 32], bound, scratch, nowhere
            )
