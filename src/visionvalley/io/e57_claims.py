# SPDX-License-Identifier: Apache-2.0
"""What an E57 file claims, checked before libE57 believes it: it crashes on some damage, and leaks on other.

Header, pages, sections and packets: ASTM E2807-11, 7 to 9.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

from visionvalley.core import BadInput
from visionvalley.io.opening import opened, size

PAGE, HELD = 1024, 1020  # bytes of a page, and of them before its check sum
MOST_DEPTH = 32  # of elements in one another; the coordinates of a scan lie 6 deep
COMPRESSED_SECTION, DATA_PACKET, PACKET_HEADER = 1, 1, 6


def require_honest(path: Path) -> None:
    """Raise BadInput where the XML is none, or where points are announced that have no kind or do not begin so."""
    there = size(path)
    with opened(path) as file:
        at, length, page = struct.unpack("<QQQ", file.read(48).ljust(48, b"\0")[24:])
        if page != PAGE or at + length > there:
            raise BadInput("io.truncated", path=path, things="bytes", wanted=at + length, got=there)
        for vector in _Outline(path).vectors(_logical(file, at, length)):
            if not vector.described or (vector.records > 0 and not _begins(file, vector)):
                raise BadInput("io.bad_section", path=path)


def _logical(file: BinaryIO, at: int, count: int) -> bytes:
    """Return bytes from a place in the file on, without the check sums between them; fewer at the file's end."""
    first, skipped = divmod(at, PAGE)
    file.seek(min(first * PAGE, os.fstat(file.fileno()).st_size))
    data = file.read(-(-(skipped + count) // HELD) * PAGE)
    plain = b"".join(data[begin : begin + HELD] for begin in range(0, len(data), PAGE))
    return plain[skipped : skipped + count]


@dataclass(slots=True)
class _Vector:
    """Points that the XML announces: where, how many, whether their kind stands there, and of how many numbers."""

    at: int
    records: int
    described: bool = False
    numbers: int = 0


class _Outline:
    """Reads the XML once and keeps of it the points that it announces."""

    def __init__(self, path: Path) -> None:
        self.path, self.found = path, list[_Vector]()
        self.open = list[str]()  # the elements that have begun
        self.vector = 0  # how many had when points began, 0 outside of points

    def vectors(self, text: bytes) -> list[_Vector]:
        """Return the points that are announced; BadInput for what is no XML, is too deep, or has a document type."""
        parser = expat.ParserCreate()
        parser.StartElementHandler, parser.EndElementHandler = self.begin, self.end
        parser.StartDoctypeDeclHandler = self.refuse
        try:
            parser.Parse(text, True)
        except (expat.ExpatError, LookupError) as error:
            raise BadInput("io.refused_by_library", path=self.path, format="E57", reason=str(error)) from error
        return self.found

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        self.open.append(name)
        depth, kind = len(self.open), attributes.get("type")
        if depth > MOST_DEPTH:
            self.refuse()
        if kind == "CompressedVector" and not self.vector:
            self.found.append(_Vector(self.number(attributes, "fileOffset"), self.number(attributes, "recordCount")))
            self.vector = depth
        elif self.vector and self.open[self.vector : self.vector + 1] == ["prototype"]:
            self.found[-1].described |= depth == self.vector + 1 and kind == "Structure"
            self.found[-1].numbers += kind not in ("Structure", "Vector")

    def end(self, _: str) -> None:
        self.open.pop()
        if len(self.open) < self.vector:
            self.vector = 0

    def number(self, attributes: dict[str, str], name: str) -> int:
        try:
            return int(attributes.get(name, "0"))
        except ValueError as error:
            raise BadInput("io.bad_section", path=self.path) from error

    def refuse(self, *_: object) -> None:
        raise BadInput("io.hostile_xml", path=self.path, format="E57", most=MOST_DEPTH)


def _begins(file: BinaryIO, vector: _Vector) -> bool:
    """Whether a section of points begins with a whole packet that has all numbers of a point."""
    section = _logical(file, vector.at, 32) if vector.at >= 0 else b""
    if len(section) < 32 or section[0] != COMPRESSED_SECTION:
        return False
    (at,) = struct.unpack_from("<Q", section, 16)
    kind, last, streams = struct.unpack("<BxHH", _logical(file, at, PACKET_HEADER).ljust(PACKET_HEADER, b"\0"))
    packet, lengths_end = _logical(file, at, last + 1), PACKET_HEADER + 2 * streams
    if kind != DATA_PACKET or last % 4 != 3 or streams < max(vector.numbers, 1) or lengths_end > len(packet):
        return False
    spare: int = last + 1 - lengths_end - sum(struct.unpack_from(f"<{streams}H", packet, PACKET_HEADER))
    return len(packet) == last + 1 and 0 <= spare <= 3
