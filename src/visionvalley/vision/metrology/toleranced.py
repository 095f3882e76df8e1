# SPDX-License-Identifier: Apache-2.0
"""Toleranced features in their zones: what deviates, for `zones.narrowest`, and what that says of extracted points."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Element, Line, Plane, Pose, Text, text
from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology.characteristics import Characteristic, Evaluated, Extracted, Material
from visionvalley.vision.metrology.datums import DatumSystem, lay
from visionvalley.vision.metrology.features import Smooth, placed
from visionvalley.vision.metrology.fits import dots, frame
from visionvalley.vision.metrology.surfaces import distances, outward
from visionvalley.vision.metrology.zones import Narrowest, Rows, narrowest

Features = Mapping[str, Extracted]
Back = Callable[[Floats], dict[str, Floats]]


@dataclass(frozen=True, slots=True, eq=False)
class Zoned:
    """One feature (or derived feature) in its zone.

    rows   gives the deviations for nominal elements moved by a pose, and sizes changed
    count  of its points
    back   takes forces (..., count, 3) on them to the extracted points
    source  what the points are: of a surface filtered, or read as a profile; None: derived points
    round   whether distances in every direction count
    """

    rows: Callable[[Pose, Floats], Rows]
    count: int
    back: Back
    source: object = None
    round: bool = False


def surface(part: Smooth, *, sized: bool = False, across: Floats | None = None) -> Zoned:
    """Return the points of a surface on either side of their nominal element.

    sized   its radius may change
    across  (N,) what else the radius may change in proportion to
    """
    element = part.feature.nominal
    grown = np.full((len(part.points_m), int(sized)), -1.0)
    if across is not None:
        grown = np.concatenate([grown, -across[:, None]], axis=1)

    def rows(pose: Pose, sizes: Floats) -> Rows:
        values, gradients = distances(placed(element, pose), part.points_m)
        for column, size in zip(grown.T, sizes, strict=True):
            values = values + column * size
        return Rows.both(values, part.points_m, gradients, grown)

    return Zoned(rows, len(part.points_m), lambda force: {part.feature.name: part.back(force)}, part)


def flat(points_m: Floats, back: Back, normal: Floats, point_m: Floats) -> Zoned:
    """Return points on either side of a plane."""
    return Zoned(_flat_rows(points_m, Plane(point_m, normal)), len(points_m), back)


def _flat_rows(points_m: Floats, plane: Plane) -> Callable[[Pose, Floats], Rows]:
    def rows(pose: Pose, sizes: Floats) -> Rows:
        del sizes
        values, gradients = distances(placed(plane, pose), points_m)
        return Rows.both(values, points_m, gradients)

    return rows


DIRECTIONS = 8
MEETS = 12  # points whose directions join at each step


@dataclass(slots=True, eq=False)
class _Round:
    """Distances from an axis, or a point, in every direction: all directions that were met stay."""

    points_m: Floats
    element: Element
    which: NDArray[np.int64]
    across: Floats

    def rows(self, pose: Pose, sizes: Floats) -> Rows:
        del sizes
        element = placed(self.element, pose)
        values, gradients = distances(element, self.points_m)
        which, across = self.which, self.across
        if isinstance(element, Line):
            across = across - dots(across, element.direction)[:, None] * element.direction
            across = across / np.sqrt(dots(across, across))[:, None]
        points = self.points_m[which]
        along = dots(points - element.point_m, across)
        far = np.argsort(-values, kind="stable")[:MEETS]
        far = far[values[far] > 0]
        self.which, self.across = np.concatenate([which, far]), np.concatenate([self.across, gradients[far]])
        return Rows.above(
            np.concatenate([values, along]),
            np.concatenate([self.points_m, points]),
            np.concatenate([gradients, across]),
            point=np.concatenate([np.arange(len(values)), which]),
        )


def _directions(element: Element) -> Floats:
    """Return directions across an axis, or the six of space."""
    u, v, _ = frame(element)
    if not isinstance(element, Line):
        return np.concatenate([np.eye(3), -np.eye(3)])
    turns = [2 * math.pi * i / DIRECTIONS for i in range(DIRECTIONS)]
    return np.array([math.cos(t) * u + math.sin(t) * v for t in turns])


def around(points_m: Floats, back: Back, element: Element, source: object = None) -> Zoned:
    """Return points around an axis (Line) or a point (Point), to be held in a cylinder or a sphere."""
    fixed = _directions(element)
    which = np.repeat(np.arange(len(points_m)), len(fixed))
    rows = _Round(points_m, element, which, np.tile(fixed, (len(points_m), 1))).rows
    return Zoned(rows, len(points_m), back, source, True)


@dataclass(frozen=True, slots=True, eq=False)
class Zone:
    """The narrowest zone about features, with what it says of their points."""

    found: Narrowest
    zoned: tuple[Zoned, ...]
    freedoms: Floats

    def sensitivity(self, factor: float = 2.0) -> dict[str, Floats]:
        """Return how factor times the height answers to the extracted points of the toleranced features."""
        rows = self.found.rows
        decide = np.flatnonzero(self.found.multipliers)
        force = factor * self.found.multipliers[decide, None] * rows.gradients[decide]
        out: dict[str, Floats] = {}
        for part, one in enumerate(self.zoned):
            own, here = np.zeros((one.count, 3)), rows.part[decide] == part
            np.add.at(own, rows.point[decide[here]], force[here])
            added(out, one.back(own))
        return out


def added(out: dict[str, Floats], more: Mapping[str, Floats]) -> None:
    """Add sensitivities of the same features up."""
    for name, values in more.items():
        out[name] = out[name] + values if name in out else values


def zone(zoned: Sequence[Zoned], freedoms: Floats, base: Pose, sizes: int = 0) -> Zone:
    """Return the narrowest zone that holds features at once; base: where datums put the nominal elements."""

    def rows_at(pose: Pose, grown: Floats) -> Rows:
        return Rows.joined([one.rows(pose @ base, grown) for one in zoned])

    return Zone(narrowest(rows_at, freedoms, sizes), tuple(zoned), freedoms)


@dataclass(frozen=True, slots=True, eq=False)
class Widest:
    """What the value is an extreme of: factor times the height of the widest of zones, laid by a datum system."""

    zones: tuple[Zone, ...]
    system: DatumSystem | None
    factor: float


def evaluated(
    zone_: Zone,
    raw: float,
    system: DatumSystem | None,
    *,
    factor: float = 2.0,
    deviation_m: Mapping[str, Floats],
    elements: Mapping[str, Element],
    beside: Mapping[str, float] = MappingProxyType({}),
    notes: tuple[Text, ...] = (),
    bounded: bool = True,
    zones: Sequence[Zone] = (),
) -> Evaluated:
    """Return a zone's width as the evaluation of a tolerance, its sensitivities through the datums, too."""
    sensitivity = zone_.sensitivity(factor)
    if system is not None and system.steps:
        added(sensitivity, system.back(factor * zone_.found.torque()))
    return Evaluated(
        factor * zone_.found.height_m, raw, "m", MappingProxyType(sensitivity), MappingProxyType(dict(deviation_m)),
        MappingProxyType(dict(elements)), bounded, MappingProxyType(dict(beside)), notes,
        Widest(tuple(zones) or (zone_,), system, factor),
    )  # fmt: skip


def first_of(c: Characteristic, features: Features, *kinds: type[Element]) -> Extracted:
    """Return the toleranced feature; raises BadInput where it is of another kind."""
    feature = features[c.features[0]]
    if not isinstance(feature.nominal, kinds):
        raise wrong_feature(c, feature)
    return feature


def wrong_feature(c: Characteristic, feature: Extracted) -> BadInput:
    """Return what to say of a feature that a tolerance is not for."""
    got = type(feature.nominal).__name__.lower()
    return BadInput("metrology.wrong_feature", feature=feature.name, got=got, kind=c.kind.value)


def filter_said(part: Smooth) -> tuple[dict[str, float], tuple[Text, ...]]:
    """Return the cut-off that was used, or a note that there was none."""
    if part.filter is None:
        return {}, (text("metrology.not_filtered", feature=part.feature.name),)
    return {"cutoff": part.filter.cutoff_m}, ()


def coloured_by(part: Smooth, element: Element) -> dict[str, Floats]:
    """Return how far filtered points lie out of the material of an element."""
    return {part.feature.name: outward(element) * distances(element, part.points_m)[0]}


def datum_system(c: Characteristic, features: Features, *, needed: bool) -> DatumSystem:
    """Lay the datums that have no material requirement; raises BadInput where there is none but one is needed."""
    if needed and not c.datums:
        raise BadInput("metrology.datum_needed", kind=c.kind.value, name=c.name)
    held = tuple(datum for datum in c.datums if datum.material is Material.NONE)
    return lay(held, features, c.cutoff_m)
