# SPDX-License-Identifier: Apache-2.0
"""A point index, and one search in it: leaves of 16 points along a Hilbert curve under an implicit tree 16 wide.

A tree is a tuple (boxes, leaves, levels), and that is what kernels hand on:

    boxes   float32, 112 a node: low x of its 16 children, low y, low z, high x, high y, high z, and
            as bits the lowest row below each child
    leaves  float32, 64 a leaf: x of its 16 points, y, z, and as bits the rows they come from
    levels  int64: points, leaves, levels of nodes, then the first node of each level; level 0 has
            leaves for children

Child j of node i of a level is node (or leaf) 16 i + j of the level below. Coordinates are relative
to the tree's origin. The position of a point is its place in the leaves. Equal distances go by the
lower row, so that an answer never depends on the way of the search.
"""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import bare, inner
from visionvalley.kernels.simd import (
    bits,
    float_bits,
    key_number,
    key_row,
    load_f32x16,
    load_f64x8,
    maximum,
    minimum,
    multiply_add,
    pack_key,
    reduce_min,
    select,
    shift_in,
    splat_f32x16,
    splat_f64x8,
    store,
    trailing_zeros,
)

LEAF, NODE = 64, 112  # float32 numbers of a leaf, of a node
FAR = np.float32(1e18)  # coordinate of places without a point
ENDLESS = np.float32(1e35)  # squared distance above all there are, below those to FAR
NO_ROW = np.int32(2**31 - 1)
TREE = "Tuple((float32[::1], float32[::1], int64[::1]))"


@inner
def make_scratch(tree, k):
    """What the searches of one thread work in: (distances, waiting children, nodes, best keys of k)."""
    depth = tree[2][2]
    return (
        np.zeros(16 * depth + 16, np.float32),
        np.zeros(depth, np.int64),
        np.zeros(depth, np.int64),
        np.zeros((k + 7) // 8 * 8, np.float64),
    )


@bare
def squared_length(x, y, z):
    """Lane by lane, rounded in one way everywhere: a box is then never farther than a point in it."""
    return multiply_add(z, z, multiply_add(y, y, x * x))


@bare
def leaf_distances(leaves, at, x, y, z):
    """Squared distances of a point (in all lanes) to the 16 points of the leaf that starts at `at`."""
    return squared_length(
        load_f32x16(leaves, at) - x, load_f32x16(leaves, at + 16) - y, load_f32x16(leaves, at + 32) - z
    )


@bare
def box_distances(boxes, at, x, y, z):
    """Squared distances of a point (in all lanes) to the 16 children of the node that starts at `at`."""
    zero = splat_f32x16(np.float32(0.0))  # stands first: maximum hands on a NaN in its second place
    return squared_length(
        maximum(zero, maximum(load_f32x16(boxes, at) - x, x - load_f32x16(boxes, at + 48))),
        maximum(zero, maximum(load_f32x16(boxes, at + 16) - y, y - load_f32x16(boxes, at + 64))),
        maximum(zero, maximum(load_f32x16(boxes, at + 32) - z, z - load_f32x16(boxes, at + 80))),
    )


@bare
def look(array, at, leaf, x, y, z, worst, distances, to):
    """Distances of the 16 points of a leaf or children of a node, written at `to`; the bits of those within `worst`."""
    xs, ys, zs = splat_f32x16(x), splat_f32x16(y), splat_f32x16(z)
    squared = leaf_distances(array, at, xs, ys, zs) if leaf else box_distances(array, at, xs, ys, zs)
    store(distances, to, squared)
    return bits(squared <= splat_f32x16(worst))


@bare
def row_at(tree, position):
    """The row of the point at a position."""
    return float_bits(tree[1][(position >> 4) * LEAF + 48 + (position & 15)])


@bare
def look_beyond(array, at, leaf, x, y, z, worst, beyond, distances, to):
    """`look`, and the least squared distance beyond `worst` so far."""
    found = look(array, at, leaf, x, y, z, worst, distances, to)
    squared, limit = load_f32x16(distances, to), splat_f32x16(worst)
    return found, min(beyond, reduce_min(select(squared <= limit, splat_f32x16(ENDLESS), squared)))


@bare
def enter(tree, x, y, z, worst, scratch):
    """Look at the children of the root; the level that `next_leaf` goes on from, and the least beyond `worst`."""
    boxes, _, levels = tree
    distances, waiting, nodes, _ = scratch
    level = levels[2] - 1
    nodes[level] = 0
    at = levels[3 + level] * NODE
    waiting[level], beyond = look_beyond(boxes, at, False, x, y, z, worst, ENDLESS, distances, 16 * level)
    return level, beyond


@bare
def next_leaf(tree, level, x, y, z, worst, row, beyond, nearest_first, scratch):
    """Go on to a leaf with a point that may be nearer than `worst`, or as near with a lower row.

    Returns the leaf, -1 where there is none left; the level to go on from; the least squared distance of what was
    looked at and passed over. Who does not want the last does not pay for it: it is compiled away.
    """
    boxes, _, levels = tree
    distances, waiting, nodes, _ = scratch
    while level < levels[2]:
        left = waiting[level]
        if left == 0:
            level += 1
            continue
        j = trailing_zeros(left)
        if nearest_first:
            for other in range(j + 1, 16):
                if left >> other & 1 and distances[16 * level + other] < distances[16 * level + j]:
                    j = other
        waiting[level] = left & ~(1 << j)
        near = distances[16 * level + j]
        at = (levels[3 + level] + nodes[level]) * NODE
        if near > worst or (near == worst and float_bits(boxes[at + 96 + j]) > row):
            beyond = min(beyond, near)
            continue
        child = nodes[level] * 16 + j
        if level == 0:
            return child, level, beyond
        level -= 1
        nodes[level] = child
        at = (levels[3 + level] + child) * NODE
        waiting[level], beyond = look_beyond(boxes, at, False, x, y, z, worst, beyond, distances, 16 * level)
    return np.int64(-1), level, beyond


@bare
def nearest_and_beyond(tree, x, y, z, bound, seed, scratch):
    """Position of the nearest point within a squared distance, -1 if there is none, its squared distance, and beyond.

    bound   squared distance that counts as within
    seed    position of a point that is thought near, or -1: only the time taken, and how far beyond, depend on it
    beyond  a squared distance that no other point is nearer than: the least of all points and boxes that were looked
            at and are not the nearest point
    """
    _, leaves, levels = tree
    distances = scratch[0]
    worst, best, row = bound, np.int64(-1), NO_ROW
    depth = levels[2]
    if seed >= 0:
        xs, ys, zs = splat_f32x16(x), splat_f32x16(y), splat_f32x16(z)
        worst = min(worst, reduce_min(leaf_distances(leaves, (seed >> 4) * LEAF, xs, ys, zs)))
    level, beyond = enter(tree, x, y, z, worst, scratch)
    while True:
        leaf, level, beyond = next_leaf(tree, level, x, y, z, worst, row, beyond, best < 0 and seed < 0, scratch)
        if leaf < 0:
            break
        found, beyond = look_beyond(leaves, leaf * LEAF, True, x, y, z, worst, beyond, distances, 16 * depth)
        while found != 0:
            j = trailing_zeros(found)
            found &= found - 1
            d = distances[16 * depth + j]
            candidate = float_bits(leaves[leaf * LEAF + 48 + j])
            if d < worst or (d == worst and candidate <= row):
                beyond = min(beyond, worst) if best >= 0 else beyond
                worst, best, row = d, leaf * 16 + j, candidate
            else:
                beyond = min(beyond, d)
    return best, worst, beyond


@bare
def nearest_one(tree, x, y, z, bound, seed, scratch):
    """Position and squared distance of the nearest point, as `nearest_and_beyond` finds it."""
    best, worst, _ = nearest_and_beyond(tree, x, y, z, bound, seed, scratch)
    return best, worst


@bare
def insert(keys, key):
    """Put a key into an ascending list, whose largest falls off; the length is a multiple of 8.

    Keys of distance and row are positive float64 numbers: new[i] = min(old[i], max(old[i - 1], key)).
    """
    new = splat_f64x8(key)
    before = splat_f64x8(0.0)
    for at in range(0, keys.shape[0], 8):
        old = load_f64x8(keys, at)
        store(keys, at, minimum(old, maximum(shift_in(before, old), new)))
        before = old


@bare
def k_nearest_one(tree, x, y, z, k, bound, scratch):
    """Fill the keys of `scratch` with the k nearest points within a squared distance; how many there are.

    The keys ascend; `key_number` and `key_row` tell squared distance and row of one. Returns the number found, and
    the squared distance of the last where there are k, else `bound`.
    """
    _, leaves, levels = tree
    distances, keys = scratch[0], scratch[3]
    worst, row = bound, NO_ROW
    keys[:] = pack_key(ENDLESS, NO_ROW)
    depth = levels[2]
    level, beyond = enter(tree, x, y, z, worst, scratch)
    while True:
        leaf, level, beyond = next_leaf(tree, level, x, y, z, worst, row, beyond, False, scratch)
        if leaf < 0:
            break
        found = look(leaves, leaf * LEAF, True, x, y, z, worst, distances, 16 * depth)
        while found != 0:
            j = trailing_zeros(found)
            found &= found - 1
            if distances[16 * depth + j] <= worst:
                insert(keys, pack_key(distances[16 * depth + j], float_bits(leaves[leaf * LEAF + 48 + j])))
                last, last_row = key_number(keys[k - 1]), key_row(keys[k - 1])
                if last <= worst:
                    worst, row = last, last_row
    found = np.int64(0)
    while found < k and keys[found] < pack_key(ENDLESS, NO_ROW):
        found += 1
    return found, worst


@bare
def reach_from(worst, step):
    """Squared distance that holds as many points as `worst` did at a place `step` away (triangle inequality)."""
    reach = np.sqrt(worst) + step
    return min(reach * reach * np.float32(1.0001) + np.float32(1e-30), ENDLESS)


@bare
def within_one(tree, x, y, z, bound, scratch, rows):
    """Write the rows of all points within a squared distance, as far as `rows` has room; how many there are."""
    _, leaves, levels = tree
    distances = scratch[0]
    depth, count = levels[2], np.int64(0)
    level, beyond = enter(tree, x, y, z, bound, scratch)
    while True:
        leaf, level, beyond = next_leaf(tree, level, x, y, z, bound, NO_ROW, beyond, False, scratch)
        if leaf < 0:
            break
        found = look(leaves, leaf * LEAF, True, x, y, z, bound, distances, 16 * depth)
        while found != 0:
            j = trailing_zeros(found)
            found &= found - 1
            if count < rows.shape[0]:
                rows[count] = float_bits(leaves[leaf * LEAF + 48 + j])
            count += 1
    return count
