# SPDX-License-Identifier: Apache-2.0
"""Algebraic cylinders and cones about many directions."""

from __future__ import annotations

import math

import numpy as np

from visionvalley.kernels.compilation import inner, kernel
from visionvalley.kernels.simd import take
from visionvalley.kernels.symmetric import diagonalise


@inner
def across(w, u, v):
    """Fill in unit directions u, v at right angles to w, so that u, v, w is right-handed."""
    least = 0
    for k in range(1, 3):
        if abs(w[k]) < abs(w[least]):
            least = k
    a, b = (least + 1) % 3, (least + 2) % 3
    size = math.sqrt(w[a] * w[a] + w[b] * w[b])
    u[least], u[a], u[b] = 0.0, w[b] / size, -w[a] / size
    v[0], v[1], v[2] = w[1] * u[2] - w[2] * u[1], w[2] * u[0] - w[0] * u[2], w[0] * u[1] - w[1] * u[0]


@kernel("void(int64[::1], float64[:, ::1], float64[:, ::1], float64[:, ::1])")
def axis_worker(counter, points, directions, found):
    """Fit algebraic cylinders and cones about given directions: found (D, 10).

    points  (M, 3) about their mean, of unit extent
    found   of the cylinder: mean squared distance, u and v of the centre, radius (Taubin 1991); of the cone
            x^2 + y^2 = 2 a x + 2 b y + k0 + k1 z + k2 z^2: the same (radius^2 at z = 0), k1, k2
    """
    n = len(points)
    u, v, column = np.zeros(3), np.zeros(3), np.zeros(5)
    gram, a, vectors = np.zeros((5, 5)), np.zeros((3, 3)), np.zeros((3, 3))
    while True:
        i = take(counter)
        if i >= len(directions):
            return
        w = directions[i]
        across(w, u, v)
        mean = np.zeros(5)
        gram[:] = 0.0
        for p in range(n):
            x = points[p, 0] * u[0] + points[p, 1] * u[1] + points[p, 2] * u[2]
            y = points[p, 0] * v[0] + points[p, 1] * v[1] + points[p, 2] * v[2]
            z = points[p, 0] * w[0] + points[p, 1] * w[1] + points[p, 2] * w[2]
            column[0], column[1], column[2], column[3], column[4] = x * x + y * y, x, y, z, z * z
            for r in range(5):
                mean[r] += column[r] / n
                for c in range(5):
                    gram[r, c] += column[r] * column[c] / n
        for r in range(5):
            for c in range(5):
                gram[r, c] -= mean[r] * mean[c]
        taubin(gram, mean, a, vectors, found[i])
        quadratic_cone(gram, mean, found[i])


@inner
def taubin(gram, mean, a, vectors, found):
    """Fit a circle to centred moments of (x^2 + y^2, x, y)."""
    spread = 2.0 * math.sqrt(mean[0])
    for r in range(3):
        for c in range(3):
            a[r, c] = gram[r, c] / ((spread if r == 0 else 1.0) * (spread if c == 0 else 1.0))
    diagonalise(a, vectors)
    least = 0
    for k in range(1, 3):
        if a[k, k] < a[least, least]:
            least = k
    bent = vectors[0, least] / spread
    found[0] = max(a[least, least], 0.0)
    if abs(bent) < 1e-9:
        found[0] = np.inf
        return
    found[1], found[2] = -0.5 * vectors[1, least] / bent, -0.5 * vectors[2, least] / bent
    found[3] = math.sqrt(found[1] * found[1] + found[2] * found[2] + mean[0])


@inner
def quadratic_cone(gram, mean, found):
    """Fit x^2 + y^2 by x, y, z, z^2 and a constant: Gauss elimination of centred moments."""
    m = np.zeros((4, 5))
    for r in range(4):
        for c in range(4):
            m[r, c] = gram[r + 1, c + 1]
        m[r, r] *= 1.0 + 1e-12
        m[r, r] += 1e-14
        m[r, 4] = gram[r + 1, 0]
    for r in range(4):
        for other in range(4):
            if other != r:
                by = m[other, r] / m[r, r]
                for c in range(r, 5):
                    m[other, c] -= by * m[r, c]
    left = gram[0, 0]
    constant = mean[0]
    for r in range(4):
        m[r, 4] /= m[r, r]
        left -= m[r, 4] * gram[0, r + 1]
        constant -= m[r, 4] * mean[r + 1]
    ca, cb, k1, k2 = 0.5 * m[0, 4], 0.5 * m[1, 4], m[2, 4], m[3, 4]
    slope = 4.0 * (mean[0] + ca * ca + cb * cb) + k1 * k1 + 4.0 * k1 * k2 * mean[3] + 4.0 * k2 * k2 * mean[4]
    found[4] = max(left, 0.0) / max(slope, 1e-12)
    found[5], found[6], found[7], found[8], found[9] = ca, cb, constant + ca * ca + cb * cb, k1, k2
