# SPDX-License-Identifier: Apache-2.0
"""The header of a PLY file: what elements follow, with what properties (G. Turk, 1994)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np

from visionvalley.core import BadInput
from visionvalley.io import units

HEADER_LIMIT = 1 << 20
ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}
TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"},
    **{"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"},
    **{"float": "f4", "double": "f8", "float32": "f4", "float64": "f8"},
}

NAMES = {  # the names that we write
    **{"i1": "char", "u1": "uchar", "i2": "short", "u2": "ushort", "i4": "int", "u4": "uint"},
    **{"f4": "float", "f8": "double"},
}


@dataclass(frozen=True, slots=True)
class Property:
    """A number of each row, or, with a `count` type, a list of them."""

    name: str
    dtype: np.dtype[np.generic]
    count: np.dtype[np.generic] | None = None


@dataclass(slots=True)
class Element:
    """A table: so many rows of the same properties."""

    name: str
    rows: int
    properties: list[Property] = field(default_factory=list)

    @property
    def has_lists(self) -> bool:
        """Whether the rows can have different lengths."""
        return any(one.count is not None for one in self.properties)

    @property
    def least_row_bytes(self) -> int:
        """The bytes of a row whose lists are empty."""
        return sum((one.count or one.dtype).itemsize for one in self.properties)

    def row_dtype(self) -> np.dtype[np.void]:
        """Return the type of a binary row without lists."""
        return np.dtype([(one.name, one.dtype) for one in self.properties])


@dataclass(slots=True)
class Header:
    """What a PLY file says of itself.

    offset  where the first element begins, bytes
    """

    encoding: str = ""
    offset: int = 0
    unit: str | None = None
    elements: list[Element] = field(default_factory=list)

    def element(self, name: str) -> Element | None:
        """Return the element of a name, None where there is none or it has no rows."""
        return next((one for one in self.elements if one.name == name and one.rows), None)


def read_header(path: Path, file: BinaryIO) -> Header:
    """Read the header and leave the file where the data begin; BadInput where it is not understood."""
    header = Header()
    for line in _lines(path, file):
        words = line.split()
        try:
            _take(header, words, line)
        except (ValueError, KeyError, IndexError, UnicodeDecodeError) as error:
            shown = line[:80].decode("ascii", "replace")
            raise BadInput("io.bad_header_line", path=path, format="PLY", line=shown) from error
    header.offset = file.tell()
    if not header.encoding:
        raise BadInput("io.bad_header_line", path=path, format="PLY", line="end_header")
    return header


def _lines(path: Path, file: BinaryIO) -> Iterator[bytes]:
    if file.readline(80).strip() != b"ply":
        raise BadInput("io.not_this_format", path=path, format="PLY")
    left = HEADER_LIMIT
    while left > 0:
        line = file.readline(left)
        left -= len(line)
        if line.strip() == b"end_header":
            return
        if not line.endswith(b"\n"):
            break
        yield line.strip()
    raise BadInput("io.header_has_no_end", path=path, format="PLY", end="end_header")


def _take(header: Header, words: list[bytes], line: bytes) -> None:
    """Add what one line says; ValueError, KeyError or IndexError where it says nothing we know."""
    keyword = words[0] if words else b"comment"
    if keyword == b"comment":
        header.unit = header.unit or (units.named(line) if words[1:2] == [b"unit"] else None)
    elif keyword == b"format":
        header.encoding = words[1].decode()
        header.encoding = header.encoding if header.encoding in ORDERS else _fail(header.encoding)
    elif keyword == b"element":
        rows = int(words[2])
        known = any(one.name == words[1].decode("ascii") for one in header.elements)
        header.elements.append(Element(words[1].decode("ascii"), rows if rows >= 0 and not known else _fail(rows)))
    elif keyword == b"property":
        _add_property(header.elements[-1], [word.decode("ascii") for word in words[1:]], ORDERS[header.encoding])
    elif keyword != b"obj_info":
        _fail(line)


def _add_property(element: Element, words: list[str], order: str) -> None:
    *types, name = words
    if any(one.name == name for one in element.properties):
        _fail(name)
    dtypes = [np.dtype(order + TYPES[word]) for word in (types[1:] if types[0] == "list" else types)]
    if types[0] == "list":
        count, item = dtypes
        element.properties.append(Property(name, item, count if count.kind in "iu" else _fail(count)))
    else:
        (item,) = dtypes
        element.properties.append(Property(name, item))


def _fail(value: object) -> NoReturn:
    raise ValueError(value)
