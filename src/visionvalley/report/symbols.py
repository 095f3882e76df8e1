# SPDX-License-Identifier: Apache-2.0
"""The signs of a drawing: what is asked (ISO 1101:2017, table 1), drawn as lines, since few fonts hold them."""

from __future__ import annotations

import re
from html import escape as safe

from visionvalley.core import Feature
from visionvalley.report import phrases
from visionvalley.report.markup import Words, tag

MATERIAL = {"M": "Ⓜ", "L": "Ⓛ"}
_CIRCLE = "M{x} {y}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0"


def _circle(radius: float) -> str:
    return _CIRCLE.format(x=12 - radius, y=12, r=radius, d=2 * radius)


PATHS = {  # in a square of 24, drawn with a line of 1.8
    "straightness": "M3 12h18",
    "flatness": "M7.5 6.5H22l-5.500 11H2z",
    "roundness": _circle(8.5),
    "cylindricity": _circle(5) + "M3 20 9.5 4M14.500 20 21 4",
    "profile of a line": "M3 17a9 9 0 0 1 18 0",
    "profile of a surface": "M3 17a9 9 0 0 1 18 0z",
    "parallelism": "M5 20 11.5 4M12.500 20 19 4",
    "perpendicularity": "M12 4v16M3 20h18",
    "angularity": "M21 19H3L17.500 5",
    "position": _circle(6) + "M12 2v20M2 12h20",
    "coaxiality": _circle(4) + _circle(9),
    "symmetry": "M7 7h10M3 12h18M7 17h10",
    "circular run-out": "M5 20 19 4M19 4l-1.600 6.400M19 4l-6 2.700",
    "total run-out": "M2 20 12 6M12 6l-1 6M12 6l-5.500 2.300M11 20 21 6M21 6l-1 6M21 6l-5.500 2.300M2 20h9",
    "size": "M3 12h18M7 8l-4 4 4 4M17 8l4 4-4 4",
    "distance": "M3 12h18M7 8l-4 4 4 4M17 8l4 4-4 4M2 4v16M22 4v16",
    "diameter": _circle(7) + "M6 20 18 4",
    "width": "M2 12h20M6 8l-4 4 4 4M18 8l4 4-4 4",
    "wall thickness": "M8 2v20M16 2v20M1 12h6M4.500 9.500 7 12l-2.500 2.500M23 12h-6M19.500 9.500 17 12l2.500 2.500",
    "angle": "M20 19H4L16 6M13 19a9 9 0 0 0-3-7",
}


def drawing(kind: str, colour: str = "currentColor") -> str:
    """Return the sign of a kind as an SVG of its own, empty where it has none."""
    path = PATHS.get(kind)
    if path is None:
        return ""
    line = f'fill="none" stroke="{colour}" stroke-width="1.8" stroke-linejoin="round" stroke-linecap="round"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path {line} d="{path}"/></svg>'


def symbol(kind: str, words: Words) -> str:
    """Return the sign of a kind for a page, with its name for those who do not see it."""
    path = PATHS.get(kind)
    if path is None:
        return safe(words.plain_name(kind))
    return f'<svg class="gdt" viewBox="0 0 24 24" role="img" aria-label="{words.name(kind)}"><path d="{path}"/></svg>'


def compartments(feature: Feature, words: Words, *, large: bool = False) -> list[str]:
    """Return what stands in the frame after the sign, not escaped: 'Ø 0.1 mm (M)', 'A', 'B-C'."""
    tolerance = feature.tolerance
    if tolerance is None:
        return [*feature.datums]
    zone = tolerance.lower in (None, 0.0) and tolerance.upper is not None and feature.nominal is None
    if zone and tolerance.upper is not None:
        width = phrases.value(tolerance.upper, tolerance.unit, words.language, large=large)
    else:
        width = phrases.allowed(tolerance, words, large=large)
    material = f" {MATERIAL[feature.material]}" if feature.material else ""
    return [f"{'Ø ' if feature.diameter else ''}{width}{material}", *(_datum(one) for one in feature.datums)]


def _datum(compartment: str) -> str:
    inside = re.fullmatch(r"\((.+)\)([ML])", compartment)
    return f"{inside.group(1)} {MATERIAL[inside.group(2)]}" if inside else compartment


def frame(feature: Feature, words: Words, *, large: bool = False) -> str:
    """Return the tolerance frame of a characteristic as a drawing shows it."""
    cells = [tag("span", _circled(safe(one))) for one in compartments(feature, words, large=large)]
    return tag("span", tag("span", symbol(feature.kind, words)), *cells, class_="frame")


def _circled(text: str) -> str:
    """Draw the circle of a material requirement, which few fonts hold."""
    for letter, sign in MATERIAL.items():
        text = text.replace(sign, tag("span", letter, class_="modifier"))
    return text
