# SPDX-License-Identifier: Apache-2.0
"""The Gaussian filter of the ISO 16610 family for points scattered over a feature, as a linear operator.

At a place x the filtered deviation is the value at x of the polynomial p that minimises

    Σ_j s(|x_j - x|) (d_j - p(x_j))²,     s(r) = exp(-π (r / (α λ))²)

over the points j in reach, λ the nesting index (cut-off): the Gaussian of ISO 16610-21:2011, eq. 1 (profiles) and
ISO 16610-61:2015 (areas), with the regression of ISO 16610-28:2016 and -31:2016 so that ends and uneven spacing do
not bend the result. Order 0 is a weighted mean; order 2 keeps planes, cylinders and every other quadratic shape as
they are, up to the edge. α is such that a wave of length λ passes with half its height; weights end where they fall
below 1.8 % of the largest (ISO 16610-21:2011, annex A, lets them end at 2.8 %). The filtered values are weights times
the deviations, d' = W d, with weights that depend on places only: what noise is left is known.

Places are those on the surface: a plane as it is, a cylinder or a cone unrolled (closed around its axis), a line
by its length, a circle by its arc; of every other surface the points in space with the tangents of the surface.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Circle, Cylinder, Element, Line, Plane, require
from visionvalley.core.arrays import Floats
from visionvalley.kernels import filters as kernels
from visionvalley.kernels.threads import each_thread
from visionvalley.vision.metrology.fits import box, dots, frame

STEEP = 4.0  # weights end where they are exp(-4) = 1.8 % of the largest
# α by whether places lie on a line, and order: with weights that end there, a wave of length λ passes with half its
# height; without an end it would be 0.4697 for order 0 and 0.7309 for order 2, where (1 + π α²) exp(-π α²) = 1 / 2
ALPHA = {(True, 0): 0.47386, (True, 2): 0.77766, (False, 0): 0.48068, (False, 2): 0.80242}
SPACINGS = 7.0  # points along a cut-off wave
PARTS = 3.0  # cut-off waves along the shorter side of a feature, at least
LOBES = 2.0  # part of a closed profile that is its shorter side: six cut-off waves around, at least
# how often a cell goes into the reach of weights, and how many there are along one axis at most, by the axes of places
FINER, CELLS = (1.0, 3.0, 2.0, 2.0), (1, 65_536, 1_024, 256)


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where points lie on their surface.

    places_m  (N, 3) in the plane (unrolled), along the line, or in space
    tangents  (N, 6) two directions there, at right angles
    period_m  after which a closed surface comes again, along the first axis; 0: open
    lines     whether the points lie on a line: one tangent counts
    spacing_m and shortest_m  between points, and of the shorter side of the feature
    """

    places_m: Floats
    tangents: Floats
    period_m: float
    lines: bool
    spacing_m: float
    shortest_m: float


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """A filter over given points. Make it with `gaussian`.

    cutoff_m  λ; order 0 or 2
    rows      (M,) the point that each sorted place belongs to; places near the seam of a closed surface come twice
    once      (N,) the points in the order of their places
    """

    places: Places
    cutoff_m: float
    order: int
    sorted_m: Floats
    starts: NDArray[np.int64]
    grid: Floats
    rows: NDArray[np.int64]
    once: NDArray[np.int64]

    @property
    def reach_m(self) -> float:
        """How far weights reach."""
        return _reach_m(self.places, self.cutoff_m, self.order)

    @property
    def terms(self) -> int:
        """How many terms the polynomial has."""
        return 1 if self.order == 0 else 3 if self.places.lines else 6


@dataclass(frozen=True, slots=True, eq=False)
class Filtered:
    """What a filter leaves.

    values  (Q,) NaN where no point is in reach
    gain    (Q,) standard deviation of filtered white noise of standard deviation one: √(Σ_j W_ij²); NaN: not asked
    count   (Q,) points in reach
    own     (Q,) the weight W_ii that a point at the place itself has
    """

    values: Floats
    gain: Floats
    count: NDArray[np.int64]
    own: Floats


def some_of(places: Places, rows: NDArray[np.int64]) -> Places:
    """Return some places on the same surface, where a filter is read."""
    return Places(places.places_m[rows], places.tangents[rows], places.period_m, places.lines, 0.0, 0.0)


def angles(y: Floats, x: Floats) -> Floats:
    """Return the angles (N,) of (x, y), -pi to pi, with the same bits on every CPU."""
    out = np.empty(len(x))
    kernels.angles(np.array(y, np.float64), np.array(x, np.float64), out)
    return out


def places_on(element: Element, points_m: Floats) -> Places:
    """Return where points (N, 3) lie on an element near them."""
    points = require("points_m", points_m, (None, 3), finite=True)
    u, v, w = frame(element)
    off = points - element.point_m
    x, y, z = dots(off, u), dots(off, v), dots(off, w)
    zero = np.zeros(len(points))
    if isinstance(element, Plane):
        return _areal(np.stack([x, y, zero], axis=1))
    if isinstance(element, (Circle, Cylinder)):
        around = angles(y, x) * element.radius_m
        whole = 2 * math.pi * element.radius_m
        if isinstance(element, Circle):
            return _along(around, whole)
        return _areal(np.stack([around, z, zero], axis=1), whole)
    if isinstance(element, Line):
        return _along(z)
    return _in_space(points, element)


def _alike(count: int) -> Floats:
    """Return the same tangents of all places, (count, 6), as one row."""
    return np.broadcast_to(np.array([1.0, 0, 0, 0, 1.0, 0]), (count, 6))


def _along(along_m: Floats, period_m: float = 0.0) -> Places:
    zero = np.zeros(len(along_m))
    whole = period_m or float(np.ptp(along_m)) if len(along_m) else 0.0
    tangents = _alike(len(along_m))
    places = np.stack([along_m, zero, zero], axis=1)
    spacing = whole / max(len(along_m), 1)
    return Places(places, tangents, period_m, True, spacing, whole / LOBES if period_m else whole)


def _areal(places_m: Floats, period_m: float = 0.0) -> Places:
    low, high = box(places_m) if len(places_m) else (np.zeros(3), np.zeros(3))
    sides = (high - low)[:2]
    spacing = math.sqrt(float(sides[0] * sides[1]) / max(len(places_m), 1))
    if period_m:
        sides[0] = min(sides[0], period_m / LOBES)
    tangents = _alike(len(places_m))
    return Places(places_m, tangents, period_m, False, spacing, float(sides.min()))


def _in_space(points_m: Floats, element: Element) -> Places:
    from visionvalley.vision.metrology.surfaces import distances

    normal = distances(element, points_m)[1]
    least = np.eye(3)[np.argmin(np.abs(normal), axis=1)]
    u = np.cross(normal, least)
    u /= np.sqrt((u * u).sum(axis=1))[:, None]
    sides = np.sort(np.ptp(points_m, axis=0)) if len(points_m) else np.zeros(3)
    spacing = math.sqrt(float(sides[1] * sides[2]) / max(len(points_m), 1))
    tangents = np.ascontiguousarray(np.concatenate([u, np.cross(normal, u)], axis=1))
    return Places(np.array(points_m), tangents, 0.0, False, spacing, float(sides[1]))


def chosen_cutoff_m(places: Places) -> float | None:
    """Return a cut-off for points without one: seven spacings, a third of the shorter side at most; None: too few.

    Seven points along a wave, as ISO 12181-2:2011, 4.2.3 asks for at least.
    """
    cutoff_m = SPACINGS * places.spacing_m
    return cutoff_m if 0 < cutoff_m <= places.shortest_m / PARTS * (1 + 1e-9) else None


def _reach_m(places: Places, cutoff_m: float, order: int) -> float:
    return cutoff_m * ALPHA[places.lines, order] * math.sqrt(STEEP / math.pi)


def gaussian(places: Places, cutoff_m: float, *, order: int = 2) -> Filter:
    """Return the filter with the cut-off λ, m, over points at their places; order 0 or 2."""
    if not (math.isfinite(cutoff_m) and cutoff_m > 0):
        raise BadInput("core.not_positive", name="cutoff_m", value=cutoff_m)
    if order not in (0, 2):
        raise BadInput("metrology.filter_order", order=order)
    reach = _reach_m(places, cutoff_m, order)
    rows = np.arange(len(places.places_m))
    whole = np.array(places.places_m)
    if places.period_m:
        x = whole[:, 0]
        middle = 0.5 * (x.min() + x.max()) if len(x) else 0.0
        half = places.period_m / 2 - reach
        near = [np.flatnonzero(x - middle > half), np.flatnonzero(x - middle < -half)]
        shifts = [np.array([-places.period_m, 0, 0]), np.array([places.period_m, 0, 0])]
        whole = np.concatenate([whole, *(whole[n] + s for n, s in zip(near, shifts, strict=True))])
        rows = np.concatenate([rows, *near])
    low, high = box(whole) if len(whole) else (np.zeros(3), np.zeros(3))
    sides = high - low
    axes = int(np.count_nonzero(sides > 0))
    cell = max(reach / FINER[axes], float(sides.max()) / CELLS[axes])
    grid = np.array([*low, cell, *(np.floor(sides / cell) + 1)])
    order_, starts = np.empty(len(whole), np.int64), np.zeros(int(grid[4:].prod()) + 1, np.int64)
    kernels.into_cells(whole, grid, np.empty(len(whole), np.int64), starts, order_)
    once = order_[order_ < len(places.places_m)]
    return Filter(places, cutoff_m, order, whole[order_], starts, grid, rows[order_], once)


def apply(on: Filter, values: Floats, at: Places | None = None, *, gains: bool = True) -> Filtered:
    """Return the filtered values (N,) at their own places, or at others on the same surface (unrolled alike).

    gains  whether to say what is left of noise
    """
    there = on.places if at is None else at
    order = on.once if at is None else np.arange(len(there.places_m))
    tangents = _tangents(there, np.arange(len(there.places_m)))
    out = np.empty((len(order), 4))
    pieces = -(-len(order) // kernels.PIECE)
    each_thread(
        kernels.filter_worker, pieces, on.sorted_m, np.ascontiguousarray(values[on.rows], np.float64), on.starts,
        on.grid, np.array(there.places_m), tangents, order, on.reach_m, STEEP, on.terms, gains, out,
    )  # fmt: skip
    return Filtered(out[:, 0].copy(), np.sqrt(out[:, 1]), out[:, 2].astype(np.int64), out[:, 3].copy())


def rows(
    on: Filter, which: NDArray[np.int64], at: Places | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats]:
    """Return rows of the filter's matrix W: where each starts (m + 1,), the points, and their weights.

    which  (m,) points, or some of other places
    """
    there = on.places if at is None else at
    queries, tangents = there.places_m[which], _tangents(there, which)
    cells = np.floor((queries - on.grid[:3]) / on.grid[3])
    order = np.argsort(dots(cells, np.array([on.grid[5] * on.grid[6], on.grid[6], 1.0])), kind="stable")
    offsets, pieces = np.zeros(len(which) + 1, np.int64), -(-len(which) // kernels.PIECE)
    index = (on.sorted_m, on.rows.astype(np.float64), on.starts, on.grid, queries, tangents, order)
    sizes = (on.reach_m, STEEP, on.terms)
    each_thread(kernels.filter_rows_worker, pieces, *index, *sizes, offsets, np.zeros(0, np.int32), np.zeros(0))
    offsets = np.cumsum(offsets)
    columns, weight = np.zeros(int(offsets[-1]), np.int32), np.zeros(int(offsets[-1]))
    each_thread(kernels.filter_rows_worker, pieces, *index, *sizes, offsets, columns, weight)
    return offsets, columns, weight


def _tangents(there: Places, which: NDArray[np.int64]) -> Floats:
    """Return the tangents of some places, one row where they are the same everywhere."""
    return np.array(there.tangents[:1]) if there.tangents.strides[0] == 0 else there.tangents[which]


def weights(on: Filter, which: int, at: Places | None = None) -> tuple[NDArray[np.int32], Floats]:
    """Return the points that make the filtered value of one point (or of one of other places), and their weights."""
    _, points, weight = rows(on, np.array([which]), at)
    return points, weight


def pulled(on: Filter, pull: Floats, at: Places | None = None) -> Floats:
    """Return what pulls (..., Q) at filtered values are at the points, pull W: (..., N)."""
    pulls = pull.reshape(math.prod(pull.shape[:-1]), -1)
    which = np.flatnonzero(pulls.any(axis=0))
    offsets, points, weight = rows(on, which, at)
    counts = np.diff(offsets)
    found = [np.bincount(points, np.repeat(one, counts) * weight, len(on.once)) for one in pulls[:, which]]
    return np.array(found, np.float64).reshape(*pull.shape[:-1], len(on.once))
