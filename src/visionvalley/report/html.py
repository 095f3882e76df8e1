# SPDX-License-Identifier: Apache-2.0
"""report.html: one file that opens anywhere without a network and asks for nothing outside itself.

Its Content-Security-Policy allows the page's own script and style, by their hashes, and data addresses; nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import lru_cache
from html import escape
from importlib.resources import files
from pathlib import Path

from visionvalley.core import BadInput
from visionvalley.io.atomic import written
from visionvalley.report import sections
from visionvalley.report.embed import as_text
from visionvalley.report.markup import Words, tag
from visionvalley.report.page import Page

FONTS = [(subset, weight) for weight in (400, 600) for subset in ("latin", "greek")]
RANGES = {"greek": "U+0370-03FF", "latin": "U+0000-036F, U+1E00-206F, U+20A0-22FF"}
MOUNTAINS = "M2 18l6-10 4 6 3-4 7 8"


def write_html(path: Path, page: Page) -> None:
    """Write the report; BadInput where the built assets (viewer, fonts) are missing."""
    whole = html_of(page)
    with written(path) as file:
        file.write(whole.encode("utf-8"))


def html_of(page: Page) -> str:
    """Return the whole page."""
    asset("report.js")
    style = _styles() + _page_feet(page)
    script = asset("report.js").decode("utf-8").strip()
    body = _body(page) + _data(page) + f'<script type="module">{script}</script>'
    title = f"{page.words.verdict(page.report.verdict)}: {escape(page.part)} – {page.title}"
    return _document(title, style, script, body, page.words.language)


def skeleton(title: str, body: str, words: Words) -> str:
    """Return a page without a script: brand and title, the sections, the foot. `title` is not escaped."""
    top = tag("header", _brand(words), tag("span", escape(title)), class_="top")
    foot = tag("footer", tag("span", words("brand")), class_="foot")
    skip = tag("a", words("skip"), href="#answer", class_="skip")
    return _document(escape(title), _styles(), "", skip + top + tag("main", body) + foot, words.language)


def _document(title: str, style: str, script: str, body: str, language: str) -> str:
    return f"<!DOCTYPE html>\n{tag('html', _head(title, style, script), tag('body', body), lang=language)}\n"


@lru_cache
def asset(name: str) -> bytes:
    """Return a built file: the bundled script, a font."""
    file = files("visionvalley.report") / "assets" / name
    if not file.is_file():
        raise BadInput("report.assets_missing", file=name)
    return file.read_bytes()


@lru_cache
def _styles() -> str:
    faces = []
    for subset, weight in FONTS:
        data = base64.b64encode(asset(f"noto-sans-{subset}-{weight}-normal.woff2")).decode("ascii")
        source = f'url("data:font/woff2;base64,{data}") format("woff2")'
        faces.append(
            f'@font-face{{font-family:"Noto Sans";font-weight:{weight};src:{source};unicode-range:{RANGES[subset]}}}'
        )
    folder = files("visionvalley.report") / "styles"
    sheets = [(folder / name).read_text(encoding="utf-8") for name in ("report.css", "viewer.css")]
    return "\n".join([*faces, *sheets])


def _page_feet(page: Page) -> str:
    """Return the feet of the printed pages: what it is on the left, page n of N on the right."""
    left = json.dumps(f"{page.words.plain('brand')} · {page.part} · {page.conditions.id}", ensure_ascii=False)
    number, of = (json.dumps(page.words.plain(word), ensure_ascii=False) for word in ("page", "of"))
    font = 'font: 8pt "Noto Sans", sans-serif; color: #4A5568;'
    right = f'{number} " " counter(page) " " {of} " " counter(pages)'
    return f"@page{{@bottom-left{{content:{_css_safe(left)};{font}}}@bottom-right{{content:{right};{font}}}}}"


def _css_safe(text: str) -> str:
    return text.replace("<", "\\3C ")


def _head(title: str, style: str, script: str) -> str:
    scripts = f"'{_hash(script)}'" if script else "'none'"
    policy = (
        f"default-src 'none'; script-src {scripts}; style-src '{_hash(style)}'; img-src data:; font-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return tag(
        "head",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<link rel="icon" href="data:,">',
        tag("title", title),
        f"<style>{style}</style>",
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _body(page: Page) -> str:
    words = page.words
    top = tag(
        "header",
        _brand(words),
        tag("span", page.title),
        tag("span", escape(page.date)),
        class_="top",
    )
    foot = tag(
        "footer", tag("span", words("brand")), tag("span", f"{words('record_id')} {page.conditions.id}"), class_="foot"
    )
    skip = tag("a", words("skip"), href="#answer", class_="skip")
    return skip + top + tag("main", *sections.all_sections(page)) + foot


def _brand(words: Words) -> str:
    mark = f'<svg viewBox="0 0 24 24" aria-hidden="true"><path d="{MOUNTAINS}"/></svg>'
    return tag("span", mark, words("brand"), class_="brand")


def _data(page: Page) -> str:
    """Return the scene and the words of the viewer as data blocks, which no browser runs."""
    if page.embedded is None:
        return ""
    header = json.dumps(page.embedded.header, separators=(",", ":")).replace("<", "\\u003c")
    spoken = json.dumps(sections.viewer_words(page), ensure_ascii=False).replace("<", "\\u003c")
    return (
        f'<script type="application/json" id="scene-header">{header}</script>'
        f'<script type="application/json" id="scene-words">{spoken}</script>'
        f'<script type="text/plain" id="scene-data">{as_text(page.embedded.buffer())}</script>'
    )
