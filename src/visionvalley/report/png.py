# SPDX-License-Identifier: Apache-2.0
"""Pictures as PNG bytes, with nothing but zlib (PNG specification, third edition)."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray


def png_bytes(pixels: NDArray[np.uint8]) -> bytes:
    """Return the PNG file of (height, width, 3 or 4) pixels: red, green, blue, and alpha."""
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, {3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(_filtered(pixels), 4)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def data_address(pixels: NDArray[np.uint8]) -> str:
    """Return the picture as a `data:` address, to stand in a page."""
    return "data:image/png;base64," + base64.b64encode(png_bytes(pixels)).decode("ascii")


def _filtered(pixels: NDArray[np.uint8]) -> bytes:
    """Return the rows, each minus the row above (filter type 2)."""
    height, width, channels = pixels.shape
    rows = np.full((height, 1 + width * channels), 2, np.uint8)
    flat = pixels.reshape(height, -1)
    rows[0, 1:] = flat[0]
    rows[1:, 1:] = flat[1:] - flat[:-1]
    return rows.tobytes()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
