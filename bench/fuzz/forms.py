# SPDX-License-Identifier: Apache-2.0
"""Damage that knows its format and keeps what guards it valid, so that it is met deep inside a reader.

LAS: fields of the header and its records that lie; LAZ: chunk tables and layers, too. E57: the XML and the packets,
under right check sums. 3MF: the XML inside the archive. STEP: entities that are swapped, doubled, gone or renumbered.
"""

from __future__ import annotations

import re
import struct

import numpy as np
from bench.fuzz.damage import FLOATS, INTS, NUMBERS, Generator, damaged, inside_zip, picked, with_integer
from bench.fuzz.pages import with_checks, without_checks

NATIVE = ("las", "laz", "e57", "3mf", "step")
DEEP = 30_000  # elements or brackets in one another
_TAG = re.compile(rb"<[A-Za-z/][^<>]*>")
_VALUE = re.compile(rb'(?<==")[^"<>]*(?=")|(?<=>)[^<>]+(?=<)')
_BOMB = b'<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 20) for i in range(9)
)


def mutate(reader: str, seed: bytes, others: list[bytes], rng: Generator) -> bytes:
    """Return a damaged copy of a good file."""
    if reader in ("3mf", "npz") and rng.random() < (0.9 if reader == "3mf" else 0.7):
        return inside_zip(seed, _part if reader == "3mf" else damaged, rng)
    known = {"las": _las, "laz": _las, "e57": _e57, "step": _step}.get(reader)
    data = without_checks(seed) if reader == "e57" else seed
    deep = known is not None and rng.random() < 0.85
    for _ in range(int(rng.integers(1, 4))):
        data = known(data, others, rng) if deep and known else damaged(data, others, rng)
    return with_checks(data, rng.random() < 0.9) if reader == "e57" and rng.random() < 0.97 else data


def _near(value: int, rng: Generator) -> int:
    """Return a number near another one, or a notorious one."""
    near = [value - 1, value + 1, value + 2, value - 4, 2 * value, value // 2, value + 256, -value]
    return near[int(rng.integers(len(near)))] if rng.random() < 0.6 else INTS[int(rng.integers(len(INTS)))]


def _with_near(data: bytes, at: int, width: int, rng: Generator) -> bytes:
    return with_integer(data, at, width, _near(int.from_bytes(data[at : at + width], "little"), rng))


def _with_real(data: bytes, at: int, rng: Generator) -> bytes:
    return data[:at] + struct.pack("<d", FLOATS[int(rng.integers(len(FLOATS)))]) + data[at + 8 :]


_LAS_FIELDS = (
    *((6, 2), (24, 1), (25, 1), (94, 2), (96, 4), (96, 4), (100, 4), (100, 4), (104, 1), (104, 1), (105, 2), (105, 2)),
    *((107, 4), (107, 4), (111, 4), (227, 8), (235, 8), (243, 4), (247, 8), (247, 8), (255, 8)),
)


def _las(data: bytes, others: list[bytes], rng: Generator) -> bytes:
    """Damage a field of the header, a record behind it, the points, or the table of chunks."""
    way = rng.random()
    if len(data) < 227:
        return damaged(data, others, rng)
    header, points = struct.unpack_from("<HI", data, 94)
    if way < 0.25:
        return _with_near(data, *_LAS_FIELDS[int(rng.integers(len(_LAS_FIELDS)))], rng)
    if way < 0.32:
        return _with_real(data, 131 + 8 * int(rng.integers(12)), rng)
    if way < 0.6 and header + 54 < points <= len(data):
        return _las_record(data, header, points, rng)
    if way < 0.75 and points + 8 < len(data):
        (table,) = struct.unpack_from("<q", data, points)
        if 0 < table < len(data):
            return _with_near(data, table + 4 * int(rng.integers(4)), 4, rng)
        return _with_near(data, points, 8, rng)
    if way < 0.95 and points < len(data):
        return data[:points] + damaged(data[points:], others, rng)
    return damaged(data, others, rng)


def _las_record(data: bytes, header: int, points: int, rng: Generator) -> bytes:
    """Damage the length, the number or the content of a variable length record."""
    at, places = header, []
    while at + 54 <= points:
        places.append(at)
        at += 54 + int.from_bytes(data[at + 20 : at + 22], "little")
    at = places[int(rng.integers(len(places)))]
    length = int.from_bytes(data[at + 20 : at + 22], "little")
    if rng.random() < 0.3 or length < 2:
        return _with_near(data, at + int(rng.choice([18, 20])), 2, rng)
    inside = at + 54 + 2 * int(rng.integers(max(length // 2, 1)))
    return _with_near(data, inside, int(rng.choice([1, 2, 4])), rng)


def _e57(data: bytes, others: list[bytes], rng: Generator) -> bytes:
    """Damage the XML and say its new length, or a number in the header, in a section's header or in a packet."""
    begin = data.find(b"<?xml")
    if begin < 48 or rng.random() < 0.35:
        at = int(rng.choice([8, 12, 16, 24, 32, 40])) if rng.random() < 0.2 else 48 + 2 * int(rng.integers(60))
        at = at if rng.random() < 0.8 else int(rng.integers(48, max(begin, 49)))
        return _with_near(data, at, int(rng.choice([1, 2, 4, 8])), rng)
    (length,) = struct.unpack_from("<Q", data, 32)
    text = xml(data[begin : begin + length], rng)
    return data[:32] + struct.pack("<Q", len(text)) + data[40:begin] + text


def _part(part: bytes, parts: list[bytes], rng: Generator) -> bytes:
    """Damage a part of a 3MF archive: mostly as XML."""
    if not part.lstrip(b"\xef\xbb\xbf").startswith(b"<") or rng.random() < 0.15:
        return damaged(part, parts, rng)
    for _ in range(int(rng.integers(1, 4))):
        part = xml(part, rng)
    return part


def xml(text: bytes, rng: Generator) -> bytes:
    """Damage an XML document, mostly without making it malformed."""
    way = rng.random()
    if way < 0.002:
        return _entities(text, rng)
    if way < 0.004:
        return _deep(text, rng)
    if way < 0.55:
        return _value(text, rng)
    if way < 0.97:
        return _elements(text, rng)
    return damaged(text, [text], rng)


def _value(text: bytes, rng: Generator) -> bytes:
    """Replace an attribute or the words of an element by a number, a near one, or another one's."""
    found = list(_VALUE.finditer(text))
    if not found:
        return text
    one, other = (found[int(rng.integers(len(found)))] for _ in range(2))
    new = other.group() if rng.random() < 0.4 else picked(NUMBERS, rng)
    if one.group().isdigit() and rng.random() < 0.5:
        new = b"%d" % _near(int(one.group()[:18]), rng)
    return text[: one.start()] + new + text[one.end() :]


def _elements(text: bytes, rng: Generator) -> bytes:
    """Take out an element or an attribute, repeat it, or set it elsewhere."""
    tags = list(_TAG.finditer(text))
    if len(tags) < 4:
        return text
    tag, other = (tags[int(rng.integers(len(tags)))] for _ in range(2))
    begin, end = _element(text, tag) if rng.random() < 0.6 else tag.span()
    piece, way = text[begin:end], int(rng.integers(4))
    if way == 0:
        return text[:begin] + text[end:]
    if way == 1:
        return text[:end] + piece * int(rng.choice([1, 1, 2, 50])) + text[end:]
    if way == 2:
        return text[: other.end()] + piece + text[other.end() :]
    without = re.sub(rb'\s[\w:]+="[^"]*"', b"", tag.group(), count=int(rng.integers(1, 3)))
    return text[: tag.start()] + without + text[tag.end() :]


def _element(text: bytes, tag: re.Match[bytes]) -> tuple[int, int]:
    """Return where an element begins and ends: with its tag, or with the next one that ends its name."""
    name = re.match(rb"<([\w:]+)", tag.group())
    if name and not tag.group().endswith(b"/>"):
        closing = text.find(b"</" + name.group(1) + b">", tag.end())
        if closing >= 0:
            return tag.start(), closing + len(name.group(1)) + 3
    return tag.span()


def _entities(text: bytes, rng: Generator) -> bytes:
    """Let ten letters become a million million by entities of entities, where words or an attribute stand."""
    head = re.match(rb"\s*(<\?xml[^>]*\?>)?", text)
    at = head.end() if head else 0
    found = list(_VALUE.finditer(text, at))
    if not found:
        return text
    one = found[int(rng.integers(len(found)))]
    return text[:at] + _BOMB + b"]>" + text[at : one.start()] + b"&j;" + text[one.end() :]


def _deep(text: bytes, rng: Generator) -> bytes:
    """Set elements into one another, very deep."""
    tags = [tag for tag in _TAG.finditer(text) if not tag.group().startswith(b"</")]
    if not tags:
        return text
    one = tags[int(rng.integers(len(tags)))]
    name = re.match(rb"<([\w:]+)", one.group())
    depth = int(rng.integers(10, DEEP))
    begin = one.group().replace(b"/>", b">")
    closing = b"</" + (name.group(1) if name else b"a") + b">"
    closed = closing * depth if rng.random() < 0.7 else b""
    return text[: one.start()] + begin * depth + closed + text[one.start() :]


_ENTITY = re.compile(rb"#(\d+)\s*=\s*(\(?\s*\w+)[^;]*;")
_STEP_NUMBERS = [*NUMBERS, b"-0.", b"1.E308", b"1.E-320", b"$", b"*", b".T.", b"''", b"()", b"(((1.)))", b"#1", b"#0"]


def _step(data: bytes, others: list[bytes], rng: Generator) -> bytes:
    """Swap, double, take out, renumber or change entities, or bury one in brackets."""
    entities = list(_ENTITY.finditer(data))
    way = rng.random()
    if len(entities) < 2 or way < 0.05:
        return damaged(data, others, rng)
    one, other = (entities[int(rng.integers(len(entities)))] for _ in range(2))
    if way < 0.35:  # a number
        return _in_entity(data, one, rb"(?<![#\w.])-?\d[\d.E+-]*", picked(_STEP_NUMBERS, rng), rng)
    if way < 0.65:  # what it refers to: another one, itself, or one that is not there
        new = [other.group(1), one.group(1), b"999999"][int(rng.choice(3, p=[0.8, 0.1, 0.1]))]
        return _in_entity(data, one, rb"(?<=#)\d+", new, rng, skip=1)
    if way < 0.75:  # its kind
        return data[: one.start(2)] + other.group(2) + data[one.end(2) :]
    if way < 0.85:
        return data[: one.start()] + data[one.end() :]
    if way < 0.9:
        return data[: one.end()] + other.group().replace(other.group(1), one.group(1), 1) + data[one.end() :]
    if way < 0.985:  # what it says, under another number
        return data[: one.start()] + b"#" + one.group(1) + other.group()[1 + len(other.group(1)) :] + data[one.end() :]
    depth = int(rng.integers(2, DEEP))
    return _in_entity(data, one, rb"\(", b"(" * depth, rng)


def _in_entity(data: bytes, one: re.Match[bytes], pattern: bytes, new: bytes, rng: Generator, skip: int = 0) -> bytes:
    found = list(re.compile(pattern).finditer(data, one.start(), one.end()))[skip:]
    if not found:
        return data[: one.end() - 2] + data[one.end() - 1 :]
    at = found[int(rng.integers(len(found)))]
    return data[: at.start()] + new + data[at.end() :]


def one_input(reader: str, corpus: list[bytes], seed: int, index: int) -> bytes:
    """Return the input of a number; the same one every time."""
    rng = np.random.default_rng([seed, index])
    which = rng.random() ** (2 if reader in NATIVE else 1)  # of their libraries' files, that are sorted, small ones
    return mutate(reader, corpus[int(which * len(corpus))], corpus, rng)
