# SPDX-License-Identifier: Apache-2.0
"""Least largest deviations (Chebyshev) of many fields over the same rows, and sums over sparse rows."""

import numpy as np

from visionvalley.kernels.compilation import inner, kernel
from visionvalley.kernels.simd import take

PIECE = 8  # fields that one worker takes at a time
ROWS = 512
STEPS = 60


@inner
def inverted(rows, basis, binv):
    """Fill binv (n, n) with the inverse of the basis: a column is (sign times a row, 1); basis holds sign * (row + 1)."""
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
def levelled(field, rows, basis, binv, rest):
    """Return the least largest absolute deviation of a field (M,) from combinations of rows (k, M).

    The dual of Chebyshev's problem by the simplex method: a basis of k + 1 signed rows that is feasible for one
    field is so for every field over the same rows, so it goes on from the last one (Stiefel 1959; Osborne and
    Watson 1967).
    """
    n = len(basis)
    y, x, w = np.zeros(n), np.zeros(n), np.zeros(n)
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


@kernel(
    "void(int64[::1], float64[:, ::1], float64[::1], float64, float64[:, ::1], int64[::1], float64[::1], int64[:, ::1])"
)
def levelled_worker(counter, fields, shape, size, rows, start, values, bases):
    """Find the least largest absolute deviation of size * shape + each field from combinations of rows.

    fields  (B, M)
    shape   (M,)
    rows    (k, M) linearly independent
    start   (k + 1,) a feasible basis, see `first_basis`
    values  (B,) out
    bases   (B, k + 1) out: the rows, signed and counted from one, that decide
    """
    count, m = fields.shape
    binv, field, rest = np.empty((len(start), len(start))), np.empty(m), np.empty(m)
    while True:
        piece = take(counter)
        if piece * PIECE >= count:
            break
        basis = start.copy()
        for b in range(piece * PIECE, min(count, (piece + 1) * PIECE)):
            for i in range(m):
                field[i] = size * shape[i] + fields[b, i]
            values[b] = levelled(field, rows, basis, binv, rest)
            bases[b] = basis


@kernel("void(float64[:, ::1], int64[::1])")
def first_basis(rows, basis):
    """Find a feasible basis (k + 1,) over rows (k, M): k independent columns, one more, and the signs of their relation."""
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
