# SPDX-License-Identifier: Apache-2.0
"""Elements that a few points decide: the largest of signed distances is made least.

The functions f_i = s_i d_i of the points (with s = +1 and -1 for a zone, one sign for a one-sided fit) are made least
in their largest by steps of a quadratic program over few points, with the curvature of the Lagrangian; points that
turn out to lie beyond join (exchange). Newton's method on the optimality conditions ends it, and the conditions are
checked over all points: multipliers not negative, no point beyond, no way down within the contacts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from visionvalley.core.arrays import Floats
from visionvalley.kernels import extremes as programs
from visionvalley.kernels import fits as kernels
from visionvalley.vision.geometry.symmetric import eigen, product
from visionvalley.vision.metrology.fits import Deviating, E, Shape, freedom, residuals
from visionvalley.vision.metrology.least_squares import scale_of
from visionvalley.vision.metrology.starts import Problem, tidied

ROUNDS, EXCHANGES, POLISH = 60, 40, 8
SPREAD, EXTREME = 120, 12  # points that a program begins with; that join of each sign
FLAT = 1e-9  # of the largest second derivative: no curvature
BEYOND = 1e-13  # of the extent: a point that lies beyond by less does not
MULTIPLIERS = 1e-9
STIFF = 1e3  # over the extent: a step held back by less damping is free
FIRST_DAMPING = 1e-3  # over the extent: one over how far the first step may go
Signs = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Touching(Deviating[E]):
    """An element that touching points decide; of a zone in its middle.

    width_m      of the zone: its whole width, of a line the diameter of the cylinder about it; of an inscribed or
                 circumscribed element its size (diameter, width); of a tangent plane the largest distance from it
    contacts     (m,) rows of the points that decide
    multipliers  (m,) how much each of them carries, positive, their sum one
    sensitivities  (m, 3) how the width changes with a shift of each contact
    answers      (k, m, 3) how the element's parameters (`fits.PARAMETERS`) do
    """

    width_m: float
    contacts: NDArray[np.intp]
    multipliers: Floats
    sensitivities: Floats
    answers: Floats

    @property
    def sensitivity(self) -> Floats:
        """How the width changes with a shift of each point, (N, 3)."""
        out = np.zeros((len(self.points_m), 3))
        np.add.at(out, self.contacts, self.sensitivities)
        return out

    @property
    def influence(self) -> Floats:
        """How the element's parameters (`fits.PARAMETERS`) move with each point, (k, N, 3), 1 or rad/m."""
        out = np.zeros((len(self.answers), len(self.points_m), 3))
        for one, own in zip(out, self.answers, strict=True):
            np.add.at(one, self.contacts, own)
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Extreme:
    """Where the largest function is least.

    level_m      the largest function
    rows, signs  (m,) the points that reach it, by which side
    multipliers  (m,) of them
    """

    shape: Shape
    level_m: float
    rows: NDArray[np.intp]
    signs: Signs
    multipliers: Floats
    rounds: int
    converged: bool


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """What is made least: for each point its signs (N,), 0 for both; `columns` the parameters that take part."""

    problem: Problem
    signs: Signs
    columns: tuple[int, ...]

    def free(self, shape: Shape) -> Floats:
        """Return the motions (8, f) that are free."""
        all_free = freedom(shape, self.problem.kind, self.problem.held)
        return all_free[:, (all_free[list(self.columns)] != 0).any(axis=0)]

    def largest(self, distances: Floats) -> Floats:
        """Return the larger function of each point (N,)."""
        larger: Floats = np.where(self.signs == 0, np.abs(distances), self.signs * distances)
        return larger


@dataclass(frozen=True, slots=True, eq=False)
class _Local:
    """Functions of some points, each side one: values (n,), slopes (n, f) by the free motions (8, f).

    at       (n,) the point of each function; curvatures (points, 8, 8) of the points' distances
    """

    rows: NDArray[np.intp]
    signs: Signs
    values: Floats
    slopes: Floats
    free: Floats
    at: NDArray[np.intp]
    curvatures: Floats
    scale: Floats

    def lagrangian(self, multipliers: Floats) -> Floats:
        """Return the second derivatives (f, f) of the functions' sum, weighted."""
        some = np.flatnonzero(multipliers)
        weights = (multipliers * self.signs)[some]
        weighted = (self.curvatures[self.at[some]] * weights[:, None, None]).sum(axis=0)
        return product(self.free.T, weighted / self.scale / self.scale[:, None], self.free)


def solve(contest: Contest, shape: Shape, chosen: NDArray[np.intp] | None = None) -> tuple[Extreme, NDArray[np.intp]]:
    """Find the shape nearby whose largest function is least over all points, by exchange.

    chosen  rows to begin with; returned with those that joined
    """
    points = contest.problem.points_m
    reach = BEYOND * contest.problem.extent_m
    values = contest.largest(residuals(points, shape)[:, 0])
    if contest.free(shape).shape[1] == 0:
        top = _top(values, 1)
        signs = np.where(contest.signs[top] == 0, np.sign(residuals(points[top], shape)[:, 0]), contest.signs[top])
        return Extreme(shape, float(values[top[0]]), top, signs, np.ones(1), 0, True), top
    if chosen is None:
        chosen = np.arange(0, len(points), -(-len(points) // SPREAD))
    chosen = np.union1d(chosen, _top(values, 4 * EXTREME))
    rounds = 0
    for _ in range(EXCHANGES):
        end = _settle(contest, chosen, shape)
        rounds += end.rounds
        values = contest.largest(residuals(points, end.shape)[:, 0])
        over = float(values.max())
        if over <= end.level_m + reach:
            return replace(end, level_m=over, rounds=rounds), chosen
        beyond = _top(values, EXTREME)
        chosen = np.union1d(chosen, beyond[values[beyond] > end.level_m])
        shape = end.shape
    return replace(end, level_m=over, rounds=rounds, converged=False), chosen


def _top(values: Floats, count: int) -> NDArray[np.intp]:
    if len(values) <= count:
        return np.arange(len(values))
    threshold = np.partition(values, len(values) - count)[len(values) - count]
    candidates = np.flatnonzero(values >= threshold)
    return candidates[np.argsort(-values[candidates], kind="stable")][:count]


def _settle(contest: Contest, chosen: NDArray[np.intp], shape: Shape) -> Extreme:
    """Make the largest function of chosen points least, from a shape on."""
    problem = contest.problem
    here = _local(contest, chosen, shape)
    level, damping = float(here.values.max()), FIRST_DAMPING / problem.extent_m
    weights = multipliers = np.full(len(here.values), 1.0 / len(here.values))
    reach = BEYOND * problem.extent_m
    before, still = np.zeros(0, np.intp), False
    for rounds in range(1, ROUNDS + 1):
        step, weights = _program(here, _convex(here.lagrangian(multipliers), damping))
        if step is None:
            damping *= 10.0
            continue
        expected = level - float(step[-1])
        tried = tidied(shape.stepped(product(here.free, step[:-1, None])[:, 0] / here.scale), problem)
        there = None if tried is None else _local(contest, chosen, tried)
        gained = -math.inf if there is None else level - float(there.values.max())
        active = np.flatnonzero(weights)
        if tried is not None and there is not None and gained > 0:
            shape, here, level, multipliers = tried, there, level - gained, weights
            damping *= 0.1 if gained > 0.5 * expected else 2.0
        else:
            damping *= 10.0
        if np.array_equal(active, before):
            end = _polished(contest, here, shape, weights, rounds)
            if end.converged and end.level_m >= float(_local(contest, chosen, end.shape).values.max()) - reach:
                return end
        before = active
        still = expected < reach and damping * problem.extent_m < STIFF
        if still or expected < 1e-9 * float(np.abs(here.values).max()) or damping * problem.extent_m > 1e14:
            break
    end = _polished(contest, here, shape, weights, rounds)
    if end.converged or not still:
        return end
    active = np.flatnonzero(weights)  # many points touch at once, as without noise: only rounding is left to gain
    return Extreme(
        shape, float(here.values.max()), here.rows[active], here.signs[active], weights[active], rounds, True
    )


def _program(here: _Local, second: Floats) -> tuple[Floats | None, Floats]:
    """Return the step, the level it should reach, and the multipliers; None where the program fails."""
    step, weights = np.zeros(here.slopes.shape[1] + 1), np.zeros(len(here.values))
    bend = float(np.diag(second).max())  # lengths in units of the bend's radius, so that all numbers are near one
    slopes = np.ascontiguousarray(here.slopes)
    done = programs.least_largest(here.values * bend, slopes, second / bend, step, weights)
    return (None if done < 0 else step / bend), weights


def _convex(bent: Floats, damping: float) -> Floats:
    """Return second derivatives with the directions that curve down made flat, and damping."""
    values, vectors = eigen(bent)
    return np.ascontiguousarray(product(vectors * (np.maximum(values, 0.0) + damping), vectors.T))


def _local(contest: Contest, chosen: NDArray[np.intp], shape: Shape) -> _Local:
    """Return the functions of chosen points at a shape."""
    signs = contest.signs[chosen]
    both = np.flatnonzero(signs == 0)
    rows = np.concatenate([chosen, chosen[both]])
    signs = np.concatenate([np.where(signs == 0, 1.0, signs), -np.ones(len(both))])
    points = np.ascontiguousarray(contest.problem.points_m[chosen])
    distances, slopes, seconds, _ = derivatives(points, shape)
    at = np.concatenate([np.arange(len(chosen)), both])
    scale = scale_of(shape, contest.problem.extent_m)
    free = contest.free(shape)
    own = product(slopes / scale, free)
    return _Local(rows, signs, signs * distances[at, 0], signs[:, None] * own[at], free, at, seconds, scale)


def derivatives(points_m: Floats, shape: Shape) -> tuple[Floats, Floats, Floats, Floats]:
    """Return distances with gradients (n, 4), slopes (n, 8), second (n, 8, 8) and mixed derivatives (n, 8, 3)."""
    n = len(points_m)
    out = (np.zeros((n, 4)), np.zeros((n, 8)), np.zeros((n, 8, 8)), np.zeros((n, 8, 3)))
    kernels.derivatives(points_m, shape.kind, shape.place, shape.sizes, *out)
    return out


def _polished(contest: Contest, here: _Local, shape: Shape, multipliers: Floats, rounds: int) -> Extreme:
    """Meet the optimality conditions to rounding by Newton's method over the contacts."""
    problem = contest.problem
    active = np.flatnonzero(multipliers > MULTIPLIERS)
    chosen, signs = here.rows[active], here.signs[active]
    own = replace(contest, signs=np.zeros(len(contest.signs)))
    own.signs[chosen] = signs
    weights, level, begun = multipliers[active], float(here.values.max()), shape
    size, done = math.inf, False
    for _ in range(POLISH):
        near = _local(own, chosen, shape)
        f = near.slopes.shape[1]
        matrix = conditions(near.lagrangian(weights), near.slopes)
        unbalanced = product(near.slopes.T, weights[:, None])[:, 0]
        right = np.concatenate([-unbalanced, [weights.sum() - 1], level - near.values])
        answer = solved(matrix, right)
        before, size = size, math.sqrt(float((answer[:f] ** 2).sum()))
        tried = tidied(shape.stepped(product(near.free, answer[:f, None])[:, 0] / near.scale), problem)
        if tried is None or size > max(before, 1e-2 * problem.extent_m):
            break
        shape, level, weights = tried, level + float(answer[f]), weights + answer[f + 1 :]
        if size < 1e-14 * problem.extent_m or (size < 1e-9 * problem.extent_m and size > 0.5 * before):
            done = True
            break
    near = _local(own, chosen, shape)
    if near.values.max() > here.values.max() + 1e-12 * problem.extent_m:
        return Extreme(begun, float(here.values.max()), chosen, signs, multipliers[active], rounds, False)
    done = done and bool((weights > -1e-7).all()) and _least(near, weights)
    return Extreme(shape, float(near.values.max()), chosen, signs, weights, rounds, done)


def _least(near: _Local, weights: Floats) -> bool:
    """Say whether the Lagrangian curves up wherever the contacts leave a motion free."""
    if near.slopes.shape[1] == 0:
        return True
    values, vectors = eigen(product(near.slopes.T, near.slopes))
    still = vectors[:, values < 1e-12 * max(float(values[-1]), 1e-300)]
    if not still.shape[1]:
        return True
    bent = product(still.T, near.lagrangian(weights), still)
    return bool(eigen(bent)[0][0] >= -FLAT * np.abs(near.curvatures).max())


def conditions(second: Floats, slopes: Floats) -> Floats:
    """Return the matrix of the optimality conditions: motions (f), level, multipliers (m)."""
    m, f = slopes.shape
    matrix = np.zeros((f + 1 + m, f + 1 + m))
    matrix[:f, :f] = second
    matrix[f + 1 :, :f], matrix[:f, f + 1 :] = slopes, slopes.T
    matrix[f + 1 :, f] = matrix[f, f + 1 :] = -1.0
    return matrix


def solved(matrix: Floats, right: Floats) -> Floats:
    """Return the solution (n,) or (n, m) of symmetric equations; where they leave something open, the smallest."""
    columns = right.reshape(len(matrix), -1)
    whole = np.ascontiguousarray(np.hstack([matrix, columns]))
    if not programs.solve(whole):
        values, vectors = eigen(matrix)
        kept = np.abs(values) > 1e-12 * np.abs(values).max()
        inner = product(vectors[:, kept].T, columns) / values[kept][:, None]
        return np.asarray(product(vectors[:, kept], inner).reshape(right.shape))
    return np.asarray(whole[:, len(matrix) :].reshape(right.shape))


def answers(contest: Contest, end: Extreme) -> tuple[Floats, Floats]:
    """Return how the level (m, 3) and the eight parameters (8, m, 3) answer to a shift of each contact."""
    problem, m = contest.problem, len(end.rows)
    points = np.ascontiguousarray(problem.points_m[end.rows])
    distances, slopes, seconds, mixed = derivatives(points, end.shape)
    scale, free = scale_of(end.shape, problem.extent_m), contest.free(end.shape)
    f = free.shape[1]
    weights = end.multipliers * end.signs
    bent = product(free.T, (seconds * weights[:, None, None]).sum(axis=0) / scale / scale[:, None], free)
    matrix = conditions(bent, end.signs[:, None] * product(slopes / scale, free))
    right = np.zeros((f + 1 + m, m, 3))
    for i in range(m):
        right[:f, i] = -weights[i] * product(free.T, mixed[i] / scale[:, None])
        right[f + 1 + i, i] = -end.signs[i] * distances[i, 1:]
    answer = solved(matrix, right.reshape(f + 1 + m, 3 * m)).reshape(f + 1 + m, m, 3)
    moves = product(free, answer[:f].reshape(f, 3 * m)).reshape(8, m, 3) / scale[:, None, None]
    return answer[f], moves
