# SPDX-License-Identifier: Apache-2.0
"""Judged characteristics of a part."""

from __future__ import annotations

from dataclasses import dataclass

from visionvalley.core.measurement import Measurement, Tolerance, Verdict
from visionvalley.core.messages import Text
from visionvalley.core.scene import CrossSection, Scene


@dataclass(frozen=True, slots=True, eq=False)
class Feature:
    """A characteristic of a part: what was asked, what was measured, what follows.

    kind      what is asked of it: 'flatness', 'size'...
    nominal   in the unit of the measurement, where a dimension has one
    diameter  whether the zone is a cylinder or a sphere, so that its width is a diameter
    material  'M' or 'L' where a material requirement holds (ISO 2692), else ''
    datums    as the drawing writes them: 'A', 'B-C', '(D)M'
    beside    further numbers that a reader compares with: the raw peak to valley of a form...
    scene     what its picture shows: its points, coloured by how they deviate
    section   what a drawing of it shows, where it is asked of a section through the part
    """

    name: str
    kind: str
    measured: Measurement
    tolerance: Tolerance | None = None
    verdict: Verdict | None = None
    notes: tuple[Text, ...] = ()
    nominal: float | None = None
    datums: tuple[str, ...] = ()
    diameter: bool = False
    material: str = ""
    beside: tuple[Measurement, ...] = ()
    scene: Scene | None = None
    section: CrossSection | None = None
