# SPDX-License-Identifier: Apache-2.0
"""From numbers to colours: the maps, the scale of a colouring, and what lies beyond it.

Deviations take a diverging map with zero in its middle; everything else takes a sequential one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Colouring
from visionvalley.report.colour_tables import BATLOW, VIK

BELOW = (136, 34, 238)
ABOVE = (255, 51, 255)
NO_DATA = (176, 176, 176)
NO_DATA_LINE = (120, 120, 120)
PLAIN = (200, 206, 216)

# BELOW and ABOVE keep an OKLab distance of at least 0.08 to each other and to every colour of `vik` and the
# greys, for normal sight and for protan-, deuter- and tritanopia (Machado, Oliveira, Fernandes 2009).


@dataclass(frozen=True, slots=True)
class Scale:
    """What the colours of a legend mean.

    low, high   the values at the two ends of the map, in `unit` (SI)
    limits      what is allowed (lower, upper), drawn as lines; None where a side is open
    map_name    'vik', 'batlow' or 'classic'
    """

    low: float
    high: float
    unit: str
    limits: tuple[float | None, float | None] = (None, None)
    map_name: str = "vik"

    def colours(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Return (N, 3) colours of (N,) values: outside the scale BELOW or ABOVE, for NaN NO_DATA."""
        table = np.concatenate([table_of(self.map_name), np.array([BELOW, ABOVE, NO_DATA], np.uint8)])
        return table[self.rows(values)]

    def rows(self, values: NDArray[Any]) -> NDArray[np.intp]:
        """Return the row of the map of each value: 0 to 255, then 256 below, 257 above, 258 no data."""
        with np.errstate(invalid="ignore"):
            place = (np.asarray(values, np.float64) - self.low) * (256 / (self.high - self.low))
            rows = np.clip(np.nan_to_num(place), 0, 255).astype(np.intp)
            rows[values < self.low] = 256
            rows[values > self.high] = 257
        rows[np.isnan(values)] = 258
        return rows


@lru_cache
def table_of(map_name: str) -> NDArray[np.uint8]:
    """Return the (256, 3) colours of a map."""
    if map_name == "classic":
        return _classic()
    tables = {"vik": VIK, "batlow": BATLOW}
    if map_name not in tables:
        raise BadInput("report.no_such_map", name=map_name, maps="vik, batlow, classic")
    return np.frombuffer(bytes.fromhex(tables[map_name]), np.uint8).reshape(256, 3)


def _classic() -> NDArray[np.uint8]:
    """Blue, cyan, green, yellow, red: what older inspection software shows."""
    place = np.linspace(0, 4, 256)
    channels = [np.clip(1.5 - np.abs(place - middle), 0, 1) for middle in (3, 2, 1)]
    return np.round(np.stack(channels, 1) * 255).astype(np.uint8)


def scale_for(colouring: Colouring, map_name: str = "vik") -> Scale:
    """Return a scale with round ends that shows the values and their limits well.

    With a limit or a value below zero it is symmetric about zero; it reaches at least a fifth beyond the limits and at
    most to four times them, so that one outlier does not wash out the part. Else it begins at zero, or, where both
    limits are above zero or all values lie far from it, below what is least of them.
    """
    finite = np.abs(colouring.values[np.isfinite(colouring.values)]).astype(np.float64)
    bulk = float(np.quantile(finite, 0.995)) * (1 + 1e-6) if len(finite) else 0.0  # what is at the end is inside
    limits = _limits(colouring)
    signed = bool((colouring.values < 0).any()) or _below_zero(limits)
    if not signed and limits != (None, None):
        return _between(colouring, limits, "batlow" if map_name == "vik" else map_name)
    bounds = [abs(limit) for limit in limits if limit is not None and limit != 0]
    reach = min(max(bulk, 1.2 * max(bounds)), 4 * max(bounds)) if bounds else bulk
    reach = _round_up(reach or 1.0)
    if signed:
        return Scale(-reach, reach, colouring.unit, limits, map_name)
    return Scale(0.0, reach, colouring.unit, limits, "batlow" if map_name == "vik" else map_name)


def _below_zero(limits: tuple[float | None, float | None]) -> bool:
    """Whether deviations to either side are allowed, or only the size of one is limited."""
    lower, upper = limits
    return (lower is not None and lower <= 0) or (lower is None and upper is not None and upper <= 0)


def _between(colouring: Colouring, limits: tuple[float | None, float | None], map_name: str) -> Scale:
    """Return a scale from below what is least, of the values and their limits, to above what is largest."""
    known = colouring.values[np.isfinite(colouring.values)].astype(np.float64)
    bounds = [one for one in limits if one is not None]
    every = [*bounds, *(np.quantile(known, (0.005, 0.9)).tolist() if len(known) else [])]
    low, high = min(every), max(every)
    step = _round_up(max(high - low, 1e-12 * high) / 8)
    return Scale(
        max(0.0, math.floor(low / step - 0.5) * step), math.ceil(high / step + 0.5) * step, colouring.unit, limits,
        map_name,
    )  # fmt: skip


def _limits(colouring: Colouring) -> tuple[float | None, float | None]:
    return (None, None) if colouring.limits is None else (colouring.limits.lower, colouring.limits.upper)


def _round_up(value: float) -> float:
    """Return the next number 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6 or 8 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    steps = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
    return next(step for step in steps if step * power >= value * (1 - 1e-9)) * power


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers from low to high, about so many."""
    step = _round_up((high - low) / about)
    step = next(s for s in (1, 2, 2.5, 5, 10) if s * 10 ** math.floor(math.log10(step)) >= step * (1 - 1e-9)) * (
        10.0 ** math.floor(math.log10(step))
    )
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(k * step, 15) for k in range(first, last + 1)]
