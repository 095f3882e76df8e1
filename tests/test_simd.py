# SPDX-License-Identifier: Apache-2.0
"""Vectors in kernels do what their names say."""

import numba
import numpy as np

from visionvalley.kernels import simd
from visionvalley.kernels.compilation import OPTIONS


@numba.njit(**OPTIONS)
def sort_eight(distances, limit, out):
    numbers = simd.load_f32x8(distances, 0)
    simd.store(out, 0, simd.farthest_first(numbers, numbers <= simd.splat_f32x8(limit)))


def test_distances_are_sorted_with_their_lanes_and_those_outside_come_last(rng):
    out = np.empty(8, np.int32)
    for _ in range(300):
        distances = np.round(rng.exponential(1, 8), 1).astype(np.float32)  # equal ones, and zeros
        sort_eight(distances, np.float32(1), out)
        inside = np.flatnonzero(distances <= 1)
        found, lanes = out[: len(inside)], out[: len(inside)] & 7
        assert (np.diff(found) < 0).all()
        assert sorted(lanes) == inside.tolist()
        assert (found - lanes == distances[lanes].view(np.int32) & ~7).all()
        assert (out[len(inside) :] == -1).all()
