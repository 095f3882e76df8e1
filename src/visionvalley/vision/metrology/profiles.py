# SPDX-License-Identifier: Apache-2.0
"""Profiles on a surface: circles around its axis and lines along it, read from its filtered points.

A scan has no points exactly on such a profile. Where the filter has points enough, the filtered surface is read at
places on the profile: a linear combination of the points around each. Where it has not, and for the raw value, a
profile is a slice of the points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Circle, Cone, Cylinder, Plane, Sphere
from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology.characteristics import Extracted
from visionvalley.vision.metrology.features import Smooth
from visionvalley.vision.metrology.filters import Filter, Places, angles, apply, places_on, pulled, some_of
from visionvalley.vision.metrology.fits import dots, frame
from visionvalley.vision.metrology.surfaces import distances

CIRCLES, FEWEST_CIRCLES = 20, 3
LINES = 24
ALONG_A_WAVE = 5.0  # places read along one cut-off wave
MOST = 360
BEYOND = 0.6  # gain of noise from which a place is extrapolated, not read
FEWEST = 8
SAME_RAD = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """One profile.

    points_m  (m, 3), normals (m, 3) along which distances grow
    at        where on the surface: the points' own rows, or places that were read
    across    (m,) where in its slice a point lies, -1 to 1: what changes in proportion to it is not the profile's
    """

    points_m: Floats
    normals: Floats
    part: Smooth
    at: NDArray[np.int64] | Places
    across: Floats | None = None

    def back(self, force: Floats) -> dict[str, Floats]:
        """Return what forces (..., m, 3) on the profile are at the extracted points."""
        if not isinstance(self.at, Places):
            out = np.zeros((*force.shape[:-2], *self.part.feature.points_m.shape))
            out[..., self.at, :] = force
            return {self.part.feature.name: out}
        on = cast(Filter, self.part.filter)
        along = pulled(on, dots(force, self.normals), self.at)
        return {self.part.feature.name: along[..., None] * self.part.normals}


def circles(part: Smooth) -> list[Profile]:
    """Return circles on a cylinder, cone, plane (about its point) or the one that a circle is."""
    nominal = part.feature.nominal
    if isinstance(nominal, Circle):
        return [_sliced(part, np.arange(len(part.points_m)))]
    if not isinstance(nominal, (Cylinder, Cone, Plane, Sphere)):
        raise BadInput(
            "metrology.wrong_feature", feature=part.feature.name, got=type(nominal).__name__, kind="profiles"
        )
    around, height = _cylindrical(part.feature)
    if part.filter is None:
        return slices(part, height)
    low, high = float(height.min()), float(height.max())
    count = int(np.clip((high - low) / part.filter.cutoff_m + 1, FEWEST_CIRCLES, CIRCLES))
    inset = 0.5 * (high - low) / count
    found = []
    for level in np.linspace(low + inset, high - inset, count).tolist():
        circumference = 2 * math.pi * _radius(nominal, level)
        places = int(np.clip(ALONG_A_WAVE * circumference / part.filter.cutoff_m, 24, MOST))
        turns = np.arange(places, dtype=np.float64) * (2 * math.pi / places) + (math.pi / places - math.pi)
        found.append(read(part, part.filter, _on(nominal, turns, np.full(places, float(level)))))
    del around
    return [one for one in found if len(one.points_m) >= FEWEST] or slices(part, height)


def lines(part: Smooth) -> list[Profile]:
    """Return lines along a cylinder or cone."""
    nominal = part.feature.nominal
    if not isinstance(nominal, (Cylinder, Cone)):
        raise BadInput(
            "metrology.wrong_feature", feature=part.feature.name, got=type(nominal).__name__, kind="straightness"
        )
    around, height = _cylindrical(part.feature)
    if part.filter is None:
        return slices(part, around)
    low, high = float(height.min()), float(height.max())
    places = int(np.clip(ALONG_A_WAVE * (high - low) / part.filter.cutoff_m, FEWEST, MOST))
    levels = np.arange(places, dtype=np.float64) * ((high - low) / places) + (low + 0.5 * (high - low) / places)
    found = [
        read(part, part.filter, _on(nominal, np.full(places, turn), levels))
        for turn in (np.arange(LINES) + 0.5) * (2 * math.pi / LINES) - math.pi
    ]
    return [one for one in found if len(one.points_m) >= FEWEST] or slices(part, around)


def slices(part: Smooth, along: Floats, which: NDArray[np.int64] | None = None) -> list[Profile]:
    """Return the points themselves, or some of them, in slices of equal thickness."""
    whole = np.arange(len(along)) if which is None else which
    some = along[whole]
    low, high = float(some.min()), float(some.max())
    count = int(np.clip(len(some) // (4 * FEWEST), 1, CIRCLES))
    share = (some - low) / max(high - low, 1e-300) * count
    at = np.clip(share.astype(np.int64), 0, count - 1)
    place = 2 * (share - at) - 1
    found = [np.flatnonzero(at == i) for i in range(count)]
    return [_sliced(part, whole[rows], place[rows]) for rows in found if len(rows) >= FEWEST] or [_sliced(part, whole)]


def heights(feature: Extracted) -> Floats:
    """Return where points lie along the axis of their feature; on a plane, how far from its point."""
    return _cylindrical(feature)[1]


def turns(feature: Extracted) -> Floats:
    """Return the angle of points around the axis of their feature."""
    return _cylindrical(feature)[0]


def _sliced(part: Smooth, rows: NDArray[np.int64], across: Floats | None = None) -> Profile:
    at = rows if part.filter is None else some_of(part.filter.places, rows)
    return Profile(part.points_m[rows], part.normals[rows], part, at, across)


def _cylindrical(feature: Extracted) -> tuple[Floats, Floats]:
    u, v, w = frame(feature.nominal)
    off = feature.points_m - feature.nominal.point_m
    x, y = dots(off, u), dots(off, v)
    if isinstance(feature.nominal, Plane):
        return angles(y, x), np.sqrt(x * x + y * y)
    return angles(y, x), dots(off, w)


def _radius(nominal: Cylinder | Cone | Plane | Sphere, level: float) -> float:
    if isinstance(nominal, Plane):
        return level
    if isinstance(nominal, Cone):
        return max(nominal.radius_m + level * math.tan(nominal.half_angle_rad), 1e-9)
    if isinstance(nominal, Sphere):
        return math.sqrt(max(nominal.radius_m**2 - level**2, 1e-18))
    return nominal.radius_m


def _on(nominal: Cylinder | Cone | Plane | Sphere, turn: Floats, level: Floats) -> Floats:
    """Return points (m, 3) on a nominal surface."""
    u, v, w = frame(nominal)
    radius = np.array([_radius(nominal, float(z)) for z in level])
    cosine = np.array([math.cos(t) for t in turn])
    sine = np.array([math.sin(t) for t in turn])
    up = np.zeros_like(level) if isinstance(nominal, Plane) else level
    across = (radius * cosine)[:, None] * u + (radius * sine)[:, None] * v
    on: Floats = nominal.point_m + across + up[:, None] * w
    return on


def read(part: Smooth, on: Filter, sites_m: Floats) -> Profile:
    """Return the filtered surface at sites on the nominal one; where no points are near, there is none."""
    nominal = part.feature.nominal
    places = places_on(nominal, sites_m)
    read = apply(on, part.distance_m, places)
    good = (read.gain < BEYOND) & np.isfinite(read.values)
    normals = np.array(distances(nominal, sites_m)[1])
    points = sites_m[good] + read.values[good, None] * normals[good]
    return Profile(points, normals[good], part, some_of(places, np.flatnonzero(good)))
