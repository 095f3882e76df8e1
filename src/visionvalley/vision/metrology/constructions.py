# SPDX-License-Identifier: Apache-2.0
"""Features made of others: their elements by construction, and how these answer to the points that were extracted.

A constructed feature has no points of its own. It is given some, upon its element, beside fixed places on its nominal
one, so that it can be toleranced and be a datum as any other; what pulls at them is taken back, by the chain rule, to
the points of the features that it is made of. So whatever two characteristics or two constructed features share of
these points is correlated as it is. How the element answers to the parameters of each is found by differences.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from visionvalley.core import BadInput, Cone, Cylinder, Element, Line, Plane, Point, Sphere
from visionvalley.core.arrays import Floats
from visionvalley.vision.geometry.symmetric import eigen, gram
from visionvalley.vision.metrology.by_kind import fit_least_squares
from visionvalley.vision.metrology.characteristics import Evaluated, Extracted
from visionvalley.vision.metrology.constructed import (
    axis_through,
    fit_pattern,
    meet_line_plane,
    meet_planes,
    meet_three_planes,
    midplane,
    symmetric_point,
)
from visionvalley.vision.metrology.datums import Step
from visionvalley.vision.metrology.fits import PARAMETERS, frame, moved, unit
from visionvalley.vision.metrology.toleranced import Widest, Zoned, added

STEP = 1e-6  # of a difference: m, or rad
ALONG, ACROSS = 8, 4  # points of a constructed line, and of a plane along either side
AROUND_M = 1e-3  # radius of the ball on which those of a point lie, and whose centre it is


class Construct(StrEnum):
    """How a feature is made of others."""

    INTERSECTION = "intersection"
    MIDPLANE = "midplane"
    AXIS = "axis"
    POINT = "point"
    PATTERN = "pattern"


@dataclass(frozen=True, slots=True)
class Construction:
    """A recipe for a feature: what is made, of the features of these names."""

    construct: Construct
    of: tuple[str, ...]


Constructions = Mapping[str, Construction]


def leaves(name: str, made: Constructions) -> tuple[str, ...]:
    """Return the features with points that a feature is made of, itself where it is none that is made."""
    if name not in made:
        return (name,)
    return tuple(dict.fromkeys(leaf for one in made[name].of for leaf in leaves(one, made)))


def element_of(name: str, made: Constructions, found: Mapping[str, Element], nominal: Mapping[str, Element]) -> Element:
    """Return the element of a feature; found, nominal: those of the features with points.

    Raises BadInput where the elements cannot be put together so.
    """
    if name not in made:
        return found[name]
    own = [element_of(one, made, found, nominal) for one in made[name].of]
    meant = [element_of(one, made, nominal, nominal) for one in made[name].of]
    return _made(name, made[name].construct, own, meant)


def _made(name: str, construct: Construct, own: list[Element], meant: list[Element]) -> Element:
    planes = [one for one in own if isinstance(one, Plane)]
    axes = [one for one in own if isinstance(one, Line | Cylinder | Cone)]
    if construct is Construct.INTERSECTION and len(planes) == len(own) == 2:
        return meet_planes(planes[0], planes[1])
    if construct is Construct.INTERSECTION and len(planes) == len(own) == 3:
        return meet_three_planes(planes[0], planes[1], planes[2])
    if construct is Construct.INTERSECTION and len(own) == 2 and len(planes) == len(axes) == 1:
        return meet_line_plane(axes[0], planes[0])
    if construct is Construct.MIDPLANE and len(planes) == len(own) == 2:
        return midplane(planes[0], planes[1])
    if construct in (Construct.AXIS, Construct.POINT) and len(own) == 2 and not planes:
        first, second = (_centre(one, other) for one, other in zip(own, meant, strict=True))
        return axis_through(first, second) if construct is Construct.AXIS else symmetric_point(first, second)
    if construct is Construct.PATTERN and len(own) >= 3 and not planes:
        return _pattern(own, meant)
    kinds = ", ".join(type(one).__name__.lower() for one in own)
    raise BadInput("metrology.cannot_construct", name=name, construct=construct.value, kinds=kinds)


def _centre(one: Element, meant: Element) -> Point:
    """Return the centre of an element; of an axis, where it passes the middle of its nominal feature."""
    if isinstance(one, Line | Cylinder | Cone) and isinstance(meant, Line | Cylinder | Cone):
        return meet_line_plane(one, Plane(meant.point_m, meant.direction))
    return Point(one.point_m)


def _pattern(own: list[Element], meant: list[Element]) -> Line:
    """Return the axis of a pattern: through its middle, along the mean of its axes, or square to its centres."""
    nominal = np.array([one.point_m for one in meant])
    found = np.array([_centre(one, other).point_m for one, other in zip(own, meant, strict=True)])
    laid = fit_pattern(nominal, found)
    middle = nominal.mean(axis=0)
    axes = [one.direction for one in own if isinstance(one, Line | Cylinder | Cone)]
    if len(axes) == len(own):
        signs = [1.0 if float((one * axes[0]).sum()) >= 0 else -1.0 for one in axes]
        way = np.sum([sign * one for sign, one in zip(signs, axes, strict=True)], axis=0)
    else:
        way = laid.found_from_nominal.turn(eigen(gram(nominal - middle))[1][:, 0])
    return Line(laid.found_from_nominal.apply(middle[None])[0], unit(way))


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A constructed feature: as if extracted, and how its points answer to the parameters of what it is made of.

    answers  for each feature with points: (k, n, 3) of its k parameters
    """

    extracted: Extracted
    answers: Mapping[str, Floats]
    influence: Mapping[str, Floats]

    def back(self, force: Floats) -> dict[str, Floats]:
        """Return what forces (..., n, 3) at the feature's points are at those that were extracted."""
        out = {}
        for name, answer in self.answers.items():
            pull = (answer * force[..., None, :, :]).sum(axis=(-2, -1))
            out[name] = sum(pull[..., k, None, None] * own for k, own in enumerate(self.influence[name]))
        return out


def construct(name: str, made: Constructions, parts: Mapping[str, Extracted]) -> Made:
    """Construct a feature of features that were extracted; raises BadInput where it cannot be."""
    own = {one: parts[one] for one in leaves(name, made)}
    nominal = {one: part.nominal for one, part in own.items()}
    fits = {one: fit_least_squares(part.points_m, part.nominal) for one, part in own.items()}
    found = {one: fitted.element for one, fitted in fits.items()}
    meant = element_of(name, made, nominal, nominal)
    places = _places(meant, np.concatenate([part.points_m for part in own.values()]))

    def shown(elements: Mapping[str, Element]) -> Floats:
        return _upon(element_of(name, made, elements, nominal), places, meant)

    answers = {}
    for one, element in found.items():
        rows = []
        for number in range(len(PARAMETERS[type(element)])):
            step = np.zeros(len(PARAMETERS[type(element)]))
            step[number] = STEP
            ends = [shown({**found, one: moved(element, sign * step)}) for sign in (1.0, -1.0)]
            rows.append((ends[0] - ends[1]) / (2 * STEP))
        answers[one] = np.array(rows)
    ball = Sphere(meant.point_m, AROUND_M) if isinstance(meant, Point) else meant
    return Made(
        Extracted(name, ball, shown(found), ideal=True), answers, {one: fit.influence for one, fit in fits.items()}
    )


def _places(meant: Element, points_m: Floats) -> Floats:
    """Return places on a nominal element that lie beside the points that it is made of."""
    u, v, w = frame(meant)
    off = points_m - meant.point_m
    spans = [((off * axis).sum(axis=1).min(), (off * axis).sum(axis=1).max()) for axis in (u, v, w)]
    steps = AROUND_M * np.concatenate([np.eye(3), -np.eye(3)])
    if isinstance(meant, Line):
        steps = np.linspace(*spans[2], ALONG)[:, None] * w
    elif isinstance(meant, Plane):
        x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(*spans[0], ACROSS), np.linspace(*spans[1], ACROSS)))
        steps = x[:, None] * u + y[:, None] * v
    places: Floats = meant.point_m + steps
    return places


def _upon(element: Element, places_m: Floats, meant: Element) -> Floats:
    """Return the places of an element that are nearest to given ones, which lie on its nominal one."""
    off = places_m - element.point_m
    steps = places_m - meant.point_m
    if isinstance(element, Plane):
        steps = off - (off * element.normal).sum(axis=1)[:, None] * element.normal
    elif isinstance(element, Line):
        steps = (off * element.direction).sum(axis=1)[:, None] * element.direction
    places: Floats = element.point_m + steps
    return places


def taken_back(found: Evaluated, made: Mapping[str, Made]) -> Evaluated:
    """Return an evaluation with its sensitivities, and what it is an extreme of, on extracted points alone."""
    if not any(name in made for name in found.sensitivity):
        return found
    colours = {name: values for name, values in found.deviation_m.items() if name not in made}
    extreme = _extreme_back(found.extreme, made) if isinstance(found.extreme, Widest) else None
    return replace(found, sensitivity=_back(found.sensitivity, made), deviation_m=colours, extreme=extreme)


def _back(forces: Mapping[str, Floats], made: Mapping[str, Made]) -> dict[str, Floats]:
    """Return forces (N, 3) by feature, those on constructed ones taken back to the points of what they are made of."""
    out: dict[str, Floats] = {}
    for name, force in forces.items():
        added(out, made[name].back(force) if name in made else {name: force})
    return out


def _extreme_back(found: Widest, made: Mapping[str, Made]) -> Widest:
    """Return zones and datums whose points answer to those that were extracted.

    A constructed element has no form, so noise moves it to first order as it moves what it is made of, as a datum too.
    """
    zones = tuple(replace(zone, zoned=tuple(_zoned_back(one, made) for one in zone.zoned)) for zone in found.zones)
    if found.system is None:
        return replace(found, zones=zones)
    steps = tuple(_step_back(step, made) for step in found.system.steps)
    return replace(found, zones=zones, system=replace(found.system, steps=steps))


def _zoned_back(one: Zoned, made: Mapping[str, Made]) -> Zoned:
    feature = getattr(getattr(one.source, "part", one.source), "feature", None)
    derived = feature is None or feature.name in made
    return replace(one, back=lambda force: _back(one.back(force), made), source=None if derived else one.source)


def _step_back(step: Step, made: Mapping[str, Made]) -> Step:
    if not any(name in made for name in step.influence):
        return step
    rows = [
        _back({name: influence[row] for name, influence in step.influence.items()}, made)
        for row in range(len(step.names))
    ]
    return replace(step, influence={name: np.array([row[name] for row in rows]) for name in rows[0]}, touched=None)
