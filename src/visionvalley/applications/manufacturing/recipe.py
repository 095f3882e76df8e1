# SPDX-License-Identifier: Apache-2.0
"""The recipe of an inspection: what is looked at, how the scan is laid on the part, and what is asked. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from visionvalley.applications.manufacturing.conditions import Conditions
from visionvalley.core import BadInput, Element, SensorNoise, require
from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology.characteristics import Characteristic, DatumReference
from visionvalley.vision.metrology.constructions import Construction
from visionvalley.vision.metrology.cross_sections import CutPlane
from visionvalley.vision.metrology.regions import Region
from visionvalley.vision.metrology.wall_thickness import Method


class By(StrEnum):
    """What lays the scan on the part."""

    PART = "part"
    DATUMS = "datums"
    POINTS = "points"


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """A feature: one face of the part or several, the points of a region, or made of other features.

    faces    names of faces, as `valley inspect --new-recipe` lists them
    region   only points inside it count; without faces all points inside it
    nominal  what the feature should be; None: the surface of its faces, or of the face that most of its points are on
    made     how it is made of other features; then it has neither faces nor a region
    """

    name: str
    faces: tuple[str, ...] = ()
    region: Region | None = None
    nominal: Element | None = None
    made: Construction | None = None

    def __post_init__(self) -> None:
        if not self.faces and self.region is None and self.made is None:
            raise BadInput("recipe.empty_feature", name=self.name)


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """How the scan is laid on the part.

    by      the whole part; then its datum system; or pairs of points alone
    datums  of the system, in their order
    scan_m, part_m  (n, 3) the pairs, each in its own frame; with `by` part, where the search starts
    """

    by: By = By.PART
    datums: tuple[DatumReference, ...] = ()
    scan_m: Floats | None = None
    part_m: Floats | None = None

    def __post_init__(self) -> None:
        if self.by is By.DATUMS and not self.datums:
            raise BadInput("recipe.no_datums")
        if (self.scan_m is None) != (self.part_m is None) or (self.by is By.POINTS and self.scan_m is None):
            raise BadInput("recipe.no_pairs")
        if self.scan_m is not None and self.part_m is not None:
            object.__setattr__(self, "scan_m", require("scan_m", self.scan_m, (None, 3), finite=True))
            object.__setattr__(self, "part_m", require("part_m", self.part_m, (len(self.scan_m), 3), finite=True))
            if len(self.scan_m) < 3:
                raise BadInput("recipe.no_pairs")


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A section through the part; tolerance_m: whole width of the zone of its line, None: measured, not judged."""

    name: str
    plane: CutPlane
    tolerance_m: float | None = None


@dataclass(frozen=True, slots=True)
class Thickness:
    """Wall thickness that is asked for.

    of         names of features or faces at which it is measured; none: everywhere
    minimum_m, maximum_m  what is allowed; None: measured, not judged
    up_to_m    thicker is no wall; None: however thick
    """

    name: str = "wall"
    of: tuple[str, ...] = ()
    minimum_m: float | None = None
    maximum_m: float | None = None
    up_to_m: float | None = None
    method: Method = Method.RAY

    def __post_init__(self) -> None:
        if self.minimum_m is not None and self.maximum_m is not None and not self.minimum_m < self.maximum_m:
            raise BadInput("recipe.bad_thickness", minimum_mm=self.minimum_m * 1e3, maximum_mm=self.maximum_m * 1e3)


@dataclass(frozen=True, slots=True, eq=False)
class Recipe:
    """What is asked of a part.

    features         beside the faces, which are features by their own names
    characteristics  in the order in which they are reported
    letters          the features of each datum, by its letter
    noise            of the sensor; None: its white noise is estimated from the scan
    sections         after the characteristics, in this order
    conditions       under which parts are measured by this recipe
    walls            after these
    margin_m         along edges, where points are left out; None: chosen from the scan
    """

    characteristics: tuple[Characteristic, ...] = ()
    features: tuple[Looked, ...] = ()
    letters: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    alignment: Aligned = Aligned()
    noise: SensorNoise | None = None
    margin_m: float | None = None
    sections: tuple[Section, ...] = ()
    conditions: Conditions = field(default_factory=Conditions)
    walls: tuple[Thickness, ...] = ()

    @property
    def asked(self) -> int:
        """How many results are asked for."""
        return len(self.characteristics) + len(self.sections) + len(self.walls)

    def __post_init__(self) -> None:
        names = [one.name for one in self.characteristics]
        names += [one.name for one in self.sections] + [one.name for one in self.walls]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise BadInput("recipe.named_twice", name=twice)

    @property
    def made(self) -> dict[str, Construction]:
        """The features that are made of others."""
        return {one.name: one.made for one in self.features if one.made is not None}

    def written(self, datums: tuple[DatumReference, ...]) -> tuple[str, ...]:
        """Return datums as the drawing writes them: 'A', 'B-C', '(D)M'."""
        by_features = {features: letter for letter, features in self.letters.items()}
        found = []
        for one in datums:
            name = by_features.get(one.features)
            if name is None:
                name = "-".join(by_features.get((feature,), feature) for feature in one.features)
            found.append(f"({name}){one.material.value}" if one.material.value else name)
        return tuple(found)

    def asked_for(self) -> tuple[str, ...]:
        """Return the names of all features that a characteristic or the alignment needs, each once."""
        names = [name for one in self.characteristics for name in one.features]
        systems = [one.datums for one in self.characteristics] + [self.alignment.datums]
        names += [name for system in systems for datum in system for name in datum.features]
        return tuple(dict.fromkeys(names))
