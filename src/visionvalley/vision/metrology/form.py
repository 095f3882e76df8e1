# SPDX-License-Identifier: Apache-2.0
"""Form: straightness, flatness, roundness, cylindricity (ISO 1101:2017, 17.2 to 17.5)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from visionvalley.core import (
    BadInput,
    Circle,
    Cone,
    Cylinder,
    Element,
    Line,
    Plane,
    Pose,
    text,
)
from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology.characteristics import Characteristic, Evaluated, Extracted
from visionvalley.vision.metrology.datums import DatumSystem, described
from visionvalley.vision.metrology.features import (
    Derived,
    Smooth,
    median_line,
    placed,
    smooth,
)
from visionvalley.vision.metrology.fits import frame, unit
from visionvalley.vision.metrology.profiles import Profile, circles, heights, lines, slices, turns
from visionvalley.vision.metrology.section_lines import direction_of, in_section, sections, within
from visionvalley.vision.metrology.surfaces import distances, outward
from visionvalley.vision.metrology.toleranced import (
    Features,
    Zone,
    Zoned,
    around,
    coloured_by,
    evaluated,
    filter_said,
    first_of,
    flat,
    surface,
    zone,
)
from visionvalley.vision.metrology.zones import about, centre_and_extent


def _surface_form(c: Characteristic, feature: Extracted, sized: bool) -> Evaluated:
    part, bare = smooth(feature, c.cutoff_m), smooth(feature, None, chosen=False)
    all_free = about(*centre_and_extent(feature.points_m))
    found = zone([surface(part, sized=sized)], all_free, Pose.identity(), int(sized))
    raw = found if part.filter is None else zone([surface(bare, sized=sized)], all_free, Pose.identity(), int(sized))
    element = placed(feature.nominal, found.found.moved)
    beside, notes = filter_said(part)
    return evaluated(
        found, 2 * raw.found.height_m, None, deviation_m=from_the_middle(part, element, found),
        elements={feature.name: element},
        beside=beside, notes=notes,
    )  # fmt: skip


def from_the_middle(part: Smooth, element: Element, found: Zone) -> dict[str, Floats]:
    """Return deviations from the middle of the zone."""
    own = found.found.rows.values
    return {part.feature.name: outward(element) * own[: len(part.points_m)]}


def flatness(c: Characteristic, features: Features) -> Evaluated:
    """Two parallel planes; ISO 1101:2017, 17.3; ISO 12781-1."""
    return _surface_form(c, first_of(c, features, Plane), sized=False)


def cylindricity(c: Characteristic, features: Features) -> Evaluated:
    """Two coaxial cylinders; ISO 1101:2017, 17.5; ISO 12180-1."""
    return _surface_form(c, first_of(c, features, Cylinder), sized=True)


def roundness(c: Characteristic, features: Features) -> Evaluated:
    """Two concentric circles in each section; ISO 1101:2017, 17.4; ISO 12181-1."""
    feature = first_of(c, features, Circle, Cylinder, Cone)

    def profiles(part: Smooth) -> list[Profile]:
        return circles(part) if part.filter is not None else slices(part, heights(feature))

    u, v, _ = frame(feature.nominal)
    freedoms = np.zeros((6, 2))
    freedoms[3:, 0], freedoms[3:, 1] = u, v
    return profiles_in_zones(c, feature, profiles, lambda _: freedoms, on_surface(True), 1)


def profiles_in_zones(
    c: Characteristic,
    feature: Extracted,
    profiles: Callable[[Smooth], list[Profile]],
    freedoms: Callable[[Profile], Floats],
    held: Callable[[Profile], Zoned],
    sizes: int,
    system: DatumSystem | None = None,
) -> Evaluated:
    """Evaluate each profile of a surface in its own zone: the widest counts.

    held   what of a profile deviates; freedoms, sizes: what it is made least over
    """
    part, bare = smooth(feature, c.cutoff_m), smooth(feature, None, chosen=False)
    base = Pose.identity() if system is None else system.part_from_datum

    def zones(of: Smooth) -> list[Zone]:
        found = [zone([held(p)], freedoms(p), base, sizes + (p.across is not None)) for p in profiles(of)]
        return sorted(found, key=lambda z: -z.found.height_m)

    worst, *others = zones(part)
    raw = worst if part.filter is None else zones(bare)[0]
    beside, notes = filter_said(part)
    if system is not None:
        used = worst.found.used if worst.freedoms.shape[1] else 0
        notes = (*notes, *system.notes, *described(system, used))
    element = placed(feature.nominal, base)
    return evaluated(
        worst, 2 * raw.found.height_m, system, deviation_m=coloured_by(part, element), elements={feature.name: element},
        beside=beside, notes=notes, zones=(worst, *others),
    )  # fmt: skip


def on_surface(sized: bool) -> Callable[[Profile], Zoned]:
    """Return what takes a profile as points on either side of its nominal surface; sized: its radius may change."""

    def held(one: Profile) -> Zoned:
        part = Smooth(one.part.feature, one.points_m, one.normals, one.part.distance_m, None)
        return replace(surface(part, sized=sized, across=one.across), back=one.back, source=one)

    return held


def in_sections(
    c: Characteristic, feature: Extracted, normal: Floats, system: DatumSystem | None = None, free: Floats | None = None
) -> Evaluated:
    """Evaluate where planes across a direction cut a surface; free: what motions are, all without it."""
    own = about(*centre_and_extent(feature.points_m)) if free is None else free
    turned = normal if system is None else system.part_from_datum.turn(normal[None])[0]

    def freedoms(one: Profile) -> Floats:
        return within(turned, *centre_and_extent(one.points_m), own)

    return profiles_in_zones(
        c, feature, lambda part: sections(c, part, normal), freedoms, lambda one: in_section(one, normal), 0, system
    )


def _along_the_axis(profile: Profile) -> Floats:
    """Return the motions of a line within the plane of its normal and the axis."""
    n = profile.normals[len(profile.normals) // 2]
    across = unit(np.cross(n, frame(profile.part.feature.nominal)[2]))
    middle, extent = centre_and_extent(profile.points_m)
    return within(across, middle, extent, about(middle, extent))


def straightness(c: Characteristic, features: Features) -> Evaluated:
    """A cylinder about a median line, or two parallel lines about each line of a surface; ISO 1101:2017, 17.2."""
    feature = first_of(c, features, Line, Cylinder, Cone, Plane)
    if isinstance(feature.nominal, Plane):
        return in_sections(c, feature, direction_of(c, feature))
    if c.section is not None:
        raise BadInput("metrology.section_not_taken", name=c.name, feature=feature.name)
    if isinstance(feature.nominal, Line):
        return _line_straightness(c, feature)
    if c.diameter:
        derived = median_line(feature)
        return _round_zone(c, feature, derived)

    def profiles(part: Smooth) -> list[Profile]:
        return lines(part) if part.filter is not None else slices(part, turns(feature))

    return profiles_in_zones(c, feature, profiles, _along_the_axis, on_surface(False), 0)


def _round_zone(c: Characteristic, feature: Extracted, derived: Derived) -> Evaluated:
    del c
    w = frame(derived.axis)[2]
    free = about(*centre_and_extent(derived.points_m))
    found = zone([around(derived.points_m, derived.back, Line(derived.axis.point_m, w))], free, Pose.identity())
    element = placed(Line(derived.axis.point_m, w), found.found.moved)
    notes = (text("metrology.associated_axis", feature=feature.name),) if derived.associated else ()
    return evaluated(
        found, 2 * found.found.height_m, None, deviation_m={}, elements={feature.name: element}, notes=notes
    )


def _line_straightness(c: Characteristic, feature: Extracted) -> Evaluated:
    points = feature.points_m
    free = about(*centre_and_extent(points))

    def back(force: Floats) -> dict[str, Floats]:
        return {feature.name: force}

    if c.diameter:
        part = smooth(feature, None, chosen=False)
        found = zone([around(points, back, feature.nominal, part)], free, Pose.identity())
        return evaluated(
            found, 2 * found.found.height_m, None, deviation_m={}, elements={feature.name: feature.nominal}
        )
    gradients = distances(feature.nominal, points)[1]
    values = distances(feature.nominal, points)[0]
    off = gradients * values[:, None]
    spread = off - off.mean(axis=0)
    far = int(np.argmax((spread * spread).sum(axis=1)))
    normal = spread[far] / max(math.sqrt(float((spread[far] ** 2).sum())), 1e-300)
    if not normal.any():
        normal = frame(feature.nominal)[0]
    found = zone([flat(points, back, normal, feature.nominal.point_m)], free, Pose.identity())
    return evaluated(
        found, 2 * found.found.height_m, None, deviation_m={feature.name: found.found.rows.values},
        elements={feature.name: feature.nominal}, notes=(text("metrology.own_plane"),),
    )  # fmt: skip
