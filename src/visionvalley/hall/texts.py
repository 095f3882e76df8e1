# SPDX-License-Identifier: Apache-2.0
"""Every text that the hall can show and that is to be translated: of templates, of pages, of the core's messages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO

from visionvalley.core.messages import catalogue
from visionvalley.hall import stands

# Rooms whose messages pages show in the reader's language; those of the others stay in English.
ROOMS = (
    "hall",
    "core",
    "words",
    "runs",
    "manufacturing",
    "visits",
    "io",
    "metrology",
    "samples",
    "report",
    "records",
    "recipe",
    "shape",
    "points",
    "registration",
    "clusters",
    "primitives",
    "sampling",
    "voxels",
    "simulation",
    "rerun",
)
GETTEXT = {"_": 1, "gettext": 1, "ngettext": 2}
Known = tuple[str | None, str]  # context and English


@lru_cache
def every_text() -> dict[Known, tuple[str, str | None]]:
    """Return, by context and English text, where each first stands and its plural where it has one."""
    found: dict[Known, tuple[str, str | None]] = {}
    of_stands = ((place, english, None) for place, english in stands.texts())
    for place, english, plural in (*_of_templates(), *_of_modules(), *of_stands):
        _, known = found.get((None, english), ("", None))
        if (None, english) not in found or (plural and not known):
            found[None, english] = (found.get((None, english), (place, None))[0], plural)
    for name, parts in catalogue().items():
        if (room := name.partition(".")[0]) in ROOMS:
            found |= {(f"{name}.{part}", words): (f"messages/{room}", None) for part, words in parts.items()}
    return found


def area_of(place: str) -> str:
    """Return the file of a language in which the texts of a place lie: a folder of templates, or a room's messages."""
    kind, _, rest = place.partition("/")
    if kind == "messages":
        return f"messages_{rest}"
    if kind == "stands":
        return kind
    return rest.partition("/")[0] if kind == "templates" and "/" in rest else "hall"


def _of_templates() -> Iterator[tuple[str, str, str | None]]:
    from jinja2.ext import babel_extract

    keywords, options = list(GETTEXT), {"newstyle_gettext": "true", "trimmed": "true", "silent": "false"}
    for name, file in _below(files("visionvalley.hall") / "templates", ".html"):
        for _, _, message, _ in babel_extract(BytesIO(file.read_bytes()), keywords, [], options):
            texts = [one for one in (message if isinstance(message, tuple) else (message,)) if isinstance(one, str)]
            if texts:
                yield f"templates/{name}", texts[0], texts[1] if len(texts) > 1 else None


def _of_modules() -> Iterator[tuple[str, str, str | None]]:
    for name, file in _below(files("visionvalley.hall"), ".py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in GETTEXT:
                texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                if len(texts) >= GETTEXT[node.func.id]:
                    yield name, texts[0], texts[1] if GETTEXT[node.func.id] > 1 else None


def _below(folder: Traversable, ending: str, before: str = "") -> Iterator[tuple[str, Traversable]]:
    for one in sorted(folder.iterdir(), key=lambda each: each.name):
        if one.is_dir():
            yield from _below(one, ending, f"{before}{one.name}/")
        elif one.name.endswith(ending):
            yield f"{before}{one.name}", one
