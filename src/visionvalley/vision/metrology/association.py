# SPDX-License-Identifier: Apache-2.0
"""Association of one datum with its features: single, or common to several (ISO 5459:2011, 6.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from visionvalley.core import BadInput, Circle, Cylinder, Element, Line, Plane, Point, Slot, Sphere
from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology.by_kind import fit_least_squares, fit_round, fit_zone
from visionvalley.vision.metrology.characteristics import Association, Extracted
from visionvalley.vision.metrology.features import Smooth, as_plane, middle_plane, opposite, require_points, smooth
from visionvalley.vision.metrology.fits import FREE, PARAMETERS, Held, frame
from visionvalley.vision.metrology.one_sided import fit_tangent_plane, fit_width

SAME_M, SAME_RAD = 1e-9, 1e-6
LONG = 1e3  # times their distance: a slot whose sides two planes are


@dataclass(frozen=True, slots=True, eq=False)
class Touched:
    """What an element touches, for `touching`: how it is laid on its points, and so on draws of their noise.

    element  that was associated; parts: the filtered points of its features
    signs    (N,) of each part: the largest of sign times distance is made least; 0: of no part
    both     distances on either side count: of a plane, which then is moved out by the largest, of a line, of a cone
    held     what may not change
    sizes    of each part (N, 3): how its radius answers to its filtered points, where all parts are brought to one
    """

    element: Element
    parts: tuple[Smooth, ...]
    signs: tuple[Floats, ...]
    both: bool
    held: Held
    sizes: tuple[Floats, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Associated:
    """An associated element, the influence (k, N, 3) of each feature's points on it, and what it touches, if any."""

    element: Element
    influence: dict[str, Floats]
    touched: Touched | None


def situation_of(features: list[Extracted]) -> Element:
    """Return the nominal situation feature of a single or common datum; raises BadInput where there is none."""
    first = features[0].nominal
    if len(features) == 1:
        return first
    if len(features) == 2 and opposite(*features):
        return middle_plane(first, features[1].nominal)
    for other in features[1:]:
        if type(other.nominal) is not type(first) or not _shared(first, other.nominal):
            raise BadInput("metrology.no_common_datum", first=features[0].name, other=other.name)
    return first


def _shared(first: Element, other: Element) -> bool:
    """Say whether two nominal elements have their plane or axis in common."""
    off = other.point_m - first.point_m
    if isinstance(first, Plane) and isinstance(other, Plane):
        return (
            float((first.normal * other.normal).sum()) > 1 - SAME_RAD
            and abs(float((off * first.normal).sum())) < SAME_M
        )
    if isinstance(first, Cylinder) and isinstance(other, Cylinder):
        beside = off - float((off * first.direction).sum()) * first.direction
        aligned = abs(float((first.direction * other.direction).sum())) > 1 - SAME_RAD
        return aligned and float((beside * beside).sum()) < SAME_M**2 and first.internal == other.internal
    return False


def associate(features: list[Extracted], held: Held, association: Association, cutoff_m: float | None) -> Associated:
    """Associate the situation feature of a datum; on points of an ideal element all associations are one."""
    for feature in features:
        require_points(feature)
    least = association is Association.LEAST_SQUARES or all(feature.ideal for feature in features)
    smoothed = [smooth(f, cutoff_m, chosen=not least) if not least else smooth(f, None, chosen=False) for f in features]
    sizes: tuple[Floats, ...] = ()
    brought = smoothed
    if len(features) == 2 and opposite(*features):
        found: tuple[Element, Floats] = _middle(smoothed, held, least)
    elif len(features) > 1 and isinstance(features[0].nominal, Cylinder):
        brought, sizes = _brought(smoothed, features[0].nominal)
        found = _coaxial(brought, sizes, features[0].nominal, held, least)
    else:
        found = _one(np.concatenate([s.points_m for s in smoothed]), features[0].nominal, held, least)
    touched = None if least else _touched(found[0], brought, held, sizes)
    return Associated(found[0], _shares(smoothed, found[1]), touched)


def _touched(element: Element, parts: list[Smooth], held: Held, sizes: tuple[Floats, ...]) -> Touched | None:
    """Return what an element touches; None for slots and points, which least squares lay."""
    nominal = parts[0].feature.nominal
    if isinstance(nominal, (Slot, Point)):
        return None
    if len(parts) == 2 and opposite(parts[0].feature, parts[1].feature):
        return Touched(element, tuple(parts), sides(element, parts, bool(_gap(parts) > 0)), False, held)
    inside = isinstance(nominal, (Circle, Sphere, Cylinder)) and nominal.internal
    both = not isinstance(nominal, (Circle, Sphere, Cylinder, Line))
    signs = tuple(np.full(len(s.points_m), -1.0 if inside else 1.0) for s in parts)
    return Touched(element, tuple(parts), signs, both, held, sizes)


def sides(middle: Element, pair: list[Smooth], inside: bool) -> tuple[Floats, ...]:
    """Return signs by which distances from a middle plane count, of its two sides: from within, or from without."""
    means = [float(((s.points_m - middle.point_m) * frame(middle)[2]).sum()) for s in pair]
    return tuple(
        np.full(len(s.points_m), (1.0 if mean > 0 else -1.0) * (-1.0 if inside else 1.0))
        for s, mean in zip(pair, means, strict=True)
    )


def _gap(pair: list[Smooth]) -> float:
    """Return how far the second plane lies in front of the first: positive where they face each other."""
    first, second = (as_plane(s.feature.nominal) for s in pair)
    return float(((second.point_m - first.point_m) * first.normal).sum())


def _one(points_m: Floats, nominal: Element, held: Held, least: bool) -> tuple[Element, Floats]:
    """Associate one element with points."""
    if isinstance(nominal, Point):
        whole = np.tile(np.eye(3)[:, None] / len(points_m), (1, len(points_m), 1))
        return Point(points_m.sum(axis=0) / len(points_m)), whole
    fitted = (
        fit_least_squares(points_m, nominal, held)
        if least or isinstance(nominal, Slot)
        else fit_tangent_plane(points_m, nominal.normal, held)
        if isinstance(nominal, Plane)
        else fit_round(points_m, nominal, held, inside=nominal.internal)
        if isinstance(nominal, (Circle, Sphere, Cylinder))
        else fit_zone(points_m, nominal, held)
    )
    return fitted.element, fitted.influence


def _middle(pair: list[Smooth], held: Held, least: bool) -> tuple[Plane, Floats]:
    """Associate the middle plane of two opposite planes."""
    first, second = (as_plane(s.feature.nominal) for s in pair)
    middle = middle_plane(first, second)
    width = abs(float(((second.point_m - first.point_m) * first.normal).sum()))
    if least:
        return _least_middle(pair, middle, held)
    internal = _gap(pair) > 0
    u, _, _ = frame(middle)
    reach = width + max(float(np.abs((s.points_m - middle.point_m) * u).max()) for s in pair)
    slot = Slot(middle.point_m, np.cross(u, middle.normal), u, width, 2 * LONG * reach, internal=internal)
    found = fit_width(np.concatenate([s.points_m for s in pair]), slot, held if held is not FREE else Held())
    if float((found.element.normal * middle.normal).sum()) >= 0:
        return found.element, found.influence
    return _turned(found.element, found.influence)


def _turned(plane: Plane, influence: Floats) -> tuple[Plane, Floats]:
    """Return the same plane facing the other way, with its influence in the frame that it has then."""
    back = Plane(plane.point_m, -plane.normal)
    u, v, _ = frame(plane)
    tilt = influence[1][None] * u[:, None, None] + influence[2][None] * v[:, None, None]  # how the normal turns
    other = frame(back)
    across = [-(tilt * axis[:, None, None]).sum(axis=0) for axis in other[:2]]
    return back, np.array([-influence[0], *across])


def _least_middle(pair: list[Smooth], middle: Plane, held: Held) -> tuple[Plane, Floats]:
    """Associate by least squares: the second side is moved onto the first by their mean distance."""
    n = middle.normal
    heights = [((s.points_m - middle.point_m) * n).sum(axis=1) for s in pair]
    means = [float(h.mean()) for h in heights]
    level = 0.5 * (means[0] + means[1])
    moved = [s.points_m + (level - m) * n for s, m in zip(pair, means, strict=True)]
    fitted = fit_least_squares(np.concatenate(moved), middle, held)
    influence = fitted.influence.copy()
    counts = [len(h) for h in heights]
    ends = np.cumsum([0, *counts])
    for a, b in pairwise(ends):  # what all of a side share is in its mean
        influence[:, a:b] -= influence[:, a:b].mean(axis=1, keepdims=True)
    for a, b, count in zip(ends[:-1], ends[1:], counts, strict=True):
        influence[0, a:b] += 0.5 * n / count
    return fitted.element, influence


def _brought(parts: list[Smooth], nominal: Cylinder) -> tuple[list[Smooth], tuple[Floats, ...]]:
    """Return coaxial cylinders brought to one radius by their least-squares fits, and what these answer to (N, 3)."""
    fits = [fit_least_squares(s.points_m, s.feature.nominal) for s in parts]
    moved = [
        replace(s, points_m=s.points_m + (nominal.radius_m - _radius(f.element)) * s.normals)
        for s, f in zip(parts, fits, strict=True)
    ]
    return moved, tuple(fitted.influence[PARAMETERS[Cylinder].index("size")] for fitted in fits)


def _coaxial(
    parts: list[Smooth], sizes: tuple[Floats, ...], nominal: Cylinder, held: Held, least: bool
) -> tuple[Element, Floats]:
    """Associate the common axis of coaxial cylinders that were brought to one radius."""
    element, influence = _one(np.concatenate([s.points_m for s in parts]), nominal, held, least)
    influence, start = influence.copy(), 0
    for part, size in zip(parts, sizes, strict=True):
        own = influence[:, start : start + len(part.points_m)]
        drawn = (own * part.normals).sum(axis=(1, 2))  # what all points of a part share
        own -= drawn[:, None, None] * size
        start += len(part.points_m)
    return element, influence


def _radius(element: Cylinder) -> float:
    return element.radius_m


def _shares(parts: list[Smooth], influence: Floats) -> dict[str, Floats]:
    """Return the influence of the extracted points of each feature."""
    out: dict[str, Floats] = {}
    start = 0
    for part in parts:
        end = start + len(part.points_m)
        own = part.back(influence[:, start:end])
        name = part.feature.name
        out[name] = out[name] + own if name in out else own
        start = end
    return out
