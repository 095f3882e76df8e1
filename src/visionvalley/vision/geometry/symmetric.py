# SPDX-License-Identifier: Apache-2.0
"""Small symmetric systems, without BLAS: by element-wise arithmetic, the same bits on every CPU."""

from __future__ import annotations

import math

import numpy as np

from visionvalley.core import BadInput
from visionvalley.core.arrays import Floats
from visionvalley.kernels import symmetric as kernels

AT_ONCE = 1000  # multiplications of a matrix product that are one array


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
        if len(result) * factor.size <= AT_ONCE:
            result = (result[:, :, None] * factor[None]).sum(axis=1)
            continue
        total = np.zeros((result.shape[0], factor.shape[1]))
        for k in range(factor.shape[0]):
            total += result[:, k, None] * factor[None, k]
        result = total
    return result


def gram(rows: Floats, others: Floats | None = None) -> Floats:
    """Return the sum (n, m) of the outer products of rows (N, n) with others (N, m), or with themselves."""
    columns = np.ascontiguousarray(rows.T)
    if others is not None:
        return np.array([[float((a * b).sum()) for b in np.ascontiguousarray(others.T)] for a in columns])
    out = np.zeros((len(columns), len(columns)))
    for i, a in enumerate(columns):
        for j in range(i + 1):
            out[i, j] = out[j, i] = float((a * columns[j]).sum())
    return out


def quadratic(matrix: Floats, x: Floats) -> float:
    """Return xᵀ matrix x."""
    return float((x[:, None] * matrix * x[None, :]).sum())


def eigen(matrix: Floats) -> tuple[Floats, Floats]:
    """Return eigenvalues (n,), ascending, and eigenvectors as columns (n, n), of a symmetric matrix.

    The largest part of each vector is positive.
    """
    a = np.array(matrix, np.float64, order="C")
    vectors = np.zeros_like(a)
    kernels.eigen(a, vectors)
    values = np.diag(a).copy()
    order = np.argsort(values, kind="stable")
    vectors = vectors[:, order]
    signs = np.sign(vectors[np.argmax(np.abs(vectors), axis=0), np.arange(len(a))])
    return values[order], vectors * np.where(signs == 0, 1.0, signs)


def _outer(column: Floats, row: Floats | float) -> Floats:
    return column * row if np.ndim(row) == 0 else column[:, None] * np.asarray(row)[None, :]
