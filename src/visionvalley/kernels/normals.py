# SPDX-License-Identifier: Apache-2.0
"""The direction across a surface, and how points scatter around each place of it."""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import inner, kernel
from visionvalley.kernels.groups import (
    box_of_queries,
    collect,
    farthest_corner,
    look_around,
    make_group,
    select_nearest,
    squared_step,
)
from visionvalley.kernels.neighbours import (
    ENDLESS,
    FAR,
    LEAF,
    TREE,
    k_nearest_one,
    make_scratch,
    reach_from,
)
from visionvalley.kernels.simd import (
    key_row,
    load_f32x8,
    multiply_add,
    reduce_add,
    select,
    splat_f32x8,
    take,
)

LEAVES_A_PIECE = 32


@inner
def flattest_direction(xx, xy, xz, yy, yz, zz):
    """Unit vector along which a symmetric 3 x 3 matrix is smallest; NaN where the matrix leaves two open.

    Newton's method from zero on the characteristic cubic of the matrix scaled to unit trace, then
    the longest cross product of two rows.
    """
    trace = xx + yy + zz
    scale = 1.0 / trace if trace > 0.0 else 0.0
    xx, xy, xz, yy, yz, zz = xx * scale, xy * scale, xz * scale, yy * scale, yz * scale, zz * scale
    c1 = xx * yy - xy * xy + xx * zz - xz * xz + yy * zz - yz * yz
    c0 = xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)
    root = 0.0
    for _ in range(30):
        slope = (3.0 * root - 2.0) * root + c1
        if slope <= 1e-14:
            break
        step = (((root - 1.0) * root + c1) * root - c0) / slope
        root -= step
        if abs(step) < 1e-11:
            break
    a, b, c = xx - root, yy - root, zz - root
    ax, ay, az = xy * yz - xz * b, xz * xy - a * yz, a * b - xy * xy
    bx, by, bz = xy * c - xz * yz, xz * xz - a * c, a * yz - xy * xz
    cx, cy, cz = b * c - yz * yz, yz * xz - xy * c, xy * yz - b * xz
    aa, bb, cc = ax * ax + ay * ay + az * az, bx * bx + by * by + bz * bz, cx * cx + cy * cy + cz * cz
    if bb > aa:
        aa, ax, ay, az = bb, bx, by, bz
    if cc > aa:
        aa, ax, ay, az = cc, cx, cy, cz
    if not aa > 1e-24:
        return np.nan, np.nan, np.nan
    length = 1.0 / np.sqrt(aa)
    return ax * length, ay * length, az * length


@inner
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


@inner
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
    sums = np.zeros(9, np.float32)
    while True:
        piece = take(counter)
        if piece * LEAVES_A_PIECE * 16 >= count:
            break
        worst, ox, oy, oz = ENDLESS, np.float32(0), np.float32(0), np.float32(0)
        for leaf in range(piece * LEAVES_A_PIECE, min((piece + 1) * LEAVES_A_PIECE, (count + 15) >> 4)):
            queries[:] = leaves[leaf * LEAF : leaf * LEAF + 48]
            box = box_of_queries(queries)
            listed = np.int64(-1)
            if worst < ENDLESS:
                listed = collect(
                    tree, box, reach_from(worst, np.sqrt(farthest_corner(box, ox, oy, oz))), scratch, group
                )
            for lane in range(min(16, count - 16 * leaf)):
                x, y, z = queries[lane], queries[16 + lane], queries[32 + lane]
                bound = ENDLESS
                if worst < ENDLESS:
                    bound = reach_from(worst, np.sqrt(squared_step(x, y, z, ox, oy, oz)))
                if listed >= 0:
                    blocks = look_around(tree, group, listed, x, y, z, bound)
                    worst, close, extra, within = select_nearest(tree, group, blocks, k, bound, worst)
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
                    if lane == 0 and worst < ENDLESS:
                        reach = reach_from(worst, np.sqrt(farthest_corner(box, x, y, z)))
                        listed = collect(tree, box, reach, scratch, group)
                ox, oy, oz = x, y, z
                share = 1.0 / found
                mx, my, mz = sums[0] * share, sums[1] * share, sums[2] * share
                xx, xy, xz = sums[3] * share - mx * mx, sums[4] * share - mx * my, sums[5] * share - mx * mz
                yy, yz, zz = sums[6] * share - my * my, sums[7] * share - my * mz, sums[8] * share - mz * mz
                row = order[16 * leaf + lane]
                if directions.shape[0]:
                    directions[row, 0], directions[row, 1], directions[row, 2] = flattest_direction(
                        xx, xy, xz, yy, yz, zz
                    )
                if scatters.shape[0]:
                    scatters[row, 0], scatters[row, 1], scatters[row, 2] = xx, xy, xz
                    scatters[row, 3], scatters[row, 4], scatters[row, 5] = yy, yz, zz
