# SPDX-License-Identifier: Apache-2.0
"""Placements of range scans: the .conf files of the Stanford 3D Scanning Repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from visionvalley.core import BadInput, Pose
from visionvalley.io.opening import PathLike, opened


def read_conf(path: PathLike) -> dict[str, Pose]:
    """Return `model_from_scan` of each scan that a .conf file places, by the scan's file name.

    A line is `bmesh NAME tx ty tz qx qy qz qw`, metres; the rotation is the transpose of the
    quaternion's matrix as it is usually written.
    """
    poses: dict[str, Pose] = {}
    with opened(Path(path)) as file:
        lines = file.read(1 << 20).decode("ascii", "replace").splitlines()
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0] != "bmesh":
            continue
        try:
            values = np.array([float(word) for word in words[2:]])
            poses[words[1]] = Pose(_rotation(*values[3:7]).T, values[:3])
        except (ValueError, TypeError, IndexError) as error:
            raise BadInput("io.bad_placement", path=path, line=number) from error
    return poses


def _rotation(x: float, y: float, z: float, w: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    x, y, z, w = np.array([x, y, z, w]) / np.sqrt(x * x + y * y + z * z + w * w)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
