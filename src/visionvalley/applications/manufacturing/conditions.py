# SPDX-License-Identifier: Apache-2.0
"""Under what conditions a part was measured: who, with what, for which order, and how warm it was.

A length is that at 20 °C (ISO 1:2022). A part that was measured at another temperature is longer by α (T - 20 °C),
so the scan is shrunk by that where α is given; its uncertainty is that of T and of α (ISO/TR 16015:2003; JCGM
100:2008, H.1). Where α is not given nothing is corrected, and what it may be is uncertainty.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from visionvalley.core import BadInput, Text, text

REFERENCE_C = 20.0
METALS_PER_K = 24e-6  # aluminium; α lies between none and this where it is not stated (rectangular)
EXPANSION_KNOWN = 0.1  # relative standard uncertainty of α from a table (ISO/TR 16015:2003, 6.3)
TEMPERATURE_KNOWN_K = 0.5  # of a temperature that is stated without its uncertainty


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is stated; empty or None: not stated.

    temperature_c, temperature_uncertainty_k  of the part, and its standard uncertainty
    expansion_per_k, expansion_uncertainty_per_k  of its material, and its standard uncertainty
    """

    order: str = ""
    part_id: str = ""
    sensor: str = ""
    operator: str = ""
    temperature_c: float | None = None
    temperature_uncertainty_k: float | None = None
    humidity_percent: float | None = None
    expansion_per_k: float | None = None
    expansion_uncertainty_per_k: float | None = None

    def __post_init__(self) -> None:
        bounds = {
            "temperature_c": (-100.0, 1000.0), "temperature_uncertainty_k": (0.0, 100.0),
            "humidity_percent": (0.0, 100.0), "expansion_per_k": (-1e-3, 1e-3),
            "expansion_uncertainty_per_k": (0.0, 1e-3),
        }  # fmt: skip
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise BadInput("core.setting_bounds", name=name, value=f"{value:g}", low=low, high=high)

    @property
    def stretch(self) -> float:
        """By how much lengths are longer than at 20 °C, relatively; 0 where that is not known."""
        if self.temperature_c is None or self.expansion_per_k is None:
            return 0.0
        return self.expansion_per_k * (self.temperature_c - REFERENCE_C)

    @property
    def uncertainty(self) -> float:
        """The relative standard uncertainty of lengths that temperature leaves."""
        if self.temperature_c is None:
            return 0.0
        warmer = abs(self.temperature_c - REFERENCE_C)
        if self.expansion_per_k is None:
            return METALS_PER_K * warmer / math.sqrt(3)
        of_t, of_expansion = self.temperature_uncertainty_k, self.expansion_uncertainty_per_k
        of_t = TEMPERATURE_KNOWN_K if of_t is None else of_t
        of_expansion = EXPANSION_KNOWN * abs(self.expansion_per_k) if of_expansion is None else of_expansion
        return math.hypot(self.expansion_per_k * of_t, of_expansion * warmer)

    def facts(self) -> dict[str, object]:
        """Return what is stated, by name."""
        there = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in there.items() if value not in ("", None)}

    def notes(self) -> tuple[Text, ...]:
        """Return what a reader must know of the temperature."""
        if self.temperature_c is None:
            return ()
        if self.expansion_per_k is None:
            cold = self.temperature_c == REFERENCE_C
            return () if cold else (text("manufacturing.expansion_unknown", temperature_c=self.temperature_c),)
        return (text("manufacturing.expanded", temperature_c=self.temperature_c, per_million=self.stretch * 1e6),)


def over(stated: Conditions, others: Conditions) -> Conditions:
    """Return conditions with those of others where none is stated."""
    chosen = {
        one.name: getattr(others if getattr(stated, one.name) in ("", None) else stated, one.name)
        for one in fields(stated)
    }
    return Conditions(**chosen)
