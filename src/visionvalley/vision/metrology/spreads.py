# SPDX-License-Identifier: Apache-2.0
"""Distributions of values that cannot be negative, fitted by maximum likelihood.

ISO 22514-2:2017, annex, names them: folded normal for form and for distances in one direction, Rayleigh (a Weibull
of shape 2) for positions, Weibull and lognormal for the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from visionvalley.core.arrays import Floats

MIDDLE, HIGHEST = 0.5, 0.99865
ROUNDS = 60
FOLDED, WEIBULL, LOGNORMAL = "folded normal", "Weibull", "lognormal"


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution: its name and two parameters, and the likelihood (logarithm) of what it was fitted to.

    folded normal  mean and deviation of the normal values that are folded at zero
    Weibull        scale and shape; lognormal: mean and deviation of the logarithms
    """

    name: str
    first: float
    second: float
    likelihood: float = math.nan

    def quantile(self, share: float) -> float:
        """Return the value below which that share of all lies."""
        if self.name == WEIBULL:
            return float(self.first * (-math.log1p(-share)) ** (1 / self.second))
        if self.name == LOGNORMAL:
            return math.exp(self.first + self.second * NormalDist().inv_cdf(share))
        normal, low, high = NormalDist(self.first, self.second), 0.0, abs(self.first) + 9 * self.second
        for _ in range(ROUNDS):
            middle = 0.5 * (low + high)
            inside = normal.cdf(middle) - normal.cdf(-middle)
            low, high = (middle, high) if inside < share else (low, middle)
        return 0.5 * (low + high)

    def drawn(self, random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        """Draw values."""
        if self.name == WEIBULL:
            return np.asarray(self.first * random.weibull(self.second, shape))
        if self.name == LOGNORMAL:
            return np.asarray(np.exp(self.first + self.second * random.normal(size=shape)))
        return np.asarray(np.abs(self.first + self.second * random.normal(size=shape)))


def best_spread(x: Floats) -> Spread:
    """Return the distribution under which values (N,) are likeliest."""
    rows = np.maximum(x, 1e-12 * float(x.max()))[None]
    return max((fit(rows)[0] for fit in FITS.values()), key=lambda one: one.likelihood)


def refitted(spread: Spread, random: np.random.Generator, count: int, draws: int) -> list[Spread]:
    """Return what fits of the same distribution to so many draws of `count` values each would give."""
    drawn = spread.drawn(random, (draws, count))
    return FITS[spread.name](np.maximum(drawn, 1e-300))


def _folded(x: Floats) -> list[Spread]:
    """Fit by expectation and maximisation over the sign that each value (B, N) had."""
    mean, variance = x.mean(axis=1), x.var(axis=1)
    for _ in range(ROUNDS):
        signs = np.tanh(np.minimum(x * (mean / variance)[:, None], 30.0))
        mean = (x * signs).mean(axis=1)
        variance = np.maximum((x * x).mean(axis=1) - mean * mean, 1e-300)
    deviation = np.sqrt(variance)
    a, b = (x - mean[:, None]) / deviation[:, None], (x + mean[:, None]) / deviation[:, None]
    logs = np.logaddexp(-0.5 * a * a, -0.5 * b * b) - np.log(deviation)[:, None] - 0.5 * math.log(2 * math.pi)
    return [Spread(FOLDED, *map(float, row)) for row in zip(mean, deviation, logs.sum(axis=1), strict=True)]


def _weibull(x: Floats) -> list[Spread]:
    """Fit by Newton's method for the shape (Cohen 1965)."""
    logs = np.log(x)
    top = logs.max(axis=1, keepdims=True)
    shape = 1.2 / np.maximum(logs.std(axis=1), 1e-6)
    for _ in range(ROUNDS):
        weights = np.exp(shape[:, None] * (logs - top))
        total = weights.sum(axis=1)
        first, second = (weights * logs).sum(axis=1) / total, (weights * logs * logs).sum(axis=1) / total
        slope = first - 1 / shape - logs.mean(axis=1)
        shape = np.maximum(shape - slope / (second - first**2 + shape**-2), 0.3 * shape)
    weights = np.exp(shape[:, None] * (logs - top))
    scale = np.exp(top[:, 0] + np.log(weights.mean(axis=1)) / shape)
    ratio = logs - np.log(scale)[:, None]
    density = np.log(shape / scale)[:, None] + (shape - 1)[:, None] * ratio - np.exp(shape[:, None] * ratio)
    return [Spread(WEIBULL, *map(float, row)) for row in zip(scale, shape, density.sum(axis=1), strict=True)]


def _lognormal(x: Floats) -> list[Spread]:
    logs = np.log(x)
    mean, deviation = logs.mean(axis=1), np.maximum(logs.std(axis=1), 1e-12)
    count = x.shape[1]
    likelihood = -logs.sum(axis=1) - count * (np.log(deviation) + 0.5 * math.log(2 * math.pi) + 0.5)
    return [Spread(LOGNORMAL, *map(float, row)) for row in zip(mean, deviation, likelihood, strict=True)]


FITS = {FOLDED: _folded, WEIBULL: _weibull, LOGNORMAL: _lognormal}
