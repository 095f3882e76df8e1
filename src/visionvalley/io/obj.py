# SPDX-License-Identifier: Apache-2.0
"""OBJ (Wavefront): vertices, with colours where programs add them, and polygons; without a unit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Mesh
from visionvalley.io import units
from visionvalley.io.atomic import written
from visionvalley.io.columns import colours_from_text
from visionvalley.io.faces import checked, fan
from visionvalley.io.opening import whole
from visionvalley.io.text import rows, write_rows

_TEXTURE_AND_NORMAL = re.compile(rb"/[^\s]*")
_SPACE = b" \t"


def read_mesh(path: Path, unit: str | None = None) -> Mesh:
    """Read polygons, cut into triangles; texture coordinates, normals and materials are passed over."""
    data = whole(path)
    settled = units.settled(path, unit, units.named(data[:200].split(b"\nv ")[0]))
    lines = data.replace(b"\\\r\n", b" ").replace(b"\\\n", b" ").split(b"\n")
    is_vertex = [line[:1] == b"v" and line[1:2] in _SPACE and len(line) > 1 for line in lines]
    is_face = [line[:1] == b"f" and line[1:2] in _SPACE and len(line) > 1 for line in lines]
    if not any(is_face):
        raise BadInput("io.no_faces" if any(is_vertex) else "io.no_points", path=path)
    vertices, colours = _vertices(path, _picked(lines, is_vertex))
    corners, counts = _corners(path, lines, is_vertex, is_face)
    triangles, _ = fan(checked(path, corners, len(vertices)), counts)
    if len(triangles) == 0:
        raise BadInput("io.no_faces", path=path)
    return Mesh(units.in_metres(vertices, settled), triangles, colours)


def write(path: Path, mesh: Mesh, unit: str | None) -> None:
    """Write triangles; vertex colours follow the coordinates, as most programs read them."""
    settled = units.to_write(path, unit)
    columns: list[NDArray[Any]] = [units.in_unit(mesh.vertices_m, settled)]
    if mesh.vertex_colours is not None:
        columns.append(np.round(mesh.vertex_colours / 255, 6))
    with written(path) as file:
        file.write(f"# unit {settled}\n".encode("ascii"))
        write_rows(file, columns, start="v ")
        write_rows(file, [mesh.faces + 1], start="f ")


def _picked(lines: list[bytes], wanted: list[bool]) -> bytes:
    return b"\n".join([line[2:] for line, this in zip(lines, wanted, strict=True) if this])


def _vertices(path: Path, text: bytes) -> tuple[NDArray[np.float64], NDArray[np.uint8] | None]:
    values, lengths = rows(path, text)
    if len(lengths) == 0 or lengths.min() < 3:
        raise BadInput("io.odd_rows", path=path, width=3)
    starts = np.cumsum(lengths) - lengths
    places = values[starts[:, None] + np.arange(3)]
    if not np.isfinite(places).all():
        raise BadInput("io.not_finite", path=path)
    coloured = lengths.min() >= 6
    return places, colours_from_text(values[starts[:, None] + np.arange(3, 6)]) if coloured else None


def _corners(
    path: Path, lines: list[bytes], is_vertex: list[bool], is_face: list[bool]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the corners one after another, counted from 0, and how many each polygon has."""
    text = _picked(lines, is_face)
    values, counts = rows(path, _TEXTURE_AND_NORMAL.sub(b"", text) if b"/" in text else text)
    if len(counts) != sum(is_face) or (values == 0).any():
        raise BadInput("io.face_out_of_range", path=path, low=0, high=0, vertices=sum(is_vertex))
    if (values < 0).any():  # counted back from the last vertex before the face
        before = np.cumsum(is_vertex)[np.flatnonzero(is_face)]
        return np.where(values < 0, values + np.repeat(before, counts), values - 1), counts
    return values - 1, counts
