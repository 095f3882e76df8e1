# SPDX-License-Identifier: Apache-2.0
"""From where a part is looked at: the six sides, the eight corners, and which corner explains it best.

With z up, the front is seen along +y (its right is +x), as on a drawing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visionvalley.core import Scene
from visionvalley.core.arrays import Floats


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A direction to look from, without perspective.

    axes  (3, 3) unit rows in scene coordinates: to the right of the picture, up in it, towards the viewer
    """

    name: str
    axes: Floats

    def project(self, points_m: Floats) -> Floats:
        """Return (N, 3): right, up, towards the viewer, in metres (NaN stays)."""
        return points_m @ self.axes.T


SIDES = {
    "front": ((1, 0, 0), (0, 0, 1)),
    "right": ((0, 1, 0), (0, 0, 1)),
    "back": ((-1, 0, 0), (0, 0, 1)),
    "left": ((0, -1, 0), (0, 0, 1)),
    "top": ((1, 0, 0), (0, 1, 0)),
    "bottom": ((1, 0, 0), (0, -1, 0)),
}


def frame_of(scene: Scene) -> Floats:
    """Return (3, 3) rows x, y, z of the scene as it is shown: z is its `up`, x its own x as far as possible."""
    up = np.asarray(scene.up, np.float64)
    up = up / np.sqrt((up**2).sum())
    start = np.eye(3)[0] if abs(up[0]) < 0.9 else np.eye(3)[1]
    right = start - up * (start @ up)
    right = right / np.sqrt((right**2).sum())
    return np.stack([right, np.cross(up, right), up])


def side(scene: Scene, name: str) -> View:
    """Return one of the six views of SIDES."""
    right, up = (np.asarray(axis, np.float64) for axis in SIDES[name])
    return View(name, np.stack([right, up, np.cross(right, up)]) @ frame_of(scene))


def corners(scene: Scene) -> list[View]:
    """Return the eight views from the corners of a cube; the usual one (from front, right, above) first."""
    signs = [(x, y, z) for z in (1, -1) for x, y in ((1, -1), (-1, -1), (1, 1), (-1, 1))]
    return [View("corner", _from(np.array(sign) * (1.0, 1.0, 0.75)) @ frame_of(scene)) for sign in signs]


def _from(towards: Floats) -> Floats:
    towards = towards / np.sqrt((towards**2).sum())
    right = np.cross((0.0, 0.0, 1.0), towards)
    right = right / np.sqrt((right**2).sum())
    return np.stack([right, np.cross(towards, right), towards])
