# SPDX-License-Identifier: Apache-2.0
"""Sizes (ISO 14405-1:2016), and distances and angles that are no sizes (ISO 14405-2).

Two-point size (LP, the default): the distance between opposite points of a circle's section through the centre of
its least-squares circle, or of two parallel planes at right angles to their middle plane (ISO 17450-3:2016). A scan
has no exactly opposite points. So the deviations from the least-squares element are filtered as a surface, and the
filtered surface is read at the place of each point and at the place opposite: a local size

    D(φ, z) = 2 R + d'(φ, z) + d'(φ + π, z)

that is linear in the points, with the noise of the filtered ones. Where no points lie opposite there is none. The
value is the extreme local size that lies farther from the middle of the tolerance; both extremes are given beside.

GG is the size of the least-squares element, GN of the smallest circumscribed, GX of the largest inscribed. The
envelope requirement E asks for GN (shaft) or GX (hole) at the limit of most material and for two-point sizes at the
other: the value is that of the two that lies farther from the middle.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

import numpy as np

from visionvalley.core import BadInput, Circle, Cylinder, Element, Plane, Slot, Sphere, Text, text
from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology.association import Touched, sides
from visionvalley.vision.metrology.by_kind import fit_least_squares, fit_round
from visionvalley.vision.metrology.characteristics import Characteristic, Evaluated, Extracted, SizeCriterion
from visionvalley.vision.metrology.extremes import Touching
from visionvalley.vision.metrology.features import as_plane, opposite, smooth
from visionvalley.vision.metrology.filters import SPACINGS, Filter, Places, apply, gaussian, places_on, weights
from visionvalley.vision.metrology.fits import FREE, PARAMETERS, Held, frame
from visionvalley.vision.metrology.one_sided import fit_width
from visionvalley.vision.metrology.starts import on_wall
from visionvalley.vision.metrology.surfaces import distances
from visionvalley.vision.metrology.toleranced import added

Features = Mapping[str, Extracted]
Round = (Circle, Cylinder, Sphere)
BEYOND = 0.6  # gain of noise from which a place is extrapolated, not read
SITES = 20_000  # local sizes, at most
LONG = 1e3


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """One size and how it answers to the points of each feature."""

    value: float
    sensitivity: Mapping[str, Floats]
    elements: Mapping[str, Element]
    extreme: object = None


@dataclass(frozen=True, slots=True, eq=False)
class Mating:
    """A size that touches: factor times the largest of what an element touches, made least (and what is constant)."""

    touched: Touched
    factor: float


@dataclass(frozen=True, slots=True, eq=False)
class LocalSizes:
    """An extreme local size: the largest or smallest sum (M,) of two readings, near and far."""

    near: Side
    far: Side
    sizes: Floats
    sign: float
    largest: bool


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """A filtered surface, read at two-point places: deviations along `normals`."""

    feature: Extracted
    filter: Filter
    at: Places
    read: Floats
    normals: Floats

    def pull(self, which: int, much: float) -> Floats:
        """Return how `much` of one reading answers to the extracted points."""
        out = np.zeros_like(self.feature.points_m)
        rows, weight = weights(self.filter, which, self.at)
        np.add.at(out, rows, (much * weight)[:, None] * self.normals[rows])
        return out


def size(c: Characteristic, features: Features) -> Evaluated:
    """Evaluate a size of a cylinder, circle, sphere or of two opposite planes; see the file."""
    own = [features[name] for name in c.features]
    pair = len(own) == 2 and opposite(*own)
    if not pair and not (len(own) == 1 and isinstance(own[0].nominal, (*Round, Slot))):
        got = type(own[0].nominal).__name__.lower()
        raise BadInput("metrology.no_size", name=c.name, got=got)
    if isinstance(own[0].nominal, Slot):
        return _slot_width(c, own[0])
    if c.size is SizeCriterion.LEAST_SQUARES:
        found = _least_squares(own)
        return _result(c, found, {}, ())
    if c.size in (SizeCriterion.MINIMUM_CIRCUMSCRIBED, SizeCriterion.MAXIMUM_INSCRIBED):
        return _result(c, _mating(own, c.size is SizeCriterion.MAXIMUM_INSCRIBED), {}, ())
    smallest, largest, local, cutoff_m = _two_point(c, own)
    beside = {"smallest": smallest.value, "largest": largest.value, "cutoff": cutoff_m}
    said = text("metrology.two_point")
    if c.size is SizeCriterion.TWO_POINT:
        return _result(c, _farther(c, own, smallest, largest), beside, (said,), local)
    inside = _internal(own)
    mating = _mating(own, inside)
    beside["mating"] = mating.value
    worse = _farther(c, own, mating, largest if inside else smallest)
    return _result(c, worse, beside, (said, text("metrology.envelope")), local)


def _result(
    c: Characteristic,
    found: _Found,
    beside: dict[str, float],
    notes: tuple[Text, ...],
    local: Mapping[str, Floats] = MappingProxyType({}),
) -> Evaluated:
    del c
    return Evaluated(
        found.value, found.value, "m", found.sensitivity, local, found.elements, False, MappingProxyType(beside), notes,
        found.extreme,
    )  # fmt: skip


def _internal(own: list[Extracted]) -> bool:
    if len(own) == 1:
        return bool(getattr(own[0].nominal, "internal", False))
    first, second = (as_plane(f.nominal) for f in own)
    return float(((second.point_m - first.point_m) * first.normal).sum()) > 0


def _nominal_size(own: list[Extracted]) -> float:
    nominal = own[0].nominal
    if isinstance(nominal, Round):
        return 2 * nominal.radius_m
    normal = as_plane(nominal).normal
    return abs(float(((own[1].nominal.point_m - nominal.point_m) * normal).sum()))


def _farther(c: Characteristic, own: list[Extracted], one: _Found, other: _Found) -> _Found:
    """Return that of two sizes which lies farther from the middle of the tolerance, or the nominal size."""
    middle = _nominal_size(own) if c.nominal is None else c.nominal
    limits = c.tolerance
    if limits is not None and limits.lower is not None and limits.upper is not None:
        middle = 0.5 * (limits.lower + limits.upper)
    elif limits is not None and limits.upper is not None:
        return max(one, other, key=lambda f: f.value)
    elif limits is not None:
        return min(one, other, key=lambda f: f.value)
    return max(one, other, key=lambda f: abs(f.value - middle))


def _least_squares(own: list[Extracted]) -> _Found:
    if len(own) == 1:
        fitted = fit_least_squares(own[0].points_m, own[0].nominal)
        element = fitted.element
        by = fitted.influence[PARAMETERS[type(element)].index("size")]
        return _Found(2 * element.radius_m, {own[0].name: 2 * by}, {own[0].name: element})
    first, second = own
    means = [f.points_m.mean(axis=0) for f in own]
    count = len(first.points_m)
    fitted_plane = fit_least_squares(
        np.concatenate([first.points_m - means[0], second.points_m - means[1]]),
        Plane(np.zeros(3), as_plane(first.nominal).normal),
    )
    plane = fitted_plane.element
    u, v, n = frame(plane)
    off = means[0] - means[1]
    value = float((off * n).sum())
    sign = 1.0 if value > 0 else -1.0
    tilts = float((off * u).sum()) * fitted_plane.influence[1] + float((off * v).sum()) * fitted_plane.influence[2]
    parts = []
    for tilt, side, points in ((tilts[:count], 1.0, first), (tilts[count:], -1.0, second)):
        parts.append(sign * (tilt - tilt.mean(axis=0) + side * n / len(points.points_m)))
    elements = {
        f.name: Plane(m, f.nominal.normal) for f, m in zip(own, means, strict=True) if isinstance(f.nominal, Plane)
    }
    return _Found(abs(value), {first.name: parts[0], second.name: parts[1]}, elements)


def _mating(own: list[Extracted], inside: bool) -> _Found:
    if len(own) == 1:
        nominal = cast(Cylinder, own[0].nominal)
        fitted = fit_round(own[0].points_m, nominal, inside=inside)
        part, sign = smooth(own[0], None, chosen=False), -1.0 if inside else 1.0
        touched = Touched(fitted.element, (part,), (np.full(len(part.points_m), sign),), False, FREE)
        extreme = Mating(touched, 2 * sign)
        return _Found(fitted.width_m, {own[0].name: fitted.sensitivity}, {own[0].name: fitted.element}, extreme)
    first, second = own
    slot = slot_between(own)
    count = len(first.points_m)
    faces = fit_width(np.concatenate([first.points_m, second.points_m]), slot, inside=inside)
    sensitivity = faces.sensitivity
    pair = [smooth(f, None, chosen=False) for f in own]
    touched = Touched(faces.element, tuple(pair), sides(faces.element, pair, inside), False, FREE)
    return _Found(
        faces.width_m, {first.name: sensitivity[:count], second.name: sensitivity[count:]}, {first.name: faces.element},
        Mating(touched, -2.0 if inside else 2.0),
    )  # fmt: skip


def slot_between(own: list[Extracted]) -> Slot:
    """Return the slot, or tongue, whose sides two opposite planes are: long beyond their points."""
    first, second = (as_plane(f.nominal) for f in own)
    u, _, w = frame(first)
    middle = first.point_m + 0.5 * float(((second.point_m - first.point_m) * w).sum()) * w
    width = _nominal_size(own)
    reach = width + max(float(np.abs((f.points_m - middle) * u).max()) for f in own)
    return Slot(middle, np.cross(u, w), u, width, 2 * LONG * reach, internal=_internal(own))


def _slot_width(c: Characteristic, feature: Extracted) -> Evaluated:
    """Evaluate the width of a slot: of its least-squares element, or as its inscribed or circumscribed faces."""
    nominal = cast(Slot, feature.nominal)
    if c.size in (SizeCriterion.MINIMUM_CIRCUMSCRIBED, SizeCriterion.MAXIMUM_INSCRIBED):
        inside = c.size is SizeCriterion.MAXIMUM_INSCRIBED
        faces = fit_width(feature.points_m, nominal, inside=inside)
        extreme = _slot_mating(feature, faces, inside)
        return _result(c, _Found(faces.width_m, {feature.name: faces.sensitivity}, {}, extreme), {}, ())
    fitted = fit_least_squares(feature.points_m, nominal)
    by = fitted.influence[PARAMETERS[Slot].index("size")]
    found = _Found(fitted.element.width_m, {feature.name: by}, {feature.name: fitted.element})
    notes = () if c.size is SizeCriterion.LEAST_SQUARES else (text("metrology.slot_size"),)
    return _result(c, found, {"length": fitted.element.length_m}, notes)


def _slot_mating(feature: Extracted, faces: Touching[Plane], inside: bool) -> Mating:
    """Return what the faces in, or about, the straight part of a slot touch."""
    slot, off = cast(Slot, feature.nominal), feature.points_m - feature.nominal.point_m
    side = np.sign((off * frame(slot)[1]).sum(axis=1)) * (-1.0 if inside else 1.0)
    straight = np.abs((off * slot.direction).sum(axis=1)) <= 0.5 * (slot.length_m - slot.width_m)
    held = FREE if on_wall(off[straight], slot, None) else Held(perpendicular=slot.normal)
    part = smooth(feature, None, chosen=False)
    return Mating(Touched(faces.element, (part,), (side * straight,), False, held), -2.0 if inside else 2.0)


# ---- two-point sizes


def _two_point(c: Characteristic, own: list[Extracted]) -> tuple[_Found, _Found, dict[str, Floats], float]:
    """Return the smallest and the largest local size, local sizes by point, and the cut-off."""
    near, far, base, sign, elements = _round_sides(c, own[0]) if len(own) == 1 else _plane_sides(c, own)
    sizes = base + sign * (near.read + far.read)
    if not np.isfinite(sizes).any():
        raise BadInput("metrology.no_opposite_points", name=c.name)
    ends: list[_Found] = []
    for at in (int(np.nanargmin(sizes)), int(np.nanargmax(sizes))):
        sensitivity = {near.feature.name: near.pull(at, sign)}
        added(sensitivity, {far.feature.name: far.pull(at, sign)})
        extreme = LocalSizes(near, far, sizes, sign, largest=bool(ends))
        ends.append(_Found(float(sizes[at]), sensitivity, elements, extreme))
    step = -(-len(own[0].points_m) // SITES)
    local = np.full(len(own[0].points_m), math.nan)
    local[::step] = sizes - _nominal_size(own)
    return ends[0], ends[1], {own[0].name: local}, near.filter.cutoff_m


def _filter(c: Characteristic, places: Places) -> Filter:
    return gaussian(places, SPACINGS * places.spacing_m if c.cutoff_m is None else c.cutoff_m)


def _round_sides(c: Characteristic, feature: Extracted) -> tuple[Side, Side, float, float, dict[str, Element]]:
    element = fit_least_squares(feature.points_m, feature.nominal).element
    fitted = Extracted(feature.name, element, feature.points_m)
    distance, normals = distances(element, feature.points_m)
    on = _filter(c, places_on(element, feature.points_m))
    some = feature.points_m[:: -(-len(feature.points_m) // SITES)]
    away = distances(element, some)[1]
    beyond = some - 2 * (element.radius_m + distances(element, some)[0])[:, None] * away
    near, far = (_read(on, distance, places_on(element, points)) for points in (some, beyond))
    both = [Side(fitted, on, at, values, normals) for at, values in (near, far)]
    return both[0], both[1], 2 * element.radius_m, 1.0, {feature.name: element}


def _plane_sides(c: Characteristic, own: list[Extracted]) -> tuple[Side, Side, float, float, dict[str, Element]]:
    fits = [fit_least_squares(f.points_m, f.nominal).element for f in own]
    n = fits[0].normal - fits[1].normal
    n = n / math.sqrt(float((n * n).sum()))
    planes = [Plane(fits[0].point_m, n), Plane(fits[1].point_m, -n)]
    some = own[0].points_m[:: -(-len(own[0].points_m) // SITES)]
    both = []
    for feature, plane in zip(own, planes, strict=True):
        distance, normals = distances(plane, feature.points_m)
        on = _filter(c, places_on(plane, feature.points_m))
        flat = some - ((some - plane.point_m) * n).sum(axis=1)[:, None] * n
        at, values = _read(on, distance, places_on(plane, flat))
        both.append(Side(feature, on, at, values, np.array(normals)))
    gap = float(((planes[0].point_m - planes[1].point_m) * n).sum())
    elements: dict[str, Element] = {f.name: e for f, e in zip(own, planes, strict=True)}
    return both[0], both[1], abs(gap), (1.0 if gap > 0 else -1.0), elements


def _read(on: Filter, distance: Floats, at: Places) -> tuple[Places, Floats]:
    found = apply(on, distance, at)
    return at, np.where(found.gain < BEYOND, found.values, math.nan)
