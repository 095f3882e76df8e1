# SPDX-License-Identifier: Apache-2.0
"""What noise adds to an extreme value, and what interval of it is right.

A form, a run-out, a position is the largest of many deviations, made least over what the zone is free to do. To
first order in the deviations d it is T(d) = c min_x max_i s_i (d_i - a_i x): convex, so noise e can on average only
widen it. What is seen is T(h + e), h the filtered true surface and e the noise that passed the same filter; the
measurand is T(h).

Draws of e, from the sensor's noise through the weights of the filter (JCGM 101:2008, 5 and 7), give the distribution
of T(t h / T(h) + e) for every true value t, and its inversion the interval, see `intervals.bounded`. The shape
h / T(h) is not known; it is what stands out of the noise in the deviations that were seen, see `shapes`. So the form
that is carried into the draws is shrunk, and noise is not counted twice. How much it is to be shrunk is not known
either: the interval holds those of a shape that is shrunk little and of one that is shrunk much.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import Cylinder
from visionvalley.core.arrays import Floats
from visionvalley.kernels import bias as kernels
from visionvalley.kernels.threads import each_thread
from visionvalley.vision.geometry.symmetric import eigen, gram
from visionvalley.vision.metrology.features import Smooth
from visionvalley.vision.metrology.filters import STEEP, Filter, Places
from visionvalley.vision.metrology.intervals import TAIL, Bounded, bounded, quantile
from visionvalley.vision.metrology.profiles import Profile
from visionvalley.vision.metrology.propagation import Sensed, drawn, multiplied
from visionvalley.vision.metrology.shapes import standing_out
from visionvalley.vision.metrology.sizes import LocalSizes, Mating
from visionvalley.vision.metrology.surfaces import distances
from visionvalley.vision.metrology.toleranced import Widest, Zone, Zoned
from visionvalley.vision.metrology.zones import Rows, about, centre_and_extent

Ints = NDArray[np.int64]
DRAWS, FEWER, MANY = 250, 128, 20_000
ROWS = 12_000  # of one zone that take part in draws: those that decide, and others evenly
FAR = 4.0
ROUND = 24
FLAT = 1e-9  # of the largest square: what changes deviations less does not change them, as in `zones`
SLIGHT = 1e-5  # nor does what changes them by less than 3 mm a metre: a turn of an axis about itself


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The deviations of one zone.

    values    (M,) at its narrowest; draws (B, M) what noise adds to them, which their opposites do as well
    slopes    (k, M) orthonormal: how they change with what is free
    one_sided whether only large values count
    points_m  (M, 3) where, gradients (M, 3)
    bases     (2 B, k + 1) the rows that decided each draw, and its opposite, last: where the next search begins
    """

    values: Floats
    draws: Floats
    slopes: Floats
    one_sided: bool
    points_m: Floats
    gradients: Floats
    bases: Ints

    def heights(self, shape: Floats, size: float) -> Floats:
        """Return the heights (2 B,) of size times a shape (M,) with all draws and their opposites."""
        count = len(self.draws)
        out = np.empty(2 * count)
        lift = self._lift(size * float(np.abs(shape).max()) + float(np.abs(self.draws).max()))
        for half, sign in ((slice(count), 1.0), (slice(count, None), -1.0)):
            self._levelled(self.draws, shape, np.array([size, sign, lift]), out[half], self.bases[half])
        return out - lift

    def height(self, shape: Floats) -> float:
        """Return the height of a shape (M,)."""
        out, lift = np.empty(1), self._lift(float(np.abs(shape).max()))
        self._levelled(np.zeros((1, len(shape))), shape, np.array([1.0, 0.0, lift]), out, self.bases[:1].copy())
        return float(out[0]) - lift

    def _lift(self, largest: float) -> float:
        return FAR * largest if self.one_sided else 0.0

    def _levelled(self, draws: Floats, shape: Floats, sums: Floats, out: Floats, bases: Ints) -> None:
        pieces = -(-len(draws) // kernels.PIECE)
        each_thread(kernels.levelled_worker, pieces, draws, shape, sums, self.slopes, out, bases)


@dataclass(frozen=True, slots=True, eq=False)
class Extreme:
    """The largest, over groups, of factor times their heights, with draws of the noise; factor may be negative."""

    groups: tuple[Group, ...]
    factor: float

    def seen(self, shapes: Sequence[Floats]) -> float:
        """Return the value of shapes without noise."""
        return self.factor * max(g.height(s) for g, s in zip(self.groups, shapes, strict=True))

    def answers(self, shapes: Sequence[Floats], size: float) -> Floats:
        """Return the values (2 B,), sorted, of size times the shapes with every draw and its opposite."""
        heights = [g.heights(s, size) for g, s in zip(self.groups, shapes, strict=True)]
        return np.sort(self.factor * np.max(heights, axis=0))


@dataclass(frozen=True, slots=True)
class Corrected:
    """What is to be taken off what was seen, for the value and both ends of its interval.

    noise  standard deviation of what is seen
    """

    value: float
    low: float
    high: float
    noise: float


def corrected(extreme: Extreme) -> Corrected:
    """Return value and interval of an extreme that cannot be negative; low is infinite where zero is held."""
    seen = extreme.seen([g.values for g in extreme.groups])
    found, noises = [], []
    for shapes in _shapes(extreme):
        flat = float(extreme.answers(shapes, 0.0).std())
        size = extreme.seen(shapes)
        if not size > 1e-3 * flat:
            shapes, size = [g.values for g in extreme.groups], seen
        units = [s / max(size, 1e-300) for s in shapes]
        noises.append(float(extreme.answers(units, seen).std()))
        found.append(bounded(seen, _answers(extreme, units), max(noises[-1], 1e-300)))
    return _between(found, seen, max(noises))


def _answers(extreme: Extreme, units: Sequence[Floats]) -> Callable[[float], Floats]:
    return lambda size: extreme.answers(units, size)


def _between(found: Sequence[Bounded], seen: float, noise: float) -> Corrected:
    """Return the interval that holds those of all shapes, and the mean of their values."""
    low = min(one.low for one in found)
    value = math.fsum(one.value for one in found) / len(found)
    return Corrected(seen - value, seen - low if low > 0 else math.inf, seen - max(one.high for one in found), noise)


def corrected_free(extreme: Extreme) -> Corrected:
    """Return the same of an extreme that may be any number: what noise adds to the shapes that stand out."""
    sign = math.copysign(1.0, extreme.factor)
    added = [np.sort(sign * (extreme.answers(s, 1.0) - extreme.seen(s))) for s in _shapes(extreme)]
    middle = math.fsum(quantile(one, 0.5) for one in added) / len(added)
    most, least = max(quantile(one, 1 - TAIL) for one in added), min(quantile(one, TAIL) for one in added)
    ends = sorted((sign * most, sign * least))
    return Corrected(sign * middle, ends[1], ends[0], float(added[0].std()))


def _shapes(extreme: Extreme) -> list[list[Floats]]:
    """Return the shapes of all groups, shrunk little and shrunk much; once where they are the same."""
    both = [standing_out(g.values, g.draws[:64].T, g.slopes, g.points_m, g.gradients) for g in extreme.groups]
    little, much = [one for one, _ in both], [other for _, other in both]
    return [little, much] if any(one.any() for one in little) else [little]


def extreme_of(found: object, points: Sensed, random: np.random.Generator) -> Extreme | None:
    """Return the extreme that an evaluation found, with draws of the noise; None where it is none that is known."""
    half = (FEWER if len(points.points_m) > MANY else DRAWS) // 2
    if isinstance(found, LocalSizes) and all(
        points.axes[s.feature.name].shape[1] == 1 for s in (found.near, found.far)
    ):
        return Extreme((_local(found, drawn(points, half, random)),), 1.0 if found.largest else -1.0)
    if isinstance(found, Mating):
        return Extreme((_mating(found, drawn(points, half, random)),), -2.0 if found.inside else 2.0)
    if not isinstance(found, Widest):
        return None
    rows = [zone.found.rows for zone in found.zones]
    if any((r.share != 1).any() or (r.sides != r.sides[0]).any() or r.sides[0] < 0 for r in rows):
        return None  # limits of material bind it
    noise = drawn(points, half, random)
    return Extreme(tuple(_group(zone, found, points, noise) for zone in found.zones), found.factor)


def _local(found: LocalSizes, noise: Mapping[str, Floats]) -> Group:
    which = np.flatnonzero(np.isfinite(found.sizes))
    which = which[:: -(-len(which) // ROWS)]
    sign = found.sign if found.largest else -found.sign
    near, far = (
        filtered_draws(side.filter, side.at, which, noise[side.feature.name][:, 0]) for side in (found.near, found.far)
    )
    draws = near + far
    middle = float(found.sizes[which].mean())
    values = (found.sizes[which] - middle) * (1.0 if found.largest else -1.0)
    points = found.near.feature.points_m[:: -(-len(found.near.feature.points_m) // len(found.sizes))][which]
    none = np.zeros((0, len(which)))
    return _made(values, sign * draws, none, True, points, np.zeros_like(points))


def _mating(found: Mating, noise: Mapping[str, Floats]) -> Group:
    points = found.feature.points_m
    some = points[:: -(-len(points) // ROWS)]
    values, gradients = distances(found.element, some)
    own = noise[found.feature.name][:: -(-len(points) // ROWS)]
    draws = own[:, 0] if own.shape[1] == 1 else (gradients[:, :, None] * own).sum(axis=1)
    side = -1.0 if found.inside else 1.0
    freedoms = about(*centre_and_extent(some))
    if not isinstance(found.element, Cylinder):
        freedoms = freedoms[:, 3:]
    slopes = multiplied(Rows.above(values, some, np.array(gradients)).motions(), freedoms)
    return _made(side * values, side * draws, _orthonormal(slopes), True, some, np.array(gradients))


def _group(zone: Zone, widest: Widest, points: Sensed, noise: Mapping[str, Floats]) -> Group:
    rows = zone.found.rows
    one_sided = bool(rows.sides[0] == 1)
    rows = _all_round(rows) if one_sided and len(zone.zoned) == 1 else rows
    count = len(rows.values)
    some = np.arange(count)
    if count > ROWS:  # whole points, with all their directions
        step = -(-len(np.unique(rows.point)) * count // (len(np.unique(rows.point)) * ROWS))
        some = np.flatnonzero(rows.point % step == 0)
    motions = rows.motions()[some]
    slopes = np.concatenate([multiplied(motions, zone.freedoms), rows.sizes[some]], axis=1)
    draws = np.zeros((len(some), next(iter(noise.values())).shape[2]))
    for part, zoned in enumerate(zone.zoned):
        here = np.flatnonzero(rows.part[some] == part)
        draws[here] = _answered(zoned, rows.point[some][here], rows.gradients[some][here], points, noise)
    if widest.system is not None and widest.system.steps:
        pose = np.stack([_forced(widest.system.back(unit), points, noise) for unit in np.eye(6)])
        draws += multiplied(motions, pose)
    return _made(rows.values[some], draws, _orthonormal(slopes), one_sided, rows.points_m[some], rows.gradients[some])


def _all_round(rows: Rows) -> Rows:
    """Return distances from an axis in so many directions that the largest of them is the distance, to 0.9 %."""
    values, vectors = eigen(gram(rows.gradients))
    if values[0] > 1e-6 * values[2]:
        return rows  # around a point, not an axis
    count = int(rows.point.max()) + 1
    off = rows.values[:count, None] * rows.gradients[:count]
    turns = [2 * math.pi * i / ROUND for i in range(ROUND)]
    across = np.array([math.cos(t) * vectors[:, 1] + math.sin(t) * vectors[:, 2] for t in turns])
    point = np.repeat(np.arange(count), ROUND)
    directions = np.tile(across, (count, 1))
    along = (off[point] * directions).sum(axis=1)
    return Rows.above(along, rows.points_m[:count][point], directions, point=point)


def _made(values: Floats, draws: Floats, free: Floats, one_sided: bool, points: Floats, gradients: Floats) -> Group:
    basis = np.zeros(len(free) + 1, np.int64)
    kernels.first_basis(free, basis)
    bases = np.tile(basis, (2 * draws.shape[1], 1))
    return Group(values, np.ascontiguousarray(draws.T), free, one_sided, points, gradients, bases)


def _forced(force: Mapping[str, Floats], points: Sensed, noise: Mapping[str, Floats]) -> Floats:
    """Return what forces (N, 3) on extracted points make of their noise (B,)."""
    total = np.zeros(next(iter(noise.values())).shape[2])
    for name, pull in force.items():
        along = (points.axes[name] * pull[:, None]).sum(axis=2)
        hit = np.flatnonzero((along != 0).any(axis=1))
        total += (along[hit][:, :, None] * noise[name][hit]).sum(axis=(0, 1))
    return total


def _answered(zoned: Zoned, which: Ints, gradients: Floats, points: Sensed, noise: Mapping[str, Floats]) -> Floats:
    """Return how deviations at some points of a zone answer to noise, (m, B)."""
    source = zoned.source
    if isinstance(source, Smooth) and points.axes[source.feature.name].shape[1] == 1:
        return _filtered(source, None, which, gradients, source.normals[which], noise)
    if isinstance(source, Profile) and points.axes[source.part.feature.name].shape[1] == 1:
        return _filtered(source.part, source.at, which, gradients, source.normals[which], noise)
    unique, back = np.unique(which, return_inverse=True)
    moved = np.zeros((len(unique), 3, next(iter(noise.values())).shape[2]))
    for i, point in enumerate(unique):
        for axis in range(3):
            force = np.zeros((zoned.count, 3))
            force[point, axis] = 1.0
            moved[i, axis] = _forced(zoned.back(force), points, noise)
    there = moved[back.ravel()]
    return np.asarray(sum(gradients[:, a, None] * there[:, a] for a in range(3)))


def _filtered(
    part: Smooth, at: object, which: Ints, gradients: Floats, normals: Floats, noise: Mapping[str, Floats]
) -> Floats:
    """Return the same for filtered points, or places where the filtered surface is read."""
    own = noise[part.feature.name][:, 0]
    along = (gradients * normals).sum(axis=1)[:, None]
    on = part.filter
    if on is not None and (at is None or isinstance(at, Places)):
        return np.asarray(along * filtered_draws(on, at if isinstance(at, Places) else on.places, which, own))
    rows = which if at is None else np.asarray(at)[which]
    return np.asarray(along * own[rows])


def filtered_draws(on: Filter, at: Places, which: Ints, values: Floats) -> Floats:
    """Return what a filter makes of columns of values (N, B) at some of its places."""
    offsets, columns, weights = filter_rows(on, at, which)
    out = np.empty((len(which), values.shape[1]))
    given = (offsets, columns, weights, np.ascontiguousarray(values))
    each_thread(kernels.sparse_worker, -(-len(out) // kernels.ROWS), *given, out)
    return out


def filter_rows(on: Filter, at: Places, which: Ints) -> tuple[Ints, NDArray[np.int32], Floats]:
    """Return rows of the filter's matrix: where each starts (m + 1,), columns and weights."""
    queries = np.ascontiguousarray(np.concatenate([at.places_m, at.tangents], axis=1)[which])
    pieces = -(-len(queries) // kernels.ROWS)
    offsets = np.zeros(len(queries) + 1, np.int64)
    index = (on.sorted_m, on.starts, on.grid, queries, on.reach_m, STEEP, on.terms)
    none = (np.zeros(0, np.int32), np.zeros(0))
    each_thread(kernels.filter_rows_worker, pieces, *index, offsets, *none)
    offsets = np.cumsum(offsets)
    columns, weights = np.zeros(int(offsets[-1]), np.int32), np.zeros(int(offsets[-1]))
    each_thread(kernels.filter_rows_worker, pieces, *index, offsets, columns, weights)
    return offsets, on.rows[columns].astype(np.int32), weights


def _orthonormal(columns: Floats) -> Floats:
    """Return rows (k, M), orthonormal, that span the columns (M, k)."""
    kept: list[Floats] = []
    largest = float((columns * columns).sum(axis=0).max(initial=0.0))
    for column in columns.T:
        rest = column.copy()
        for _ in range(2):
            for row in kept:
                rest = rest - float((row * rest).sum()) * row
        left = float((rest * rest).sum())
        if left > max(FLAT * largest, SLIGHT * len(columns)):
            kept.append(rest / np.sqrt(left))
    return np.array(kept) if kept else np.zeros((0, len(columns)))
