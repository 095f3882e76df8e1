# SPDX-License-Identifier: Apache-2.0
"""Programme and badges on paper, set by Typst (extra `report`), in every script of the hall."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from visionvalley.core import BadInput
from visionvalley.hall import languages
from visionvalley.visits.plans import Entry, Member, Visit

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
FIRST_STRONG, END = "\u2068", "\u2069"


def badges(visit: Visit, members: list[Member], organisation: str, codes: Mapping[str, bytes] | None = None) -> bytes:
    """Return badges, 90 x 55 mm, ten on a page, each in its guest's language.

    codes  drawings (SVG) of what a badge opens, by a member's id
    """
    told = [_badge(one, organisation, codes or {}) for one in members]
    drawings = {f"{name}.svg": drawn for name, drawn in (codes or {}).items()}
    return _set("badges.typ", {"title": visit.title, "badges": told}, drawings, visit)


def programme(
    visit: Visit, entries: list[Entry], names: Mapping[str, str], language: str, words: Mapping[str, str]
) -> bytes:
    """Return a programme in one language.

    names  of rooms and people by their ids, titles of stands by their names
    words  'programme', 'times', 'page' and the kinds of entries in that language
    """
    days: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        day = languages.day(entry.begins, language, visit.zone, "full")
        days.setdefault(day, []).append(_line(visit, entry, names, language, words))
    told = {
        "title": apart(visit.title),
        "language": language,
        "direction": "rtl" if language in RIGHT_TO_LEFT else "ltr",
        "words": dict(words),
        "zone": visit.zone,
        "days": [{"day": day, "lines": lines} for day, lines in days.items()],
    }
    return _set("programme.typ", told, {}, visit)


def apart(text: str) -> str:
    """Return a text that people wrote, with its own direction, whatever stands around it (UAX 9, isolates)."""
    return f"{FIRST_STRONG}{text}{END}" if text else ""


def _badge(member: Member, organisation: str, codes: Mapping[str, bytes]) -> dict[str, Any]:
    known = member.language if member.language in languages.LANGUAGES else languages.DEFAULT
    return {
        "name": member.name,
        "title": member.title,
        "organisation": organisation,
        "language": known,
        "direction": languages.LANGUAGES[known].direction,
        "code": f"{member.id}.svg" if member.id in codes else None,
    }


def _line(
    visit: Visit, entry: Entry, names: Mapping[str, str], language: str, words: Mapping[str, str]
) -> dict[str, str]:
    where = [apart(names.get(entry.room or "", "")), apart(names.get(entry.stand, entry.stand))]
    return {
        "begins": languages.clock(entry.begins, language, visit.zone),
        "ends": languages.clock(entry.ends, language, visit.zone),
        "kind": words[entry.kind],
        "title": apart(entry.title),
        "where": " · ".join(filter(None, where)),
        "who": " · ".join(apart(names[one]) for one in entry.staff if one in names),
        "note": apart(entry.note),
    }


def _set(template: str, told: Mapping[str, Any], drawings: Mapping[str, bytes], visit: Visit) -> bytes:
    if find_spec("typst") is None:
        raise BadInput("hall.paper_needs_extra")
    import typst

    ours, fonts_of = files("visionvalley.hall") / "styles", files("visionvalley.report") / "assets"
    with tempfile.TemporaryDirectory(prefix="valley-paper-") as folder, as_file(fonts_of) as fonts:
        root = Path(folder)
        (root / template).write_bytes((ours / template).read_bytes())
        (root / "data.json").write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
        for name, drawn in drawings.items():
            (root / name).write_bytes(drawn)
        made: bytes = typst.compile(
            str(root / template), root=str(root), font_paths=[str(fonts)], ignore_system_fonts=True,
            timestamp=int(datetime.fromisoformat(visit.created).timestamp()),
        )  # fmt: skip
    return made
