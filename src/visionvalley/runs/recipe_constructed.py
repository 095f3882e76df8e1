# SPDX-License-Identifier: Apache-2.0
"""Features in a recipe that are made of others: [features.NAME] construct = "..." of = [...]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from visionvalley.applications.manufacturing.recipe import Looked
from visionvalley.core import BadInput, Element
from visionvalley.runs.recipe_reading import Reader
from visionvalley.vision.metrology.constructions import Construct, Construction, element_of, leaves


def constructed(reader: Reader, name: str, given: Mapping[str, Any], names: Sequence[str]) -> Looked:
    """Return a feature that is made of others; `names`: all features and faces."""
    table = f"features.{name}"
    for key in ("face", "faces", "region", "nominal"):
        if key in given:
            reader.wrong(key, given[key], "left away where a feature is constructed", table)
    how = reader.name(given["construct"], list(Construct), "construction", "construct", table)
    of = given.get("of")
    if not isinstance(of, list) or len(of) < 2:
        reader.wrong("of", of, "a list of two features or more", table)
    parts = tuple(reader.name(one, names, "feature or face", "of", table) for one in of)
    return Looked(name, made=Construction(Construct(how), parts))


def with_constructed(
    reader: Reader, known: Mapping[str, Element | None], features: Sequence[Looked]
) -> dict[str, Element | None]:
    """Return the nominal elements of all features, those that are made of others among them.

    Raises BadInput where features are made of each other in a circle, or cannot be made.
    """
    made = {one.name: one.made for one in features if one.made is not None}
    for name in made:
        _require_no_circle(reader, name, made, ())
    found = dict(known)
    for name in made:
        parts = leaves(name, made)
        elements = {one: known[one] for one in parts}
        nominal = {one: element for one, element in elements.items() if element is not None}
        missing = next((one for one in parts if one not in nominal), None)
        if missing is not None:
            line = reader.line("of", f"features.{name}")
            raise BadInput("recipe.no_element", path=reader.path, line=line, name=name, part=missing)
        found[name] = element_of(name, made, nominal, nominal)
    return found


def _require_no_circle(reader: Reader, name: str, made: Mapping[str, Construction], above: tuple[str, ...]) -> None:
    if name in above:
        way = " of ".join((*above[above.index(name) :], name))
        line = reader.line("of", f"features.{name}")
        raise BadInput("recipe.construct_circle", path=reader.path, line=line, way=way)
    for one in made[name].of if name in made else ():
        _require_no_circle(reader, one, made, (*above, name))
