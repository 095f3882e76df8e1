# SPDX-License-Identifier: Apache-2.0
"""XYZ, CSV and other text tables of points: separators and columns are found out, the unit is given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Cloud
from visionvalley.core.arrays import Floats
from visionvalley.io import units
from visionvalley.io.atomic import written
from visionvalley.io.columns import COLOURS, NORMAL, PLACE, cloud_of, columns_of
from visionvalley.io.opening import opened, size
from visionvalley.io.text import Lines, gathered, numbers, write_rows

SAMPLE_BYTES = 1 << 16
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
ALIASES = {
    **{"normal_x": "nx", "normal_y": "ny", "normal_z": "nz", "normalx": "nx", "normaly": "ny", "normalz": "nz"},
    **{"r": "red", "g": "green", "b": "blue", "i": "intensity"},
}
_WITH_UNIT = re.compile(rf"^([xyz])[ _(\[]+({'|'.join(units.METRES)})[)\]]?$")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a text table is laid out.

    skip          lines before the first row
    replacements  from the file's separators and decimal comma to spaces and points
    colours_are_parts  whether colours go from 0 to 1, else from 0 to 255
    """

    skip: int
    replacements: bytes
    columns: tuple[str, ...]
    unit: str | None
    colours_are_parts: bool


def read_cloud(path: Path, unit: str | None = None) -> Cloud:
    """Read all points."""
    (cloud,) = chunks(path, unit, size(path))
    return cloud


def count(path: Path) -> int:
    """Return how many rows the file has."""
    with opened(path) as file:
        layout = _layout(path, file)
        total, last = -layout.skip, b"\n"
        while block := file.read(1 << 22):
            total, last = total + block.count(b"\n"), block[-1:]
        return total + (last != b"\n")


def chunks(path: Path, unit: str | None, points: int) -> Iterator[Cloud]:
    """Give the points in file order, at most so many at once."""
    with opened(path) as file:
        layout = _layout(path, file)
        settled = units.settled(path, unit, layout.unit)
        lines = Lines(path, file, layout.replacements)
        lines.skip(layout.skip)
        for rows in gathered(lines.rows(None, len(layout.columns), points), points):
            yield cloud_of(path, _columns(layout, rows), settled)


def write(path: Path, cloud: Cloud, unit: str | None) -> None:
    """Write a row a point; '.csv' with commas and a header 'x_mm,y_mm,...', others with spaces behind a comment."""
    settled = units.to_write(path, unit)
    columns = columns_of(cloud, settled)
    names = [f"{name}_{settled}" if name in PLACE else name for name in columns]
    comma = path.suffix.lower() == ".csv"
    with written(path) as file:
        file.write(((",".join(names) if comma else "# " + " ".join(names)) + "\n").encode("ascii"))
        write_rows(file, list(columns.values()), separator="," if comma else " ")


def _columns(layout: Layout, rows: Floats) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = dict(zip(layout.columns, rows.T, strict=True))
    if set(COLOURS) <= columns.keys() and not layout.colours_are_parts:
        for name in COLOURS:
            columns[name] = np.clip(np.nan_to_num(columns[name]), 0, 255).astype(np.uint8)
    return columns


def _layout(path: Path, file: BinaryIO) -> Layout:
    """Find out the layout from the first lines; leaves the file where the text starts."""
    start = len(BYTE_ORDER_MARK) if file.read(len(BYTE_ORDER_MARK)) == BYTE_ORDER_MARK else 0
    file.seek(start)
    sample = file.read(SAMPLE_BYTES)
    file.seek(start)
    lines = sample.split(b"\n")
    if len(sample) == SAMPLE_BYTES and len(lines) > 1:
        lines.pop()  # it may be cut
    skip, header = 0, None
    for line in lines:
        bare = line.strip().lstrip(b"#/").strip()
        if bare and not line.lstrip().startswith((b"#", b"//")) and not _is_header(bare):
            break
        header = bare if bare and (header is None or b"x" in bare.lower()) else header
        skip += 1
    rows = [line for line in lines[skip:] if line.strip()]
    if not rows:
        raise BadInput("io.no_points", path=path)
    if path.suffix.lower() == ".pts" and rows[0].split() and len(rows[0].split()) == 1:
        skip, rows = skip + 1, rows[1:]
    replacements = _replacements(rows)
    first = [numbers(path, line.translate(replacements)) for line in rows[:200]]
    if not first or any(len(row) != len(first[0]) for row in first):
        raise BadInput("io.odd_rows", path=path, width=len(first[0]) if first else 3)
    named, unit = _named(header, replacements)
    if len(named) != len(first[0]) or not set(PLACE) <= set(named):
        named = _guessed(path, np.array(first))
    words = [line.translate(replacements).split() for line in rows[:200]]
    coloured = [named.index(name) for name in COLOURS if name in named]
    parts = any(b"." in line[column] or b"e" in line[column] for line in words for column in coloured)
    return Layout(skip, replacements, named, unit, parts)


def _is_header(line: bytes) -> bool:
    words = re.split(rb"[\s,;]+", line)
    return any(re.match(rb"^[\"']?[A-Za-z_]", word) and word.lower() not in (b"nan", b"inf") for word in words)


def _replacements(rows: list[bytes]) -> bytes:
    """Return the translation table: with semicolons or tabs, a comma inside a number is a decimal one."""
    text = b"\n".join(rows[:200])
    comma = b"." if b"," in text and b"." not in text and (b";" in text or b"\t" in text) else b" "
    return bytes.maketrans(b",;", comma + b" ")


def _named(header: bytes | None, replacements: bytes) -> tuple[tuple[str, ...], str | None]:
    """Return our names of the columns that a header names, and the unit it names."""
    words = (header or b"").translate(bytes.maketrans(b",;", b"  ")).decode("ascii", "replace").lower().split()
    unit = units.named(header or b"")
    names = []
    for word in words:
        plain = word.strip("\"'")
        with_unit = _WITH_UNIT.match(plain)
        if with_unit:
            plain, unit = with_unit.groups()
        names.append(ALIASES.get(plain, plain))
    return (tuple(names) if len(set(names)) == len(names) else ()), unit


def _guessed(path: Path, rows: Floats) -> tuple[str, ...]:
    """Return what columns without names are: x y z, then normals, colours and intensity by their values."""
    width = rows.shape[1]
    if width < 3:
        raise BadInput("io.no_coordinates", path=path)
    rest = rows[:, 3:]
    names: tuple[str, ...] = PLACE
    if rest.shape[1] >= 3 and _unit_length(rest[:, :3]):
        names, rest = (*names, *NORMAL), rest[:, 3:]
    if rest.shape[1] in (1, 4) and path.suffix.lower() == ".pts":
        names, rest = (*names, "intensity"), rest[:, 1:]
    if rest.shape[1] >= 3 and _bytes(rest[:, :3]):
        names, rest = (*names, *COLOURS), rest[:, 3:]
    if rest.shape[1] == 1:
        return (*names, "intensity")
    return (*names, *(f"column_{i + 1}" for i in range(len(names), width)))


def _unit_length(values: Floats) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        return bool((np.abs((values**2).sum(axis=1) - 1) < 0.02).all())


def _bytes(values: Floats) -> bool:
    return bool(((values >= 0) & (values <= 255) & (values == np.trunc(values))).all())
