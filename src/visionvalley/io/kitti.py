# SPDX-License-Identifier: Apache-2.0
"""KITTI's .bin: rows of four floats, x y z intensity; metres, x forward, y left, z up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from visionvalley.core import BadInput, Cloud
from visionvalley.io import units
from visionvalley.io.atomic import written
from visionvalley.io.columns import PLACE, cloud_of
from visionvalley.io.opening import opened, size

ROW = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4")])


def read_cloud(path: Path, unit: str | None = None) -> Cloud:
    """Read all points."""
    (cloud,) = chunks(path, unit, size(path))
    return cloud


def count(path: Path) -> int:
    """Return how many points there are; BadInput where the file is not made of whole rows."""
    there = size(path)
    if there % ROW.itemsize:
        raise BadInput("io.odd_bytes", path=path, bytes=there, row=ROW.itemsize)
    return there // ROW.itemsize


def chunks(path: Path, unit: str | None, points: int) -> Iterator[Cloud]:
    """Give the points in file order, at most so many at once."""
    settled = units.settled(path, unit, "m")
    total = count(path)
    with opened(path) as file:
        for first in range(0, total, points):
            rows = np.fromfile(file, ROW, min(points, total - first))
            yield cloud_of(path, {name: rows[name] for name in ROW.names or ()}, settled)


def write(path: Path, cloud: Cloud, unit: str | None = None) -> None:
    """Write points as floats, with their intensity or zero; BadInput for a unit other than metres."""
    units.settled(path, unit, "m")
    rows = np.zeros(len(cloud), ROW)
    with np.errstate(over="ignore", invalid="ignore"):
        for name, column in zip(PLACE, cloud.points_m.T, strict=True):
            rows[name] = column
            if np.isinf(rows[name]).any():
                raise BadInput("io.too_large_a_number", path=path)
        rows["intensity"] = cloud.fields.get("intensity", 0)
    with written(path) as file:
        file.write(rows.tobytes())
