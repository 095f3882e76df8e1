# SPDX-License-Identifier: Apache-2.0
"""How the values of a shape with every draw of noise grow with the size of the shape, solved only where it matters.

The height of a zone, min_x max_i |t h_i + e_i - a_i x|, is a convex function of t, and linear programs give its
tangents. So heights that are known at some sizes bound those at any other: from below by tangents, from above by
chords, and beyond all by the height of the shape alone. Which two of all draws a quantile lies between is known then
but for a few of them, and only those are solved.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from visionvalley.core.arrays import Floats, Singles
from visionvalley.kernels import bias as kernels
from visionvalley.vision.metrology.intervals import between
from visionvalley.vision.metrology.levels import Group, padded

NOTHING_M = 1e-30  # shapes that are no higher are none
RATHER = 0.3  # heights lie nearer to tangents than to chords
SLACK = 4 * kernels.NEAR  # of the largest deviation: heights are known no better


@dataclass(slots=True, eq=False)
class Grown:
    """The largest, over groups, of factor times the heights of shapes of some size, with each draw.

    Those of the size zero are asked for first.

    units     a shape of each group; all together of the size one. size: that they had
    steepest  (G,) the heights of the units alone
    sizes     (m,) that were asked for; heights (G, m, D) there, and growths; NaN: not solved
    """

    groups: Sequence[Group]
    units: Sequence[Singles]
    factor: float
    size: float
    steepest: Floats
    sizes: Floats = field(init=False)
    heights: Floats = field(init=False)
    growths: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.sizes = np.zeros(0)
        self.heights = self.growths = np.zeros((len(self.groups), 0, len(self.groups[0].draws)))

    @classmethod
    def of(cls, groups: Sequence[Group], shapes: Sequence[Floats], factor: float) -> Grown:
        """Return what becomes of shapes (M,) of groups; factor is positive."""
        heights = np.array([group.height(shape) for group, shape in zip(groups, shapes, strict=True)])
        size = factor * float(heights.max())
        one = size if size > NOTHING_M else math.inf
        return cls(groups, [padded(shape / one) for shape in shapes], factor, size, heights / one)

    def alike(self, other: Grown) -> bool:
        """Say whether the values at every size are the same."""
        if self.groups is not other.groups:
            return False
        pairs = zip(self.units, other.units, strict=True)
        return all(np.abs(one - two).max() <= SLACK * np.abs(one).max() for one, two in pairs)

    def values(self, size: float) -> Floats:
        """Return the values (D,) at one size."""
        high = self._bounds(size)[1] if len(self.sizes) else np.full((len(self.groups), 1), math.inf)
        at, least = self._row(size), np.full(self.heights.shape[2], -math.inf)
        for which in np.argsort(-self.steepest):  # what is less than the largest so far is not needed
            heights = self.heights[which, at]
            self._solve(which, at, np.flatnonzero(np.isnan(heights) & (high[which] >= least - self._slack(size))))
            least = np.fmax(least, heights)
        return self.factor * least

    def quantile(self, size: float, share: float) -> float:
        """Return a quantile of the values at one size."""
        below, above, part = between(self.heights.shape[2], share)
        at, (low, high) = self._row(size), self._bounds(size)
        least, most, slack = low.max(axis=0), high.max(axis=0), self._slack(size)
        under = most < np.partition(least, below)[below] - slack
        some = np.flatnonzero(~under & (least <= np.partition(most, above)[above] + slack))
        for which, heights in enumerate(self.heights):
            self._solve(which, at, some[np.isnan(heights[at, some]) & (high[which, some] >= least[some] - slack)])
        values = np.sort(np.fmax.reduce(self.heights[:, at, some], axis=0))
        first, second = values[[below - np.count_nonzero(under), above - np.count_nonzero(under)]]
        return self.factor * float(first + part * (second - first))

    def about(self, size: float, share: float) -> float:
        """Return about the same, from what is known at other sizes."""
        below, above, part = between(self.heights.shape[2], share)
        low, high = self._bounds(size).max(axis=1)
        first, second = np.partition(low + RATHER * (high - low), (below, above))[[below, above]]
        return self.factor * float(first + part * (second - first))

    def _row(self, size: float) -> int:
        """Return where a size is among those that were asked for."""
        known = np.flatnonzero(self.sizes == size)
        if len(known):
            return int(known[0])
        new = np.full((len(self.groups), 1, self.heights.shape[2]), np.nan)
        self.sizes = np.append(self.sizes, size)
        self.heights, self.growths = (np.concatenate([rows, new], axis=1) for rows in (self.heights, self.growths))
        return len(self.sizes) - 1

    def _solve(self, which: int, at: int, some: NDArray[np.int64]) -> None:
        found = self.groups[which].solved(self.units[which], float(self.sizes[at]), some)
        self.heights[which, at, some], self.growths[which, at, some] = found[:, -2], found[:, -1]

    def _bounds(self, size: float) -> Floats:
        """Return what the heights lie between (2, G, D)."""
        out = np.empty((2, len(self.groups), self.heights.shape[2]))
        kernels.bounds_between(self.sizes, self.heights, self.growths, size, self.steepest, out)
        return out

    def _slack(self, size: float) -> float:
        return SLACK * max(group.reach(unit, size) for group, unit in zip(self.groups, self.units, strict=True))
