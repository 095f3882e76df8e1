# SPDX-License-Identifier: Apache-2.0
"""Fitted elements: what a fit returns, the parameters an element moves with, and what may be held.

The parameters of an element are small changes from where it is, in its own frame (u, v, w), see `frame`:

    shifts u, v, w   of its point, m
    tilts u, v       of its direction or normal w towards u and towards v, rad
    turn             of the direction of a slot about its normal, towards v, rad
    sizes            radius, m; of a cone then its half angle, rad; of a slot its width and length, m

`PARAMETERS` says which of them a kind of element has, in this order; `moved` applies them. So whatever is computed
from elements follows to first order from the shifts of all points by the chain rule with `Fitted.influence`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, TypeVar

import numpy as np

from visionvalley.core import BadInput, Circle, Cone, Cylinder, Element, Line, Plane, Point, Slot, Sphere, require
from visionvalley.core.arrays import Floats
from visionvalley.kernels import fits as kernels
from visionvalley.kernels.threads import each_thread

NAMES = ("shift u", "shift v", "shift w", "tilt u", "tilt v", "turn", "size", "second size")
COLUMNS: MappingProxyType[type[Element], tuple[int, ...]] = MappingProxyType(
    {
        Point: (0, 1, 2),
        Line: (0, 1, 3, 4),
        Plane: (2, 3, 4),
        Circle: (0, 1, 2, 3, 4, 6),
        Sphere: (0, 1, 2, 6),
        Cylinder: (0, 1, 3, 4, 6),
        Cone: (0, 1, 3, 4, 6, 7),
        Slot: (0, 1, 2, 3, 4, 5, 6, 7),
    }
)
PARAMETERS = MappingProxyType({kind: tuple(NAMES[i] for i in own) for kind, own in COLUMNS.items()})
ANGLES = (3, 4, 5)

E = TypeVar("E", Point, Line, Plane, Circle, Sphere, Cylinder, Cone, Slot)


class Criterion(StrEnum):
    """What a fit makes best."""

    LEAST_SQUARES = "least squares"
    MINIMUM_ZONE = "minimum zone"
    INSCRIBED = "maximum inscribed"
    CIRCUMSCRIBED = "minimum circumscribed"
    TANGENT = "tangent outside the material"


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What a fit may not change: the direction of an element (of a plane or circle its normal), or its axis.

    parallel       the direction is this one, (3,)
    perpendicular  the direction stays at right angles to this one, (3,)
    axis           the axis is this one: only sizes are fitted
    """

    parallel: Floats | None = None
    perpendicular: Floats | None = None
    axis: Line | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("parallel", "perpendicular", "axis") if getattr(self, name) is not None]
        if len(given) > 1:
            raise BadInput("metrology.held_twice", names=", ".join(given))
        for name in given:
            if name != "axis":
                direction = require(name, getattr(self, name), (3,), finite=True)
                if not length(direction) > 0:
                    raise BadInput("core.bad_direction", name=name)
                object.__setattr__(self, name, direction / length(direction))


FREE = Held()


@dataclass(frozen=True, slots=True, eq=False)
class Deviating(Generic[E]):
    """An element, and how points deviate from it.

    element     its point stands beside the mean of the points (circle, sphere, slot: in its centre)
    residual_m  (N,) signed distance of each point, positive outside (plane: along the normal); of a line, and of a
                circle or slot as a curve in space, the distance; NaN: no point
    rms_m       root mean square of the residuals
    largest_m   the largest absolute residual
    criterion   what was made best
    converged   whether its conditions were met to rounding over all points
    """

    element: E
    points_m: Floats
    residual_m: Floats
    rms_m: float
    largest_m: float
    criterion: Criterion
    rounds: int
    converged: bool


@dataclass(frozen=True, slots=True, eq=False)
class Fitted(Deviating[E]):
    """An element fitted to all points.

    answer  (k, 8) for `influence`: how the parameters answer to a change of the criterion's slopes
    """

    shape: Shape
    answer: Floats

    @property
    def influence(self) -> Floats:
        """How the element's parameters (see `PARAMETERS`) move with each point: (k, N, 3), 1 or rad/m; of NaN zero.

        To first order exact, the curvature of the criterion included: the implicit function theorem.
        """
        out = np.zeros((len(self.points_m), len(self.answer), 3))
        pieces = -(-len(out) // kernels.PIECE)
        arguments = (self.shape.kind, self.shape.place, self.shape.sizes, self.answer)
        each_thread(kernels.influence_worker, pieces, np.array(self.points_m), *arguments, out)
        out[~np.isfinite(self.residual_m)] = 0.0
        return np.ascontiguousarray(np.moveaxis(out, 1, 0))


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """An element as kernels know it (`kernels.fits`): kind, place (4, 3), sizes (4,)."""

    kind: int
    place: Floats
    sizes: Floats

    def stepped(self, step: Floats) -> Shape:
        """Return the shape moved by the eight parameters."""
        u, v, w = self.place[1:]
        point = self.place[0] + step[0] * u + step[1] * v + step[2] * w
        normal = unit(w + step[3] * u + step[4] * v)
        if self.kind in (kernels.WALL, kernels.SLOT):
            along = u + step[5] * v - step[3] * w
            along = unit(along - (along * normal).sum() * normal)
            place = np.array([point, along, cross(normal, along), normal])
        elif self.kind == kernels.SPHERE:
            place = np.vstack([point, self.place[1:]])
        else:
            place = np.vstack([point, axes(normal)])
        return Shape(self.kind, place, with_angle(self.sizes[0] + step[6], self.sizes[1] + step[7]))

    def beside(self, point_m: Floats) -> Shape:
        """Return the same plane, line, cylinder or cone with its point beside another."""
        w, place = self.place[3], self.place.copy()
        off = ((point_m - place[0]) * w).sum()
        sizes = self.sizes
        if self.kind == kernels.PLANE:
            place[0] = point_m - off * w
        elif self.kind in (kernels.LINE, kernels.CYLINDER, kernels.CONE, kernels.WALL, kernels.TUBE):
            place[0] += off * w
        if self.kind == kernels.CONE:
            sizes = with_angle(self.sizes[0] + off * math.tan(self.sizes[1]), self.sizes[1])
        return Shape(self.kind, place, sizes)


def with_angle(first: float, second: float) -> Floats:
    """Return two sizes with the cosine and sine of the second."""
    return np.array([first, second, math.cos(second), math.sin(second)])


def length(vector: Floats) -> float:
    """Return the length of a vector (3,)."""
    return math.sqrt(float((vector * vector).sum()))


def unit(vector: Floats) -> Floats:
    """Return a vector (3,) of length one."""
    return vector / length(vector)


def cross(a: Floats, b: Floats) -> Floats:
    """Return the vector product of two vectors (3,)."""
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def dots(rows: Floats, vector: Floats) -> Floats:
    """Return the scalar products (..., N) of rows (..., N, 3) with a vector or rows; sums along rows are slow."""
    out: Floats = rows[..., 0] * vector[..., 0] + rows[..., 1] * vector[..., 1] + rows[..., 2] * vector[..., 2]
    return out


def box(points_m: Floats) -> tuple[Floats, Floats]:
    """Return the lowest and the highest corner of points (N, 3), N > 0; by columns, as `dots`."""
    columns = np.ascontiguousarray(points_m.T)
    return columns.min(axis=1), columns.max(axis=1)


def frame(element: Element) -> Floats:
    """Return the directions u, v, w of an element's frame as rows (3, 3).

    w is its direction or normal (the axes for a point or sphere); u is a slot's direction, else it lies
    at right angles to w and to the axis that w has least of.
    """
    if isinstance(element, Slot):
        return np.array([element.direction, cross(element.normal, element.direction), element.normal])
    if isinstance(element, (Point, Sphere)):
        return np.eye(3)
    return axes(element.normal if isinstance(element, (Plane, Circle)) else element.direction)


def axes(w: Floats) -> Floats:
    """Return rows u, v, w (3, 3), right-handed, for a unit direction w."""
    x, y, z = float(w[0]), float(w[1]), float(w[2])
    least = min(range(3), key=(abs(x), abs(y), abs(z)).__getitem__)
    u = ((0.0, z, -y), (-z, 0.0, x), (y, -x, 0.0))[least]
    size = math.sqrt(u[0] * u[0] + u[1] * u[1] + u[2] * u[2])
    a, b, c = u[0] / size, u[1] / size, u[2] / size
    return np.array([[a, b, c], [y * c - z * b, z * a - x * c, x * b - y * a], [x, y, z]])


def shape_of(element: Element, wall: bool = False) -> Shape:
    """Return an element as kernels know it; `wall`: a slot's wall instead of its curve."""
    sizes = {
        Circle: ("radius_m",),
        Sphere: ("radius_m",),
        Cylinder: ("radius_m",),
        Cone: ("radius_m", "half_angle_rad"),
        Slot: ("width_m", "length_m"),
    }.get(type(element), ())
    kinds = {
        Line: kernels.LINE,
        Plane: kernels.PLANE,
        Circle: kernels.CIRCLE,
        Sphere: kernels.SPHERE,
        Cylinder: kernels.CYLINDER,
        Cone: kernels.CONE,
        Slot: kernels.WALL if wall else kernels.SLOT,
    }
    values = [float(getattr(element, name)) for name in sizes] + [0.0, 0.0]
    return Shape(kinds[type(element)], np.vstack([element.point_m, frame(element)]), with_angle(values[0], values[1]))


def moved(element: E, parameters: Floats) -> E:
    """Return the element moved by its parameters (k,), see `PARAMETERS`."""
    step = np.zeros(8)
    step[list(COLUMNS[type(element)])] = require("parameters", parameters, (len(COLUMNS[type(element)]),), finite=True)
    if isinstance(element, Point):
        return replace(element, point_m=element.point_m + step[:3])
    return element_of(shape_of(element).stepped(step), element)


def element_of(shape: Shape, like: E) -> E:
    """Return a shape as an element of the same kind as another."""
    point, u, _, w = shape.place
    values: dict[str, object] = {"point_m": point}
    if isinstance(like, (Plane, Circle, Slot)):
        values["normal"] = w
    if isinstance(like, (Line, Cylinder, Cone)):
        values["direction"] = w
    if isinstance(like, (Circle, Sphere, Cylinder, Cone)):
        values["radius_m"] = float(shape.sizes[0])
    if isinstance(like, Cone):
        values["half_angle_rad"] = float(shape.sizes[1])
    if isinstance(like, Slot):
        values |= {"direction": u, "width_m": float(shape.sizes[0]), "length_m": float(shape.sizes[1])}
    return replace(like, **values)  # type: ignore[arg-type]


def freedom(shape: Shape, kind: type[Element], held: Held) -> Floats:
    """Return the motions (8, f) that an element may make, as columns."""
    own = [c for c in COLUMNS[kind] if not (shape.kind == kernels.WALL and c == 2)]
    if held.axis is not None:
        own = [c for c in own if c > 5]
    if held.parallel is not None or held.perpendicular is not None:
        own = [c for c in own if c not in (3, 4)]
    columns = [np.eye(8)[c] for c in own]
    if held.perpendicular is not None:
        across = cross(shape.place[3], held.perpendicular)
        tilt = np.zeros(8)
        tilt[3], tilt[4] = (across * shape.place[1]).sum(), (across * shape.place[2]).sum()
        columns.append(tilt / math.sqrt(float((tilt * tilt).sum())))
    return np.array(columns).reshape(-1, 8).T


def held_shape(shape: Shape, held: Held, like: Element) -> Shape:
    """Return the shape turned (or laid on an axis) so that it keeps what is held."""
    w = shape.place[3]
    point = shape.place[0]
    if held.axis is not None:
        wanted, point = held.axis.direction, held.axis.point_m
    elif held.parallel is not None:
        wanted = held.parallel
    elif held.perpendicular is not None:
        wanted = w - (w * held.perpendicular).sum() * held.perpendicular
        wanted = wanted if length(wanted) > 1e-6 else axes(held.perpendicular)[0]
    else:
        return shape
    wanted = unit(wanted) * (1.0 if (wanted * w).sum() >= 0 or shape.kind == kernels.CONE else -1.0)
    u = shape.place[1] - (shape.place[1] * wanted).sum() * wanted
    u = unit(u) if isinstance(like, Slot) and length(u) > 1e-6 else axes(wanted)[0]
    return replace(shape, place=np.array([point, u, cross(wanted, u), wanted]))


def facing(shape: Shape, like: Element, start: bool) -> Shape:
    """Return a shape that points the way another element does, or without a start with its largest part positive."""
    point, u, _, w = shape.place
    given, along = frame(like)[2], frame(like)[0]
    turned = (w * given).sum() < 0 if start else w[int(np.argmax(np.abs(w)))] < 0
    if isinstance(like, Slot):
        back = (u * along).sum() < 0 if start else u[int(np.argmax(np.abs(u)))] < 0
        u, w = (-u if back else u), (-w if turned else w)
        return replace(shape, place=np.array([point, u, cross(w, u), w])) if turned or back else shape
    if not turned or isinstance(like, (Cone, Sphere, Point)):
        return shape
    return replace(shape, place=np.vstack([point, axes(-w)]))


def residuals(points_m: Floats, shape: Shape) -> Floats:
    """Return the residuals (N, 1 or 2) of points."""
    two = shape.kind in (kernels.LINE, kernels.CIRCLE, kernels.SLOT)
    out = np.empty((len(points_m), 1 + two))
    pieces = -(-len(out) // kernels.PIECE)
    each_thread(kernels.residual_worker, pieces, points_m, shape.kind, shape.place, shape.sizes, out)
    return out


def measured(points_m: Floats, shape: Shape) -> Floats:
    """Return the signed distances (N,), of curves in space the distances."""
    found = residuals(points_m, shape)
    if found.shape[1] == 1:
        return found[:, 0]
    return np.sqrt(found[:, 0] ** 2 + found[:, 1] ** 2)


def deviations(points_m: Floats, shape: Shape) -> tuple[Floats, float, float]:
    """Return distances (N,), their root mean square and the largest, of points among which NaN are none."""
    distances = measured(np.array(points_m), shape)
    known = distances[np.isfinite(distances)]
    return distances, math.sqrt(float((known * known).sum()) / len(known)), float(np.abs(known).max())
