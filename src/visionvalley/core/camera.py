# SPDX-License-Identifier: Apache-2.0
"""The pinhole camera and what it measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visionvalley.core.arrays import require, require_positive
from visionvalley.core.errors import BadInput


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera: x right, y down, z forward; pixel (0, 0) is the centre of the top left pixel.

    distortion  (k1, k2, p1, p2, k3), Brown 1966, as OpenCV orders them
    """

    width_px: int
    height_px: int
    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    distortion: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        require_positive(width_px=self.width_px, height_px=self.height_px, fx_px=self.fx_px, fy_px=self.fy_px)
        if not np.isfinite([self.cx_px, self.cy_px, *self.distortion]).all():
            raise BadInput("core.not_finite", name="camera")


@dataclass(frozen=True, slots=True, eq=False)
class DepthMap:
    """Distances along z from a camera.

    depth_m  (height, width) float32, metres; NaN where there is no measurement
    """

    depth_m: NDArray[np.float32]
    camera: Camera

    def __post_init__(self) -> None:
        shape = (self.camera.height_px, self.camera.width_px)
        depth_m = require("depth_m", self.depth_m, shape, np.float32)
        if np.isinf(depth_m).any() or (depth_m <= 0).any():
            raise BadInput("core.bad_depth")
        object.__setattr__(self, "depth_m", depth_m)
