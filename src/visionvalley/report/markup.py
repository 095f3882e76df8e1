# SPDX-License-Identifier: Apache-2.0
"""Small pieces of HTML and SVG, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from visionvalley.core import Verdict, render, text
from visionvalley.core.messages import catalogue

SIGNS = {
    Verdict.PASS: "M4 13l5 5L20 6",
    Verdict.FAIL: "M5 5l14 14M19 5L5 19",
    Verdict.CANNOT_SAY: "M7.5 8.5a4.5 4.5 0 1 1 6.6 4c-1.4.8-2.1 1.6-2.1 3.2M12 19.6v.4",
}
CLASSES = {Verdict.PASS: "pass", Verdict.FAIL: "fail", Verdict.CANNOT_SAY: "unsure", None: "none"}


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of the report in one language, escaped for a page."""

    language: str = "en"

    def __call__(self, id: str, /, **parameters: object) -> str:
        return escape(self.plain(id, **parameters))

    def plain(self, id: str, /, **parameters: object) -> str:
        """Return a text that is not escaped."""
        return render(text(f"report.{id}", **parameters), self.language)

    def verdict(self, verdict: Verdict | None) -> str:
        """Return the word of a verdict."""
        return self("verdict_none" if verdict is None else f"verdict_{verdict.name.lower()}")

    def name(self, name: str) -> str:
        """Return the name of a thing that an application measured: from the catalogue, or as it is."""
        return escape(self.plain_name(name))

    def plain_name(self, name: str) -> str:
        """Return the same, not escaped."""
        key = "name_" + name.replace(" ", "_").replace("-", "_")
        said = self.plain(key) if f"report.{key}" in catalogue() else name.replace("_", " ")
        return said[:1].upper() + said[1:]


def tag(name: str, *content: str, **attributes: object) -> str:
    """Return an element; attributes: `class_` for class, underscores for hyphens, None left out, True alone."""
    kept = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value not in (None, False)}
    inside = "".join(f" {key}" if value is True else f' {key}="{escape(str(value))}"' for key, value in kept.items())
    return f"<{name}{inside}>{''.join(content)}</{name}>"


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str = "", classes: Sequence[str] | None = None
) -> str:
    """Return a table; the first column heads its rows, the others hold figures unless `classes` says another class."""

    def kind(column: int) -> str | None:
        return (classes[column] if classes else "n" if column else "") or None

    heads = "".join(tag("th", cell, scope="col", class_=kind(i)) for i, cell in enumerate(head))
    lines = []
    for row in rows:
        cells = [tag("td", cell, class_=kind(i)) for i, cell in enumerate(row[1:], 1)]
        lines.append(tag("tr", tag("th", row[0], scope="row") if row[0] else "", *cells))
    top = tag("caption", caption) if caption else ""
    body = tag("table", top, tag("thead", tag("tr", heads)) if head else "", tag("tbody", *lines))
    return tag("div", body, class_="scroll", tabindex=0)


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """Return a list of names and what they are."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in rows))


def sign(verdict: Verdict | None) -> str:
    """Return the sign of a verdict as a drawing: tick, cross or question mark."""
    drawing = SIGNS.get(verdict, "M5 12h14") if verdict is not None else "M5 12h14"
    return f'<svg class="sign" viewBox="0 0 24 24" aria-hidden="true"><path d="{drawing}"/></svg>'


def chip(verdict: Verdict | None, words: Words) -> str:
    """Return a verdict as sign and word."""
    return tag("span", sign(verdict), words.verdict(verdict), class_=f"chip {CLASSES[verdict]}")


def chip_of(kind: str, said: str) -> str:
    """Return a text (escaped) with the sign of a verdict's class: 'pass', 'fail' or 'unsure'."""
    verdict = next(one for one, name in CLASSES.items() if name == kind)
    return tag("span", sign(verdict), tag("span", said), class_=f"chip {kind}")


def section(id: str, heading: str, *content: str, lead: str = "") -> str:
    """Return a part of the page with its heading."""
    top = tag("h2", heading, id=f"{id}-heading") + (tag("p", lead, class_="lead") if lead else "")
    return tag("section", top, *content, id=id, aria_labelledby=f"{id}-heading")
