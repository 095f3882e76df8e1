# SPDX-License-Identifier: Apache-2.0
"""Regions of space that say which points are meant: box, ball, rod. Part frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, require, require_positive
from visionvalley.core.arrays import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """A box along the axes, from corner `low_m` (3,) to corner `high_m` (3,)."""

    low_m: Floats
    high_m: Floats

    def __post_init__(self) -> None:
        for name in ("low_m", "high_m"):
            object.__setattr__(self, name, require(name, getattr(self, name), (3,), finite=True))
        if not (self.low_m < self.high_m).all():
            raise BadInput("metrology.bad_box", low_m=self.low_m.tolist(), high_m=self.high_m.tolist())


@dataclass(frozen=True, slots=True, eq=False)
class Ball:
    """All within `radius_m` of a centre (3,)."""

    centre_m: Floats
    radius_m: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "centre_m", require("centre_m", self.centre_m, (3,), finite=True))
        require_positive(radius_m=self.radius_m)


@dataclass(frozen=True, slots=True, eq=False)
class Rod:
    """All within `radius_m` of the straight way from `start_m` (3,) to `end_m` (3,), with flat ends."""

    start_m: Floats
    end_m: Floats
    radius_m: float

    def __post_init__(self) -> None:
        for name in ("start_m", "end_m"):
            object.__setattr__(self, name, require(name, getattr(self, name), (3,), finite=True))
        require_positive(radius_m=self.radius_m, length_m=math.sqrt(float(((self.end_m - self.start_m) ** 2).sum())))


Region = Box | Ball | Rod


def inside(region: Region, points_m: Floats) -> NDArray[np.bool_]:
    """Tell which points (N, 3) lie in a region, its border included."""
    if isinstance(region, Box):
        return np.asarray(((points_m >= region.low_m) & (points_m <= region.high_m)).all(axis=1))
    if isinstance(region, Ball):
        return np.asarray(((points_m - region.centre_m) ** 2).sum(axis=1) <= region.radius_m**2)
    whole = region.end_m - region.start_m
    length = math.sqrt(float((whole * whole).sum()))
    arm = points_m - region.start_m
    height = (arm * (whole / length)).sum(axis=1)
    across = ((arm - height[:, None] * (whole / length)) ** 2).sum(axis=1)
    return np.asarray((height >= 0) & (height <= length) & (across <= region.radius_m**2))
