# SPDX-License-Identifier: Apache-2.0
"""Ideal geometric elements: what a drawing is made of and what is fitted to points (ISO 17450-1).

Directions have unit length. Surfaces of size know on which side their material lies: `internal` is True
for a hole or a slot (material outside), False for a shaft or a tongue; the normal of a plane points out of
the material.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from visionvalley.core.arrays import Floats, require, require_positive
from visionvalley.core.errors import BadInput


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A place: `point_m` (3,)."""

    point_m: Floats

    def __post_init__(self) -> None:
        _place(self)


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A straight line, or an axis: a point (3,) on it and its direction (3,)."""

    point_m: Floats
    direction: Floats

    def __post_init__(self) -> None:
        _place(self, "direction")


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A plane: a point (3,) on it and its normal (3,), out of the material."""

    point_m: Floats
    normal: Floats

    def __post_init__(self) -> None:
        _place(self, "normal")


@dataclass(frozen=True, slots=True, eq=False)
class Circle:
    """A circle in space: its centre (3,), the normal (3,) of its plane, its radius."""

    point_m: Floats
    normal: Floats
    radius_m: float
    internal: bool = False

    def __post_init__(self) -> None:
        _place(self, "normal")
        require_positive(radius_m=self.radius_m)


@dataclass(frozen=True, slots=True, eq=False)
class Sphere:
    """A sphere: its centre (3,) and radius."""

    point_m: Floats
    radius_m: float
    internal: bool = False

    def __post_init__(self) -> None:
        _place(self)
        require_positive(radius_m=self.radius_m)


@dataclass(frozen=True, slots=True, eq=False)
class Cylinder:
    """A cylinder: a point (3,) on its axis, the axis' direction (3,), its radius."""

    point_m: Floats
    direction: Floats
    radius_m: float
    internal: bool = False

    def __post_init__(self) -> None:
        _place(self, "direction")
        require_positive(radius_m=self.radius_m)


@dataclass(frozen=True, slots=True, eq=False)
class Cone:
    """A cone: where its axis (a point (3,) and a direction (3,)) has `radius_m` around it, and how it opens.

    half_angle_rad  between axis and surface, in (0, pi/2): the radius grows along the direction
    """

    point_m: Floats
    direction: Floats
    radius_m: float
    half_angle_rad: float
    internal: bool = False

    def __post_init__(self) -> None:
        _place(self, "direction")
        require_positive(radius_m=self.radius_m, half_angle_rad=self.half_angle_rad)
        if not self.half_angle_rad < math.pi / 2:
            raise BadInput("core.bad_cone", half_angle_rad=self.half_angle_rad)


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """A slot with round ends, as a curve in its plane or the wall along `normal` over that curve.

    point_m    (3,) its middle
    normal     (3,) of its plane, along the wall
    direction  (3,) of its length, at right angles to the normal
    width_m    between its straight sides
    length_m   over all, the round ends included
    """

    point_m: Floats
    normal: Floats
    direction: Floats
    width_m: float
    length_m: float
    internal: bool = True

    def __post_init__(self) -> None:
        _place(self, "normal", "direction")
        require_positive(width_m=self.width_m, length_m=self.length_m)
        if abs(float((self.normal * self.direction).sum())) > 1e-9 or self.length_m < self.width_m:
            raise BadInput("core.bad_slot", width_m=self.width_m, length_m=self.length_m)


Element = Point | Line | Plane | Circle | Sphere | Cylinder | Cone | Slot


def _place(element: Element, *directions: str) -> None:
    """Check the place and make the directions of an element unit length."""
    object.__setattr__(element, "point_m", require("point_m", element.point_m, (3,), finite=True))
    for name in directions:
        given = require(name, getattr(element, name), (3,), finite=True)
        size = math.sqrt(float((given * given).sum()))
        if not size > 0:
            raise BadInput("core.bad_direction", name=name)
        unit = given / size
        object.__setattr__(element, name, require(name, np.asarray(unit), (3,)))
