# SPDX-License-Identifier: Apache-2.0
"""LZF (M. Lehmann), the compression inside PCD: runs of up to 32 bytes, and copies from up to 8192 bytes back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_GAIN = 88  # three bytes say at most 264
_FARTHEST, _LONGEST, _RUN, _BLOCK = 8192, 264, 32, 1 << 20


def decompress(data: bytes, size: int) -> bytes:
    """Return `size` bytes; ValueError where the data give another number, or copy from before their start."""
    out = bytearray()
    at, end = 0, len(data)
    try:
        while at < end:
            control = data[at]
            at += 1
            if control < _RUN:
                out += data[at : at + control + 1]
                at += control + 1
                continue
            length = control >> 5
            if length == 7:
                length += data[at]
                at += 1
            back = ((control & 31) << 8 | data[at]) + 1
            at += 1
            _copy(out, back, length + 2)
            if len(out) > size:
                break
    except IndexError as error:
        raise ValueError("cut") from error
    if len(out) != size or at != end:
        raise ValueError("another size")
    return bytes(out)


def _copy(out: bytearray, back: int, length: int) -> None:
    start = len(out) - back
    if start < 0:
        raise ValueError("before the start")
    piece = out[start : start + length]
    out += piece if back >= length else (piece * (length // back + 1))[:length]


def compress(data: bytes) -> bytes:
    """Return the data compressed: at each place the nearest earlier equal four bytes are copied from."""
    out = bytearray()
    at = 0  # all before it is written
    for first in range(0, len(data), _BLOCK):
        earlier = _earlier(data[first : first + _BLOCK])
        for offset in np.flatnonzero(earlier >= 0).tolist():
            start = first + offset
            if start < at:
                continue
            source = first + int(earlier[offset])
            _put_literals(out, data, at, start)
            at = start + _put_copy(out, start - source - 1, _equal(data, source, start))
    _put_literals(out, data, at, len(data))
    return bytes(out)


def _put_copy(out: bytearray, back: int, length: int) -> int:
    if length < 9:
        out += bytes([(length - 2) << 5 | back >> 8, back & 255])
    else:
        out += bytes([7 << 5 | back >> 8, length - 9, back & 255])
    return length


def _earlier(block: bytes) -> NDArray[np.int64]:
    """Return for each place the nearest earlier one with the same four bytes within reach, or -1."""
    raw = np.frombuffer(block, np.uint8).astype(np.uint64)
    found = np.full(max(len(raw) - 3, 0), -1)
    if len(found) == 0:
        return found
    four = raw[:-3] << 24 | raw[1:-2] << 16 | raw[2:-1] << 8 | raw[3:]
    key = np.sort(four << 20 | np.arange(len(four), dtype=np.uint64))  # 20 bits hold a place in the block
    order, same = (key & (_BLOCK - 1)).astype(np.int64), key >> 20
    near = (same[1:] == same[:-1]) & (order[1:] - order[:-1] <= _FARTHEST)
    found[order[1:][near]] = order[:-1][near]
    return found


def _equal(data: bytes, source: int, start: int) -> int:
    """Return how many bytes are equal at two places, at most the longest copy."""
    length = min(_LONGEST, len(data) - start)
    there = int.from_bytes(data[source : source + length], "little")
    differ = there ^ int.from_bytes(data[start : start + length], "little")
    return length if differ == 0 else ((differ & -differ).bit_length() - 1) // 8


def _put_literals(out: bytearray, data: bytes, first: int, end: int) -> None:
    for at in range(first, end, _RUN):
        piece = data[at : min(at + _RUN, end)]
        out.append(len(piece) - 1)
        out += piece
