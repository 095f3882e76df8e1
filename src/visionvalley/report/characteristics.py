# SPDX-License-Identifier: Apache-2.0
"""The judged characteristics on the page: a table of all, then each with its picture, its numbers and its budget."""

from __future__ import annotations

from html import escape as safe

from visionvalley.core import CrossSection, Feature, Measurement, render
from visionvalley.report import charts, phrases
from visionvalley.report.colours import Scale
from visionvalley.report.cross_sections import drawing, scale_of_section
from visionvalley.report.markup import chip, pairs, section, table, tag
from visionvalley.report.numbers import THIN, plain, unit_for
from visionvalley.report.page import Page
from visionvalley.report.scene import main_thing
from visionvalley.report.symbols import frame

MAPS = ("wall thickness", "change")  # kinds whose values at all places are worth a histogram
HEAD = ("feature", "asked", "nominal", "measured", "where", "verdict")


def characteristics(page: Page) -> str:
    """Return the table of judged characteristics and what stands behind each; nothing where there are none."""
    found = page.report.features
    if not found:
        return ""
    heads = tuple(page.words(name) for name in HEAD)
    rows = [_row(page, one, number) for number, one in enumerate(found)]
    told = [_card(page, one, number) for number, one in enumerate(found)]
    return section("features", page.words("features"), table(heads, rows, classes=("", "", "n", "n", "n", "n")), *told)


def nominal(page: Page, feature: Feature) -> str:
    """Return the nominal value of a dimension in words, not escaped; empty where there is none."""
    if feature.nominal is None:
        return ""
    return phrases.value(feature.nominal, feature.measured.unit, page.words.language, large=page.large, digits=6)


def further_numbers(page: Page, one: Feature) -> list[tuple[str, str]]:
    """Return what stands beside a measured value, names and values, not escaped: nominal, tolerance, raw value..."""
    words = page.words
    numbers = [(words.plain("nominal"), nominal(page, one))] if one.nominal is not None else []
    numbers += [(words.plain("tolerance"), phrases.allowed(one.tolerance, words, large=page.large))]
    return numbers + [(words.plain_name(beside.name), _beside(page, beside)) for beside in one.beside]


def _beside(page: Page, measured: Measurement) -> str:
    """Return a further number; with its uncertainty where it has a budget of its own."""
    written = page.written(measured)
    return str(written) if measured.budget else written.without_spread()


def _row(page: Page, one: Feature, number: int) -> tuple[str, ...]:
    words = page.words
    name = words.name(one.name)
    return (
        tag("a", name, href=f"#feature-{number}") + tag("span", words.name(one.kind), class_="small under-name"),
        frame(one, words, large=page.large),
        safe(nominal(page, one)),
        told(page, one.measured),
        charts.on_tolerance(one, words),
        chip(one.verdict, words),
    )


def told(page: Page, measured: Measurement) -> str:
    """Return a measurement with the mark of what was simulated."""
    mark = tag("span", page.words("simulated"), class_="simulated") if measured.simulated else ""
    return f"{page.written(measured)} {mark}".strip()


def _card(page: Page, one: Feature, number: int) -> str:
    """Return one characteristic: heading with verdict, picture, numbers, budget, notes."""
    words = page.words
    heading = tag(
        "h3", frame(one, words, large=page.large), tag("span", words.name(one.name)), chip(one.verdict, words)
    )
    further = [(safe(name), safe(value)) for name, value in further_numbers(page, one)]
    numbers = [(words("measured"), told(page, one.measured)), *further]
    notes = [tag("li", safe(render(note, words.language))) for note in one.notes]
    said = tag("ul", *notes, class_="notes") if notes else ""
    text = tag("div", pairs(numbers), _budget(page, one), said)
    body = tag("div", _figure(page, one, number), text, class_="card wide" if one.section else "card")
    return tag("article", heading, body, id=f"feature-{number}", class_="characteristic")


def _figure(page: Page, one: Feature, number: int) -> str:
    if one.section is not None:
        return tag("figure", *section_drawn(page, one, one.section))
    picture, scale = page.feature_pictures.get(number), page.feature_scales.get(number)
    if picture is None:
        return ""
    alt = page.words.plain("feature_alt", name=page.words.plain_name(one.name))
    drawn = charts.marked_picture(picture, scale, alt, page.words)
    return tag("figure", drawn, charts.legend(scale, page.words) if scale else "", spread_of(page, one, scale))


def spread_of(page: Page, one: Feature, scale: Scale | None) -> str:
    """Return the histogram of a characteristic that is a map; empty for others."""
    thing = main_thing(one.scene) if one.kind in MAPS and one.scene is not None else None
    if thing is None or thing.colouring is None or scale is None:
        return ""
    return charts.histogram(thing.colouring, scale, page.words)


def section_drawn(page: Page, one: Feature, section: CrossSection) -> tuple[str, str]:
    """Return the drawing of a section and its legend."""
    scale = scale_of_section(section)
    alt = page.words.plain("section_alt", name=page.words.plain_name(one.name))
    return drawing(section, scale, alt, page.words), charts.legend(scale, page.words)


def _budget(page: Page, feature: Feature) -> str:
    drawn = charts.budget(feature.measured, page.words)
    if not drawn:
        return ""
    measured, words = feature.measured, page.words
    unit = unit_for(measured.standard_uncertainty, measured.unit, large=page.large)
    total = f"{plain(measured.standard_uncertainty * unit.per_si, 2, words.language)}{THIN}{unit.name}"
    told = [tag("li", f"{safe(name)}: {safe(reason)}") for name, reason in reasons(page, measured)]
    return (
        tag("p", words("budget_lead", u=total), class_="lead")
        + drawn
        + (tag("ul", *told, class_="notes") if told else "")
    )


def reasons(page: Page, measured: Measurement) -> list[tuple[str, str]]:
    """Return the lines of a budget that have a reason, and the reasons, not escaped."""
    words = page.words
    return [(words.plain_name(one.source), render(one.reason, words.language)) for one in measured.budget if one.reason]
