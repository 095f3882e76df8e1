# SPDX-License-Identifier: Apache-2.0
"""Orientation, location and profile: zones that datums turn and place (ISO 1101:2017, 17.6 to 17.15)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from visionvalley.core import (
    BadInput,
    Circle,
    Cone,
    Cylinder,
    Line,
    Plane,
    Point,
    Slot,
    Sphere,
    Text,
    text,
)
from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology.characteristics import Characteristic, Evaluated, Extracted, Kind, Material
from visionvalley.vision.metrology.datums import DatumSystem, described
from visionvalley.vision.metrology.features import (
    Derived,
    centre,
    median_line,
    median_surface,
    opposite,
    placed,
    smooth,
)
from visionvalley.vision.metrology.fits import dots, frame
from visionvalley.vision.metrology.form import in_sections
from visionvalley.vision.metrology.material import boundary
from visionvalley.vision.metrology.section_lines import direction_of, within
from visionvalley.vision.metrology.toleranced import (
    Features,
    Zoned,
    around,
    coloured_by,
    datum_system,
    evaluated,
    filter_said,
    first_of,
    flat,
    surface,
    zone,
)

FEWEST = 6  # points on a side of a slot that make a median surface with the other's
ORIENTED = 1e-6  # of unit vectors that are at right angles


@dataclass(frozen=True, slots=True, eq=False)
class _Own:
    """Toleranced features, a pattern at once, in their zones: filtered, as they are, and what to say of them."""

    features: list[Extracted]
    zoned: list[Zoned]
    bare: list[Zoned]
    coloured: dict[str, Floats]
    beside: dict[str, float]
    notes: list[Text]


def _own(c: Characteristic, features: Features, system: DatumSystem) -> _Own:
    own = _Own([features[name] for name in c.features], [], [], {}, {}, [])
    pair = len(own.features) == 2 and opposite(*own.features)
    for group in [own.features] if pair else [[feature] for feature in own.features]:
        one, raw, more, said, used = _toleranced(c, group, system)
        own.zoned.append(one)
        own.bare.append(raw)
        own.coloured.update(more)
        own.beside.update(used)
        own.notes.extend(said)
    return own


def _placed_zone(c: Characteristic, features: Features, freedoms: Floats, system: DatumSystem) -> Evaluated:
    """Evaluate features, a pattern at once, in zones that the datum system places."""
    bounds = c.material is not Material.NONE
    if bounds or any(d.material is not Material.NONE for d in c.datums):
        own = None if bounds else _own(c, features, system)
        return boundary(c, features, system, freedoms, ((), ()) if own is None else (own.zoned, own.bare))
    own = _own(c, features, system)
    found = zone(own.zoned, freedoms, system.part_from_datum)
    same = all(one is other for one, other in zip(own.zoned, own.bare, strict=True))
    raw = found if same else zone(own.bare, freedoms, system.part_from_datum)
    pose = found.found.moved @ system.part_from_datum
    return evaluated(
        found, 2 * raw.found.height_m, system, deviation_m=own.coloured,
        elements={feature.name: placed(feature.nominal, pose) for feature in own.features}, beside=own.beside,
        notes=(*system.notes, *own.notes, *described(system, found.found.used)),
    )  # fmt: skip


Toleranced = tuple[Zoned, Zoned, dict[str, Floats], list[Text], dict[str, float]]


def _toleranced(c: Characteristic, group: list[Extracted], system: DatumSystem) -> Toleranced:
    """Return a feature in its zone, the same unfiltered, colours, notes and the cut-off."""
    feature = group[0]
    nominal = feature.nominal
    diameter = c.diameter or c.kind is Kind.COAXIALITY
    if len(group) == 2:
        derived = median_surface(*group)
        plane = derived.axis
        held = flat(derived.points_m, derived.back, frame(plane)[2], plane.point_m)
        return held, held, {}, [], {}
    if isinstance(nominal, Plane):
        part, bare = smooth(feature, c.cutoff_m), smooth(feature, None, chosen=False)
        used, said = filter_said(part)
        return (
            surface(part),
            surface(bare),
            coloured_by(part, placed(nominal, system.part_from_datum)),
            list(said),
            used,
        )
    if isinstance(nominal, (Cylinder, Cone)):
        derived = median_line(feature)
    elif isinstance(nominal, Line):
        derived = Derived(feature.points_m, nominal, lambda force: {feature.name: force}, False)
    elif isinstance(nominal, Slot) and not diameter:
        derived = _middle_of(feature, nominal)
    else:
        derived = centre(feature)
    notes = [text("metrology.associated_axis", feature=feature.name)] if derived.associated else []
    held = _derived_zone(c, feature, derived, system, diameter)
    return held, held, {}, notes, {}


def _middle_of(feature: Extracted, slot: Slot) -> Derived:
    """Return the median surface between the straight sides of a slot; where one has too few points, its centre."""
    u, v, _ = frame(slot)
    off = feature.points_m - slot.point_m
    across = dots(off, v)
    straight = np.abs(dots(off, u)) <= 0.5 * (slot.length_m - slot.width_m)
    rows = [np.flatnonzero(straight & (side * across > 0)) for side in (1.0, -1.0)]
    if min(len(one) for one in rows) < FEWEST:
        return centre(feature)
    sides = [
        Extracted(
            f"{feature.name}, side {side:+.0f}", Plane(slot.point_m + 0.5 * side * slot.width_m * v, side * v), of
        )
        for side, of in zip((1.0, -1.0), (feature.points_m[one] for one in rows), strict=True)
    ]
    derived = median_surface(*sides)

    def back(force: Floats) -> dict[str, Floats]:
        out = np.zeros((*force.shape[:-2], *feature.points_m.shape))
        for which, own in zip(rows, derived.back(force).values(), strict=True):
            out[..., which, :] = own
        return {feature.name: out}

    return replace(derived, back=back)


def _derived_zone(
    c: Characteristic, feature: Extracted, derived: Derived, system: DatumSystem, diameter: bool
) -> Zoned:
    nominal = feature.nominal
    if isinstance(nominal, (Sphere, Point)):
        if diameter:
            return around(derived.points_m, derived.back, Point(nominal.point_m))
        direction = _datum_direction(c, system, np.zeros(3))
        return flat(derived.points_m, derived.back, direction, nominal.point_m)
    axis = frame(nominal)[2]
    if diameter:
        return around(derived.points_m, derived.back, Line(nominal.point_m, axis))
    if isinstance(nominal, Slot):
        return flat(derived.points_m, derived.back, frame(nominal)[1], nominal.point_m)
    return flat(derived.points_m, derived.back, _datum_direction(c, system, axis), nominal.point_m)


def _datum_direction(c: Characteristic, system: DatumSystem, axis: Floats) -> Floats:
    """Return the normal of a zone of parallel planes: the first datum's direction, across the axis."""
    for element in system.elements:
        direction = frame(element)[2] if not isinstance(element, (Sphere, Point)) else np.zeros(3)
        nominal = system.part_from_datum.inverse().turn(direction[None])[0]
        across = nominal - float((nominal * axis).sum()) * axis
        size_ = math.sqrt(float((across * across).sum()))
        if size_ > ORIENTED:
            unit: Floats = across / size_
            return unit
    raise BadInput("metrology.zone_direction", name=c.name, kind=c.kind.value)


def orientation(c: Characteristic, features: Features) -> Evaluated:
    """Zones that keep their direction to the datums and may shift; ISO 1101:2017, 17.10 to 17.12."""
    system = datum_system(c, features, needed=True)
    return _placed_zone(c, features, _with_shifts(system), system)


def _with_shifts(system: DatumSystem) -> Floats:
    """Return what a datum system leaves free to turn, and all shifts."""
    turning = system.free[:, (system.free[:3] ** 2).sum(axis=0) > 0] if system.free.shape[1] else system.free
    shifts = np.zeros((6, 3))
    shifts[3:] = np.eye(3)
    return np.concatenate([turning, shifts], axis=1)


def location(c: Characteristic, features: Features) -> Evaluated:
    """Zones that datums place, several at once (ISO 5458:2018, 4); ISO 1101:2017, 17.13 to 17.15."""
    pattern = len(c.features) > 1 and c.kind is Kind.POSITION
    system = datum_system(c, features, needed=not pattern)
    return _placed_zone(c, features, system.free, system)


def surface_profile(c: Characteristic, features: Features) -> Evaluated:
    """A zone on either side of the nominal surfaces, all features at once; ISO 1101:2017, 17.9; ISO 1660:2017."""
    return _all_at_once(c, features, datum_system(c, features, needed=False))


def _all_at_once(c: Characteristic, features: Features, system: DatumSystem) -> Evaluated:
    own = [features[name] for name in c.features]
    parts = [smooth(feature, c.cutoff_m) for feature in own]
    found = zone([surface(part) for part in parts], system.free, system.part_from_datum)
    bare = [surface(smooth(feature, None, chosen=False)) for feature in own]
    raw = zone(bare, system.free, system.part_from_datum)
    pose = found.found.moved @ system.part_from_datum
    elements = {feature.name: placed(feature.nominal, pose) for feature in own}
    coloured: dict[str, Floats] = {}
    beside: dict[str, float] = {}
    notes = list(system.notes)
    for part in parts:
        coloured.update(coloured_by(part, elements[part.feature.name]))
        used, said = filter_said(part)
        beside.update(used)
        notes += said
    return evaluated(
        found, 2 * raw.found.height_m, system, deviation_m=coloured, elements=elements, beside=beside,
        notes=(*notes, *described(system, found.found.used)),
    )  # fmt: skip


def line_profile(c: Characteristic, features: Features) -> Evaluated:
    """A zone on either side of a nominal curve in its plane; ISO 1101:2017, 17.6 and 17.7.

    Curves that were measured as such are taken all at once, and stay in their planes; of a surface each line in a
    section plane by itself.
    """
    if c.section is None and all(isinstance(features[name].nominal, (Circle, Slot, Line)) for name in c.features):
        system = datum_system(c, features, needed=False)
        free = system.free
        for nominal in (features[name].nominal for name in c.features):
            if isinstance(nominal, (Circle, Slot)):
                normal = system.part_from_datum.turn(nominal.normal[None])[0]
                middle = system.part_from_datum.apply(nominal.point_m[None])[0]
                free = within(normal, middle, system.extent_m, free)
        return _all_at_once(c, features, replace(system, free=free))
    feature = first_of(c, features, Plane, Cylinder, Cone, Sphere, Slot)
    if len(c.features) > 1:
        raise BadInput("metrology.one_feature", name=c.name, got=len(c.features))
    normal = direction_of(c, feature)
    system = datum_system(c, features, needed=False)
    return in_sections(c, feature, normal, system, system.free if system.steps else None)
