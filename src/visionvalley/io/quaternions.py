# SPDX-License-Identifier: Apache-2.0
"""Rotations as files write them: quaternions w x y z."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from visionvalley.core import BadInput
from visionvalley.core.arrays import Floats


def rotation(path: Path, quaternion: Sequence[float] | Floats) -> Floats:
    """Return the rotation (3, 3) of a quaternion w x y z of any length but zero (Kuipers 1999, eq. 5.11)."""
    w, x, y, z = (float(value) for value in quaternion)
    square = w * w + x * x + y * y + z * z
    if not 0 < square < np.inf:
        raise BadInput("io.no_rotation", path=path)
    s = 2 / square
    return np.array(
        [
            [1 - s * (y * y + z * z), s * (x * y - z * w), s * (x * z + y * w)],
            [s * (x * y + z * w), 1 - s * (x * x + z * z), s * (y * z - x * w)],
            [s * (x * z - y * w), s * (y * z + x * w), 1 - s * (x * x + y * y)],
        ]
    )


def quaternion(r: Floats) -> Floats:
    """Return w x y z of a rotation (3, 3): the largest of the four first (Shepperd 1978)."""
    squares = np.array([r.trace(), *np.diag(r)])
    largest = int(squares.argmax())
    if largest == 0:
        q = np.array([1 + r.trace(), r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]])
    else:
        i = largest - 1
        j, k = (i + 1) % 3, (i + 2) % 3
        q = np.empty(4)
        q[0], q[1 + i] = r[k, j] - r[j, k], 1 + r[i, i] - r[j, j] - r[k, k]
        q[1 + j], q[1 + k] = r[j, i] + r[i, j], r[k, i] + r[i, k]
    unit: Floats = q / np.sqrt((q**2).sum())
    return unit
