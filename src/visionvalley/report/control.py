# SPDX-License-Identifier: Apache-2.0
"""Control charts as drawings: the points in order, the centre line, the limits, and the points that signal."""

from __future__ import annotations

from html import escape

from visionvalley.report.colours import ticks
from visionvalley.report.markup import Words
from visionvalley.report.numbers import THIN, fixed, plain, unit_for
from visionvalley.vision.metrology.charts import Chart

LEFT, RIGHT, TOP, BASE = 84, 916, 22, 176


def control_chart(chart: Chart, names: list[str], words: Words) -> str:
    """Return one chart; `names` are those of the points, for who points at one."""
    values = [*chart.points.tolist(), chart.lower, chart.upper]
    low, high = min(values), max(values)
    margin = 0.08 * (high - low) or abs(high) * 0.01 or 1.0
    low, high = low - margin, high + margin
    unit = unit_for(max(abs(low), abs(high)), chart.unit)
    signalled = {signal.at for signal in chart.signals}

    def x(number: int) -> float:
        return LEFT + (RIGHT - LEFT) * (number + 0.5) / len(chart.points)

    def y(value: float) -> float:
        return float(BASE - (BASE - TOP) * (value - low) / (high - low))

    decimals, parts = _decimals((high - low) * unit.per_si), []
    for one in ticks(low, high, 4):
        label = fixed(one * unit.per_si, decimals, words.language)
        parts.append(f'<path d="M{LEFT} {y(one):.1f}H{RIGHT}" class="grid"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(one) + 5:.1f}" class="count">{label}</text>')
    for value, kind in ((chart.lower, "control"), (chart.upper, "control"), (chart.centre, "centre")):
        parts.append(f'<path d="M{LEFT} {y(value):.1f}H{RIGHT}" class="{kind}"/>')
    points = chart.points.tolist()
    line = "L".join(f"{x(i):.1f} {y(value):.1f}" for i, value in enumerate(points))
    parts.append(f'<path d="M{line}" class="run"/>')
    shift = len(names) - len(points)  # a moving range belongs to the later of its two points
    for i, value in enumerate(points):
        told = f"{names[i + shift]}: {plain(value * unit.per_si, 6, words.language)}{THIN}{unit.name}"
        kind, radius = ("signal", 6) if i in signalled else ("point", 4)
        at = f'cx="{x(i):.1f}" cy="{y(value):.1f}" r="{radius}"'
        parts.append(f'<circle {at} class="{kind}"><title>{escape(told)}</title></circle>')
    alt = words("chart_alt", name=words.plain_name(chart.name), count=len(points), signals=len(signalled))
    head = f'<text x="{LEFT}" y="14" class="tick start">{words.name(chart.name)}, {unit.name}</text>'
    about = f'class="control-chart" viewBox="0 0 960 190" role="img" aria-label="{alt}"'
    return f"<svg {about}>{head}{''.join(parts)}</svg>"


def _decimals(span: float) -> int:
    """Return how many decimals tell values apart that fill a span."""
    decimals = 0
    while span < 20 and decimals < 9:
        span, decimals = span * 10, decimals + 1
    return decimals
