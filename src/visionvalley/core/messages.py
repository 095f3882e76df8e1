# SPDX-License-Identifier: Apache-2.0
"""Texts are message ids with parameters; words are found only where a person reads them.

The English catalogue is the default. It lies in `core/catalogue/en/*.toml`, one file a room: a
table for each id, with `text`, or for an error `what`, `why` and `fix`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

Parameters = MappingProxyType[str, Any]
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*")


@lru_cache
def catalogue(language: str = "en") -> dict[str, dict[str, str]]:
    """Return every message of a language by its id, such as 'io.unit_missing'; none of a language that is not there."""
    folder = files("visionvalley.core") / "catalogue" / language
    messages: dict[str, dict[str, str]] = {}
    if not LANGUAGE.fullmatch(language) or not folder.is_dir():
        return messages
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            room = file.name.removesuffix(".toml")
            for name, parts in tomllib.loads(file.read_text(encoding="utf-8")).items():
                messages[f"{room}.{name}"] = parts
    return messages


@dataclass(frozen=True, slots=True)
class Text:
    """A message id and the values that its words mention."""

    id: str
    parameters: Parameters = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        return render(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.id, dict(self.parameters))


def _restore(id: str, parameters: dict[str, Any]) -> Text:
    return Text(id, MappingProxyType(parameters))


def text(id: str, /, **parameters: Any) -> Text:
    """Return the text of a message id with its parameters."""
    return Text(id, MappingProxyType(parameters))


def render(message: Text, language: str = "en", part: str = "text") -> str:
    """Return the words of one part of a message, in English where the language has none."""
    words = catalogue(language).get(message.id, {}).get(part) or catalogue().get(message.id, {}).get(part)
    if words is None:
        raise KeyError(f"no {part!r} of a message {message.id!r} in the catalogue")
    told = message.parameters.items()
    values = {k: render(v, language, part_within(v, k)) if isinstance(v, Text) else v for k, v in told}
    return words.format(**values)


def part_within(message: Text, name: str = "text") -> str:
    """Return which part of a message another one tells as its parameter: the part of that name, else text or what."""
    parts = catalogue()[message.id]
    return next(part for part in (name, "text", "what") if part in parts)
