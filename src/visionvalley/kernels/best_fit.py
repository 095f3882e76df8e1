# SPDX-License-Identifier: Apache-2.0
"""Sums that fit points to a surface, and means over neighbours."""

import numpy as np

from visionvalley.kernels.compilation import kernel
from visionvalley.kernels.simd import take

PIECE = 4096
SUMS = 28  # upper triangle of J'WJ (21), J'Wr (6), r'Wr (1)


@kernel("void(int64[::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[::1], float64[:, ::1])")
def normal_equations(counter, arms, gradients, residuals_weights, centre, partial):
    """Add up the normal equations of signed distances, a row of `partial` a piece.

    arms               (N, 3) points
    gradients          (N, 3) direction in which the signed distance of each point grows
    residuals_weights  (N, 2) signed distance and weight; weight 0 leaves a point out
    centre             (3,) the point about which rotations turn
    partial            (pieces, 28) out; the unknowns are a rotation and a shift (left perturbation)
    """
    n = arms.shape[0]
    row = np.empty(6)
    while True:
        piece = take(counter)
        if piece * PIECE >= n:
            break
        sums = partial[piece]
        sums[:] = 0.0
        for i in range(piece * PIECE, min(n, (piece + 1) * PIECE)):
            weight = residuals_weights[i, 1]
            if weight == 0.0:
                continue
            residual = residuals_weights[i, 0]
            x, y, z = arms[i, 0] - centre[0], arms[i, 1] - centre[1], arms[i, 2] - centre[2]
            gx, gy, gz = gradients[i, 0], gradients[i, 1], gradients[i, 2]
            row[0], row[1], row[2] = y * gz - z * gy, z * gx - x * gz, x * gy - y * gx
            row[3], row[4], row[5] = gx, gy, gz
            at = 0
            for a in range(6):
                scaled = weight * row[a]
                for b in range(a, 6):
                    sums[at] += scaled * row[b]
                    at += 1
                sums[21 + a] += scaled * residual
            sums[27] += weight * residual * residual


@kernel("void(int64[::1], int32[:, ::1], float64[::1], float64[::1])")
def neighbour_mean(counter, neighbours, values, means):
    """Average the values of each point's neighbours.

    neighbours  (N, k) indices, negative: none
    values      (N,) NaN: none
    means       (N,) out; NaN where no neighbour has a value
    """
    n, k = neighbours.shape
    while True:
        piece = take(counter)
        if piece * PIECE >= n:
            break
        for i in range(piece * PIECE, min(n, (piece + 1) * PIECE)):
            total, count = 0.0, 0
            for j in range(k):
                other = neighbours[i, j]
                if other >= 0 and not np.isnan(values[other]):
                    total += values[other]
                    count += 1
            means[i] = total / count if count else np.nan
