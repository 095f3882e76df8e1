# SPDX-License-Identifier: Apache-2.0
"""Best fit of measured points to their nominal surface: least squares, and minimum zone."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import Pose, Text
from visionvalley.core.arrays import Floats, Ints
from visionvalley.kernels import best_fit as kernels
from visionvalley.kernels.threads import each_thread
from visionvalley.vision.geometry.degeneracy import UNSEEN, unseen_motions
from visionvalley.vision.geometry.motion import orthonormal
from visionvalley.vision.geometry.symmetric import eigen, product
from visionvalley.vision.shape.distances import Closest, closest
from visionvalley.vision.shape.surfaces import SurfaceIndex

ROUNDS = 50
STOP_M = 1e-10  # a tenth of a nanometre: no sensor sees less
HELD = 1e-9  # of the strongest information: weaker motions are not made at all
STOP_ZONE_M = 1e-9
BEYOND = 6.0  # robust standard deviations at which Tukey's weight ends
START_POINTS = 30_000  # are enough to settle on
SPREAD_POINTS = 2_000
EXTREME_POINTS = 500  # that join in each exchange
EXCHANGES = 20


@dataclass(frozen=True, slots=True, eq=False)
class BestFit:
    """Where a scan lies on its part.

    part_from_scan  the pose
    covariance      (6, 6) of its left perturbation (rotation rad, shift m) in the part frame; of the
                    least-squares fit also where the zone is minimised, which starts from it
    weak            (m, 6) unit motions that the points hardly determine, rotations times `extent_m`
    unseen          the same in words
    used            (N,) bool, the points that it was made from
    rms_m           of the signed distances of these points
    largest_m       the largest of their absolute values
    criterion       'least squares' or 'zone'
    """

    part_from_scan: Pose
    covariance: Floats
    weak: Floats
    unseen: tuple[Text, ...]
    used: NDArray[np.bool_]
    rms_m: float
    largest_m: float
    extent_m: float
    rounds: int
    converged: bool
    criterion: str


@dataclass(frozen=True, slots=True, eq=False)
class _System:
    """Normal equations about a centre, rotations scaled by the extent so that all unknowns are metres."""

    information: Floats
    gradient: Floats
    centre_m: Floats
    extent_m: float
    pairs: float

    def about_centre(self) -> Floats:
        """Return the information of (rotation rad, shift m) about the centre."""
        scale = np.array([self.extent_m] * 3 + [1.0] * 3)
        information: Floats = self.information * scale[:, None] * scale
        return information

    def weak(self) -> Floats:
        """Return the unit motions (m, 6) with next to no information, as `unseen_motions` counts it."""
        values, vectors = eigen(self.information / max(self.pairs, 1.0))
        weak: Floats = vectors.T[~(values > UNSEEN)]
        return weak

    def inverse(self) -> tuple[Floats, int]:
        """Return the inverse over the motions that have information, and their number."""
        values, vectors = eigen(self.information)
        seen = values > HELD * max(float(values[-1]), 1e-300)
        inverse = np.zeros((6, 6))
        for value, vector in zip(values[seen], vectors.T[seen], strict=True):
            inverse += vector[:, None] * vector / value
        return inverse, int(np.count_nonzero(seen))


def fit_least_squares(
    points_m: Floats, surface: SurfaceIndex, start: Pose, *, reach_m: float = math.inf, sharing_m: float = 0.0
) -> BestFit:
    """Fit points to a surface by least squares of their signed distances.

    points_m    (N, 3) scan frame; NaN: none
    start       part_from_scan, near enough that most points are nearest to their own face
    reach_m     points farther from the surface after the robust start take no part
    sharing_m   distance over which errors of neighbours may be alike, for the covariance

    Gauss-Newton with Tukey's weights over some points until it settles, then plain over all within
    reach. The covariance is the sandwich of the information with the scores added up over cells of
    `sharing_m`, which holds for noise that neighbours share (Liang & Zeger 1986).
    """
    some = points_m[:: -(-len(points_m) // START_POINTS)] if len(points_m) else points_m
    pose, robust_rounds = _settle(some, surface, start, robust=True)
    near = closest(surface, pose.apply(points_m))
    used = _usable(near) & (np.abs(near.distance_m) <= reach_m)
    pose, rounds = _settle(points_m, surface, pose, used=used)
    moved = pose.apply(points_m)
    near = closest(surface, moved)
    system = _normal_equations(moved, near, used.astype(float))
    rms, largest = _size(near.distance_m[used])
    return BestFit(
        part_from_scan=pose,
        covariance=_covariance(system, moved, near, used, sharing_m),
        weak=system.weak(),
        unseen=unseen_motions(system.about_centre(), system.pairs, system.centre_m, system.extent_m),
        used=used,
        rms_m=rms,
        largest_m=largest,
        extent_m=system.extent_m,
        rounds=robust_rounds + rounds,
        converged=robust_rounds < ROUNDS and rounds < ROUNDS,
        criterion="least squares",
    )


def fit_zone(points_m: Floats, surface: SurfaceIndex, start: BestFit, neighbours: Ints | None = None) -> BestFit:
    """Move the points so that their largest distance from the surface is least (Chebyshev).

    points_m    (N, 3) scan frame, of `start`
    neighbours  (N, k) rows of each point's neighbours, itself among them, -1: none; the distance of
                a point is then the mean of theirs, so that noise does not decide alone

    A sequence of linear programs over the points that deviate most; others join where they turn out
    to deviate more (exchange; Anthony et al. 1993, "Chebyshev best-fit geometric elements"). The
    zone is never wider than that of `start`.
    """
    groups = np.arange(len(points_m), dtype=np.int32)[:, None] if neighbours is None else neighbours
    best = start.part_from_scan
    best_m, sizes = _largest(points_m, surface, best, start.used, groups)
    pose, rounds, done = best, 0, False
    chosen = np.arange(0, len(points_m), -(-len(points_m) // SPREAD_POINTS))  # some of everywhere, to begin with
    for _ in range(EXCHANGES):
        chosen = np.union1d(chosen, np.argsort(-sizes, kind="stable")[:EXTREME_POINTS])
        extremes = _Extremes.of(points_m, start.used, groups[chosen], surface)
        pose, wanted_m, more, done = _least_largest(extremes, pose, start.weak)
        rounds += more
        largest_m, sizes = _largest(points_m, surface, pose, start.used, groups)
        if largest_m < best_m:
            best, best_m = pose, largest_m
        if largest_m <= wanted_m + STOP_ZONE_M:
            break
    near = closest(surface, best.apply(points_m))
    return replace(
        start, part_from_scan=best, rms_m=_size(near.distance_m[start.used])[0], largest_m=best_m, rounds=rounds,
        criterion="zone", converged=start.converged and done,
    )  # fmt: skip


def group_means(values: Floats, groups: Ints) -> Floats:
    """Return the mean (N,) of the values (M,) of each group (N, k) of rows; -1 and NaN do not count."""
    means = np.empty(len(groups))
    pieces = -(-len(groups) // kernels.PIECE)
    each_thread(kernels.neighbour_mean, pieces, np.array(groups, np.int32), np.array(values, np.float64), means)
    return means


def _largest(
    points_m: Floats, surface: SurfaceIndex, pose: Pose, used: NDArray[np.bool_], groups: Ints
) -> tuple[float, Floats]:
    near = closest(surface, pose.apply(points_m))
    held = np.where(used & _usable(near), near.distance_m, np.nan)
    sizes = np.where(np.isfinite(held), np.abs(group_means(held, groups)), -1.0)
    return float(sizes.max()), sizes


@dataclass(frozen=True, slots=True, eq=False)
class _Extremes:
    """The points that deviate most, as the means over their groups.

    points_m  (M, 3) all members
    groups    (m, k) rows of members; -1: none
    """

    points_m: Floats
    used: NDArray[np.bool_]
    groups: Ints
    surface: SurfaceIndex

    @staticmethod
    def of(points_m: Floats, used: NDArray[np.bool_], groups: Ints, surface: SurfaceIndex) -> _Extremes:
        members, at = np.unique(groups, return_inverse=True)
        absent = int(members[0] < 0)
        rows = members[absent:]
        return _Extremes(points_m[rows], used[rows], (at.reshape(groups.shape) - absent).astype(np.int32), surface)

    def at(self, pose: Pose) -> tuple[Floats, Floats, _System]:
        """Return distances (m,), their derivatives (m, 6), and what the derivatives are about."""
        moved = pose.apply(self.points_m)
        near = closest(self.surface, moved)
        held = self.used & _usable(near)
        system = _normal_equations(moved, near, held.astype(float))
        columns = [near.distance_m, *_rows(moved, near, system).T]
        means = [group_means(np.where(held, column, np.nan), self.groups) for column in columns]
        there = np.isfinite(means[0])
        return means[0][there], np.stack(means[1:], axis=1)[there], system


def _least_largest(extremes: _Extremes, start: Pose, weak: Floats) -> tuple[Pose, float, int, bool]:
    """Return the pose, the largest distance that it leaves, the rounds, and whether they came to rest."""
    pose, best, best_m, trust_m = start, start, math.inf, math.inf
    for round_ in range(1, ROUNDS + 1):
        distance_m, rows, system = extremes.at(pose)
        largest_m = float(np.abs(distance_m).max())
        if largest_m < best_m:
            gain_m, best, best_m = best_m - largest_m, pose, largest_m
            if gain_m < STOP_ZONE_M:
                return best, best_m, round_, True
        else:  # the surface bends more than its tangents say: go back and step shorter
            trust_m *= 0.25
            distance_m, rows, system = extremes.at(best)
        motion = _program(rows, distance_m, weak, min(2 * best_m, trust_m))
        size_m = float(np.abs(motion).max())
        trust_m = min(trust_m, 2 * size_m)
        if size_m < STOP_ZONE_M:
            return best, best_m, round_, True
        pose = _moved(best, motion, system)
    return best, best_m, ROUNDS, False


def pose_uncertainty_m(fit: BestFit, points_m: Floats) -> Floats:
    """Return the standard uncertainty (N,) that the alignment lends to the position of points (N, 3).

    points_m  part frame; the largest standard deviation along any axis
    """
    c = fit.covariance
    x, y, z = points_m[:, 0], points_m[:, 1], points_m[:, 2]
    zero, one = np.zeros(len(points_m)), np.ones(len(points_m))
    jacobians = (
        (zero, z, -y, one, zero, zero),
        (-z, zero, x, zero, one, zero),
        (y, -x, zero, zero, zero, one),
    )
    variances = [sum(row[a] * c[a, b] * row[b] for a in range(6) for b in range(6)) for row in jacobians]
    worst: Floats = np.sqrt(np.maximum(np.max(variances, axis=0), 0.0))
    return worst


def _usable(near: Closest) -> NDArray[np.bool_]:
    return np.isfinite(near.distance_m) & ~near.on_boundary


def _reach(near: Closest) -> float:
    sizes = np.abs(near.distance_m[_usable(near)])
    return BEYOND * 1.4826 * float(np.median(sizes)) if len(sizes) else 0.0


def _settle(
    points_m: Floats,
    surface: SurfaceIndex,
    start: Pose,
    *,
    used: NDArray[np.bool_] | None = None,
    robust: bool = False,
) -> tuple[Pose, int]:
    pose = start
    for round_ in range(1, ROUNDS + 1):
        moved = pose.apply(points_m)
        near = closest(surface, moved)
        mask = _usable(near) if used is None else used & _usable(near)
        weights = mask.astype(float)
        if robust:
            reach = max(_reach(near), 1e-12)
            weights *= np.maximum(0.0, 1 - (np.nan_to_num(near.distance_m) / reach) ** 2) ** 2  # Tukey's biweight
        system = _normal_equations(moved, near, weights)
        motion = -product(system.inverse()[0], system.gradient[:, None])[:, 0]
        pose = _moved(pose, motion, system)
        if float(np.abs(motion).max()) < (1e-7 * system.extent_m if robust else STOP_M):
            return pose, round_
    return pose, ROUNDS


def _normal_equations(moved_m: Floats, near: Closest, weights: Floats) -> _System:
    held = weights > 0
    inside = moved_m[held] if held.any() else np.zeros((1, 3))
    centre = inside.mean(axis=0)
    extent = max(float(np.sqrt(((inside - centre) ** 2).sum(axis=1).max())), 1e-12)
    pieces = max(1, -(-len(moved_m) // kernels.PIECE))
    partial = np.zeros((pieces, kernels.SUMS))
    pairs = np.stack([np.nan_to_num(near.distance_m), weights], axis=1)
    gradients = np.nan_to_num(_gradient(moved_m, near))
    each_thread(kernels.normal_equations, pieces, np.array(moved_m), gradients, pairs, centre, partial)
    sums = partial[0].copy()
    for row in partial[1:]:
        sums += row
    information = np.zeros((6, 6))
    information[np.triu_indices(6)] = sums[:21]
    information = information + np.triu(information, 1).T
    scale = np.array([1 / extent] * 3 + [1.0] * 3)
    return _System(information * scale[:, None] * scale, sums[21:27] * scale, centre, extent, float(np.sum(weights)))


def _gradient(moved_m: Floats, near: Closest) -> Floats:
    """Return the direction (N, 3) in which each signed distance grows; at an edge it is not a face's normal."""
    far = np.abs(near.distance_m) > 1e-9
    towards = (moved_m - near.point_m) / np.where(far, near.distance_m, 1.0)[:, None]
    grows: Floats = np.where(far[:, None], towards, near.normal)
    return grows


def _moved(pose: Pose, motion: Floats, system: _System) -> Pose:
    turn = Pose.from_rotation_vector(motion[:3] / system.extent_m, np.zeros(3))
    shift = Pose(np.eye(3), motion[3:])
    to_centre, back = Pose(np.eye(3), -system.centre_m), Pose(np.eye(3), system.centre_m)
    moved = back @ shift @ turn @ to_centre @ pose
    return Pose(orthonormal(moved.rotation), moved.translation_m)


def _rows(moved_m: Floats, near: Closest, system: _System) -> Floats:
    arms, g = (moved_m - system.centre_m) / system.extent_m, _gradient(moved_m, near)
    turns = [
        arms[:, 1] * g[:, 2] - arms[:, 2] * g[:, 1],
        arms[:, 2] * g[:, 0] - arms[:, 0] * g[:, 2],
        arms[:, 0] * g[:, 1] - arms[:, 1] * g[:, 0],
    ]
    return np.stack([*turns, g[:, 0], g[:, 1], g[:, 2]], axis=1)


def _covariance(system: _System, moved_m: Floats, near: Closest, used: NDArray[np.bool_], sharing_m: float) -> Floats:
    inverse, seen = system.inverse()
    scores = _rows(moved_m[used], _taken(near, used), system) * near.distance_m[used][:, None]
    if sharing_m > 0:
        cells = np.floor(moved_m[used] / sharing_m).astype(np.int64)
        _, index = np.unique(cells, axis=0, return_inverse=True)
        scores = np.stack([np.bincount(index.ravel(), weights=column) for column in scores.T], axis=1)
    middle = np.array([[float(np.sum(a * b)) for b in scores.T] for a in scores.T])
    freedom = len(scores) / max(1, len(scores) - seen)
    # from motions in metres about the centre to (rad, m) about the origin of the part
    change = np.eye(6)
    change[:3, :3] /= system.extent_m
    cx, cy, cz = system.centre_m / system.extent_m
    change[3:, :3] = np.array([[0.0, -cz, cy], [cz, 0.0, -cx], [-cy, cx, 0.0]])
    covariance = product(change, inverse, middle * freedom, inverse, change.T)
    return (covariance + covariance.T) / 2


def _taken(near: Closest, index: NDArray[np.bool_]) -> Closest:
    return Closest(
        near.distance_m[index], near.point_m[index], near.face[index], near.normal[index], near.on_boundary[index]
    )


def _size(distance_m: Floats) -> tuple[float, float]:
    if not len(distance_m):
        return math.nan, math.nan
    return math.sqrt(float(np.mean(distance_m**2))), float(np.abs(distance_m).max())


def _program(rows: Floats, distance_m: Floats, weak: Floats, trust_m: float) -> Floats:
    """Return the motion (6,) within `trust_m` after which the largest linearised distance is least."""
    from scipy.optimize import linprog

    unit = max(float(np.abs(distance_m).max()), 1e-12)  # the program is solved in units of the largest deviation
    d, bound = distance_m / unit, trust_m / unit
    order = np.argsort(-np.abs(d), kind="stable")
    working = order[:300]
    motion = np.zeros(6)
    for _ in range(30):
        a = rows[working]
        ones = np.ones((len(working), 1))
        limits = np.concatenate([-d[working], d[working]])
        program = linprog(
            [0.0] * 6 + [1.0],
            A_ub=np.block([[a, -ones], [-a, -ones]]),
            b_ub=limits,
            A_eq=np.column_stack([weak, np.zeros(len(weak))]) if len(weak) else None,
            b_eq=np.zeros(len(weak)) if len(weak) else None,
            bounds=[(-bound, bound)] * 6 + [(0, None)],
            method="highs-ds",
        )
        if program.x is None:
            break
        motion = np.asarray(program.x[:6])
        after = np.abs(d + sum(rows[:, k] * motion[k] for k in range(6)))
        worse = np.flatnonzero(after > program.x[6] + 1e-7)
        if not len(worse):
            break
        worse = worse[np.argsort(-after[worse], kind="stable")][:200]
        working = np.union1d(working, worse)
    return motion * unit
