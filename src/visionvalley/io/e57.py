# SPDX-License-Identifier: Apache-2.0
"""E57 (ASTM E2807): one or more scans, each with its pose; metres. By libE57, through pye57."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Cloud, Pose
from visionvalley.io import units
from visionvalley.io.atomic import beside
from visionvalley.io.columns import COLOURS, NORMAL, PLACE, cloud_of, columns_of, joined
from visionvalley.io.e57_claims import require_honest
from visionvalley.io.opening import opened, size
from visionvalley.io.quaternions import quaternion, rotation

SIGNATURE = b"ASTM-E57"
CARTESIAN = ("cartesianX", "cartesianY", "cartesianZ")
SPHERICAL = ("sphericalRange", "sphericalAzimuth", "sphericalElevation")
THEIR_COLOURS = ("colorRed", "colorGreen", "colorBlue")
THEIR_NORMALS = ("nor:normalX", "nor:normalY", "nor:normalZ")
NORMALS_URI = "http://www.libe57.org/E57_NOR_surface_normals.txt"
FIELDS = {"intensity": "intensity", "rowIndex": "row", "columnIndex": "column", "timeStamp": "time_s"}
MOST_POINTS_A_BYTE = 100
STEP = 1_000_000
_ROTATION = ("w", "x", "y", "z")


def read_scans(path: Path, unit: str | None = None) -> tuple[tuple[Cloud, Pose], ...]:
    """Return each scan in its own frame, and `world_from_scan`: identity where the file names no pose."""
    units.settled(path, unit, "m")
    with _scans(path) as scans:
        return tuple((joined(list(_chunks(path, scan, STEP))), _pose(path, scan.node)) for scan in scans)


def read_cloud(path: Path, unit: str | None = None) -> Cloud:
    """Read the points of all scans in the file's common frame; fields that not all scans have are left out."""
    moved = [cloud.moved(pose) for cloud, pose in read_scans(path, unit)]
    common = set.intersection(*(set(cloud.fields) for cloud in moved))
    normals = all(cloud.normals is not None for cloud in moved)
    colours = all(cloud.colours is not None for cloud in moved)
    return joined([_reduced(cloud, normals, colours, common) for cloud in moved])


def count(path: Path) -> int:
    """Return how many points all scans say they have."""
    with _scans(path) as scans:
        return sum(scan.points for scan in scans)


def chunks(path: Path, unit: str | None, points: int) -> Iterator[Cloud]:
    """Give the points of one scan after another in the file's common frame, at most so many at once."""
    units.settled(path, unit, "m")
    with _scans(path) as scans:
        for scan in scans:
            pose = _pose(path, scan.node)
            for cloud in _chunks(path, scan, points):
                yield cloud.moved(pose)


def write(path: Path, cloud: Cloud, unit: str | None = None) -> None:
    """Write points as one scan at the identity; BadInput for a unit other than metres."""
    units.settled(path, unit, "m")
    write_scans(path, [(cloud, Pose.identity())])


def write_scans(path: Path, scans: Sequence[tuple[Cloud, Pose]]) -> None:
    """Write scans, each in its own frame with its `world_from_scan`; coordinates as doubles."""
    from pye57 import libe57

    if not scans or not all(len(cloud) for cloud, _ in scans):
        raise BadInput("io.no_points", path=path)
    with beside(path) as partial, _translated(path):
        image = libe57.ImageFile(str(partial), "w")
        try:
            _write_root(libe57, image)
            if any(cloud.normals is not None for cloud, _ in scans):
                image.extensionsAdd("nor", NORMALS_URI)
            for number, (cloud, pose) in enumerate(scans):
                _write_scan(libe57, image, cloud, pose, f"scan {number + 1}")
        finally:
            image.close()


class _Scan:
    """One scan's node, its columns and its number of points."""

    def __init__(self, libe57: Any, image: Any, node: Any) -> None:
        self.libe57, self.image, self.node = libe57, image, node
        self.vector = node["points"]
        prototype = libe57.StructureNode(self.vector.prototype())
        self.names = {prototype.get(i).elementName(): prototype.get(i) for i in range(prototype.childCount())}
        self.points = int(self.vector.childCount())


@contextmanager
def _scans(path: Path) -> Iterator[list[_Scan]]:
    """Open a file and give its scans; BadInput for what is no E57 or lies about its size."""
    there = size(path)
    with opened(path) as file:
        if file.read(8) != SIGNATURE:
            raise BadInput("io.not_this_format", path=path, format="E57")
    require_honest(path)
    with _translated(path):
        from pye57 import libe57

        image = libe57.ImageFile(str(path), "r")
        try:
            nodes = image.root()["data3D"]
            scans = [_Scan(libe57, image, nodes[i]) for i in range(nodes.childCount())]
            wanted = sum(scan.points for scan in scans)
            if wanted == 0:
                raise BadInput("io.no_points", path=path)
            if min(scan.points for scan in scans) < 0 or wanted > there * MOST_POINTS_A_BYTE:
                got = there * MOST_POINTS_A_BYTE
                raise BadInput("io.truncated", path=path, things="points", wanted=wanted, got=got)
            yield scans
        finally:
            image.close()


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn what libE57 and its binding raise into BadInput."""
    try:
        yield
    except (BadInput, OSError, GeneratorExit):
        raise
    except Exception as error:
        reason = str(error).split("\n")[0][:200]
        raise BadInput("io.refused_by_library", path=path, format="E57", reason=reason) from error


def _chunks(path: Path, scan: _Scan, points: int) -> Iterator[Cloud]:
    """Give a scan's points in its own frame."""
    known = (*CARTESIAN, *SPHERICAL, *THEIR_COLOURS, *THEIR_NORMALS, *FIELDS)
    states = ("cartesianInvalidState", "sphericalInvalidState")
    names = [name for name in (*known, *states) if name in scan.names]
    if not names or scan.points == 0:
        return
    capacity = min(points, scan.points)
    buffers, arrays = scan.libe57.VectorSourceDestBuffer(), {}
    for name in names:
        arrays[name] = np.empty(capacity)
        buffers.append(scan.libe57.SourceDestBuffer(scan.image, name, arrays[name], capacity, True, True))
    reader = scan.vector.reader(buffers)
    left = scan.points
    try:
        while left > 0:
            count = int(reader.read())
            if count <= 0:
                raise BadInput("io.truncated", path=path, things="points", wanted=scan.points, got=scan.points - left)
            yield cloud_of(path, _ours(scan, {name: array[:count].copy() for name, array in arrays.items()}), "m")
            left -= count
    finally:
        reader.close()


def _ours(scan: _Scan, theirs: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[Any]]:
    """Return the columns by our names; points that are marked as invalid become NaN."""
    columns: dict[str, NDArray[Any]] = {}
    if set(CARTESIAN) <= theirs.keys():
        columns |= dict(zip(PLACE, (theirs[name] for name in CARTESIAN), strict=True))
        invalid = theirs.get("cartesianInvalidState")
    elif set(SPHERICAL) <= theirs.keys():
        columns |= dict(zip(PLACE, _from_spherical(*(theirs[name] for name in SPHERICAL)), strict=True))
        invalid = theirs.get("sphericalInvalidState")
    else:
        return {}
    if invalid is not None:
        for name in PLACE:
            columns[name] = np.where(invalid == 0, columns[name], np.nan)
    if set(THEIR_COLOURS) <= theirs.keys():
        for ours, name in zip(COLOURS, THEIR_COLOURS, strict=True):
            most = _most(scan, name)
            columns[ours] = np.clip(np.nan_to_num(theirs[name]) * (255 / most), 0, 255).round().astype(np.uint8)
    if set(THEIR_NORMALS) <= theirs.keys():
        columns |= dict(zip(NORMAL, (theirs[name] for name in THEIR_NORMALS), strict=True))
    return columns | {ours: theirs[name] for name, ours in FIELDS.items() if name in theirs}


def _from_spherical(
    reach: NDArray[np.float64], azimuth: NDArray[np.float64], elevation: NDArray[np.float64]
) -> tuple[NDArray[np.float64], ...]:
    """ASTM E2807-11, 8.4.4.2: azimuth from x to y, elevation from the x-y plane up."""
    with np.errstate(invalid="ignore", over="ignore"):
        flat = reach * np.cos(elevation)
        return flat * np.cos(azimuth), flat * np.sin(azimuth), reach * np.sin(elevation)


def _most(scan: _Scan, name: str) -> float:
    """Return the largest value that a colour can have: by its limits in the scan, else by its type."""
    try:
        return float(scan.node["colorLimits"][f"{name}Maximum"].value()) or 255.0
    except Exception:
        most = getattr(scan.names[name], "maximum", lambda: 255)()
        return float(most) if 0 < most < 1 << 32 else 255.0


def _pose(path: Path, node: Any) -> Pose:
    """Return `world_from_scan`, identity where the scan has no pose or only a part of it."""
    turn, shift = [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
    if node.isDefined("pose"):
        pose = node["pose"]
        if pose.isDefined("rotation"):
            turn = [float(pose["rotation"][name].value()) for name in _ROTATION]
        if pose.isDefined("translation"):
            shift = [float(pose["translation"][name].value()) for name in PLACE]
    return Pose(rotation(path, turn), np.array(shift))


def _reduced(cloud: Cloud, normals: bool, colours: bool, fields: set[str]) -> Cloud:
    kept = {name: values for name, values in cloud.fields.items() if name in fields}
    return Cloud(cloud.points_m, cloud.normals if normals else None, cloud.colours if colours else None, kept)


def _write_root(libe57: Any, image: Any) -> None:
    image.extensionsAdd("", libe57.E57_V1_0_URI)
    root = image.root()
    root.set("formatName", libe57.StringNode(image, "ASTM E57 3D Imaging Data File"))
    root.set("guid", libe57.StringNode(image, f"{{{uuid.uuid4()}}}"))
    root.set("versionMajor", libe57.IntegerNode(image, libe57.E57_FORMAT_MAJOR))
    root.set("versionMinor", libe57.IntegerNode(image, libe57.E57_FORMAT_MINOR))
    root.set("data3D", libe57.VectorNode(image, True))
    root.set("images2D", libe57.VectorNode(image, True))


def _write_scan(libe57: Any, image: Any, cloud: Cloud, pose: Pose, name: str) -> None:
    node = libe57.StructureNode(image)
    node.set("guid", libe57.StringNode(image, f"{{{uuid.uuid4()}}}"))
    node.set("name", libe57.StringNode(image, name))
    node.set(
        "pose", _structure(libe57, image, {"rotation": quaternion(pose.rotation), "translation": pose.translation_m})
    )
    columns = _theirs(cloud)
    prototype = libe57.StructureNode(image)
    buffers = libe57.VectorSourceDestBuffer()
    for their_name, values in columns.items():
        if values.dtype.kind == "u":
            prototype.set(their_name, libe57.IntegerNode(image, 0, 0, 255))
        else:
            prototype.set(their_name, libe57.FloatNode(image, 0.0, libe57.E57_DOUBLE))
    points = libe57.CompressedVectorNode(image, prototype, libe57.VectorNode(image, True))
    node.set("points", points)
    image.root()["data3D"].append(node)
    held = {their_name: np.ascontiguousarray(values, np.float64) for their_name, values in columns.items()}
    for their_name, values in held.items():
        buffers.append(libe57.SourceDestBuffer(image, their_name, values, len(values), True, True))
    writer = points.writer(buffers)
    writer.write(len(cloud))
    writer.close()


def _structure(libe57: Any, image: Any, pose: dict[str, NDArray[np.float64]]) -> Any:
    node = libe57.StructureNode(image)
    for (name, values), parts in zip(pose.items(), (_ROTATION, PLACE), strict=True):
        inner = libe57.StructureNode(image)
        for part, value in zip(parts, values.tolist(), strict=True):
            inner.set(part, libe57.FloatNode(image, value))
        node.set(name, inner)
    return node


def _theirs(cloud: Cloud) -> dict[str, NDArray[Any]]:
    """Return the columns by E57's names; rows of NaN are marked as invalid. Fields that E57 does not know stay out."""
    ours = columns_of(cloud, "m")
    invalid = np.isnan(cloud.points_m).any(axis=1)
    names = dict(zip((*PLACE, *NORMAL, *COLOURS), (*CARTESIAN, *THEIR_NORMALS, *THEIR_COLOURS), strict=True))
    names |= {ours_name: theirs for theirs, ours_name in FIELDS.items()}
    columns: dict[str, NDArray[Any]] = {names[name]: values for name, values in ours.items() if name in names}
    for name in CARTESIAN:
        columns[name] = np.where(invalid, 0.0, columns[name])
    for name in FIELDS:
        if name in columns:
            columns[name] = columns[name].astype(np.float64)
    if invalid.any():
        columns["cartesianInvalidState"] = np.where(invalid, 2, 0).astype(np.uint8)
    return columns
