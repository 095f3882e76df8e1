# SPDX-License-Identifier: Apache-2.0
"""Recipes as TOML files, millimetres and degrees: read with every name checked, the line told where one is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from visionvalley.applications.manufacturing.conditions import Conditions
from visionvalley.applications.manufacturing.recipe import Aligned, By, Looked, Recipe
from visionvalley.core import BadInput, Cone, Cylinder, Element, Plane, SensorNoise, Slot, Sphere, Tolerance
from visionvalley.runs.recipe_constructed import constructed, with_constructed
from visionvalley.runs.recipe_material import with_material_sizes
from visionvalley.runs.recipe_reading import (
    DEG,
    MM,
    NUMBER,
    Reader,
    load,
    number_of,
    region_of,
    table_of,
    vector_of,
)
from visionvalley.runs.recipe_sections import sections_of
from visionvalley.runs.recipe_walls import walls_of
from visionvalley.vision.metrology.characteristics import (
    Association,
    Characteristic,
    DatumReference,
    Kind,
    Material,
    SizeCriterion,
)

TOP = (
    "part",
    "part_unit",
    "conditions",
    "scan",
    "alignment",
    "features",
    "datums",
    "checks",
    "section",
    "wall_thickness",
)
SCAN = ("unit", "noise", "correlated_noise", "correlation_length", "scale", "registration", "edge_margin")
STATED = ("order", "part_id", "sensor", "operator")
CONDITIONS = {  # what is stated as a number, and the field that holds it
    "temperature": "temperature_c", "temperature_uncertainty": "temperature_uncertainty_k",
    "humidity": "humidity_percent", "expansion": "expansion_per_k",
    "expansion_uncertainty": "expansion_uncertainty_per_k",
}  # fmt: skip
ALIGNMENT = ("by", "datums", "pairs")
FEATURE = ("face", "faces", "region", "nominal", "construct", "of")
NOMINAL = ("kind", "point", "direction", "length_direction", "diameter", "width", "length", "half_angle", "internal")
CHECK = (
    "name", "kind", "of", "tolerance", "limits", "nominal", "datums", "diameter", "material", "material_size",
    "datum_sizes", "size", "association", "cutoff", "datum_association", "section",
)  # fmt: skip
DIMENSIONS = (Kind.SIZE, Kind.DISTANCE, Kind.ANGLE)


def part_of(path: Path) -> tuple[Path | None, str | None, str | None]:
    """Return the part that a recipe names, its unit and the scan's, before the recipe itself is read."""
    given, _ = load(path)
    part, scan = given.get("part"), given.get("scan", {})
    place = path.parent / part if isinstance(part, str) else None
    unit = scan.get("unit") if isinstance(scan, dict) else None
    return place, given.get("part_unit"), unit


def read_recipe(path: Path, surfaces: Mapping[str, Element | None]) -> Recipe:
    """Read a recipe for a part whose faces have these names and surfaces.

    Raises BadInput, with the line, for keys that are not known, names that are not there and values that make no
    sense; the nearest right name is named.
    """
    given, written = load(path)
    reader = Reader(path, tuple(written.splitlines()), tuple(surfaces))
    reader.known(given, TOP, "in a recipe")
    written_features = table_of(reader, given, "features")
    names = (*written_features, *surfaces)
    features = tuple(_feature(reader, name, one, names) for name, one in written_features.items())
    known = with_constructed(reader, {**surfaces, **{one.name: _surface(one, surfaces) for one in features}}, features)
    letters = _letters(reader, table_of(reader, given, "datums"), names)
    checks = given.get("checks", [])
    if not isinstance(checks, list):
        reader.wrong("checks", checks, "a list of tables: [[checks]]")
    asked = tuple(_check(reader, one, known, letters, n) for n, one in enumerate(checks))
    scan = table_of(reader, given, "scan")
    reader.known(scan, SCAN, "in [scan]", "scan")
    return Recipe(
        characteristics=with_material_sizes(reader, checks, asked, known, letters),
        features=features,
        letters=letters,
        alignment=_alignment(reader, table_of(reader, given, "alignment"), names, letters),
        noise=_noise(reader, scan),
        conditions=_conditions(reader, table_of(reader, given, "conditions")),
        margin_m=number_of(reader, scan, "edge_margin", MM, "scan"),
        sections=sections_of(reader, given, known),
        walls=walls_of(reader, given, names),
    )


# ---- scan, alignment, datums
def _noise(reader: Reader, scan: Mapping[str, Any]) -> SensorNoise | None:
    keys = {"white_m": ("noise", MM), "correlated_m": ("correlated_noise", MM)}
    keys |= {"correlation_length_m": ("correlation_length", MM), "scale": ("scale", 1.0)}
    keys |= {"registration_m": ("registration", MM)}
    if not any(key in scan for key, _ in keys.values()):
        return None
    found = {name: number_of(reader, scan, key, unit, "scan") for name, (key, unit) in keys.items()}
    return SensorNoise(**{name: value for name, value in found.items() if value is not None})


def _conditions(reader: Reader, given: Mapping[str, Any]) -> Conditions:
    reader.known(given, (*STATED, *CONDITIONS), "in [conditions]", "conditions")
    words: dict[str, Any] = {key: given[key] for key in STATED if key in given}
    for key, value in words.items():
        if not isinstance(value, str) or not value.isprintable():
            reader.wrong(key, value, "a text in quotes, in one line", "conditions")
    numbers: dict[str, Any] = {
        field: number_of(reader, given, key, 1.0, "conditions", low=None) for key, field in CONDITIONS.items()
    }
    try:
        return replace(Conditions(**words), **numbers)
    except BadInput as error:
        name = str(error.message.parameters["name"])
        key = next(key for key, field in CONDITIONS.items() if field == name)
        low, high = (error.message.parameters[end] for end in ("low", "high"))
        reader.wrong(key, given[key], f"a number from {low:g} to {high:g}", "conditions")


def _letters(reader: Reader, given: Mapping[str, Any], names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    letters: dict[str, tuple[str, ...]] = {}
    for letter, of in given.items():
        some = [of] if isinstance(of, str) else of
        if not isinstance(some, list) or not some:
            reader.wrong(letter, of, "the name of a feature, or a list of them", "datums")
        letters[letter] = tuple(reader.name(one, names, "feature or face", letter, "datums") for one in some)
    return letters


def _datums(
    reader: Reader, written: Any, letters: Mapping[str, tuple[str, ...]], names: Sequence[str], table: str, n: int = 0
) -> tuple[DatumReference, ...]:
    """Return the datums of 'A|B-C|(D)M'."""
    if not isinstance(written, str) or not written.strip():
        reader.wrong("datums", written, 'datums in their order: "A|B-C|(D)M"', table, n)
    found = []
    for one in written.split("|"):
        match = re.fullmatch(r"\(?([^()]+?)\)?\s*([ML]?)", one.strip())
        if match is None or ("(" in one) != bool(match[2]):
            reader.wrong("datums", written, 'datums in their order: "A|B-C|(D)M"', table, n)
        parts = [match[1]] if match[1] in letters or match[1] in names else match[1].split("-")
        known = (*letters, *names)
        some = [reader.name(each.strip(), known, "datum", "datums", table, n) for each in parts]
        features = tuple(name for each in some for name in letters.get(each, (each,)))
        found.append(DatumReference(features, Material(match[2])))
    return tuple(found)


def _alignment(
    reader: Reader, given: Mapping[str, Any], names: Sequence[str], letters: Mapping[str, tuple[str, ...]]
) -> Aligned:
    reader.known(given, ALIGNMENT, "in [alignment]", "alignment")
    by = given.get("by", "part")
    if by not in list(By):
        reader.wrong("by", by, f"one of {', '.join(By)}", "alignment")
    datums = _datums(reader, given["datums"], letters, names, "alignment") if "datums" in given else ()
    pairs = given.get("pairs")
    if pairs is None:
        return Aligned(By(by), datums)
    if not isinstance(pairs, list) or not all(isinstance(one, list) and len(one) == 2 for one in pairs):
        reader.wrong("pairs", pairs, "pairs of points: [[[scan x, y, z], [part x, y, z]], ...]", "alignment")
    scan, part = ([vector_of(reader, one[k], "pairs", MM, "alignment") for one in pairs] for k in (0, 1))
    return Aligned(By(by), datums, np.array(scan).reshape(-1, 3), np.array(part).reshape(-1, 3))


# ---- features
def _feature(reader: Reader, name: str, given: Any, names: Sequence[str]) -> Looked:
    table = f"features.{name}"
    if not isinstance(given, dict):
        reader.wrong(name, given, f"a table: [{table}]", "features")
    reader.known(given, FEATURE, f"in [{table}]", table)
    if "construct" in given:
        return constructed(reader, name, given, names)
    faces = given.get("faces", [given["face"]] if "face" in given else [])
    key = "faces" if "faces" in given else "face"
    if not isinstance(faces, list):
        reader.wrong(key, faces, "names of faces", table)
    checked = tuple(reader.name(one, reader.faces, "face", key, table) for one in faces)
    region = region_of(reader, given["region"], table) if "region" in given else None
    nominal = _nominal(reader, given["nominal"], table) if "nominal" in given else None
    return Looked(name, checked, region, nominal)


def _surface(one: Looked, surfaces: Mapping[str, Element | None]) -> Element | None:
    return one.nominal or (surfaces[one.faces[0]] if one.faces else None)


def _nominal(reader: Reader, given: Any, table: str) -> Element:
    if not isinstance(given, dict):
        reader.wrong("nominal", given, '{ kind = "plane", point = [x, y, z], direction = [x, y, z] }', table)
    reader.known(given, NOMINAL, "as a nominal surface", table)
    point = vector_of(reader, given.get("point"), "nominal", MM, table)
    kind, internal = given.get("kind"), bool(given.get("internal", False))
    sizes = {k: number_of(reader, given, k, MM, table) or 0.0 for k in ("diameter", "width", "length")}
    if kind == "sphere":
        return Sphere(point, sizes["diameter"] / 2, internal)
    direction = vector_of(reader, given.get("direction"), "nominal", 1.0, table)
    makers: dict[str, Callable[[], Element]] = {
        "plane": lambda: Plane(point, direction),
        "cylinder": lambda: Cylinder(point, direction, sizes["diameter"] / 2, internal),
        "cone": lambda: Cone(
            point, direction, sizes["diameter"] / 2, number_of(reader, given, "half_angle", DEG, table) or 0.0, internal
        ),
        "slot": lambda: Slot(
            point, direction, vector_of(reader, given.get("length_direction"), "nominal", 1.0, table),
            sizes["width"], sizes["length"], internal,
        ),
    }  # fmt: skip
    if kind not in makers:
        reader.wrong("nominal", kind, f"of kind sphere, {', '.join(makers)}", table)
    return makers[kind]()


# ---- checks
def _check(
    reader: Reader, given: Any, known: Mapping[str, Element | None], letters: Mapping[str, tuple[str, ...]], n: int
) -> Characteristic:
    names = tuple(known)
    reader.known(given, CHECK, "in [[checks]]", "checks", n)
    for key in ("kind", "of"):
        if key not in given:
            line = reader.line("name", "checks", n)
            raise BadInput("recipe.missing_key", path=reader.path, line=line, where="[[checks]]", key=key)
    kind = Kind(reader.name(given["kind"], list(Kind), "kind of check", "kind", "checks", n))
    some = [given["of"]] if isinstance(given["of"], str) else given["of"]
    if not isinstance(some, list) or not some:
        reader.wrong("of", some, "the name of a feature, or a list of them", "checks", n)
    of = tuple(reader.name(one, names, "feature or face", "of", "checks", n) for one in some)
    unit = DEG if kind is Kind.ANGLE else MM
    nominal = number_of(reader, given, "nominal", unit, "checks", n, None)
    if nominal is None and kind is Kind.SIZE:
        nominal = size_m(known[of[0]])
    lay = _choice(reader, given, "datum_association", Association, Association.MINIMUM_ZONE, n)
    datums = _datums(reader, given["datums"], letters, names, "checks", n) if "datums" in given else ()
    return Characteristic(
        name=str(given.get("name", f"{kind.value} of {_listed(of)}")),
        kind=kind,
        features=of,
        tolerance=_tolerance(reader, given, kind, nominal, n),
        nominal=nominal,
        datums=tuple(replace(one, association=lay) for one in datums),
        diameter=bool(given.get("diameter", kind is Kind.COAXIALITY)),
        material=_choice(reader, given, "material", Material, Material.NONE, n),
        size=_choice(reader, given, "size", SizeCriterion, SizeCriterion.TWO_POINT, n),
        association=_choice(reader, given, "association", Association, Association.MINIMUM_ZONE, n),
        cutoff_m=number_of(reader, given, "cutoff", MM, "checks", n),
        section=_section(reader, given.get("section"), known, letters, n),
    )


def _section(
    reader: Reader, given: Any, known: Mapping[str, Element | None], letters: Mapping[str, tuple[str, ...]], n: int
) -> tuple[float, float, float] | None:
    """Return the normal of section planes: as written, or of the plane they lie parallel to."""
    if given is None:
        return None
    if isinstance(given, str):
        name = reader.name(given, (*letters, *known), "datum, feature or face", "section", "checks", n)
        plane = known.get(letters.get(name, (name,))[0])
        if isinstance(plane, Plane):
            given = plane.normal.tolist()
    fits = isinstance(given, list) and len(given) == 3 and all(isinstance(v, NUMBER) for v in given)
    if not fits or not any(given):
        wanted = "the direction that the section planes are at right angles to: [x, y, z], or a plane's name"
        reader.wrong("section", given, wanted, "checks", n)
    x, y, z = (float(v) for v in given)
    return x, y, z


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 2 else f"{names[0]} to {names[-1]} ({len(names)})"


def size_m(surface: Element | None) -> float | None:
    """Return the diameter or width of what has a size."""
    if isinstance(surface, Cylinder | Sphere):
        return 2 * surface.radius_m
    return surface.width_m if isinstance(surface, Slot) else None


def _choice(reader: Reader, given: Mapping[str, Any], key: str, kind: Any, default: Any, n: int) -> Any:
    value = given.get(key, default.value)
    if value not in [one.value for one in kind]:
        reader.wrong(key, value, f"one of {', '.join(repr(one.value) for one in kind)}", "checks", n)
    return kind(value)


def _tolerance(reader: Reader, given: Mapping[str, Any], kind: Kind, nominal: float | None, n: int) -> Tolerance | None:
    """Return the zone's width, or the limits of a dimension: nominal plus and minus, or nominal plus `limits`."""
    angle = kind is Kind.ANGLE
    unit, name = (DEG, "rad") if angle else (MM, "m")
    width = number_of(reader, given, "tolerance", unit, "checks", n)
    limits = given.get("limits")
    if kind not in DIMENSIONS:
        return None if width is None else Tolerance(0.0, width, name)
    if limits is not None:
        fits = isinstance(limits, list) and len(limits) == 2 and all(isinstance(v, NUMBER) for v in limits)
        if not fits or not limits[0] < limits[1]:
            reader.wrong("limits", limits, "two numbers that are added to the nominal value: [low, high]", "checks", n)
        low, high = limits[0] * unit, limits[1] * unit
    elif width is not None:
        low, high = -width, width
    else:
        return None
    if nominal is None:
        line = reader.line("tolerance", "checks", n)
        raise BadInput("recipe.missing_key", path=reader.path, line=line, where="a check of a dimension", key="nominal")
    return Tolerance(nominal + low, nominal + high, name)
