# SPDX-License-Identifier: Apache-2.0
"""Small symmetric systems, solved by element-wise arithmetic alone: no BLAS, so the same bits on every CPU."""

from __future__ import annotations

import math

import numpy as np

from visionvalley.core import BadInput
from visionvalley.core.arrays import Floats

SWEEPS = 30  # Jacobi converges quadratically: 6 to 8 are enough for 6 x 6


def cholesky(matrix: Floats) -> Floats:
    """Return the lower triangular L, (n, n), with L Lᵀ = matrix; raises BadInput unless it is positive definite."""
    rest = np.array(matrix, np.float64)
    lower = np.zeros_like(rest)
    for i in range(len(rest)):
        if not rest[i, i] > 0:
            raise BadInput("registration.not_positive_definite", row=i)
        column = rest[i:, i] / math.sqrt(rest[i, i])
        lower[i:, i] = column
        rest[i:, i:] -= column[:, None] * column[None, :]
    return lower


def solve(matrix: Floats, right: Floats) -> Floats:
    """Return x with matrix x = right, for a positive definite (n, n) matrix and a right side (n,) or (n, m)."""
    lower = cholesky(matrix)
    x = np.array(right, np.float64)
    for i in range(len(lower)):
        x[i] /= lower[i, i]
        x[i + 1 :] -= _outer(lower[i + 1 :, i], x[i])
    for i in range(len(lower) - 1, -1, -1):
        x[i] /= lower[i, i]
        x[:i] -= _outer(lower[i, :i], x[i])
    return x


def inverse(matrix: Floats) -> Floats:
    """Return the inverse of a positive definite (n, n) matrix, exactly symmetric."""
    x = solve(matrix, np.eye(len(matrix)))
    return 0.5 * (x + x.T)


def product(*factors: Floats) -> Floats:
    """Return the matrix product, from left to right, of small matrices."""
    result = np.asarray(factors[0], np.float64)
    for factor in factors[1:]:
        total = np.zeros((result.shape[0], factor.shape[1]))
        for k in range(factor.shape[0]):
            total += result[:, k, None] * factor[None, k]
        result = total
    return result


def quadratic(matrix: Floats, x: Floats) -> float:
    """Return xᵀ matrix x."""
    return float((x[:, None] * matrix * x[None, :]).sum())


def eigen(matrix: Floats) -> tuple[Floats, Floats]:
    """Return eigenvalues (n,), ascending, and eigenvectors as columns (n, n), of a symmetric matrix.

    Cyclic Jacobi: Golub & Van Loan 2013, algorithm 8.5.3. The largest part of each vector is positive.
    """
    a = np.array(matrix, np.float64)
    vectors = np.eye(len(a))
    for _ in range(SWEEPS):
        off = float((np.tril(a, -1) ** 2).sum())
        if off <= 1e-32 * float((a * a).sum()):
            break
        for p in range(len(a) - 1):
            for q in range(p + 1, len(a)):
                _rotate(a, vectors, p, q)
    values = np.diag(a).copy()
    order = np.argsort(values, kind="stable")
    vectors = vectors[:, order]
    signs = np.sign(vectors[np.argmax(np.abs(vectors), axis=0), np.arange(len(a))])
    return values[order], vectors * np.where(signs == 0, 1.0, signs)


def _outer(column: Floats, row: Floats | float) -> Floats:
    return column * row if np.ndim(row) == 0 else column[:, None] * np.asarray(row)[None, :]


def _rotate(a: Floats, vectors: Floats, p: int, q: int) -> None:
    if a[p, q] == 0.0:
        return
    apart = float(a[q, q] - a[p, p])
    if abs(apart) > 1e18 * abs(float(a[p, q])):
        t = float(a[p, q]) / apart
    else:
        tau = apart / (2.0 * float(a[p, q]))
        t = math.copysign(1.0, tau) / (abs(tau) + math.sqrt(1.0 + tau * tau))
    c = 1.0 / math.sqrt(1.0 + t * t)
    s = t * c
    for m in (a, a.T, vectors):  # columns of a, rows of a, columns of the vectors
        at_p, at_q = m[:, p].copy(), m[:, q].copy()
        m[:, p], m[:, q] = c * at_p - s * at_q, s * at_p + c * at_q
