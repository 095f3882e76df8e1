# SPDX-License-Identifier: Apache-2.0
"""What the formats for other software share: the units that they speak, and what was asked of many parts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from visionvalley.core import Feature, Report
from visionvalley.report.protocols import Conditions

Results = Sequence[tuple[Report, Conditions]]  # one part, or many that were judged by the same characteristics
UNITS = {"m": ("mm", 1000.0), "rad": ("deg", 180 / math.pi)}


CONDITIONS = ("order", "part_id", "sensor", "operator", "temperature_c", "humidity_percent")


def stated(report: Report) -> dict[str, str]:
    """Return what is stated of the conditions, by name, each as a text; empty: not stated."""
    given = report.facts.get("conditions", {})
    found = given if isinstance(given, Mapping) else {}
    return {name: str(found.get(name, "")) for name in CONDITIONS}


def unit_of(si: str) -> tuple[str, float]:
    """Return the unit that a drawing uses for an SI unit, and how many of it make one of the SI unit."""
    return UNITS.get(si, (si, 1.0))


def asked_of(results: Results) -> dict[str, Feature]:
    """Return the first feature of each name, of all parts: what was asked of it is the same in each."""
    asked: dict[str, Feature] = {}
    for report, _ in results:
        for feature in report.features:
            asked.setdefault(feature.name, feature)
    return asked
