# SPDX-License-Identifier: Apache-2.0
"""Where fits begin: points about their mean, and shapes near the best, from the points alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from visionvalley.core import BadInput, Circle, Cone, Cylinder, Element, Line, Plane, Slot, Sphere, require
from visionvalley.core.arrays import Floats
from visionvalley.kernels import fits as kernels
from visionvalley.kernels import starts as searching
from visionvalley.kernels.threads import each_thread
from visionvalley.vision.geometry.directions import sphere_of_directions
from visionvalley.vision.geometry.symmetric import eigen, gram
from visionvalley.vision.metrology.fits import (
    FREE,
    E,
    Held,
    Shape,
    axes,
    box,
    cross,
    dots,
    length,
    shape_of,
    with_angle,
)

ORIGIN, ALONG, ACROSS = np.zeros(3), np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])
LEAST: dict[type[Element], int] = {Line: 2, Plane: 3, Circle: 3, Sphere: 4, Cylinder: 5, Cone: 6, Slot: 6}
FEW, SOME = 6000, 3000  # more points than these: settle on some of them first
SEARCHED, DIRECTIONS, TRIED = 300, 400, 6
APART = 0.97  # cosine of the angle between directions that are tried
CYLINDER_COST, CONE_COST = 0, 4  # columns of what is found about a direction
REFINED, RING, RINGS, FIRST_RING_RAD = 60, 16, (8, 50), 0.06  # rings for cylinders, for cones
DEEP = 0.05  # of the width: points that spread along the normal by more lie on a wall


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Finite points about their mean, their root mean square distance from it, and what is held."""

    points_m: Floats
    centre_m: Floats
    extent_m: float
    kind: type[Element]
    held: Held

    def thinned(self) -> Problem:
        """Return the problem with fewer points, to settle on."""
        if len(self.points_m) <= FEW:
            return self
        step = -(-len(self.points_m) // SOME)
        return replace(self, points_m=np.ascontiguousarray(self.points_m[::step]))


def prepare(points_m: Floats, like: E, held: Held) -> tuple[Problem, E]:
    """Return the problem about the mean of the points, and the element likewise.

    Raises BadInput for too few points, and for points that all lie in one place or (but for a line) on one line.
    """
    kind = type(like)
    points = require("points_m", points_m, (None, 3))
    used = np.isfinite(points).all(axis=1)
    count, least = int(np.count_nonzero(used)), LEAST.get(kind, 1)
    if count < least:
        raise BadInput("metrology.too_few", got=count, least=least, kind=kind.__name__.lower())
    points = np.array(points if count == len(points) else points[used])
    centre = points.sum(axis=0) / count
    points -= centre
    extent = math.sqrt(float((points * points).sum()) / count)
    rounding = 1e-14 * max(length(centre), extent)
    some = points[:: -(-count // SOME)]
    on_line = kind is not Line and held.axis is None and _width(some) < rounding and _width(points) < rounding
    if extent < rounding or on_line:
        raise BadInput("metrology.degenerate", kind=kind.__name__.lower())
    if held.axis is not None:
        held = Held(axis=Line(held.axis.point_m - centre, held.axis.direction))
    return Problem(points, centre, extent, kind, held), replace(like, point_m=like.point_m - centre)


def tidied(shape: Shape, problem: Problem) -> Shape | None:
    """Return a shape with its point beside the points' mean; None where its sizes make no sense."""
    if problem.held.axis is None:
        shape = shape.beside(ORIGIN)
    first, second = float(shape.sizes[0]), float(shape.sizes[1])
    if shape.kind == kernels.CONE and second < 0:
        place = np.vstack([shape.place[0], axes(-shape.place[3])])
        shape, second = replace(shape, place=place, sizes=with_angle(first, -second)), -second
    if shape.kind in (kernels.PLANE, kernels.LINE):
        return shape
    if shape.kind == kernels.CONE:
        return shape if first > 0 and 0 < second < math.pi / 2 else None
    if shape.kind in (kernels.WALL, kernels.SLOT):
        return shape if 0 < first <= second else None
    return shape if first >= 0 else None


def on_wall(points_m: Floats, like: Element, wall: bool | None) -> bool:
    """Say whether points about their mean lie on the wall of a slot rather than on its curve."""
    if wall is not None or not isinstance(like, Slot):
        return bool(wall)
    off = dots(points_m, like.normal)
    return math.sqrt(float((off * off).sum()) / max(len(off), 1)) > DEEP * like.width_m


def starts(problem: Problem, like: Element, wall: bool | None) -> list[Shape]:
    """Return shapes to begin with, in coordinates about the points' mean."""
    points = problem.points_m
    _, vectors = eigen(gram(points))
    if isinstance(like, (Line, Plane)):
        w = vectors[:, 0] if isinstance(like, Plane) else vectors[:, 2]
        return [Shape(shape_of(like).kind, np.vstack([ORIGIN, axes(w)]), with_angle(0.0, 0.0))]
    if isinstance(like, Sphere):
        centre, radius = _algebraic(points)
        return [Shape(kernels.SPHERE, np.vstack([centre, np.eye(3)]), with_angle(radius, 0.0))]
    if isinstance(like, Circle):
        place = _turned(problem, vectors[:, 0])
        centre, radius = _algebraic(_coordinates(points, place)[:, :2])
        middle = centre[0] * place[1] + centre[1] * place[2]
        return [Shape(kernels.CIRCLE, np.vstack([middle, place[1:]]), with_angle(radius, 0.0))]
    if isinstance(like, Slot):
        return _slots(problem, vectors, wall)
    return _around(problem, vectors, isinstance(like, Cone))


def _width(points_m: Floats) -> float:
    """Return how far points about their mean spread off the line that fits them best."""
    along = eigen(gram(points_m))[1][:, 2]
    off = points_m - dots(points_m, along)[:, None] * along
    return math.sqrt(float((off * off).sum()) / len(off))


def _turned(problem: Problem, w: Floats) -> Floats:
    """Return a place at the origin along w, or along the direction that is held."""
    if problem.held.axis is not None:
        return np.vstack([ORIGIN, axes(problem.held.axis.direction)])
    if problem.held.parallel is not None:
        return np.vstack([ORIGIN, axes(problem.held.parallel)])
    return np.vstack([ORIGIN, axes(w)])


def _coordinates(points_m: Floats, place: Floats) -> Floats:
    """Return the local coordinates (N, 3) of points."""
    off = points_m - place[0]
    return np.stack([dots(off, axis) for axis in place[1:]], axis=1)


def _algebraic(points_m: Floats) -> tuple[Floats, float]:
    """Return centre and radius of a circle or sphere (N, 2 or 3) by Taubin's fit (1991)."""
    middle = points_m.sum(axis=0) / len(points_m)
    points = points_m - middle
    squares = (points * points).sum(axis=1)
    mean = float(squares.sum()) / len(squares)
    columns = np.column_stack([(squares - mean) / (2 * math.sqrt(mean)), points])
    vector = eigen(gram(columns))[1][:, 0]
    bent = vector[0] / (2 * math.sqrt(mean))
    bent = math.copysign(max(abs(bent), 1e-9 / math.sqrt(mean)), bent)
    off = -0.5 * vector[1:] / bent
    return middle + off, math.sqrt(float((off * off).sum()) + mean)


def _slots(problem: Problem, vectors: Floats, wall: bool | None) -> list[Shape]:
    """Return slots along the principal axes: the curve in the plane of least spread, and walls about every axis."""
    found = []
    for order in ((2, 1, 0), (2, 0, 1), (1, 0, 2)):
        u, w = vectors[:, order[0]], vectors[:, order[2]]
        if problem.held.parallel is not None:
            w = problem.held.parallel
            u = u - (u * w).sum() * w
            u = u / length(u) if length(u) > 1e-6 else axes(w)[0]
        place = np.vstack([ORIGIN, u, cross(w, u), w])
        q = _coordinates(problem.points_m, place)
        low, high = box(q)
        size = high - low
        middle = 0.5 * (low + high)
        place[0] = middle[0] * u + middle[1] * place[2] + (q[:, 2].sum() / len(q)) * w
        deep = math.sqrt(float((q[:, 2] ** 2).sum()) / len(q)) > DEEP * size[1]
        kind = kernels.WALL if (deep if wall is None else wall) else kernels.SLOT
        sizes = with_angle(max(float(size[1]), 1e-9 * problem.extent_m), float(max(size[0], size[1] * 1.0001)))
        found.append(Shape(kind, place, sizes))
        if not deep or kind == kernels.SLOT:
            break
    return found


def _around(problem: Problem, vectors: Floats, cone: bool) -> list[Shape]:
    """Return cylinders or cones about the directions that suit best."""
    points = np.ascontiguousarray(problem.points_m[:: -(-len(problem.points_m) // SEARCHED)])
    middle = points.sum(axis=0) / len(points)
    points = (points - middle) / problem.extent_m
    directions = np.vstack([vectors.T, _directions(problem.held)])
    column = CONE_COST if cone else CYLINDER_COST
    found = _searched(points, directions)
    chosen: list[int] = []
    for i in np.argsort(found[:, column], kind="stable"):
        if len(chosen) == TRIED:
            break
        if all(abs(float((directions[i] * directions[j]).sum())) < APART for j in chosen):
            chosen.append(int(i))
    directions, found = directions[chosen], found[chosen]
    if problem.held == FREE:
        directions, found = _refined(points, directions, found, column)
    make = _cone if cone else _cylinder
    shapes = [make(w, one, problem.extent_m) for w, one in zip(directions, found, strict=True)]
    return [
        replace(one, place=np.vstack([one.place[:1] + middle, one.place[1:]])) for one in shapes if one is not None
    ] or [_cylinder(vectors[:, 2], np.array([0, 0, 0, 1.0]), problem.extent_m)]


def _searched(points: Floats, directions: Floats) -> Floats:
    """Return the algebraic cylinders and cones (D, 10) about directions, see `kernels.starts.axis_worker`."""
    found = np.zeros((len(directions), 10))
    each_thread(searching.axis_worker, len(directions), points, directions, found)
    return found


def _refined(points: Floats, directions: Floats, found: Floats, column: int) -> tuple[Floats, Floats]:
    """Turn each direction to where its algebraic fit is best, by rings of ever smaller radius."""
    some = np.ascontiguousarray(points[:: -(-len(points) // REFINED)])
    around = np.array([[math.cos(t), math.sin(t)] for t in np.arange(RING) * 2 * math.pi / RING])
    directions, radii = directions.copy(), np.full(len(directions), FIRST_RING_RAD)
    costs = _searched(some, directions)[:, column]
    for _ in range(RINGS[column == CONE_COST]):
        rings = np.array(
            [
                math.cos(r) * w + math.sin(r) * (around[:, :1] * axes(w)[0] + around[:, 1:] * axes(w)[1])
                for w, r in zip(directions, radii, strict=True)
            ]
        )
        there = _searched(some, np.ascontiguousarray(rings.reshape(-1, 3)))[:, column].reshape(len(rings), RING)
        for i, best in enumerate(np.argmin(there, axis=1)):
            if there[i, best] < costs[i]:
                directions[i], costs[i], radii[i] = rings[i, best], there[i, best], 1.5 * radii[i]
            else:
                radii[i] *= 0.5
    return directions, _searched(points, directions)


def _directions(held: Held) -> Floats:
    if held.axis is not None:
        return held.axis.direction[None]
    if held.parallel is not None:
        return held.parallel[None]
    half = sphere_of_directions(2 * DIRECTIONS)[:DIRECTIONS]
    if held.perpendicular is None:
        return half
    u, v, _ = axes(held.perpendicular)
    turns = np.arange(64) * math.pi / 64
    return np.array([math.cos(t) * u + math.sin(t) * v for t in turns])


def _cylinder(w: Floats, found: Floats, extent_m: float) -> Shape:
    place = np.vstack([ORIGIN, axes(w)])
    place[0] = extent_m * (found[1] * place[1] + found[2] * place[2])
    return Shape(kernels.CYLINDER, place, with_angle(extent_m * float(found[3]), 0.0))


def _cone(w: Floats, found: Floats, extent_m: float) -> Shape | None:
    """Return the cone of axis_worker's second fit, turned to open along its direction."""
    if not found[7] > 1e-12:
        return None
    place = np.vstack([ORIGIN, axes(w)])
    place[0] = extent_m * (found[5] * place[1] + found[6] * place[2])
    radius = math.sqrt(found[7])
    slope = 0.5 * found[8] / radius
    if slope < 0:
        place[1:], slope = axes(-w), -slope
    return Shape(kernels.CONE, place, with_angle(extent_m * radius, min(math.atan(max(slope, 1e-4)), 1.5)))
