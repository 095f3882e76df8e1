# SPDX-License-Identifier: Apache-2.0
"""PCD, the format of the Point Cloud Library: points with any fields, ASCII, binary or compressed, without a unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Cloud, Pose
from visionvalley.io import lzf, units
from visionvalley.io.atomic import written
from visionvalley.io.columns import COLOURS, NORMAL, PLACE, Columns, cloud_of, columns_of, sliced
from visionvalley.io.opening import opened, size
from visionvalley.io.ply_rows import fitting
from visionvalley.io.quaternions import quaternion, rotation
from visionvalley.io.text import Lines, gathered, write_rows

HEADER_LINES, HEADER_LINE_BYTES = 100, 1 << 16
TYPES = {
    (kind, str(n)): f"<{kind.lower()}{n}"
    for kind, sizes in {"F": (4, 8), "I": (1, 2, 4, 8), "U": (1, 2, 4, 8)}.items()
    for n in sizes
}
OURS = dict(zip(("normal_x", "normal_y", "normal_z"), NORMAL, strict=True))
THEIRS = {ours: theirs for theirs, ours in OURS.items()}
FLOAT_ERROR_M = 5e-9


@dataclass(slots=True)
class Header:
    """What a PCD file says of itself; `row` has a field of `count` numbers for each of its fields."""

    points: int
    encoding: str
    row: np.dtype[Any]
    viewpoint: NDArray[np.float64]
    unit: str | None
    offset: int


def read_cloud(path: Path, unit: str | None = None) -> Cloud:
    """Read the points, in the frame in which the file gives them; `read_viewpoint` tells where the sensor stood."""
    (cloud,) = chunks(path, unit, size(path) * lzf.MOST_GAIN)
    return cloud


def read_viewpoint(path: Path, unit: str | None = None) -> Pose:
    """Return `points_from_sensor`: where the sensor stood, in the frame of the points (the line VIEWPOINT)."""
    with opened(path) as file:
        header = _read_header(path, file)
    place_m = units.in_metres(header.viewpoint[:3], units.settled(path, unit, header.unit))
    return Pose(rotation(path, header.viewpoint[3:]), place_m)


def count(path: Path) -> int:
    """Return how many points the file says it has."""
    with opened(path) as file:
        return _read_header(path, file).points


def chunks(path: Path, unit: str | None, points: int) -> Iterator[Cloud]:
    """Give the points in file order, at most so many at once; a compressed file is held in memory meanwhile."""
    parts = {"ascii": _text_rows, "binary": _binary_rows, "binary_compressed": _compressed_rows}
    with opened(path) as file:
        header = _read_header(path, file)
        settled = units.settled(path, unit, header.unit)
        for columns in parts[header.encoding](path, file, header, points):
            yield cloud_of(path, _ours(columns), settled)


def write(
    path: Path, cloud: Cloud, unit: str | None, encoding: str = "binary", points_from_sensor: Pose | None = None
) -> None:
    """Write points: 'ascii', 'binary' or 'binary_compressed'; coordinates as floats where these keep 10 nm."""
    settled = units.to_write(path, unit)
    columns = _theirs(columns_of(cloud, settled), settled)
    pose = points_from_sensor or Pose.identity()
    with written(path) as file:
        file.write(_header_text(columns, len(cloud), encoding, settled, pose).encode("ascii"))
        if encoding == "ascii":
            write_rows(file, list(columns.values()))
        elif encoding == "binary":
            rows = np.empty(len(cloud), [(name, column.dtype) for name, column in columns.items()])
            for name, column in columns.items():
                rows[name] = column
            file.write(rows.tobytes())
        else:
            data = b"".join(np.ascontiguousarray(column).tobytes() for column in columns.values())
            if len(data) >= 1 << 32:
                raise BadInput("io.too_many_to_compress", path=path)
            packed = lzf.compress(data)
            file.write(len(packed).to_bytes(4, "little") + len(data).to_bytes(4, "little") + packed)


def _read_header(path: Path, file: BinaryIO) -> Header:
    said: dict[str, list[str]] = {}
    unit = None
    for _ in range(HEADER_LINES):
        line = file.readline(HEADER_LINE_BYTES)
        if line.lstrip().startswith(b"#"):
            unit = unit or units.named(line)
            continue
        words = line.decode("ascii", "replace").split()
        if words:
            said[words[0].upper()] = words[1:]
        if not line.endswith(b"\n") or "DATA" in said:
            break
    if "FIELDS" not in said or "DATA" not in said:
        raise BadInput("io.not_this_format", path=path, format="PCD")
    try:
        return _header(said, unit, file.tell())
    except (ValueError, KeyError, IndexError, TypeError) as error:
        line_said = str(error)[:80]
        raise BadInput("io.bad_header_line", path=path, format="PCD", line=line_said) from error


def _header(said: dict[str, list[str]], unit: str | None, offset: int) -> Header:
    names = said["FIELDS"]
    counts = [int(n) for n in said.get("COUNT", ["1"] * len(names))]
    types = [TYPES[kind, size] for kind, size in zip(said["TYPE"], said["SIZE"], strict=True)]
    points = int(said["POINTS"][0]) if "POINTS" in said else int(said["WIDTH"][0]) * int(said["HEIGHT"][0])
    encoding = said["DATA"][0].lower()
    if (
        points < 0
        or encoding not in ("ascii", "binary", "binary_compressed")
        or not all(0 < n < 1 << 20 for n in counts)
    ):
        raise ValueError(f"{points} {encoding} {counts}")
    padding = (f"_{i}" for i in range(len(names)))
    named = [next(padding) if name == "_" else name for name in names]
    row = np.dtype([(name, kind, (n,)) for name, kind, n in zip(named, types, counts, strict=True)])
    viewpoint = np.array([float(word) for word in said.get("VIEWPOINT", ["0", "0", "0", "1", "0", "0", "0"])])
    if viewpoint.shape != (7,):
        raise ValueError(" ".join(said["VIEWPOINT"]))
    return Header(points, encoding, row, viewpoint, unit, offset)


def _binary_rows(path: Path, file: BinaryIO, header: Header, points: int) -> Iterator[dict[str, NDArray[Any]]]:
    _require(path, header.points, (size(path) - header.offset) // header.row.itemsize)
    for first in range(0, header.points, points):
        rows = np.fromfile(file, header.row, min(points, header.points - first))
        yield {name: rows[name] for name in header.row.names or ()}


def _compressed_rows(path: Path, file: BinaryIO, header: Header, points: int) -> Iterator[dict[str, NDArray[Any]]]:
    packed_size, plain_size = np.frombuffer(file.read(8).ljust(8, b"\0"), "<u4").tolist()
    packed = file.read(min(packed_size, size(path)))
    wanted = header.points * header.row.itemsize
    if len(packed) != packed_size or plain_size != wanted or wanted > len(packed) * lzf.MOST_GAIN:
        raise BadInput("io.truncated", path=path, things="bytes", wanted=wanted, got=min(plain_size, len(packed)))
    _require(path, header.points, header.points)
    try:
        plain = lzf.decompress(packed, plain_size)
    except ValueError as error:
        raise BadInput("io.bad_compression", path=path) from error
    columns, at = {}, 0
    for name in header.row.names or ():
        field = header.row[name]
        columns[name] = np.frombuffer(plain, field, header.points, at)
        at += header.points * field.itemsize
    for first in range(0, header.points, points):
        yield sliced(columns, first, points)


def _text_rows(path: Path, file: BinaryIO, header: Header, points: int) -> Iterator[dict[str, NDArray[Any]]]:
    least = 2 * sum(header.row[name].shape[0] for name in header.row.names or ())
    _require(path, header.points, (size(path) - header.offset + 1) // least)
    width = least // 2
    for rows in gathered(Lines(path, file).rows(header.points, width, points), points):
        columns, at = {}, 0
        for name in header.row.names or ():
            kind, (n,) = header.row[name].subdtype or (header.row[name], (1,))
            columns[name] = _from_text(path, name, rows[:, at : at + n], kind)
            at += n
        yield columns


def _from_text(path: Path, name: str, values: NDArray[np.float64], kind: np.dtype[Any]) -> NDArray[Any]:
    if name == "rgb" and kind.kind == "f":  # the float's bits are the colour
        with np.errstate(over="ignore"):
            return values.astype(np.float32)
    return fitting(path, values, kind)


def _require(path: Path, wanted: int, got: int) -> None:
    if wanted == 0:
        raise BadInput("io.no_points", path=path)
    if wanted > got:
        raise BadInput("io.truncated", path=path, things="points", wanted=wanted, got=got)


def _ours(fields: Columns) -> dict[str, NDArray[Any]]:
    """Return the columns by our names: colours unpacked, fields of several numbers parted, padding left out."""
    columns: dict[str, NDArray[Any]] = {}
    for name, values in fields.items():
        if name in ("rgb", "rgba") and values.shape[1] == 1 and values.dtype.itemsize == 4:
            packed = np.ascontiguousarray(values[:, 0]).view(np.uint32)
            columns |= {
                name: (packed >> shift & 255).astype(np.uint8) for name, shift in zip(COLOURS, (16, 8, 0), strict=True)
            }
        elif name.startswith("_"):
            continue
        elif values.shape[1] == 1:
            columns[OURS.get(name, name)] = values[:, 0]
        else:
            columns |= {f"{name}_{i}": values[:, i] for i in range(values.shape[1])}
    return columns


def _theirs(columns: Columns, unit: str) -> dict[str, NDArray[Any]]:
    """Return the columns by PCD's names: small coordinates as floats, colours packed into one number."""
    named = {THEIRS.get(name, name): column for name, column in columns.items() if name not in COLOURS}
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = {name: named[name].astype(np.float32) for name in PLACE}
        error = max((np.nanmax(np.abs(narrow[name] - named[name]), initial=0.0) for name in PLACE), default=0.0)
    if error * units.METRES[unit] <= FLOAT_ERROR_M:
        named |= narrow
    if set(COLOURS) <= columns.keys():
        red, green, blue = (columns[name].astype(np.uint32) for name in COLOURS)
        named["rgba"] = np.uint32(255) << 24 | red << 16 | green << 8 | blue
    return named


def _header_text(columns: Columns, points: int, encoding: str, unit: str, pose: Pose) -> str:
    types = [column.dtype for column in columns.values()]
    place = units.in_unit(pose.translation_m, unit)
    lines = [
        "# .PCD v0.7 - Point Cloud Data file format",
        f"# unit {unit}",
        "VERSION 0.7",
        "FIELDS " + " ".join(columns),
        "SIZE " + " ".join(str(kind.itemsize) for kind in types),
        "TYPE " + " ".join(kind.kind.upper() for kind in types),
        "COUNT" + " 1" * len(columns),
        f"WIDTH {points}",
        "HEIGHT 1",
        "VIEWPOINT " + " ".join(f"{value:.15g}" for value in [*place, *quaternion(pose.rotation)]),
        f"POINTS {points}",
        f"DATA {encoding}",
    ]
    return "\n".join([*lines, ""])
