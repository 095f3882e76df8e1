# SPDX-License-Identifier: Apache-2.0
"""Deviations in one zone, with draws of their noise: how far ideal elements can be laid from each draw at best.

To first order an element that may be moved by x changes deviations d by A x, and what is asked for is
min_x max_i |d_i + A_i x| (zones on either side) or min_x max_i (d_i + A_i x) (elements that touch from one side): a
linear program for each draw, see `kernels.bias`. One side is had from both by lifting all deviations far off zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from visionvalley.core.arrays import Floats, Singles
from visionvalley.kernels import bias as kernels
from visionvalley.kernels.threads import each_thread

Ints = NDArray[np.int64]
FAR = 4.0
FLAT = 1e-9  # of the largest square: what changes deviations less does not change them, as in `zones`
SLIGHT = 1e-5  # nor does what changes them by less than 3 mm a metre: a turn of an axis about itself


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The deviations of one zone.

    values    (M,) at its narrowest; draws (D, P) what noise adds to them, P whole tiles of the kernel
    slopes    (k, M) orthonormal: how they change with what is free; rows (k, P) the same for the kernel
    turned    (c, k) how the slopes are made of what is free: slopes = turned.T @ columns.T
    one_sided whether only large values count
    points_m  (M, 3) where, gradients (M, 3)
    bases     (D, k + 1) the rows that decided each draw last: where the next search begins
    part      (M,) which surface each value is of, where each has a place and form of its own; None: all have one
    hard      (M,) which values may not exceed zero, and so weigh more; None: none
    largest   of the draws
    """

    values: Floats
    draws: Singles
    slopes: Floats
    rows: Singles
    turned: Floats
    one_sided: bool
    points_m: Floats
    gradients: Floats
    bases: Ints
    part: Ints | None = None
    hard: NDArray[np.bool_] | None = None
    largest: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "largest", float(max(self.draws.max(), -self.draws.min())))

    def heights(self, shape: Floats, size: float) -> Floats:
        """Return the heights (D,) of size times a shape (M,) with all draws."""
        return self.solved(padded(shape), size)[:, -2]

    def height(self, shape: Floats) -> float:
        """Return the height of a shape (M,)."""
        return float(self._still().heights(shape, 1.0)[0])

    def _still(self) -> Group:
        """Return the same with one draw, of nothing."""
        return replace(self, draws=np.zeros((1, self.draws.shape[1]), np.float32), bases=self.bases[:1].copy())

    def laid(self, shape: Floats, size: float) -> Floats:
        """Return where elements lie best (D, k), as multiples of the slopes that they take off, and the heights."""
        return self.solved(padded(shape), size)[:, :-1]

    def reach(self, shape: Singles, size: float) -> float:
        """Return how large deviations are taken to be, lifted where one side counts."""
        largest = abs(size) * float(np.abs(shape).max(initial=0.0)) + self.largest
        return largest * (1 + FAR) if self.one_sided else largest

    def solved(self, shape: Singles, size: float, some: Ints | None = None) -> Floats:
        """Return where elements lie best with some draws, the heights, and how these grow with the size (S, k + 2).

        shape  (P,) padded; heights are nowhere less than on their tangents
        """
        which = np.arange(len(self.draws)) if some is None else some
        lift = FAR / (1 + FAR) * self.reach(shape, size) if self.one_sided else 0.0
        out = np.zeros((len(which), len(self.rows) + 2))
        sums = np.array([size, lift, len(self.values)])
        pieces = -(-len(which) // kernels.PIECE)
        each_thread(kernels.levelled_worker, pieces, self.draws, shape, sums, self.rows, which, out, self.bases)
        out[:, -2] -= lift
        return out


def padded(rows: Floats | Singles) -> Singles:
    """Return rows (..., M) as the kernel takes them: float32, filled with zeros to whole tiles."""
    count = rows.shape[-1]
    out = np.empty((*rows.shape[:-1], -(-count // kernels.TILE) * kernels.TILE), np.float32)
    out[..., :count], out[..., count:] = rows, 0.0
    return out


def group(
    values: Floats, draws: Floats | Singles, columns: Floats, one_sided: bool, points_m: Floats, gradients: Floats
) -> Group:
    """Return a group.

    draws    (D, M)
    columns  (M, c) how values change with what is free, dependent ones too
    """
    slopes, turned = independent(columns)
    rows = padded(slopes)
    basis = np.zeros(len(slopes) + 1, np.int64)
    kernels.first_basis(rows, basis)
    bases = np.tile(basis, (len(draws), 1))
    return Group(values, padded(draws), slopes, rows, turned, one_sided, points_m, gradients, bases)


def independent(columns: Floats) -> tuple[Floats, Floats]:
    """Return rows (k, M), orthonormal, that span columns (M, c), and how they are made of them (c, k)."""
    kept: list[Floats] = []
    made: list[Floats] = []
    largest = float((columns * columns).sum(axis=0).max(initial=0.0))
    for i, column in enumerate(columns.T):
        rest, way = column.copy(), np.zeros(columns.shape[1])
        way[i] = 1.0
        for _ in range(2):
            for row, turn in zip(kept, made, strict=True):
                much = float((row * rest).sum())
                rest, way = rest - much * row, way - much * turn
        left = float((rest * rest).sum())
        if left > max(FLAT * largest, SLIGHT * len(columns)):
            kept.append(rest / np.sqrt(left))
            made.append(way / np.sqrt(left))
    if not kept:
        return np.zeros((0, len(columns))), np.zeros((columns.shape[1], 0))
    return np.array(kept), np.array(made).T
