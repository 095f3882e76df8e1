# SPDX-License-Identifier: Apache-2.0
"""Least-squares elements: the sum of the squared orthogonal distances of all points is least.

Newton's method with the exact second derivatives, made safe by Levenberg and Marquardt's damping, on points about
their mean and parameters in metres. A line, a circle and a slot as curves take full distances in space, within
their plane and out of it together (Shakarji 1998, "Least-squares fitting algorithms of the NIST algorithm testing
system", sections 3 to 8; ISO 10360-6). Without a start each kind finds its own (`starts`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from visionvalley.core import BadInput, Circle, Cone, Cylinder, Line, Plane, Slot, Sphere
from visionvalley.core.arrays import Floats
from visionvalley.kernels import fits as kernels
from visionvalley.kernels import least_squares as summing
from visionvalley.kernels.threads import each_thread
from visionvalley.vision.geometry.symmetric import eigen, inverse, product
from visionvalley.vision.metrology.fits import (
    COLUMNS,
    FREE,
    Criterion,
    E,
    Fitted,
    Held,
    Shape,
    deviations,
    element_of,
    facing,
    freedom,
    held_shape,
    shape_of,
)
from visionvalley.vision.metrology.starts import ACROSS, ALONG, ORIGIN, Problem, on_wall, prepare, starts, tidied

ROUNDS, MOST_ROUNDS = 100, 1000  # of each start; of the best of them
SLIGHT = 1e-11  # of the extent: after Newton's step of less only rounding is left
NEARLY = 1e-7  # of the extent: steps below end where they shrink no more
DEGENERATE = 1e-15  # of the largest second derivative: a motion with less is not determined


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Half the sum of squares with its slope (8,) and second derivatives (8, 8), in metres: angles times the extent."""

    value: float
    slope: Floats
    second: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Descent:
    """Where a descent ended; `second` (8, 8) are the second derivatives there."""

    shape: Shape
    value: float
    rounds: int
    converged: bool
    second: Floats


def fit(points_m: Floats, like: E, held: Held = FREE, *, start: bool = True, wall: bool | None = None) -> Fitted[E]:
    """Fit an element of the kind of another by least squares.

    points_m  (N, 3); NaN: none
    like      gives the kind, the side of the material and which way a direction points; where the descent
              starts, with `start`
    held      what may not change
    wall      of a slot: whether the points lie on its wall, along the normal, or on its curve; None: on the wall
              where they spread along the normal by more than a twentieth of the width (standard deviation)
    Raises BadInput for too few points and where they leave the element undetermined.
    """
    problem, best = settled(points_m, like, held, start=start, wall=wall)
    if least_information(problem, best) < DEGENERATE:
        raise BadInput("metrology.degenerate", kind=type(like).__name__.lower())
    return _result(points_m, like, best, problem)


def settled(points_m: Floats, like: E, held: Held, *, start: bool, wall: bool | None = None) -> tuple[Problem, Descent]:
    """Return where the descents of `fit` end best, be it determined or not."""
    problem, near = prepare(points_m, like, held)
    some = problem.thinned()
    begun = [shape_of(near, on_wall(some.points_m, near, wall))] if start else starts(some, near, wall)
    ends = [descend(some, facing(held_shape(one, problem.held, near), like, start)) for one in begun]
    best = min(ends, key=lambda one: one.value)
    shape = facing(best.shape, like, start)
    if some is not problem or shape is not best.shape or not best.converged:
        best = descend(problem, shape, MOST_ROUNDS)
    return problem, best


def fit_line(points_m: Floats, start: Line | None = None, held: Held = FREE) -> Fitted[Line]:
    """Fit a straight line in space, see `fit`."""
    return fit(points_m, start or Line(ORIGIN, ALONG), held, start=start is not None)


def fit_plane(points_m: Floats, start: Plane | None = None, held: Held = FREE) -> Fitted[Plane]:
    """Fit a plane, see `fit`."""
    return fit(points_m, start or Plane(ORIGIN, ALONG), held, start=start is not None)


def fit_circle(points_m: Floats, start: Circle | None = None, held: Held = FREE) -> Fitted[Circle]:
    """Fit a circle in space to points on it, see `fit`."""
    return fit(points_m, start or Circle(ORIGIN, ALONG, 1.0), held, start=start is not None)


def fit_sphere(points_m: Floats, start: Sphere | None = None, held: Held = FREE) -> Fitted[Sphere]:
    """Fit a sphere, see `fit`."""
    return fit(points_m, start or Sphere(ORIGIN, 1.0), held, start=start is not None)


def fit_cylinder(points_m: Floats, start: Cylinder | None = None, held: Held = FREE) -> Fitted[Cylinder]:
    """Fit a cylinder, see `fit`."""
    return fit(points_m, start or Cylinder(ORIGIN, ALONG, 1.0), held, start=start is not None)


def fit_cone(points_m: Floats, start: Cone | None = None, held: Held = FREE) -> Fitted[Cone]:
    """Fit a cone, see `fit`."""
    return fit(points_m, start or Cone(ORIGIN, ALONG, 1.0, 0.5), held, start=start is not None)


def fit_slot(
    points_m: Floats, start: Slot | None = None, held: Held = FREE, *, wall: bool | None = None
) -> Fitted[Slot]:
    """Fit a slot to points on its curve or on its wall, see `fit`."""
    return fit(points_m, start or Slot(ORIGIN, ALONG, ACROSS, 1.0, 2.0), held, start=start is not None, wall=wall)


def descend(problem: Problem, shape: Shape, most: int = ROUNDS) -> Descent:
    """Go down from a shape to the least sum of squares nearby."""
    shape = tidied(shape, problem) or shape  # its parameters are those about the points' mean from the first step on
    here, damping, before = sums_of(problem.points_m, shape, problem.extent_m), 0.0, math.inf
    for rounds in range(1, most + 1):
        step = _step(here, freedom(shape, problem.kind, problem.held), damping)
        size = math.sqrt(float((step * step).sum()))
        tried = tidied(shape.stepped(step / scale_of(shape, problem.extent_m)), problem)
        if tried is not None and damping == 0 and size < SLIGHT * problem.extent_m:
            return Descent(tried, here.value, rounds, True, here.second)
        there = None if tried is None else sums_of(problem.points_m, tried, problem.extent_m)
        slight = size < NEARLY * problem.extent_m
        if tried is not None and there is not None and there.value <= here.value * (1 + 1e-9 * slight):
            shape, here, damping = tried, there, 0.1 * damping if damping > 1e-12 else 0.0
            if slight and size > 0.5 * before:
                return Descent(shape, here.value, rounds, True, here.second)
            before = size
        elif slight:
            return Descent(shape, here.value, rounds, True, here.second)
        else:
            damping = max(4.0 * damping, 1e-4)
    return Descent(shape, here.value, most, False, here.second)


def least_information(problem: Problem, end: Descent) -> float:
    """Return the smallest second derivative over the largest, among the free motions."""
    free = freedom(end.shape, problem.kind, problem.held)
    if free.shape[1] == 0:
        return 1.0
    values, _ = eigen(product(free.T, end.second, free))
    return float(values[0] / values[-1])


def scale_of(shape: Shape, extent_m: float) -> Floats:
    """Return what makes metres of the eight parameters."""
    return np.array([1.0, 1.0, 1.0, extent_m, extent_m, extent_m, 1.0, extent_m if shape.kind == kernels.CONE else 1.0])


def sums_of(points_m: Floats, shape: Shape, extent_m: float) -> Sums:
    """Return half the sum of squares of all residuals with its derivatives."""
    sums = np.zeros((-(-len(points_m) // kernels.PIECE), summing.SUMS))
    each_thread(summing.sums_worker, len(sums), points_m, shape.kind, shape.place, shape.sizes, sums)
    total = sums.sum(axis=0)
    scale = scale_of(shape, extent_m)
    second = np.zeros((8, 8))
    second[np.triu_indices(8)] = total[:36]
    second = second + second.T - np.diag(np.diag(second))
    return Sums(float(total[44]), total[36:44] / scale, second / scale / scale[:, None])


def _step(sums: Sums, free: Floats, damping: float) -> Floats:
    """Return a step (8,) down: Newton's, with the directions that curve down turned up (saddle-free)."""
    if free.shape[1] == 0:
        return np.zeros(8)
    a = product(free.T, sums.second, free)
    balance = 1 / np.sqrt(np.maximum(np.abs(np.diag(a)), 1e-12 * np.abs(np.diag(a)).max() + 1e-300))
    values, vectors = eigen(a * balance * balance[:, None])
    slope = product(vectors.T, (product(free.T, sums.slope[:, None])[:, 0] * balance)[:, None])[:, 0]
    curved = np.maximum(np.abs(values), 1e-15 * np.abs(values).max() + 1e-300) + damping
    step = product(vectors, (-slope / curved)[:, None])[:, 0] * balance
    return product(free, step[:, None])[:, 0]


def _result(points_m: Floats, like: E, best: Descent, problem: Problem) -> Fitted[E]:
    """Put the shape back among the points as they are."""
    place = best.shape.place
    shape = replace(best.shape, place=np.vstack([place[:1] + problem.centre_m, place[1:]]))
    element = element_of(shape, like)
    distances, rms, largest = deviations(points_m, shape)
    return Fitted(
        element=element, points_m=points_m, residual_m=distances, rms_m=rms, largest_m=largest,
        criterion=Criterion.LEAST_SQUARES, rounds=best.rounds, converged=best.converged, shape=shape,
        answer=_answer(best, problem),
    )  # fmt: skip


def _answer(best: Descent, problem: Problem) -> Floats:
    """Return how the parameters (k) answer to a change of the slopes (8): minus the inverse second derivatives."""
    free, scale = freedom(best.shape, problem.kind, problem.held), scale_of(best.shape, problem.extent_m)
    answer = np.zeros((8, 8))
    if free.shape[1]:
        answer = -product(free, inverse(product(free.T, best.second, free)), free.T) / scale / scale[:, None]
    return answer[list(COLUMNS[problem.kind])]
