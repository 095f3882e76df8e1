# SPDX-License-Identifier: Apache-2.0
"""Gaussian regression filter of values at scattered places, as weights of neighbours; and angles for unrolling."""

from __future__ import annotations

import math

import numpy as np

from visionvalley.kernels.compilation import bare, kernel
from visionvalley.kernels.simd import take

PIECE = 512
TERMS = 6
SINGULAR = 1e-7  # of a moment: what is left of it is not determined


@bare
def falling(t):
    """Return exp(-t) for 0 <= t < 8, to 1e-9: its Taylor series at t / 16, to the sixteenth power."""
    u = -t / 16.0
    s = 1.0 + u * (1.0 + u / 2.0 * (1.0 + u / 3.0 * (1.0 + u / 4.0 * (1.0 + u / 5.0 * (1.0 + u / 6.0)))))
    s = s * s
    s = s * s
    s = s * s
    return s * s


@bare
def first_of_inverse(moments, count, out):
    """Fill in the first column of the inverse of the moments; say whether they determine it (Cholesky)."""
    for i in range(count):
        whole = moments[i, i]
        for j in range(i):
            moments[i, i] -= moments[i, j] * moments[i, j]
        if not moments[i, i] > SINGULAR * whole:
            return False
        moments[i, i] = math.sqrt(moments[i, i])
        for r in range(i + 1, count):
            for j in range(i):
                moments[r, i] -= moments[r, j] * moments[i, j]
            moments[r, i] /= moments[i, i]
    for i in range(count):
        total = 1.0 if i == 0 else 0.0
        for j in range(i):
            total -= moments[i, j] * out[j]
        out[i] = total / moments[i, i]
    for i in range(count - 1, -1, -1):
        for j in range(i + 1, count):
            out[i] -= moments[j, i] * out[j]
        out[i] /= moments[i, i]
    return True


@bare
def window(query, grid, reach, low, high):
    """Fill in the cells that a query reaches."""
    for axis in range(3):
        cells = int(grid[4 + axis])
        at = int((query[axis] - reach - grid[axis]) / grid[3] + 2.0) - 2
        to = int((query[axis] + reach - grid[axis]) / grid[3] + 2.0) - 2
        low[axis], high[axis] = max(at, 0), min(to, cells - 1)


@bare
def gathered(points, starts, grid, query, reach, low, high, which, x, y, squared):
    """Collect the points around a query, where they lie across and how far, in reaches; return how many there are."""
    found = 0
    scale = 1.0 / reach
    window(query, grid, reach, low, high)
    if low[2] > high[2]:
        return 0
    for ix in range(low[0], high[0] + 1):
        for iy in range(low[1], high[1] + 1):
            line = (ix * int(grid[5]) + iy) * int(grid[6])
            for p in range(starts[line + low[2]], starts[line + high[2] + 1]):
                dx = (points[p, 0] - query[0]) * scale
                dy = (points[p, 1] - query[1]) * scale
                dz = (points[p, 2] - query[2]) * scale
                far = dx * dx + dy * dy + dz * dz
                if far <= 1.0:
                    if found < len(which):
                        which[found], squared[found] = p, far
                        x[found] = dx * query[3] + dy * query[4] + dz * query[5]
                        y[found] = dx * query[6] + dy * query[7] + dz * query[8]
                    found += 1
    return found


@bare
def moments_of(found, x, y, weight, count, moments):
    """Fill in the weighted moments (lower triangle) of the polynomials 1; 1 x xx; or 1 x y xx xy yy."""
    s0 = s1 = s2 = s11 = s12 = s22 = 0.0
    s111 = s112 = s122 = s222 = s1111 = s1112 = s1122 = s1222 = s2222 = 0.0
    for i in range(found):
        w, a, b = weight[i], x[i], y[i]
        aa, ab, bb = a * a, a * b, b * b
        s0 += w
        s1 += w * a
        s2 += w * b
        waa, wab, wbb = w * aa, w * ab, w * bb
        s11 += waa
        s12 += wab
        s22 += wbb
        s111 += waa * a
        s112 += waa * b
        s122 += wbb * a
        s222 += wbb * b
        s1111 += waa * aa
        s1112 += waa * ab
        s1122 += waa * bb
        s1222 += wbb * ab
        s2222 += wbb * bb
    moments[0, 0] = s0
    if count == 3:
        moments[1, 0], moments[1, 1] = s1, s11
        moments[2, 0], moments[2, 1], moments[2, 2] = s11, s111, s1111
    elif count == 6:
        moments[1, 0], moments[1, 1] = s1, s11
        moments[2, 0], moments[2, 1], moments[2, 2] = s2, s12, s22
        moments[3, 0], moments[3, 1], moments[3, 2], moments[3, 3] = s11, s111, s112, s1111
        moments[4, 0], moments[4, 1], moments[4, 2], moments[4, 3], moments[4, 4] = s12, s112, s122, s1112, s1122
        moments[5, 0], moments[5, 1], moments[5, 2], moments[5, 3] = s22, s122, s222, s1122
        moments[5, 4], moments[5, 5] = s1222, s2222


@bare
def weigh(found, x, y, squared, steep, count, moments, inverse, weight):
    """Fill in the weights of the points around a query; return how many terms they determine."""
    for i in range(found):
        weight[i] = falling(steep * squared[i])
    moments_of(found, x, y, weight, count, moments)
    whole = moments[0, 0]
    if found > count and count > 1 and first_of_inverse(moments, count, inverse):
        c0, c1, c2 = inverse[0], inverse[1], inverse[2]
        if count == 3:
            for i in range(found):
                weight[i] *= c0 + x[i] * (c1 + x[i] * c2)
            return 3
        c3, c4, c5 = inverse[3], inverse[4], inverse[5]
        for i in range(found):
            weight[i] *= c0 + x[i] * (c1 + x[i] * c3 + y[i] * c4) + y[i] * (c2 + y[i] * c5)
        return 6
    for i in range(found):
        weight[i] /= whole
    return 1


@kernel(
    "void(int64[::1], float64[:, ::1], float64[::1], int64[::1], float64[::1], float64[:, ::1], float64, float64,"
    " int64, float64[:, ::1])"
)
def filter_worker(counter, points, values, starts, grid, queries, reach, steep, count, out):
    """Filter values at queries.

    points, values  (M, 3), (M,) in the order of their cells
    starts     (cells + 1,) the first point of each cell
    grid       (7,) origin, size of a cell, cells along x, y, z
    queries    (Q, 9) place and two tangents
    reach      weights end there
    steep      the weight at a distance r is exp(-steep (r / reach)^2)
    count      of the polynomials' terms: 1, 3 (along the first tangent) or 6
    out        (Q, 4) out: filtered value, sum of squared weights, points in reach, terms used
    """
    n = len(queries)
    moments, inverse = np.empty((TERMS, TERMS)), np.zeros(TERMS)
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    room = 256
    which, x, y = np.empty(room, np.int64), np.empty(room), np.empty(room)
    squared, weight = np.empty(room), np.empty(room)
    while True:
        piece = take(counter)
        if piece * PIECE >= n:
            break
        for q in range(piece * PIECE, min(n, (piece + 1) * PIECE)):
            query = queries[q]
            found = gathered(points, starts, grid, query, reach, low, high, which, x, y, squared)
            if found > room:
                room = 2 * found
                which, x, y = np.empty(room, np.int64), np.empty(room), np.empty(room)
                squared, weight = np.empty(room), np.empty(room)
                found = gathered(points, starts, grid, query, reach, low, high, which, x, y, squared)
            out[q, 0], out[q, 1], out[q, 2], out[q, 3] = np.nan, np.nan, found, 0.0
            if found == 0:
                continue
            out[q, 3] = weigh(found, x, y, squared, steep, count, moments, inverse, weight)
            total, squares = 0.0, 0.0
            for i in range(found):
                total += weight[i] * values[which[i]]
                squares += weight[i] * weight[i]
            out[q, 0], out[q, 1] = total, squares


@kernel(
    "int64(float64[:, ::1], int64[::1], float64[::1], float64[::1], float64, float64, int64, int64[::1], float64[::1])"
)
def weights_of(points, starts, grid, query, reach, steep, count, which, weights):
    """Fill in the points that a query (9,) takes, and their weights; return how many (more than fit: call again)."""
    moments, inverse = np.empty((TERMS, TERMS)), np.zeros(TERMS)
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    room = len(which)
    x, y, squared = np.empty(room), np.empty(room), np.empty(room)
    found = gathered(points, starts, grid, query, reach, low, high, which, x, y, squared)
    if 0 < found <= room:
        weigh(found, x, y, squared, steep, count, moments, inverse, weights)
    return found


@kernel("void(float64[:, ::1], float64[::1], int64[::1], int64[::1], int64[::1])")
def into_cells(points, grid, cell, starts, order):
    """Sort points into cells: fill in the cell of each, where each cell starts, and the points in their order."""
    for p in range(len(points)):
        at = 0
        for axis in range(3):
            here = int((points[p, axis] - grid[axis]) / grid[3])
            at = at * int(grid[4 + axis]) + min(max(here, 0), int(grid[4 + axis]) - 1)
        cell[p] = at
        starts[at + 1] += 1
    for c in range(1, len(starts)):
        starts[c] += starts[c - 1]
    for p in range(len(points)):
        order[starts[cell[p]]] = p
        starts[cell[p]] += 1
    for c in range(len(starts) - 1, 0, -1):
        starts[c] = starts[c - 1]
    starts[0] = 0


@bare
def arc(t):
    """Return the arc tangent of 0 <= t <= tan(pi / 8), to rounding: its series after one halving."""
    h = t / (1.0 + math.sqrt(1.0 + t * t))
    s = h * h
    total = 0.0
    for k in range(23, -1, -1):
        total = 1.0 / (2 * k + 1) - s * total
    return 2.0 * h * total


@kernel("void(float64[::1], float64[::1], float64[::1])")
def angles(y, x, out):
    """Fill in the angles of (x, y), -pi to pi."""
    for i in range(len(out)):
        a, b = abs(y[i]), abs(x[i])
        least, most = min(a, b), max(a, b)
        t = least / most if most > 0.0 else 0.0
        angle = arc(t) if t <= 0.41421356237309503 else 0.7853981633974483 - arc((1.0 - t) / (1.0 + t))
        if a > b:
            angle = 1.5707963267948966 - angle
        if x[i] < 0.0:
            angle = 3.141592653589793 - angle
        out[i] = -angle if y[i] < 0.0 else angle
