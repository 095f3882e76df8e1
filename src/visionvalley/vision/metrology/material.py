# SPDX-License-Identifier: Apache-2.0
"""Maximum and least material requirements (ISO 2692:2021): a boundary that the surface itself must keep to.

With t the tolerance and MMS the size with most material, a shaft's points must stay inside the cylinder of diameter
MMS + t (its maximum material virtual condition), a hole's outside the one of MMS - t, where the drawing places and
turns it. What is judged is therefore

    shaft, M:   2 max r - MMS        hole, M:   MMS - 2 min r
    shaft, L:   LMS - 2 min r        hole, L:   2 max r - LMS

<= t, r the distances of the surface from the axis of the boundary, made least over what the datums leave free; the
same with half distances from the middle plane of two opposite planes. This is the rule for surfaces (ISO 2692:2021,
4.2 to 4.4), exact where the older reading by axes (position <= t + bonus) only approximates it. The bonus, by how
much the mating size departs from the MMS, is stated beside.

A datum with (M) does not lock the frame: its surface must keep to its own boundary, and the frame may shift and turn
within that clearance (datum shift, ISO 2692:2021, 4.2.3): these are rows without a share of the height.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from visionvalley.core import BadInput, Circle, Cylinder, Element, Plane, Pose, Sphere, text
from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology.by_kind import fit_round
from visionvalley.vision.metrology.characteristics import Characteristic, Evaluated, Extracted, Material
from visionvalley.vision.metrology.datums import DatumSystem, described
from visionvalley.vision.metrology.features import Smooth, as_plane, middle_plane, opposite, placed, smooth
from visionvalley.vision.metrology.fits import FREE, Held
from visionvalley.vision.metrology.surfaces import distances
from visionvalley.vision.metrology.toleranced import Zoned, evaluated, zone
from visionvalley.vision.metrology.zones import Rows

Round = (Circle, Cylinder, Sphere)


def boundary(
    c: Characteristic,
    features: Mapping[str, Extracted],
    system: DatumSystem,
    freedoms: Floats,
    zones: tuple[Sequence[Zoned], Sequence[Zoned]] = ((), ()),
) -> Evaluated:
    """Evaluate features, and datums, against their virtual conditions; see the file.

    zones  of features without a requirement of their own, filtered and as they are: only their datums have one
    Raises BadInput where a size is missing, for features without size, and where a datum cannot keep its boundary.
    """
    own = [features[name] for name in c.features]
    bounds = c.material is not Material.NONE
    groups = [own] if len(own) == 2 and opposite(*own) else [[feature] for feature in own]
    zoned, bare = list(zones[0]), list(zones[1])
    for group in groups if bounds else ():
        zoned += _bounded(group, c.material, _size(c.name, c.material_size_m), c.cutoff_m, True, 1.0)
        bare += _bounded(group, c.material, _size(c.name, c.material_size_m), None, False, 1.0)
    for datum in c.datums:
        if datum.material is not Material.NONE:
            group = [features[name] for name in datum.features]
            most = _size("-".join(datum.features), datum.material_size_m)
            zoned += _bounded(group, datum.material, most, c.cutoff_m, True, 0.0)
            bare += _bounded(group, datum.material, most, None, False, 0.0)
    found = zone(zoned, freedoms, system.part_from_datum)
    raw = zone(bare, freedoms, system.part_from_datum)
    pose = found.found.moved @ system.part_from_datum
    bonus = _bonus(c, own[0], pose)
    said = text("metrology.virtual_condition") if bounds else text("metrology.datum_shift")
    notes = [*system.notes, said, *described(system, found.found.used)]
    return evaluated(
        found, 2 * raw.found.height_m, system, deviation_m={}, bounded=not bounds,
        elements={feature.name: placed(feature.nominal, pose) for feature in own},
        beside={} if bonus is None else {"bonus": bonus}, notes=tuple(notes),
    )  # fmt: skip


def _size(name: str, size_m: float | None) -> float:
    if size_m is None or not (math.isfinite(size_m) and size_m > 0):
        raise BadInput("metrology.material_size_missing", name=name)
    return size_m


def _bounded(
    group: list[Extracted], material: Material, size_m: float, cutoff_m: float | None, filtered: bool, share: float
) -> list[Zoned]:
    """Return features whose surfaces keep to a boundary."""
    if len(group) == 2 and opposite(*group):
        first, second = (as_plane(f.nominal) for f in group)
        middle = middle_plane(first, second)
        internal = float(((second.point_m - first.point_m) * first.normal).sum()) > 0
        sides = [first.normal * (-1.0 if internal else 1.0), second.normal * (-1.0 if internal else 1.0)]
        return [
            _one_sided(
                smooth(f, cutoff_m, chosen=filtered), Plane(middle.point_m, n), 0.0, internal, material, size_m, share
            )
            for f, n in zip(group, sides, strict=True)
        ]
    zoned = []
    for feature in group:
        nominal = feature.nominal
        if not isinstance(nominal, Round):
            got = type(nominal).__name__.lower()
            raise BadInput("metrology.wrong_feature", feature=feature.name, got=got, kind="a material requirement")
        part = smooth(feature, cutoff_m, chosen=filtered)
        zoned.append(_one_sided(part, nominal, nominal.radius_m, nominal.internal, material, size_m, share))
    return zoned


def _one_sided(
    part: Smooth, element: Element, radius_m: float, internal: bool, material: Material, size_m: float, share: float
) -> Zoned:
    """Return rows s (r - size / 2), s = 1 where points must stay inside the boundary."""
    inside = internal if material is Material.LEAST else not internal
    sign = 1.0 if inside else -1.0

    def rows(pose: Pose, sizes: Floats) -> Rows:
        del sizes
        values, gradients = distances(placed(element, pose), part.points_m)
        return Rows.above(sign * (values + radius_m - 0.5 * size_m), part.points_m, sign * gradients, share)

    return Zoned(rows, len(part.points_m), lambda force: {part.feature.name: part.back(force)}, part)


def _bonus(c: Characteristic, feature: Extracted, pose: Pose) -> float | None:
    """Return by how much the mating size, turned as the datums say, departs from the material size."""
    nominal = placed(feature.nominal, pose)
    if not isinstance(nominal, Round) or c.material_size_m is None or c.material is Material.NONE:
        return None
    inside = nominal.internal if c.material is Material.MAXIMUM else not nominal.internal
    held = (
        FREE
        if isinstance(nominal, Sphere)
        else Held(parallel=getattr(nominal, "direction", getattr(nominal, "normal", None)))
    )
    try:
        mating = fit_round(smooth(feature, c.cutoff_m).points_m, replace(nominal), held, inside=inside).width_m
    except BadInput:
        return None  # less than half of a circumference has no mating size
    return (mating - c.material_size_m) * (1.0 if inside else -1.0)
