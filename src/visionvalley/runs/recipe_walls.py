# SPDX-License-Identifier: Apache-2.0
"""Wall thickness in a recipe: [wall_thickness], or several as [[wall_thickness]]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from visionvalley.applications.manufacturing.recipe import Thickness
from visionvalley.runs.recipe_reading import MM, Reader, number_of, tables_of
from visionvalley.vision.metrology.wall_thickness import Method

TABLE = "wall_thickness"
KEYS = ("name", "of", "minimum", "maximum", "up_to", "method")


def walls_of(reader: Reader, given: Mapping[str, Any], names: Sequence[str]) -> tuple[Thickness, ...]:
    """Return the wall thicknesses that a recipe asks for; `names`: of features and faces."""
    return tuple(_walls(reader, one, names, n) for n, one in enumerate(tables_of(reader, given, TABLE)))


def _walls(reader: Reader, given: Mapping[str, Any], names: Sequence[str], n: int) -> Thickness:
    reader.known(given, KEYS, "in [wall_thickness]", TABLE, n)
    name, of = given.get("name", "wall" if n == 0 else f"wall {n + 1}"), given.get("of", [])
    some = [of] if isinstance(of, str) else of
    if not isinstance(some, list):
        reader.wrong("of", of, "the name of a feature or face, or a list of them", TABLE, n)
    if not isinstance(name, str):
        reader.wrong("name", name, "a text", TABLE, n)
    method = reader.name(given.get("method", "ray"), list(Method), "method", "method", TABLE, n)
    limits = {key: number_of(reader, given, key, MM, TABLE, n) for key in ("minimum", "maximum", "up_to")}
    if None not in (limits["minimum"], limits["maximum"]) and not given["minimum"] < given["maximum"]:
        reader.wrong("maximum", given["maximum"], "more than the minimum", TABLE, n)
    return Thickness(
        name, tuple(reader.name(one, names, "feature or face", "of", TABLE, n) for one in some),
        limits["minimum"], limits["maximum"], limits["up_to"], Method(method),
    )  # fmt: skip
