# SPDX-License-Identifier: Apache-2.0
"""Random fields in space."""

import math

import numpy as np

from visionvalley.kernels.compilation import inner, kernel
from visionvalley.kernels.simd import take

PIECE = 1024


@inner
def cosine_of_turns(turns):
    """Return cos(2 pi t) to 1e-11; the Taylor series of the sine about zero, no library whose bits differ by CPU."""
    t = turns - np.floor(turns + 0.5)
    x = 6.283185307179586 * (0.25 - abs(t))
    s = x * x
    series = 1.0 - s * (1 / 210) * (1.0 - s * (1 / 272))
    series = 1.0 - s * (1 / 110) * (1.0 - s * (1 / 156) * series)
    series = 1.0 - s * (1 / 42) * (1.0 - s * (1 / 72) * series)
    return x * (1.0 - s * (1 / 6) * (1.0 - s * (1 / 20) * series))


@kernel("void(int64[::1], float64[:, ::1], float64[:, ::1], float64[::1])")
def sum_of_waves(counter, points, waves, field):
    """Add up plane waves at each point.

    points  (N, 3)
    waves   (4, M) turns a unit of length along x, y and z, and the turns at the origin
    field   (N,) out: sum of cosines times sqrt(2 / M), of variance one over random waves
    """
    n, count = points.shape[0], waves.shape[1]
    scale = math.sqrt(2.0 / count)
    while True:
        piece = take(counter)
        if piece * PIECE >= n:
            break
        for i in range(piece * PIECE, min(n, (piece + 1) * PIECE)):
            x, y, z = points[i, 0], points[i, 1], points[i, 2]
            total = 0.0
            for j in range(count):
                total += cosine_of_turns(waves[0, j] * x + waves[1, j] * y + waves[2, j] * z + waves[3, j])
            field[i] = scale * total
