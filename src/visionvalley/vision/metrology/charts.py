# SPDX-License-Identifier: Apache-2.0
"""Control charts (ISO 7870-2:2023): means and ranges of subgroups, or single values and moving ranges; signals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, require
from visionvalley.core.arrays import Floats

# mean and standard deviation of the range of n normal values of standard deviation one (ISO 7870-2, table 1)
D2 = MappingProxyType(
    {2: 1.128379, 3: 1.692569, 4: 2.058751, 5: 2.325929, 6: 2.534413, 7: 2.704357, 8: 2.847201, 9: 2.970026,
     10: 3.077505}
)  # fmt: skip
D3 = MappingProxyType(
    {2: 0.852502, 3: 0.888368, 4: 0.879808, 5: 0.864082, 6: 0.848040, 7: 0.833205, 8: 0.819831, 9: 0.807834,
     10: 0.797051}
)  # fmt: skip
# efficiency of the mean range: degrees of freedom of the deviation within, a subgroup (Patnaik 1950, Biometrika 37)
DEGREES = MappingProxyType({2: 0.88, 3: 1.82, 4: 2.74, 5: 3.62, 6: 4.47, 7: 5.27, 8: 6.03, 9: 6.76, 10: 7.45})
MOVING_DEGREES = 0.62  # of a single value, from moving ranges of two, which overlap (Hoel 1946)
NELSON = (1, 2, 3, 4, 5, 6, 7, 8)
WESTERN_ELECTRIC = (1, 5, 6, 9)


@dataclass(frozen=True, slots=True)
class Signal:
    """A pattern that chance alone seldom makes: the rule that found it, and the last point of it."""

    rule: int
    at: int


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """One chart: points (n,) in order, its centre line and control limits, in `unit`, and what it signals.

    name   'mean', 'range', 'value' or 'moving range'
    """

    name: str
    points: Floats
    centre: float
    lower: float
    upper: float
    unit: str
    signals: tuple[Signal, ...]


def control_charts(
    values: Floats, *, subgroup: int = 1, unit: str = "m", rules: tuple[int, ...] = NELSON
) -> tuple[Chart, Chart]:
    """Return the chart of place and the chart of spread of values (N,) in the order of their making.

    subgroup  how many consecutive values form one, up to 10; 1: single values and moving ranges of two. Values left
              over at the end do not count.
    rules     for the chart of place, see `signals`; that of spread signals points outside its limits alone
    Limits lie three standard deviations from the centre, which the ranges tell (Shewhart 1931; ISO 7870-2:2023).
    """
    x = require("values", values, (None,), finite=True)
    if not (subgroup == 1 or subgroup in D2) or len(x) < 2 * max(subgroup, 2):
        raise BadInput("metrology.bad_subgroup", subgroup=subgroup, most=max(D2), count=len(x))
    ranges, size = _ranges(x, subgroup), max(subgroup, 2)
    spread = float(ranges.mean()) / D2[size]
    if subgroup == 1:
        points, names, sigma = x, ("value", "moving range"), spread
    else:
        groups = x[: len(x) // subgroup * subgroup].reshape(-1, subgroup)
        points, names, sigma = groups.mean(axis=1), ("mean", "range"), spread / math.sqrt(subgroup)
    centre, middle = float(points.mean()), float(ranges.mean())
    found = signals(points, centre, sigma, rules)
    reach = 3 * D3[size] * spread
    low, high = max(0.0, middle - reach), middle + reach
    outside = tuple(Signal(1, int(i)) for i in np.flatnonzero((ranges < low) | (ranges > high)))
    return (
        Chart(names[0], points, centre, centre - 3 * sigma, centre + 3 * sigma, unit, found),
        Chart(names[1], ranges, middle, low, high, unit, outside),
    )


def deviation_within(values: Floats, subgroup: int) -> tuple[float, float]:
    """Return the standard deviation within subgroups, or from moving ranges, and its degrees of freedom."""
    if subgroup == 1:
        ranges = _ranges(values, 1)
        return float(ranges.mean()) / D2[2], MOVING_DEGREES * (len(values) - 1)
    groups = values[: len(values) // subgroup * subgroup].reshape(-1, subgroup)
    squares = ((groups - groups.mean(axis=1, keepdims=True)) ** 2).sum()
    degrees = len(groups) * (subgroup - 1.0)
    return math.sqrt(float(squares) / degrees), degrees


def signals(points: Floats, centre: float, sigma: float, rules: tuple[int, ...] = NELSON) -> tuple[Signal, ...]:
    """Return the signals of points (n,) with that centre and standard deviation.

    1  a point more than 3 σ away             5  two of three more than 2 σ away, on one side
    2  nine in a row on one side              6  four of five more than 1 σ away, on one side
    3  six in a row rising, or falling        7  fifteen in a row within 1 σ
    4  fourteen in a row up and down in turn  8  eight in a row more than 1 σ away, on either side
    9  eight in a row on one side (Western Electric's form of 2)
    Nelson 1984, The Shewhart control chart: tests for special causes; Western Electric 1956.
    """
    z = (points - centre) / sigma if sigma > 0 else np.zeros(len(points))
    found = [Signal(rule, int(i)) for rule in rules for i in np.flatnonzero(RULES[rule](z))]
    return tuple(sorted(found, key=lambda one: (one.at, one.rule)))


def _ranges(x: Floats, subgroup: int) -> Floats:
    if subgroup == 1:
        return np.abs(np.diff(x))
    groups = x[: len(x) // subgroup * subgroup].reshape(-1, subgroup)
    return np.asarray(groups.max(axis=1) - groups.min(axis=1))


Marks = NDArray[np.bool_]


def _last(marks: Marks, window: int, least: int, length: int) -> Marks:
    """Return where (length,) at least so many of the last `window` are marked, and the last one is too."""
    out = np.zeros(length, bool)
    if len(marks) >= window:
        total = np.convolve(marks.astype(int), np.ones(window, int), "valid")
        out[length - len(total) :] = (total >= least) & marks[window - 1 :]
    return out


def _on_a_side(limit: float, window: int, least: int) -> Callable[[Floats], Marks]:
    return lambda z: _last(z > limit, window, least, len(z)) | _last(z < -limit, window, least, len(z))


def _outside(z: Floats) -> Marks:
    return np.asarray(np.abs(z) > 3)


def _trend(z: Floats) -> Marks:
    step = np.diff(z)
    return _last(step > 0, 5, 5, len(z)) | _last(step < 0, 5, 5, len(z))


def _zigzag(z: Floats) -> Marks:
    step = np.diff(z)
    return _last(step[1:] * step[:-1] < 0, 12, 12, len(z))


RULES: MappingProxyType[int, Callable[[Floats], Marks]] = MappingProxyType(
    {
        1: _outside,
        2: _on_a_side(0.0, 9, 9),
        3: _trend,
        4: _zigzag,
        5: _on_a_side(2.0, 3, 2),
        6: _on_a_side(1.0, 5, 4),
        7: lambda z: _last(np.abs(z) < 1, 15, 15, len(z)),
        8: lambda z: _last(np.abs(z) > 1, 8, 8, len(z)),
        9: _on_a_side(0.0, 8, 8),
    }
)
