# SPDX-License-Identifier: Apache-2.0
"""Sums of squares of the residuals of `fits`, with their exact first and second derivatives.

Points are taken in blocks, one row of numbers a term, so that all loops run over neighbours in memory. What the
derivatives are made of is a sum of products of two rows.
"""

from __future__ import annotations

import math

import numpy as np

from visionvalley.kernels.compilation import bare, kernel
from visionvalley.kernels.fits import (
    CIRCLE,
    CONE,
    CYLINDER,
    LINE,
    PIECE,
    PLANE,
    SPHERE,
    SS,
    TERMS,
    M,
    parts,
    terms,
)
from visionvalley.kernels.simd import take

BLOCK = 128
SUMS = 45
# rows of a block: local coordinates, residual, its gradient, where it does not curve, residual times curvature,
# slopes by the parameters, the same of where it does not curve, and these times curvature
X, Y, Z, D, GX, GY, GZ, EX, EY, EZ, C, ROW, EROW, CROW = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 19, 25
MX, ROWS = 31, 41  # how the gradient changes with the sizes (6), second derivatives by them (3), spare


@bare
def dot(w, a, b, n):
    """Return the sum of products of two rows."""
    total = 0.0
    for i in range(n):
        total += w[a, i] * w[b, i]
    return total


@bare
def total_of(w, a, n):
    """Return the sum of a row."""
    total = 0.0
    for i in range(n):
        total += w[a, i]
    return total


@bare
def fill_local(points, first, n, place, w):
    """Fill in the local coordinates of a block."""
    for i in range(n):
        dx = points[first + i, 0] - place[0, 0]
        dy = points[first + i, 1] - place[0, 1]
        dz = points[first + i, 2] - place[0, 2]
        w[X, i] = dx * place[1, 0] + dy * place[1, 1] + dz * place[1, 2]
        w[Y, i] = dx * place[2, 0] + dy * place[2, 1] + dz * place[2, 2]
        w[Z, i] = dx * place[3, 0] + dy * place[3, 1] + dz * place[3, 2]


@bare
def fill_round(n, size, deep, w):
    """Fill in the terms of spheres (deep 1) and cylinders (deep 0)."""
    for i in range(n):
        x, y, z = w[X, i], w[Y, i], deep * w[Z, i]
        far = max(math.sqrt(x * x + y * y + z * z), 1e-300)
        over = 1.0 / far
        w[D, i] = far - size
        w[GX, i], w[GY, i], w[GZ, i] = x * over, y * over, z * over
        w[C, i] = (far - size) * over
        w[ROW + 6, i], w[ROW + 7, i] = -1.0, 0.0


@bare
def fill_flat(n, axis, w):
    """Fill in the terms of one coordinate."""
    for i in range(n):
        w[D, i] = w[axis, i]
        w[GX, i] = 1.0 if axis == X else 0.0
        w[GY, i] = 1.0 if axis == Y else 0.0
        w[GZ, i] = 1.0 if axis == Z else 0.0
        w[ROW + 6, i], w[ROW + 7, i] = 0.0, 0.0


@bare
def fill_cone(n, sizes, w):
    """Fill in the terms of a cone."""
    radius, c, s = sizes[0], sizes[2], sizes[3]
    for i in range(n):
        x, y, z = w[X, i], w[Y, i], w[Z, i]
        far = max(math.sqrt(x * x + y * y), 1e-300)
        over = 1.0 / far
        d = (far - radius) * c - z * s
        w[D, i], w[C, i] = d, d * c * over
        ex, ey = x * over, y * over
        w[EX, i], w[EY, i], w[EZ, i] = ex, ey, 0.0
        w[GX, i], w[GY, i], w[GZ, i] = c * ex, c * ey, -s
        w[ROW + 6, i], w[ROW + 7, i] = -c, -(far - radius) * s - z * c
        w[MX, i], w[MX + 1, i], w[MX + 2, i] = 0.0, 0.0, 0.0
        w[MX + 3, i], w[MX + 4, i], w[MX + 5, i] = -s * ex, -s * ey, -c
        w[MX + 6, i], w[MX + 7, i], w[MX + 8, i] = 0.0, s, -d


@bare
def fill_slot(n, kind, sizes, t, w):
    """Fill in the terms of a slot's wall, one point after the other."""
    for i in range(n):
        terms(kind, 0, w[X, i], w[Y, i], w[Z, i], sizes, t)
        w[D, i], w[C, i] = t[0], t[0] * t[7]
        for k in range(3):
            w[GX + k, i], w[EX + k, i] = t[1 + k], t[4 + k]
        w[ROW + 6, i], w[ROW + 7, i] = t[9], t[10]
        for k in range(6):
            w[MX + k, i] = t[M + k]
        for k in range(3):
            w[MX + 6 + k, i] = t[SS + k]


@bare
def fill_slopes(n, g, row, w):
    """Fill in how a direction's part of a point changes with the six motions."""
    for i in range(n):
        x, y, z, gx, gy, gz = w[X, i], w[Y, i], w[Z, i], w[g, i], w[g + 1, i], w[g + 2, i]
        w[row, i], w[row + 1, i], w[row + 2, i] = -gx, -gy, -gz
        w[row + 3, i], w[row + 4, i], w[row + 5, i] = gz * x - gx * z, gz * y - gy * z, gx * y - gy * x


@bare
def add_squares(n, w, out):
    """Add the products of slopes, the slopes times residuals, and half the squares."""
    at = 0
    for a in range(8):
        for b in range(a, 8):
            out[at] += dot(w, ROW + a, ROW + b, n)
            at += 1
        out[36 + a] += dot(w, ROW + a, D, n)
    out[44] += 0.5 * dot(w, D, D, n)


@bare
def add_turning(n, w, out):
    """Add the residuals times the second derivatives of the motions themselves (see `fits.add_curvature`)."""
    for i in range(n):
        d = w[D, i]
        for k in range(3):
            w[CROW + k, i] = d * w[GX + k, i]
    gx, gy, gz = total_of(w, CROW, n), total_of(w, CROW + 1, n), total_of(w, CROW + 2, n)
    xx, xy, xz = dot(w, CROW, X, n), dot(w, CROW, Y, n), dot(w, CROW, Z, n)
    yx, yy, yz = dot(w, CROW + 1, X, n), dot(w, CROW + 1, Y, n), dot(w, CROW + 1, Z, n)
    zx, zy, zz = dot(w, CROW + 2, X, n), dot(w, CROW + 2, Y, n), dot(w, CROW + 2, Z, n)
    out[3] -= gz
    out[5] += gy
    out[11] -= gz
    out[12] -= gx
    out[16] += gx
    out[17] += gy
    out[21] -= xx + zz
    out[22] -= 0.5 * (xy + yx)
    out[23] += 0.5 * (zy + yz)
    out[26] -= yy + zz
    out[27] -= 0.5 * (zx + xz)
    out[30] -= xx + yy


@bare
def add_curving(n, erow, deep, w, out):
    """Add the residuals times the curvature of the distance."""
    for i in range(n):
        c = w[C, i]
        for k in range(6):
            w[CROW + k, i] = c * w[erow + k, i]
    at = 0
    for a in range(6):
        for b in range(a, 6):
            out[at] -= dot(w, CROW + a, erow + b, n)
            at += 1
        at += 2
    for i in range(n):
        c = w[C, i]
        w[CROW, i], w[CROW + 1, i], w[CROW + 2, i] = c * w[X, i], c * w[Y, i], c * w[Z, i]
    c, cx, cy, cz = total_of(w, C, n), total_of(w, CROW, n), total_of(w, CROW + 1, n), total_of(w, CROW + 2, n)
    cxx, cyy, czz = dot(w, CROW, X, n), dot(w, CROW + 1, Y, n), dot(w, CROW + 2, Z, n)
    cxy, cxz, cyz = dot(w, CROW, Y, n), dot(w, CROW, Z, n), dot(w, CROW + 1, Z, n)
    out[0] += c
    out[3] += cz
    out[5] -= cy
    out[8] += c
    out[11] += cz
    out[12] += cx
    out[15] += deep * c
    out[16] -= deep * cx
    out[17] -= deep * cy
    out[21] += czz + deep * cxx
    out[22] += deep * cxy
    out[23] -= cyz
    out[26] += czz + deep * cyy
    out[27] += cxz
    out[30] += cxx + cyy


@bare
def add_sizes(n, w, out):
    """Add the residuals times the second derivatives that the sizes take part in."""
    for size in range(2):
        fill_slopes(n, MX + 3 * size, CROW, w)
        at = 6 + size
        for a in range(6):
            out[at] += dot(w, CROW + a, D, n)
            at += 7 - a
    for k in range(3):
        out[33 + k] += dot(w, MX + 6 + k, D, n)


@bare
def add_block(kind, n, sizes, t, w, out):
    """Add all sums of one block, whose local coordinates are filled in."""
    for part in range(parts(kind)):
        curved = part == 0 and kind != PLANE and kind != LINE
        erow = ROW
        if part == 1 or not curved:
            fill_flat(n, Z if kind != LINE else X + part, w)
        elif kind == SPHERE:
            fill_round(n, sizes[0], 1.0, w)
        elif kind in (CYLINDER, CIRCLE):
            fill_round(n, sizes[0], 0.0, w)
        elif kind == CONE:
            fill_cone(n, sizes, w)
        else:
            fill_slot(n, kind, sizes, t, w)
        fill_slopes(n, GX, ROW, w)
        add_squares(n, w, out)
        add_turning(n, w, out)
        if curved:
            if kind not in (SPHERE, CYLINDER, CIRCLE):
                fill_slopes(n, EX, EROW, w)
                erow = EROW
                add_sizes(n, w, out)
            add_curving(n, erow, 1.0 if kind == SPHERE else 0.0, w, out)


@kernel("void(int64[::1], float64[:, ::1], int64, float64[:, ::1], float64[::1], float64[:, ::1])")
def sums_worker(counter, points, kind, place, sizes, sums):
    """Add up half the squares of the residuals with their derivatives: sums (pieces, 45).

    The upper triangle of the second derivatives (36), the first (8), half the sum of squares.
    """
    w, t = np.zeros((ROWS, BLOCK)), np.zeros(TERMS)
    while True:
        piece = take(counter)
        if piece >= len(sums):
            return
        mine = np.zeros(SUMS)
        last = min(len(points), (piece + 1) * PIECE)
        for first in range(piece * PIECE, last, BLOCK):
            n = min(BLOCK, last - first)
            fill_local(points, first, n, place, w)
            add_block(kind, n, sizes, t, w, mine)
        for at in range(SUMS):
            sums[piece, at] = mine[at]
