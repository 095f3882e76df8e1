# SPDX-License-Identifier: Apache-2.0
"""The direction across a surface, and how points scatter around each place of it."""

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
    absolute,
    key_row,
    load_f32x8,
    load_f64x8,
    maximum,
    multiply_add,
    reduce_add,
    reduce_max,
    select,
    splat_f32x8,
    splat_f64x8,
    square_root,
    store,
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
)

LEAVES_A_PIECE = 64


@bare
def newton_step(root, c1, c0):
    """How far Newton's method steps down from the smallest root of r³ - r² + c1 r - c0, lane by lane."""
    one, two, three = splat_f64x8(1.0), splat_f64x8(2.0), splat_f64x8(3.0)
    slope = (three * root - two) * root + c1
    step = (((root - one) * root + c1) * root - c0) / slope
    return select(slope > splat_f64x8(1e-14), step, splat_f64x8(0.0))


@bare
def smallest_root(c1, c0):
    """The smallest root of r³ - r² + c1 r - c0, none of whose roots is negative or not real: Newton from zero."""
    root = splat_f64x8(0.0)
    for _ in range(8):
        root = root - newton_step(root, c1, c0)
    for _ in range(24):  # two roots that are nearly one are found slowly
        step = newton_step(root, c1, c0)
        root = root - step
        if reduce_max(absolute(step)) < 1e-11:
            break
    return root


@bare
def flattest_directions(matrices, at, out):
    """Unit vectors along which 8 symmetric 3 x 3 matrices are smallest; NaN where a matrix leaves two open.

    The longest cross product of two rows of the matrix, scaled to unit trace, less its smallest eigenvalue.

    matrices  float64: xx of the matrices from `at` on, xy 16 places later, then xz, yy, yz, zz
    out       float64: x from `at` on, y 16 places later, then z
    """
    zero = splat_f64x8(0.0)
    xx, xy, xz = load_f64x8(matrices, at), load_f64x8(matrices, at + 16), load_f64x8(matrices, at + 32)
    yy, yz, zz = load_f64x8(matrices, at + 48), load_f64x8(matrices, at + 64), load_f64x8(matrices, at + 80)
    trace = xx + yy + zz
    scale = select(trace > zero, splat_f64x8(1.0) / trace, zero)
    xx, xy, xz, yy, yz, zz = xx * scale, xy * scale, xz * scale, yy * scale, yz * scale, zz * scale
    c1 = xx * yy - xy * xy + xx * zz - xz * xz + yy * zz - yz * yz
    c0 = xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)
    root = smallest_root(c1, c0)
    a, b, c = xx - root, yy - root, zz - root
    ax, ay, az = xy * yz - xz * b, xz * xy - a * yz, a * b - xy * xy
    bx, by, bz = xy * c - xz * yz, xz * xz - a * c, a * yz - xy * xz
    cx, cy, cz = b * c - yz * yz, yz * xz - xy * c, xy * yz - b * xz
    aa, bb, cc = ax * ax + ay * ay + az * az, bx * bx + by * by + bz * bz, cx * cx + cy * cy + cz * cz
    longer = bb > aa
    aa, ax, ay, az = maximum(bb, aa), select(longer, bx, ax), select(longer, by, ay), select(longer, bz, az)
    longer = cc > aa
    aa, ax, ay, az = maximum(cc, aa), select(longer, cx, ax), select(longer, cy, ay), select(longer, cz, az)
    length = select(aa > splat_f64x8(1e-24), square_root(aa), splat_f64x8(np.nan))
    store(out, at, ax / length)
    store(out, at + 16, ay / length)
    store(out, at + 32, az / length)


@bare
def add_up(tree, group, blocks, x, y, z, bound, sums):
    """Sums of offsets, and of their products, over the points that `look_around` saw within `bound`.

    sums  (9,): x y z xx xy xz yy yz zz, of offsets from the query
    """
    leaves = tree[1]
    distances, near = group[3], group[4]
    zero, limit = splat_f32x8(np.float32(0.0)), splat_f32x8(bound)
    xs, ys, zs = splat_f32x8(x), splat_f32x8(y), splat_f32x8(z)
    sx = sy = sz = xx = xy = xz = yy = yz = zz = zero
    for half in range(2 * blocks):
        at = near[half >> 1] * LEAF + 8 * (half & 1)
        within = load_f32x8(distances, 8 * half) <= limit
        dx = select(within, load_f32x8(leaves, at) - xs, zero)
        dy = select(within, load_f32x8(leaves, at + 16) - ys, zero)
        dz = select(within, load_f32x8(leaves, at + 32) - zs, zero)
        sx, sy, sz = sx + dx, sy + dy, sz + dz
        xx, xy, xz = multiply_add(dx, dx, xx), multiply_add(dx, dy, xy), multiply_add(dx, dz, xz)
        yy, yz, zz = multiply_add(dy, dy, yy), multiply_add(dy, dz, yz), multiply_add(dz, dz, zz)
    sums[0], sums[1], sums[2] = reduce_add(sx), reduce_add(sy), reduce_add(sz)
    sums[3], sums[4], sums[5] = reduce_add(xx), reduce_add(xy), reduce_add(xz)
    sums[6], sums[7], sums[8] = reduce_add(yy), reduce_add(yz), reduce_add(zz)


@bare
def add_point(leaves, position, x, y, z, sums):
    """Add one point to the sums."""
    at = (position >> 4) * LEAF + (position & 15)
    dx, dy, dz = leaves[at] - x, leaves[at + 16] - y, leaves[at + 32] - z
    sums[0], sums[1], sums[2] = sums[0] + dx, sums[1] + dy, sums[2] + dz
    sums[3], sums[4], sums[5] = sums[3] + dx * dx, sums[4] + dx * dy, sums[5] + dx * dz
    sums[6], sums[7], sums[8] = sums[6] + dy * dy, sums[7] + dy * dz, sums[8] + dz * dz


@kernel(f"void(int64[::1], {TREE}, int32[::1], int32[::1], int64, float64[:, ::1], float64[:, ::1])")
def normals(counter, tree, order, places, k, directions, scatters):
    """Normal or scatter of the k nearest points of each point of the tree, itself among them.

    order       (count,): the row at each position
    places      (N,): the position of each row
    directions  (N, 3): unit normals, of either sign; or no rows, if they are not wanted
    scatters    (N, 6): covariance xx xy xz yy yz zz; or no rows
    """
    leaves, count = tree[1], tree[2][0]
    scratch, group = make_scratch(tree, k), make_group()
    keys, queries, near, gap_places = scratch[3], group[0], group[4], group[6]
    sums, matrices, across = np.zeros(9, np.float32), np.zeros(96), np.zeros(48)
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
                    blocks, worst, close, extra, within = nearest_of_list(
                        tree, group, listed, x, y, z, k, bound, last[3]
                    )
                    add_up(tree, group, blocks, x, y, z, close, sums)
                    for i in range(extra):
                        place = gap_places[i]
                        add_point(leaves, near[place >> 4] * 16 + (place & 15), x, y, z, sums)
                    found = within + extra
                else:
                    found, worst = k_nearest_one(tree, x, y, z, k, bound, scratch)
                    sums[:] = 0.0
                    for i in range(found):
                        add_point(leaves, np.int64(places[key_row(keys[i])]), x, y, z, sums)
                last = (x, y, z, worst)
                share = 1.0 / found
                mx, my, mz = sums[0] * share, sums[1] * share, sums[2] * share
                matrices[lane], matrices[16 + lane] = sums[3] * share - mx * mx, sums[4] * share - mx * my
                matrices[32 + lane], matrices[48 + lane] = sums[5] * share - mx * mz, sums[6] * share - my * my
                matrices[64 + lane], matrices[80 + lane] = sums[7] * share - my * mz, sums[8] * share - mz * mz
            if directions.shape[0]:
                flattest_directions(matrices, 0, across)
                flattest_directions(matrices, 8, across)
            for lane in range(min(16, count - 16 * leaf)):
                row = order[16 * leaf + lane]
                for axis in range(3 if directions.shape[0] else 0):
                    directions[row, axis] = across[16 * axis + lane]
                for entry in range(6 if scatters.shape[0] else 0):
                    scatters[row, entry] = matrices[16 * entry + lane]


# ---- which way normals point
@bare
def root_of(parents, turned, i):
    """The root of a point's set, and whether the point is turned against it; halves the way there."""
    flips = np.uint8(0)
    while parents[i] != i:
        above = parents[i]
        turned[i] ^= turned[above] if parents[above] != above else np.uint8(0)
        parents[i] = parents[above]
        flips ^= turned[i]
        i = np.int64(parents[i])
    return i, flips


@bare
def edge_of(directions, index, i, j):
    """The other end of an edge, -1 if it does not count, and the cosine between the normals of both."""
    other = np.int64(index[i, j])
    if other < 0 or other == i:
        return np.int64(-1), 0.0
    cosine = directions[i, 0] * directions[other, 0]
    cosine += directions[i, 1] * directions[other, 1] + directions[i, 2] * directions[other, 2]
    return (other, cosine) if cosine == cosine else (np.int64(-1), 0.0)


@kernel("void(float64[:, ::1], int32[:, ::1], int32[::1], uint8[::1], int64[::1])")
def join_normals(directions, index, parents, turned, edges):
    """Join points along the edges between neighbours, the most parallel normals first (Kruskal 1956).

    A point carries whether its normal is turned against that of the root of its set.

    directions  (N, 3), index  (N, k): neighbours
    parents     (N,): the point itself, before; its root, after
    turned      (N,): zeros, before; 1 where the normal is turned against its root's, after
    edges       (N * k,): room for all edges
    """
    steps = 1 << 15
    starts = np.zeros(steps + 2, np.int64)
    rows, k = index.shape
    for filling in range(2):
        for i in range(rows):
            for j in range(k):
                other, cosine = edge_of(directions, index, i, j)
                if other >= 0:
                    weight = np.int64(min(max(1.0 - abs(cosine), 0.0), 1.0) * steps)
                    if filling:
                        edges[starts[weight]] = i * k + j
                        starts[weight] += 1
                    else:
                        starts[weight + 1] += 1
        if not filling:
            for weight in range(steps + 1):
                starts[weight + 1] += starts[weight]
    for at in range(starts[steps]):
        i = edges[at] // k
        other, cosine = edge_of(directions, index, i, edges[at] % k)
        a, turn = root_of(parents, turned, i)
        b, other_turn = root_of(parents, turned, other)
        if a != b:
            parents[max(a, b)] = min(a, b)
            turned[max(a, b)] = turn ^ other_turn ^ np.uint8(cosine < 0.0)
    for i in range(rows):
        root, flips = root_of(parents, turned, np.int64(i))
        if root != i:
            parents[i], turned[i] = root, flips
