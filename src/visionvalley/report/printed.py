# SPDX-License-Identifier: Apache-2.0
"""What the printed report says of each characteristic, of the alignment and of the record, as texts."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

from visionvalley.core import Feature, Measurement, Verdict, render
from visionvalley.report import charts
from visionvalley.report.alignment import summary
from visionvalley.report.characteristics import further_numbers, nominal, reasons, section_drawn, spread_of
from visionvalley.report.facts import lines
from visionvalley.report.numbers import THIN, plain, unit_for
from visionvalley.report.page import Page
from visionvalley.report.svg import alone
from visionvalley.report.symbols import PATHS, compartments

Texts = dict[str, Any]
TALL = 2 / 3  # height to width from which a picture is as high as it may be, not as wide


def number_of(page: Page, measured: Measurement) -> Texts:
    """Return one of the numbers of page one."""
    written = page.written(measured)
    unit = written.unit if written.unit == "°" else f"{THIN}{written.unit}"
    return {
        "name": page.words.plain_name(measured.name),
        "value": written.value + ("" if written.spread else unit),
        "spread": f"{written.spread}{unit}" if written.spread else "",
        "mark": _mark(page, measured),
    }


def features_of(page: Page, root: Path, verdict_of: Callable[[Verdict | None], dict[str, str]]) -> list[Texts]:
    """Return every characteristic, its drawings written into a folder."""
    return [_feature(page, root, one, number, verdict_of) for number, one in enumerate(page.report.features)]


def _feature(
    page: Page, root: Path, one: Feature, number: int, verdict_of: Callable[[Verdict | None], dict[str, str]]
) -> Texts:
    words = page.words
    picture, scale = page.feature_pictures.get(number), page.feature_scales.get(number)
    drawn = {
        "scale": charts.on_tolerance(one, words),
        "picture": "" if picture is None else charts.marked_picture(picture, scale, "", words),
        "legend": "" if scale is None else charts.legend(scale, words),
        "histogram": spread_of(page, one, scale),
    }
    if one.section is not None:
        drawn["picture"], drawn["legend"] = section_drawn(page, one, one.section)
    for name, svg in drawn.items():
        if svg:
            alone(svg, root / f"{name}-{number}.svg", small=name == "legend" and one.section is None)
    numbers = [(words.plain("measured"), told(page, one.measured)), *further_numbers(page, one)]
    return {
        "name": words.plain_name(one.name),
        "kind": words.plain_name(one.kind),
        "symbol": f"{one.kind.replace(' ', '-')}.svg" if one.kind in PATHS else None,
        "cells": compartments(one, words, large=page.large),
        "nominal": nominal(page, one),
        "measured": str(page.written(one.measured)),
        "mark": _mark(page, one.measured),
        "verdict": verdict_of(one.verdict),
        "numbers": numbers,
        "notes": [render(note, words.language) for note in one.notes],
        "wide": one.section is not None,
        "tall": picture is not None and picture.pixels.shape[0] > TALL * picture.pixels.shape[1],
        **{name: f"{name}-{number}.svg" if svg else None for name, svg in drawn.items()},
        **_budget(page, one.measured),
    }


def told(page: Page, measured: Measurement) -> str:
    """Return a measurement in words, with the mark of what was simulated."""
    mark = _mark(page, measured)
    return f"{page.written(measured)} ({mark})" if mark else str(page.written(measured))


def _mark(page: Page, measured: Measurement) -> str:
    """Return the mark of what was simulated."""
    return page.words.plain("simulated") if measured.simulated else ""


def _budget(page: Page, measured: Measurement) -> Texts:
    """Return the parts of an uncertainty, the largest first, each with its share of the largest."""
    parts = sorted(charts.drawn_parts(measured), key=lambda one: -one.standard_uncertainty)
    largest = max((one.standard_uncertainty for one in parts), default=0.0)
    if not largest > 0:
        return {"lead": "", "budget": [], "reasons": []}
    unit = unit_for(largest, measured.unit, large=page.large)

    def value(u: float) -> str:
        return f"{plain(u * unit.per_si, 2, page.words.language)}{THIN}{unit.name}"

    rows = [
        [page.words.plain_name(one.source), value(one.standard_uncertainty), one.standard_uncertainty / largest]
        for one in parts
    ]
    lead = page.words.plain("budget_lead", u=value(measured.standard_uncertainty))
    told = [f"{name}: {reason}" for name, reason in reasons(page, measured)]
    return {"lead": lead, "budget": rows, "reasons": told}


def groups_of(page: Page) -> list[Texts]:
    """Return alignment, method and record."""
    words = page.words
    alignment = page.facts("alignment")
    groups = [_group(page, "alignment", words.plain("alignment_lead"), summary(page, alignment))] if alignment else []
    groups.append(_group(page, "method", words.plain("method_text")))
    record = _group(page, "record", f"{words.plain('record_id')} {page.conditions.id}. {words.plain('record_lead')}")
    inputs = [[one.name, plain(one.bytes, 15, words.language), _broken(one.sha256)] for one in page.conditions.inputs]
    head = [words.plain("file"), words.plain("size"), "SHA-256"]
    record["tables"] = (
        [{"heading": "", "head": head, "rows": inputs, "widths": ["1fr", "auto", "auto"]}] if inputs else []
    )
    for name in ("settings", "versions", "machine"):
        rows = [[unescape(key), unescape(value)] for key, value in lines(page, getattr(page.conditions, name))]
        record["tables"].append(
            {"heading": words.plain(name), "head": [], "rows": _in_pairs(rows), "widths": ["auto", "1fr"] * 2}
        )
    return [*groups, record]


def _group(page: Page, name: str, lead: str, rows: list[tuple[str, str]] | None = None) -> Texts:
    told = [[unescape(key), _without_tags(value)] for key, value in rows or []]
    return {"heading": page.words.plain(name), "lead": lead, "pairs": told, "tables": []}


def _in_pairs(rows: list[list[str]]) -> list[list[str]]:
    """Return rows of two names and values each."""
    filled = rows + [["", ""]] * (len(rows) % 2)
    half = len(filled) // 2
    return [[*one, *other] for one, other in zip(filled[:half], filled[half:], strict=True)]


def _broken(digest: str) -> str:
    """Return a hash in two lines."""
    return f"{digest[:32]}\n{digest[32:]}"


def _without_tags(markup: str) -> str:
    import re

    return unescape(re.sub(r"<br>", "\n", re.sub(r"<(?!br>)[^>]*>", "", markup))).strip()
