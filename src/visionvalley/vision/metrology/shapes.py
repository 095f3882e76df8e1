# SPDX-License-Identifier: Apache-2.0
"""The shape that stands out of noise in deviations that were seen.

A sum of few smooth waves (products of Legendre polynomials) and local bumps, each the one that stands out most of
what is left, as long as one stands out more than the largest of its kind does in four of five draws of noise alone, or
for a bump in all; each shrunk by what noise put into it on average, or by what it may have put there at most
(orthogonal matching pursuit, Pati et al. 1993; firm shrinkage, Gao & Bruce
1997). The draws are of the noise that passed the same filter, correlated or not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology.propagation import multiplied

SELDOM_WAVE, SELDOM_BUMP, LEAST = 0.8, 1.0, 6.0
SURE = 2.0  # standard deviations
WAVES = 12
DEGREE = 5
BUMPS = 60
WIDTHS = (1 / 4, 1 / 8, 1 / 16)  # of the extent
ROWS = 700
SMALL = 0.1  # of a wave: what is left after those before it is no wave of its own


def standing_out(
    values: Floats, draws: Floats, slopes: Floats, points_m: Floats, gradients: Floats
) -> tuple[Floats, Floats]:
    """Return the shape (M,) in values (M,), shrunk little and shrunk much.

    draws      (M, B) of the noise in them
    slopes     (k, M) orthonormal: what is free to take anything that looks like it
    points_m   (M, 3) where; gradients (M, 3) along which: a deviation is of a shift along it
    """
    some = np.arange(0, len(values), -(-len(values) // ROWS))
    atoms = _atoms(points_m, gradients, values)
    free = _independent(slopes[:, some])
    left = _without(free, values[some][None])[0]
    whole = atoms.at(some)
    part = _without(free, whole)
    noise = np.ascontiguousarray(_without(free, np.ascontiguousarray(draws[some].T)).T)
    answers, found = multiplied(part, noise), (part * left).sum(axis=1)
    first, size = (np.sqrt((rows * rows).sum(axis=1)) for rows in (whole, part))
    chosen: list[_Chosen] = []
    limit = most = np.zeros(0)
    for _ in range(WAVES):
        alive = size > SMALL * np.maximum(first, 1e-300)
        unit = np.where(alive, size, 1.0)
        squares = (answers / unit[:, None]) ** 2
        spread = np.where(alive, np.maximum(squares.mean(axis=1), 1e-300), math.inf)
        if not len(limit):
            limit, most = _limits(squares / spread[:, None], atoms.waves)
        ratio = (found / unit) ** 2 / spread
        best = int(np.argmax(ratio / limit))
        if not ratio[best] > limit[best]:
            break
        wave = (part[best] - sum(one.share[best] * one.wave for one in chosen)) / size[best]
        share = (part * wave).sum(axis=1)  # of what is left of each: waves are at right angles
        kept = np.array([1 - 1 / ratio[best], max(1 - most[best] / ratio[best], 0.0)])
        much = found[best] / size[best]
        chosen.append(_Chosen(best, float(size[best]), wave, share, much * kept))
        found = found - much * share
        answers -= share[:, None] * multiplied(wave[None], noise)
        size = np.sqrt(np.maximum(size * size - share * share, 0.0))
    return _everywhere(atoms, chosen)


def in_place(
    values: Floats,
    draws: Floats,
    place: Floats,
    free: Floats,
    points_m: Floats,
    gradients: Floats,
    *,
    shrunk: bool = False,
) -> list[Floats]:
    """Return the same where it lies: that is known by least squares.

    place   (p, M) how values change with where it lies; free (k, M) with what is free to take anything: all orthonormal
    shrunk  whether the shape that is shrunk much lies off its nominal place only as far as that is sure
    """
    shapes: list[Floats] = []
    for found in standing_out(values, draws, np.concatenate([free, place]), points_m, gradients):
        much = (place * (values - found)).sum(axis=1)
        if shrunk and shapes:
            noise = (multiplied(place, draws) ** 2).mean(axis=1)
            much[much * much < SURE * SURE * noise] = 0.0
        shapes.append(found + (much[:, None] * place).sum(axis=0))
    return shapes


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen:
    """A wave that stands out: which, its size when it was chosen, at some points, its share in all, how much it is."""

    which: int
    size: float
    wave: Floats
    share: Floats
    much: Floats


def _everywhere(atoms: _Atoms, chosen: list[_Chosen]) -> tuple[Floats, Floats]:
    """Return the sums of chosen waves, each less its part in those before it, at all points."""
    out = np.zeros((2, len(atoms.points_m)))
    before: list[tuple[_Chosen, Floats]] = []
    everywhere = atoms.at(np.arange(len(atoms.points_m)), [one.which for one in chosen])
    for one, wave in zip(chosen, everywhere, strict=True):
        for other, unit in before:
            wave = wave - other.share[one.which] * unit
        unit = wave / one.size
        before.append((one, unit))
        out += one.much[:, None] * unit
    return out[0], out[1]


def _limits(ratios: Floats, waves: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return from which squared ratio on a wave stands out, and a bump, and the largest of each in noise."""
    out, most = np.empty(len(ratios)), np.empty(len(ratios))
    for family, seldom in ((waves, SELDOM_WAVE), (~waves, SELDOM_BUMP)):
        if family.any():
            largest = np.sort(ratios[family].max(axis=0))
            out[family] = max(float(largest[int(seldom * (len(largest) - 1))]), LEAST)
            most[family] = max(float(largest[-1]), LEAST)
    return out, most


def _without(free: Floats, rows: Floats) -> Floats:
    return rows - multiplied(multiplied(rows, free.T), free)


def _independent(slopes: Floats) -> Floats:
    kept: list[Floats] = []
    for row in slopes:
        rest = row.copy()
        for one in kept:
            rest = rest - float((one * rest).sum()) * one
        size = float((rest * rest).sum())
        if size > 1e-9 * float((row * row).sum()):
            kept.append(rest / np.sqrt(size))
    return np.array(kept).reshape(len(kept), slopes.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class _Atoms:
    """Waves and bumps over points, along each axis where points have several gradients.

    powers   (W, 3) degrees of the waves; flat (3,) axes along which there are none
    middles  (C, 3) of the bumps, of each width; waves (K,) which of all are waves
    """

    points_m: Floats
    gradients: Floats
    single: bool
    powers: NDArray[np.int64]
    flat: NDArray[np.bool_]
    middles: Floats
    waves: NDArray[np.bool_]

    def at(self, some: NDArray[np.int64], which: Sequence[int] | None = None) -> Floats:
        """Return all, or some of them, at some points."""
        low, high = self.points_m.min(axis=0), self.points_m.max(axis=0)
        half = np.maximum(0.5 * (high - low), 1e-12)
        points, extent = self.points_m[some], float(half.max())
        scaled = np.where(self.flat, 0.0, (points - 0.5 * (low + high)) / half)
        count = len(self.powers) + len(WIDTHS) * len(self.middles)
        axes, atoms = np.divmod(np.arange(len(self.waves)) if which is None else np.array(which, np.int64), count)
        unique, place = np.unique(atoms, return_inverse=True)
        split = int(np.searchsorted(unique, len(self.powers)))
        bumps = self._bumps(points, unique[split:] - len(self.powers), extent)
        out: Floats = np.concatenate([_waves(scaled, self.powers[unique[:split]]), bumps])[place]
        return out if self.single else out * self.gradients[some].T[axes]

    def _bumps(self, points: Floats, which: NDArray[np.int64], extent: float) -> Floats:
        """Return some bumps, ascending, at points."""
        middles, widths = np.divmod(which, len(WIDTHS))
        unique, place = np.unique(middles, return_inverse=True)
        off = [points[:, a] - self.middles[unique, a, None] for a in range(3)]
        squares = off[0] ** 2 + off[1] ** 2 + off[2] ** 2
        sizes = (4 * extent * np.array(WIDTHS)) ** 2
        return np.maximum(0.0, 1 - squares[place] / sizes[widths, None]) ** 2


def _waves(scaled: Floats, powers: NDArray[np.int64]) -> Floats:
    """Return products of Legendre polynomials (W, n) at points (n, 3) from -1 to 1."""
    i, j, k = (np.stack(_legendre(scaled[:, a]))[powers[:, a]] for a in range(3))
    return np.asarray(i * j * k)


def _atoms(points_m: Floats, gradients: Floats, values: Floats) -> _Atoms:
    """Return waves and bumps over points.

    They are functions of where a point lies on the ideal element: where it was seen is not free of its noise.
    """
    order = np.lexsort(points_m.T[::-1])
    sorted_m = points_m[order]
    unique = sorted_m[np.append(True, (sorted_m[1:] != sorted_m[:-1]).any(axis=1))]
    single = len(unique) == len(points_m)
    middles = unique[:: -(-len(unique) // BUMPS)] if len(unique) > 8 else unique[:0]
    if single:
        points_m = points_m - values[:, None] * gradients
    half = np.maximum(0.5 * np.ptp(points_m, axis=0), 1e-12)
    flat = half < (1e-3 if single else 1e-2) * half.max()
    powers = [
        (i, j, k)
        for i in range(1 if flat[0] else DEGREE + 1)
        for j in range(1 if flat[1] else DEGREE + 1 - i)
        for k in range(1 if flat[2] else DEGREE + 1 - i - j)
    ]
    count = len(powers) + len(WIDTHS) * len(middles)
    waves = np.tile(np.arange(count) < len(powers), 1 if single else 3)
    return _Atoms(points_m, gradients, single, np.array(powers), flat, middles, waves)


def _legendre(x: Floats) -> list[Floats]:
    found = [np.ones_like(x), x]
    for n in range(1, DEGREE):
        found.append(((2 * n + 1) * x * found[-1] - n * found[-2]) / (n + 1))
    return found
