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

import numpy as np
from numpy.typing import NDArray

from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology.propagation import multiplied

SELDOM_WAVE, SELDOM_BUMP, LEAST = 0.8, 1.0, 6.0
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
    atoms, waves = _atoms(points_m, gradients)
    free = _independent(slopes[:, some])
    left = _without(free, values[some][None])[0]
    part = _without(free, atoms[:, some])
    noise = _without(free, np.ascontiguousarray(draws[some].T))
    whole, little, much = atoms.copy(), np.zeros(len(values)), np.zeros(len(values))
    first, size = (np.sqrt((rows * rows).sum(axis=1)) for rows in (atoms[:, some], part))
    limit = np.zeros(0)
    for _ in range(WAVES):
        alive = size > SMALL * np.maximum(first, 1e-300)
        unit = np.where(alive, size, 1.0)
        answers = (multiplied(part, noise.T) / unit[:, None]) ** 2
        spread = np.where(alive, np.maximum(answers.mean(axis=1), 1e-300), math.inf)
        if not len(limit):
            limit = _limits(answers / spread[:, None], waves)
        found = (part * left).sum(axis=1) / unit
        ratio = found * found / spread
        best = int(np.argmax(ratio / limit))
        if not ratio[best] > limit[best]:
            break
        wave, everywhere = part[best] / size[best], whole[best] / size[best]
        little += found[best] * (1 - 1 / ratio[best]) * everywhere
        much += found[best] * (1 - limit[best] / ratio[best]) * everywhere
        left = left - found[best] * wave
        share = (part * wave).sum(axis=1)
        part, whole = part - share[:, None] * wave, whole - share[:, None] * everywhere
        size = np.sqrt((part * part).sum(axis=1))
    return little, much


def _limits(ratios: Floats, waves: NDArray[np.bool_]) -> Floats:
    """Return from which squared ratio on a wave stands out, and a bump: what the largest of each seldom is in noise."""
    out = np.empty(len(ratios))
    for family, seldom in ((waves, SELDOM_WAVE), (~waves, SELDOM_BUMP)):
        if family.any():
            largest = np.sort(ratios[family].max(axis=0))
            out[family] = max(float(largest[int(seldom * (len(largest) - 1))]), LEAST)
    return out


def _without(free: Floats, rows: Floats) -> Floats:
    for one in free:
        rows = rows - (rows * one).sum(axis=1)[:, None] * one
    return rows


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


def _atoms(points_m: Floats, gradients: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return waves and bumps (K, M), along each axis where points have several gradients, and which are waves."""
    low, high = points_m.min(axis=0), points_m.max(axis=0)
    half = np.maximum(0.5 * (high - low), 1e-12)
    at = (points_m - 0.5 * (low + high)) / half
    flat = half < 1e-3 * half.max()
    powers = [_legendre(np.zeros(len(at)) if flat[a] else at[:, a]) for a in range(3)]
    scalar = [
        powers[0][i] * powers[1][j] * powers[2][k]
        for i in range(1 if flat[0] else DEGREE + 1)
        for j in range(1 if flat[1] else DEGREE + 1 - i)
        for k in range(1 if flat[2] else DEGREE + 1 - i - j)
    ]
    count, extent = len(scalar), float(half.max())
    unique = np.unique(points_m, axis=0)
    if len(unique) > 8:
        for middle in unique[:: -(-len(unique) // BUMPS)]:
            squares = ((points_m - middle) ** 2).sum(axis=1) / (2 * extent) ** 2
            scalar += [np.maximum(0.0, 1 - squares / (2 * width) ** 2) ** 2 for width in WIDTHS]
    found = np.array(scalar)
    waves = np.arange(len(found)) < count
    if len(unique) == len(points_m):
        return found, waves
    return np.concatenate([found * gradients[:, a] for a in range(3)]), np.tile(waves, 3)


def _legendre(x: Floats) -> list[Floats]:
    found = [np.ones_like(x), x]
    for n in range(1, DEGREE):
        found.append(((2 * n + 1) * x * found[-1] - n * found[-2]) / (n + 1))
    return found
