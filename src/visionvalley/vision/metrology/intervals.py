# SPDX-License-Identifier: Apache-2.0
"""Coverage intervals: of values without bounds, and of values that cannot be negative."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from visionvalley.core import Contribution
from visionvalley.core.arrays import Floats

LEVEL = 0.95
TAIL = 0.025
STEPS = 60
FARTHEST = 64.0
TINY = 1e-2  # of the noise: how well an end of an interval is found


def coverage_factor(degrees_of_freedom: float = math.inf, one_sided: bool = False) -> float:
    """Return k, of which k u is the half of a 95 % interval: of Student's t, or normal (JCGM 100:2008, G.3)."""
    share = LEVEL if one_sided else 1 - TAIL
    if not math.isfinite(degrees_of_freedom):
        return NormalDist().inv_cdf(share)
    from scipy.special import stdtrit

    return float(stdtrit(max(degrees_of_freedom, 1.0), share))


def effective_degrees(budget: Sequence[Contribution], degrees: Sequence[float]) -> float:
    """Return the effective degrees of freedom of a sum (Welch-Satterthwaite; JCGM 100:2008, eq. G.2b)."""
    variances = [one.standard_uncertainty**2 for one in budget]
    spread = math.fsum(v * v / n for v, n in zip(variances, degrees, strict=True) if math.isfinite(n) and v > 0)
    return math.fsum(variances) ** 2 / spread if spread > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Bounded:
    """What is known of a value that cannot be negative.

    value      the value of which what was seen is the median: what noise adds is taken off
    low, high  the ends of the 95 % interval
    """

    value: float
    low: float
    high: float


def bounded(seen: float, answer: Callable[[float], Floats], noise: float) -> Bounded:
    """Invert the test of every true value by what would be seen of it.

    seen    the value as it came out, noise and all
    answer  gives, for a true value, what is seen of it in many draws of the noise, sorted (B,)
    noise   standard deviation of what is seen, which sets how fast the interval changes from one-sided to central

    A true value t is kept where `seen` lies between the quantiles a(t) and a(t) + 95 % of its answers. Every choice
    of a(t) covers with 95 %, whatever t is (Neyman 1937); a grows from 0 at t = 0 to 2.5 % where t is large against
    the noise: the interval holds zero unless more was seen than zero shows once in twenty times, it is never empty
    and never reaches below zero, and far from zero it is the usual central one (in the manner of Feldman & Cousins
    1998, Unified approach to the classical statistical analysis of small signals; Mandelkern 2002). Its upper end is
    never below the one that a value of zero gets in half of all cases, so that luck with the noise does not make a
    result look better known than it can be (power constrained limits, Cowan et al. 2011): where that binds, only the
    lower end can miss, and coverage is 95 % + a(t).
    """
    kept: dict[float, Floats] = {}

    def at(size: float) -> Floats:
        if size not in kept:
            kept[size] = answer(size)
        return kept[size]

    def rising(size: float) -> float:
        return TAIL * size * size / (size * size + 4 * noise * noise)

    def end(of: float, share: Callable[[float], float]) -> float:
        return _where(of, lambda t: quantile(at(t), share(t)), noise, sorted(kept))

    high = end(max(seen, quantile(at(0.0), 0.5)), rising)
    low = end(seen, lambda t: rising(t) + LEVEL)
    value = end(seen, lambda t: 0.5)
    return Bounded(min(max(value, low), high), low, high)


def quantile(answers: Floats, share: float) -> float:
    """Return a quantile of sorted answers (B,), linear between them (Hyndman & Fan 1996, definition 5)."""
    place = min(max(share * len(answers) - 0.5, 0.0), len(answers) - 1.0)
    below = min(int(place), len(answers) - 2) if len(answers) > 1 else 0
    above = min(below + 1, len(answers) - 1)
    return float(answers[below] + (place - below) * (answers[above] - answers[below]))


def _where(seen: float, reached: Callable[[float], float], noise: float, known: Sequence[float]) -> float:
    """Return the value, from zero on, at which a rising function reaches what was seen (false position, Illinois)."""
    low, below = 0.0, reached(0.0) - seen
    if below >= 0 or seen <= 0:
        return 0.0
    high = max(seen, noise)
    above = reached(high) - seen
    while above < 0:
        if high > FARTHEST * max(seen, noise):  # a shape of nothing but zeros does not grow
            return max(seen, noise)
        low, below, high = high, above, high + 2 * max(noise, -above)
        above = reached(high) - seen
    for size in known:  # what another quantile asked for costs nothing
        if low < size < high:
            there = reached(size) - seen
            low, below, high, above = (size, there, high, above) if there < 0 else (low, below, size, there)
    side = 0
    for _ in range(STEPS):
        if high - low <= TINY * noise or above == 0:
            return high
        middle = low + (high - low) * min(max(-below / (above - below), 1e-3), 1 - 1e-3)
        there = reached(middle) - seen
        if abs(there) <= TINY * noise:
            return middle
        if there < 0:
            low, below, above = middle, there, above * (0.5 if side < 0 else 1.0)
            side = -1
        else:
            high, above, below = middle, there, below * (0.5 if side > 0 else 1.0)
            side = 1
    return 0.5 * (low + high)


def lengths(vectors: Floats) -> Floats:
    """Return the lengths (N,) of vectors (N, d)."""
    found: Floats = np.sqrt((vectors * vectors).sum(axis=1))
    return found
