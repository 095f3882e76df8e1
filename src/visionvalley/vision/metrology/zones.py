# SPDX-License-Identifier: Apache-2.0
"""The narrowest zone that holds points: how far ideal elements may be moved is given, the largest deviation made least.

Unknown are a small motion δ = (ω rad, t m) of the ideal elements within given freedoms, and sizes that may change.
The deviations f_i are linearised, a linear program (`kernels.zones`) finds the step that makes the largest least,
and so on until a step gains nothing (sequential linear programming with a trust region; Anthony, Anthony, Bittner,
Butler, Cox, Drieschner, Elligsen, Forbes, Gross, Hannaby, Harris, Kok 1996, "Reference software for finding Chebyshev
best-fit geometric elements"). A distance from an axis or a point in any direction is the largest of its parts along
all directions: the directions met on the way stay in the program, so that two opposite points decide where they do.

How the height h answers to a change of the deviations is the program's multipliers (envelope theorem): only the
points that touch the zone count, and their multipliers add up to one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Pose
from visionvalley.core.arrays import Floats
from visionvalley.kernels import zones as kernels
from visionvalley.vision.geometry.motion import cross_matrix, orthonormal
from visionvalley.vision.geometry.symmetric import eigen, gram, product
from visionvalley.vision.metrology.fits import box, dots

ROUNDS = 60
STOP = 1e-9  # of the height: a step that gains less is the last
STOP_M = 1e-13
SLIGHT = 1e-10  # of the largest deviation: a violation that does not count
FLAT = 1e-9  # of the largest: freedoms with a smaller square do not change any deviation
IDLE = 1e-12  # nor do those with a smaller mean square, of balanced motions
FEW = 3_000  # rows that a program is solved over at once
JOIN = 300  # rows that join where they are violated


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Deviations and how they change.

    values     (M,) m
    points_m   (M, 3) where; gradients (M, 3): how each value changes with a shift of its point
    sides      (M,) int64: 1: the value may not exceed share h; -1: not fall below -share h; 0: both
    share      (M,) of the height that a value is allowed; 0: it may not exceed zero
    sizes      (M, s) how each value changes with the sizes
    point      (M,) int64 which point of its feature a row is of; part (M,): which feature
    """

    values: Floats
    points_m: Floats
    gradients: Floats
    sides: NDArray[np.int64]
    share: Floats
    sizes: Floats
    point: NDArray[np.int64]
    part: NDArray[np.int64]

    @staticmethod
    def both(values: Floats, points_m: Floats, gradients: Floats, sizes: Floats | None = None) -> Rows:
        """Return rows whose values may lie on either side."""
        n = len(values)
        own = np.zeros((n, 0)) if sizes is None else sizes
        zero = np.zeros(n, np.int64)
        return Rows(values, points_m, gradients, zero, np.ones(n), own, np.arange(n), zero)

    @staticmethod
    def above(
        values: Floats, points_m: Floats, gradients: Floats, share: float = 1.0, point: NDArray[np.int64] | None = None
    ) -> Rows:
        """Return rows whose values only count where they are large."""
        n = len(values)
        own = np.arange(n) if point is None else point
        sides, shares = np.ones(n, np.int64), np.full(n, share)
        return Rows(values, points_m, gradients, sides, shares, np.zeros((n, 0)), own, np.zeros(n, np.int64))

    @staticmethod
    def joined(parts: list[Rows]) -> Rows:
        """Return the rows of several features as one."""
        if len(parts) == 1:
            return parts[0]
        names = ("values", "points_m", "gradients", "sides", "share", "sizes", "point")
        part = np.repeat(np.arange(len(parts)), [len(one.values) for one in parts])
        return Rows(**{name: np.concatenate([getattr(one, name) for one in parts]) for name in names}, part=part)

    def some(self, which: NDArray[np.bool_]) -> Rows:
        """Return those rows that are among `which` (M,)."""
        return Rows(**{one.name: getattr(self, one.name)[which] for one in fields(self)})

    def height(self) -> float:
        """Return the least h that allows these values."""
        counted = self.share > 0
        sizes = np.where(self.sides == 0, np.abs(self.values), self.sides * self.values)[counted]
        return float((sizes / self.share[counted]).max())

    def motions(self) -> Floats:
        """Return how values change with a motion (ω, t) of the elements about the origin, (M, 6)."""
        return _motions(self.points_m, self.gradients)


def _motions(p: Floats, n: Floats) -> Floats:
    turns = [p[:, j] * n[:, k] - p[:, k] * n[:, j] for j, k in ((1, 2), (2, 0), (0, 1))]
    return -np.stack([*turns, n[:, 0], n[:, 1], n[:, 2]], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Narrowest:
    """The narrowest zone.

    height_m     the least largest deviation
    moved        the motion of the elements that makes it so
    sizes_m      (s,) how much the sizes change
    rows         the deviations there
    multipliers  (M,) how the height answers to each of them
    used         how many independent motions and sizes changed any deviation
    """

    height_m: float
    moved: Pose
    sizes_m: Floats
    rows: Rows
    multipliers: Floats
    rounds: int
    converged: bool
    used: int

    def force(self) -> Floats:
        """Return how the height answers to a shift of each row's point, (M, 3)."""
        return self.multipliers[:, None] * self.rows.gradients

    def torque(self) -> Floats:
        """Return how the height answers to a motion (ω, t) of the elements about the origin, (6,)."""
        there = np.flatnonzero(self.multipliers)
        motions = _motions(self.rows.points_m[there], self.rows.gradients[there])
        answer: Floats = (self.multipliers[there, None] * motions).sum(axis=0)
        return answer


def free_of(locked: Floats, centre_m: Floats, extent_m: float) -> Floats:
    """Return the motions (6, f), about the origin, that change none of the locked rows (l, 6), balanced (`about`)."""
    scale = about(centre_m, extent_m)
    if not len(locked):
        return scale
    rows = product(locked, scale)
    rows = rows / np.maximum(np.sqrt((rows * rows).sum(axis=1)), 1e-300)[:, None]
    values, vectors = eigen(gram(rows))
    return product(scale, vectors[:, values < 1e-12 * max(float(values[-1]), 1.0)])


def about(centre_m: Floats, extent_m: float) -> Floats:
    """Return the motions (6, 6) about the origin that are turns about a centre by 1 m at the extent, and shifts."""
    scale = np.zeros((6, 6))
    scale[:3, :3], scale[3:, 3:] = np.eye(3) / extent_m, np.eye(3)
    scale[3:, :3] = cross_matrix(centre_m) / extent_m
    return scale


def centre_and_extent(points_m: Floats) -> tuple[Floats, float]:
    """Return the middle of points (N, 3) and half their largest side."""
    low, high = box(points_m)
    return 0.5 * (low + high), max(0.5 * float((high - low).max()), 1e-9)


def screw(motion: Floats) -> Pose:
    """Return the pose exp(ω, t) of a motion (6,) about the origin (Murray, Li, Sastry 1994, eq. 2.36)."""
    w, t = motion[:3], motion[3:]
    turned = Pose.from_rotation_vector(w, np.zeros(3))
    angle = math.sqrt(float((w * w).sum()))
    cross = cross_matrix(w)
    if angle < 1e-6:
        shift = t + 0.5 * product(cross, t[:, None])[:, 0]
    else:
        along = product(cross, t[:, None])[:, 0]
        again = product(cross, along[:, None])[:, 0]
        shift = t + along * ((1 - math.cos(angle)) / angle**2) + again * ((angle - math.sin(angle)) / angle**3)
    return Pose(orthonormal(turned.rotation), shift)


def narrowest(rows_at: Callable[[Pose, Floats], Rows], freedoms: Floats, sizes: int = 0) -> Narrowest:
    """Return the narrowest zone.

    rows_at   gives the deviations for elements moved by a pose, with their sizes changed (s,)
    freedoms  (6, f) motions about the origin, balanced (see `free_of`); none where f is 0
    Raises BadInput where rows without a share cannot be kept.
    """
    pose, grown = Pose.identity(), np.zeros(sizes)
    rows, rounds, done = rows_at(pose, grown), 0, False
    height, trust = rows.height(), math.inf
    step = program(rows, freedoms)
    while rounds < ROUNDS and not done and trust > STOP_M:
        rounds += 1
        stop = STOP * abs(height) + STOP_M
        done = step.used == 0 or (height - step.wanted_m <= stop and _kept(rows, stop))
        if done:
            break
        moved = product(freedoms, step.change[: freedoms.shape[1], None])[:, 0]
        tried = screw(moved) @ pose if moved.any() else pose
        larger = grown + step.change[freedoms.shape[1] :]
        there = rows_at(tried, larger)
        size = float(np.abs(step.change).max())
        gain = (height - there.height()) / max(height - step.wanted_m, 1e-300)
        if gain > 0 or not _kept(rows, stop):
            trust = 0.5 * size if gain < 0.25 else max(trust, 2 * size)
            pose, grown, rows, height = tried, larger, there, there.height()
        else:
            trust, rows = 0.25 * size, rows_at(pose, grown)  # directions met there have joined
        step = program(rows, freedoms, trust)
    return Narrowest(height, pose, grown, rows, step.multipliers, rounds, done, step.used)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What a linear program found: the change (f + s,) of motions and sizes, the largest deviation that it leads to."""

    change: Floats
    wanted_m: float
    multipliers: Floats
    used: int


def _kept(rows: Rows, stop: float) -> bool:
    """Say whether rows without a share are within their limit."""
    hard = rows.share == 0
    return not bool((hard & (np.abs(rows.values) * (rows.sides == 0) + rows.sides * rows.values > stop)).any())


def program(rows: Rows, freedoms: Floats, trust: float = math.inf) -> Step:
    """Return the step within `trust` that makes the largest linearised deviation least."""
    unit, count, f = max(float(np.abs(rows.values).max()), 1e-12), len(rows.values), freedoms.shape[1]
    working = _first(rows)
    slopes = _slopes(rows, working, freedoms)
    kept = _changing(slopes)
    if not kept.shape[1]:
        return Step(np.zeros(slopes.shape[1]), rows.height(), _largest(rows), 0)
    bound = np.minimum(trust / unit / np.abs(kept).max(axis=0), 1e3)  # each by itself: weak ones hold no other back
    while True:
        z, multipliers = _solved(product(slopes, kept), rows.values[working] / unit, rows, working, bound)
        change = product(kept, z[:-1, None])[:, 0]
        if len(working) == count:
            break
        motion = product(freedoms, change[:f, None])[:, 0]
        after = rows.values / unit - dots(rows.gradients, np.cross(motion[:3], rows.points_m) + motion[3:])
        after = after + sum(rows.sizes[:, j] * change[f + j] for j in range(rows.sizes.shape[1]))
        over = np.where(rows.sides == 0, np.abs(after), rows.sides * after) - rows.share * z[-1]
        over[working] = -math.inf
        worse = np.argpartition(-over, JOIN)[:JOIN]
        worse = worse[over[worse] > SLIGHT]
        if not len(worse):
            break
        working = np.concatenate([working, worse])
        slopes = np.concatenate([slopes, _slopes(rows, worse, freedoms)])
    whole = np.zeros(count)
    np.add.at(whole, working, multipliers)
    return Step(change * unit, float(z[-1]) * unit, whole, kept.shape[1])


def _slopes(rows: Rows, which: NDArray[np.int64], freedoms: Floats) -> Floats:
    """Return how some rows change with motions and sizes, (m, f + s)."""
    moved = product(_motions(rows.points_m[which], rows.gradients[which]), freedoms)
    return np.concatenate([moved, rows.sizes[which]], axis=1)


def _changing(slopes: Floats) -> Floats:
    """Return motions (k, u), independent and balanced, that change deviations."""
    if not slopes.shape[1]:
        return np.zeros((0, 0))
    squares, vectors = eigen(gram(slopes))
    squares = squares / len(slopes)
    kept = squares > max(FLAT * float(squares[-1]), IDLE)
    changing: Floats = vectors[:, kept] / np.sqrt(squares[kept])
    return changing


def _first(rows: Rows) -> NDArray[np.int64]:
    if len(rows.values) <= FEW:
        return np.arange(len(rows.values))
    sizes = np.where(rows.sides == 0, np.abs(rows.values), rows.sides * rows.values)
    extreme = np.argpartition(-sizes, JOIN)[:JOIN]
    spread = np.arange(0, len(sizes), -(-len(sizes) // (FEW // 4)))
    first: NDArray[np.int64] = np.union1d(extreme, spread)
    return first


def _solved(
    slopes: Floats, values: Floats, rows: Rows, working: NDArray[np.int64], bound: Floats
) -> tuple[Floats, Floats]:
    k = slopes.shape[1]
    z, active, found = np.zeros(k + 1), np.zeros(k + 1, np.int64), np.zeros(k + 1)
    sides, share = rows.sides[working], rows.share[working]
    given = (np.ascontiguousarray(slopes), np.ascontiguousarray(values), sides, share)
    if kernels.least_largest(*given, bound, SLIGHT, z, active, found) == kernels.INFEASIBLE:
        raise BadInput("metrology.boundary_violated")
    multipliers = np.zeros(len(working))
    for which, much in zip(active, found, strict=True):
        if which >= 0:
            multipliers[which // 2] += much if which % 2 == 0 else -much
    return z, multipliers


def _largest(rows: Rows) -> Floats:
    """Return the multipliers where nothing can move: one point decides."""
    counted = rows.share > 0
    sizes = np.where(rows.sides == 0, np.abs(rows.values), rows.sides * rows.values)
    sizes = np.where(counted, sizes / np.where(counted, rows.share, 1.0), -math.inf)
    multipliers = np.zeros(len(sizes))
    at = int(np.argmax(sizes))
    multipliers[at] = (
        math.copysign(1.0, rows.values[at]) / rows.share[at] if rows.sides[at] == 0 else float(rows.sides[at])
    )
    return multipliers
