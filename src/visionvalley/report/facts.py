# SPDX-License-Identifier: Apache-2.0
"""Further results of a method, whatever they are: values as names and values, likes of them as tables.

A name that ends in `_m`, `_s` or `_rad` gives the unit of what stands under it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape as safe
from typing import Any

from visionvalley.core import Text, render
from visionvalley.report import phrases
from visionvalley.report.json import plain as json_values
from visionvalley.report.markup import pairs, section, table, tag
from visionvalley.report.numbers import THIN, decimals_of, fixed, unit_for
from visionvalley.report.page import Page

TOLD_ELSEWHERE = {"alignment", "conditions", "part", "deviation_quantiles_m"}
UNITS = {"_m": "m", "_s": "s", "_rad": "rad"}
Group = Mapping[str, Any]


def facts(page: Page) -> str:
    """Return what else the method found out; nothing where there is nothing."""
    rest = {name: value for name, value in page.report.facts.items() if name not in TOLD_ELSEWHERE}
    return section("facts", page.words("facts"), *_blocks(page, rest)) if rest else ""


def _blocks(page: Page, values: Group, heading: str = "", si_unit: str = "") -> list[str]:
    """Return single values, then a table of each group of likes, then each other group under its heading."""
    single = {name: value for name, value in values.items() if not isinstance(value, Mapping)}
    blocks = [tag("h3", heading)] if heading and single else []
    if single:
        blocks.append(pairs(lines(page, single, si_unit)))
    for name, group in values.items():
        if isinstance(group, Mapping) and group:
            said = page.words.name(name.removesuffix(_suffix(name)))
            below = f"{heading}: {said}" if heading else said
            unit = UNITS.get(_suffix(name), si_unit)
            blocks += _table(page, group, below, unit) if _alike(group) else _blocks(page, group, below, unit)
    return blocks


def _alike(group: Group) -> bool:
    """Whether every value is a group of single values, all with the same names."""
    rows = list(group.values())
    if len(rows) < 2 or not all(isinstance(row, Mapping) and row for row in rows):
        return False
    same = all(row.keys() == rows[0].keys() for row in rows)
    return same and not any(isinstance(value, Mapping) for row in rows for value in row.values())


def _table(page: Page, group: Group, heading: str, si_unit: str) -> list[str]:
    """Return a table, a row a name, with its numbers in the unit of the largest of their column."""
    columns = list(next(iter(group.values())))
    heads = ("", *(page.words.name(name.removesuffix(_suffix(name))) for name in columns))
    told = [_column(page, key, [row[key] for row in group.values()], si_unit) for key in columns]
    rows = [(safe(name), *cells) for name, *cells in zip(group, *told, strict=True)]
    return [tag("h3", heading), tag("div", table(heads, rows), class_="narrow")]


def _column(page: Page, name: str, values: list[Any], si_unit: str) -> list[str]:
    """Return the values of a column; lengths and times in one unit, with the same decimals."""
    si_unit = UNITS.get(_suffix(name), si_unit)
    sizes = [abs(value) for value in values if isinstance(value, float) and math.isfinite(value)]
    if not si_unit or len(sizes) != len(values) or not max(sizes):
        return [value_of(page, name, value, si_unit) for value in values]
    unit = unit_for(max(sizes), si_unit, large=page.large)
    decimals = max(0, decimals_of(max(sizes) * unit.per_si, 3))
    return [f"{fixed(value * unit.per_si, decimals, page.words.language)}{THIN}{unit.name}" for value in values]


def lines(page: Page, values: Group, si_unit: str = "", above: str = "") -> list[tuple[str, str]]:
    """Return names and values in words, groups within a group with its name before theirs."""
    made: list[tuple[str, str]] = []
    for name, value in values.items():
        said = f"{above}{page.words.name(name.removesuffix(_suffix(name)))}"
        if isinstance(value, Mapping):
            made += lines(page, value, UNITS.get(_suffix(name), si_unit), f"{said}: ")
        else:
            made.append((said, value_of(page, name, value, si_unit)))
    return made


def value_of(page: Page, name: str, value: Any, si_unit: str = "") -> str:
    """Return a value in words, escaped."""
    if isinstance(value, bool):
        return page.words("yes" if value else "no")
    if value is None:
        return page.words("not_stated")
    if isinstance(value, int | float):
        unit = UNITS.get(_suffix(name), si_unit)
        return safe(phrases.value(float(value), unit, page.words.language, large=page.large, digits=4))
    if isinstance(value, Text):
        return safe(render(value, page.words.language))
    return safe(str(json_values(value)))


def _suffix(name: str) -> str:
    return next((suffix for suffix in UNITS if name.endswith(suffix)), "")
