# SPDX-License-Identifier: Apache-2.0
"""The rows of a PLY element, with lists of any length: where each value lies, then all values at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput
from visionvalley.core.arrays import Floats
from visionvalley.io.ply_header import Element

Where = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists of different lengths: `counts` (N,), and their values one after another."""

    counts: NDArray[np.int64]
    values: NDArray[Any]


Table = dict[str, "NDArray[Any] | Lists"]


@dataclass(frozen=True, slots=True)
class Binary:
    """Data where a value takes its type's bytes."""

    path: Path
    data: bytes

    @property
    def end(self) -> int:
        return len(self.data)

    def width(self, dtype: np.dtype[Any]) -> int:
        return dtype.itemsize

    def take(self, where: Where, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return the values that begin at these places."""
        raw = np.frombuffer(self.data, np.uint8)
        cells = raw[where[:, None] + np.arange(dtype.itemsize)]
        return np.ascontiguousarray(cells).view(dtype).reshape(len(where)).astype(dtype.newbyteorder("="))

    def counter(self, dtype: np.dtype[Any]) -> Callable[[int], int]:
        """Return the function that reads a list's length at a place."""
        data, width, signed = self.data, dtype.itemsize, dtype.kind == "i"
        order: Any = "big" if dtype.newbyteorder("=") != dtype else "little"
        return lambda at: int.from_bytes(data[at : at + width], order, signed=signed)


@dataclass(frozen=True, slots=True)
class Words:
    """Data where each value is one word of text."""

    path: Path
    data: Floats

    @property
    def end(self) -> int:
        return len(self.data)

    def width(self, dtype: np.dtype[Any]) -> int:
        return 1

    def take(self, where: Where, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return the values at these places; floats keep the digits of the text."""
        return fitting(self.path, self.data[where], dtype)

    def counter(self, dtype: np.dtype[Any]) -> Callable[[int], int]:
        """Return the function that reads a list's length at a place."""
        words = self.data.tolist()
        return lambda at: int(words[at])


def fitting(path: Path, values: Floats, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return numbers of a text as the integers that its header declares; BadInput where they are none."""
    if dtype.kind == "f":
        return values
    about = np.iinfo(dtype)
    if not ((values >= about.min) & (values <= about.max) & (values == np.trunc(values))).all():
        raise BadInput("io.not_a_number", path=path)
    return values.astype(dtype.newbyteorder("="))


def read_table(data: Binary | Words, element: Element, at: int) -> tuple[Table, int]:
    """Return the columns of an element that begins at `at`, and where it ends.

    Raises BadInput where the data end before the element does, or a list's length is negative.
    """
    if element.rows * sum(data.width(one.count or one.dtype) for one in element.properties) > data.end - at:
        raise BadInput("io.truncated", path=data.path, things=element.name, wanted=element.rows, got=0)
    if not element.properties or not element.rows:
        return {one.name: np.empty(0, one.dtype.newbyteorder("=")) for one in element.properties}, at
    places = _regular(data, element, at) or _walked(data, element, at)
    table: Table = {}
    for one, (where, counts) in zip(element.properties, places.columns, strict=True):
        if counts is None:
            table[one.name] = data.take(where, one.dtype)
        else:
            table[one.name] = Lists(counts, data.take(_items(where, counts, data.width(one.dtype)), one.dtype))
    return table, places.end


@dataclass(frozen=True, slots=True)
class _Places:
    """For each property where its values (or the first items of its lists) begin, and the lists' lengths."""

    columns: list[tuple[Where, NDArray[np.int64] | None]]
    end: int


def _items(first: Where, counts: NDArray[np.int64], width: int) -> Where:
    """Return where each item of lists lies whose first items lie at `first`."""
    before = np.cumsum(counts) - counts
    return np.repeat(first - before * width, counts) + np.arange(int(counts.sum())) * width


def _regular(data: Binary | Words, element: Element, at: int) -> _Places | None:
    """Return the places if every row has lists as long as the first row's, else None."""
    inside: list[tuple[int, int | None]] = []
    width = 0
    for one in element.properties:
        if one.count is None:
            inside.append((width, None))
            width += data.width(one.dtype)
            continue
        (length,) = data.take(np.array([at + width]), one.count) if at + width < data.end else (-1,)
        if length < 0:
            return None
        inside.append((width, int(length)))
        width += data.width(one.count) + int(length) * data.width(one.dtype)
        if width > data.end - at:
            return None
    if element.rows * width > data.end - at:
        return None
    rows = at + width * np.arange(element.rows)
    columns: list[tuple[Where, NDArray[np.int64] | None]] = []
    for one, (offset, length) in zip(element.properties, inside, strict=True):
        if one.count is None or length is None:
            columns.append((rows + offset, None))
            continue
        try:
            counts = data.take(rows + offset, one.count)
        except BadInput:  # no count stands there: the rows are not alike
            return None
        if (counts != length).any():
            return None
        columns.append((rows + offset + data.width(one.count), counts.astype(np.int64)))
    return _Places(columns, at + width * element.rows)


def _walked(data: Binary | Words, element: Element, at: int) -> _Places:
    """Return the places by going from row to row."""
    steps = [
        (data.width(one.dtype), data.width(one.count) if one.count else 0, one.count and data.counter(one.count))
        for one in element.properties
    ]
    first: list[list[int]] = [[] for _ in steps]
    counts: list[list[int]] = [[] for _ in steps]
    try:
        for row in range(element.rows):
            for column, (width, count_width, count_at) in enumerate(steps):
                length = 1
                if count_at is not None:
                    length = count_at(at)
                    counts[column].append(length)
                    at += count_width
                first[column].append(at)
                at += length * width
                if length < 0 or at > data.end:
                    raise BadInput("io.truncated", path=data.path, things=element.name, wanted=element.rows, got=row)
    except (IndexError, ValueError, OverflowError) as error:
        raise BadInput("io.truncated", path=data.path, things=element.name, wanted=element.rows, got=row) from error
    columns = [
        (np.array(where), np.array(length, np.int64) if one.count else None)
        for one, where, length in zip(element.properties, first, counts, strict=True)
    ]
    return _Places(columns, at)
