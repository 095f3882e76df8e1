# SPDX-License-Identifier: Apache-2.0
"""Drawings of the page as SVG: legend, histogram, uncertainty budget, a value on its tolerance, marks on a picture."""

from __future__ import annotations

from html import escape

import numpy as np

from visionvalley.core import Colouring, Contribution, Feature, Measurement
from visionvalley.report.colours import ABOVE, BELOW, NO_DATA, NO_DATA_LINE, Scale, table_of, ticks
from visionvalley.report.markup import Words
from visionvalley.report.numbers import MINUS, THIN, Unit, plain, unit_for, write
from visionvalley.report.pictures import Picture
from visionvalley.report.png import data_address

BINS = 81
APART = 28  # pixels between the rows of two labels


def rgb(colour: tuple[int, ...]) -> str:
    """Return a colour as SVG writes it."""
    return "#" + "".join(f"{int(part):02x}" for part in colour)


def signed(value: float, unit: Unit, language: str, digits: int = 3, *, plus: bool = True) -> str:
    """Return a value in a unit, with plus or minus before it; `plus`: not of what is never negative."""
    number = plain(value * unit.per_si, digits, language)
    return f"{'+' if value > 0 and plus else ''}{number}{THIN}{unit.name}".rstrip(THIN)


def _named(values: list[float]) -> list[tuple[float, str]]:
    """Return round numbers with their class: every second one, counted from the middle, may go on a small screen."""
    middle = len(values) // 2
    return [(value, "tick odd" if (i - middle) % 2 else "tick") for i, value in enumerate(values)]


def legend(scale: Scale, words: Words) -> str:
    """Return the legend, lying: the map, round numbers, the limits as lines, what is beyond, no data."""
    unit = unit_for((scale.high - scale.low) / 4, scale.unit)
    left, width, top, height = 40, 560, 22, 18

    def x(value: float) -> float:
        return left + width * (value - scale.low) / (scale.high - scale.low)

    colours = table_of(scale.map_name)[np.linspace(0, 255, 112).round().astype(int)]
    step = width / len(colours)
    size = f'width="{step + 0.4:.1f}" height="{height}"'
    parts = [
        f'<rect x="{left + i * step:.1f}" y="{top}" {size} fill="{rgb(tuple(one))}"/>'
        for i, one in enumerate(colours.tolist())
    ]
    ends = ((left - 3, -1, BELOW), (left + width + 3, 1, ABOVE))
    parts += [f'<path d="M{at} {top}v{height}l{way * 16} {-height / 2}z" fill="{rgb(c)}"/>' for at, way, c in ends]
    for value, name in _named(ticks(scale.low, scale.high, 6)):
        label = signed(value, unit, words.language, plus=scale.low < 0)
        parts.append(f'<text x="{x(value):.1f}" y="{top + height + 17}" class="{name}">{label}</text>')
    for limit in scale.limits:
        if limit is not None and scale.low <= limit <= scale.high:
            at, label = x(limit), signed(limit, unit, words.language, plus=scale.low < 0)
            parts.append(f'<path d="M{at:.1f} {top - 5}v{height + 8}" class="limit"/>')
            parts.append(f'<text x="{at:.1f}" y="{top - 9}" class="limit">{label}</text>')
    hatch = "".join(f"M{690 + k} {top + height}l6 {-height}" for k in (0, 8, 16))
    parts.append(f'<rect x="688" y="{top}" width="28" height="{height}" fill="{rgb(NO_DATA)}"/>')
    parts.append(f'<path d="{hatch}" stroke="{rgb(NO_DATA_LINE)}" stroke-width="1.5"/>')
    parts.append(f'<text x="702" y="{top + height + 17}" class="tick">{words("no_data")}</text>')
    label = words(
        "legend_alt", low=signed(scale.low, unit, words.language), high=signed(scale.high, unit, words.language)
    )
    return f'<svg class="legend" viewBox="0 0 740 62" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def marked_picture(picture: Picture, scale: Scale | None, alt: str, words: Words) -> str:
    """Return a picture with its largest and smallest value written beside the places."""
    height, width = picture.pixels.shape[:2]
    marks = []
    if scale is not None:
        unit = unit_for((scale.high - scale.low) / 4, scale.unit)
        rows: list[float] = []
        for spot in picture.spots:
            right = spot.column < width / 2
            end = spot.column + (70 if right else -70)
            row = min(max(spot.row + (-46 if spot.row > height / 2 else 46), 22), height - 14)
            if any(abs(row - other) < APART for other in rows):
                row = row + 2 * APART if row < height / 2 else row - 2 * APART
            rows.append(row)
            anchor = "start" if right else "end"
            label = signed(spot.value, unit, words.language, plus=scale.low < 0)
            line = f'd="M{spot.column:.0f} {spot.row:.0f}L{end:.0f} {row:.0f}"'
            ring = f'cx="{spot.column:.0f}" cy="{spot.row:.0f}" r="6"'
            marks.append(
                f'<path class="halo" {line}/><circle class="halo" {ring}/><path {line}/><circle {ring}/>'
                f'<text x="{end + (8 if right else -8):.0f}" y="{row + 8:.0f}" text-anchor="{anchor}">{label}</text>'
            )
    image = f'<image href="{data_address(picture.pixels)}" width="{width}" height="{height}"/>'
    return (
        f'<svg class="picture" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(alt)}">'
        f'{image}<g class="marks">{"".join(marks)}</g></svg>'
    )


def picture(drawn: Picture, alt: str) -> str:
    """Return a picture as it is."""
    height, width = drawn.pixels.shape[:2]
    address = data_address(drawn.pixels)
    return f'<img class="picture" src="{address}" width="{width}" height="{height}" alt="{escape(alt)}">'


def histogram(colouring: Colouring, scale: Scale, words: Words) -> str:
    """Return how many points have which value, in the colours of the scale, with the limits as lines."""
    values = colouring.values[np.isfinite(colouring.values)].astype(np.float64)
    span = scale.high - scale.low
    reach = max(0.0, min(float(np.abs(values).max(initial=0.0)), 1.3 * scale.high) - scale.high)
    low, high = scale.low - (reach if scale.low < 0 else 0), scale.high + reach
    counts, edges = np.histogram(np.clip(values, low, high), BINS, (low, high))
    unit = unit_for(span / 4, scale.unit)
    left, width, base, tall = 64, 880, 300, 250
    top_count = max(int(counts.max()), 1)

    def x(value: float) -> float:
        return left + width * (value - low) / (high - low)

    def y(count: float) -> float:
        return base - tall * count / top_count

    parts = []
    for count in ticks(0, top_count, 4):
        label = plain(count, 6, words.language)
        parts.append(f'<path d="M{left} {y(count):.1f}h{width}" class="grid"/>')
        parts.append(f'<text x="{left - 8}" y="{y(count) + 5:.1f}" class="count">{label}</text>')
    colours = scale.colours((edges[:-1] + edges[1:]) / 2)
    for count, start, end, colour in zip(counts.tolist(), edges[:-1], edges[1:], colours.tolist(), strict=True):
        if count:
            box = (
                f'x="{x(start):.1f}" y="{y(count):.1f}" width="{x(end) - x(start):.2f}" height="{base - y(count):.1f}"'
            )
            parts.append(f'<rect {box} fill="{rgb(tuple(colour))}" class="bar"/>')
    parts.append(f'<path d="M{left} {base}h{width}" class="axis"/>')
    for value, name in _named(ticks(low, high, 8)):
        label = signed(value, unit, words.language, plus=scale.low < 0)
        parts.append(f'<text x="{x(value):.1f}" y="{base + 24}" class="{name}">{label}</text>')
    for limit in scale.limits:
        if limit is not None and low <= limit <= high:
            label = words("limit", value=signed(limit, unit, words.language, plus=scale.low < 0))
            parts.append(f'<path d="M{x(limit):.1f} {base}V30" class="limit"/>')
            parts.append(f'<text x="{x(limit):.1f}" y="22" class="limit">{label}</text>')
    alt = words("histogram_alt", count=plain(len(values), 9, words.language))
    return f'<svg class="histogram" viewBox="0 0 960 336" role="img" aria-label="{alt}">{"".join(parts)}</svg>'


def drawn_parts(measured: Measurement) -> list[Contribution]:
    """Return the parts of an uncertainty that are drawn: what is nought by its definition is told in words."""
    return [one for one in measured.budget if one.standard_uncertainty > 0 or one.reason is None]


def budget(measured: Measurement, words: Words) -> str:
    """Return the parts of an uncertainty as bars, the largest first; empty without a budget."""
    lines = sorted(drawn_parts(measured), key=lambda one: -one.standard_uncertainty)
    largest = max((one.standard_uncertainty for one in lines), default=0.0)
    if not largest > 0:
        return ""
    unit = unit_for(largest, measured.unit)
    rows = []
    for i, one in enumerate(lines):
        y = 8 + i * 30
        length = 330 * one.standard_uncertainty / largest
        value = f"{plain(one.standard_uncertainty * unit.per_si, 2, words.language)}{THIN}{unit.name}"
        rows.append(
            f'<text x="0" y="{y + 15}" class="name">{words.name(one.source)}</text>'
            f'<rect x="180" y="{y}" width="{length:.1f}" height="20" class="fill"/>'
            f'<text x="{188 + length:.1f}" y="{y + 15}" class="value">{value}</text>'
        )
    size = 12 + 30 * len(lines)
    label = words("budget")
    return f'<svg class="budget" viewBox="0 0 620 {size}" role="img" aria-label="{label}">{"".join(rows)}</svg>'


def on_tolerance(feature: Feature, words: Words) -> str:
    """Return where a value and its interval lie on the tolerance; empty without one."""
    tolerance, measured = feature.tolerance, feature.measured
    limits = [] if tolerance is None else [one for one in (tolerance.lower, tolerance.upper) if one is not None]
    if not limits:
        return ""
    every = [*limits, measured.value, *measured.interval_95, *([0.0] if len(limits) == 1 else [])]
    low, high = min(every), max(every)
    margin = 0.08 * (high - low)
    low, high = low - (0 if low == 0 else margin), high + margin

    def x(value: float) -> float:
        return 4 + 232 * (value - low) / (high - low)

    allowed = (limits[0], limits[-1]) if len(limits) == 2 else (low, limits[0])
    if tolerance is not None and tolerance.upper is None:
        allowed = (limits[0], high)
    start, end = (x(side) for side in measured.interval_95)
    alt = f"{write(measured, words.language)}".replace(MINUS, "-")
    return (
        f'<svg class="onscale" viewBox="0 0 240 28" role="img" aria-label="{escape(alt)}">'
        f'<rect x="{x(allowed[0]):.1f}" y="4" width="{x(allowed[1]) - x(allowed[0]):.1f}" height="20" class="zone"/>'
        + "".join(f'<path d="M{x(one):.1f} 2v24" class="limit"/>' for one in limits)
        + f'<path d="M{start:.1f} 14H{end:.1f}M{start:.1f} 9v10M{end:.1f} 9v10" class="interval"/>'
        f'<circle cx="{x(measured.value):.1f}" cy="14" r="4.5" class="value"/></svg>'
    )
