# SPDX-License-Identifier: Apache-2.0
"""Where things are: rigid motions between frames."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from visionvalley.core.arrays import Floats, require
from visionvalley.core.errors import BadInput


def _product(a: Floats, b: Floats) -> Floats:
    # not `@`: BLAS rounds differently from CPU to CPU, and poses must have the same bits on all
    product: Floats = a[:, 0, None] * b[0] + a[:, 1, None] * b[1] + a[:, 2, None] * b[2]
    return product


def _moved(r: Floats, t: Floats, points_m: Floats) -> Floats:
    points = require("points_m", points_m, (None, 3))
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    return np.stack([r[i, 0] * x + r[i, 1] * y + r[i, 2] * z + t[i] for i in range(3)], axis=1)


def _off(rows: list[list[float]]) -> tuple[float, float]:
    """Return how far rows are from orthonormal, and their determinant."""
    (a, b, c), (d, e, f), (g, h, i) = rows
    across = (a * d + b * e + c * f, a * g + b * h + c * i, d * g + e * h + f * i)
    along = (a * a + b * b + c * c - 1, d * d + e * e + f * f - 1, g * g + h * h + i * i - 1)
    return max(map(abs, (*across, *along))), a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """A rigid motion `b_from_a`: takes coordinates in frame a to frame b.

    rotation       (3, 3) orthonormal, determinant +1
    translation_m  (3,) metres, in frame b
    """

    rotation: Floats
    translation_m: Floats

    def __post_init__(self) -> None:
        rotation = require("rotation", self.rotation, (3, 3), finite=True)
        translation_m = require("translation_m", self.translation_m, (3,), finite=True)
        error, turned = _off(rotation.tolist())
        if error > 1e-6 or turned < 0:
            raise BadInput("core.not_a_rotation", error=f"{error:.1e}")
        object.__setattr__(self, "rotation", rotation)
        object.__setattr__(self, "translation_m", translation_m)

    @staticmethod
    def identity() -> Pose:
        """Return the pose that moves nothing."""
        return Pose(np.eye(3), np.zeros(3))

    @staticmethod
    def from_matrix(matrix: Floats) -> Pose:
        """Return the pose of a (4, 4) homogeneous matrix, metres."""
        whole = require("matrix", matrix, (4, 4), finite=True)
        if np.abs(whole[3] - (0, 0, 0, 1)).max() > 1e-9:
            raise BadInput("core.not_rigid", row=whole[3].tolist())
        return Pose(whole[:3, :3], whole[:3, 3])

    @staticmethod
    def from_rotation_vector(rotation_rad: Floats, translation_m: Floats) -> Pose:
        """Return the pose that turns about an axis, `rotation_rad` (3,), and then shifts.

        Rodrigues' formula; Murray, Li, Sastry 1994, eq. 2.14.
        """
        w = require("rotation_rad", rotation_rad, (3,), finite=True)
        angle = math.sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2])
        cross = np.array([[0.0, -w[2], w[1]], [w[2], 0.0, -w[0]], [-w[1], w[0], 0.0]])
        a = math.sin(angle) / angle if angle > 1e-9 else 1.0
        half = math.sin(angle / 2) / (angle / 2) if angle > 1e-9 else 1.0
        return Pose(np.eye(3) + a * cross + 0.5 * half * half * _product(cross, cross), translation_m)

    def matrix(self) -> Floats:
        """Return the (4, 4) homogeneous matrix, metres."""
        whole = np.eye(4)
        whole[:3, :3], whole[:3, 3] = self.rotation, self.translation_m
        return whole

    def inverse(self) -> Pose:
        """Return `a_from_b`."""
        return Pose(self.rotation.T, -_product(self.rotation.T, self.translation_m[:, None])[:, 0])

    def __matmul__(self, other: Pose) -> Pose:
        """`c_from_a = c_from_b @ b_from_a`: the inner names meet."""
        moved_m = _product(self.rotation, other.translation_m[:, None])[:, 0]
        return Pose(_product(self.rotation, other.rotation), moved_m + self.translation_m)

    def apply(self, points_m: Floats) -> Floats:
        """Return points (N, 3) of frame a in frame b; NaN stays NaN."""
        return _moved(self.rotation, self.translation_m, points_m)

    def turn(self, directions: Floats) -> Floats:
        """Return directions (N, 3) of frame a in frame b: turned, not shifted."""
        return _moved(self.rotation, np.zeros(3), directions)
