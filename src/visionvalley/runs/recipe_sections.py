# SPDX-License-Identifier: Apache-2.0
"""Sections in a recipe: [[section]] with a plane by axis and offset, by point and normal, or through a feature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from visionvalley.applications.manufacturing.recipe import Section
from visionvalley.core import BadInput, Element
from visionvalley.core.arrays import Floats
from visionvalley.runs.recipe_reading import MM, NUMBER, Reader, number_of, tables_of, vector_of
from visionvalley.vision.metrology.cross_sections import CutPlane, along
from visionvalley.vision.metrology.fits import unit

TABLE = "section"
SECTION = ("name", "axis", "offset", "point", "normal", "through", "tolerance")
AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, -1.0, 0.0), "z": (0.0, 0.0, 1.0)}  # as a drawing looks: from right, front, top
PLACES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def sections_of(reader: Reader, given: Mapping[str, Any], known: Mapping[str, Element | None]) -> tuple[Section, ...]:
    """Return the sections of a recipe; `known`: the nominal surface of each feature and face."""
    return tuple(_section(reader, one, known, n) for n, one in enumerate(tables_of(reader, given, TABLE)))


def _section(reader: Reader, given: Any, known: Mapping[str, Element | None], n: int) -> Section:
    reader.known(given, SECTION, "in [[section]]", TABLE, n)
    name = given.get("name", f"section {PLACES[n % len(PLACES)]}-{PLACES[n % len(PLACES)]}")
    if not isinstance(name, str):
        reader.wrong("name", name, "a text", TABLE, n)
    return Section(name, _plane(reader, given, known, n), number_of(reader, given, "tolerance", MM, TABLE, n))


def _plane(reader: Reader, given: Mapping[str, Any], known: Mapping[str, Element | None], n: int) -> CutPlane:
    """Return the plane: where it lies, and from where it is looked at."""
    normal = _normal(reader, given, n)
    if "through" in given:
        name = reader.name(given["through"], tuple(known), "feature or face", "through", TABLE, n)
        feature = known[name]
        if feature is None:
            raise BadInput("recipe.section_through", path=reader.path, line=reader.line("through", TABLE, n), name=name)
        return CutPlane(feature.point_m, along(feature) if normal is None else normal)
    if normal is None:
        raise BadInput("recipe.no_plane", path=reader.path, line=reader.line("name", TABLE, n))
    if "point" in given:
        return CutPlane(vector_of(reader, given["point"], "point", MM, TABLE, n), normal)
    offset = given.get("offset", 0.0)
    if not isinstance(offset, NUMBER) or isinstance(offset, bool):
        reader.wrong("offset", offset, "a number", TABLE, n)
    return CutPlane((np.abs(normal) if "axis" in given else unit(normal)) * float(offset) * MM, normal)


def _normal(reader: Reader, given: Mapping[str, Any], n: int) -> Floats | None:
    axis = given.get("axis")
    if axis is not None:
        return np.array(AXES[reader.name(axis, tuple(AXES), "axis", "axis", TABLE, n)])
    if "normal" not in given:
        return None
    normal: Floats = vector_of(reader, given["normal"], "normal", 1.0, TABLE, n)
    if not float((normal * normal).sum()) > 0:
        reader.wrong("normal", given["normal"], "a direction of some length", TABLE, n)
    return normal
