# SPDX-License-Identifier: Apache-2.0
"""Damage that any file can have: cut, flipped, overwritten, repeated, mixed, with numbers that lie."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable

import numpy as np

NUMBERS = [
    b"-1",
    b"0",
    b"nan",
    b"inf",
    b"1e400",
    b"99999999999",
    b"4294967296",
    b"2147483648",
    b"1e9",
    b"",
    b"x",
    b"1 " * 50,
]
INTS = [0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1, (1 << 64) - 1]
FLOATS = [np.nan, np.inf, -np.inf, 1e308, -0.0, 1e-320]
HEADER, SEARCHED = 600, 20_000
Generator = np.random.Generator
Damage = Callable[[bytes, list[bytes], Generator], bytes]


def damaged(data: bytes, others: list[bytes], rng: Generator) -> bytes:
    """Return a damaged copy; `others` are good files whose ends it may get."""
    return _ANY[int(rng.integers(len(_ANY)))](data, others, rng)


def picked(some: list[bytes], rng: Generator) -> bytes:
    """Return one of some."""
    return some[int(rng.integers(len(some)))]


def _place(data: bytes, rng: Generator) -> int:
    return int(rng.integers(len(data) + 1))


def cut(data: bytes, others: list[bytes], rng: Generator) -> bytes:
    return data[: _place(data, rng)]


def flipped(data: bytes, others: list[bytes], rng: Generator) -> bytes:
    bits = bytearray(data)
    for where in rng.integers(len(data) or 1, size=int(rng.integers(1, 9))).tolist():
        if bits:
            bits[where] ^= 1 << int(rng.integers(8))
    return bytes(bits)


def overwritten(data: bytes, others: list[bytes], rng: Generator) -> bytes:
    at = _place(data, rng)
    return data[:at] + rng.bytes(int(rng.integers(1, 9))) + data[at + int(rng.integers(9)) :]


def gap(data: bytes, others: list[bytes], rng: Generator) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at + int(rng.integers(1, 200)) :]


def repeated(data: bytes, others: list[bytes], rng: Generator) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at : at + int(rng.integers(1, 200))] * int(rng.integers(1, 20)) + data[at:]


def mixed(data: bytes, others: list[bytes], rng: Generator) -> bytes:
    other = picked(others, rng)
    return data[: _place(data, rng)] + other[int(rng.integers(len(other) or 1)) :]


def integer(data: bytes, others: list[bytes], rng: Generator) -> bytes:
    at, width = _place(data, rng), int(rng.choice([1, 2, 4, 8]))
    at = min(at, HEADER) if rng.random() < 0.5 else at
    return with_integer(data, at, width, INTS[int(rng.integers(len(INTS)))])


def with_integer(data: bytes, at: int, width: int, value: int) -> bytes:
    """Return data with a little-endian integer at a place."""
    return data[:at] + (value & ((1 << 8 * width) - 1)).to_bytes(width, "little") + data[at + width :]


def real(data: bytes, others: list[bytes], rng: Generator) -> bytes:
    at = _place(data, rng)
    with np.errstate(over="ignore"):
        special = np.array([rng.choice(FLOATS)]).astype(rng.choice(["<f4", "<f8", ">f4"]))
    return data[:at] + special.tobytes() + data[at + 4 :]


def lying(data: bytes, others: list[bytes], rng: Generator) -> bytes:
    """Return the text with one of its numbers replaced; those of the header first."""
    found = list(re.finditer(rb"-?\d[\d.e+-]*", data[: HEADER if rng.random() < 0.7 else SEARCHED]))
    if not found:
        return data[::-1]
    one = found[int(rng.integers(len(found)))]
    return data[: one.start()] + picked(NUMBERS, rng) + data[one.end() :]


_ANY: list[Damage] = [cut, flipped, overwritten, gap, repeated, mixed, integer, real, lying, lying]


def inside_zip(data: bytes, harm: Damage, rng: Generator) -> bytes:
    """Return an archive with one part harmed, and right check sums; sometimes a part is a bomb, or twice there."""
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w") as after:
            parts = {entry.filename: before.read(entry) for entry in before.infolist()}
            hit, way = list(parts)[int(rng.integers(len(parts)))], rng.random()
            for name, part in parts.items():
                now, called = (harm(part, list(parts.values()), rng), name) if name == hit else (part, name)
                if name == hit and way < 0.0005:
                    now = part + b" " * (80 << 20)
                if name == hit and way > 0.98:
                    called = str(rng.choice(["../" + name, name.upper(), "/" + name, name + "/x", "x"]))
                about = zipfile.ZipInfo(called)
                about.compress_type = zipfile.ZIP_STORED if len(now) < 4000 else zipfile.ZIP_DEFLATED
                after.writestr(about, now, compresslevel=1)
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError):
        return data[: len(data) // 2]
    packed = out.getvalue()
    return _lying_directory(packed, rng) if rng.random() < 0.02 else packed


def _lying_directory(packed: bytes, rng: Generator) -> bytes:
    """Return an archive whose directory says another size, place, method or check sum of a part than is true."""
    entries = [one.start() for one in re.finditer(rb"PK\x01\x02", packed)]
    at = entries[int(rng.integers(len(entries)))]
    where, width = [(10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (42, 4)][int(rng.integers(7))]
    return with_integer(packed, at + where, width, INTS[int(rng.integers(9))])
