# SPDX-License-Identifier: Apache-2.0
"""Least largest deviations (Chebyshev) of many fields over the same rows, sparse rows, and factors of fields."""

import math

import numpy as np

from visionvalley.kernels.compilation import inner, kernel
from visionvalley.kernels.filters import TERMS, falling, gathered, weigh
from visionvalley.kernels.simd import take

PIECE = 8  # fields that one worker takes at a time
ROWS = 512
STEPS = 60
SHARE = 0.45  # of the largest deviation: rows beyond it are settled first


@inner
def inverted(rows, basis, binv):
    """Fill binv (n, n) with the inverse of the basis: columns (sign times a row, 1), held as sign * (row + 1)."""
    n = len(basis)
    work = np.zeros((n, 2 * n))
    for j in range(n):
        sign = 1.0 if basis[j] > 0 else -1.0
        row = abs(basis[j]) - 1
        for a in range(n - 1):
            work[a, j] = sign * rows[a, row]
        work[n - 1, j] = 1.0
        work[j, n + j] = 1.0
    for a in range(n):
        best = a
        for b in range(a + 1, n):
            if abs(work[b, a]) > abs(work[best, a]):
                best = b
        for c in range(2 * n):
            work[a, c], work[best, c] = work[best, c], work[a, c]
        pivot = work[a, a]
        for c in range(2 * n):
            work[a, c] /= pivot
        for b in range(n):
            if b != a and work[b, a] != 0.0:
                factor = work[b, a]
                for c in range(2 * n):
                    work[b, c] -= factor * work[a, c]
    for a in range(n):
        for c in range(n):
            binv[a, c] = work[a, n + c]


@inner
def farthest(field, rows, y, rest):
    """Return the row of the largest absolute residual of field - rows' y; rest (M,) takes the residuals."""
    m, k = len(field), rows.shape[0]
    for i in range(m):
        rest[i] = field[i]
    for a in range(k):
        for i in range(m):
            rest[i] -= y[a] * rows[a, i]
    best, size = 0, -1.0
    for i in range(m):
        if abs(rest[i]) > size:
            best, size = i, abs(rest[i])
    return best


@inner
def rest_of(field, rows, y, rest):
    """Return the largest residual, see `farthest`."""
    return rest[farthest(field, rows, y, rest)]


@inner
def levelled(field, rows, basis, binv, rest, y):
    """Return the least largest absolute deviation of a field (M,) from combinations of rows (k, M).

    The dual of Chebyshev's problem by the simplex method: a basis of k + 1 signed rows that is feasible for one
    field is so for every field over the same rows, so it goes on from the last one (Stiefel 1959; Osborne and
    Watson 1967).
    """
    n = len(basis)
    x, w = np.zeros(n), np.zeros(n)
    inverted(rows, basis, binv)
    for _step in range(STEPS):
        for a in range(n):
            y[a], x[a] = 0.0, binv[a, n - 1]
        for j in range(n):
            cost = field[abs(basis[j]) - 1] * (1.0 if basis[j] > 0 else -1.0)
            for a in range(n):
                y[a] += cost * binv[j, a]
        i = farthest(field, rows, y, rest)
        sign = 1.0 if rest[i] > 0 else -1.0
        if abs(rest[i]) <= y[n - 1] * (1.0 + 1e-9) + 1e-300:
            break
        leaving, ratio = -1, np.inf
        for j in range(n):
            w[j] = binv[j, n - 1]
            for a in range(n - 1):
                w[j] += binv[j, a] * sign * rows[a, i]
            if w[j] > 1e-11 and x[j] < ratio * w[j]:
                leaving, ratio = j, max(x[j], 0.0) / w[j]
        if leaving < 0:
            break
        for a in range(n):
            binv[leaving, a] /= w[leaving]
        for j in range(n):
            if j != leaving:
                for a in range(n):
                    binv[j, a] -= w[j] * binv[leaving, a]
        basis[leaving] = np.int64(sign) * (i + 1)
    return abs(rest[farthest(field, rows, y, rest)])


@inner
def chosen(field, lift, basis, places):
    """Fill in the rows that may decide: those of the basis, and those far from the lift; return how many."""
    m = len(field)
    largest = 0.0
    for i in range(m):
        largest = max(largest, abs(field[i] - lift))
    count = len(basis)
    for j in range(count):
        places[j] = abs(basis[j]) - 1
    for i in range(m):
        if abs(field[i] - lift) > SHARE * largest:
            places[count] = i
            count += 1
    return count


@kernel("void(int64[::1], float64[:, ::1], float64[::1], float64[::1], float64[:, ::1], float64[::1], int64[:, ::1])")
def levelled_worker(counter, fields, shape, sums, rows, values, bases):
    """Find the least largest absolute deviation of combinations of a shape and fields from combinations of rows.

    Rows that deviate much are settled first; the rest is looked at once, and joins only where it decides.

    fields  (B, M)
    shape   (M,)
    sums    (3,) size, sign and lift: the deviations are size * shape + sign * field + lift
    rows    (k, M) linearly independent
    values  (B,) out
    bases   (B, k + 1) in: feasible bases, see `first_basis`; out: the rows, signed and counted from one, that decide
    """
    count, m = fields.shape
    n = bases.shape[1]
    size, sign, lift = sums[0], sums[1], sums[2]
    binv, field, rest, y = np.empty((n, n)), np.empty(m), np.empty(m), np.empty(n)
    places, few, some = np.empty(m + n, np.int64), np.empty(m + n), np.empty((n - 1, m + n))
    while True:
        piece = take(counter)
        if piece * PIECE >= count:
            break
        for b in range(piece * PIECE, min(count, (piece + 1) * PIECE)):
            for i in range(m):
                field[i] = size * shape[i] + sign * fields[b, i] + lift
            basis = bases[b]
            found = chosen(field, lift, basis, places)
            for i in range(found):
                few[i] = field[places[i]]
                for a in range(n - 1):
                    some[a, i] = rows[a, places[i]]
            for j in range(n):
                basis[j] = (j + 1) if basis[j] > 0 else -(j + 1)
            level = levelled(few[:found], some[:, :found], basis, binv, rest[:found], y)
            for j in range(n):
                basis[j] = places[basis[j] - 1] + 1 if basis[j] > 0 else -(places[-basis[j] - 1] + 1)
            if abs(rest_of(field, rows, y, rest)) > level * (1.0 + 1e-9) + 1e-300:
                level = levelled(field, rows, basis, binv, rest, y)
            values[b] = level


@kernel("void(float64[:, ::1], int64[::1])")
def first_basis(rows, basis):
    """Find a feasible basis (k + 1,) over rows (k, M): k independent columns, one more, the signs of their relation."""
    k, m = rows.shape
    left = rows.copy()
    taken = np.zeros(m, np.bool_)
    for step in range(k + 1):
        best, size = -1, -1.0
        for i in range(m):
            if not taken[i]:
                total = 0.0
                for a in range(k):
                    total += left[a, i] * left[a, i]
                if total > size:
                    best, size = i, total
        basis[step] = best + 1
        taken[best] = True
        if step < k and size > 0:
            unit = left[:, best].copy() / np.sqrt(size)
            for i in range(m):
                along = 0.0
                for a in range(k):
                    along += unit[a] * left[a, i]
                for a in range(k):
                    left[a, i] -= along * unit[a]
    binv = np.empty((k + 1, k + 1))
    inverted(rows, basis, binv)
    for j in range(k + 1):
        if binv[j, k] < 0:
            basis[j] = -basis[j]


@kernel("void(int64[::1], int64[::1], int32[::1], float64[::1], float64[:, ::1], float64[:, ::1])")
def sparse_worker(counter, starts, columns, weights, values, out):
    """Multiply a sparse matrix (rows M) with the columns of values (N, B), to out (M, B)."""
    m, width = out.shape
    while True:
        piece = take(counter)
        if piece * ROWS >= m:
            break
        for i in range(piece * ROWS, min(m, (piece + 1) * ROWS)):
            for b in range(width):
                out[i, b] = 0.0
            for at in range(starts[i], starts[i + 1]):
                weight, j = weights[at], columns[at]
                for b in range(width):
                    out[i, b] += weight * values[j, b]


@kernel("void(int64[::1], float64[:, ::1], float64[:, ::1], float64[:, ::1])")
def product_worker(counter, left, right, out):
    """Multiply left (N, r) with right (r, B), to out (N, B)."""
    n, r = left.shape
    width = right.shape[1]
    while True:
        piece = take(counter)
        if piece * ROWS >= n:
            break
        for i in range(piece * ROWS, min(n, (piece + 1) * ROWS)):
            for b in range(width):
                out[i, b] = 0.0
            for j in range(r):
                weight = left[i, j]
                if weight != 0.0:
                    for b in range(width):
                        out[i, b] += weight * right[j, b]


@kernel(
    "void(int64[::1], float64[:, ::1], int64[::1], float64[::1], float64[:, ::1], float64, float64, int64,"
    " int64[::1], int32[::1], float64[::1])"
)
def filter_rows_worker(counter, points, starts, grid, queries, reach, steep, count, offsets, columns, values):
    """Write the rows of the filter of `kernels.filters` at queries (Q, 9) as a sparse matrix.

    offsets          (Q + 1,) where each row starts; with columns of length zero, each row's length is written after it
    columns, values  out
    """
    n, room = len(queries), 256
    moments, inverse = np.empty((TERMS, TERMS)), np.zeros(TERMS)
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    which, x, y = np.empty(room, np.int64), np.empty(room), np.empty(room)
    squared, weight = np.empty(room), np.empty(room)
    while True:
        piece = take(counter)
        if piece * ROWS >= n:
            break
        for q in range(piece * ROWS, min(n, (piece + 1) * ROWS)):
            found = gathered(points, starts, grid, queries[q], reach, low, high, which, x, y, squared)
            if len(columns) == 0:
                offsets[q + 1] = found
                continue
            if found > room:
                room = 2 * found
                which, x, y = np.empty(room, np.int64), np.empty(room), np.empty(room)
                squared, weight = np.empty(room), np.empty(room)
                gathered(points, starts, grid, queries[q], reach, low, high, which, x, y, squared)
            weigh(found, x, y, squared, steep, count, moments, inverse, weight)
            for i in range(found):
                columns[offsets[q] + i] = which[i]
                values[offsets[q] + i] = weight[i]


@kernel("int64(float64[:, ::1], float64, float64, float64[:, ::1], float64[::1])")
def field_factor(points, length, stop, factor, rest):
    """Factor the correlation exp(-(r / length)²) of points (N, 3) by Cholesky with pivots; return the rank.

    stop    ends where what is left of the variance, a point, is less
    factor  (N, R) out; rest (N,) out: what is left of the variance of one
    """
    n, most = factor.shape
    for i in range(n):
        rest[i] = 1.0
    for r in range(most):
        best, total = 0, 0.0
        for i in range(n):
            total += rest[i]
            if rest[i] > rest[best]:
                best = i
        if total < stop * n:
            return r
        pivot = math.sqrt(rest[best])
        for i in range(n):
            dx, dy, dz = (
                (points[i, 0] - points[best, 0]),
                (points[i, 1] - points[best, 1]),
                (points[i, 2] - points[best, 2]),
            )
            far = (dx * dx + dy * dy + dz * dz) / (length * length)
            value = 0.0
            if far < 40.0:
                value = falling(far / 8.0)
                value = value * value
                value = value * value
                value = value * value
            for j in range(r):
                value -= factor[i, j] * factor[best, j]
            factor[i, r] = value / pivot
            rest[i] = max(rest[i] - factor[i, r] * factor[i, r], 0.0)
        rest[best] = 0.0
    return most
