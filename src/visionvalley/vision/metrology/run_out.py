# SPDX-License-Identifier: Apache-2.0
"""Run-out about a datum axis (ISO 1101:2017, 17.16 and 17.17)."""

from __future__ import annotations

import numpy as np

from visionvalley.core import (
    BadInput,
    Circle,
    Cone,
    Cylinder,
    Line,
    Plane,
    Sphere,
)
from visionvalley.vision.metrology.characteristics import Characteristic, Evaluated, Extracted
from visionvalley.vision.metrology.datums import DatumSystem
from visionvalley.vision.metrology.features import (
    Smooth,
    placed,
    smooth,
)
from visionvalley.vision.metrology.fits import frame
from visionvalley.vision.metrology.form import from_the_middle, on_surface, profiles_in_zones
from visionvalley.vision.metrology.profiles import Profile, circles, heights, slices
from visionvalley.vision.metrology.toleranced import (
    Features,
    datum_system,
    evaluated,
    filter_said,
    first_of,
    surface,
    zone,
)


def circular_run_out(c: Characteristic, features: Features) -> Evaluated:
    """Each circle about the datum axis by itself; ISO 1101:2017, 17.16."""
    feature = first_of(c, features, Plane, Cylinder, Cone, Sphere, Circle)
    system = _axis_system(c, features)

    def profiles(part: Smooth) -> list[Profile]:
        return circles(part) if part.filter is not None else slices(part, heights(feature))

    own = _about_axis(feature, system)
    return profiles_in_zones(c, own, profiles, lambda _: np.zeros((6, 0)), on_surface(True), 1, system)


def total_run_out(c: Characteristic, features: Features) -> Evaluated:
    """The whole surface about the datum axis; ISO 1101:2017, 17.17."""
    feature = first_of(c, features, Plane, Cylinder)
    system = _axis_system(c, features)
    part, bare = smooth(feature, c.cutoff_m), smooth(feature, None, chosen=False)
    none = np.zeros((6, 0))
    found = zone([surface(part, sized=True)], none, system.part_from_datum, 1)
    raw = zone([surface(bare, sized=True)], none, system.part_from_datum, 1)
    element = placed(feature.nominal, system.part_from_datum)
    beside, notes = filter_said(part)
    return evaluated(
        found, 2 * raw.found.height_m, system, deviation_m=from_the_middle(part, element, found),
        elements={feature.name: element},
        beside=beside, notes=(*notes, *system.notes),
    )  # fmt: skip


def _axis_system(c: Characteristic, features: Features) -> DatumSystem:
    system = datum_system(c, features, needed=True)
    if not isinstance(system.elements[0], (Cylinder, Line, Cone)):
        raise BadInput("metrology.datum_axis", kind=c.kind.value, datum="-".join(c.datums[0].features))
    return system


def _about_axis(feature: Extracted, system: DatumSystem) -> Extracted:
    """Return a plane whose point lies on the datum axis, so that circles on it are about that axis."""
    if not isinstance(feature.nominal, Plane):
        return feature
    axis = system.elements[0]
    w, n = frame(axis)[2], feature.nominal.normal
    along = float(((feature.nominal.point_m - axis.point_m) * n).sum()) / float((w * n).sum())
    return Extracted(feature.name, Plane(axis.point_m + along * w, n), feature.points_m)
