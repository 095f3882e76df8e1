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
STEPS, GUESSES = 60, 8
FARTHEST = 64.0
TINY = 1e-2  # of the noise: how well an end of an interval is found

Function = Callable[[float], float]
Quantile = Callable[[float, float], float]


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


def bounded(seen: float, answer: Quantile, noise: float, about: Quantile | None = None) -> Bounded:
    """Invert the test of every true value by what would be seen of it.

    seen    the value as it came out, noise and all
    answer  gives, for a true value and a share, the quantile of what is seen of it in many draws of the noise
    noise   standard deviation of what is seen, which sets how fast the interval changes from one-sided to central
    about   gives nearly the same at less cost; None: answer does

    A true value t is kept where `seen` lies between the quantiles a(t) and a(t) + 95 % of its answers. Every choice
    of a(t) covers with 95 %, whatever t is (Neyman 1937); a grows from 0 at t = 0 to 2.5 % where t is large against
    the noise: the interval holds zero unless more was seen than zero shows once in twenty times, it is never empty
    and never reaches below zero, and far from zero it is the usual central one (in the manner of Feldman & Cousins
    1998, Unified approach to the classical statistical analysis of small signals; Mandelkern 2002). Its upper end is
    never below the one that a value of zero gets in half of all cases, so that luck with the noise does not make a
    result look better known than it can be (power constrained limits, Cowan et al. 2011): where that binds, only the
    lower end can miss, and coverage is 95 % + a(t).
    """
    guess = answer if about is None else about

    def rising(size: float) -> float:
        return TAIL * size * size / (size * size + 4 * noise * noise)

    def end(of: float, share: Callable[[float], float]) -> float:
        return _where(lambda t: answer(t, share(t)) - of, lambda t: guess(t, share(t)) - of, max(of, noise), noise)

    high = end(max(seen, answer(0.0, 0.5)), rising)
    low = end(seen, lambda t: rising(t) + LEVEL)
    value = end(seen, lambda t: 0.5)
    return Bounded(min(max(value, low), high), low, high)


def quantile(answers: Floats, share: float) -> float:
    """Return a quantile of sorted answers (B,), linear between them (Hyndman & Fan 1996, definition 5)."""
    below, above, part = between(len(answers), share)
    return float(answers[below] + part * (answers[above] - answers[below]))


def between(count: int, share: float) -> tuple[int, int, float]:
    """Return between which two of so many sorted values a quantile lies, and how far from the first to the second."""
    place = min(max(share * count - 0.5, 0.0), count - 1.0)
    below = min(int(place), count - 2) if count > 1 else 0
    return below, min(below + 1, count - 1), place - below


def _where(over: Function, about: Function, size: float, noise: float) -> float:
    """Return the value, from zero on, at which a rising function is zero.

    about  nearly the same function: where it is zero is tried first
    size   a value that may be beyond; noise how fast the function rises
    """
    low, below, high = 0.0, over(0.0), size
    if below >= 0:
        return 0.0
    above = over(high)
    while above < 0:
        if high > FARTHEST * size:  # a shape of nothing but zeros does not grow
            return size
        low, below, high = high, above, high + 2 * max(noise, -above)
        above = over(high)
    for step in range(STEPS):
        if high - low <= TINY * noise or above == 0:
            return high
        middle = _crossing(about, low, below, high, above, noise) if step < GUESSES else 0.5 * (low + high)
        there = over(middle)
        if abs(there) <= TINY * noise:
            return middle
        low, below, high, above = (middle, there, high, above) if there < 0 else (low, below, middle, there)
    return 0.5 * (low + high)


def _crossing(function: Function, low: float, below: float, high: float, above: float, noise: float) -> float:
    """Return about where a function crosses zero, between values below and above (false position, Illinois)."""
    first, last, side, middle = low, high, 0, low
    for _ in range(STEPS):
        middle = low + (high - low) * min(max(-below / (above - below), 1e-3), 1 - 1e-3)
        there = function(middle)
        if abs(there) <= 0.1 * TINY * noise or high - low <= 0.1 * TINY * noise:
            break
        if there < 0:
            low, below, above = middle, there, above * (0.5 if side < 0 else 1.0)
            side = -1
        else:
            high, above, below = middle, there, below * (0.5 if side > 0 else 1.0)
            side = 1
    within = 1e-3 * (last - first)
    return min(max(middle, first + within), last - within)


def lengths(vectors: Floats) -> Floats:
    """Return the lengths (N,) of vectors (N, d)."""
    found: Floats = np.sqrt((vectors * vectors).sum(axis=1))
    return found
