# SPDX-License-Identifier: Apache-2.0
"""Sizes for the material requirements of a recipe (ISO 2692:2021): from its limits of size, or as it states them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from visionvalley.core import BadInput, Element, Plane
from visionvalley.runs.recipe_reading import MM, Reader, number_of
from visionvalley.vision.metrology.characteristics import Characteristic, DatumReference, Kind, Material

SAME_M = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class _Sizes:
    """All that a recipe says of sizes: its checks, the surfaces of its features, and the letters of its datums."""

    reader: Reader
    checks: tuple[Characteristic, ...]
    known: Mapping[str, Element | None]
    letters: Mapping[str, tuple[str, ...]]

    def of(self, features: tuple[str, ...], material: Material) -> float | None:
        """Return the size with most (M) or least (L) material that a check of size allows; None where there is none."""
        for one in self.checks:
            limits = one.tolerance
            if one.kind is Kind.SIZE and set(one.features) == set(features) and limits is not None:
                return limits.lower if self._internal(features) is (material is Material.MAXIMUM) else limits.upper
        return None

    def _internal(self, features: tuple[str, ...]) -> bool:
        planes = [one for one in map(self.known.get, features) if isinstance(one, Plane)]
        if len(planes) == 2:
            return float(((planes[1].point_m - planes[0].point_m) * planes[0].normal).sum()) > 0
        return bool(getattr(self.known.get(features[0]), "internal", False))

    def virtual(self, datum: DatumReference, before: tuple[DatumReference, ...]) -> float | None:
        """Return the size of a datum's virtual boundary.

        It is its size with most or least material, and beyond that its own tolerance where this has the same
        requirement and refers to the earlier datums alone (ISO 2692:2021, 4.2.3).
        """
        size_m = self.of(datum.features, datum.material)
        own = [
            one.tolerance.upper
            for one in self.checks
            if one.kind is not Kind.SIZE and one.features == datum.features and one.material is datum.material
            and one.tolerance is not None and _same(one.datums, before)
        ]  # fmt: skip
        if size_m is None or not own or own[0] is None:
            return size_m
        grows = self._internal(datum.features) is (datum.material is Material.LEAST)
        return size_m + own[0] if grows else size_m - own[0]


def _same(one: tuple[DatumReference, ...], other: tuple[DatumReference, ...]) -> bool:
    return [(d.features, d.material) for d in one] == [(d.features, d.material) for d in other]


def with_material_sizes(
    reader: Reader,
    given: Sequence[Mapping[str, Any]],
    checks: tuple[Characteristic, ...],
    known: Mapping[str, Element | None],
    letters: Mapping[str, tuple[str, ...]],
) -> tuple[Characteristic, ...]:
    """Return the checks of a recipe with the sizes that their material requirements need.

    Raises BadInput, with the line, where a size is neither stated nor follows from a check of size.
    """
    sizes = _Sizes(reader, checks, known, letters)
    return tuple(_sized(sizes, one, given[n], n) for n, one in enumerate(checks))


def _sized(sizes: _Sizes, one: Characteristic, given: Mapping[str, Any], n: int) -> Characteristic:
    own = number_of(sizes.reader, given, "material_size", MM, "checks", n)
    if own is not None and one.material is Material.NONE:
        sizes.reader.wrong("material_size", given["material_size"], 'beside material = "M" or "L"', "checks", n)
    if one.material is not Material.NONE and own is None:
        own = _of_all(sizes, one, n)
    stated = given.get("datum_sizes", {})
    if not isinstance(stated, dict):
        sizes.reader.wrong("datum_sizes", stated, "a size for each datum with (M) or (L): { D = 8.95 }", "checks", n)
    bound = {_written(sizes, datum) for datum in one.datums if datum.material is not Material.NONE}
    for name in stated:
        sizes.reader.name(name, sorted(bound), "datum with (M) or (L)", "datum_sizes", "checks", n)
    datums = tuple(_datum(sizes, one.datums, number, stated, n) for number in range(len(one.datums)))
    return replace(one, material_size_m=own, datums=datums)


def _of_all(sizes: _Sizes, one: Characteristic, n: int) -> float:
    """Return the size that all features of a check have: two opposite planes have one of their own."""
    whole = sizes.of(one.features, one.material)
    if whole is not None:
        return whole
    found = [_found(sizes, sizes.of((name,), one.material), name, "material", n) for name in one.features]
    if max(found) - min(found) > SAME_M:
        listed = ", ".join(f"{size_m * 1e3:.6g}" for size_m in found)
        sizes.reader.wrong("of", listed, "features of one material size, in mm, or material_size", "checks", n)
    return found[0]


def _datum(
    sizes: _Sizes, datums: tuple[DatumReference, ...], number: int, stated: Mapping[str, Any], n: int
) -> DatumReference:
    datum = datums[number]
    if datum.material is Material.NONE:
        return datum
    name = _written(sizes, datum)
    size_m = number_of(sizes.reader, stated, name, MM, "checks", n)
    size_m = sizes.virtual(datum, datums[:number]) if size_m is None else size_m
    return replace(datum, material_size_m=_found(sizes, size_m, name, "datums", n))


def _written(sizes: _Sizes, datum: DatumReference) -> str:
    letter = next((letter for letter, of in sizes.letters.items() if of == datum.features), None)
    return letter or "-".join(datum.features)


def _found(sizes: _Sizes, size_m: float | None, name: str, key: str, n: int) -> float:
    if size_m is None:
        line = sizes.reader.line(key, "checks", n)
        raise BadInput("recipe.no_material_size", path=sizes.reader.path, line=line, name=name)
    return size_m
