# SPDX-License-Identifier: Apache-2.0
"""The direction across a surface, and how points scatter around each place of it."""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import inner, kernel
from visionvalley.kernels.neighbours import (
    ENDLESS,
    LEAF,
    TREE,
    k_nearest_one,
    make_scratch,
    reach_from,
)
from visionvalley.kernels.simd import key_row, take

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


@kernel(f"void(int64[::1], {TREE}, int32[::1], int32[::1], int64, float64[:, ::1], float64[:, ::1])")
def normals(counter, tree, order, places, k, directions, scatters):
    """Normal or scatter of the k nearest points of each point of the tree, itself among them.

    order       (count,): the row at each position
    places      (N,): the position of each row
    directions  (N, 3): unit normals, of either sign; or no rows, if they are not wanted
    scatters    (N, 6): covariance xx xy xz yy yz zz; or no rows
    """
    leaves, count = tree[1], tree[2][0]
    scratch = make_scratch(tree, k)
    keys = scratch[3]
    while True:
        piece = take(counter)
        if piece * LEAVES_A_PIECE * 16 >= count:
            break
        worst, ox, oy, oz = ENDLESS, np.float32(0), np.float32(0), np.float32(0)
        for position in range(piece * LEAVES_A_PIECE * 16, min((piece + 1) * LEAVES_A_PIECE * 16, count)):
            at = (position >> 4) * LEAF + (position & 15)
            qx, qy, qz = leaves[at], leaves[at + 16], leaves[at + 32]
            step = np.sqrt((qx - ox) * (qx - ox) + (qy - oy) * (qy - oy) + (qz - oz) * (qz - oz))
            bound = reach_from(worst, step) if worst < ENDLESS else ENDLESS
            found, worst = k_nearest_one(tree, qx, qy, qz, k, bound, scratch)
            ox, oy, oz = qx, qy, qz
            sx = sy = sz = xx = xy = xz = yy = yz = zz = 0.0
            for j in range(found):
                place = places[key_row(keys[j])]
                at = (place >> 4) * LEAF + (place & 15)
                x, y, z = leaves[at] - qx, leaves[at + 16] - qy, leaves[at + 32] - qz
                sx, sy, sz = sx + x, sy + y, sz + z
                xx, xy, xz = xx + x * x, xy + x * y, xz + x * z
                yy, yz, zz = yy + y * y, yz + y * z, zz + z * z
            share = 1.0 / found
            mx, my, mz = sx * share, sy * share, sz * share
            xx, xy, xz = xx * share - mx * mx, xy * share - mx * my, xz * share - mx * mz
            yy, yz, zz = yy * share - my * my, yz * share - my * mz, zz * share - mz * mz
            row = order[position]
            if directions.shape[0]:
                directions[row, 0], directions[row, 1], directions[row, 2] = flattest_direction(xx, xy, xz, yy, yz, zz)
            if scatters.shape[0]:
                scatters[row, 0], scatters[row, 1], scatters[row, 2] = xx, xy, xz
                scatters[row, 3], scatters[row, 4], scatters[row, 5] = yy, yz, zz
