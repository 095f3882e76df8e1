# SPDX-License-Identifier: Apache-2.0
"""The unit rule: metres inside; a file that carries no unit is read and written with an explicit one."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from visionvalley.core import BadInput
from visionvalley.core.arrays import Floats

METRES = {
    "m": 1.0,
    "cm": 0.01,
    "mm": 0.001,
    "um": 1e-6,
    "nm": 1e-9,
    "in": 0.0254,
    "ft": 0.3048,
    "us-ft": 1200 / 3937,
}
_NAMED = re.compile(rf"\bunit[ =:]+({'|'.join(METRES)})\b".encode())


def known(unit: str) -> str:
    """Return `unit` if it is one of ours ('µm' is 'um'), else raise BadInput."""
    plain = unit.replace("µ", "u").replace("μ", "u")  # micro sign and Greek mu
    if plain not in METRES:
        raise BadInput("io.unit_unknown", unit=unit, known=", ".join(METRES))
    return plain


def named(comment: bytes) -> str | None:
    """Return the unit that a comment of ours names ('unit mm'), or None."""
    found = _NAMED.search(comment)
    return found.group(1).decode() if found else None


def settled(path: Path, given: str | None, stated: str | None) -> str:
    """Return the unit of a file: the one it states, else the one that the caller gives.

    Raises BadInput where there is neither, or where they differ.
    """
    if given is not None and stated is not None and known(given) != stated:
        raise BadInput("io.unit_conflict", path=path, given=given, stated=stated)
    if stated is not None:
        return stated
    if given is None:
        raise BadInput("io.unit_missing", path=path, format=path.suffix.lstrip(".").upper())
    return known(given)


def to_write(path: Path, unit: str | None) -> str:
    """Return the unit to write a file in that has none of its own; BadInput where none is given."""
    if unit is None:
        raise BadInput("io.unit_missing_to_write", path=path, format=path.suffix.lstrip(".").upper())
    return known(unit)


def in_metres(values: Floats, unit: str) -> Floats:
    """Return lengths in metres; what overflows becomes infinite and is refused by the value it goes into."""
    values = np.asarray(values, np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # some NaN of floats are signals
        return values if unit == "m" else values * METRES[unit]


def in_unit(values_m: Floats, unit: str) -> Floats:
    """Return lengths in metres as lengths in a unit."""
    with np.errstate(over="ignore"):
        return values_m if unit == "m" else values_m / METRES[unit]
