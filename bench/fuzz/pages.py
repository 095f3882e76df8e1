# SPDX-License-Identifier: Apache-2.0
"""The pages of E57: 1020 bytes and their check sum, taken off and put on again (ASTM E2807-11, 7.1)."""

from __future__ import annotations

import re
import struct

import numpy as np

PAGE, HELD = 1024, 1020
_CASTAGNOLI = np.arange(256, dtype=np.uint32)
for _ in range(8):
    _CASTAGNOLI = np.where(_CASTAGNOLI & 1, _CASTAGNOLI >> 1 ^ np.uint32(0x82F63B78), _CASTAGNOLI >> 1)
_TABLE = _CASTAGNOLI.tolist()


def without_checks(data: bytes) -> bytes:
    """Return the 1020 bytes of each page, without the check sum behind them; random names become zeros."""
    plain = b"".join(data[at : at + HELD] for at in range(0, len(data), PAGE))
    return re.sub(rb"\{[0-9A-Fa-f-]{36}\}", b"{" + b"0" * 36 + b"}", plain)


def with_checks(data: bytes, length_too: bool = True) -> bytes:
    """Return pages with right check sums, so that damage is seen by what reads the pages.

    length_too  whether the header says the right length
    """
    count = -(-len(data) // HELD)
    padded = data.ljust(HELD * count, b"\0")
    if length_too and count:
        padded = padded[:16] + struct.pack("<Q", PAGE * count) + padded[24:]
    pages = np.frombuffer(padded, np.uint8).reshape(count, HELD)
    return np.column_stack([pages, _sums(pages).astype(">u4")[:, None].view(np.uint8)]).tobytes()


def _sums(pages: np.ndarray) -> np.ndarray:
    """Return CRC-32C of every row."""
    if len(pages) > 8:
        values = np.full(len(pages), 0xFFFFFFFF, np.uint32)
        for column in pages.T:
            values = _CASTAGNOLI[(values ^ column) & 255] ^ values >> 8
        return values ^ np.uint32(0xFFFFFFFF)
    found = []
    for page in pages:
        value = 0xFFFFFFFF
        for byte in page.tobytes():
            value = _TABLE[(value ^ byte) & 255] ^ value >> 8
        found.append(value ^ 0xFFFFFFFF)
    return np.array(found, np.uint32)
