# SPDX-License-Identifier: Apache-2.0
"""Numbers that say how well they are known, and what is decided from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from visionvalley.core.errors import BadInput
from visionvalley.core.messages import Text


@dataclass(frozen=True, slots=True)
class Contribution:
    """One line of an uncertainty budget: its part of the result's standard uncertainty, same unit.

    reason  why a line is what it is, where a reader may ask: mostly why it is nought
    """

    source: str
    standard_uncertainty: float
    reason: Text | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measured value and how well it is known (GUM: JCGM 100:2008).

    value, standard_uncertainty, interval_95  in `unit` (SI)
    interval_95         (low, high) of 95 % coverage; not symmetric where the quantity is bounded
    degrees_of_freedom  effective (GUM G.4.1); infinity where the uncertainty itself is known
    """

    name: str
    value: float
    standard_uncertainty: float
    unit: str
    interval_95: tuple[float, float]
    degrees_of_freedom: float = math.inf
    budget: tuple[Contribution, ...] = ()
    simulated: bool = False

    def __post_init__(self) -> None:
        low, high = self.interval_95
        known = [self.value, self.standard_uncertainty, low, high]
        if not all(map(math.isfinite, known)) or self.standard_uncertainty < 0 or low > high:
            raise BadInput("core.bad_measurement", name=self.name, value=self.value, u=self.standard_uncertainty)

    def __str__(self) -> str:
        low, high = self.interval_95
        known = f"u = {self.standard_uncertainty:.2g} {self.unit}, 95 %: {low:.4g} to {high:.4g} {self.unit}"
        return f"{self.name}: {self.value:.4g} {self.unit} ({known}){' simulated' if self.simulated else ''}"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The values that are allowed, in `unit` (SI); None where a side is open."""

    lower: float | None
    upper: float | None
    unit: str

    def __post_init__(self) -> None:
        low = -math.inf if self.lower is None else self.lower
        high = math.inf if self.upper is None else self.upper
        if not low < high or math.isnan(low) or math.isnan(high):
            raise BadInput("core.bad_tolerance", lower=self.lower, upper=self.upper)


class Verdict(StrEnum):
    """What can be said of a measured value against its tolerance (ISO 14253-1:2017)."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    CANNOT_SAY = "cannot say"


@dataclass(frozen=True, slots=True)
class SensorNoise:
    """How a sensor errs.

    white_m               standard deviation of each point, independent
    correlated_m          standard deviation of what neighbours share
    correlation_length_m  distance over which they share it
    scale                 relative standard deviation of the sensor's scale (its calibration)
    registration_m        standard deviation along each axis by which scans that make one cloud lie off one another
    temperature           relative standard deviation of lengths, from what is not known of the part's temperature
    """

    white_m: float = 0.0
    correlated_m: float = 0.0
    correlation_length_m: float = 0.0
    scale: float = 0.0
    registration_m: float = 0.0
    temperature: float = 0.0

    def __post_init__(self) -> None:
        lengths = (self.white_m, self.correlated_m, self.correlation_length_m, self.registration_m)
        if not all(math.isfinite(v) and v >= 0 for v in (*lengths, self.scale, self.temperature)):
            raise BadInput("core.bad_noise")
