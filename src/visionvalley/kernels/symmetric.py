# SPDX-License-Identifier: Apache-2.0
"""Eigenvectors of small symmetric matrices."""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import inner, kernel

SWEEPS = 30  # convergence is quadratic: 6 to 8 are enough for 6 x 6


@inner
def rotate(a, v, p, q):
    """One rotation of the symmetric (n, n) a that clears a[p, q]; v collects the vectors as columns."""
    if a[p, q] == 0.0:
        return
    apart = a[q, q] - a[p, p]
    if abs(apart) > 1e18 * abs(a[p, q]):
        t = a[p, q] / apart
    else:
        tau = 0.5 * apart / a[p, q]
        t = 1.0 / (abs(tau) + np.sqrt(1.0 + tau * tau))
        t = -t if tau < 0 else t
    c = 1.0 / np.sqrt(1.0 + t * t)
    s = t * c
    n = a.shape[0]
    for k in range(n):
        x, y = a[k, p], a[k, q]
        a[k, p], a[k, q] = c * x - s * y, s * x + c * y
    for k in range(n):
        x, y = a[p, k], a[q, k]
        a[p, k], a[q, k] = c * x - s * y, s * x + c * y
    for k in range(n):
        x, y = v[k, p], v[k, q]
        v[k, p], v[k, q] = c * x - s * y, s * x + c * y


@inner
def diagonalise(a, v):
    """Turn the symmetric a into its eigenvalues, on the diagonal, and v into the vectors, as columns.

    Cyclic Jacobi: Golub & Van Loan 2013, algorithm 8.5.3.
    """
    n = a.shape[0]
    for i in range(n):
        for j in range(n):
            v[i, j] = 1.0 if i == j else 0.0
    for _sweep in range(SWEEPS):
        off, whole = 0.0, 0.0
        for i in range(n):
            whole += a[i, i] * a[i, i]
            for j in range(i):
                off += a[i, j] * a[i, j]
        if not off > 1e-32 * whole:
            break
        for p in range(n - 1):
            for q in range(p + 1, n):
                rotate(a, v, p, q)


@kernel("void(float64[:, ::1], float64[:, ::1])")
def eigen(a, v):
    """Eigenvalues and vectors of one symmetric (n, n) matrix; a is overwritten, see diagonalise."""
    diagonalise(a, v)
