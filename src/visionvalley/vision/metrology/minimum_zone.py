# SPDX-License-Identifier: Apache-2.0
"""Minimum-zone elements: the largest distance of all points is least (Chebyshev), ISO 1101 and ISO 5459.

Zones: of a line the cylinder about it, or in a given plane the strip; of a plane the slab; of a circle the annulus
in its least-squares plane; of a sphere, cylinder and cone the shell. The search begins at the least-squares element
and, since distances curve, at others that fit about as well; the best of the optima is returned.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from visionvalley.core import Circle, Cone, Cylinder, Line, Plane, Sphere
from visionvalley.core.arrays import Floats
from visionvalley.kernels import fits as kernels
from visionvalley.vision.geometry.directions import sphere_of_directions
from visionvalley.vision.geometry.symmetric import eigen, product
from visionvalley.vision.metrology.extremes import BEYOND, Contest, Extreme, Touching, answers, solve
from visionvalley.vision.metrology.fits import (
    COLUMNS,
    FREE,
    Criterion,
    E,
    Held,
    Shape,
    axes,
    cross,
    deviations,
    dots,
    element_of,
    held_shape,
    measured,
    shape_of,
    unit,
    with_angle,
)
from visionvalley.vision.metrology.least_squares import fit as fit_least_squares
from visionvalley.vision.metrology.least_squares import scale_of, settled, sums_of
from visionvalley.vision.metrology.starts import ALONG, ORIGIN, prepare, tidied

BULKY, FAT = 1e-2, 0.05  # of the extent: wider zones may have several optima, or lie any way
NOTHING = 1e-12  # of the extent: of points without noise only rounding is left
THIN_STARTS, BULKY_STARTS, WAYS = 2, 8, 24
EVERY = tuple(range(8))


def fit(points_m: Floats, like: E, held: Held = FREE, *, start: bool = True) -> Touching[E]:
    """Fit an element of the kind of another by the minimum zone.

    points_m  (N, 3); NaN: none
    like      gives the kind, the side of the material, which way a direction points; with `start`, also where the
              least-squares fit begins that the search begins at
    held      what may not change
    Raises BadInput as the least-squares fit does; but a plane or line that least squares leave open, as a cube's
    points do, has a zone all the same.
    """
    if isinstance(like, (Plane, Line)):
        problem, best = settled(points_m, like, held, start=start)
        shape = best.shape
        least = element_of(replace(shape, place=np.vstack([shape.place[:1] + problem.centre_m, shape.place[1:]])), like)
    else:
        least = fit_least_squares(points_m, like, held, start=start).element
        problem, near = prepare(points_m, least, held)
        shape = held_shape(shape_of(near), problem.held, near)
    if isinstance(least, Line):
        largest = float(measured(problem.points_m, shape).max())
        shape = replace(shape, kind=kernels.TUBE, sizes=with_angle(max(largest, BEYOND * problem.extent_m), 0.0))
    elif isinstance(least, Circle):
        shape = replace(shape, kind=kernels.CYLINDER)
    sides = 1.0 if isinstance(least, Line) else 0.0
    columns = (0, 1, 6) if isinstance(least, Circle) else EVERY
    contest = Contest(problem, np.full(len(problem.points_m), sides), columns)
    return touching(points_m, least, contest, best_of(contest, shape), Criterion.MINIMUM_ZONE)


def fit_line(points_m: Floats, start: Line | None = None, held: Held = FREE) -> Touching[Line]:
    """Fit the axis of the smallest cylinder about all points, see `fit`."""
    return fit(points_m, start or Line(ORIGIN, ALONG), held, start=start is not None)


def fit_plane(points_m: Floats, start: Plane | None = None, held: Held = FREE) -> Touching[Plane]:
    """Fit the middle of the thinnest slab about all points, see `fit`."""
    return fit(points_m, start or Plane(ORIGIN, ALONG), held, start=start is not None)


def fit_circle(points_m: Floats, start: Circle | None = None, held: Held = FREE) -> Touching[Circle]:
    """Fit the middle of the thinnest annulus about all points in their least-squares plane, see `fit`."""
    return fit(points_m, start or Circle(ORIGIN, ALONG, 1.0), held, start=start is not None)


def fit_sphere(points_m: Floats, start: Sphere | None = None, held: Held = FREE) -> Touching[Sphere]:
    """Fit the middle of the thinnest shell between spheres of one centre, see `fit`."""
    return fit(points_m, start or Sphere(ORIGIN, 1.0), held, start=start is not None)


def fit_cylinder(points_m: Floats, start: Cylinder | None = None, held: Held = FREE) -> Touching[Cylinder]:
    """Fit the middle of the thinnest shell between cylinders of one axis, see `fit`."""
    return fit(points_m, start or Cylinder(ORIGIN, ALONG, 1.0), held, start=start is not None)


def fit_cone(points_m: Floats, start: Cone | None = None, held: Held = FREE) -> Touching[Cone]:
    """Fit the middle of the thinnest shell between cones of one axis and angle, see `fit`."""
    return fit(points_m, start or Cone(ORIGIN, ALONG, 1.0, 0.5), held, start=start is not None)


def fit_line_in_plane(points_m: Floats, normal: Floats, start: Line | None = None) -> Touching[Line]:
    """Fit the middle of the narrowest strip about all points, seen along the normal (3,) of a plane.

    The line lies at right angles to the normal, at the points' mean height; residuals are signed, positive on the
    side of normal x direction.
    """
    n = unit(np.array(normal, np.float64))
    flat = points_m - dots(points_m, n)[:, None] * n
    line = fit_least_squares(flat, start or Line(ORIGIN, ALONG), Held(perpendicular=n), start=start is not None).element
    across = Plane(line.point_m, cross(n, line.direction))
    strip = fit(points_m, across, Held(perpendicular=n))
    direction = cross(strip.element.normal, n)
    element = Line(strip.element.point_m, direction)
    answer = _along_line(strip.answers, axes(strip.element.normal), axes(element.direction), n, direction)
    return Touching(
        element, points_m, strip.residual_m, strip.rms_m, strip.largest_m, strip.criterion, strip.rounds,
        strip.converged, strip.width_m, strip.contacts, strip.multipliers, strip.sensitivities, answer,
    )  # fmt: skip


def _along_line(strip: Floats, plane: Floats, line: Floats, n: Floats, direction: Floats) -> Floats:
    """Turn how a plane along a normal answers, (3, m, 3), into how the line in it does, (4, m, 3)."""
    turn = product(np.array([[(axis * cross(n, plane[2])).sum() for axis in plane[:2]]]), strip[1:].reshape(2, -1))[0]
    swept = cross(n, direction)
    moves = [(plane[2] * axis).sum() * strip[0].reshape(-1) for axis in line[:2]]
    tilts = [(swept * axis).sum() * turn for axis in line[:2]]
    return np.array([*moves, *tilts]).reshape(4, *strip.shape[1:])


def best_of(contest: Contest, shape: Shape) -> Extreme:
    """Return the best of the optima that starts about a shape lead to."""
    best, chosen = solve(contest, shape)
    for other in _others(contest, shape, best):
        found, chosen = solve(contest, other, chosen)
        if (found.converged and not best.converged) or found.level_m < best.level_m * (1 - 1e-12):
            best = found if found.converged or not best.converged else best
    return best


def _others(contest: Contest, shape: Shape, best: Extreme) -> Iterator[Shape]:
    """Yield further starts: shapes that change distances by about the zone, and for fat zones other ways."""
    problem = contest.problem
    free = contest.free(shape)
    if free.shape[1] == 0:
        return
    some, plain = problem.thinned().points_m, shape
    wide = abs(best.level_m)
    if problem.kind is Plane and NOTHING * problem.extent_m < wide <= BULKY * problem.extent_m:
        return  # tilts that matter are small, and distances then linear: there is one optimum
    if shape.kind == kernels.TUBE:
        plain, wide = replace(shape, kind=kernels.LINE), float(shape.sizes[0])
    values, vectors = eigen(product(free.T, sums_of(some, plain, problem.extent_m).second, free) / len(some))
    reach = wide / np.sqrt(np.maximum(values, 1e-12 * values[-1]))
    random = np.random.Generator(np.random.PCG64(1))
    for _ in range(BULKY_STARTS if problem.kind is Line or wide > BULKY * problem.extent_m else THIN_STARTS):
        step = product(free, vectors, (reach * random.standard_normal(len(reach)))[:, None])[:, 0]
        other = tidied(shape.stepped(step / scale_of(shape, problem.extent_m)), problem)
        if other is not None:
            yield other
    if problem.kind in (Plane, Line) and wide > FAT * problem.extent_m and problem.held is FREE:
        for way in sphere_of_directions(2 * WAYS)[:WAYS]:
            yield replace(shape, place=np.vstack([ORIGIN, axes(way)]))


def touching(
    points_m: Floats, like: E, contest: Contest, end: Extreme, criterion: Criterion, of_level: float = 2.0
) -> Touching[E]:
    """Return the element of an optimum; its width is `of_level` times the largest function."""
    problem = contest.problem
    level, moves = answers(contest, end)
    shape = replace(end.shape, place=np.vstack([end.shape.place[:1] + problem.centre_m, end.shape.place[1:]]))
    reached = end.level_m
    if shape.kind == kernels.TUBE:
        size = float(shape.sizes[0])
        reached = math.sqrt(max(size * (size + 2 * end.level_m), 0.0))
        level = level * (size / max(reached, BEYOND * problem.extent_m))
        shape = replace(shape, kind=kernels.CYLINDER, sizes=with_angle(0.0, 0.0))
    distances, rms, largest = deviations(points_m, shape)
    rows = np.flatnonzero(np.isfinite(distances))[end.rows]
    return Touching(
        element=element_of(shape, like), points_m=points_m, residual_m=distances, rms_m=rms, largest_m=largest,
        criterion=criterion, rounds=end.rounds, converged=end.converged, width_m=of_level * reached,
        contacts=rows, multipliers=end.multipliers, sensitivities=of_level * level,
        answers=moves[list(COLUMNS[problem.kind])],
    )  # fmt: skip
