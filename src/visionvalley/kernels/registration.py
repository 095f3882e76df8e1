# SPDX-License-Identifier: Apache-2.0
"""One linearisation of a registration: the nearest target point of each source point, and the normal equations.

Each piece of source points has its own sums, and they are added in order: the same bits on any number of threads.
"""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import bare, kernel
from visionvalley.kernels.neighbours import LEAF, TREE, make_scratch, nearest_one
from visionvalley.kernels.simd import (
    take,
)
from visionvalley.kernels.tree import nearest_and_beyond

POINT, PLANE, GENERALISED, SYMMETRIC = 0, 1, 2, 3
NONE, HUBER, CAUCHY, TUKEY, GEMAN_MCCLURE = 0, 1, 2, 3, 4
SUMS = 32  # of a piece: 21 of JᵀWJ by rows, 6 of JᵀWe, weighted squares, weights, pairs, squares, unused
FLAT = 1.0 - 1e-3  # a point's covariance is I - FLAT n nᵀ


@bare
def weight_of(square, robust, scale):
    """How much a residual counts; the twin of geometry.robust.weights, of the squared residual."""
    s = square / (scale * scale)
    if robust == NONE:
        return 1.0
    if robust == HUBER:
        return 1.0 if s <= 1.0 else 1.0 / np.sqrt(s)
    if robust == CAUCHY:
        return 1.0 / (1.0 + s)
    if robust == TUKEY:
        return (1.0 - s) * (1.0 - s) if s < 1.0 else 0.0
    return 1.0 / ((1.0 + s) * (1.0 + s))


@bare
def add_plane(sums, x, y, z, nx, ny, nz, e, w):
    """Add w JᵀJ and w Jᵀe of one distance along a normal; J = (p × n, n)."""
    jx, jy, jz = y * nz - z * ny, z * nx - x * nz, x * ny - y * nx
    ax, ay, az, bx, by, bz = w * jx, w * jy, w * jz, w * nx, w * ny, w * nz
    sums[0] += ax * jx
    sums[1] += ax * jy
    sums[2] += ax * jz
    sums[3] += ax * nx
    sums[4] += ax * ny
    sums[5] += ax * nz
    sums[6] += ay * jy
    sums[7] += ay * jz
    sums[8] += ay * nx
    sums[9] += ay * ny
    sums[10] += ay * nz
    sums[11] += az * jz
    sums[12] += az * nx
    sums[13] += az * ny
    sums[14] += az * nz
    sums[15] += bx * nx
    sums[16] += bx * ny
    sums[17] += bx * nz
    sums[18] += by * ny
    sums[19] += by * nz
    sums[20] += bz * nz
    sums[21] += ax * e
    sums[22] += ay * e
    sums[23] += az * e
    sums[24] += bx * e
    sums[25] += by * e
    sums[26] += bz * e


@bare
def between(nx, ny, nz, mx, my, mz, cosine):
    """The unit vector half way between two normals of either sign: a distance along it knows no curvature.

    Rusinkiewicz 2019, A symmetric objective function for ICP.
    """
    sign = 1.0 if cosine >= 0 else -1.0
    x, y, z = nx + sign * mx, ny + sign * my, nz + sign * mz
    r = 1.0 / np.sqrt(x * x + y * y + z * z)
    return x * r, y * r, z * r


@bare
def add_gap(sums, p, e, m, w):
    """Add w JᵀMJ and w JᵀMe of one gap e under the metric M; J = (-[p]ₓ, I), M by rows xx xy xz yy yz zz."""
    x, y, z = p
    m0, m1, m2, m3, m4, m5 = w * m[0], w * m[1], w * m[2], w * m[3], w * m[4], w * m[5]
    b00, b01, b02 = m2 * y - m1 * z, m0 * z - m2 * x, m1 * x - m0 * y
    b10, b11, b12 = m4 * y - m3 * z, m1 * z - m4 * x, m3 * x - m1 * y
    b20, b21, b22 = m5 * y - m4 * z, m2 * z - m5 * x, m4 * x - m2 * y
    sums[0] += y * b20 - z * b10
    sums[1] += y * b21 - z * b11
    sums[2] += y * b22 - z * b12
    sums[3] += b00
    sums[4] += b10
    sums[5] += b20
    sums[6] += z * b01 - x * b21
    sums[7] += z * b02 - x * b22
    sums[8] += b01
    sums[9] += b11
    sums[10] += b21
    sums[11] += x * b12 - y * b02
    sums[12] += b02
    sums[13] += b12
    sums[14] += b22
    sums[15] += m0
    sums[16] += m1
    sums[17] += m2
    sums[18] += m3
    sums[19] += m4
    sums[20] += m5
    gx, gy, gz = (
        m0 * e[0] + m1 * e[1] + m2 * e[2],
        m1 * e[0] + m3 * e[1] + m4 * e[2],
        m2 * e[0] + m4 * e[1] + m5 * e[2],
    )
    sums[21] += y * gz - z * gy
    sums[22] += z * gx - x * gz
    sums[23] += x * gy - y * gx
    sums[24] += gx
    sums[25] += gy
    sums[26] += gz


@bare
def metric_of(nx, ny, nz, mx, my, mz):
    """The inverse of the sum of two flat covariances, scaled so that along a common normal it is 1.

    Segal, Haehnel, Thrun 2009, Generalized-ICP, section III.
    """
    a0, a1, a2 = 2.0 - FLAT * (nx * nx + mx * mx), -FLAT * (nx * ny + mx * my), -FLAT * (nx * nz + mx * mz)
    a3, a4, a5 = 2.0 - FLAT * (ny * ny + my * my), -FLAT * (ny * nz + my * mz), 2.0 - FLAT * (nz * nz + mz * mz)
    c0, c1, c2 = a3 * a5 - a4 * a4, a2 * a4 - a1 * a5, a1 * a4 - a2 * a3
    r = 2.0 * (1.0 - FLAT) / (a0 * c0 + a1 * c1 + a2 * c2)
    return c0 * r, c1 * r, c2 * r, (a0 * a5 - a2 * a2) * r, (a1 * a2 - a0 * a4) * r, (a0 * a3 - a1 * a1) * r


@bare
def free_step(at, squared, beyond, reach):
    """How far a point may move before another point, or one more or less within reach, can be its nearest.

    A little is taken off for rounding; 0 or less where nothing is certain.
    """
    if at < 0:
        return np.float32(0.999) * np.sqrt(beyond) - np.sqrt(reach)
    near = np.sqrt(squared)
    return min(np.float32(0.4999) * np.sqrt(beyond) - np.float32(0.5) * near, np.float32(0.999) * np.sqrt(reach) - near)


@bare
def is_certain(held, x, y, z):
    """Whether a point, held with the place where it was searched and its free step, still has the same nearest."""
    dx, dy, dz = x - held[0], y - held[1], z - held[2]
    return held[3] > 0 and dx * dx + dy * dy + dz * dz < held[3] * held[3]


@bare
def match(tree, i, before, x, y, z, reach, memory, scratch):
    """The position of the nearest target point, -1 if there is none in reach, of source point i, moved to x, y, z.

    before  another source point that is near to it
    """
    matches, held = memory
    at = np.int64(matches[i])
    if is_certain(held[i], x, y, z):
        return at
    seed = np.int64(matches[before]) if at < 0 and before >= 0 else at
    at, squared, beyond = nearest_and_beyond(tree, x, y, z, reach, seed, scratch)
    matches[i] = np.int32(at)
    held[i, 0], held[i, 1], held[i, 2] = x, y, z
    held[i, 3] = free_step(at, squared, beyond, reach)
    return at


@bare
def add_pair(sums, method, robust, scale, p, e, n, m):
    """Add what one pair pulls: p moved, e its gap, n the target's normal, m the source's, moved."""
    if method in (PLANE, SYMMETRIC):
        vx, vy, vz = n
        if method == SYMMETRIC:
            vx, vy, vz = between(vx, vy, vz, m[0], m[1], m[2], vx * m[0] + vy * m[1] + vz * m[2])
        along = e[0] * vx + e[1] * vy + e[2] * vz
        square = along * along
        w = weight_of(square, robust, scale)
        add_plane(sums, p[0], p[1], p[2], vx, vy, vz, along, w)
    else:
        metric = (1.0, 0.0, 0.0, 1.0, 0.0, 1.0)
        if method == GENERALISED:
            metric = metric_of(n[0], n[1], n[2], m[0], m[1], m[2])
        square = e[0] * (metric[0] * e[0] + 2.0 * (metric[1] * e[1] + metric[2] * e[2]))
        square += e[1] * (metric[3] * e[1] + 2.0 * metric[4] * e[2]) + metric[5] * e[2] * e[2]
        w = weight_of(square, robust, scale)
        add_gap(sums, p, e, metric, w)
    sums[27] += w * square
    sums[28] += w
    sums[29] += 1.0
    sums[30] += square


@kernel(
    f"void(int64[::1], {TREE}, float32[:, ::1], float32[:, ::1], float64[::1], int64[::1], "
    "Tuple((int32[::1], float32[:, ::1])), float64[:, ::1], float64[:, ::1])"
)
def linearise(counter, tree, target_normals, source, state, modes, memory, parts, pulls):
    """Pair each source point with the nearest target point and add up the normal equations, piece by piece.

    target_normals  (count, 3) by position in the tree; NaN where a point may not be matched
    source          (N, 6): point and normal, local; the normal may be NaN where PLANE or POINT is asked for
    state           (16,): rotation by rows, translation, squared reach, robust scale, least squared cosine of normals
    modes           (4,): method, robust kernel, points of a piece, every how many points one is used
    memory          matches (N,), the position of each, -1 none; and where each was searched and how far it may move
                    until it has to be searched again (N, 4), 0 at first: only the time taken depends on them; written
    parts           (pieces, SUMS) out
    pulls           (N, 7) out: JᵀWe of each point and its weight; or no rows, if they are not wanted
    A point keeps its match as long as it has moved less than half of what its second nearest is farther than its
    nearest (Greenspan & Godin 2001, a nearest neighbor method for efficient ICP).
    """
    leaves = tree[1]
    scratch, own = make_scratch(tree, 0), np.zeros(SUMS)
    method, robust, size, stride = modes[0], modes[1], modes[2], modes[3]
    reach, scale, least = np.float32(state[12]), state[13], state[14]
    single = pulls.shape[0] > 0
    while True:
        piece = take(counter)
        if piece >= parts.shape[0]:
            break
        parts[piece] = 0.0
        sums = own if single else parts[piece]
        for i in range(piece * size * stride, min((piece + 1) * size * stride, source.shape[0]), stride):
            px, py, pz = np.float64(source[i, 0]), np.float64(source[i, 1]), np.float64(source[i, 2])
            x = state[0] * px + state[1] * py + state[2] * pz + state[9]
            y = state[3] * px + state[4] * py + state[5] * pz + state[10]
            z = state[6] * px + state[7] * py + state[8] * pz + state[11]
            at = match(tree, i, i - stride, np.float32(x), np.float32(y), np.float32(z), reach, memory, scratch)
            if single:
                own[:] = 0.0
                pulls[i] = 0.0
            if at < 0:
                continue
            nx, ny, nz = target_normals[at, 0], target_normals[at, 1], target_normals[at, 2]
            if not nx * nx + ny * ny + nz * nz > 0.0:
                continue
            ux, uy, uz = source[i, 3], source[i, 4], source[i, 5]
            mx = state[0] * ux + state[1] * uy + state[2] * uz
            my = state[3] * ux + state[4] * uy + state[5] * uz
            mz = state[6] * ux + state[7] * uy + state[8] * uz
            cosine = nx * mx + ny * my + nz * mz
            if cosine * cosine < least:
                continue
            place = (at >> 4) * LEAF + (at & 15)
            gap = x - leaves[place], y - leaves[place + 16], z - leaves[place + 32]
            normal = np.float64(nx), np.float64(ny), np.float64(nz)
            add_pair(sums, method, robust, scale, (x, y, z), gap, normal, (mx, my, mz))
            if single:
                for j in range(SUMS):
                    parts[piece, j] += own[j]
                for j in range(6):
                    pulls[i, j] = own[21 + j]
                pulls[i, 6] = own[28]


@kernel(f"void(int64[::1], {TREE}, float32[:, ::1], float32[:, ::1], float64[:, ::1], float64[::1], int64[:, ::1])")
def overlaps(counter, tree, target_normals, source, poses, limits, counts):
    """How many source points lie on the target under each pose, and how many have no match in the wider reach.

    poses   (P, 12): rotation by rows, translation
    limits  (3,): squared reach, squared distance that counts as lying on, least cosine of normals
    counts  (P, 2) out: points that lie on the target with the normal the same way, points with no match
    """
    scratch = make_scratch(tree, 0)
    while True:
        p = take(counter)
        if p >= poses.shape[0]:
            break
        pose = poses[p]
        on, off, seed = 0, 0, np.int64(-1)
        for i in range(source.shape[0]):
            px, py, pz = np.float64(source[i, 0]), np.float64(source[i, 1]), np.float64(source[i, 2])
            x = pose[0] * px + pose[1] * py + pose[2] * pz + pose[9]
            y = pose[3] * px + pose[4] * py + pose[5] * pz + pose[10]
            z = pose[6] * px + pose[7] * py + pose[8] * pz + pose[11]
            at, squared = nearest_one(
                tree, np.float32(x), np.float32(y), np.float32(z), np.float32(limits[0]), seed, scratch
            )
            seed = at
            if at < 0:
                off += 1
                continue
            if squared > limits[1]:
                continue
            ux, uy, uz = np.float64(source[i, 3]), np.float64(source[i, 4]), np.float64(source[i, 5])
            cosine = target_normals[at, 0] * (pose[0] * ux + pose[1] * uy + pose[2] * uz)
            cosine += target_normals[at, 1] * (pose[3] * ux + pose[4] * uy + pose[5] * uz)
            cosine += target_normals[at, 2] * (pose[6] * ux + pose[7] * uy + pose[8] * uz)
            if cosine > limits[2]:
                on += 1
        counts[p, 0], counts[p, 1] = on, off
