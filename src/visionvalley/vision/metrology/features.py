# SPDX-License-Identifier: Apache-2.0
"""What a tolerance speaks of: the filtered surface of a feature, or its extracted median line or centre.

The median line of a cylinder or cone is that of ISO 17450-3:2016 (before: ISO 14660-2): the feature is cut into
sections at right angles to its associated axis, the centre of the least-squares circle of each is a point of the
line. A scan has no points exactly in a plane, so a section is a slice; slices are as thick as it takes for
`SLICE` points, and the line goes on from the outermost centres to the ends of the feature. The median surface of two
opposite planes: in cells of the middle plane, half way between the means of the points on either side.

Each derived point answers linearly to the extracted points; `back` takes what pulls at derived points to what pulls
at extracted ones, so that sensitivities follow by the chain rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import cast

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Circle, Cone, Cylinder, Element, Plane, Pose
from visionvalley.core.arrays import Floats
from visionvalley.vision.geometry.symmetric import gram, product, solve
from visionvalley.vision.metrology.by_kind import fit_least_squares
from visionvalley.vision.metrology.characteristics import Extracted
from visionvalley.vision.metrology.filters import Filter, apply, chosen_cutoff_m, gaussian, places_on, pulled
from visionvalley.vision.metrology.fits import box, dots, frame
from visionvalley.vision.metrology.surfaces import distances

SLICE, FEWEST = 40, 6  # points that a slice is made for, and that it takes at least
SLICES = 40
ENDED = 5  # sections that a line takes at least to go on to its feature's ends
SPREAD = 0.02  # of a full circle's information: a slice with less of a circle has no centre
LEAST_POINTS = 3
KEPT = 8  # filtered surfaces: those that the next tolerance of the same features takes


@dataclass(frozen=True, slots=True, eq=False)
class Smooth:
    """The points of a feature, moved along its normals to where the filter puts them.

    points_m    (N, 3) filtered; normals (N, 3) along which distances grow
    distance_m  (N,) from the nominal element, before filtering
    filter      None: the points are as they were extracted
    """

    feature: Extracted
    points_m: Floats
    normals: Floats
    distance_m: Floats
    filter: Filter | None

    def back(self, force: Floats) -> Floats:
        """Return what forces (..., N, 3) at the filtered points are at the extracted ones: (..., N, 3)."""
        if self.filter is None:
            return force
        return pulled(self.filter, dots(force, self.normals))[..., None] * self.normals


def smooth(feature: Extracted, cutoff_m: float | None, *, chosen: bool = True) -> Smooth:
    """Return the filtered points of a feature; `chosen`: with the cut-off of `chosen_cutoff_m` where none is given."""
    return _smooth(feature, cutoff_m, chosen)


@lru_cache(maxsize=KEPT)
def _smooth(feature: Extracted, cutoff_m: float | None, chosen: bool) -> Smooth:
    distance, normals = distances(feature.nominal, feature.points_m)
    on = filter_of(feature, cutoff_m, chosen=chosen)
    if on is None:
        return Smooth(feature, feature.points_m, normals, distance, None)
    lie = _misplaced(feature, distance, normals)
    filtered = apply(on, distance - lie, gains=False).values + lie
    return Smooth(feature, feature.points_m + (filtered - distance)[:, None] * normals, normals, distance, on)


def _misplaced(feature: Extracted, distance: Floats, normals: Floats) -> Floats:
    """Return what of the deviations (N,) of a round feature is its place, by least squares.

    It passes by the filter, which would flatten the wave of one turn that an eccentric feature shows by a little.
    """
    if not isinstance(feature.nominal, (Circle, Cylinder)):
        return np.zeros_like(distance)
    u, v, w = frame(feature.nominal)
    along = dots(feature.points_m - feature.nominal.point_m, w)
    along = along / max(float(np.abs(along).max()), 1e-300)
    x, y = dots(normals, u), dots(normals, v)
    columns = [np.ones_like(x), x, y]
    if isinstance(feature.nominal, Cylinder):
        columns += [along * x, along * y]
    waves = np.stack(columns, axis=1)
    try:
        much = solve(gram(waves), gram(waves, distance[:, None])[:, 0])
    except BadInput:  # too little of a turn to tell
        return np.zeros_like(distance)
    return product(waves, much[:, None])[:, 0]


def filter_of(feature: Extracted, cutoff_m: float | None, *, chosen: bool = True) -> Filter | None:
    """Return the filter of a feature; None where it has too few points for one, or none is wanted."""
    places = places_on(feature.nominal, feature.points_m)
    wanted = chosen_cutoff_m(places) if cutoff_m is None and chosen else cutoff_m
    return None if wanted is None else gaussian(places, wanted)


@dataclass(frozen=True, slots=True, eq=False)
class Derived:
    """Points of a median line, a median surface, or a centre.

    points_m    (m, 3)
    axis        what is associated with the whole feature
    back        takes forces (..., m, 3) to forces on the extracted points of each feature, (..., N, 3)
    associated  whether it is the associated axis or centre itself, for want of sections
    """

    points_m: Floats
    axis: Element
    back: Callable[[Floats], dict[str, Floats]]
    associated: bool


def require_points(feature: Extracted, least: int = LEAST_POINTS) -> None:
    """Raise BadInput where a feature has fewer points."""
    if len(feature.points_m) < least:
        raise BadInput("metrology.few_points", feature=feature.name, got=len(feature.points_m), least=least)


def centre(feature: Extracted) -> Derived:
    """Return the centre of the least-squares sphere, circle or slot."""
    fitted = fit_least_squares(feature.points_m, feature.nominal)
    element = fitted.element
    axes = frame(element)

    def back(force: Floats) -> dict[str, Floats]:
        out = np.zeros((*force.shape[:-2], *feature.points_m.shape))
        for along, own in zip(axes, fitted.influence, strict=False):  # the first three shift it along its own axes
            out += dots(force[..., 0, :], along)[..., None, None] * own
        return {feature.name: out}

    return Derived(element.point_m[None], element, back, True)


def median_line(feature: Extracted) -> Derived:
    """Return the extracted median line of a cylinder or cone."""
    require_points(feature, 6)
    fitted = fit_least_squares(feature.points_m, feature.nominal)
    axis: Cylinder | Cone = fitted.element
    u, v, w = frame(axis)
    off = feature.points_m - axis.point_m
    x, y, z = dots(off, u), dots(off, v), dots(off, w)
    slices, count = _slices(z)
    far = np.maximum(np.sqrt(x * x + y * y), 1e-300)
    radius = fitted.element.radius_m + (z * math.tan(axis.half_angle_rad) if isinstance(axis, Cone) else 0.0)
    cosine, sine = x / far, y / far
    inverse, good = _circles(cosine, sine, slices, count)
    if np.count_nonzero(good) < 2:
        return _ends(feature, axis, z, fitted.influence)
    deviation = far - radius
    sums = np.stack(
        [np.bincount(slices, part * deviation, count) for part in (cosine, sine, np.ones_like(sine))], axis=1
    )
    centres = (inverse * sums[:, None, :]).sum(axis=2)
    middle = np.bincount(slices, z, count) / np.maximum(np.bincount(slices, minlength=count), 1)
    points = axis.point_m + centres[:, :1] * u + centres[:, 1:2] * v + middle[:, None] * w
    away = cosine[:, None] * u + sine[:, None] * v

    def back(force: Floats) -> dict[str, Floats]:
        mixed = np.zeros((*force.shape[:-2], count, 3))  # by cosine, sine, one
        mixed[..., good, :] = (
            dots(force, u)[..., None] * inverse[good, 0] + dots(force, v)[..., None] * inverse[good, 1]
        )
        along = mixed[..., slices, 0] * cosine + mixed[..., slices, 1] * sine + mixed[..., slices, 2]
        return {feature.name: along[..., None] * away}

    return _to_its_ends(Derived(points[good], axis, back, False), z, count)


def _to_its_ends(line: Derived, z: Floats, count: int) -> Derived:
    """Return a median line of sections that reaches as far as the points at z (N,) along its axis.

    The centres of sections lie half their thickness inside. At an end the line goes on through the three nearest
    centres, by least squares: exact for straight lines; of the sagitta of a bend 6 / count² are missing, without it
    2 / count. Noise of the ends is 1.2 times that of a centre.
    """
    w = frame(line.axis)[2]
    along = ((line.points_m - line.axis.point_m) * w).sum(axis=1)
    low, high = float(z.min()), float(z.max())
    rows = []
    for end, three in ((low, slice(0, 3)), (high, slice(-3, None))):
        some = along[three]
        if len(along) >= ENDED and abs(end - some).min() <= (high - low) / count:
            off = some - some.mean()
            row = np.zeros(len(along))
            row[three] = 1 / 3 + (end - some.mean()) * off / (off * off).sum()
            rows.append(row)
    points = np.concatenate([line.points_m, *(product(row[None], line.points_m) for row in rows)])

    def back(force: Floats) -> dict[str, Floats]:
        own = force[..., : len(along), :]
        for k, row in enumerate(rows):
            own = own + row[:, None] * force[..., len(along) + k, None, :]
        return line.back(own)

    return replace(line, points_m=points, back=back)


def _slices(z: Floats) -> tuple[NDArray[np.int64], int]:
    """Return the slice of each point along an axis, and how many slices there are."""
    low, high = float(z.min()), float(z.max())
    count = max(1, min(SLICES, len(z) // SLICE))
    if count < 3:
        count = max(1, min(3, len(z) // FEWEST))
    return np.clip(((z - low) / max(high - low, 1e-300) * count).astype(np.int64), 0, count - 1), count


def _circles(cosine: Floats, sine: Floats, slices: NDArray[np.int64], count: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the inverse of the normal equations of each slice's circle (S, 3, 3), and which can be solved."""
    one = np.ones_like(cosine)
    parts = (cosine, sine, one)
    normal = np.array([[np.bincount(slices, a * b, count) for b in parts] for a in parts]).transpose(2, 0, 1)
    points = normal[:, 2, 2]
    inverse = np.zeros_like(normal)
    a, b, c, d, e, f = (normal[:, i, j] for i, j in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)))
    minors = ((d * f - e * e), (c * e - b * f), (b * e - c * d), (a * f - c * c), (b * c - a * e), (a * d - b * b))
    determinant = a * minors[0] + b * minors[1] + c * minors[2]
    good = (points >= FEWEST) & (determinant > SPREAD * 0.25 * points**3)
    for (i, j), minor in zip(((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)), minors, strict=True):
        inverse[good, i, j] = inverse[good, j, i] = (minor[good]) / determinant[good]
    return inverse, good


def _ends(feature: Extracted, axis: Cylinder | Cone, z: Floats, influence: Floats) -> Derived:
    """Return the two ends of the associated axis over the feature's length."""
    u, v, w = frame(axis)
    ends = np.array([float(z.min()), float(z.max())])

    def back(force: Floats) -> dict[str, Floats]:
        out = np.zeros((*force.shape[:-2], *feature.points_m.shape))
        for k, at in enumerate(ends):
            along_u, along_v = (dots(force[..., k, :], one)[..., None, None] for one in (u, v))
            out += along_u * (influence[0] + at * influence[2]) + along_v * (influence[1] + at * influence[3])
        return {feature.name: out}

    return Derived(axis.point_m + ends[:, None] * w, axis, back, True)


def opposite(first: Extracted, second: Extracted) -> bool:
    """Say whether two features are parallel planes that face away from each other, or towards."""
    if not (isinstance(first.nominal, Plane) and isinstance(second.nominal, Plane)):
        return False
    return float((first.nominal.normal * second.nominal.normal).sum()) < -1 + 1e-6


def as_plane(element: Element) -> Plane:
    """Return an element that is known to be a plane."""
    return cast(Plane, element)


def middle_plane(one: Element, other: Element) -> Plane:
    """Return the plane half way between two parallel ones; its normal is that of the first."""
    first, second = as_plane(one), as_plane(other)
    gap = float(((second.point_m - first.point_m) * first.normal).sum())
    return Plane(first.point_m + 0.5 * gap * first.normal, first.normal)


def median_surface(first: Extracted, second: Extracted) -> Derived:
    """Return the extracted median surface of two opposite parallel planes."""
    for feature in (first, second):
        require_points(feature)
    middle = middle_plane(first.nominal, second.nominal)
    u, v, w = frame(middle)
    local = [np.stack([dots(f.points_m - middle.point_m, a) for a in (u, v, w)], axis=1) for f in (first, second)]
    boxes = [box(points) for points in local]
    low, high = np.maximum(boxes[0][0], boxes[1][0]), np.minimum(boxes[0][1], boxes[1][1])
    span = high[:2] - low[:2]  # one of them is zero for points on two lines
    if (span < 0).any() or not (span > 0).any():
        raise BadInput("metrology.not_opposite", first=first.name, second=second.name)
    fewer = min(len(first.points_m), len(second.points_m))
    across = max(1, min(20, math.isqrt(fewer // FEWEST)))
    cells, sums = [], []
    for points in local:
        at = np.floor((points[:, :2] - low[:2]) / np.maximum(span, 1e-300) * across).astype(np.int64)
        inside = ((points[:, :2] >= low[:2]) & (points[:, :2] <= high[:2])).all(axis=1)
        cell = np.where(inside, np.clip(at, 0, across - 1) @ np.array([across, 1]), across * across)
        cells.append(cell)
        sums.append(np.bincount(cell, minlength=across * across + 1)[:-1])
    good = (sums[0] > 0) & (sums[1] > 0)
    if not good.any():
        raise BadInput("metrology.not_opposite", first=first.name, second=second.name)
    mean = [
        np.stack([np.bincount(c, p[:, k], across * across + 1)[:-1] / np.maximum(s, 1) for k in range(3)], axis=1)
        for c, p, s in zip(cells, local, sums, strict=True)
    ]
    half = 0.5 * (mean[0] + mean[1])[good]
    points = middle.point_m + half[:, :1] * u + half[:, 1:2] * v + half[:, 2:] * w
    place = np.append(np.where(good, np.cumsum(good) - 1, -1), -1)

    def back(force: Floats) -> dict[str, Floats]:
        out = {}
        for feature, cell, total in zip((first, second), cells, sums, strict=True):
            row = place[cell]
            share = 0.5 / np.append(np.maximum(total, 1), 1)[cell]
            out[feature.name] = np.where(row[:, None] >= 0, share[:, None] * force[..., row, :], 0.0)
        return out

    return Derived(points, middle, back, False)


def placed(element: Element, pose: Pose) -> Element:
    """Return an element moved by a pose."""
    changes = {"point_m": pose.apply(element.point_m[None])[0]}
    for name in ("normal", "direction"):
        if hasattr(element, name):
            changes[name] = pose.turn(getattr(element, name)[None])[0]
    return replace(element, **changes)
