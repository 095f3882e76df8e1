# SPDX-License-Identifier: Apache-2.0
"""OFF: vertices and polygons as text (Geomview), with vertex colours (COFF) and normals (NOFF), without a unit."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Mesh
from visionvalley.core.arrays import Floats
from visionvalley.io import units
from visionvalley.io.atomic import written
from visionvalley.io.columns import colours_from_text
from visionvalley.io.faces import checked, fan
from visionvalley.io.opening import whole
from visionvalley.io.text import rows, write_rows

_COMMENT = re.compile(rb"#[^\n]*")
_KEYWORD = re.compile(rb"\s*(ST)?(C)?(N)?(4)?OFF\b([ \t]+BINARY)?", re.IGNORECASE)


def read_mesh(path: Path, unit: str | None = None) -> Mesh:
    """Read polygons, cut into triangles."""
    data = whole(path)
    settled = units.settled(path, unit, units.named(b" ".join(_COMMENT.findall(data[:4096]))))
    text = _COMMENT.sub(b"", data) if b"#" in data else data
    keyword = _KEYWORD.match(text)
    if keyword is None or keyword.group(1) or keyword.group(4) or keyword.group(5):
        raise BadInput("io.not_this_format", path=path, format="OFF")
    words, lengths = rows(path, text[keyword.end() :])
    starts = np.cumsum(lengths) - lengths
    vertices, polygons = _counts(path, words, lengths)
    points = _table(path, words, starts[1 : 1 + vertices], lengths[1 : 1 + vertices])
    if not np.isfinite(points[:, :3]).all():
        raise BadInput("io.not_finite", path=path)
    corner = slice(1 + vertices, 1 + vertices + polygons)
    corners, counts, colours = _polygons(path, words, starts[corner], lengths[corner])
    triangles, of_polygon = fan(checked(path, corners, vertices), counts)
    if len(triangles) == 0:
        raise BadInput("io.no_faces", path=path)
    coloured = keyword.group(2) and points.shape[1] >= 6
    return Mesh(
        units.in_metres(points[:, :3], settled),
        triangles,
        colours_from_text(points[:, -4:] if points.shape[1] % 3 == 1 else points[:, -3:]) if coloured else None,
        None if colours is None else colours[of_polygon],
    )


def _counts(path: Path, words: Floats, lengths: NDArray[np.int64]) -> tuple[int, int]:
    """Return how many vertices and polygons there are; BadInput where the lines for them are missing."""
    if len(lengths) == 0 or lengths[0] not in (2, 3):
        raise BadInput("io.bad_header_line", path=path, format="OFF", line="OFF")
    vertices, polygons = words[:2]
    there = len(lengths) - 1
    if not (vertices >= 0 and polygons >= 0 and vertices + polygons <= there):
        raise BadInput("io.truncated", path=path, things="lines", wanted=f"{vertices + polygons:g}", got=there)
    return int(vertices), int(polygons)


def _table(path: Path, words: Floats, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> Floats:
    if len(lengths) == 0:
        raise BadInput("io.no_points", path=path)
    if (lengths != lengths[0]).any() or lengths[0] < 3:
        raise BadInput("io.odd_rows", path=path, width=max(int(lengths[0]), 3))
    return words[starts[0] : starts[0] + lengths.sum()].reshape(len(lengths), -1)


def _polygons(
    path: Path, words: Floats, starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.int64], NDArray[np.uint8] | None]:
    """Return the corners one after another, how many each polygon has, and the polygons' colours."""
    said = words[starts]
    if not ((said >= 0) & (said < lengths) & (said == np.trunc(said))).all():
        raise BadInput("io.odd_rows", path=path, width=4)
    counts = said.astype(np.int64)
    at = np.repeat(starts + 1 - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))
    coloured = len(counts) > 0 and bool((lengths - 1 - counts >= 3).all())
    first = (starts + 1 + counts)[:, None] + np.arange(4 if coloured and (lengths - 1 - counts >= 4).all() else 3)
    return words[at], counts, colours_from_text(words[first]) if coloured else None


def write(path: Path, mesh: Mesh, unit: str | None) -> None:
    """Write triangles, with vertex colours where there are any."""
    settled = units.to_write(path, unit)
    columns: list[NDArray[np.generic]] = [units.in_unit(mesh.vertices_m, settled)]
    if mesh.vertex_colours is not None:
        columns += [mesh.vertex_colours, np.full(len(mesh.vertices_m), 255, np.uint8)]
    faces: list[NDArray[np.generic]] = [mesh.faces]
    if mesh.face_colours is not None:
        faces += [mesh.face_colours, np.full(len(mesh.faces), 255, np.uint8)]
    with written(path) as file:
        keyword = "OFF" if mesh.vertex_colours is None else "COFF"
        file.write(f"{keyword}\n# unit {settled}\n{len(mesh.vertices_m)} {len(mesh.faces)} 0\n".encode("ascii"))
        write_rows(file, columns)
        write_rows(file, faces, start="3 ")
