# SPDX-License-Identifier: Apache-2.0
"""Distances of points from geometric elements, with their first and second derivatives.

A shape is a kind, a place (4, 3) - a point, then the unit directions u, v, w - and two sizes with the cosine and
sine of the second, (4,), where that is an angle. A point's local coordinates are q = (u, v, w) . (p - point).
There are eight parameters, all zero at the shape itself: shifts along u, v, w; tilts of w towards u and v; a turn
about w; growth of the two sizes. To second order a point's local coordinates become R^T (q - t), R = exp(-b, a, c),
for tilts a, b and a turn c.

Residuals of a point are one signed distance (plane, sphere, cylinder, cone, wall of a slot) or two at right
angles (line: u, v; circle and slot as curves: within and out of the plane).
"""

from __future__ import annotations

import math

import numpy as np

from visionvalley.kernels.compilation import bare, kernel
from visionvalley.kernels.simd import take

PIECE = 4096
PLANE, LINE, SPHERE, CYLINDER, CONE, CIRCLE, WALL, SLOT, TUBE = range(9)
PARAMETERS = 8
TERMS = 20
# places in terms: distance, its gradient, direction in which it does not curve, curvature, whether it curves along w,
# slopes of the sizes, how the gradient changes with each size, second derivatives by the sizes
D, G, E, CURVED, DEEP, S, M, SS = 0, 1, 4, 7, 8, 9, 11, 17


@bare
def parts(kind):
    """Return the number of residuals a point has."""
    return 2 if kind in (LINE, CIRCLE, SLOT) else 1


@bare
def round_terms(x, y, z, size, deep, t):
    """Fill in the terms of a sphere (deep 1) or a cylinder (deep 0)."""
    far = max(math.sqrt(x * x + y * y + deep * z * z), 1e-300)
    t[D] = far - size
    t[G], t[G + 1], t[G + 2] = x / far, y / far, deep * z / far
    t[E], t[E + 1], t[E + 2] = t[G], t[G + 1], t[G + 2]
    t[CURVED], t[DEEP], t[S] = 1.0 / far, deep, -1.0


@bare
def cone_terms(x, y, z, radius, c, s, t):
    """Fill in the terms of a cone: (r - R) cos - z sin."""
    far = max(math.sqrt(x * x + y * y), 1e-300)
    t[D] = (far - radius) * c - z * s
    t[E], t[E + 1] = x / far, y / far
    t[G], t[G + 1], t[G + 2] = c * t[E], c * t[E + 1], -s
    t[CURVED] = c / far
    t[S], t[S + 1] = -c, -(far - radius) * s - z * c
    t[M + 3], t[M + 4], t[M + 5] = -s * t[E], -s * t[E + 1], -c
    t[SS + 1], t[SS + 2] = s, -t[D]


@bare
def slot_terms(x, y, width, length, t):
    """Fill in the terms of the wall of a slot: half its width from the middle line."""
    half = 0.5 * (length - width)
    side = 1.0 if x > 0.0 else -1.0
    beyond = side * x - half
    if beyond <= 0.0:
        t[D] = abs(y) - 0.5 * width
        t[G + 1] = 1.0 if y > 0.0 else -1.0
        t[S] = -0.5
        return
    round_terms(side * beyond, y, 0.0, 0.5 * width, 0.0, t)
    along = side * t[E]
    t[S], t[S + 1] = 0.5 * (along - 1.0), -0.5 * along
    bent = t[CURVED] * (1.0 - along * along)
    mx, my = -side * bent, side * t[CURVED] * t[E] * t[E + 1]
    t[M], t[M + 1] = -0.5 * mx, -0.5 * my
    t[M + 3], t[M + 4] = 0.5 * mx, 0.5 * my
    t[SS], t[SS + 1], t[SS + 2] = 0.25 * bent, -0.25 * bent, 0.25 * bent


@bare
def terms(kind, part, x, y, z, sizes, t):
    """Fill in the terms (20,) of one residual at local coordinates."""
    for i in range(TERMS):
        t[i] = 0.0
    if kind == PLANE or (part == 1 and kind != LINE):
        t[D], t[G + 2] = z, 1.0
    elif kind == LINE:
        t[D] = y if part else x
        t[G + part] = 1.0
    elif kind == SPHERE:
        round_terms(x, y, z, sizes[0], 1.0, t)
    elif kind in (CYLINDER, CIRCLE):
        round_terms(x, y, z, sizes[0], 0.0, t)
    elif kind == CONE:
        cone_terms(x, y, z, sizes[0], sizes[2], sizes[3], t)
    elif kind == TUBE:  # (r^2 / R - R) / 2: smooth on the axis, and r - R to first order near the wall
        t[D] = 0.5 * ((x * x + y * y) / sizes[0] - sizes[0])
        t[G], t[G + 1], t[CURVED] = x / sizes[0], y / sizes[0], 1.0 / sizes[0]
    else:
        slot_terms(x, y, sizes[0], sizes[1], t)


@bare
def along(x, y, z, gx, gy, gz, row):
    """Fill in (6,) how g . q changes with the motions."""
    row[0], row[1], row[2] = -gx, -gy, -gz
    row[3] = gz * x - gx * z
    row[4] = gz * y - gy * z
    row[5] = gx * y - gy * x


@bare
def slopes(x, y, z, t, row):
    """Fill in the derivatives (8,) of a residual by the parameters."""
    along(x, y, z, t[G], t[G + 1], t[G + 2], row)
    row[6], row[7] = t[S], t[S + 1]


@bare
def add_curvature(x, y, z, t, scale, work, out):
    """Add scale times the second derivatives of a residual by the parameters to the upper triangle (36,)."""
    gx, gy, gz = scale * t[G], scale * t[G + 1], scale * t[G + 2]
    out[3] -= gz
    out[5] += gy
    out[11] -= gz
    out[12] -= gx
    out[16] += gx
    out[17] += gy
    out[21] -= gx * x + gz * z
    out[22] -= 0.5 * (gx * y + gy * x)
    out[23] += 0.5 * (gz * y + gy * z)
    out[26] -= gy * y + gz * z
    out[27] -= 0.5 * (gz * x + gx * z)
    out[30] -= gx * x + gy * y
    out[33] += scale * t[SS]
    out[34] += scale * t[SS + 1]
    out[35] += scale * t[SS + 2]
    curved = scale * t[CURVED]
    if curved != 0.0:
        along(x, y, z, t[E], t[E + 1], t[E + 2], work)
        deep = curved * t[DEEP]
        out[0] += curved
        out[3] += curved * z
        out[5] -= curved * y
        out[8] += curved
        out[11] += curved * z
        out[12] += curved * x
        out[15] += deep
        out[16] -= deep * x
        out[17] -= deep * y
        out[21] += curved * z * z + deep * x * x
        out[22] += deep * x * y
        out[23] += -curved * y * z
        out[26] += curved * z * z + deep * y * y
        out[27] += curved * x * z
        out[30] += curved * (x * x + y * y)
        at = 0
        for a in range(6):
            for b in range(a, 6):
                out[at] -= curved * work[a] * work[b]
                at += 1
            at += 2
    for size in range(2):
        mx, my, mz = t[M + 3 * size], t[M + 3 * size + 1], t[M + 3 * size + 2]
        if mx != 0.0 or my != 0.0 or mz != 0.0:
            along(x, y, z, mx, my, mz, work)
            at = 6 + size
            for a in range(6):
                out[at] += scale * work[a]
                at += 7 - a


@bare
def add_mixed(x, y, z, t, scale, work, out):
    """Add scale times the derivatives (8, 3) of the slopes by the point's local coordinates."""
    along(x, y, z, t[E], t[E + 1], t[E + 2], work)
    curved, deep = scale * t[CURVED], scale * t[CURVED] * t[DEEP]
    for a in range(6):
        for i in range(3):
            out[a, i] -= curved * work[a] * t[E + i]
    # the motions of q: its columns of -1, then tilts (-z, 0, x) and (0, -z, y), the turn (y, -x, 0)
    out[0, 0] -= curved
    out[1, 1] -= curved
    out[2, 2] -= deep
    out[3, 0] += -curved * z + scale * t[G + 2]
    out[3, 2] += deep * x - scale * t[G]
    out[4, 1] += -curved * z + scale * t[G + 2]
    out[4, 2] += deep * y - scale * t[G + 1]
    out[5, 0] += curved * y - scale * t[G + 1]
    out[5, 1] += -curved * x + scale * t[G]
    for i in range(3):
        out[6, i] += scale * t[M + i]
        out[7, i] += scale * t[M + 3 + i]


@bare
def local(points, i, place, q):
    """Fill in the local coordinates (3,) of a point."""
    dx, dy, dz = points[i, 0] - place[0, 0], points[i, 1] - place[0, 1], points[i, 2] - place[0, 2]
    for k in range(3):
        q[k] = dx * place[k + 1, 0] + dy * place[k + 1, 1] + dz * place[k + 1, 2]


@kernel("void(int64[::1], float64[:, ::1], int64, float64[:, ::1], float64[::1], float64[:, ::1])")
def residual_worker(counter, points, kind, place, sizes, residuals):
    """Fill in the residuals (N, 1 or 2) of all points."""
    q, t = np.zeros(3), np.zeros(TERMS)
    n = len(points)
    while True:
        piece = take(counter)
        if piece * PIECE >= n:
            return
        for i in range(piece * PIECE, min(n, (piece + 1) * PIECE)):
            local(points, i, place, q)
            for part in range(residuals.shape[1]):
                terms(kind, part, q[0], q[1], q[2], sizes, t)
                residuals[i, part] = t[D]


@kernel("void(int64[::1], float64[:, ::1], int64, float64[:, ::1], float64[::1], float64[:, ::1], float64[:, :, ::1])")
def influence_worker(counter, points, kind, place, sizes, answer, influence):
    """Fill in how the parameters (k) answer to a shift of each point: influence (N, k, 3).

    answer  (k, 8) what the parameters do for a unit of each first derivative of half the sum of squares
    """
    q, row, work, t = np.zeros(3), np.zeros(8), np.zeros(8), np.zeros(TERMS)
    n, mixed = len(points), np.zeros((8, 3))
    while True:
        piece = take(counter)
        if piece * PIECE >= n:
            return
        for i in range(piece * PIECE, min(n, (piece + 1) * PIECE)):
            local(points, i, place, q)
            mixed[:] = 0.0
            for part in range(parts(kind)):
                terms(kind, part, q[0], q[1], q[2], sizes, t)
                slopes(q[0], q[1], q[2], t, row)
                add_mixed(q[0], q[1], q[2], t, t[D], work, mixed)
                for a in range(8):
                    for m in range(3):
                        mixed[a, m] += row[a] * t[G + m]
            for k in range(len(answer)):
                for axis in range(3):
                    total = 0.0
                    for a in range(8):
                        for m in range(3):
                            total += answer[k, a] * mixed[a, m] * place[m + 1, axis]
                    influence[i, k, axis] = total


@kernel(
    "void(float64[:, ::1], int64, float64[:, ::1], float64[::1], float64[:, ::1], float64[:, ::1],"
    " float64[:, :, ::1], float64[:, :, ::1])"
)
def derivatives(points, kind, place, sizes, distances, rows, seconds, mixed):
    """Fill in all derivatives of the first residual of a few points.

    distances (n, 4): the distance and its gradient in world coordinates; rows (n, 8) by the parameters;
    seconds (n, 8, 8); mixed (n, 8, 3) by the parameters and the world coordinates of the point
    """
    q, work, t, upper = np.zeros(3), np.zeros(8), np.zeros(TERMS), np.zeros(36)
    turned = np.zeros((8, 3))
    for i in range(len(points)):
        local(points, i, place, q)
        terms(kind, 0, q[0], q[1], q[2], sizes, t)
        slopes(q[0], q[1], q[2], t, rows[i])
        upper[:] = 0.0
        turned[:] = 0.0
        add_curvature(q[0], q[1], q[2], t, 1.0, work, upper)
        add_mixed(q[0], q[1], q[2], t, 1.0, work, turned)
        at = 0
        for a in range(8):
            for b in range(a, 8):
                seconds[i, a, b] = seconds[i, b, a] = upper[at]
                at += 1
        distances[i, 0] = t[D]
        for axis in range(3):
            distances[i, 1 + axis] = t[G] * place[1, axis] + t[G + 1] * place[2, axis] + t[G + 2] * place[3, axis]
            for a in range(8):
                mixed[i, a, axis] = (
                    turned[a, 0] * place[1, axis] + turned[a, 1] * place[2, axis] + turned[a, 2] * place[3, axis]
                )
