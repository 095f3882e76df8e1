# SPDX-License-Identifier: Apache-2.0
"""STL: loose triangles, ASCII or binary, without a unit."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Mesh
from visionvalley.core.arrays import Floats
from visionvalley.io import units
from visionvalley.io.atomic import written
from visionvalley.io.faces import indexed
from visionvalley.io.opening import whole
from visionvalley.io.text import numbers

HEADER_BYTES = 84
TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_VERTEX = re.compile(rb"vertex\s+(\S+\s+\S+\s+\S+)", re.IGNORECASE)


def read_mesh(path: Path, unit: str | None = None) -> Mesh:
    """Read triangles; corners with exactly equal coordinates become one vertex."""
    data = whole(path)
    count = int.from_bytes(data[80:84], "little") if len(data) >= HEADER_BYTES else -1
    text = data[:5].lower() == b"solid" and len(data) != HEADER_BYTES + count * TRIANGLE.itemsize
    corners = _ascii_corners(path, data) if text else _binary_corners(path, data, count)
    settled = units.settled(path, unit, units.named(data[:80].split(b"\n")[0]))
    if len(corners) == 0:
        raise BadInput("io.no_faces", path=path)
    if not np.isfinite(corners).all():
        raise BadInput("io.not_finite", path=path)
    vertices, faces = indexed(without_noise_at_zero(corners))
    return Mesh(units.in_metres(vertices, settled), faces)


def write(path: Path, mesh: Mesh, unit: str | None, encoding: str = "binary") -> None:
    """Write triangles; the normals are computed. The unit is named in the header, where few programs look."""
    settled = units.to_write(path, unit)
    corners = units.in_unit(mesh.vertices_m, settled)[mesh.faces]
    with np.errstate(over="ignore", invalid="ignore"):
        small = corners.astype("<f4")
    if not np.isfinite(small).all():
        raise BadInput("io.too_large_a_number", path=path)
    normals = _normals(corners)
    title = f"visionvalley unit {settled}"
    with written(path) as file:
        if encoding == "ascii":
            file.write(f"solid {title}\n".encode())
            file.write(_ascii_triangles(normals, corners))
            file.write(f"endsolid {title}\n".encode())
            return
        rows = np.zeros(len(corners), TRIANGLE)
        rows["normal"], rows["corners"] = normals, small
        file.write(title.encode().ljust(80) + len(rows).to_bytes(4, "little"))
        file.write(rows.tobytes())


def without_noise_at_zero(corners: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return corners with 0 in place of coordinates below 1e-12 of the largest.

    CAD systems write sin(pi) as 1e-16 in one triangle and as 0 in its neighbour; nothing moves by more than
    the 1e-12th part of the part, and the surface closes.
    """
    size = np.abs(corners)
    return np.where(size < size.max() * 1e-12, corners.dtype.type(0), corners)


def _binary_corners(path: Path, data: bytes, count: int) -> NDArray[np.float32]:
    there = (len(data) - HEADER_BYTES) // TRIANGLE.itemsize
    if not 0 <= count <= there:
        raise BadInput("io.truncated", path=path, things="triangles", wanted=max(count, 0), got=max(there, 0))
    return np.frombuffer(data, TRIANGLE, count, HEADER_BYTES)["corners"]


def _ascii_corners(path: Path, data: bytes) -> Floats:
    if b"endsolid" not in data[-4096:].lower():
        raise BadInput("io.truncated_text", path=path, end="endsolid")
    found = _VERTEX.findall(data)
    values = numbers(path, b"\n".join(found))
    if len(values) % 9 or len(values) != 3 * len(found):
        raise BadInput("io.odd_corners", path=path, count=len(found))
    return values.reshape(-1, 3, 3)


def _normals(corners: Floats) -> Floats:
    """Return unit normals (F, 3), zero where a triangle has no area, as the format wants it."""
    with np.errstate(all="ignore"):
        normal: Floats = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        length = np.sqrt((normal**2).sum(axis=1, keepdims=True))
        unit: Floats = normal / length
    return np.where(np.isfinite(unit), unit, 0.0)


def _ascii_triangles(normals: Floats, corners: Floats) -> bytes:
    vertex = "      vertex %.9g %.9g %.9g\n"
    one = "  facet normal %.9g %.9g %.9g\n    outer loop\n" + 3 * vertex + "    endloop\n  endfacet\n"
    flat = np.concatenate([normals, corners.reshape(-1, 9)], axis=1).ravel().tolist()
    return (one * len(normals) % tuple(flat)).encode("ascii")
