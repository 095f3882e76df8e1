# SPDX-License-Identifier: Apache-2.0
"""PLY: points and polygons with any properties, ASCII or binary, without a unit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Cloud, Mesh
from visionvalley.io import units
from visionvalley.io.atomic import written
from visionvalley.io.columns import COLOURS, Columns, cloud_of, colours_of, columns_of, ordered, sliced
from visionvalley.io.faces import checked, fan, strips
from visionvalley.io.opening import opened, size
from visionvalley.io.ply_header import NAMES, ORDERS, Element, Header, read_header
from visionvalley.io.ply_rows import Binary, Lists, Table, Words, fitting, read_table
from visionvalley.io.text import Lines, gathered, numbers, write_rows

CORNERS = ("vertex_indices", "vertex_index")


def read(path: Path, unit: str | None = None) -> Cloud | Mesh:
    """Read a surface where the file has faces, else points."""
    with opened(path) as file:
        header = read_header(path, file)
    surface = header.element("face") or header.element("tristrips")
    return read_mesh(path, unit) if surface else read_cloud(path, unit)


def read_cloud(path: Path, unit: str | None = None) -> Cloud:
    """Read the points; properties that are no coordinate, normal or colour become fields."""
    (cloud,) = chunks(path, unit, size(path))
    return cloud


def read_mesh(path: Path, unit: str | None = None) -> Mesh:
    """Read the surface, its polygons cut into triangles."""
    with opened(path) as file:
        header = read_header(path, file)
        settled = units.settled(path, unit, header.unit)
        rest = file.read()
    tables = _tables(path, header, rest)
    if not {"face", "tristrips"} & set(tables):
        raise BadInput("io.no_faces", path=path)
    points = cloud_of(path, _scalars(tables.get("vertex", {})), settled)
    polygons = tables["face"] if "face" in tables else tables["tristrips"]
    corners = next((polygons[name] for name in CORNERS if name in polygons), None)
    if not isinstance(corners, Lists):
        raise BadInput("io.no_faces", path=path)
    cut = fan if "face" in tables else strips
    lowest = 0 if "face" in tables else -1
    triangles, of_polygon = cut(checked(path, corners.values, len(points), lowest), corners.counts)
    colours = colours_of(_scalars(polygons))
    if len(triangles) == 0:
        raise BadInput("io.no_faces", path=path)
    return Mesh(points.points_m, triangles, points.colours, None if colours is None else colours[of_polygon])


def count(path: Path) -> int:
    """Return how many points the file says it has."""
    with opened(path) as file:
        return _vertices(path, read_header(path, file)).rows


def chunks(path: Path, unit: str | None, points: int) -> Iterator[Cloud]:
    """Give the points in file order, at most so many at once."""
    with opened(path) as file:
        header = read_header(path, file)
        vertices = _vertices(path, header)
        settled = units.settled(path, unit, header.unit)
        before = header.elements[: header.elements.index(vertices)]
        if any(one.has_lists for one in [*before, vertices]):
            whole = _scalars(_tables(path, header, file.read())["vertex"])
            for first in range(0, vertices.rows, points):
                yield cloud_of(path, sliced(whole, first, points), settled)
            return
        parts = _text_rows if header.encoding == "ascii" else _binary_rows
        for columns in parts(path, file, header, points):
            yield cloud_of(path, columns, settled)


def _scalars(table: Table) -> dict[str, NDArray[Any]]:
    return {name: column for name, column in table.items() if not isinstance(column, Lists)}


def _vertices(path: Path, header: Header) -> Element:
    vertices = header.element("vertex")
    if vertices is None:
        raise BadInput("io.no_points", path=path)
    return vertices


def _tables(path: Path, header: Header, rest: bytes) -> dict[str, Table]:
    """Return all elements that have rows; the slower way, for lists."""
    data = Words(path, numbers(path, rest)) if header.encoding == "ascii" else Binary(path, rest)
    at = 0
    tables = {}
    for element in header.elements:
        table, at = read_table(data, element, at)
        if element.rows:
            tables[element.name] = table
    return tables


def _binary_rows(path: Path, file: BinaryIO, header: Header, points: int) -> Iterator[Columns]:
    there = size(path) - header.offset
    vertices = _vertices(path, header)
    wanted = sum(one.rows * one.least_row_bytes for one in header.elements)
    if wanted > there:
        raise BadInput("io.truncated", path=path, things="bytes", wanted=wanted, got=there)
    for one in header.elements[: header.elements.index(vertices)]:
        file.seek(one.rows * one.least_row_bytes, 1)
    dtype = vertices.row_dtype()
    for first in range(0, vertices.rows, points):
        rows = np.fromfile(file, dtype, min(points, vertices.rows - first))
        native = {name: rows[name].astype(rows[name].dtype.newbyteorder("=")) for name in dtype.names or ()}
        yield native


def _text_rows(path: Path, file: BinaryIO, header: Header, points: int) -> Iterator[Columns]:
    """Give the vertices of a text; of what stands before and after them only the lines are counted."""
    vertices = _vertices(path, header)
    at = header.elements.index(vertices)
    lines = Lines(path, file)
    lines.skip(sum(one.rows for one in header.elements[:at]))
    for rows in gathered(lines.rows(vertices.rows, len(vertices.properties), points), points):
        yield {
            one.name: fitting(path, column, one.dtype) for one, column in zip(vertices.properties, rows.T, strict=True)
        }
    lines.skip(sum(one.rows for one in header.elements[at + 1 :]))


def write(path: Path, value: Cloud | Mesh, unit: str | None, encoding: str = "binary_little_endian") -> None:
    """Write points or a surface; coordinates as doubles, the unit as a comment that we read again."""
    settled = units.to_write(path, unit)
    order = ORDERS[encoding]
    vertices = columns_of(value, settled)
    polygons = _polygon_columns(value) if isinstance(value, Mesh) else None
    with written(path) as file:
        file.write(_header_text(encoding, settled, vertices, polygons).encode("ascii"))
        for columns in (vertices, polygons):
            if columns and encoding == "ascii":
                write_rows(file, list(columns.values()))
            elif columns:
                _write_binary(file, columns, order)


def _polygon_columns(mesh: Mesh) -> dict[str, NDArray[Any]]:
    counts = np.full(len(mesh.faces), 3, np.uint8)
    columns: dict[str, NDArray[Any]] = {"count": counts, CORNERS[0]: mesh.faces}
    if mesh.face_colours is not None:
        columns |= dict(zip(COLOURS, mesh.face_colours.T, strict=True))
    return columns


def _header_text(encoding: str, unit: str, vertices: Columns, polygons: Columns | None) -> str:
    lines = ["ply", f"format {encoding} 1.0", f"comment unit {unit}", f"element vertex {len(vertices['x'])}"]
    lines += [f"property {NAMES[column.dtype.str[1:]]} {name}" for name, column in vertices.items()]
    if polygons is not None:
        lines += [f"element face {len(polygons['count'])}", f"property list uchar int {CORNERS[0]}"]
        lines += [f"property uchar {name}" for name in COLOURS if name in polygons]
    return "\n".join([*lines, "end_header", ""])


def _write_binary(file: BinaryIO, columns: Columns, order: str, step: int = 1_000_000) -> None:
    dtype = np.dtype([(name, ordered(column.dtype, order), column.shape[1:]) for name, column in columns.items()])
    total = len(next(iter(columns.values())))
    for first in range(0, total, step):
        rows = np.empty(min(step, total - first), dtype)
        for name, column in columns.items():
            rows[name] = column[first : first + step]
        file.write(rows.tobytes())
