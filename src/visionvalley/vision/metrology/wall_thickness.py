# SPDX-License-Identifier: Apache-2.0
"""Wall thickness: how far the two sides of a wall are apart, of a nominal surface and of a scan laid on it.

Two definitions are in use. Ray: the way from a place through the material, against the outward normal, to the other
side, as with callipers. Ball: the diameter of the largest ball inside the material that touches the place; it does
not see a slanted wall as thicker than it is. The ball is found by shrinking it until nothing reaches into it
(Ma, Bae & Choi 2012, "3D medial axis point approximation using nearest neighbors and the normal field").

A scan's own thickness follows from the nominal one and from how both sides deviate. To first order, with d and e the
deviations here and there, n and m the outward normals, the ray is longer by d + e / -(n·m), and the ball has the
diameter 2 (q - p)·m / (1 - n·m), p and q the places moved by the deviations. Where the scan is laid does not matter:
what moves both sides cancels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from visionvalley.core.arrays import Floats, Ints
from visionvalley.vision.shape.distances import Closest, closest
from visionvalley.vision.shape.neighbours import Index, build_index, nearest
from visionvalley.vision.shape.rays import cast
from visionvalley.vision.shape.surfaces import SurfaceIndex

FACING = math.cos(math.radians(60))  # between the sides of a wall: what stands more aslant is an edge, no wall
SAME_SIDE = math.cos(math.radians(35))  # between normals of places on one side
SMOOTH = 1 - 1e-6  # of a place's normal and its face's: else it is an edge
START = 1e-6  # of the surface's size: where a ray begins, below the surface
TOUCHING = 1e-4  # of the radius: a ball that nothing reaches deeper into has been found
ROUNDS = 40
ROUND = 0.02  # of the ray: a ball so nearly as wide touches the other side
NEIGHBOURS, FEWEST = 16, 4  # points of a side that its deviation is the mean of


class Method(StrEnum):
    """How a thickness is defined."""

    RAY = "ray"
    BALL = "ball"


@dataclass(frozen=True, slots=True, eq=False)
class Opposite:
    """The other side of a wall, seen from each place; NaN where there is none.

    point_m       (N, 3) of it
    normal        (N, 3) outward there
    thickness_m   (N,) of the nominal wall
    """

    point_m: Floats
    normal: Floats
    thickness_m: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Walls:
    """How thick a scan's walls are where both sides were measured; NaN elsewhere.

    thickness_m, nominal_m  (N,)
    noise                   (N,) share of a point's white noise that is left in the thickness
    """

    thickness_m: Floats
    nominal_m: Floats
    noise: Floats


def opposite(surface: SurfaceIndex, places_m: Floats, normals: Floats, method: Method = Method.RAY) -> Opposite:
    """Return the other side of the wall under each place of a surface.

    places_m, normals  (N, 3) on the surface, outward; NaN gives NaN
    """
    start_m = START * surface.extent_m
    hits = cast(surface, places_m - start_m * normals, -normals)
    there = np.isfinite(hits.distance_m)
    far = np.where(there, hits.distance_m + start_m, np.nan)
    other = np.where(there[:, None], surface.face_normals[np.maximum(hits.face, 0)], np.nan)
    if method is Method.RAY:
        point = places_m - far[:, None] * normals
    else:
        point, other, far = _ball(surface, places_m, normals, far, other)
    with np.errstate(invalid="ignore"):
        wall = (normals * other).sum(axis=1) <= -FACING
    return Opposite(
        np.where(wall[:, None], point, np.nan), np.where(wall[:, None], other, np.nan), np.where(wall, far, np.nan)
    )


def _ball(
    surface: SurfaceIndex, places_m: Floats, normals: Floats, far_m: Floats, other: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return where the largest ball touches the other side, the normal there, and its diameter."""
    radius = far_m / 2
    point, normal = places_m - far_m[:, None] * normals, other.copy()
    left = np.flatnonzero(np.isfinite(radius))
    for _ in range(ROUNDS):
        if not len(left):
            break
        near = closest(surface, places_m[left] - radius[left, None] * normals[left])
        apart = places_m[left] - near.point_m
        along = (apart * normals[left]).sum(axis=1)
        smaller = (apart * apart).sum(axis=1) / np.maximum(2 * along, 1e-300)
        other_side = (near.normal * normals[left]).sum(axis=1) < SAME_SIDE  # not the next facet of a bent surface
        deeper = (
            other_side
            & (np.abs(near.distance_m) < radius[left] * (1 - TOUCHING))
            & (along > 0)
            & (smaller < radius[left])
        )
        chosen = left[deeper]
        radius[chosen], point[chosen], normal[chosen] = smaller[deeper], near.point_m[deeper], near.normal[deeper]
        left = chosen
    round_ = 2 * radius > (1 - ROUND) * far_m  # the ball of a bar touches all around it, and the other side, too
    point = np.where(round_[:, None], places_m - far_m[:, None] * normals, point)
    return point, np.where(round_[:, None], other, normal), 2 * radius


def walls(
    surface: SurfaceIndex, near: Closest, points_m: Floats, spacing_m: float, method: Method, asked: NDArray[np.bool_]
) -> Walls:
    """Return how thick the walls of an aligned scan are.

    near       of its points (N, 3) on the nominal surface
    spacing_m  distance of neighbouring points
    asked      (N,) the points at which a thickness is wanted

    The deviation of a side is the mean over the nearest points that lie on the same side. Where there are fewer than
    four within three point spacings, the wall was measured from one side alone and has no thickness.
    """
    face = surface.face_normals[np.maximum(near.face, 0)]
    smooth = (near.normal * face).sum(axis=1) > SMOOTH
    rows = np.flatnonzero(asked & smooth & np.isfinite(near.distance_m) & ~near.on_boundary)
    here, n = near.point_m[rows], near.normal[rows]
    there = opposite(surface, here, n, method)
    index = build_index(points_m)
    d, count = _mean_on(index, near, here, n, spacing_m)
    e, beyond = _mean_on(index, near, there.point_m, there.normal, spacing_m)
    facing = -(n * there.normal).sum(axis=1)
    own, others = (np.ones_like(facing), 1 / facing) if method is Method.RAY else _shares(facing)
    if method is Method.RAY:
        found = there.thickness_m + d + e / facing
    else:
        apart = there.point_m + e[:, None] * there.normal - here - d[:, None] * n
        found = 2 * (apart * there.normal).sum(axis=1) / (1 + facing)
    known = np.isfinite(found) & (count >= FEWEST) & (beyond >= FEWEST)
    noise = np.sqrt(own**2 / np.maximum(count, 1) + others**2 / np.maximum(beyond, 1))
    out = np.full((3, len(points_m)), np.nan)
    out[:, rows] = np.where(known, np.stack([found, there.thickness_m, noise]), np.nan)
    return Walls(*out)


def _shares(facing: Floats) -> tuple[Floats, Floats]:
    """Return how a ball's diameter changes with the deviation here, and there."""
    return 2 * facing / (1 + facing), 2 / (1 + facing)


def _mean_on(
    index: Index, near: Closest, places_m: Floats, normals: Floats, spacing_m: float
) -> tuple[Floats, NDArray[np.int64]]:
    """Return the mean deviation of the points about each place that lie on the same side, and their number."""
    found: Ints = nearest(index, places_m, NEIGHBOURS, 3 * spacing_m).index
    held = np.maximum(found, 0)
    same = (near.normal[held] * normals[:, None]).sum(axis=2) > SAME_SIDE
    values = near.distance_m[held]
    good = (found >= 0) & same & np.isfinite(values) & ~near.on_boundary[held]
    count = good.sum(axis=1)
    return np.where(good, values, 0.0).sum(axis=1) / np.maximum(count, 1), count
