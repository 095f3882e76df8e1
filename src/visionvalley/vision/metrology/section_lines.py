# SPDX-License-Identifier: Apache-2.0
"""Lines in which planes of one direction cut a surface: the intersection plane of ISO 1101:2017, 14.

What deviates there is seen within that plane: the distance of a point from the curve in which the plane through it
cuts the nominal surface. Where the plane runs askew to the surface that is more than the distance from the surface.
"""

from __future__ import annotations

import numpy as np

from visionvalley.core import BadInput, Element, Pose
from visionvalley.core.arrays import Floats
from visionvalley.vision.geometry.symmetric import eigen, gram, product
from visionvalley.vision.metrology.characteristics import Characteristic, Extracted
from visionvalley.vision.metrology.features import Smooth, placed
from visionvalley.vision.metrology.fits import axes, unit
from visionvalley.vision.metrology.profiles import ALONG_A_WAVE, CIRCLES, FEWEST, FEWEST_CIRCLES, Profile, read, slices
from visionvalley.vision.metrology.surfaces import distances
from visionvalley.vision.metrology.toleranced import Zoned
from visionvalley.vision.metrology.zones import Rows

ASKEW = 0.2  # sine of the angle between plane and surface: where it is less, the surface is not cut but grazed
ROUNDS, STILL_M = 20, 1e-14
LOCKED = 1e-10  # of the squares of balanced motions


def direction_of(c: Characteristic, feature: Extracted) -> Floats:
    """Return the unit normal (3,) of the section planes; raises BadInput where none is given, or it has no length."""
    if c.section is None:
        raise BadInput("metrology.section_needed", name=c.name, kind=c.kind.value, feature=feature.name)
    given = np.array(c.section, np.float64)
    if not (np.isfinite(given).all() and (given * given).sum() > 0):
        raise BadInput("core.bad_direction", name="section")
    return unit(given)


def _sine(surface: Floats, normal: Floats) -> Floats:
    """Return the sine of the angle at which planes cut a surface of unit normals (N, 3)."""
    along = (surface * normal).sum(axis=1)
    sine: Floats = np.sqrt(np.maximum(1 - along * along, 0.0))
    return sine


def in_plane(element: Element, points_m: Floats, normal: Floats) -> tuple[Floats, Floats]:
    """Return how far points lie from an element within planes (N,), and how that grows with their shifts (N, 3).

    normal  (3,) of the planes, one through each point

    Signed as `surfaces.distances`. The foot of each point moves along the curve to below it and down to it by turns.
    """
    foot = np.array(points_m)
    for _ in range(ROUNDS):
        distance, grows = distances(element, foot)
        size = np.maximum(_sine(grows, normal), 1e-9)
        away = (grows - (grows * normal).sum(axis=1)[:, None] * normal) / size[:, None]
        off = points_m - foot
        step = off - ((off * away).sum(axis=1) + distance / size)[:, None] * away
        foot = foot + step
        if float(np.abs(step).max(initial=0.0)) < STILL_M:
            break
    return ((points_m - foot) * away).sum(axis=1), grows / size[:, None]


def in_section(profile: Profile, normal: Floats) -> Zoned:
    """Return the points of a profile on either side of their nominal curve, in the plane of the profile."""
    element, points = profile.part.feature.nominal, profile.points_m
    grown = np.zeros((len(points), 0)) if profile.across is None else -profile.across[:, None]

    def rows(pose: Pose, sizes: Floats) -> Rows:
        values, gradients = in_plane(placed(element, pose), points, pose.turn(normal[None])[0])
        for column, size in zip(grown.T, sizes, strict=True):
            values = values + column * size
        return Rows.both(values, points, gradients, grown)

    return Zoned(rows, len(points), profile.back, profile)


def within(normal: Floats, middle: Floats, extent: float, free: Floats) -> Floats:
    """Return those of free motions (6, f) that keep what lies about a middle in its plane."""
    leaves = [np.concatenate([np.cross(middle, normal), normal])]
    leaves += [np.concatenate([extent * across, np.zeros(3)]) for across in axes(normal)[:2]]
    rows = product(np.array(leaves), free)
    if not rows.size:
        return free
    values, vectors = eigen(gram(rows))
    return product(free, vectors[:, values <= LOCKED * max(float(values[-1]), 1.0)])


def sections(c: Characteristic, part: Smooth, normal: Floats) -> list[Profile]:
    """Return where planes across `normal` cut a surface: from its filtered points, or slices of the points.

    Raises BadInput where such planes only graze it.
    """
    nominal, points = part.feature.nominal, part.feature.points_m
    along = (points * normal).sum(axis=1)
    cut = np.flatnonzero(_sine(part.normals, normal) > ASKEW)
    if not len(cut):
        raise BadInput("metrology.section_along", name=c.name, feature=part.feature.name)
    if part.filter is None:
        return slices(part, along, cut)
    cutoff = part.filter.cutoff_m
    low, high = float(along.min()), float(along.max())
    count = int(np.clip((high - low) / cutoff + 1, FEWEST_CIRCLES, CIRCLES))
    levels = low + (np.arange(count) + 0.5) * ((high - low) / count)
    reach = min(0.5 * cutoff, 0.5 * (high - low) / count)
    found = []
    for level in levels.tolist():
        sites = _cut(nominal, points[np.abs(along - level) <= reach], normal, level)
        found.append(read(part, part.filter, _thinned(sites, normal, cutoff / ALONG_A_WAVE)))
    return [one for one in found if len(one.points_m) >= FEWEST] or slices(part, along, cut)


def _cut(nominal: Element, points_m: Floats, normal: Floats, level: float) -> Floats:
    """Return the places near points where a plane cuts a nominal surface; where it grazes it there are none."""
    on = points_m - ((points_m * normal).sum(axis=1) - level)[:, None] * normal
    value, grows = in_plane(nominal, on, normal)
    size = np.sqrt((grows * grows).sum(axis=1))
    away = grows - (grows * normal).sum(axis=1)[:, None] * normal
    away = away / np.sqrt((away * away).sum(axis=1))[:, None]
    sites: Floats = (on - value[:, None] * away)[size < 1 / ASKEW]
    return sites


def _thinned(sites_m: Floats, normal: Floats, step_m: float) -> Floats:
    """Return one of the places in each square of a plane."""
    u, v, _ = axes(normal)
    at = np.stack([np.floor((sites_m * axis).sum(axis=1) / step_m) for axis in (u, v)], axis=1)
    first = np.unique(at, axis=0, return_index=True)[1]
    return sites_m[np.sort(first)]
