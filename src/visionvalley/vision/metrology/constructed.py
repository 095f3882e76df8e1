# SPDX-License-Identifier: Apache-2.0
"""Elements made of others: intersections, midplanes, axes through centres, symmetric points, fitted patterns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visionvalley.core import BadInput, Circle, Cone, Cylinder, Line, Plane, Point, Pose, Slot, Sphere, require
from visionvalley.core.arrays import Floats
from visionvalley.vision.geometry.symmetric import eigen, gram, product
from visionvalley.vision.metrology.fits import cross, length, unit

PARALLEL = 1e-9  # sine of the angle below which directions are the same
Centred = Point | Circle | Sphere | Slot
Axial = Line | Cylinder | Cone


def meet_planes(first: Plane, second: Plane) -> Line:
    """Return the line in which two planes meet, its point nearest to the middle of theirs, along first x second.

    Raises BadInput for parallel planes.
    """
    direction = cross(first.normal, second.normal)
    if length(direction) < PARALLEL:
        raise BadInput("metrology.parallel", first="plane", second="plane")
    middle = 0.5 * (first.point_m + second.point_m)
    return Line(_corner((first, second, Plane(middle, direction))), direction)


def meet_three_planes(first: Plane, second: Plane, third: Plane) -> Point:
    """Return the corner of three planes; raises BadInput where they have none, or more than one."""
    if abs(_volume(first.normal, second.normal, third.normal)) < PARALLEL:
        raise BadInput("metrology.no_corner")
    return Point(_corner((first, second, third)))


def meet_line_plane(line: Axial, plane: Plane) -> Point:
    """Return where a line, or the axis of a cylinder or cone, passes a plane; raises BadInput where it is parallel."""
    steep = float((line.direction * plane.normal).sum())
    if abs(steep) < PARALLEL:
        raise BadInput("metrology.parallel", first="line", second="plane")
    along = float(((plane.point_m - line.point_m) * plane.normal).sum()) / steep
    return Point(line.point_m + along * line.direction)


def midplane(first: Plane, second: Plane) -> Plane:
    """Return the plane in the middle of two: of parallel ones halfway, of others bisecting their smaller angle.

    Its normal points from the first to the second as far as it can, its point lies between theirs. Opposite faces of a
    part may have opposite normals, or the same.
    """
    sign = 1.0 if float((first.normal * second.normal).sum()) >= 0 else -1.0
    whole = first.normal + sign * second.normal
    middle = 0.5 * (first.point_m + second.point_m)
    off = (middle - first.point_m) * first.normal + sign * (middle - second.point_m) * second.normal
    normal = unit(whole)
    middle = middle - float(off.sum()) / length(whole) * normal
    ahead = float(((second.point_m - first.point_m) * normal).sum())
    return Plane(middle, normal if ahead >= 0 else -normal)


def axis_through(first: Centred, second: Centred) -> Line:
    """Return the line from the first centre to the second, its point halfway; raises BadInput where they coincide."""
    apart = second.point_m - first.point_m
    if not length(apart) > 1e-12 * max(length(first.point_m), length(second.point_m)):
        raise BadInput("metrology.same_place")
    return Line(0.5 * (first.point_m + second.point_m), apart)


def symmetric_point(first: Centred, second: Centred) -> Point:
    """Return the point in the middle of two centres."""
    return Point(0.5 * (first.point_m + second.point_m))


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """A pattern of holes laid on the found ones.

    found_from_nominal  the motion
    residual_m          (n, 3) found minus moved nominal positions
    rms_m, largest_m    of their lengths
    """

    found_from_nominal: Pose
    residual_m: Floats
    rms_m: float
    largest_m: float


def fit_pattern(nominal_m: Floats, found_m: Floats) -> Pattern:
    """Lay nominal hole positions on found ones, pair by pair, with the least sum of squared distances.

    nominal_m, found_m  (n, 3), n >= 2 different places; rows with NaN are left out
    Raises BadInput for fewer pairs, and where all lie on one line, about which the pattern could turn.
    Horn 1987, "Closed-form solution of absolute orientation using unit quaternions".
    """
    nominal, found = require("nominal_m", nominal_m, (None, 3)), require("found_m", found_m, (len(nominal_m), 3))
    used = np.isfinite(nominal).all(axis=1) & np.isfinite(found).all(axis=1)
    if np.count_nonzero(used) < 3:
        raise BadInput("metrology.too_few", got=int(np.count_nonzero(used)), least=3, kind="pattern")
    a, b = nominal[used], found[used]
    middle_a, middle_b = a.sum(axis=0) / len(a), b.sum(axis=0) / len(b)
    a, b = a - middle_a, b - middle_b
    values, vectors = eigen(_horn(gram(a, b)))
    if values[-1] - values[-2] < 1e-9 * np.abs(values).max():
        raise BadInput("metrology.degenerate", kind="pattern")
    rotation = _rotation(vectors[:, -1])
    pose = Pose(rotation, middle_b - product(rotation, middle_a[:, None])[:, 0])
    off = np.full(nominal.shape, np.nan)
    off[used] = b - product(a, rotation.T)
    sizes = np.sqrt((off[used] ** 2).sum(axis=1))
    return Pattern(pose, off, float(np.sqrt((sizes * sizes).sum() / len(sizes))), float(sizes.max()))


def _volume(a: Floats, b: Floats, c: Floats) -> float:
    return float((cross(a, b) * c).sum())


def _corner(planes: tuple[Plane, Plane, Plane]) -> Floats:
    """Return where three planes meet, about the middle of their points (Cramer's rule)."""
    a, b, c = (plane.normal for plane in planes)
    middle = (planes[0].point_m + planes[1].point_m + planes[2].point_m) / 3
    d, e, f = (float(((plane.point_m - middle) * plane.normal).sum()) for plane in planes)
    corner: Floats = middle + (d * cross(b, c) + e * cross(c, a) + f * cross(a, b)) / _volume(a, b, c)
    return corner


def _horn(s: Floats) -> Floats:
    """Return Horn's symmetric matrix (4, 4) of sums of products, nominal by found."""
    upper = np.zeros((4, 4))
    upper[0, 1:] = s[1, 2] - s[2, 1], s[2, 0] - s[0, 2], s[0, 1] - s[1, 0]
    upper[1, 2], upper[1, 3], upper[2, 3] = s[0, 1] + s[1, 0], s[2, 0] + s[0, 2], s[1, 2] + s[2, 1]
    xx, yy, zz = s[0, 0], s[1, 1], s[2, 2]
    return upper + upper.T + np.diag([xx + yy + zz, xx - yy - zz, yy - xx - zz, zz - xx - yy])


def _rotation(q: Floats) -> Floats:
    """Return the rotation matrix of a quaternion (w, x, y, z)."""
    w, x, y, z = q / np.sqrt(float((q * q).sum()))
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
