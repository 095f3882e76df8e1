# SPDX-License-Identifier: Apache-2.0
"""Hierarchy of boxes over triangles: eight children a node, eight triangles a leaf.

Built from the top down by binned surface-area heuristic (Wald 2007, On fast construction of SAH-based
bounding volume hierarchies), each node straight as an eight-wide one. A triangle is a row of eight numbers,
(-low x y z, index, high x y z, 0), so that one maximum unites two boxes; a split writes its two sides into
the other of two buffers, from both ends, without a branch.

A range of rows is five whole numbers (start, count, buffer, depth, state) and two boxes in sixteen
numbers (of the triangles, of twice their centres).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.kernels.compilation import bare, inner, kernel
from visionvalley.kernels.simd import (
    bits,
    bits_float,
    double,
    float_bits,
    lane,
    larger,
    load_f32x8,
    maximum,
    select,
    single,
    splat_f32x8,
    splat_f64x8,
    square_root,
    store,
    swap_halves,
    take,
    truncate_f32x8,
)
from visionvalley.kernels.threads import each_thread

LEAF = 8  # triangles a leaf
BINS = 16  # bins an axis; half as many for ranges below FEW
FEW = 64
FULL = 56  # triangles of a node whose children are leaves, most of them full
DEEP = 48  # binary splits from the root, beyond which ranges are halved as they lie
STACK = 640  # more than the deepest tree of 2 ** 31 triangles puts on a stack
PIECE = 2048
LINE = 64  # bytes of a line of the cache
NODE = 56  # numbers a node: eight low x, low y, low z, high x, high y, high z, and eight children as bits
FLAT = 17  # vectors of a leaf for distances, see `pack_flat`
OPEN, SPLIT = 0, 1  # states of a range
NOTHING = np.float32(3e38)


# ---- rows
@kernel("void(int64[::1], float32[:, ::1], int32[:, ::1], float32[::1], float32[:, ::1])")
def box_triangles(counter, vertices, faces, rows, bounds):
    """Write the row of each triangle, and the two boxes of each piece.

    vertices  (V, 3), faces (F, 3)
    rows      (2 * F * 8,), of which the first half is written
    bounds    (pieces, 16)
    """
    empty = splat_f32x8(-NOTHING)
    while True:
        piece = take(counter)
        if piece >= bounds.shape[0]:
            break
        first, end = piece * PIECE, min((piece + 1) * PIECE, faces.shape[0])
        for t in range(first, end):
            a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
            at = 8 * t
            for k in range(3):
                x, y, z = vertices[a, k], vertices[b, k], vertices[c, k]
                rows[at + k] = -min(x, y, z)
                rows[at + 4 + k] = max(x, y, z)
            rows[at + 3] = bits_float(np.int32(t))
            rows[at + 7] = np.float32(0)
        box = middle = empty
        for t in range(first, end):
            row = load_f32x8(rows, 8 * t)
            box = maximum(box, row)
            middle = maximum(middle, row - swap_halves(row))
        store(bounds, 16 * piece, box)
        store(bounds, 16 * piece + 8, middle)


@bare
def half_area(box):
    """Half the surface of a box (-low, ., high, .)."""
    size = box + swap_halves(box)
    x, y, z = lane(size, 4), lane(size, 5), lane(size, 6)
    return x * y + y * z + z * x


@bare
def best_cut(bins, counts, costs, width, count):
    """Axis and bin after which a range is cut best, axis -1 where no cut parts it; and the boxes of both sides.

    bins  (3 * BINS * 8,) boxes, counts (3 * BINS,), costs (BINS + 1,) scratch
    """
    empty = splat_f32x8(-NOTHING)
    best, axis, cut = NOTHING, -1, 0
    best_left = best_right = empty
    for k in range(3):
        box = empty
        right = 0
        for b in range(width - 1, 0, -1):
            right += counts[k * width + b]
            box = maximum(box, load_f32x8(bins, 8 * (k * width + b)))
            costs[b] = half_area(box) * np.float32((right + LEAF - 1) // LEAF)
        box = empty
        left = 0
        for b in range(width - 1):
            left += counts[k * width + b]
            box = maximum(box, load_f32x8(bins, 8 * (k * width + b)))
            if left == 0 or left == count:
                continue
            cost = half_area(box) * np.float32((left + LEAF - 1) // LEAF) + costs[b + 1]
            if cost < best:
                best, axis, cut, best_left = cost, k, b, box
    if axis >= 0:
        for b in range(cut + 1, width):
            best_right = maximum(best_right, load_f32x8(bins, 8 * (axis * width + b)))
    return axis, cut, best_left, best_right


@bare
def describe(rows, ranges, boxes, slot, start, count, buffer, depth):
    """Enter a range with boxes found from its rows."""
    total = rows.shape[0] // 16
    box = middle = splat_f32x8(-NOTHING)
    for i in range(count):
        row = load_f32x8(rows, 8 * (buffer * total + start + i))
        box = maximum(box, row)
        middle = maximum(middle, row - swap_halves(row))
    enter(ranges, boxes, slot, (start, count, buffer, depth), box, middle)


@bare
def enter(ranges, boxes, slot, span, box, middle):
    """Enter a range that is not split yet."""
    ranges[slot, 0], ranges[slot, 1], ranges[slot, 2], ranges[slot, 3] = span
    ranges[slot, 4] = OPEN
    store(boxes, 16 * slot, box)
    store(boxes, 16 * slot + 8, middle)


@bare
def split(rows, ranges, boxes, slot, left_slot, right_slot, scratch):
    """Part the range in `slot` into two; `left_slot` may be the same."""
    bins, counts, costs = scratch
    total = rows.shape[0] // 16
    start, count, buffer, depth = ranges[slot, 0], ranges[slot, 1], ranges[slot, 2], ranges[slot, 3]
    source = 8 * (buffer * total + start)
    empty, zero = splat_f32x8(-NOTHING), splat_f32x8(np.float32(0))
    width = BINS if count >= FEW else BINS // 2
    offset = swap_halves(load_f32x8(boxes, 16 * slot + 8))
    size = load_f32x8(boxes, 16 * slot + 8) + offset
    usable = size > splat_f32x8(np.float32(1e-30))
    scale = select(usable, splat_f32x8(np.float32(width * 0.9999)) / size, zero)
    for b in range(3 * width):
        store(bins, 8 * b, empty)
        counts[b] = 0
    for i in range(count):
        row = load_f32x8(rows, source + 8 * i)
        place = truncate_f32x8((row - swap_halves(row) + offset) * scale)
        x, y, z = np.int64(lane(place, 4)), width + np.int64(lane(place, 5)), 2 * width + np.int64(lane(place, 6))
        counts[x] += 1
        counts[y] += 1
        counts[z] += 1
        store(bins, 8 * x, larger(load_f32x8(bins, 8 * x), row))
        store(bins, 8 * y, larger(load_f32x8(bins, 8 * y), row))
        store(bins, 8 * z, larger(load_f32x8(bins, 8 * z), row))
    axis, cut, left_box, right_box = best_cut(bins, counts, costs, width, count)
    if axis < 0 or depth >= DEEP:
        half = count // 2
        describe(rows, ranges, boxes, right_slot, start + half, count - half, buffer, depth + 1)
        describe(rows, ranges, boxes, left_slot, start, half, buffer, depth + 1)
        return
    target = 8 * ((1 - buffer) * total + start)
    left_middle = right_middle = empty
    left, right = np.int64(0), count - 1
    for i in range(count):
        row = load_f32x8(rows, source + 8 * i)
        middle = row - swap_halves(row)
        place = truncate_f32x8((middle + offset) * scale)
        bin_there = lane(place, 4) if axis == 0 else lane(place, 5) if axis == 1 else lane(place, 6)
        is_left = np.int64(bin_there <= cut)
        store(rows, target + 8 * left, row)
        store(rows, target + 8 * right, row)
        left += is_left
        right -= 1 - is_left
        here = splat_f32x8(np.float32(is_left)) > zero
        left_middle = maximum(left_middle, select(here, middle, empty))
        right_middle = maximum(right_middle, select(here, empty, middle))
    enter(ranges, boxes, right_slot, (start + left, count - left, 1 - buffer, depth + 1), right_box, right_middle)
    enter(ranges, boxes, left_slot, (start, left, 1 - buffer, depth + 1), left_box, left_middle)


@inner
def split_scratch():
    """Room for bins, counts and costs."""
    return np.empty(3 * BINS * 8, np.float32), np.empty(3 * BINS, np.int64), np.empty(BINS + 1, np.float32)


# ---- the top of the tree: ranges in a heap, the children of k are 2 k + 1 and 2 k + 2
@kernel("void(int64[::1], float32[::1], int64[:, ::1], float32[:, ::1], int64, int64)")
def split_level(counter, rows, ranges, boxes, first, stop):
    """Split the ranges of one level of the heap, from `first` on, that hold more than `stop` rows."""
    scratch = split_scratch()
    while True:
        slot = first + take(counter)
        if slot > 2 * first:
            break
        if ranges[slot, 1] > stop:
            split(rows, ranges, boxes, slot, 2 * slot + 1, 2 * slot + 2, scratch)
            ranges[slot, 4] = SPLIT


@bare
def widest(ranges, boxes, kids, count, splittable):
    """Position of the child of largest surface among those that can be split further; -1 if none can."""
    best, at = np.float32(-1), -1
    for j in range(count):
        slot = kids[j]
        can = ranges[slot, 4] == SPLIT if splittable < 0 else ranges[slot, 1] > splittable
        if can:
            area = half_area(load_f32x8(boxes, 16 * slot))
            if area > best or at < 0:
                best, at = area, j
    return at


@bare
def write_boxes(nodes, node, lane_at, boxes, slot):
    """Enter the box of a range as one child of a node."""
    for k in range(3):
        nodes[node, 8 * k + lane_at] = -boxes[slot, k]
        nodes[node, 24 + 8 * k + lane_at] = boxes[slot, 4 + k]


@bare
def write_empty(nodes, node, count):
    """Give the lanes of a node from `count` on boxes that nothing meets."""
    for lane_at in range(count, 8):
        for k in range(3):
            nodes[node, 8 * k + lane_at] = NOTHING
            nodes[node, 24 + 8 * k + lane_at] = -NOTHING
        nodes[node, 48 + lane_at] = bits_float(np.int32(0))


@kernel("int64(int64[:, ::1], float32[:, ::1], int64[::1], float32[:, ::1])")
def join_top(ranges, boxes, roots, nodes):
    """Write the nodes above the subtrees and return how many there are.

    A child is the number of a node, or -1 - slot for a subtree, which `settle` turns into its root.
    roots  (slots,): for each heap slot 1 if it is a subtree
    """
    if ranges[0, 4] != SPLIT:
        roots[0] = 1
        return 0
    waiting = np.empty((ranges.shape[0], 2), np.int64)
    kids = np.empty(8, np.int64)
    waiting[0] = 0
    height, made = 1, 1
    while height > 0:
        height -= 1
        kids[0], node = waiting[height, 0], waiting[height, 1]
        count = 1
        while count < 8:
            at = widest(ranges, boxes, kids, count, -1)
            if at < 0:
                break
            slot = kids[at]
            kids[at], kids[count] = 2 * slot + 1, 2 * slot + 2
            count += 1
        for j in range(count):
            slot = kids[j]
            write_boxes(nodes, node, j, boxes, slot)
            if ranges[slot, 4] == SPLIT:
                nodes[node, 48 + j] = bits_float(np.int32(made))
                waiting[height, 0], waiting[height, 1] = slot, made
                height += 1
                made += 1
            else:
                nodes[node, 48 + j] = bits_float(np.int32(-1 - slot))
                roots[slot] = 1
        write_empty(nodes, node, count)
    return made


# ---- subtrees
@bare
def copy_range(ranges, boxes, source, target):
    """Copy a range to another slot."""
    for k in range(5):
        ranges[target, k] = ranges[source, k]
    for k in range(16):
        boxes[target, k] = boxes[source, k]


@bare
def children_of(count):
    """How many children a node over so many triangles gets, so that the lowest nodes are full."""
    if count <= FULL or count > 8 * FULL:
        return 8
    return max(2, (count + FULL - 1) // FULL)


@kernel(
    "void(int64[::1], float32[::1], int64[:, ::1], float32[:, ::1], int64[::1], float32[:, ::1], int64[:, ::1],"
    " int64[:, ::1])"
)
def build_subtrees(counter, rows, ranges, boxes, roots, nodes, leaves, totals):
    """Build the tree of each range marked in `roots`.

    nodes   (.., NODE): those of the range in slot s lie from its start // 3 + s on
    leaves  (F, 2): first row and number of rows of each leaf, those of a range from its start on
    totals  (slots, 2): nodes and leaves of each range
    """
    total = rows.shape[0] // 16
    scratch = split_scratch()
    local, local_boxes = np.empty((STACK, 5), np.int64), np.empty((STACK, 16), np.float32)
    targets = np.empty(STACK, np.int64)
    kids = np.arange(8)
    while True:
        slot = take(counter)
        if slot >= roots.shape[0]:
            break
        if roots[slot] == 0:
            continue
        base, leaf_base = ranges[slot, 0] // 3 + slot, ranges[slot, 0]
        made, leaf = 1, 0
        for k in range(5):
            local[8, k] = ranges[slot, k]
        for k in range(16):
            local_boxes[8, k] = boxes[slot, k]
        targets[8] = 0
        height = 9
        while height > 8:
            height -= 1
            copy_range(local, local_boxes, height, 0)
            node = base + targets[height]
            width = children_of(local[0, 1])
            count = 1
            while count < width:
                at = widest(local, local_boxes, kids, count, LEAF)
                if at < 0:
                    break
                split(rows, local, local_boxes, at, at, count, scratch)
                count += 1
            for j in range(count):
                write_boxes(nodes, node, j, local_boxes, j)
                if local[j, 1] > LEAF:
                    nodes[node, 48 + j] = bits_float(np.int32(made))
                    copy_range(local, local_boxes, j, height)
                    targets[height] = made
                    height += 1
                    made += 1
                else:
                    nodes[node, 48 + j] = bits_float(np.int32(-1 - leaf))
                    leaves[leaf_base + leaf, 0] = local[j, 2] * total + local[j, 0]
                    leaves[leaf_base + leaf, 1] = local[j, 1]
                    leaf += 1
            write_empty(nodes, node, count)
        totals[slot, 0], totals[slot, 1] = made, leaf


@bare
def pack_flat(vertices, faces, face, flat, leaf, j):
    """Write one triangle as `distances` wants it: a corner, a frame there, and the triangle flat in that frame.

    Vectors of a leaf: corner x y z, first axis x y z (along the first edge), second axis, normal, length of the
    first edge, second edge along both axes, and one over the squares of the second and of the third edge.
    """
    a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
    ax, ay, az = np.float64(vertices[a, 0]), np.float64(vertices[a, 1]), np.float64(vertices[a, 2])
    ux, uy, uz = vertices[b, 0] - ax, vertices[b, 1] - ay, vertices[b, 2] - az
    vx, vy, vz = vertices[c, 0] - ax, vertices[c, 1] - ay, vertices[c, 2] - az
    (ux, uy, uz), (sx, sy, sz), (nx, ny, nz), (length, x, y) = flatten(ux, uy, uz, vx, vy, vz)
    cx = x - length
    second, third = x * x + y * y, cx * cx + y * y
    values = (ax, ay, az, ux, uy, uz, sx, sy, sz, nx, ny, nz, length, x, y)
    for k in range(15):
        flat[leaf, k, j] = np.float32(values[k])
    flat[leaf, 15, j] = np.float32(1 / second if second > 1e-36 else 0)
    flat[leaf, 16, j] = np.float32(1 / third if third > 1e-36 else 0)


@bare
def pack_leaf(corners, flat, leaf):
    """Write all triangles of a leaf as `pack_flat` does, and return the lanes that it did well: those with an area."""
    at, to = leaf * 72, leaf * (FLAT * 8)
    ax, ay, az = doubles(corners, at), doubles(corners, at + 8), doubles(corners, at + 16)
    ux, uy, uz = doubles(corners, at + 24) - ax, doubles(corners, at + 32) - ay, doubles(corners, at + 40) - az
    vx, vy, vz = doubles(corners, at + 48) - ax, doubles(corners, at + 56) - ay, doubles(corners, at + 64) - az
    zero, one = splat_f64x8(0.0), splat_f64x8(1.0)
    length = square_root(ux * ux + uy * uy + uz * uz)
    reach = square_root(vx * vx + vy * vy + vz * vz)
    by = one / length
    ux, uy, uz = ux * by, uy * by, uz * by
    x = vx * ux + vy * uy + vz * uz
    sx, sy, sz = vx - x * ux, vy - x * uy, vz - x * uz
    y = square_root(sx * sx + sy * sy + sz * sz)
    good = bits((length > zero) & (y > splat_f64x8(1e-14) * reach))
    by = one / y
    sx, sy, sz = sx * by, sy * by, sz * by
    nx, ny, nz = uy * sz - uz * sy, uz * sx - ux * sz, ux * sy - uy * sx
    beyond = x - length
    values = (ax, ay, az, ux, uy, uz, sx, sy, sz, nx, ny, nz, length, x, y)
    for k in range(15):
        store(flat, to + 8 * k, single(values[k]))
    store(flat, to + 120, single(one / (x * x + y * y)))
    store(flat, to + 128, single(one / (beyond * beyond + y * y)))
    return good


@bare
def doubles(array, at):
    """Eight float32 numbers as float64."""
    return double(load_f32x8(array, at))


@bare
def flatten(ux, uy, uz, vx, vy, vz):
    """Frame of a triangle with edges u and v from its corner, and the triangle in it.

    Returns the unit axis along u, the unit axis across it, the unit normal, and (length of u, v along u, v across).
    A triangle without area is a line along the first axis: nothing of it lies across.
    """
    length = np.sqrt(ux * ux + uy * uy + uz * uz)
    reach = np.sqrt(vx * vx + vy * vy + vz * vz)
    if length > 0:
        ux, uy, uz = ux / length, uy / length, uz / length
    elif reach > 0:
        ux, uy, uz = vx / reach, vy / reach, vz / reach
    else:
        ux, uy, uz = 1.0, 0.0, 0.0
    x = vx * ux + vy * uy + vz * uz
    sx, sy, sz = vx - x * ux, vy - x * uy, vz - x * uz
    y = np.sqrt(sx * sx + sy * sy + sz * sz)
    if length > 0 and y > 1e-14 * reach:
        sx, sy, sz = sx / y, sy / y, sz / y
    else:
        y = 0.0
        sx, sy, sz = across(ux, uy, uz)
    nx, ny, nz = uy * sz - uz * sy, uz * sx - ux * sz, ux * sy - uy * sx
    return (ux, uy, uz), (sx, sy, sz), (nx, ny, nz), (length, x, y)


@bare
def across(x, y, z):
    """Some unit direction across a unit direction."""
    if abs(x) < 0.7:
        size = np.sqrt(y * y + z * z)
        return 0.0, -z / size, y / size
    size = np.sqrt(x * x + y * y)
    return -y / size, x / size, 0.0


@bare
def pack_corners(vertices, faces, face, corners, leaf, j):
    """Write one triangle as `rays` wants it: the nine coordinates of its corners."""
    for corner in range(3):
        for k in range(3):
            corners[leaf, 3 * corner + k, j] = vertices[faces[face, corner], k]


@kernel(
    "void(int64[::1], Tuple((float32[:, ::1], int32[:, ::1])), float32[::1], Tuple((int64[:, ::1], int64[::1],"
    " float32[:, ::1], int64[:, ::1], int64[:, ::1])), int64[:, ::1],"
    " Tuple((float32[:, ::1], float32[:, :, ::1], float32[:, :, ::1], int32[:, ::1])))"
)
def settle(counter, mesh, rows, built, bases, tree):
    """Move each subtree to its place and fill its leaves.

    mesh   vertices, faces
    built  ranges, roots, nodes, leaves, totals
    bases  (slots, 2): number of the first node and of the first leaf of each subtree
    tree   nodes, flat leaves, leaves of corners, faces of the leaves; -1 in lanes without a triangle
    """
    vertices, faces = mesh
    ranges, roots, nodes, leaves, totals = built
    out, flat, corners, leaf_faces = tree
    all_corners, all_flat = corners.reshape(-1), flat.reshape(-1)
    while True:
        slot = take(counter)
        if slot >= roots.shape[0]:
            break
        if roots[slot] == 0:
            continue
        base, leaf_base = ranges[slot, 0] // 3 + slot, ranges[slot, 0]
        for i in range(totals[slot, 0]):
            node = bases[slot, 0] + i
            for k in range(48):
                out[node, k] = nodes[base + i, k]
            for j in range(8):
                child = float_bits(nodes[base + i, 48 + j])
                shift = bases[slot, 0] if child > 0 else -bases[slot, 1] if child < 0 else 0
                out[node, 48 + j] = bits_float(np.int32(child + shift))
        for i in range(totals[slot, 1]):
            leaf = bases[slot, 1] + i
            first, count = leaves[leaf_base + i, 0], leaves[leaf_base + i, 1]
            for j in range(count):
                face = float_bits(rows[8 * (first + j) + 3])
                leaf_faces[leaf, j] = face
                pack_corners(vertices, faces, face, corners, leaf, j)
            for j in range(count, 8):
                leaf_faces[leaf, j] = -1
                for k in range(9):
                    corners[leaf, k, j] = np.nan
            good = pack_leaf(all_corners, all_flat, leaf)
            for j in range(count):
                if (good >> j) & 1 == 0:
                    pack_flat(vertices, faces, leaf_faces[leaf, j], flat, leaf, j)


@kernel("void(float32[:, ::1], int64[:, ::1], float32[:, ::1])")
def settle_top(nodes, bases, out):
    """Copy the nodes above the subtrees, the numbers of the subtrees' roots put in."""
    for node in range(nodes.shape[0]):
        for k in range(56):
            out[node, k] = nodes[node, k]
        for j in range(8):
            child = float_bits(nodes[node, 48 + j])
            if child < 0:
                out[node, 48 + j] = bits_float(np.int32(bases[-1 - child, 0]))


Tree = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]


def _levels(faces: int) -> tuple[int, int]:
    """Return how many levels of ranges are split before subtrees are built, and up to how many rows none is."""
    stop = max(2048, faces // 48)
    return max(0, int(np.ceil(np.log2(max(1.0, faces / stop)))) + 1 if faces > stop else 0), stop


def build(vertices: NDArray[np.float32], faces: NDArray[np.int32]) -> Tree:
    """Return the tree of (F, 3) faces, F > 0, of (V, 3) vertices: nodes, flat leaves, corners, leaf faces.

    nodes        (M, NODE); the root is 0. A child is the number of a node, or -1 - the number of a leaf
    flat leaves  (L, FLAT, 8), corners (L, 9, 8): the triangles of the leaves, lane by lane
    leaf faces   (L, 8) int32; -1 where a lane has no triangle
    """
    count = len(faces)
    rows = np.empty(2 * count * 8, np.float32)
    bounds = np.empty((-(-count // PIECE), 16), np.float32)
    each_thread(box_triangles, len(bounds), vertices, faces, rows, bounds)
    levels, stop = _levels(count)
    slots = 2 ** (levels + 1) - 1
    ranges, boxes = np.zeros((slots, 5), np.int64), np.zeros((slots, 16), np.float32)
    ranges[0, 1] = count
    boxes[0] = bounds.max(axis=0)
    for level in range(levels):
        first = 2**level - 1
        each_thread(split_level, first + 1, rows, ranges, boxes, first, stop)
    return _finish((vertices, faces), rows, ranges, boxes)


def _aligned(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return an empty array that begins with a line of the cache, so that no vector of it lies across two."""
    room = np.empty(4 * math.prod(shape) + LINE, np.uint8)
    first = -room.ctypes.data % LINE
    return room[first : first + 4 * math.prod(shape)].view(np.float32).reshape(shape)


def _finish(mesh: Any, rows: Any, ranges: Any, boxes: Any) -> Tree:
    slots, count = len(ranges), len(mesh[1])
    roots, totals, bases = np.zeros(slots, np.int64), np.zeros((slots, 2), np.int64), np.zeros((slots, 2), np.int64)
    top = np.empty((slots, NODE), np.float32)
    height = join_top(ranges, boxes, roots, top)
    nodes, leaves = np.empty((count // 3 + slots + 1, NODE), np.float32), np.empty((count, 2), np.int64)
    each_thread(build_subtrees, slots, rows, ranges, boxes, roots, nodes, leaves, totals)
    bases[1:] = np.cumsum(totals[:-1], axis=0)
    bases[:, 0] += height
    many, leaf_count = int(bases[-1, 0] + totals[-1, 0]), int(bases[-1, 1] + totals[-1, 1])
    tree = (
        _aligned((many, NODE)),
        _aligned((leaf_count, FLAT, 8)),
        _aligned((leaf_count, 9, 8)),
        np.empty((leaf_count, 8), np.int32),
    )
    settle_top(top[:height], bases, tree[0])
    each_thread(settle, slots, mesh, rows, (ranges, roots, nodes, leaves, totals), bases, tree)
    return tree
