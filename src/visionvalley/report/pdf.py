# SPDX-License-Identifier: Apache-2.0
"""report.pdf: the same report on A4 pages, set by Typst (extra `report`). The same report gives the same bytes."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from html import unescape
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from visionvalley.core import BadInput, Verdict, render
from visionvalley.io.atomic import written
from visionvalley.report import charts, phrases
from visionvalley.report.html import MOUNTAINS
from visionvalley.report.markup import CLASSES, SIGNS
from visionvalley.report.page import Page
from visionvalley.report.printed import TALL, features_of, groups_of, number_of
from visionvalley.report.sections import FIVE, conditions_of, subject
from visionvalley.report.svg import alone
from visionvalley.report.symbols import PATHS, drawing

COLOURS = {"pass": "#1B7340", "fail": "#B3261E", "unsure": "#7A5000", "none": "#4A5568"}
WORDS = ("brand", "page", "of", "features", "notes")


def can_write_pdf() -> bool:
    """Return whether the extra `report` is installed."""
    return find_spec("typst") is not None


def write_pdf(path: Path, page: Page) -> None:
    """Write the report as PDF; BadInput where the extra `report` is not installed."""
    made = pdf_of(page)
    with written(path) as file:
        file.write(made)


def pdf_of(page: Page) -> bytes:
    """Return the PDF file."""
    if not can_write_pdf():
        raise BadInput("report.pdf_needs_extra")
    import typst

    package = files("visionvalley.report")
    with tempfile.TemporaryDirectory(prefix="valley-pdf-") as folder, as_file(package / "assets") as fonts:
        root = Path(folder)
        (root / "report.typ").write_bytes((package / "styles" / "report.typ").read_bytes())
        (root / "data.json").write_text(json.dumps(_data(page, root), ensure_ascii=False), encoding="utf-8")
        made: bytes = typst.compile(
            str(root / "report.typ"), root=str(root), font_paths=[str(fonts)], ignore_system_fonts=True,
            timestamp=int(_when(page).timestamp()),
        )  # fmt: skip
    return made


def _when(page: Page) -> datetime:
    try:
        return datetime.fromisoformat(page.conditions.started).astimezone(UTC)
    except ValueError:
        return datetime(1970, 1, 1, tzinfo=UTC)


def _data(page: Page, root: Path) -> dict[str, Any]:
    """Write all drawings into a folder; return the texts and the names of the drawings."""
    report, words, when = page.report, page.words, _when(page)
    _drawings(root)
    picture = page.pictures.get("corner")
    scale = page.scale
    if picture is not None:
        alone(charts.marked_picture(picture, scale, "", words), root / "corner.svg")
    if scale is not None:
        alone(charts.legend(scale, words), root / "legend.svg")
    caption = [words.plain("figure_corner" if scale else "figure_corner_plain")]
    caption += [words.plain("figure_limits")] if scale and any(one is not None for one in scale.limits) else []
    return {
        "language": words.language,
        "words": {name: words.plain(name) for name in WORDS},
        "title": unescape(page.title),
        "day": [when.year, when.month, when.day],
        "foot": f"{words.plain('brand')} · {page.part} · {page.conditions.id}",
        "part": page.part,
        "subject": subject(page),
        "verdict": verdict_of(report.verdict, page) | {"reason": phrases.verdict_reason(report.verdict, words)},
        "simulated": words.plain("simulated_long") if report.simulated else None,
        "tall": picture is not None and picture.pixels.shape[0] > TALL * picture.pixels.shape[1],
        "picture": "corner.svg" if picture is not None else None,
        "legend": "legend.svg" if scale is not None else None,
        "caption": " ".join(caption),
        "numbers": [number_of(page, one) for one in report.measurements[:FIVE]],
        "conditions": [list(row) for row in conditions_of(page)],
        "coverage": phrases.coverage(report.measurements, words),
        "notes": [render(note, words.language) for note in report.notes],
        "heads": [words.plain(one) for one in ("feature", "asked", "nominal", "measured", "where", "verdict")],
        "features": features_of(page, root, lambda verdict: verdict_of(verdict, page)),
        "groups": groups_of(page),
    }


def verdict_of(verdict: Verdict | None, page: Page) -> dict[str, str]:
    """Return a verdict's class, word and sign."""
    kind = CLASSES[verdict]
    return {"class": kind, "word": phrases.verdict_word(verdict, page.words), "sign": f"sign-{kind}.svg"}


def _drawings(root: Path) -> None:
    """Write the signs of verdicts and of drawings, and the mark of the house."""
    shapes = {CLASSES[verdict]: path for verdict, path in SIGNS.items()} | {"none": "M5 12h14"}
    line = 'fill="none" stroke-linecap="round" stroke-linejoin="round"'
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">'
    for name, path in shapes.items():
        stroke = f'stroke="{COLOURS[name]}" stroke-width="3"'
        (root / f"sign-{name}.svg").write_text(f'{head}<path {line} {stroke} d="{path}"/></svg>', encoding="utf-8")
    house = f'{head}<path {line} stroke="#0B6E6E" stroke-width="2.2" d="{MOUNTAINS}"/></svg>'
    (root / "mark.svg").write_text(house, encoding="utf-8")
    for kind in PATHS:
        (root / f"{kind.replace(' ', '-')}.svg").write_text(drawing(kind, "#0E1726"), encoding="utf-8")
