# SPDX-License-Identifier: Apache-2.0
"""What is to be seen: surfaces and points, where they stand, and what they are coloured by."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from visionvalley.core.arrays import Floats, Ints, require
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


@dataclass(frozen=True, slots=True, eq=False)
class CrossSection:
    """What a plane cuts of a part, and how far the measured surface lies off there; metres in the plane.

    scene_from_plane  the plane: x to the right of the picture, y up in it, z towards the viewer
    outline_m         lines (n, 2) of the nominal surface; a closed one ends where it begins
    places_m          (N, 2) on the outline, in the order in which they follow each other
    outwards          (N, 2) unit, out of the material
    deviation_m       (N,) along it
    run               (N,) int: places of one number belong to one unbroken line
    limits            what is allowed of the deviation
    """

    scene_from_plane: Pose
    outline_m: tuple[Floats, ...]
    places_m: Floats
    outwards: Floats
    deviation_m: Floats
    run: Ints
    limits: Tolerance | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "outline_m", tuple(require("outline_m", one, (None, 2)) for one in self.outline_m))
        count = len(self.deviation_m)
        for name, shape in (("places_m", (count, 2)), ("outwards", (count, 2)), ("deviation_m", (count,))):
            object.__setattr__(self, name, require(name, getattr(self, name), shape, finite=True))
        object.__setattr__(self, "run", require("run", self.run, (count,), np.int32))
