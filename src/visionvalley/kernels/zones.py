# SPDX-License-Identifier: Apache-2.0
"""The least largest value of many linear functions: a dual simplex over few unknowns."""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import bare, kernel

OPTIMAL, INFEASIBLE, TIRED = 0, 1, 2


@bare
def reduce_to(matrix, right):
    """Solve matrix x = right in place by Gaussian elimination with pivoting; say whether it could be done."""
    n = len(right)
    for i in range(n):
        best = i
        for j in range(i + 1, n):
            if abs(matrix[j, i]) > abs(matrix[best, i]):
                best = j
        if not abs(matrix[best, i]) > 1e-14:
            return False
        if best != i:
            for c in range(n):
                held = matrix[i, c]
                matrix[i, c] = matrix[best, c]
                matrix[best, c] = held
            held = right[i]
            right[i] = right[best]
            right[best] = held
        for j in range(i + 1, n):
            factor = matrix[j, i] / matrix[i, i]
            if factor != 0.0:
                for c in range(i, n):
                    matrix[j, c] -= factor * matrix[i, c]
                right[j] -= factor * right[i]
    for i in range(n - 1, -1, -1):
        total = right[i]
        for c in range(i + 1, n):
            total -= matrix[i, c] * right[c]
        right[i] = total / matrix[i, i]
    return True


@bare
def constraint(which, rows, values, share, bound, left):
    """Fill in the left side (k + 1,) of constraint `which`; return its right side.

    which  2 j and 2 j + 1: the upper and the lower side of row j; negative: the bounds of unknown (-1 - which) // 2
    """
    k = rows.shape[1]
    if which < 0:
        at = (-1 - which) // 2
        for c in range(k + 1):
            left[c] = 0.0
        left[at] = 1.0 if (-1 - which) % 2 == 0 else -1.0
        return bound[at]
    j = which // 2
    sign = 1.0 if which % 2 == 0 else -1.0
    for c in range(k):
        left[c] = sign * rows[j, c]
    left[k] = -share[j]
    return -sign * values[j]


@bare
def most_violated(rows, values, sides, share, z):
    """Return the constraint that z violates most, and by how much."""
    count, k = rows.shape
    worst, which = 0.0, -1
    for j in range(count):
        there = values[j]
        for c in range(k):
            there += rows[j, c] * z[c]
        limit = share[j] * z[k]
        if sides[j] >= 0 and there - limit > worst:
            worst, which = there - limit, 2 * j
        if sides[j] <= 0 and -there - limit > worst:
            worst, which = -there - limit, 2 * j + 1
    return which, worst


@kernel(
    "int64(float64[:, ::1], float64[::1], int64[::1], float64[::1], float64[::1], float64,"
    " float64[::1], int64[::1], float64[::1])"
)
def least_largest(rows, values, sides, share, bound, slight, z, active, multipliers):
    """Minimise h so that sign (values + rows x) <= share h, for |x| <= bound (k,).

    rows, values  (N, k), (N,)
    sides         (N,) 1: only the upper side counts, -1: only the lower, 0: both
    share         (N,) what part of h a row is allowed; 0: it must not exceed zero at all
    slight        violations that do not count
    z             (k + 1,) out: x and h
    active, multipliers  (k + 1,) out: the constraints that decide (see `constraint`), and how h answers to them
    """
    count, k = rows.shape
    n = k + 1
    matrix, right = np.empty((n, n)), np.empty(n)
    left, work, entering = np.empty(n), np.empty((n, n)), np.empty(n)
    first, largest = -1, -np.inf
    for j in range(count):
        if share[j] > 0.0:
            if sides[j] >= 0 and values[j] / share[j] > largest:
                largest, first = values[j] / share[j], 2 * j
            if sides[j] <= 0 and -values[j] / share[j] > largest:
                largest, first = -values[j] / share[j], 2 * j + 1
    constraint(first, rows, values, share, bound, left)
    active[k] = first
    for c in range(k):
        active[c] = -1 - (2 * c + (1 if left[c] > 0.0 else 0))
    for _ in range(200 + 50 * n):
        for a in range(n):
            right[a] = constraint(active[a], rows, values, share, bound, left)
            for c in range(n):
                matrix[a, c] = left[c]
        for a in range(n):
            z[a] = right[a]
            for c in range(n):
                work[a, c] = matrix[a, c]
        if not reduce_to(work, z):
            return TIRED
        for a in range(n):  # the multipliers: matrix' m = (0 .. 0, -1)
            multipliers[a] = -1.0 if a == k else 0.0
            for c in range(n):
                work[a, c] = matrix[c, a]
        reduce_to(work, multipliers)
        which, worst = most_violated(rows, values, sides, share, z)
        for c in range(k):
            over = abs(z[c]) - bound[c]
            if over > max(worst, 1e-9 * bound[c]):
                which, worst = -1 - (2 * c + (0 if z[c] > 0.0 else 1)), over
        if not worst > slight:
            return OPTIMAL
        constraint(which, rows, values, share, bound, left)
        for a in range(n):
            entering[a] = left[a]
            for c in range(n):
                work[a, c] = matrix[c, a]
        reduce_to(work, entering)  # the entering constraint as a mix of the active ones
        leaving, ratio = -1, np.inf
        for a in range(n):
            if entering[a] > 1e-11:
                here = max(multipliers[a], 0.0) / entering[a]
                if here < ratio:
                    leaving, ratio = a, here
        if leaving < 0:
            return INFEASIBLE
        active[leaving] = which
    return TIRED
