# SPDX-License-Identifier: Apache-2.0
"""What is to be seen: surfaces and points, where they stand, and what they are coloured by."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from visionvalley.core.arrays import require
from visionvalley.core.cloud import Cloud, Mesh
from visionvalley.core.errors import BadInput
from visionvalley.core.measurement import Tolerance
from visionvalley.core.pose import Pose


@dataclass(frozen=True, slots=True, eq=False)
class Colouring:
    """A number at each point or vertex, to be shown as colour.

    values  (N,) in `unit` (SI); NaN where there is none
    limits  what is allowed, drawn on the legend and as contours
    """

    name: str
    values: NDArray[np.float32]
    unit: str
    limits: Tolerance | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", require(self.name, self.values, (None,), np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """One object of a scene: a surface or points, where it stands, and what it is coloured by."""

    name: str
    shape: Cloud | Mesh
    scene_from_thing: Pose = field(default_factory=Pose.identity)
    colouring: Colouring | None = None

    def __post_init__(self) -> None:
        count = len(self.shape) if isinstance(self.shape, Cloud) else len(self.shape.vertices_m)
        if self.colouring is not None and len(self.colouring.values) != count:
            raise BadInput("core.colouring_length", name=self.name, got=len(self.colouring.values), wanted=count)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What is to be seen, in one frame, metres; `up` (3,) is the direction that a viewer shows upwards."""

    things: tuple[Thing, ...] = ()
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)
