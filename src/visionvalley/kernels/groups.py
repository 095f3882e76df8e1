# SPDX-License-Identifier: Apache-2.0
"""Search for sixteen queries at a time that lie near to one another.

The leaves that any of them may need are collected once, in a shortlist; each query then looks at
the boxes of that list and at the few leaves within its own bound, without walking the tree.

A group is a tuple (queries, shortlist, leaf_numbers, distances, near_leaves, gap, gap_places):

    queries       float32 (48,): x of the 16 queries, y, z; those of no use are FAR
    shortlist     float32: the boxes of the collected leaves, in the form of nodes
    leaf_numbers  int64 (SHORTLIST,): which leaves these are
    distances     float32 (SHORTLIST * 16,): squared distances to the points of the leaves that are near
    near_leaves   int64 (SHORTLIST,): which leaves these are
    gap           float64 (SHORTLIST * 16,): keys of the points between two bounds, ascending
    gap_places    int64 (SHORTLIST * 16,): where in `distances` these are
"""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import bare, inner
from visionvalley.kernels.simd import (
    bits,
    bits_float,
    count_ones,
    float_bits,
    key_number,
    load_f32x16,
    maximum,
    pack_key,
    splat_f32x16,
    store,
    trailing_zeros,
)
from visionvalley.kernels.tree import (
    ENDLESS,
    FAR,
    LEAF,
    NODE,
    box_distances,
    k_nearest_one,
    leaf_distances,
    reach_from,
    squared_length,
)

SHORTLIST = 256  # leaves
HOPEFUL = np.float32(1.3)  # times the squared distance that is expected, where the search begins
SMALL_GAP = 8  # points that are sorted rather than told apart by another bound


@inner
def make_group():
    """A group without queries."""
    return (
        np.full(48, FAR, np.float32),
        np.zeros(SHORTLIST // 16 * NODE, np.float32),
        np.zeros(SHORTLIST, np.int64),
        np.zeros(SHORTLIST * 16, np.float32),
        np.zeros(SHORTLIST, np.int64),
        np.zeros(SHORTLIST * 16, np.float64),
        np.zeros(SHORTLIST * 16, np.int64),
    )


@bare
def squared_step(ax, ay, az, bx, by, bz):
    """Squared distance of two points."""
    x, y, z = ax - bx, ay - by, az - bz
    return x * x + y * y + z * z


@bare
def box_of_queries(queries):
    """Low x y z and high x y z of the queries that are of use; low is above high if none is."""
    x0 = y0 = z0 = FAR
    x1 = y1 = z1 = -FAR
    for i in range(16):
        if queries[i] < FAR:
            x0, y0, z0 = min(x0, queries[i]), min(y0, queries[16 + i]), min(z0, queries[32 + i])
            x1, y1, z1 = max(x1, queries[i]), max(y1, queries[16 + i]), max(z1, queries[32 + i])
    return x0, y0, z0, x1, y1, z1


@bare
def farthest_corner(box, x, y, z):
    """Squared distance from a point to the farthest corner of a box."""
    dx, dy, dz = max(x - box[0], box[3] - x), max(y - box[1], box[4] - y), max(z - box[2], box[5] - z)
    return dx * dx + dy * dy + dz * dz


@bare
def boxes_near_box(boxes, at, box):
    """Squared distances of a box to the 16 children of the node that starts at `at`."""
    zero = splat_f32x16(np.float32(0.0))
    low = load_f32x16(boxes, at) - splat_f32x16(box[3]), splat_f32x16(box[0]) - load_f32x16(boxes, at + 48)
    x = maximum(zero, maximum(low[0], low[1]))
    low = load_f32x16(boxes, at + 16) - splat_f32x16(box[4]), splat_f32x16(box[1]) - load_f32x16(boxes, at + 64)
    y = maximum(zero, maximum(low[0], low[1]))
    low = load_f32x16(boxes, at + 32) - splat_f32x16(box[5]), splat_f32x16(box[2]) - load_f32x16(boxes, at + 80)
    return squared_length(x, y, maximum(zero, maximum(low[0], low[1])))


@bare
def collect(tree, box, reach, scratch, group):
    """Put all leaves within a squared distance of a box into the shortlist; how many, -1 if it is too short."""
    boxes, _, levels = tree
    _, waiting, nodes, _ = scratch
    shortlist, numbers = group[1], group[2]
    limit = splat_f32x16(reach)
    count = np.int64(0)
    level = levels[2] - 1
    nodes[level] = 0
    waiting[level] = bits(boxes_near_box(boxes, levels[3 + level] * NODE, box) <= limit)
    while True:
        left = waiting[level]
        if left == 0 or level == 0:
            while left != 0:
                if count == SHORTLIST:
                    return np.int64(-1)
                j = trailing_zeros(left)
                left &= left - 1
                source = nodes[0] * NODE + j
                at = (count >> 4) * NODE + (count & 15)
                for row in range(0, 96, 16):
                    shortlist[at + row] = boxes[source + row]
                numbers[count] = nodes[0] * 16 + j
                count += 1
            level += 1
            if level >= levels[2]:
                break
            continue
        j = trailing_zeros(left)
        waiting[level] = left & (left - 1)
        child = nodes[level] * 16 + j
        level -= 1
        nodes[level] = child
        waiting[level] = bits(boxes_near_box(boxes, (levels[3 + level] + child) * NODE, box) <= limit)
    for rest in range(count, (count + 15) // 16 * 16):
        at = (rest >> 4) * NODE + (rest & 15)
        for row in range(0, 96, 16):
            shortlist[at + row] = FAR
    return count


@bare
def look_around(tree, group, listed, x, y, z, bound):
    """Squared distances of a query to the points of all listed leaves within `bound`; how many leaves."""
    leaves = tree[1]
    _, shortlist, numbers, distances, near, _, _ = group
    xs, ys, zs = splat_f32x16(x), splat_f32x16(y), splat_f32x16(z)
    limit = splat_f32x16(bound)
    count = np.int64(0)
    for block in range((listed + 15) >> 4):
        left = bits(box_distances(shortlist, block * NODE, xs, ys, zs) <= limit)
        while left != 0:
            leaf = numbers[16 * block + trailing_zeros(left)]
            left &= left - 1
            store(distances, 16 * count, leaf_distances(leaves, leaf * LEAF, xs, ys, zs))
            near[count] = leaf
            count += 1
    return count


@bare
def count_within(distances, blocks, bound):
    """How many of the distances of so many leaves are at most `bound`."""
    limit = splat_f32x16(bound)
    count = np.int64(0)
    for block in range(blocks):
        count += count_ones(bits(load_f32x16(distances, 16 * block) <= limit))
    return count


@bare
def gather_gap(tree, group, blocks, low, high):
    """Sort the points farther than `low`, at most `high`, by distance and row; how many there are."""
    leaves = tree[1]
    _, _, _, distances, near, gap, places = group
    above, limit = splat_f32x16(low), splat_f32x16(high)
    count = np.int64(0)
    for block in range(blocks):
        squared = load_f32x16(distances, 16 * block)
        found = bits(squared <= limit) & bits(squared > above)
        while found != 0:
            j = trailing_zeros(found)
            found &= found - 1
            key = pack_key(distances[16 * block + j], float_bits(leaves[near[block] * LEAF + 48 + j]))
            at = count
            while at > 0 and gap[at - 1] > key:
                gap[at], places[at] = gap[at - 1], places[at - 1]
                at -= 1
            gap[at], places[at] = key, 16 * block + j
            count += 1
    return count


@bare
def select_nearest(tree, group, blocks, k, bound, held, guess):
    """Tell the k nearest of the points that `look_around` saw, by distance and then by row.

    bound    squared distance within which there are `held` of them, at least k
    guess    a squared distance within which about k may be
    returns  a squared distance that holds the k-th; one at or below it; how many of the sorted gap belong to the
             k nearest; and how many points lie within the second: these and the gap's are the k
    """
    distances = group[3]
    low, below = np.float32(-1.0), np.int64(0)
    high, above = bound, held
    trial = min(guess, bound)
    for turn in range(64):
        if above == k or above - below <= SMALL_GAP or float_bits(high) - float_bits(max(low, np.float32(0.0))) <= 1:
            break
        count = count_within(distances, blocks, trial)
        if count >= k:
            high, above = trial, count
        else:
            low, below = trial, count
        start = max(low, np.float32(0.0))
        if turn < 8:  # in a surface the number grows with the squared distance
            trial = start + (high - start) * (np.float32(k - below) / np.float32(above - below))
        if turn >= 8 or not (trial > low and trial < high):
            trial = bits_float(np.int32((np.int64(float_bits(start)) + np.int64(float_bits(high))) >> 1))
    if above == k:
        return high, high, np.int64(0), above
    gathered = gather_gap(tree, group, blocks, low, high)
    wanted = min(k - below, gathered)
    return key_number(group[5][wanted - 1]), low, wanted, below


@bare
def nearest_of_list(tree, group, listed, x, y, z, k, bound, guess):
    """The k nearest points, or as many as there are within `bound`, of a query of the shortlist.

    guess    the squared distance of the k-th that is expected
    returns  how many leaves lie within it, and then as `select_nearest` does
    """
    limit = min(bound, guess * HOPEFUL)
    blocks = look_around(tree, group, listed, x, y, z, limit)
    held = count_within(group[3], blocks, limit)
    if held < k and limit < bound:
        limit = bound
        blocks = look_around(tree, group, listed, x, y, z, limit)
        held = count_within(group[3], blocks, limit)
    if held < k:
        return blocks, limit, limit, np.int64(0), held
    worst, close, extra, within = select_nearest(tree, group, blocks, k, limit, held, guess)
    return blocks, worst, close, extra, within


@bare
def middle_query(queries, box):
    """The query nearest to the middle of the box."""
    best, least = np.int64(0), ENDLESS
    x, y, z = (
        np.float32(0.5) * (box[0] + box[3]),
        np.float32(0.5) * (box[1] + box[4]),
        np.float32(0.5) * (box[2] + box[5]),
    )
    for i in range(16):
        d = squared_step(queries[i], queries[16 + i], queries[32 + i], x, y, z)
        if d < least:
            best, least = np.int64(i), d
    return best


@bare
def leaf_towards(tree, x, y, z, scratch):
    """A leaf near to a query: the nearest child of each node, from the top down."""
    boxes, _, levels = tree
    distances = scratch[0]
    xs, ys, zs = splat_f32x16(x), splat_f32x16(y), splat_f32x16(z)
    child = np.int64(0)
    for level in range(levels[2] - 1, -1, -1):
        store(distances, 0, box_distances(boxes, (levels[3 + level] + child) * NODE, xs, ys, zs))
        nearest = 0
        for j in range(1, 16):
            if distances[j] < distances[nearest]:
                nearest = j
        child = child * 16 + nearest
    return child


@bare
def first_bound(tree, k, x, y, z, scratch):
    """A squared distance that holds k points, ENDLESS if there are fewer: that of the farthest of some leaves."""
    _, leaves, levels = tree
    if levels[0] < k:
        return ENDLESS
    wanted = (k + 15) // 16
    first = max(min(leaf_towards(tree, x, y, z, scratch), levels[0] // 16 - wanted), np.int64(0))
    worst = np.float32(0.0)
    for position in range(16 * first, min(16 * (first + wanted), levels[0])):
        at = (position >> 4) * LEAF + (position & 15)
        worst = max(worst, squared_step(leaves[at], leaves[at + 16], leaves[at + 32], x, y, z))
    return worst * np.float32(1.0001) + np.float32(1e-30)


@bare
def collect_around(tree, box, x, y, z, worst, reach, scratch, group):
    """Collect the leaves that a box needs if `worst` holds the nearest points of one query in it."""
    if not worst < ENDLESS:
        return np.int64(-1)
    around = min(reach, reach_from(worst, np.sqrt(farthest_corner(box, x, y, z))))
    return collect(tree, box, around, scratch, group)


@bare
def begin_group(tree, k, scratch, group, box, last, reach, listed):
    """Collect the leaves in which the k nearest points, within `reach`, of all queries in the box lie.

    last     x, y, z of any query and a squared distance that holds its k nearest, ENDLESS if
             unknown; it may be `reach`, and hold fewer
    reach    squared distance beyond which no point is wanted
    listed   how many leaves of the last group are still in the shortlist
    returns  the number of leaves, -1 if there are too many; and `last` for the query in the middle
    """
    queries = group[0]
    middle = middle_query(queries, box)
    x, y, z = queries[middle], queries[16 + middle], queries[32 + middle]
    if last[3] < ENDLESS:
        bound = reach_from(last[3], np.sqrt(squared_step(x, y, z, last[0], last[1], last[2])))
    else:
        bound = first_bound(tree, k, x, y, z, scratch)
    worst = min(bound, reach)
    if listed > 0:  # what lies in the old list gives a bound that is nearly always the best there is
        _, worst, _, _, _ = nearest_of_list(tree, group, listed, x, y, z, k, worst, min(worst, last[3]))
    listed = collect_around(tree, box, x, y, z, worst, reach, scratch, group)
    if listed < 0:
        _, worst = k_nearest_one(tree, x, y, z, k, worst, scratch)
        listed = collect_around(tree, box, x, y, z, worst, reach, scratch, group)
    return listed, (x, y, z, worst)
