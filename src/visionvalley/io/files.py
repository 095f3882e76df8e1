# SPDX-License-Identifier: Apache-2.0
"""The verbs of this room, and the tables that say which file reads and writes which suffix."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from pathlib import Path

from visionvalley.core import BadInput, Cloud, Mesh
from visionvalley.io import ply, step, stl
from visionvalley.io.opening import PathLike, size

Reader = TypeVar("Reader")

SURFACES: dict[str, Callable[[Path, str | None], Mesh]] = {
    ".ply": ply.read_mesh,
    ".stl": stl.read_mesh,
    ".step": step.read_mesh,
    ".stp": step.read_mesh,
}
POINTS: dict[str, Callable[[Path, str | None], Cloud]] = {
    ".ply": ply.read_cloud,
}


def read_mesh(path: PathLike, unit: str | None = None, chord_m: float | None = None) -> Mesh:
    """Read a surface in metres.

    unit     'mm', 'm', 'in', 'um', 'cm' or 'ft': needed by the formats that carry none (STL, OBJ, PLY, OFF)
    chord_m  how far triangles may lie from an exact surface (STEP)
    """
    file = Path(path)
    reader = _found(SURFACES, file)
    size(file)
    if reader is step.read_mesh:
        return step.read_mesh(file, unit, chord_m)
    return reader(file, unit)


def read_cloud(path: PathLike, unit: str | None = None) -> Cloud:
    """Read points in metres; of a surface, its vertices."""
    file = Path(path)
    if file.suffix.lower() not in POINTS:
        mesh = read_mesh(file, unit)
        return Cloud(mesh.vertices_m, None, mesh.vertex_colours)
    size(file)
    return POINTS[file.suffix.lower()](file, unit)


def _found(table: dict[str, Reader], path: Path) -> Reader:
    entry = table.get(path.suffix.lower())
    if entry is None:
        raise BadInput("io.unknown_suffix", path=path, suffix=path.suffix, known=" ".join(table))
    return entry
