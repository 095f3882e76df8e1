# SPDX-License-Identifier: Apache-2.0
"""Points of a surface cut into halves again and again, and how much halves differ at every size.

With n points in one half and m in the other, (mean - mean) √(n m / (n + m)) is a contrast of variance σ² for
independent errors, whatever n and m (Haar's wavelet on scattered points; nested analysis of variance, Youden & Mehlich
1937, Miesch 1975). The contrasts of all sizes are orthonormal: their mean squares are independent estimates, each with
as many degrees of freedom as there are blocks. What neighbours share, and form, make those of larger blocks larger.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology.characteristics import Extracted
from visionvalley.vision.metrology.filters import Places, places_on
from visionvalley.vision.metrology.surfaces import distances

Ints = NDArray[np.int64]
DEPENDENT = 1e-9  # of a column's square: what is left of it after those before adds nothing


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """All blocks of one size, each cut into halves.

    starts  (2 K,) where the halves begin in the order; counts (2 K,) their points
    size_m  of a half: square root of its area, or its length
    """

    starts: Ints
    counts: Ints
    size_m: float

    def contrasts(self, ordered: Floats) -> Floats:
        """Return the contrast (K,) of each block, from values (N,) in the order."""
        means = np.add.reduceat(ordered, self.starts) / self.counts
        n, m = self.counts[0::2].astype(np.float64), self.counts[1::2].astype(np.float64)
        return np.asarray((means[0::2] - means[1::2]) * np.sqrt(n * m / (n + m)))


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """Points in an order in which every block lies together.

    order   (N,) rows
    levels  the whole first, then halves, quarters, ... down to two points or three
    """

    order: Ints
    levels: tuple[Level, ...]


def strata(places: Places) -> Strata:
    """Cut points at their places into halves, each block across its longer side, until two or three are left."""
    at = places.places_m[:, :1] if places.lines else places.places_m
    count = len(at)
    order, rank, levels = np.arange(count), np.arange(count), []
    for depth in range(max(0, count.bit_length() - 1)):
        blocks = 1 << depth
        starts = -(-np.arange(blocks) * count // blocks)
        own = rank * blocks // count
        there = at[order]
        extents = np.maximum.reduceat(there, starts) - np.minimum.reduceat(there, starts)
        key = there[rank, np.argmax(extents, axis=1)[own]]
        order = order[np.lexsort((key, own))]
        halves = -(-np.arange(2 * blocks) * count // (2 * blocks))
        counts = np.diff(np.append(halves, count))
        if counts.min() < 1:
            break
        area = _area(at[order], starts, places.lines) / 2
        levels.append(Level(halves, counts, float(area.mean()) ** (1.0 if places.lines else 0.5)))
    return Strata(order, tuple(levels))


def _area(at: Floats, starts: Ints, lines: bool) -> Floats:
    """Return the area (or length) that the points of each block stand for: that of their box, a spacing wider."""
    counts = np.diff(np.append(starts, len(at))).astype(np.float64)
    extents = np.sort(np.maximum.reduceat(at, starts) - np.minimum.reduceat(at, starts), axis=1)
    wider = (counts + 1) / np.maximum(counts - 1, 1)
    if lines:
        return np.asarray(extents[:, -1] * wider)
    return np.asarray(extents[:, -1] * extents[:, -2] * wider * wider)


def blocks_of(cut: Strata, places: Places, points: int) -> tuple[Ints, Floats]:
    """Return the blocks of about so many points: where each begins in the order, and its area."""
    count = len(cut.order)
    blocks = 1 << max(0, (count // points).bit_length() - 1)
    starts = -(-np.arange(blocks) * count // blocks)
    at = places.places_m[:, :1] if places.lines else places.places_m
    return starts, _area(at[cut.order], starts, places.lines)


def unplaced(feature: Extracted) -> tuple[Floats, Floats]:
    """Return deviations (N,) along the normals without place, direction and size of the feature, and normals."""
    distance, normals = distances(feature.nominal, feature.points_m)
    normals = np.array(normals)
    off = feature.points_m - feature.points_m.mean(axis=0)
    off = off / max(float(np.abs(off).max()), 1e-300)
    columns = np.concatenate([np.ones((len(off), 1)), normals, np.cross(off, normals)], axis=1)
    return without(distance, columns), normals


def without(values: Floats, columns: Floats) -> Floats:
    """Return values (N,) without what columns (N, k) explain, by least squares."""
    kept: list[Floats] = []
    for column in columns.T:
        rest, size = column.copy(), float((column * column).sum())
        for one in kept:
            rest = rest - float((rest * one).sum()) * one
        left = float((rest * rest).sum())
        if left > DEPENDENT * size:
            kept.append(rest / math.sqrt(left))
    out = np.array(values, np.float64)
    for one in kept:
        out = out - float((out * one).sum()) * one
    return out


def cut_of(feature: Extracted) -> tuple[Strata, Places]:
    """Return the strata of a feature's points, and their places."""
    places = places_on(feature.nominal, feature.points_m)
    return strata(places), places
