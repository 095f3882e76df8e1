# SPDX-License-Identifier: Apache-2.0
"""Exact neighbours: points along a Hilbert curve in leaves of 16, under an implicit tree 16 wide.

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

from visionvalley.kernels.compilation import inner, kernel
from visionvalley.kernels.simd import (
    bits,
    bits_float,
    float_bits,
    key_number,
    key_row,
    load_f32x16,
    load_f64x8,
    maximum,
    minimum,
    multiply_add,
    pack_key,
    shift_in,
    splat_f32x16,
    splat_f64x8,
    store,
    take,
    trailing_zeros,
)

LEAF, NODE = 64, 112  # float32 numbers of a leaf, of a node
FAR = np.float32(1e18)  # coordinate of places without a point
ENDLESS = np.float32(1e35)  # squared distance above all there are, below those to FAR
NO_ROW = np.int32(2**31 - 1)
NODES_A_PIECE = 16
QUERIES_A_PIECE = 512
TREE = "Tuple((float32[::1], float32[::1], int64[::1]))"


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


# ---- one search
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


@inner
def squared_length(x, y, z):
    """Lane by lane, rounded in one way everywhere: a box is then never farther than a point in it."""
    return multiply_add(z, z, multiply_add(y, y, x * x))


@inner
def leaf_distances(leaves, at, x, y, z):
    """Squared distances of a point (in all lanes) to the 16 points of the leaf that starts at `at`."""
    return squared_length(
        load_f32x16(leaves, at) - x, load_f32x16(leaves, at + 16) - y, load_f32x16(leaves, at + 32) - z
    )


@inner
def box_distances(boxes, at, x, y, z):
    """Squared distances of a point (in all lanes) to the 16 children of the node that starts at `at`."""
    zero = splat_f32x16(np.float32(0.0))  # stands first: maximum hands on a NaN in its second place
    return squared_length(
        maximum(zero, maximum(load_f32x16(boxes, at) - x, x - load_f32x16(boxes, at + 48))),
        maximum(zero, maximum(load_f32x16(boxes, at + 16) - y, y - load_f32x16(boxes, at + 64))),
        maximum(zero, maximum(load_f32x16(boxes, at + 32) - z, z - load_f32x16(boxes, at + 80))),
    )


@inner
def look(array, at, leaf, x, y, z, worst, distances, to):
    """Distances of the 16 points of a leaf or children of a node, written at `to`; the bits of those within `worst`."""
    xs, ys, zs = splat_f32x16(x), splat_f32x16(y), splat_f32x16(z)
    squared = leaf_distances(array, at, xs, ys, zs) if leaf else box_distances(array, at, xs, ys, zs)
    store(distances, to, squared)
    return bits(squared <= splat_f32x16(worst))


@inner
def row_at(tree, position):
    """The row of the point at a position."""
    return float_bits(tree[1][(position >> 4) * LEAF + 48 + (position & 15)])


@inner
def nearest_one(tree, x, y, z, bound, seed, scratch):
    """Position of the nearest point within a squared distance, -1 if there is none, and its squared distance.

    bound  squared distance that counts as within
    seed   position of a point that is thought near, or -1: only the time taken depends on it
    """
    boxes, leaves, levels = tree
    distances, waiting, nodes, _ = scratch
    worst, best, row = bound, np.int64(-1), NO_ROW
    depth = levels[2]
    if seed >= 0:
        bits_near = look(leaves, (seed >> 4) * LEAF, True, x, y, z, worst, distances, 16 * depth)
        while bits_near != 0:
            j = trailing_zeros(bits_near)
            bits_near &= bits_near - 1
            worst = min(worst, distances[16 * depth + j])
    level = depth - 1
    nodes[level] = 0
    waiting[level] = look(boxes, levels[3 + level] * NODE, False, x, y, z, worst, distances, 16 * level)
    while True:
        left = waiting[level]
        if left == 0:
            level += 1
            if level == depth:
                break
            continue
        j = trailing_zeros(left)
        if best < 0 and seed < 0:  # nothing is known: the nearest child first
            for other in range(j + 1, 16):
                if left >> other & 1 and distances[16 * level + other] < distances[16 * level + j]:
                    j = other
        waiting[level] = left & ~(1 << j)
        near = distances[16 * level + j]
        at = (levels[3 + level] + nodes[level]) * NODE
        if near > worst or (near == worst and float_bits(boxes[at + 96 + j]) > row):
            continue
        child = nodes[level] * 16 + j
        if level > 0:
            level -= 1
            nodes[level] = child
            at = (levels[3 + level] + child) * NODE
            waiting[level] = look(boxes, at, False, x, y, z, worst, distances, 16 * level)
            continue
        found = look(leaves, child * LEAF, True, x, y, z, worst, distances, 16 * depth)
        while found != 0:
            j = trailing_zeros(found)
            found &= found - 1
            d = distances[16 * depth + j]
            candidate = float_bits(leaves[child * LEAF + 48 + j])
            if d < worst or (d == worst and candidate <= row):
                worst, best, row = d, child * 16 + j, candidate
    return best, worst


@inner
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


@inner
def k_nearest_one(tree, x, y, z, k, bound, scratch):
    """Fill the keys of `scratch` with the k nearest points within a squared distance; how many there are.

    The keys ascend; `key_number` and `key_row` tell squared distance and row of one. Returns the number found, and
    the squared distance of the last where there are k, else `bound`.
    """
    boxes, leaves, levels = tree
    distances, waiting, nodes, keys = scratch
    worst, row = bound, NO_ROW
    keys[:] = pack_key(ENDLESS, NO_ROW)
    depth = levels[2]
    level = depth - 1
    nodes[level] = 0
    waiting[level] = look(boxes, levels[3 + level] * NODE, False, x, y, z, worst, distances, 16 * level)
    while True:
        left = waiting[level]
        if left == 0:
            level += 1
            if level == depth:
                break
            continue
        j = trailing_zeros(left)
        waiting[level] = left & (left - 1)
        near = distances[16 * level + j]
        at = (levels[3 + level] + nodes[level]) * NODE
        if near > worst or (near == worst and float_bits(boxes[at + 96 + j]) > row):
            continue
        child = nodes[level] * 16 + j
        if level > 0:
            level -= 1
            nodes[level] = child
            at = (levels[3 + level] + child) * NODE
            waiting[level] = look(boxes, at, False, x, y, z, worst, distances, 16 * level)
            continue
        found = look(leaves, child * LEAF, True, x, y, z, worst, distances, 16 * depth)
        while found != 0:
            j = trailing_zeros(found)
            found &= found - 1
            if distances[16 * depth + j] <= worst:
                insert(keys, pack_key(distances[16 * depth + j], float_bits(leaves[child * LEAF + 48 + j])))
                last, last_row = key_number(keys[k - 1]), key_row(keys[k - 1])
                if last <= worst:
                    worst, row = last, last_row
    found = np.int64(0)
    while found < k and keys[found] < pack_key(ENDLESS, NO_ROW):
        found += 1
    return found, worst


@inner
def reach_from(worst, step):
    """Squared distance that holds as many points as `worst` did at a place `step` away (triangle inequality)."""
    reach = np.sqrt(worst) + step
    return min(reach * reach * np.float32(1.0001) + np.float32(1e-30), ENDLESS)


# ---- many searches
@kernel(f"void(int64[::1], {TREE}, float32[:, ::1], int32[::1], float32, int32[:, ::1], float32[:, ::1])")
def k_nearest(counter, tree, queries, order, bound, index, squared):
    """The k nearest points of each query within a squared distance.

    queries  (M, 3), relative to the origin of the tree
    order    (M,): the queries' rows along the curve
    index    (M, k): rows, -1 where there are no more
    squared  (M, k): squared distances, NaN where there are no more
    """
    k = index.shape[1]
    scratch = make_scratch(tree, k)
    found_keys = scratch[3]
    while True:
        piece = take(counter)
        if piece * QUERIES_A_PIECE >= order.shape[0]:
            break
        before = np.int64(-1)
        worst = ENDLESS
        for i in range(piece * QUERIES_A_PIECE, min((piece + 1) * QUERIES_A_PIECE, order.shape[0])):
            q = np.int64(order[i])
            x, y, z = queries[q, 0], queries[q, 1], queries[q, 2]
            limit = bound
            if before >= 0:
                dx, dy, dz = x - queries[before, 0], y - queries[before, 1], z - queries[before, 2]
                limit = min(bound, reach_from(worst, np.sqrt(dx * dx + dy * dy + dz * dz)))
            found, worst = k_nearest_one(tree, x, y, z, k, limit, scratch)
            before = q
            if found < k:
                before = np.int64(-1)
            for j in range(k):
                index[q, j] = key_row(found_keys[j]) if j < found else np.int32(-1)
                squared[q, j] = key_number(found_keys[j]) if j < found else np.float32(np.nan)


@inner
def within_one(tree, x, y, z, bound, scratch, rows):
    """Write the rows of all points within a squared distance, as far as `rows` has room; how many there are."""
    boxes, leaves, levels = tree
    distances, waiting, nodes, _ = scratch
    depth = levels[2]
    level = depth - 1
    nodes[level] = 0
    waiting[level] = look(boxes, levels[3 + level] * NODE, False, x, y, z, bound, distances, 16 * level)
    count = np.int64(0)
    while True:
        left = waiting[level]
        if left == 0:
            level += 1
            if level == depth:
                break
            continue
        j = trailing_zeros(left)
        waiting[level] = left & (left - 1)
        child = nodes[level] * 16 + j
        if level > 0:
            level -= 1
            nodes[level] = child
            at = (levels[3 + level] + child) * NODE
            waiting[level] = look(boxes, at, False, x, y, z, bound, distances, 16 * level)
            continue
        found = look(leaves, child * LEAF, True, x, y, z, bound, distances, 16 * depth)
        while found != 0:
            j = trailing_zeros(found)
            found &= found - 1
            if count < rows.shape[0]:
                rows[count] = float_bits(leaves[child * LEAF + 48 + j])
            count += 1
    return count


@inner
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
        if piece * QUERIES_A_PIECE >= order.shape[0]:
            break
        for i in range(piece * QUERIES_A_PIECE, min((piece + 1) * QUERIES_A_PIECE, order.shape[0])):
            q = np.int64(order[i])
            room = rows[0:0] if counting else rows[offsets[q] : offsets[q + 1]]
            count = within_one(tree, queries[q, 0], queries[q, 1], queries[q, 2], bound, scratch, room)
            if counting:
                offsets[q + 1] = count
            else:
                sort_rows(room)
