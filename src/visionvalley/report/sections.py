# SPDX-License-Identifier: Apache-2.0
"""The sections of the page in their order: the answer, the evidence, the method, the record."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from html import escape as safe

import numpy as np

from visionvalley.core import Measurement, render
from visionvalley.report import charts, phrases
from visionvalley.report.alignment import alignment
from visionvalley.report.characteristics import characteristics
from visionvalley.report.facts import facts, lines
from visionvalley.report.markup import CLASSES, pairs, section, sign, table, tag
from visionvalley.report.numbers import THIN, fixed, plain, unit_for
from visionvalley.report.page import Page
from visionvalley.report.views import SIDES

FIVE = 5
FEW_FILES = 3
QUANTILES = (1, 5, 25, 50, 75, 95, 99)
STATED = ("order", "part_id", "operator", "sensor", "temperature", "humidity")
NOT_MISSED = ("part_id", "humidity")  # told where they are stated; of the others it is told that they are not


def all_sections(page: Page) -> Iterable[str]:
    """Return every section that has something to tell."""
    makers = (answer, notes, characteristics, turn, views, distribution, alignment, facts, method, record)
    return (made for made in (maker(page) for maker in makers) if made)


def answer(page: Page) -> str:
    """Return page one: part, verdict, the picture that explains it, five numbers, conditions."""
    words, report = page.words, page.report
    top = tag("div", tag("h1", safe(page.part)), tag("p", safe(subject(page)), class_="subject"), class_="headline")
    why = safe(phrases.verdict_reason(report.verdict, words))
    said = tag("div", tag("strong", words.verdict(report.verdict)), tag("p", why))
    verdict = tag("div", sign(report.verdict), said, class_=f"verdict {CLASSES[report.verdict]}")
    banner = tag("p", words("simulated_long"), class_="banner") if report.simulated else ""
    five = tag(
        "ul", *(_number(page, one) for one in report.measurements[:FIVE]), class_="five", aria_label=words("numbers")
    )
    overview = tag("div", _explaining(page), five, class_="overview")
    under = tag(
        "div",
        _conditions(page),
        tag("p", safe(phrases.coverage(report.measurements, words)), class_="small"),
        class_="under",
    )
    return tag("section", top, verdict, banner, overview, under, id="answer", aria_label=words("verdict"))


def subject(page: Page) -> str:
    """Return the files that were read, or how many there were, not escaped."""
    inputs = page.conditions.inputs
    if len(inputs) > FEW_FILES:
        return page.words.plain("many_inputs", count=len(inputs))
    return " · ".join(f"{page.words.plain_name(one.role)}: {one.name}" for one in inputs)


def _number(page: Page, measured: Measurement) -> str:
    written = page.written(measured)
    unit = written.unit if written.unit == "°" else f"{THIN}{written.unit}"
    number = tag("span", written.value, "" if written.spread else unit, class_="number")
    spread = tag("span", f"{written.spread}{unit}", class_="spread") if written.spread else ""
    mark = tag("span", page.words("simulated"), class_="simulated") if measured.simulated else ""
    name = tag("span", page.words.name(measured.name), class_="name")
    return tag("li", name, tag("span", number, " ", spread, " ", mark))


def _explaining(page: Page) -> str:
    picture = page.pictures.get("corner")
    if picture is None:
        return tag("figure")
    drawing = charts.marked_picture(picture, page.scale, _alt(page, "corner"), page.words)
    legend = charts.legend(page.scale, page.words) if page.scale else ""
    caption = page.words("figure_corner" if page.scale else "figure_corner_plain")
    if page.scale and any(limit is not None for limit in page.scale.limits):
        caption += " " + page.words("figure_limits")
    return tag("figure", drawing, legend, tag("figcaption", caption))


def _alt(page: Page, view: str) -> str:
    words, scale = page.words, page.scale
    seen = words.plain(f"view_{view}")
    if scale is None or page.measured is None or page.measured.colouring is None:
        return words.plain("picture_alt", part=page.part, view=seen)
    unit = unit_for((scale.high - scale.low) / 4, scale.unit)
    low, high = (charts.signed(end, unit, words.language) for end in (scale.low, scale.high))
    name = page.measured.colouring.name
    return words.plain("picture_alt_coloured", part=page.part, view=seen, name=name, low=low, high=high)


def _conditions(page: Page) -> str:
    return pairs((safe(name), safe(value)) for name, value in conditions_of(page))


def conditions_of(page: Page) -> list[tuple[str, str]]:
    """Return under what conditions a run was made, names and values, not escaped."""
    words, stated = page.words, dict(page.facts("conditions"))
    for name, key, unit in (("temperature", "temperature_c", "°C"), ("humidity", "humidity_percent", "%")):
        if key in stated:
            stated[name] = f"{plain(float(stated[key]), 5, words.language)}{THIN}{unit}"
    shown = [name for name in STATED if name in stated or name not in NOT_MISSED]
    rows = [(words.plain("date"), page.date), (words.plain("record_id"), page.conditions.id)]
    return rows + [(words.plain(name), str(stated.get(name, words.plain("not_stated")))) for name in shown]


def notes(page: Page) -> str:
    """Return what a reader must know; nothing where there is nothing."""
    if not page.report.notes:
        return ""
    lines = (tag("li", safe(render(note, page.words.language))) for note in page.report.notes)
    return section("notes", page.words("notes"), tag("ul", *lines, class_="notes"))


def turn(page: Page) -> str:
    """Return the place of the 3D view, and what it leaves out."""
    if page.embedded is None:
        return ""
    words = page.words
    count = partial(plain, digits=9, language=words.language)
    thinned = [
        words(f"thinned_{kind}", name=name, shown=count(shown), total=count(total))
        for name, kind, shown, total in page.embedded.thinned
    ]
    waits = tag("noscript", tag("p", words("viewer_waits"), class_="viewer-none"))
    told = tag("p", " ".join([*thinned, words("moving"), words("quantised")]), class_="small")
    return section("turn", words("turn"), tag("div", waits, id="viewer"), told, lead=words("turn_lead"))


def viewer_words(page: Page) -> dict[str, str]:
    """Return the texts of the 3D view, as web/viewer/viewer.js names them."""
    words = page.words
    sides = {name: words.plain(f"view_{name}") for name in SIDES}
    return sides | {
        "view": words.plain("viewer_view"),
        "corner": words.plain("viewer_corner"),
        "reset": words.plain("viewer_reset"),
        "full": words.plain("viewer_full"),
        "noWebgl": words.plain("viewer_none"),
        "noData": words.plain("no_data"),
        "deviation": "" if page.measured is None or page.measured.colouring is None else page.measured.colouring.name,
        "decimalSign": fixed(0.5, 1, words.language)[1],
    }


def views(page: Page) -> str:
    """Return the six sides."""
    if not page.pictures:
        return ""
    words = page.words
    figures = [
        tag("figure", charts.picture(page.pictures[name], _alt(page, name)), tag("figcaption", words(f"view_{name}")))
        for name in SIDES
    ]
    legend = charts.legend(page.scale, words) + tag("p", words("beyond"), class_="small") if page.scale else ""
    return section("views", words("views"), tag("div", *figures, class_="sides"), legend)


def distribution(page: Page) -> str:
    """Return histogram and statistics of the measured points."""
    if page.measured is None or page.measured.colouring is None or page.scale is None:
        return ""
    words, colouring = page.words, page.measured.colouring
    known = colouring.values[np.isfinite(colouring.values)].astype(np.float64)
    if not len(known):
        return ""
    lost = len(colouring.values) - len(known)
    counts = {"known": plain(len(known), 9, words.language), "unknown": plain(lost, 9, words.language)}
    lead = words("distribution_lead", name=page.measured.name, **counts)
    unit = unit_for(page.scale.high / 2, colouring.unit)
    digits = 2 if unit.name == "µm" else 4

    def told(value: float) -> str:
        return f"{fixed(value * unit.per_si, digits, words.language)}{THIN}{unit.name}"

    moments = [
        (words("stat_mean"), told(float(known.mean()))),
        (words("stat_deviation"), told(float(known.std()))),
        (words("stat_rms"), told(float(np.sqrt((known**2).mean())))),
        (words("stat_lowest"), told(float(known.min()))),
        (words("stat_highest"), told(float(known.max()))),
    ]
    if any(limit is not None for limit in page.scale.limits):
        low, high = (limit for limit in page.scale.limits)
        beyond = ((known < low) if low is not None else False) | ((known > high) if high is not None else False)
        count, share = int(np.sum(beyond)), float(np.mean(beyond)) * 100
        moments.append(
            (words("stat_beyond"), f"{plain(count, 9, words.language)} ({plain(share, 2, words.language)}{THIN}%)")
        )
    levels = np.quantile(known, [share / 100 for share in QUANTILES])
    shares = [(words("stat_quantile", share=s), told(float(v))) for s, v in zip(QUANTILES, levels, strict=True)]
    head = (words("statistic"), words("value"))
    tables = tag("div", tag("div", table(head, moments)), tag("div", table(head, shares)), class_="split")
    drawn = charts.histogram(colouring, page.scale, words)
    told_of = tag("p", words("statistics_lead"), class_="lead")
    return section(
        "distribution", words("distribution"), drawn, tag("h3", words("statistics")), told_of, tables, lead=lead
    )


def method(page: Page) -> str:
    """Return how the numbers were made."""
    return section("method", page.words("method"), tag("p", page.words("method_text"), class_="lead"))


def record(page: Page) -> str:
    """Return inputs with their hashes, settings, versions, machine and times."""
    words, conditions = page.words, page.conditions
    rows = [
        (_role(page, one.role, one.name), safe(one.name), plain(one.bytes, 15, words.language), safe(one.sha256))
        for one in conditions.inputs
    ]
    left = 0 if any(row[0] for row in rows) else 1  # a column of roles only where a file has one
    head, kinds = (words("role"), words("file"), words("size"), "SHA-256"), ("", "", "n", "mono")
    inputs = table(head[left:], [row[left:] for row in rows], caption=words("inputs"), classes=kinds[left:])
    groups = [
        tag("h3", words(name)) + pairs(lines(page, getattr(conditions, name)))
        for name in ("settings", "versions", "machine")
    ]
    times = {_stage(name): f"{fixed(took, 2, words.language)}{THIN}s" for name, took in conditions.seconds.items()}
    groups.append(tag("h3", words("seconds")) + pairs((safe(name), took) for name, took in times.items()))
    lead = f"{words('record_id')} {safe(conditions.id)}. {words('record_lead')}"
    return section("record", words("record"), inputs, *groups, lead=lead)


def _role(page: Page, role: str, name: str) -> str:
    return "" if role == name else page.words.name(role)


def _stage(id: str) -> str:
    from visionvalley.core import text

    try:
        return render(text(id))
    except KeyError:
        return id
