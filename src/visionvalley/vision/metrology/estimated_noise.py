# SPDX-License-Identifier: Apache-2.0
"""A sensor's noise from one scan: what is white, and what neighbours may share, as far as that can be told from form.

Deviations without what a smooth polynomial explains are compared over distances from one spacing up (`strata`). The
mean squares of the contrasts are σ² + s² F, with σ² of the white noise and F what a shared field of the correlation
exp(-(r / l)²) adds to halves of n points and size b, (n - 1) G(0) - n G(b) + 1, where G(μ) is the mean correlation of
two squares μ apart; with differences of places as normal ones of the same variance, b²/6 an axis,

    G(μ) = q^d exp(-μ² / (l² + b²/3)),    q = (1 + b² / (3 l²))^(-1/2)

σ² and s² follow by weighted least squares for each l, and the likeliest l is taken. Contrasts have few degrees of
freedom where blocks are large, so s² is known to some u(s²) only: what is carried on is s² + 1.645 u(s²), which is
more than there is in 95 of 100 cases. Form that is as short as that counts as noise here. What is shared over more than
a tenth of a feature looks like form and is not seen: only the sensor's maker, or an artefact of known form, can tell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from visionvalley.core import SensorNoise
from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology.characteristics import Extracted
from visionvalley.vision.metrology.filters import Places
from visionvalley.vision.metrology.strata import cut_of, unplaced, without

DEGREE = 5
SHARE = 6  # points for each term of the polynomial, at least
BLOCKS = 32  # of one size, at least: fewer are the polynomial's
FEWEST = 8
LENGTHS = 1.5  # of the sizes of blocks: correlation lengths that are tried
ROUNDS = 4
MOST = 1.645  # standard uncertainties: what is shared is less in 95 of 100 cases


@dataclass(frozen=True, slots=True)
class Estimated:
    """Noise that was estimated.

    noise    with what is shared, as large as it may be; degrees of freedom of its white part
    """

    noise: SensorNoise
    degrees: float


@dataclass(frozen=True, slots=True)
class _Seen:
    """The contrasts of one size: their mean square and how many; points and size of a half; dimensions."""

    square: float
    count: int
    points: float
    size_m: float
    dimensions: int


def estimated(features: Mapping[str, Extracted], besides: SensorNoise) -> Estimated:
    """Return the noise of a scan, from the points of some of its features; besides: what is known otherwise."""
    seen = [one for feature in features.values() for one in _levels(feature)]
    if not seen:
        return Estimated(replace(besides, white_m=0.0, correlated_m=0.0), 1.0)
    finest = [one for one in seen if one.points < 3]
    lengths = sorted({one.size_m * LENGTHS for one in seen if one.points >= 3})
    total = sum(one.count for one in finest)
    white = math.fsum(one.square * one.count for one in finest) / total
    fits = [_fitted(seen, length, white) for length in lengths]
    if not fits:
        return Estimated(replace(besides, white_m=math.sqrt(white)), float(total))
    misfit, white, shared, length, degrees = min(fits)
    del misfit
    noise = replace(besides, white_m=math.sqrt(white), correlated_m=math.sqrt(shared), correlation_length_m=length)
    return Estimated(noise, max(degrees, 1.0))


def _levels(feature: Extracted) -> list[_Seen]:
    """Return the contrasts of a feature's deviations, without what is smooth, of all sizes that have blocks enough."""
    count = len(feature.points_m)
    if count < FEWEST:
        return []
    cut, places = cut_of(feature)
    deviation = unplaced(feature)[0]
    deviation = without(deviation, _smooth(places, count // SHARE))[cut.order]
    last = len(cut.levels) - 1
    return [
        _Seen(float((c * c).mean()), len(c), count / (2 * len(c)), level.size_m, 1 if places.lines else 2)
        for depth, level in enumerate(cut.levels)
        if len(c := level.contrasts(deviation)) >= BLOCKS or depth == last
    ]


def _smooth(places: Places, terms: int) -> Floats:
    """Return at most so many products of powers of places (N, k), the lowest first."""
    at = places.places_m[:, :1] if places.lines else places.places_m
    middle, half = 0.5 * (at.max(axis=0) + at.min(axis=0)), 0.5 * np.ptp(at, axis=0)
    x = [(at[:, a] - middle[a]) / half[a] for a in range(at.shape[1]) if half[a] > 1e-9 * float(half.max())]
    columns = [np.ones(len(at))]
    last = [(columns[0], 0)]
    for _ in range(DEGREE if len(x) < 3 else DEGREE - 2):
        last = [(one * x[a], a) for one, first in last for a in range(first, len(x))]
        if len(columns) + len(last) > terms:
            break
        columns += [one for one, _ in last]
    return np.stack(columns, axis=1)


def _fitted(seen: list[_Seen], length: float, white: float) -> tuple[float, float, float, float, float]:
    """Return misfit, σ², s² at most, l and the degrees of freedom of σ², for one l."""
    squares, counts = np.array([one.square for one in seen]), np.array([one.count for one in seen], np.float64)
    adds = np.array([_adds(one, length) for one in seen])
    shared = 0.0
    for _ in range(ROUNDS):
        expected = np.maximum(white + shared * adds, 1e-6 * squares.max() + 1e-300)
        weights = counts / (2 * expected**2)
        a, b, c = float(weights.sum()), float((weights * adds).sum()), float((weights * adds * adds).sum())
        p, q = float((weights * squares).sum()), float((weights * adds * squares).sum())
        whole = max(a * c - b * b, 1e-300)
        white, shared = (c * p - b * q) / whole, (a * q - b * p) / whole
        if shared < 0 or white < 0:
            white, shared = (p / a, 0.0) if shared < 0 else (0.0, q / max(c, 1e-300))
    expected = np.maximum(white + shared * adds, 1e-300)
    misfit = math.fsum(
        n * (math.log(e) + s / e) for n, e, s in zip(counts.tolist(), expected.tolist(), squares.tolist(), strict=True)
    )
    degrees = 2 * white * white * whole / max(c, 1e-300)
    return misfit, white, shared + MOST * math.sqrt(a / whole), length, degrees


def _adds(one: _Seen, length: float) -> float:
    """Return F: what a shared field of standard deviation one adds to the mean square of a contrast."""
    wide = (one.size_m / length) ** 2 / 3
    same = float((1 + wide) ** (-0.5 * one.dimensions))
    other = same * math.exp(-((one.size_m / length) ** 2) / (1 + wide))
    return max(0.0, (one.points - 1) * same - one.points * other + 1)
