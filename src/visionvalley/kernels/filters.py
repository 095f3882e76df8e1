# SPDX-License-Identifier: Apache-2.0
"""Gaussian regression filter of values at scattered places, as weights of neighbours; and angles for unrolling."""

from __future__ import annotations

import math

import numpy as np

from visionvalley.kernels.compilation import bare, inlined, inner, kernel
from visionvalley.kernels.simd import (
    bits,
    count_ones,
    load_f64x4,
    multiply_add,
    reduce_add,
    select,
    splat_f64x4,
    store,
    take,
)

PIECE = 512
TERMS = 6
NOWHERE = -(1 << 40)  # a cell that no query is in
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
def laid(count, moments, s0, s1, s2, s11, s12, s22, s111, s112, s122, s222, s1111, s1112, s1122, s1222, s2222):
    """Lay sums of products out as moments (lower triangle) of the polynomials 1; 1 x xx; or 1 x y xx xy yy."""
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
def nearby(points, values, starts, grid, cell, reach, low, high, x, y, z, value):
    """Collect the points within reach of a cell (3,), from its middle, in reaches; return how many there are."""
    found, half, scale = 0, 0.5 * grid[3], 1.0 / reach
    for axis in range(3):
        edge = cell[axis] * grid[3]
        low[axis] = max(int((edge - reach) / grid[3] + 4.0) - 4, 0)
        high[axis] = min(int((edge + grid[3] + reach) / grid[3]), int(grid[4 + axis]) - 1)
    if low[2] > high[2]:
        return 0
    mx, my = grid[0] + cell[0] * grid[3] + half, grid[1] + cell[1] * grid[3] + half
    mz = grid[2] + cell[2] * grid[3] + half
    for ix in range(low[0], high[0] + 1):
        for iy in range(low[1], high[1] + 1):
            line = (ix * int(grid[5]) + iy) * int(grid[6])
            for p in range(starts[line + low[2]], starts[line + high[2] + 1]):
                dx, dy, dz = points[p, 0] - mx, points[p, 1] - my, points[p, 2] - mz
                gx, gy, gz = max(abs(dx) - half, 0.0), max(abs(dy) - half, 0.0), max(abs(dz) - half, 0.0)
                if (gx * gx + gy * gy + gz * gz) * scale * scale <= 1.0 + 1e-9:
                    if found < len(x):
                        x[found], y[found], z[found], value[found] = dx * scale, dy * scale, dz * scale, values[p]
                    found += 1
    for i in range(found, min(found + 3, len(x))):  # a vector of them is read at once
        x[i], y[i], z[i], value[i] = 1e3, 1e3, 1e3, 0.0
    return found


@inner
def surroundings(points, values, starts, grid, cell, reach, low, high, held):
    """Return (4, room) with what is around a cell, see `nearby`, in `held` or what is larger; and how many."""
    found = nearby(points, values, starts, grid, cell, reach, low, high, held[0], held[1], held[2], held[3])
    if found + 3 > held.shape[1]:
        held = np.empty((4, 2 * found + 3))
        nearby(points, values, starts, grid, cell, reach, low, high, held[0], held[1], held[2], held[3])
    return held, found


@bare
def bell(far, steep):
    """Return exp(-steep far) of four squared distances up to one, see `falling`; beyond that zero."""
    one = splat_f64x4(1.0)
    u = far * splat_f64x4(-steep / 16.0)
    s = multiply_add(u, splat_f64x4(1 / 720), splat_f64x4(1 / 120))
    s = multiply_add(s, u, splat_f64x4(1 / 24))
    s = multiply_add(s, u, splat_f64x4(1 / 6))
    s = multiply_add(s, u, splat_f64x4(0.5))
    s = multiply_add(multiply_add(s, u, one), u, one)
    s = s * s
    s = s * s
    s = s * s
    return select(far <= one, s * s, splat_f64x4(0.0))


@bare
def summed(found, x, y, z, value, query, steep, count, moments, sums):
    """Fill in the moments of the points around a query, and their sums with values; return how many there are."""
    zero = splat_f64x4(0.0)
    s0 = s1 = s2 = s11 = s12 = s22 = zero
    s111 = s112 = s122 = s222 = s1111 = s1112 = s1122 = s1222 = s2222 = zero
    v0 = v1 = v2 = v11 = v12 = v22 = zero
    qx, qy, qz = splat_f64x4(query[0]), splat_f64x4(query[1]), splat_f64x4(query[2])
    t0, t1, t2 = splat_f64x4(query[3]), splat_f64x4(query[4]), splat_f64x4(query[5])
    t3, t4, t5 = splat_f64x4(query[6]), splat_f64x4(query[7]), splat_f64x4(query[8])
    there = 0
    for i in range(0, found, 4):
        dx, dy, dz = load_f64x4(x, i) - qx, load_f64x4(y, i) - qy, load_f64x4(z, i) - qz
        far = multiply_add(dx, dx, multiply_add(dy, dy, dz * dz))
        near = bits(far <= splat_f64x4(1.0))
        if near == 0:
            continue
        there += count_ones(near)
        w = bell(far, steep)
        a = multiply_add(dx, t0, multiply_add(dy, t1, dz * t2))
        b = multiply_add(dx, t3, multiply_add(dy, t4, dz * t5))
        v = load_f64x4(value, i)
        wa, wb = w * a, w * b
        waa, wab, wbb = wa * a, wa * b, wb * b
        s0, s1, s2 = s0 + w, s1 + wa, s2 + wb
        v0, v1, v2 = multiply_add(w, v, v0), multiply_add(wa, v, v1), multiply_add(wb, v, v2)
        s11, s12, s22 = s11 + waa, s12 + wab, s22 + wbb
        v11, v12, v22 = multiply_add(waa, v, v11), multiply_add(wab, v, v12), multiply_add(wbb, v, v22)
        s111, s112 = multiply_add(waa, a, s111), multiply_add(waa, b, s112)
        s122, s222 = multiply_add(wbb, a, s122), multiply_add(wbb, b, s222)
        ab = a * b
        s1111, s1112 = multiply_add(waa, a * a, s1111), multiply_add(waa, ab, s1112)
        s1122, s1222, s2222 = (
            multiply_add(wab, ab, s1122),
            multiply_add(wbb, ab, s1222),
            multiply_add(wbb, b * b, s2222),
        )
    laid(
        count, moments, reduce_add(s0), reduce_add(s1), reduce_add(s2), reduce_add(s11), reduce_add(s12),
        reduce_add(s22), reduce_add(s111), reduce_add(s112), reduce_add(s122), reduce_add(s222), reduce_add(s1111),
        reduce_add(s1112), reduce_add(s1122), reduce_add(s1222), reduce_add(s2222),
    )  # fmt: skip
    sums[0], sums[1], sums[2] = reduce_add(v0), reduce_add(v1), reduce_add(v2)
    sums[3], sums[4], sums[5] = reduce_add(v11), reduce_add(v12), reduce_add(v22)
    return there


@inlined
def weights_of(dx, dy, dz, far, query, steep, terms):
    """Return the weights of four points at so much from a query, squared `far`: none beyond one."""
    c0, c1, c2 = splat_f64x4(terms[0]), splat_f64x4(terms[1]), splat_f64x4(terms[2])
    c3, c4, c5 = splat_f64x4(terms[3]), splat_f64x4(terms[4]), splat_f64x4(terms[5])
    t0, t1, t2 = splat_f64x4(query[3]), splat_f64x4(query[4]), splat_f64x4(query[5])
    t3, t4, t5 = splat_f64x4(query[6]), splat_f64x4(query[7]), splat_f64x4(query[8])
    a = multiply_add(dx, t0, multiply_add(dy, t1, dz * t2))
    b = multiply_add(dx, t3, multiply_add(dy, t4, dz * t5))
    return bell(far, steep) * (c0 + a * (c1 + a * c3 + b * c4) + b * (c2 + b * c5))


@bare
def squares(found, x, y, z, query, steep, terms):
    """Return the sum of the squared weights of the points around a query."""
    qx, qy, qz = splat_f64x4(query[0]), splat_f64x4(query[1]), splat_f64x4(query[2])
    total = splat_f64x4(0.0)
    for i in range(0, found, 4):
        dx, dy, dz = load_f64x4(x, i) - qx, load_f64x4(y, i) - qy, load_f64x4(z, i) - qz
        far = multiply_add(dx, dx, multiply_add(dy, dy, dz * dz))
        w = weights_of(dx, dy, dz, far, query, steep, terms)
        total = multiply_add(w, w, total)
    return reduce_add(total)


@bare
def placed(place, tangents, grid, reach, cell, query):
    """Fill in the cell of a place, and the query (9,): the place from the middle of its cell, in reaches; tangents."""
    for axis in range(3):
        cell[axis] = math.floor((place[axis] - grid[axis]) / grid[3])
        query[axis] = (place[axis] - (grid[axis] + (cell[axis] + 0.5) * grid[3])) / reach
    for axis in range(6):
        query[3 + axis] = tangents[axis]


@bare
def moved(here, cell):
    """Say whether a cell is another than the last one, and make it that."""
    other = here[0] != cell[0] or here[1] != cell[1] or here[2] != cell[2]
    cell[0], cell[1], cell[2] = here[0], here[1], here[2]
    return other


@bare
def value_of(found, count, moments, sums, inverse, terms):
    """Return the filtered value; terms (6,): what the weights are by the products of x and y."""
    terms[0] = 1.0 / moments[0, 0]
    for k in range(1, TERMS):
        terms[k] = 0.0
    if found > count and count > 1 and first_of_inverse(moments, count, inverse):
        for k in range(count):
            terms[k] = inverse[k]
        if count == 3:  # these are 1, x and xx
            terms[2], terms[3] = 0.0, inverse[2]
    total = 0.0
    for k in range(TERMS):
        total += terms[k] * sums[k]
    return total


@kernel(
    "void(int64[::1], float64[:, ::1], float64[::1], int64[::1], float64[::1], float64[:, ::1], float64[:, ::1],"
    " int64[::1], float64, float64, int64, boolean, float64[:, ::1])"
)
def filter_worker(counter, points, values, starts, grid, queries, tangents, order, reach, steep, count, gains, out):
    """Filter values at queries, those of one cell from what lies around it.

    points, values  (M, 3), (M,) in the order of their cells
    starts     (cells + 1,) the first point of each cell
    grid       (7,) origin, size of a cell, cells along x, y, z
    queries    (Q, 3) places, and tangents (Q, 6) two directions there; (1, 6): the same everywhere
    order      (Q,) in which they come: those of one cell one after another
    reach      weights end there
    steep      the weight at a distance r is exp(-steep (r / reach)^2)
    count      of the polynomials' terms: 1, 3 (along the first tangent) or 6
    gains      whether the sums of squared weights are asked for
    out        (Q, 4) out: filtered value, sum of squared weights (NaN where not asked for), points in reach, and
               the weight that a point at the query has
    """
    n, held = len(queries), np.empty((4, 512))
    moments, inverse, sums = np.empty((TERMS, TERMS)), np.zeros(TERMS), np.empty(TERMS)
    terms, query = np.empty(TERMS), np.empty(9)
    low, high, cell, here = (np.empty(3, np.int64), np.empty(3, np.int64), np.empty(3, np.int64), np.empty(3, np.int64))
    while True:
        piece = take(counter)
        if piece * PIECE >= n:
            break
        around, cell[0] = 0, NOWHERE
        for at in range(piece * PIECE, min(n, (piece + 1) * PIECE)):
            q = order[at]
            placed(queries[q], tangents[min(q, len(tangents) - 1)], grid, reach, here, query)
            if moved(here, cell):
                held, around = surroundings(points, values, starts, grid, cell, reach, low, high, held)
            x, y, z = held[0], held[1], held[2]
            found = summed(around, x, y, z, held[3], query, steep, count, moments, sums)
            out[q, 0], out[q, 1], out[q, 2], out[q, 3] = np.nan, np.nan, found, np.nan
            if found > 0:
                out[q, 0] = value_of(found, count, moments, sums, inverse, terms)
                out[q, 3] = terms[0]
                if gains:
                    out[q, 1] = squares(around, x, y, z, query, steep, terms)


@bare
def in_reach(found, x, y, z, query):
    """Return how many of the points around a query are in reach."""
    one, there = splat_f64x4(1.0), 0
    qx, qy, qz = splat_f64x4(query[0]), splat_f64x4(query[1]), splat_f64x4(query[2])
    for i in range(0, found, 4):
        dx, dy, dz = load_f64x4(x, i) - qx, load_f64x4(y, i) - qy, load_f64x4(z, i) - qz
        there += count_ones(bits(multiply_add(dx, dx, multiply_add(dy, dy, dz * dz)) <= one))
    return there


@bare
def row_of(found, x, y, z, number, query, steep, terms, four, columns, weights):
    """Write the numbers of the points around a query that are in reach, and their weights; four (4,) is overwritten."""
    qx, qy, qz = splat_f64x4(query[0]), splat_f64x4(query[1]), splat_f64x4(query[2])
    at = 0
    for i in range(0, found, 4):
        dx, dy, dz = load_f64x4(x, i) - qx, load_f64x4(y, i) - qy, load_f64x4(z, i) - qz
        far = multiply_add(dx, dx, multiply_add(dy, dy, dz * dz))
        near = bits(far <= splat_f64x4(1.0))
        if near == 0:
            continue
        store(four, 0, weights_of(dx, dy, dz, far, query, steep, terms))
        for lane in range(4):  # those out of reach are written over
            columns[at], weights[at] = np.int32(number[i + lane]), four[lane]
            at += (near >> lane) & 1


@kernel(
    "void(int64[::1], float64[:, ::1], float64[::1], int64[::1], float64[::1], float64[:, ::1], float64[:, ::1],"
    " int64[::1], float64, float64, int64, int64[::1], int32[::1], float64[::1])"
)
def filter_rows_worker(
    counter, points, numbers, starts, grid, queries, tangents, order, reach, steep, count, offsets, columns, weights
):
    """Write the rows of the filter at queries as a sparse matrix; see `filter_worker` for what is not said here.

    numbers           (M,) of the points, to be written as columns
    offsets           (Q + 1,) where each row starts; with columns of length zero, each row's length is written after it
    columns, weights  out
    """
    n, held, room = len(queries), np.empty((4, 512)), 0
    if len(columns) > 0:
        for q in range(n):
            room = max(room, offsets[q + 1] - offsets[q])
    moments, inverse, sums = np.empty((TERMS, TERMS)), np.zeros(TERMS), np.empty(TERMS)
    terms, query, four = np.empty(TERMS), np.empty(9), np.empty(4)
    own, weight = np.empty(room + 1, np.int32), np.empty(room + 1)
    low, high, cell, here = (np.empty(3, np.int64), np.empty(3, np.int64), np.empty(3, np.int64), np.empty(3, np.int64))
    while True:
        piece = take(counter)
        if piece * PIECE >= n:
            break
        around, cell[0] = 0, NOWHERE
        for at in range(piece * PIECE, min(n, (piece + 1) * PIECE)):
            q = order[at]
            placed(queries[q], tangents[min(q, len(tangents) - 1)], grid, reach, here, query)
            if moved(here, cell):
                held, around = surroundings(points, numbers, starts, grid, cell, reach, low, high, held)
            x, y, z, number = held[0], held[1], held[2], held[3]
            if len(columns) == 0:
                offsets[q + 1] = in_reach(around, x, y, z, query)
                continue
            start, end = offsets[q], offsets[q + 1]
            if end > start:
                found = summed(around, x, y, z, number, query, steep, count, moments, sums)
                value_of(found, count, moments, sums, inverse, terms)
                row_of(around, x, y, z, number, query, steep, terms, four, own, weight)
                for i in range(start, end):
                    columns[i], weights[i] = own[i - start], weight[i - start]


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
