# SPDX-License-Identifier: Apache-2.0
"""One-sided elements: they touch the points from one side and leave none on the other.

Maximum inscribed (a hole's default datum, ISO 5459) and minimum circumscribed (a shaft's) circles, spheres and
cylinders, the inscribed and circumscribed width of two parallel faces, and the plane that touches from outside the
material. The direction may be held. A circumscribed circle or sphere is the only optimum; inscribed elements and
cylinders are the best near the least-squares one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from visionvalley.core import BadInput, Circle, Cylinder, Plane, Slot, Sphere, require
from visionvalley.core.arrays import Floats
from visionvalley.kernels import fits as kernels
from visionvalley.vision.metrology.extremes import Contest, Extreme, Touching, solve
from visionvalley.vision.metrology.fits import (
    COLUMNS,
    FREE,
    Criterion,
    Held,
    deviations,
    element_of,
    frame,
    held_shape,
    shape_of,
    unit,
)
from visionvalley.vision.metrology.least_squares import fit as fit_least_squares
from visionvalley.vision.metrology.minimum_zone import EVERY, best_of, touching
from visionvalley.vision.metrology.minimum_zone import fit as fit_zone
from visionvalley.vision.metrology.starts import ALONG, ORIGIN, on_wall, prepare

ESCAPED = 3.0  # times the least-squares radius: points reach less than half round
STRAIGHT = 1e-6  # of the width: within the straight part of a slot

R = TypeVar("R", Circle, Sphere, Cylinder)


def fit_inscribed_circle(points_m: Floats, start: Circle | None = None, held: Held = FREE) -> Touching[Circle]:
    """Fit the largest circle with no point inside, in the points' least-squares plane, see `fit_round`."""
    return fit_round(points_m, start or Circle(ORIGIN, ALONG, 1.0), held, inside=True, start=start is not None)


def fit_circumscribed_circle(points_m: Floats, start: Circle | None = None, held: Held = FREE) -> Touching[Circle]:
    """Fit the smallest circle with no point outside, in the points' least-squares plane, see `fit_round`."""
    return fit_round(points_m, start or Circle(ORIGIN, ALONG, 1.0), held, inside=False, start=start is not None)


def fit_inscribed_sphere(points_m: Floats, start: Sphere | None = None, held: Held = FREE) -> Touching[Sphere]:
    """Fit the largest sphere with no point inside, see `fit_round`."""
    return fit_round(points_m, start or Sphere(ORIGIN, 1.0), held, inside=True, start=start is not None)


def fit_circumscribed_sphere(points_m: Floats, start: Sphere | None = None, held: Held = FREE) -> Touching[Sphere]:
    """Fit the smallest sphere with no point outside, see `fit_round`."""
    return fit_round(points_m, start or Sphere(ORIGIN, 1.0), held, inside=False, start=start is not None)


def fit_inscribed_cylinder(points_m: Floats, start: Cylinder | None = None, held: Held = FREE) -> Touching[Cylinder]:
    """Fit the largest cylinder with no point inside, see `fit_round`."""
    return fit_round(points_m, start or Cylinder(ORIGIN, ALONG, 1.0), held, inside=True, start=start is not None)


def fit_circumscribed_cylinder(
    points_m: Floats, start: Cylinder | None = None, held: Held = FREE
) -> Touching[Cylinder]:
    """Fit the smallest cylinder with no point outside, see `fit_round`."""
    return fit_round(points_m, start or Cylinder(ORIGIN, ALONG, 1.0), held, inside=False, start=start is not None)


def fit_round(points_m: Floats, like: R, held: Held = FREE, *, inside: bool, start: bool = True) -> Touching[R]:
    """Fit the largest inscribed or the smallest circumscribed element of the kind of another.

    points_m  (N, 3); NaN: none
    like      the kind, side and direction; with `start`, where the least-squares fit begins
    held      what may not change
    inside    inscribed: no point lies inside; else circumscribed: none outside
    `width_m` is the diameter. Raises BadInput as least squares does, and where no inscribed element is the largest:
    points on less than half of the circumference.
    """
    least = fit_least_squares(points_m, like, held, start=start).element
    problem, near = prepare(points_m, least, held)
    shape = held_shape(shape_of(near), problem.held, near)
    if isinstance(near, Circle):
        shape = replace(shape, kind=kernels.CYLINDER)
    sign = -1.0 if inside else 1.0
    columns = (0, 1) if isinstance(near, Circle) else (0, 1, 2, 3, 4)
    contest = Contest(problem, np.full(len(problem.points_m), sign), columns)
    end: Extreme = best_of(contest, shape)
    radius = near.radius_m + sign * end.level_m
    if inside and not (end.converged and radius < ESCAPED * near.radius_m):
        raise BadInput("metrology.no_inscribed", kind=type(like).__name__.lower())
    criterion = Criterion.INSCRIBED if inside else Criterion.CIRCUMSCRIBED
    found = touching(points_m, least, contest, end, criterion, 2 * sign)
    shape = replace(end.shape, sizes=np.array([radius, *end.shape.sizes[1:]]))
    shape = replace(shape, place=np.vstack([shape.place[:1] + problem.centre_m, shape.place[1:]]))
    distances, rms, largest = deviations(points_m, shape)
    own = found.answers.copy()
    own[COLUMNS[type(like)].index(6)] = 0.5 * found.sensitivities
    return replace(
        found, element=element_of(shape, least), residual_m=distances, rms_m=rms, largest_m=largest,
        width_m=2 * radius, answers=own,
    )  # fmt: skip


def fit_tangent_plane(points_m: Floats, outward: Floats, held: Held = FREE) -> Touching[Plane]:
    """Fit the plane that touches the points from outside the material, its largest distance from them least.

    points_m  (N, 3); NaN: none
    outward   (3,) about the direction out of the material
    held      what may not change
    `width_m` is the largest distance, `residual_m` nowhere positive: the zone's outer face (ISO 5459: all points on
    one side, the largest distance least).
    """
    start = Plane(ORIGIN, require("outward", outward, (3,), finite=True))
    zone = fit_zone(points_m, start, held)
    half = 0.5 * zone.width_m
    plane = replace(zone.element, point_m=zone.element.point_m + half * zone.element.normal)
    own = zone.answers.copy()
    own[0] += 0.5 * zone.sensitivities
    distances, rms, largest = deviations(points_m, shape_of(plane))
    return replace(
        zone,
        element=plane,
        residual_m=distances,
        rms_m=rms,
        largest_m=largest,
        criterion=Criterion.TANGENT,
        answers=own,
    )


def fit_width(points_m: Floats, like: Slot, held: Held = FREE, *, inside: bool | None = None) -> Touching[Plane]:
    """Fit the largest gap between the straight sides of a slot, or the smallest about those of a tongue.

    points_m  (N, 3) on the sides; points beyond its straight part count as none
    like      where the slot is: tells its two sides apart, and its straight part
    held      what its middle plane may not change (its normal points across); where the points lie on a curve, not
              on a wall, it stays at right angles to the plane of the slot
    inside    the largest gap with no point inside; else the smallest with none outside; None: as `like.internal` says
    Return the middle plane; `width_m` is the width, `residual_m` positive off the gap, on both sides.
    """
    inside = like.internal if inside is None else inside
    across = frame(like)[1]
    off = require("points_m", points_m, (None, 3)) - like.point_m
    straight = (
        np.abs((off * like.direction).sum(axis=1)) <= 0.5 * (like.length_m - like.width_m) + STRAIGHT * like.width_m
    )
    points = np.where(straight[:, None], points_m, np.nan)
    side = np.where((off * across).sum(axis=1) > 0, 1.0, -1.0)
    middle = Plane(like.point_m, unit(across))
    if held is FREE and not on_wall(off[straight & np.isfinite(off).all(axis=1)], like, None):
        held = Held(perpendicular=like.normal)
    problem, near = prepare(points, middle, held)
    sides = side[np.isfinite(points).all(axis=1)]
    if (sides > 0).all() or (sides < 0).all():
        raise BadInput("metrology.one_side")
    sign = -1.0 if inside else 1.0
    shape = held_shape(shape_of(near), problem.held, near)
    end, _ = solve(Contest(problem, sign * sides, EVERY), shape.beside(ORIGIN))
    criterion = Criterion.INSCRIBED if inside else Criterion.CIRCUMSCRIBED
    found = touching(points, middle, Contest(problem, sign * sides, EVERY), end, criterion, 2 * sign)
    distances = side * found.residual_m - 0.5 * found.width_m
    known = distances[np.isfinite(distances)]
    return replace(
        found, points_m=points_m, residual_m=distances, rms_m=float(np.sqrt((known * known).sum() / len(known))),
        largest_m=float(np.abs(known).max()),
    )  # fmt: skip
