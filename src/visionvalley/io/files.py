# SPDX-License-Identifier: Apache-2.0
"""The verbs of this room, and the tables that say who reads and writes which suffix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from visionvalley.core import SILENT, BadInput, Cloud, Mesh, Part, Pose, Progress, stage
from visionvalley.io import e57, glb, kitti, las, npz, obj, off, pcd, ply, step, step_faces, stl, threemf, xyz
from visionvalley.io.opening import PathLike, size

Entry = TypeVar("Entry")
TEXT = (".xyz", ".csv", ".txt", ".asc", ".pts")

POINTS: dict[str, Callable[[Path, str | None], Cloud]] = {
    ".ply": ply.read_cloud,
    ".pcd": pcd.read_cloud,
    ".las": las.read_cloud,
    ".laz": las.read_cloud,
    ".e57": e57.read_cloud,
    ".bin": kitti.read_cloud,
    ".npz": npz.read_cloud,
    **dict.fromkeys(TEXT, xyz.read_cloud),
}
SURFACES: dict[str, Callable[[Path, str | None], Mesh]] = {
    ".ply": ply.read_mesh,
    ".stl": stl.read_mesh,
    ".obj": obj.read_mesh,
    ".off": off.read_mesh,
    ".3mf": threemf.read_mesh,
    ".npz": npz.read_mesh,
    ".step": step.read_mesh,
    ".stp": step.read_mesh,
}
KNOW_THEIR_UNIT = {".las", ".laz", ".e57", ".bin", ".npz", ".3mf", ".step", ".stp"}
EITHER: dict[str, Callable[[Path, str | None], Cloud | Mesh]] = {".ply": ply.read, ".npz": npz.read}
CHUNKS: dict[str, Callable[[Path, str | None, int], Iterator[Cloud]]] = {
    ".ply": ply.chunks,
    ".pcd": pcd.chunks,
    ".las": las.chunks,
    ".laz": las.chunks,
    ".e57": e57.chunks,
    ".bin": kitti.chunks,
    **dict.fromkeys(TEXT, xyz.chunks),
}
COUNTS: dict[str, Callable[[Path], int]] = {
    ".ply": ply.count,
    ".pcd": pcd.count,
    ".las": las.count,
    ".laz": las.count,
    ".e57": e57.count,
    ".bin": kitti.count,
    **dict.fromkeys(TEXT, xyz.count),
}
WRITES_POINTS: dict[str, Callable[[Path, Any, str | None], None]] = {
    ".ply": ply.write,
    ".pcd": pcd.write,
    ".las": las.write,
    ".laz": las.write,
    ".e57": e57.write,
    ".bin": kitti.write,
    ".npz": npz.write,
    ".glb": glb.write,
    **dict.fromkeys(TEXT, xyz.write),
}
WRITES_SURFACES: dict[str, Callable[[Path, Any, str | None], None]] = {
    ".ply": ply.write,
    ".stl": stl.write,
    ".obj": obj.write,
    ".off": off.write,
    ".3mf": threemf.write,
    ".npz": npz.write,
    ".glb": glb.write,
}


def read(path: PathLike, unit: str | None = None) -> Cloud | Mesh:
    """Read what the file holds, in metres: a surface where it has faces, else points.

    unit  'mm', 'm', 'in', 'um', 'cm' or 'ft': needed by the formats that carry none

    Raises BadInput for any file that cannot be used.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix in EITHER:
        size(file)
        return EITHER[suffix](file, unit)
    return read_mesh(file, unit) if suffix in SURFACES else read_cloud(file, unit)


def read_cloud(path: PathLike, unit: str | None = None) -> Cloud:
    """Read points in metres; of a surface, its vertices."""
    file = Path(path)
    if file.suffix.lower() in SURFACES and file.suffix.lower() not in POINTS:
        mesh = read_mesh(file, unit)
        return Cloud(mesh.vertices_m, None, mesh.vertex_colours)
    reader = _found(POINTS, file)
    size(file)
    return reader(file, unit)


def read_mesh(path: PathLike, unit: str | None = None, chord_m: float | None = None) -> Mesh:
    """Read a surface in metres.

    chord_m  how far triangles may lie from an exact surface (STEP); other formats have triangles already
    """
    file = Path(path)
    reader = _found(SURFACES, file)
    size(file)
    if reader is step.read_mesh:
        return step.read_mesh(file, unit, chord_m)
    return reader(file, unit)


def read_part(path: PathLike, unit: str | None = None, chord_m: float | None = None) -> Part:
    """Read a surface in metres with its faces: of STEP as in the file; other formats hold triangles without faces.

    chord_m  how far triangles may lie from an exact surface (STEP)
    """
    file = Path(path)
    if _found(SURFACES, file) is step.read_mesh:
        size(file)
        return step_faces.read_part(file, unit, chord_m)
    mesh = read_mesh(file, unit)
    return Part(mesh, np.full(len(mesh.faces), -1, np.int32), ())


def read_scans(path: PathLike, unit: str | None = None) -> tuple[tuple[Cloud, Pose], ...]:
    """Read scans, each in its own frame, with `world_from_scan`; other formats than E57 hold one, at the identity."""
    file = Path(path)
    if file.suffix.lower() == ".e57":
        size(file)
        return e57.read_scans(file, unit)
    return ((read_cloud(file, unit), Pose.identity()),)


def read_chunks(
    path: PathLike, unit: str | None = None, points: int = 1_000_000, progress: Progress = SILENT
) -> Iterator[Cloud]:
    """Give the points of a large file in file order, at most so many at once."""
    file = Path(path)
    reader = _found(CHUNKS, file)
    if points < 1:
        raise BadInput("core.not_positive", name="points", value=points)
    with stage(progress, "io.reading", count_points(file), file=file.name):
        for cloud in reader(file, unit, points):
            progress.advance(len(cloud))
            yield cloud


def count_points(path: PathLike) -> int:
    """Return how many points a file says it has, without reading them."""
    file = Path(path)
    counter = _found(COUNTS, file)
    size(file)
    return counter(file)


def write(path: PathLike, value: Cloud | Mesh, unit: str | None = None) -> None:
    """Write points or a surface; whole or, on any error, not at all.

    unit  the unit of the file's numbers: needed by the formats that carry none, and named in their comments
    """
    file = Path(path)
    _found(WRITES_POINTS if isinstance(value, Cloud) else WRITES_SURFACES, file)(file, value, unit)


def carries_unit(path: PathLike) -> bool:
    """Whether a file's format knows its unit, so that none needs to be given."""
    return Path(path).suffix.lower() in KNOW_THEIR_UNIT


def _found(table: dict[str, Entry], path: Path) -> Entry:
    entry = table.get(path.suffix.lower())
    if entry is None:
        raise BadInput("io.unknown_suffix", path=path, suffix=path.suffix, known=" ".join(table))
    return entry
