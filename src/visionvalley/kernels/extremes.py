# SPDX-License-Identifier: Apache-2.0
"""The step that makes the largest of several linear functions least: a small quadratic program."""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import bare, kernel

MOST = 400  # changes of the active set


@bare
def eliminate(a, n, width):
    """Solve n equations in place, their right sides in the columns from n to width; False where singular."""
    largest = 0.0
    for r in range(n):
        for c in range(n):
            largest = max(largest, abs(a[r, c]))
    for c in range(n):
        best = c
        for r in range(c + 1, n):
            if abs(a[r, c]) > abs(a[best, c]):
                best = r
        if abs(a[best, c]) <= 1e-15 * largest:
            return False
        if best != c:
            for k in range(c, width):
                a[c, k], a[best, k] = a[best, k], a[c, k]
        for r in range(n):
            if r != c and a[r, c] != 0.0:
                by = a[r, c] / a[c, c]
                for k in range(c, width):
                    a[r, k] -= by * a[c, k]
    for r in range(n):
        for k in range(n, width):
            a[r, k] /= a[r, r]
    return True


@bare
def conditions(second, rows, active, count, a):
    """Fill in the matrix of the optimality conditions: step (k), level (1), multipliers (count)."""
    k = second.shape[0]
    n = k + 1 + count
    for r in range(n):
        for c in range(n):
            a[r, c] = 0.0
    for r in range(k):
        for c in range(k):
            a[r, c] = second[r, c]
    for j in range(count):
        for c in range(k):
            a[c, k + 1 + j] = a[k + 1 + j, c] = rows[active[j], c]
        a[k, k + 1 + j] = a[k + 1 + j, k] = -1.0
    return n


@kernel("int64(float64[::1], float64[:, ::1], float64[:, ::1], float64[::1], float64[::1])")
def least_largest(values, rows, second, step, multipliers):
    """Find the step d that makes max(values + rows d) + d' second d / 2 least; return the changes made, or -1.

    values (n,), rows (n, k), second (k, k) positive definite; step (k + 1,) out: d, then the level reached;
    multipliers (n,) out. Dual active set: Goldfarb & Idnani 1983.
    """
    n, k = rows.shape
    active, weights = np.zeros(k + 2, np.int64), np.zeros(k + 2)
    a = np.zeros((2 * k + 4, 2 * k + 5))
    first = 0
    for i in range(n):
        if values[i] > values[first]:
            first = i
    active[0], weights[0], count = first, 1.0, 1
    size = conditions(second, rows, active, 0, a) - 1
    for r in range(k):
        a[r, size] = -rows[first, r]
    if not eliminate(a, size, size + 1):
        return -1
    step[k] = values[first]
    for r in range(k):
        step[r] = a[r, size]
        step[k] += step[r] * rows[first, r]
    for changes in range(MOST):
        worst, over = -1, 0.0
        scale = abs(step[k]) + abs(values[first])
        for i in range(n):
            value = values[i] - step[k]
            for c in range(k):
                value += rows[i, c] * step[c]
            if value > over:
                worst, over = i, value
        if worst < 0 or over <= 1e-14 * scale:
            for j in range(count):
                multipliers[active[j]] = weights[j]
            return changes
        count = enter(second, rows, active, weights, count, worst, over, step, a)
        if count < 0:
            return -1
    return -1


@bare
def enter(second, rows, active, weights, count, worst, over, step, a):
    """Take a function into the active set, others leave as their multipliers vanish; return the count, or -1."""
    k = second.shape[0]
    mine = 0.0
    for _ in range(2 * k + 4):
        size = conditions(second, rows, active, count, a)
        for c in range(k):
            a[c, size] = -rows[worst, c]
        a[k, size] = 1.0
        for j in range(count):
            a[k + 1 + j, size] = 0.0
        if not eliminate(a, size, size + 1):
            return -1
        rate = -a[k, size]
        for c in range(k):
            rate += rows[worst, c] * a[c, size]
        length, leaving = np.inf, -1
        if rate < -1e-13:
            length = -over / rate
        for j in range(count):
            change = a[k + 1 + j, size]
            if change < 0.0 and -weights[j] / change < length:
                length, leaving = -weights[j] / change, j
        if length == np.inf:
            return -1
        for c in range(k + 1):
            step[c] += length * a[c, size]
        over += length * rate
        mine += length
        for j in range(count):
            weights[j] = max(weights[j] + length * a[k + 1 + j, size], 0.0)
        if leaving < 0:
            active[count], weights[count] = worst, mine
            return count + 1
        for j in range(leaving, count - 1):
            active[j], weights[j] = active[j + 1], weights[j + 1]
        count -= 1
    return -1


@kernel("boolean(float64[:, ::1])")
def solve(a):
    """Solve n equations in place, (n, n + m) with their right sides; False where singular."""
    return eliminate(a, a.shape[0], a.shape[1])
