# SPDX-License-Identifier: Apache-2.0
"""Reading a recipe's TOML: keys, names and values checked, the line told where one is wrong."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from visionvalley.core import BadInput
from visionvalley.vision.metrology.regions import Ball, Box, Region, Rod

MM, DEG = 1e-3, math.pi / 180
NUMBER = (int, float)
REGION = ("box", "ball", "rod")


@dataclass(frozen=True, slots=True)
class Reader:
    """What is read, where errors point to, and which names there are."""

    path: Path
    lines: tuple[str, ...]
    faces: tuple[str, ...]

    def line(self, key: str, table: str = "", number: int = 0) -> int:
        """Return the line (from 1) of a key in the n-th table of a name; of the table where the key is not found."""
        at, seen, found = 1, -1, 1
        inside = table == ""
        for count, written in enumerate(self.lines, 1):
            heading = re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?", written)
            if heading:
                name = heading[1].replace('"', "")
                if not table and name == key:
                    return count
                same = name == table
                seen += same
                inside = same and seen == number
                found = count if inside else found
            if inside and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*(=|\.)", written):
                return count
            at = count
        return min(found, at)

    def known(self, given: Mapping[str, Any], known: Sequence[str], where: str, table: str = "", n: int = 0) -> None:
        """Raise BadInput for the first key that is not known."""
        for key in given:
            if key not in known:
                raise BadInput(
                    "recipe.unknown_key", path=self.path, line=self.line(key, table, n), key=key, where=where,
                    nearest=nearest_of(key, known), known=", ".join(known),
                )  # fmt: skip

    def wrong(self, key: str, value: Any, wanted: str, table: str = "", n: int = 0) -> NoReturn:
        """Raise BadInput for a value."""
        line = self.line(key, table, n)
        raise BadInput("recipe.bad_value", path=self.path, line=line, key=key, value=repr(value), wanted=wanted)

    def name(self, name: str, known: Sequence[str], what: str, key: str, table: str, n: int = 0) -> str:
        """Return a name that is known; BadInput with the nearest one for another."""
        if name not in known:
            line = self.line(key, table, n)
            raise BadInput(
                "recipe.unknown_name", path=self.path, line=line, what=what, name=name, count=len(known),
                nearest=nearest_of(name, known),
            )  # fmt: skip
        return name


def nearest_of(name: str, known: Sequence[str]) -> str:
    """Return the known name that is most like another; the first few where none is."""
    close = get_close_matches(str(name), known, 1, 0.4)
    return close[0] if close else ", ".join(known[:6]) or "-"


def load(path: Path) -> tuple[dict[str, Any], str]:
    """Return a recipe's TOML and its text; BadInput where it is none."""
    try:
        written = path.read_bytes().decode("utf-8")
        return tomllib.loads(written), written
    except FileNotFoundError as error:
        raise BadInput("io.missing", path=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput("recipe.not_toml", path=path, reason=str(error)) from error


def table_of(reader: Reader, given: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a table of the recipe, empty where it is not there."""
    found = given.get(key, {})
    if not isinstance(found, dict):
        reader.wrong(key, found, f"a table: [{key}]")
    return found


def tables_of(reader: Reader, given: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the tables that are written [[key]], or the one that is written [key]."""
    found = given.get(key, [])
    some = [found] if isinstance(found, dict) else found
    if not isinstance(some, list) or not all(isinstance(one, dict) for one in some):
        reader.wrong(key, found, f"a table or several: [[{key}]]")
    return some


def number_of(
    reader: Reader, given: Mapping[str, Any], key: str, unit: float, table: str, n: int = 0, low: float | None = 0.0
) -> float | None:
    """Return a number times its unit; None where it is not there."""
    value = given.get(key)
    if value is None:
        return None
    number = float(value) if isinstance(value, NUMBER) and not isinstance(value, bool) else math.nan
    if not math.isfinite(number) or (low is not None and number < low):
        reader.wrong(key, value, "a number" if low is None else "a number from zero on", table, n)
    return number * unit


def vector_of(reader: Reader, value: Any, key: str, unit: float, table: str, n: int = 0) -> Any:
    """Return three numbers (3,) times their unit."""
    fits = isinstance(value, list) and len(value) == 3 and all(isinstance(v, NUMBER) for v in value)
    if not fits:
        reader.wrong(key, value, "three numbers: [x, y, z]", table, n)
    return np.array(value, np.float64) * unit


def region_of(reader: Reader, given: Any, table: str) -> Region:
    """Return a region from { box = ... }, { ball = ... } or { rod = ... }."""
    if not isinstance(given, dict) or len(given) != 1:
        reader.wrong("region", given, "{ box = ... }, { ball = ... } or { rod = ... }", table)
    reader.known(given, REGION, "as a region", table)
    ((kind, value),) = given.items()
    wanted = {"box": "[[low x, y, z], [high x, y, z]]", "ball": "[[x, y, z], radius]"}
    wanted["rod"] = "[[start x, y, z], [end x, y, z], radius]"
    if not isinstance(value, list) or len(value) != (3 if kind == "rod" else 2):
        reader.wrong("region", value, wanted[kind], table)
    if kind != "box" and not isinstance(value[-1], NUMBER):
        reader.wrong("region", value, wanted[kind], table)
    places = [vector_of(reader, one, "region", MM, table) for one in (value if kind == "box" else value[:-1])]
    if kind == "box":
        return Box(*places)
    radius_m = float(value[-1]) * MM
    return Ball(places[0], radius_m) if kind == "ball" else Rod(places[0], places[1], radius_m)
