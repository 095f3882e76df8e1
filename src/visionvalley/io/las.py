# SPDX-License-Identifier: Apache-2.0
"""LAS and LAZ (and COPC, which is a LAZ): surveyed points with scale, offset and unit; by laspy and lazrs."""

from __future__ import annotations

import itertools
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Cloud
from visionvalley.core.arrays import Floats
from visionvalley.io import apart, units
from visionvalley.io.atomic import written
from visionvalley.io.columns import COLOURS, PLACE, cloud_of, columns_of, joined
from visionvalley.io.opening import opened, size

FIELDS = ("intensity", "return_number", "number_of_returns", "classification", "point_source_id", "gps_time")
MOST_POINTS_A_BYTE = 50  # LAZ of real points needs 2 to 8 bytes a point
GEO_KEYS, WKT = 34735, 2112
LINEAR_UNIT_KEYS = (3076, 2052)  # of projected, and of geographic coordinates
ANGULAR_MODEL_KEY, MODEL_TYPE_KEY = 2, 1024
EPSG_UNITS = {9001: "m", 9002: "ft", 9003: "us-ft"}
_WKT_UNIT = re.compile(r'(?:LENGTH)?UNIT\s*\[\s*"[^"]*"\s*,\s*([0-9.eE+-]+)')
LASZIP = b"laszip encoded".ljust(16, b"\0") + struct.pack("<H", 22204)
VARIABLE = 0xFFFFFFFF
LAYERED, PLAIN_BYTES, LAYERED_BYTES = 3, 0, 14
ITEM_BYTES = {6: 20, 7: 8, 8: 6, 9: 29, 10: 30, 11: 6, 12: 8, 13: 29}  # of those that are not extra bytes
LAYERS = {10: 9, 11: 1, 12: 2, 13: 1}  # of points, colours, colours with infrared, wave packets
STEP = 1_000_000


def read_cloud(path: Path, unit: str | None = None) -> Cloud:
    """Read all points with what was measured with each."""
    return joined(list(chunks(path, unit, STEP)))


def count(path: Path) -> int:
    """Return how many points the file says it has."""
    with _reader(path) as reader:
        return int(reader.header.point_count)


def chunks(path: Path, unit: str | None, points: int) -> Iterator[Cloud]:
    """Give the points in file order, at most so many at once.

    The unit is the one of the file's coordinate system; without one it is the given one, else the metre.
    """
    with _reader(path) as reader:
        stated = _unit(path, reader.header)
        settled = units.settled(path, unit, stated) if stated else units.known(unit or "m")
        wanted = left = int(reader.header.point_count)
        if left == 0:
            raise BadInput("io.no_points", path=path)
        small_colours = None
        with _records(path, reader) as records:
            while left > 0:
                rows = records(min(points, left))
                if len(rows) == 0:
                    raise BadInput("io.truncated", path=path, things="points", wanted=wanted, got=wanted - left)
                with np.errstate(over="ignore", invalid="ignore"):
                    columns = _columns(rows)
                if set(COLOURS) <= columns.keys():
                    most = max(int(columns[name].max()) for name in COLOURS)
                    small_colours = most < 256 if small_colours is None else small_colours
                    shift = 0 if small_colours else 8
                    columns |= {name: np.minimum(columns[name] >> shift, 255).astype(np.uint8) for name in COLOURS}
                yield cloud_of(path, columns, settled)
                left -= len(rows)


@contextmanager
def _records(path: Path, reader: Any) -> Iterator[Callable[[int], Any]]:
    """Give a function that reads so many records; those of a LAZ in another process: lazrs crashes on some damage."""
    import laspy

    header = reader.header
    if not header.are_points_compressed:
        yield reader.read_points
        return
    dtype = header.point_format.dtype()
    with apart.stream(path, f"{__name__}:unpacked") as read:

        def records(count: int) -> Any:
            rows = np.frombuffer(read(count * dtype.itemsize), dtype)
            return laspy.ScaleAwarePointRecord(rows, header.point_format, header.scales, header.offsets)

        yield records


def load() -> None:
    """Load the libraries."""
    import laspy
    import lazrs  # noqa: F401

    laspy.LazBackend.detect_available()


def unpacked(path: Path) -> Iterator[NDArray[Any]]:
    """Yield the records of a LAZ as they are in a LAS."""
    with _reader(path) as reader:
        left = int(reader.header.point_count)
        while left > 0:
            rows = reader.read_points(min(STEP, left))
            if len(rows) == 0:
                raise BadInput("io.truncated", path=path, things="points", wanted=reader.header.point_count, got=0)
            left -= len(rows)
            yield rows.array.view(np.uint8)


def write(path: Path, cloud: Cloud, unit: str | None = None) -> None:
    """Write points in metres, compressed where the suffix is '.laz'; the places are kept to a ten-thousandth of a
    millimetre for a part, to 0.1 mm for a city. BadInput for points without a measurement (NaN).
    """
    import laspy

    units.settled(path, unit, "m")
    if len(cloud) == 0:
        raise BadInput("io.no_points", path=path)
    if np.isnan(cloud.points_m).any():
        raise BadInput("io.not_finite", path=path)
    header = laspy.LasHeader(version="1.4", point_format=6 if cloud.colours is None else 7)
    header.offsets, header.scales = _grid(path, cloud.points_m)
    columns = columns_of(cloud, "m")
    extra = [name for name in columns if name not in (*PLACE, *COLOURS, *header.point_format.dimension_names)]
    header.add_extra_dims([laspy.ExtraBytesParams(name[:32], columns[name].dtype) for name in extra])
    data = laspy.LasData(header)
    data.x, data.y, data.z = cloud.points_m.T
    for name, values in columns.items():
        if name in COLOURS:
            data[name] = values.astype(np.uint16) * 257
        elif name not in PLACE:
            data[name[:32]] = values
    with written(path) as file, _translated(path):
        backend = laspy.LazBackend.Lazrs
        data.write(_Kept(file), do_compress=path.suffix.lower() == ".laz", laz_backend=backend)


def _grid(path: Path, points_m: Floats) -> tuple[Floats, Floats]:
    """Return offsets and scales: seven digits of the extent or finer, and at most 0.1 mm where 32 bits can hold it."""
    low, high = points_m.min(axis=0), points_m.max(axis=0)
    extent = float((high - low).max())
    if not extent < 1e12:
        raise BadInput("io.too_large_a_number", path=path)
    scale = min(1e-4, 10.0 ** np.floor(np.log10(max(extent, 1e-3) * 1e-7)))
    while extent / scale > 4e9:
        scale *= 10
    return np.round((low + high) / 2, 3), np.full(3, scale)


class _Kept:
    """A file that is not closed by whom it is lent to, and whose `read` takes no more memory than there are bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def read(self, count: int = -1) -> bytes:
        at = self.file.tell()
        left = max(self.file.seek(0, 2) - at, 0)
        self.file.seek(at)
        return self.file.read(left if count is None or count < 0 else min(count, left))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def close(self) -> None:
        """Leave it open: whoever opened it closes it."""


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn what laspy and lazrs raise into BadInput; a panic of the latter is no Exception but a BaseException."""
    try:
        yield
    except (BadInput, OSError):
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise BadInput("io.refused_by_library", path=path, format="LAS", reason=str(error)[:200]) from error


@contextmanager
def _reader(path: Path) -> Iterator[Any]:
    """Open a file to read points; BadInput for what is no LAS or lies about its size."""
    import laspy

    there = size(path)
    with opened(path) as file, _translated(path):
        _require_honest(path, file, there)
        file.seek(0)
        with laspy.open(_Kept(file), laz_backend=laspy.LazBackend.Lazrs, closefd=False) as reader:
            header = reader.header
            compressed = bool(header.are_points_compressed)
            least = 1 / MOST_POINTS_A_BYTE if compressed else header.point_format.size
            got = int((there - header.offset_to_point_data) / least)
            if header.point_count > max(got, 0):
                raise BadInput("io.truncated", path=path, things="points", wanted=header.point_count, got=max(got, 0))
            yield reader


def _require_honest(path: Path, file: BinaryIO, there: int) -> None:
    """Check the counts that the libraries believe and allocate by (LAS 1.4 R15)."""
    head = file.read(375).ljust(375, b"\0")
    if head[:4] != b"LASF":
        raise BadInput("io.not_this_format", path=path, format="LAS")
    header_bytes, points_at, records = struct.unpack_from("<HII", head, 94)
    extended_at, extended = struct.unpack_from("<QI", head, 235) if head[25] >= 4 else (0, 0)
    claims = (header_bytes + 54 * records, points_at, extended and extended_at + 60 * extended)
    if max(claims) > there or header_bytes + 54 * records > points_at:
        raise BadInput("io.truncated", path=path, things="bytes", wanted=max(claims), got=there)
    if head[104] & 0x80:
        file.seek(header_bytes)
        points = struct.unpack_from("<Q", head, 247)[0] if head[25] >= 4 else struct.unpack_from("<I", head, 107)[0]
        (record_bytes,) = struct.unpack_from("<H", head, 105)
        _require_honest_chunks(path, file, file.read(points_at - header_bytes), points_at, points, record_bytes)


def _require_honest_chunks(
    path: Path, file: BinaryIO, records: bytes, points_at: int, points: int, record_bytes: int
) -> None:
    """Check a LAZ's chunks and the layers in them: lazrs allocates what they say, and aborts where it cannot."""
    import lazrs

    there = size(path)
    at = records.find(LASZIP)
    length = int.from_bytes(records[at + 18 : at + 20], "little")
    about = records[at + 52 : at + 52 + length]
    if at < 2 or len(about) < 34:
        raise BadInput("io.no_laszip", path=path)
    raw_bytes, layers = _layers(path, about, record_bytes)
    (table_at,) = struct.unpack("<q", _read_at(file, points_at, 8))
    if table_at >= 0:
        wanted = struct.unpack("<II", _read_at(file, min(table_at, there), 8))[1]
        if wanted > there:
            raise BadInput("io.truncated", path=path, things="chunks", wanted=wanted, got=there)
    file.seek(points_at)
    table = lazrs.read_chunk_table(file, lazrs.LazVlr(about))
    (chunk_points,) = struct.unpack_from("<I", about, 12)
    counts = (count for count, _ in table) if chunk_points == VARIABLE else itertools.repeat(max(chunk_points, 1))
    begin = points_at + 8
    for count in counts if layers else ():
        sizes = np.frombuffer(_read_at(file, min(begin + raw_bytes + 4, there), 4 * layers), "<u4")
        begin += raw_bytes + 4 + 4 * layers + int(sizes.sum(dtype=np.int64))
        if begin > there:
            raise BadInput("io.truncated", path=path, things="bytes", wanted=begin, got=there)
        points -= count
        if points <= 0:
            return
    if layers:
        raise BadInput("io.truncated", path=path, things="points", wanted=points, got=0)


def _layers(path: Path, about: bytes, record_bytes: int) -> tuple[int, int]:
    """Return the bytes of a raw point, and in how many layers a chunk's points are parted (none before LAZ 1.4).

    Raises BadInput where the items are not those of one point (LASzip, LASitem::is_type).
    """
    (kind,), (items,) = struct.unpack_from("<H", about), struct.unpack_from("<H", about, 32)
    described = list(struct.iter_unpack("<HHH", about[34 : 34 + 6 * items]))
    layered, extra = kind == LAYERED, LAYERED_BYTES if kind == LAYERED else PLAIN_BYTES
    fitting = all(
        width and (item == extra or (ITEM_BYTES.get(item) == width and layered == (item >= min(LAYERS))))
        for item, width, _ in described
    )
    if not fitting or len(described) != items or sum(width for _, width, _ in described) != record_bytes:
        raise BadInput("io.no_laszip", path=path)
    layers = sum(width if item == LAYERED_BYTES else LAYERS.get(item, 0) for item, width, _ in described)
    return record_bytes, layers if layered else 0


def _read_at(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count).ljust(count, b"\0")


def _columns(rows: Any) -> dict[str, NDArray[Any]]:
    names = set(rows.point_format.dimension_names)
    extra = tuple(rows.point_format.extra_dimension_names)
    columns: dict[str, NDArray[Any]] = {name: np.asarray(rows[name], np.float64) for name in PLACE}
    for name in (*FIELDS, *(COLOURS if set(COLOURS) <= names else ()), *extra):
        if name in names and name not in columns:
            values = np.asarray(rows[name])
            if values.ndim == 1:
                columns[name] = values
    return columns


def _unit(path: Path, header: Any) -> str | None:
    """Return the unit that the coordinate system states; BadInput for degrees."""
    records = {record.record_id: record for record in header.vlrs if record.user_id == "LASF_Projection"}
    if GEO_KEYS in records:
        keys = {key.id: key.value_offset for key in getattr(records[GEO_KEYS], "geo_keys", ())}
        if keys.get(MODEL_TYPE_KEY) == ANGULAR_MODEL_KEY:
            raise BadInput("io.degrees", path=path)
        for key in LINEAR_UNIT_KEYS:
            if keys.get(key) in EPSG_UNITS:
                return EPSG_UNITS[keys[key]]
    text = str(getattr(records.get(WKT), "string", ""))
    if text.lstrip().startswith(("GEOGCS", "GEOGCRS")):
        raise BadInput("io.degrees", path=path)
    metres = [float(found) for found in _WKT_UNIT.findall(text)]
    return next(
        (name for one in reversed(metres) for name, value in units.METRES.items() if abs(one / value - 1) < 1e-9), None
    )
