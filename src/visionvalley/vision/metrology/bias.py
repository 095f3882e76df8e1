# SPDX-License-Identifier: Apache-2.0
"""What noise adds to an extreme value, and what interval of it is right.

A form, a run-out, a position is the largest of many deviations, made least over what the zone is free to do. To
first order in the deviations d it is T(d) = c min_x max_i s_i (d_i - a_i x): convex, so noise e can on average only
widen it. What is seen is T(h + e), h the filtered true surface and e the noise that passed the same filter; the
measurand is T(h).

Draws of e, from the sensor's noise through the weights of the filter (JCGM 101:2008, 5 and 7), give the distribution
of T(t h / T(h) + e) for every true value t, and its inversion the interval, see `intervals.bounded`. The shape
h / T(h) is not known; it is where the surface lies by least squares, as far as the zone is not free to follow, and what
stands out of the noise besides in the deviations that were seen, see `shapes`. So the form that is carried into the
draws is shrunk, and noise is not counted twice. How much it is to be shrunk is not known either: the interval holds
those of a shape that is shrunk little and of one that is shrunk much. Noise moves datums that touch outwards: what it
adds to deviations on average is taken off what was seen and off the draws first.

Surfaces that keep to a boundary (ISO 2692), features and datums, are each a shape of their own. Of a datum's boundary,
which may not be passed, noise leaves less room than there is; in a draw in which it leaves none the boundary is let
out as far as it takes. As far as a datum leaves a feature free the value does not change with where that lies, and
beyond it does: what it may be is looked for at all places where its surfaces may lie, see `_added`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from visionvalley.core.arrays import Floats, Singles
from visionvalley.vision.metrology.draws import across, answered, filtered_draws
from visionvalley.vision.metrology.grown import Grown
from visionvalley.vision.metrology.intervals import TAIL, Bounded, bounded, coverage_factor, quantile
from visionvalley.vision.metrology.levels import Group, group, padded
from visionvalley.vision.metrology.propagation import Sensed, drawn, multiplied
from visionvalley.vision.metrology.shapes import in_place
from visionvalley.vision.metrology.sizes import LocalSizes, Mating
from visionvalley.vision.metrology.toleranced import Widest, Zone
from visionvalley.vision.metrology.touching import all_round, laid, own_place, poses
from visionvalley.vision.metrology.zones import Rows

DRAWS, FEWER, MANY = 250, 128, 20_000
ROWS = 12_000  # of one zone that take part in draws, evenly
LOOKED = 64  # draws that tell what stands out
WIDER = 1.05  # intervals where a shape stands out: that it is not known exactly, as `bench.coverage` has it
ROUNDED = 1e-9  # of the largest of draws: a mean that is less is none
HARD = 100.0  # by so much a deviation that may not exceed zero weighs more


@dataclass(frozen=True, slots=True, eq=False)
class Extreme:
    """The largest, over groups, of factor times their heights, with draws of the noise; factor may be negative."""

    groups: tuple[Group, ...]
    factor: float

    def seen(self, shapes: Sequence[Floats]) -> float:
        """Return the value of shapes without noise."""
        return self.factor * max(g.height(s) for g, s in zip(self.groups, shapes, strict=True))

    def answers(self, shapes: Sequence[Floats], size: float) -> Floats:
        """Return the values (D,) of size times the shapes with every draw."""
        heights = [g.heights(s, size) for g, s in zip(self.groups, shapes, strict=True)]
        return np.asarray(self.factor * np.max(heights, axis=0))

    def values(self) -> list[Floats]:
        """Return the deviations of all groups, less what noise adds to each on average: where touching datums lie."""
        return [g.values - _mean(g) for g in self.groups]


@dataclass(frozen=True, slots=True)
class Corrected:
    """What is to be taken off what was seen, for the value and both ends of its interval.

    noise  standard deviation of what is seen
    """

    value: float
    low: float
    high: float
    noise: float


def corrected(extremes: Sequence[Extreme]) -> Corrected:
    """Return value and interval of an extreme that cannot be negative; low is infinite where zero is held.

    extremes  as datums move it whose shape was shrunk little, and much; one where they do not
    """
    if extremes[0].groups[0].hard is not None:
        return _added(extremes)
    pairs = _shapes([_centred(one) for one in extremes])
    tried = [one.seen([g.values for g in one.groups]) for one, _ in pairs]
    whole = extremes[0].seen([g.values for g in extremes[0].groups])
    found: list[Bounded] = []
    noises: list[float] = []
    known: list[Grown] = []
    formed = False
    for (extreme, shapes), seen in zip(pairs, tried, strict=True):
        formed = formed or any(s.any() and _extended(g) for s, g in zip(shapes, extreme.groups, strict=True))
        grown = _grown(extreme, shapes)
        if any(grown.alike(one) for one in known):  # of one wave it does not matter how much it was shrunk
            continue
        known.append(grown)
        grown.values(0.0)
        noises.append(float(grown.values(seen).std()))
        found.append(bounded(seen, grown.quantile, max(noises[-1], 1e-300), grown.about))
    return _between(found, whole, max(noises), WIDER if formed else 1.0)


def _centred(extreme: Extreme) -> Extreme:
    """Return the same less what noise adds to deviations on average: by that much datums that touch lie off."""
    means = [_mean(g) for g in extreme.groups]
    if all(np.abs(one).max() <= ROUNDED * g.largest for g, one in zip(extreme.groups, means, strict=True)):
        return extreme
    groups = [
        replace(g, values=g.values - one, draws=g.draws - padded(one), bases=g.bases.copy())
        for g, one in zip(extreme.groups, means, strict=True)
    ]
    return Extreme(tuple(groups), extreme.factor)


def _grown(extreme: Extreme, shapes: Sequence[Floats]) -> Grown:
    """Return shapes of any size; where there is nothing of them, what was seen instead."""
    grown = Grown.of(extreme.groups, shapes, extreme.factor)
    if grown.size > 1e-3 * float(grown.values(0.0).std()):
        return grown
    return Grown.of(extreme.groups, extreme.values(), extreme.factor)


def _extended(one: Group) -> bool:
    """Say whether a zone holds more than one point: one has no shape."""
    return bool((one.points_m != one.points_m[0]).any())


def _between(found: Sequence[Bounded], seen: float, noise: float, wider: float) -> Corrected:
    """Return the interval that holds those of all shapes, made wider about the mean of their values."""
    value = math.fsum(one.value for one in found) / len(found)
    low = value - wider * (value - min(one.low for one in found))
    high = value + wider * (max(one.high for one in found) - value)
    return Corrected(seen - value, seen - low if low > 0 else math.inf, seen - high, noise)


def corrected_free(extremes: Sequence[Extreme]) -> Corrected:
    """Return the same of an extreme that may be any number.

    Of surfaces that keep to boundaries it is what noise adds to their shapes. A size is that of the least-squares
    element and how far the extreme stands out of it, which cannot be negative. The first is linear in the noise; the
    second is inverted as any extreme. Their parts of the interval, of which the one knows little of the other, add up
    as squares; where the second ends at zero, as they are.
    """
    if extremes[0].groups[0].part is not None:
        return _added(extremes)
    levels = [_over_least_squares(one) for one in extremes]
    (first, level), factor = levels[0], extremes[0].factor
    off = corrected([one for one, _ in levels])
    seen = first.seen([first.groups[0].values])
    middle = coverage_factor() * abs(factor) * float(level.std())
    value = seen - off.value
    low = math.hypot(value - (seen - off.low), middle) if math.isfinite(off.low) else value + middle  # zero is held
    high = math.hypot(seen - off.high - value, middle)
    moved = factor * float(level.mean()) + math.copysign(off.value, off.value * factor)
    below, above = (low, high) if factor > 0 else (high, low)
    return Corrected(moved, moved + below, moved - above, off.noise)


def _over_least_squares(extreme: Extreme) -> tuple[Extreme, Floats]:
    """Return how far an extreme stands out of its least-squares element, and the noise of that (D,)."""
    one = extreme.groups[0]
    weights = np.ones(len(one.values))
    for row in one.slopes:
        weights = weights - float(row.sum()) * row
    unit = weights / math.sqrt(float((weights * weights).sum()))
    weights = weights / float(weights.sum())
    draws = one.draws[:, : len(weights)]
    level = np.asarray((draws * weights).sum(axis=1))
    values = one.values - float((weights * one.values).sum())
    slopes = np.concatenate([one.slopes, unit[None]])  # a constant is no shape
    over = replace(one, values=values, draws=padded(draws - level[:, None]), slopes=slopes)
    return Extreme((over,), abs(extreme.factor)), level


def _added(extremes: Sequence[Extreme]) -> Corrected:
    """Return what noise adds to shapes where they lie, and what else they may be where noise has moved them from.

    What noise adds is the median of T(h + e) - T(h). Noise e that moves surfaces by p, by least squares, and scatters
    them by r = e - p besides shows T(h + r) for the true T(h - p): by so much the value may be off. Datums that touch
    move farther one way than the other, so opposite noise does not do for -p; what p is on average is not in h.
    """
    middles, ends = [], []
    moves = [[_of_place(g) for g in one.groups] for one in extremes]
    for (extreme, shapes), move in zip(_shapes(extremes), (moves[0], moves[-1]), strict=False):
        draws = [g.draws for g in extreme.groups]
        back = [own.mean(axis=0, dtype=np.float64).astype(np.float32) - own for own in move]
        rest = [whole - own for whole, own in zip(draws, move, strict=True)]
        off = _about(extreme, back, shapes) - _about(extreme, rest, shapes)
        middles.append(float(np.median(_about(extreme, draws, shapes))))
        ends.append(np.sort(off - np.median(off)))
    middle = math.fsum(middles) / len(middles)
    least, most = min(quantile(one, TAIL) for one in ends), max(quantile(one, 1 - TAIL) for one in ends)
    return Corrected(middle, middle - WIDER * least, middle - WIDER * most, float(ends[0].std()))


def _about(extreme: Extreme, draws: Sequence[Singles], shapes: Sequence[Floats]) -> Floats:
    """Return by how much draws (D, P), padded, change the value of shapes."""
    groups = [replace(g, draws=own, bases=g.bases.copy()) for g, own in zip(extreme.groups, draws, strict=True)]
    eased = [_eased(g, shape) for g, shape in zip(groups, shapes, strict=True)]
    one, kept = Extreme(tuple(g for g, _ in eased), extreme.factor), [shape for _, shape in eased]
    return one.answers(kept, 1.0) - one.seen(kept)


def _shapes(extremes: Sequence[Extreme]) -> list[tuple[Extreme, list[Floats]]]:
    """Return the shapes of all groups, shrunk little and shrunk much; once where they are the same."""
    little = [_standing(g) for g in extremes[0].groups]
    much = little if len(extremes) == 1 else [_standing(g) for g in extremes[-1].groups]
    shapes = [[one for one, _ in little], [other for _, other in much]]
    if len(extremes) == 1 and not any(one.any() for one in shapes[0]):
        shapes = shapes[:1]
    return list(zip((extremes[0], extremes[-1]), shapes, strict=False))


def _eased(one: Group, shape: Floats) -> tuple[Group, Floats]:
    """Return the same with datums' boundaries let out as far as it takes to keep them: in each draw, and the shape."""
    if one.hard is None:
        return one, shape
    hard = np.flatnonzero(one.hard)
    draws, kept = one.draws.copy(), shape.copy()
    own = group(shape[hard], draws[:, hard], one.slopes[:, hard].T, True, one.points_m[hard], one.gradients[hard])
    kept[hard] -= max(own.height(shape[hard]), 0.0)
    draws[:, hard] -= np.maximum(own.heights(kept[hard], 1.0), 0.0).astype(np.float32)[:, None]
    return replace(one, draws=draws), kept


def _mean(one: Group) -> Floats:
    return np.asarray(one.draws[:, : len(one.values)].mean(axis=0, dtype=np.float64))


def _standing(one: Group) -> tuple[Floats, Floats]:
    """Return where surfaces lie, as far as they are not free, and what stands out besides: shrunk little and much.

    Of surfaces that keep to boundaries where they lie is shrunk, too: a turn of a straight hole only takes room.
    """
    mean = _mean(one)
    values, noise = one.values - mean, (one.draws[:LOOKED, : len(mean)] - mean).T
    little, much = np.empty_like(values), np.empty_like(values)
    for here, place, free in _surfaces(one):
        weight = HARD if one.hard is not None and one.hard[here[0]] else 1.0
        there = one.points_m[here], one.gradients[here]
        shrunk = one.part is not None
        shapes = in_place(values[here] / weight, noise[here] / weight, place, free, *there, shrunk=shrunk)
        little[here], much[here] = (weight * shape for shape in shapes)
    return little, much


def _surfaces(one: Group) -> Iterator[tuple[NDArray[np.int64], Floats, Floats]]:
    """Yield the rows of surfaces, how they change with where these lie (see `own_place`), and what moves them anyway.

    Of surfaces that keep to boundaries each has a place of its own.
    """
    part = np.zeros(len(one.values)) if one.part is None else one.part
    slopes = one.slopes if one.part is None else one.slopes[:0]
    for here in (np.flatnonzero(part == which) for which in np.unique(part)):
        free = slopes[:, here]
        yield here, own_place(one.points_m[here], one.gradients[here], free), free


def _of_place(one: Group) -> Singles:
    """Return what draws do to where surfaces lie (D, P)."""
    out = np.zeros_like(one.draws)
    for here, place, _ in _surfaces(one):
        much = multiplied(place, one.draws[:, here].T.astype(np.float64))
        out[:, here] = multiplied(much.T, place)
    return out


def extreme_of(found: object, points: Sensed, random: np.random.Generator) -> tuple[Extreme, ...]:
    """Return the extreme that an evaluation found, with draws of the noise; none where it is none.

    Twice where a datum touches: as it moves where its shape is shrunk little, and much.
    """
    half = (FEWER if len(points.points_m) > MANY else DRAWS) // 2
    if isinstance(found, LocalSizes):
        return (Extreme((_local(found, drawn(points, half, random)),), 1.0 if found.largest else -1.0),)
    if isinstance(found, Mating):
        whole = laid(found.touched, points, drawn(points, half, random)).group
        return (Extreme((replace(whole, draws=whole.draws[:-1], bases=whole.bases[:-1]),), found.factor),)
    if not isinstance(found, Widest):
        return ()
    noise = drawn(points, half, random)
    system = found.system
    moved = [None] if system is None or not system.steps else poses(system, points, noise)
    bare = [_bare(zone, points, noise) for zone in found.zones]
    if len(moved) > 1 and np.array_equal(moved[0], moved[-1]):  # type: ignore[arg-type]
        moved = moved[:1]
    return tuple(Extreme(tuple(_group(one, pose) for one in bare), found.factor) for pose in moved)


def _local(found: LocalSizes, noise: Mapping[str, Singles]) -> Group:
    which = np.flatnonzero(np.isfinite(found.sizes))
    which = which[:: -(-len(which) // ROWS)]
    sign = found.sign if found.largest else -found.sign
    near, far = (
        filtered_draws(side.filter, side.at, which, across(side.normals, noise[side.feature.name]))
        for side in (found.near, found.far)
    )
    draws = sign * (near + far)
    middle = float(found.sizes[which].mean())
    values = (found.sizes[which] - middle) * (1.0 if found.largest else -1.0)
    points = found.near.feature.points_m[:: -(-len(found.near.feature.points_m) // len(found.sizes))][which]
    return group(values, _both(draws), np.zeros((len(which), 0)), True, points, np.zeros_like(points))


def _both(draws: Floats | Singles) -> Floats | Singles:
    """Return draws (M, B) and their opposites, (2 B, M)."""
    return np.concatenate([draws.T, -draws.T])


@dataclass(frozen=True, slots=True, eq=False)
class Bare:
    """One zone with draws (2 B, M) of its own features' noise.

    motions  (M, 6) how deviations change with a motion of their elements; columns (M, c) with what is free
    part     (M,) which surface rows are of, where surfaces keep to boundaries; None: they do not
    hard     (M,) which rows are of a datum's boundary, that may not be passed; None: none
    """

    values: Floats
    draws: Floats | Singles
    motions: Floats
    columns: Floats
    one_sided: bool
    points_m: Floats
    gradients: Floats
    part: NDArray[np.int64] | None
    hard: NDArray[np.bool_] | None


def _bare(zone: Zone, points: Sensed, noise: Mapping[str, Singles]) -> Bare:
    rows = _drawn_rows(zone)
    one_sided = bool(rows.sides[0] == 1)
    count = len(rows.values)
    some = np.arange(count)
    if count > ROWS:  # whole points, with all their directions
        step = -(-len(np.unique(rows.point)) * count // (len(np.unique(rows.point)) * ROWS))
        some = np.flatnonzero(rows.point % step == 0)
    weight = np.where(rows.share[some] == 0, HARD, 1.0)
    motions = rows.motions()[some] * weight[:, None]
    columns = np.concatenate([multiplied(motions, zone.freedoms), rows.sizes[some] * weight[:, None]], axis=1)
    draws = np.zeros((len(some), next(iter(noise.values())).shape[2]), np.float32)
    for part, zoned in enumerate(zone.zoned):
        here = np.flatnonzero(rows.part[some] == part)
        draws[here] = answered(zoned, rows.point[some][here], rows.gradients[some][here], points, noise)
    both = _both(draws if (weight == 1).all() else weight[:, None].astype(np.float32) * draws)
    return Bare(
        weight * rows.values[some], both, motions, columns, one_sided, rows.points_m[some], rows.gradients[some],
        rows.part[some] if _to_boundaries(zone) else None, weight != 1 if (weight != 1).any() else None,
    )  # fmt: skip


def _to_boundaries(zone: Zone) -> bool:
    """Say whether surfaces keep to boundaries."""
    rows = zone.found.rows
    one_sided = {int(part) for part in np.unique(rows.part[rows.sides == 1])}
    return any(not zone.zoned[part].round for part in one_sided)


def _drawn_rows(zone: Zone) -> Rows:
    """Return the rows of a zone, distances in all directions; on one side each where one that datums bound has two."""
    whole = zone.found.rows
    bounds = bool((whole.share == 0).any())
    parts = []
    for part, zoned in enumerate(zone.zoned):
        rows = whole.some(whole.part == part)
        rows = all_round(rows) if zoned.round else rows
        if bounds and (rows.sides == 0).any():
            back = replace(rows, values=-rows.values, gradients=-rows.gradients, sizes=-rows.sizes)
            rows = Rows.joined([replace(one, sides=np.ones_like(one.sides)) for one in (rows, back)])
        parts.append(rows)
    return Rows.joined(parts)


def _group(bare: Bare, pose: Floats | None) -> Group:
    """Return the deviations of a zone as the datum system moves (6, 2 B)."""
    draws = bare.draws if pose is None else bare.draws + multiplied(pose.T, bare.motions.T).astype(np.float32)
    made = group(bare.values, draws, bare.columns, bare.one_sided, bare.points_m, bare.gradients)
    return replace(made, hard=bare.hard, part=bare.part)
