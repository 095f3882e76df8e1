# SPDX-License-Identifier: Apache-2.0
"""What a drawing asks of features, what was extracted of them, and what an evaluation returns: values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from visionvalley.core import Element, Text, Tolerance, require
from visionvalley.core.arrays import Floats


class Kind(StrEnum):
    """Geometrical tolerances (ISO 1101:2017), sizes (ISO 14405-1) and dimensions that are no sizes (ISO 14405-2)."""

    STRAIGHTNESS = "straightness"
    FLATNESS = "flatness"
    ROUNDNESS = "roundness"
    CYLINDRICITY = "cylindricity"
    LINE_PROFILE = "profile of a line"
    SURFACE_PROFILE = "profile of a surface"
    PARALLELISM = "parallelism"
    PERPENDICULARITY = "perpendicularity"
    ANGULARITY = "angularity"
    POSITION = "position"
    COAXIALITY = "coaxiality"
    SYMMETRY = "symmetry"
    CIRCULAR_RUN_OUT = "circular run-out"
    TOTAL_RUN_OUT = "total run-out"
    SIZE = "size"
    DISTANCE = "distance"
    ANGLE = "angle"


class SizeCriterion(StrEnum):
    """How a size is defined (ISO 14405-1:2016, table 1)."""

    TWO_POINT = "LP"
    LEAST_SQUARES = "GG"
    MINIMUM_CIRCUMSCRIBED = "GN"
    MAXIMUM_INSCRIBED = "GX"
    ENVELOPE = "E"


class Material(StrEnum):
    """Material requirement of a tolerance or a datum (ISO 2692:2021)."""

    NONE = ""
    MAXIMUM = "M"
    LEAST = "L"


class Association(StrEnum):
    """How an ideal element is laid to points."""

    MINIMUM_ZONE = "minimum zone"
    LEAST_SQUARES = "least squares"


@dataclass(frozen=True, slots=True, eq=False)
class Extracted:
    """The points of one feature, as measured (ISO 17450-1: extracted integral feature).

    nominal   where and what the feature should be, part frame
    points_m  (N, 3) finite, part frame
    ideal     whether they were put on an ideal element, as those of a constructed feature: they have no form
    """

    name: str
    nominal: Element
    points_m: Floats
    ideal: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "points_m", require("points_m", self.points_m, (None, 3), finite=True))


@dataclass(frozen=True, slots=True)
class DatumReference:
    """One compartment of a datum system (ISO 5459): the names of its features, several for a common datum A-B.

    Two opposite parallel planes are the datum of their middle plane.

    association      minimum zone: outside the material, as ISO 5459 has it
    material_size_m  with a material requirement: the size of the datum's virtual boundary (ISO 2692:2021, 3.11)
    """

    features: tuple[str, ...]
    material: Material = Material.NONE
    association: Association = Association.MINIMUM_ZONE
    material_size_m: float | None = None


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One requirement of a drawing.

    features     the names of the toleranced features: one; two for distances, angles and the size or middle plane of
                 two opposite planes; all of a pattern
    tolerance    of the value, SI; None: measured, not judged
    nominal      of sizes, distances (m) and angles (rad)
    datums       in their order of precedence
    diameter     whether the zone is a cylinder or sphere, its width a diameter
    material_size_m  with a material requirement: the size at which the feature has most (M) or least (L) material
    cutoff_m     nesting index of the Gaussian filter (ISO 16610-21, -61); None: chosen from the spacing of the points
    section      of lines on a surface: the direction, part frame, that the planes they lie in are at right angles to
                 (ISO 1101:2017, 14: the normal of the intersection plane)
    """

    name: str
    kind: Kind
    features: tuple[str, ...]
    tolerance: Tolerance | None = None
    nominal: float | None = None
    datums: tuple[DatumReference, ...] = ()
    diameter: bool = False
    material: Material = Material.NONE
    material_size_m: float | None = None
    size: SizeCriterion = SizeCriterion.TWO_POINT
    association: Association = Association.MINIMUM_ZONE
    cutoff_m: float | None = None
    section: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """What an evaluation found, before its uncertainty is known.

    value        in `unit`: of the filtered points, for form and zones
    raw          the same of all points as they are; equal to `value` where no filter is used
    sensitivity  for each feature, (N, 3): how `value` changes with a shift of each of its extracted points, 1 or 1/m;
                 of a largest or smallest value, that of the points that decide it
    deviation_m  for each feature, (N,): what the picture is coloured by; NaN: none
    elements     what was fitted, by feature, for picture and record
    bounded      whether the value cannot be negative (zones)
    beside       further numbers, SI: 'smallest' and 'largest' local size, 'bonus' of a material requirement,
                 'cutoff' that was used...
    extreme      what the value is an extreme of, where it is one: `toleranced.Widest`, for its bias and interval
    """

    value: float
    raw: float
    unit: str
    sensitivity: Mapping[str, Floats]
    deviation_m: Mapping[str, Floats] = field(default_factory=lambda: MappingProxyType({}))
    elements: Mapping[str, Element] = field(default_factory=lambda: MappingProxyType({}))
    bounded: bool = False
    beside: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[Text, ...] = ()
    extreme: object = None
