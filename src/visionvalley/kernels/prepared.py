# SPDX-License-Identifier: Apache-2.0
"""Bring the points that are moved into the order and the form in which registration takes them."""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import kernel
from visionvalley.kernels.simd import take

PIECE = 1 << 12  # rows


@kernel(
    "void(int64[::1], float64[:, ::1], float64[:, ::1], int32[::1], float64[::1], float32[:, ::1], float64[::1])",
)
def gather_local(counter, points, directions, rows, origin, local, squares):
    """Write point and normal of the rows, relative to an origin, and add up their squared distances from it.

    points      (N, 3), directions  (N, 3), or no rows: then normals are NaN
    rows        (M,): which, in the order wanted
    origin      (3,)
    local       (M, 6) out
    squares     (pieces,) out: of each piece of rows
    """
    while True:
        piece = take(counter)
        if piece >= squares.shape[0]:
            break
        total = 0.0
        for i in range(piece * PIECE, min((piece + 1) * PIECE, rows.shape[0])):
            row = rows[i]
            for axis in range(3):
                local[i, axis] = np.float32(points[row, axis] - origin[axis])
                local[i, 3 + axis] = np.float32(directions[row, axis]) if directions.shape[0] else np.float32(np.nan)
                total += np.float64(local[i, axis]) * np.float64(local[i, axis])
        squares[piece] = total
