# SPDX-License-Identifier: Apache-2.0
"""The drawing of a section: the nominal outline, and what was measured, its deviations enlarged and coloured."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import Colouring, CrossSection
from visionvalley.core.arrays import Floats
from visionvalley.report.charts import rgb, signed
from visionvalley.report.colours import Scale, scale_for
from visionvalley.report.markup import Words
from visionvalley.report.numbers import MINUS, THIN, plain, unit_for

WIDTH, TALLEST, LEAST_TALL = 960, 620, 240
ROOM = 76  # around the outline: for what is enlarged, and for labels
SHOWN = 40  # pixels that the largest deviation, or the limit, is enlarged to
WHISKERS = 420  # at most
LEADER, LABEL = 58.0, 130.0  # pixels: of the line to a label, and of the label itself
BAR = 120  # pixels of the scale bar, about
STEPS = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True, eq=False)
class _Sheet:
    """Where the plane lies on the drawing: pixels to a metre, and the place (x, y) of its upper left corner."""

    per_m: float
    low_m: Floats
    high_m: Floats
    height: float
    left: float

    def place(self, points_m: Floats) -> Floats:
        """Return pixels (N, 2), to the right and down."""
        x = self.left + (points_m[:, 0] - self.low_m[0]) * self.per_m
        y = self.height - ROOM - (points_m[:, 1] - self.low_m[1]) * self.per_m
        return np.stack([x, y], axis=1)


def scale_of_section(section: CrossSection, map_name: str = "vik") -> Scale:
    """Return the scale of a section's colours."""
    found = scale_for(Colouring("deviation", section.deviation_m.astype(np.float32), "m", section.limits), map_name)
    return found if found.low < 0 else Scale(-found.high, found.high, "m", found.limits, map_name)


def enlarged(section: CrossSection, per_m: float) -> float:
    """Return the factor 1, 2 or 5 times a power of ten by which a drawing enlarges the deviations."""
    limits = (section.limits.lower, section.limits.upper) if section.limits is not None else ()
    largest = max([float(np.abs(section.deviation_m).max()), *(abs(one) for one in limits if one is not None)])
    wanted = SHOWN / max(largest * per_m, 1e-12)
    power = 10.0 ** math.floor(math.log10(wanted))
    return max(step * power for step in STEPS if step * power <= wanted * (1 + 1e-9))


def drawing(section: CrossSection, scale: Scale, alt: str, words: Words) -> str:
    """Return the drawing as SVG."""
    sheet = _sheet(section)
    factor = enlarged(section, sheet.per_m)
    lines = "".join(_path(sheet.place(line)) for line in section.outline_m)
    parts = [f'<path d="{lines}" class="outline"/>', *_limits(section, sheet, factor)]
    parts += _measured(section, sheet, factor, scale)
    parts += _marks(section, sheet, factor, scale, words)
    parts += [_bar(sheet, words, factor), _axes(section, sheet)]
    size = f'viewBox="0 0 {WIDTH} {sheet.height:.0f}"'
    return f'<svg class="section" {size} role="img" aria-label="{escape(alt)}">{"".join(parts)}</svg>'


def _sheet(section: CrossSection) -> _Sheet:
    every = np.concatenate(section.outline_m)
    low, high = every.min(axis=0), every.max(axis=0)
    wide, tall = np.maximum(high - low, 1e-9)
    per_m = float(min((WIDTH - 2 * ROOM) / wide, (TALLEST - 2 * ROOM) / tall))
    height = max(LEAST_TALL, 2 * ROOM + per_m * float(tall))
    return _Sheet(per_m, low, high, height, (WIDTH - per_m * float(wide)) / 2)


def _path(pixels: Floats) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in pixels.tolist())


def _runs(section: CrossSection) -> Iterator[NDArray[np.int64]]:
    """Yield the numbers of the places of each unbroken line."""
    for number in np.unique(section.run):
        yield np.flatnonzero(section.run == number)


def _limits(section: CrossSection, sheet: _Sheet, factor: float) -> Iterator[str]:
    """Yield the limits of the tolerance, enlarged as the deviations are."""
    if section.limits is None:
        return
    for limit in (section.limits.lower, section.limits.upper):
        if limit is None:
            continue
        moved = sheet.place(section.places_m + factor * limit * section.outwards)
        yield f'<path d="{"".join(_path(moved[run]) for run in _runs(section) if len(run) > 1)}" class="allowed"/>'


def _measured(section: CrossSection, sheet: _Sheet, factor: float, scale: Scale) -> Iterator[str]:
    """Yield whiskers from the outline to the measured line, and that line, in the colours of the scale, cased."""
    foot = sheet.place(section.places_m)
    tip = sheet.place(section.places_m + factor * section.deviation_m[:, None] * section.outwards)
    colours = [rgb(tuple(one)) for one in scale.colours(section.deviation_m).tolist()]
    step = max(1, -(-len(foot) // WHISKERS))
    for a, b, colour in zip(foot[::step].tolist(), tip[::step].tolist(), colours[::step], strict=True):
        yield f'<path d="M{a[0]:.1f} {a[1]:.1f}L{b[0]:.1f} {b[1]:.1f}" stroke="{colour}" class="whisker"/>'
    lines = [_path(tip[run] if len(run) > 1 else np.repeat(tip[run], 2, axis=0)) for run in _runs(section)]
    yield f'<path d="{"".join(lines)}" class="casing"/>'
    for run in _runs(section):
        for start, colour, stop in _coloured(run, colours):
            line = tip[[start, stop]] if start == stop else tip[start : stop + 1]
            yield f'<path d="{_path(line)}" stroke="{colour}" class="measured"/>'


def _coloured(run: NDArray[np.int64], colours: list[str]) -> Iterator[tuple[int, str, int]]:
    """Yield first place, colour and last place of the stretches of one colour, each to where the next begins."""
    start, last = int(run[0]), int(run[-1])
    for at in range(start, last + 1):
        if at == last or colours[at + 1] != colours[start]:
            yield start, colours[start], min(at + 1, last)
            start = at + 1


def _marks(section: CrossSection, sheet: _Sheet, factor: float, scale: Scale, words: Words) -> Iterator[str]:
    """Yield the largest deviations out of and into the material, written outside the material beside their places."""
    unit = unit_for((scale.high - scale.low) / 4, scale.unit)
    taken: list[Floats] = []
    yield '<g class="marks">'
    for at in dict.fromkeys((int(np.argmax(section.deviation_m)), int(np.argmin(section.deviation_m)))):
        value = float(section.deviation_m[at])
        x, y = sheet.place((section.places_m[at] + factor * value * section.outwards[at])[None])[0]
        end = _beside(np.array([x, y]), section.outwards[at] * (1, -1), taken, sheet)
        taken.append(end)
        anchor, shift = ("start", 8) if end[0] >= x else ("end", -8)
        label = signed(value, unit, words.language)
        line = f'd="M{x:.0f} {y:.0f}L{end[0]:.0f} {end[1]:.0f}"'
        ring = f'cx="{x:.0f}" cy="{y:.0f}" r="6"'
        yield (
            f'<path class="halo" {line}/><circle class="halo" {ring}/><path {line}/><circle {ring}/>'
            f'<text x="{end[0] + shift:.0f}" y="{end[1] + 7:.0f}" text-anchor="{anchor}">{label}</text>'
        )
    yield "</g>"


def _beside(place: Floats, away: Floats, taken: list[Floats], sheet: _Sheet) -> Floats:
    """Return where a label's leader ends: outside the material, and clear of the labels that are there already."""
    low, high = np.array([LABEL, 24.0]), np.array([WIDTH - LABEL, sheet.height - 44])
    for turn in (0, 40, -40, 80, -80, 130, -130):
        c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        way = np.array([c * away[0] - s * away[1], s * away[0] + c * away[1]])
        end = np.clip(place + LEADER * way, low, high)
        far = float(np.abs(end - place).max()) > LEADER / 3
        if far and all(abs(end[1] - other[1]) > 30 or abs(end[0] - other[0]) > 2 * LABEL for other in taken):
            break
    return end


def _bar(sheet: _Sheet, words: Words, factor: float) -> str:
    """Return the scale bar, and by how much deviations are enlarged."""
    wanted = BAR / sheet.per_m
    power = 10.0 ** math.floor(math.log10(wanted))
    long = max(step * power for step in STEPS if step * power <= wanted * (1 + 1e-9))
    unit, end, y = unit_for(long, "m"), 24 + long * sheet.per_m, sheet.height - 14
    said = f"{plain(long * unit.per_si, 3, words.language)}{THIN}{unit.name}"
    told = words("section_enlarged", factor=plain(factor, 3, words.language))
    return (
        f'<path d="M24 {y - 6:.1f}v6H{end:.1f}v-6" class="bar"/>'
        f'<text x="{end + 10:.1f}" y="{y:.1f}" class="said">{said}</text>'
        f'<text x="{WIDTH - 24}" y="{y:.1f}" text-anchor="end" class="said">{told}</text>'
    )


def _axes(section: CrossSection, sheet: _Sheet) -> str:
    """Return which axes of the part lie to the right and up; nothing where none does."""
    right, up = (_axis(section.scene_from_plane.rotation[:, k]) for k in (0, 1))
    if not (right and up):
        return ""
    x, y = WIDTH / 2 - 60, sheet.height - 14
    return (
        f'<path d="M{x} {y - 26:.1f}V{y:.1f}H{x + 26}M{x - 4} {y - 20:.1f}l4 -7l4 7M{x + 20} {y - 4:.1f}l7 4l-7 4" '
        f'class="bar"/><text x="{x + 34}" y="{y + 5:.1f}" class="said">{right}</text>'
        f'<text x="{x - 8}" y="{y - 18:.1f}" text-anchor="end" class="said">{up}</text>'
    )


def _axis(way: Floats) -> str:
    along = int(np.argmax(np.abs(way)))
    if not abs(float(way[along])) > 1 - 1e-9:
        return ""
    return ("" if way[along] > 0 else MINUS) + "xyz"[along]
