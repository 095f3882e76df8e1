# SPDX-License-Identifier: Apache-2.0
"""NPZ: our own values as NumPy arrays, metres, every bit kept."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from visionvalley.core import BadInput, Cloud, Mesh
from visionvalley.io import units
from visionvalley.io.atomic import written
from visionvalley.io.bombs import open_zip
from visionvalley.io.opening import size

FIELD = "field_"


def read(path: Path, unit: str | None = None) -> Cloud | Mesh:
    """Read points or a surface, whichever `write` was given."""
    units.settled(path, unit, "m")
    arrays = _arrays(path)
    if "vertices_m" in arrays and "faces" in arrays:
        return Mesh(arrays["vertices_m"], arrays["faces"], arrays.get("vertex_colours"), arrays.get("face_colours"))
    if "points_m" not in arrays:
        raise BadInput("io.no_points", path=path)
    fields = {name.removeprefix(FIELD): values for name, values in arrays.items() if name.startswith(FIELD)}
    return Cloud(arrays["points_m"], arrays.get("normals"), arrays.get("colours"), fields)


def read_cloud(path: Path, unit: str | None = None) -> Cloud:
    """Read points; of a surface, its vertices."""
    value = read(path, unit)
    return value if isinstance(value, Cloud) else Cloud(value.vertices_m, None, value.vertex_colours)


def read_mesh(path: Path, unit: str | None = None) -> Mesh:
    """Read a surface; BadInput where the file has points."""
    value = read(path, unit)
    if isinstance(value, Cloud):
        raise BadInput("io.no_faces", path=path)
    return value


def write(path: Path, value: Cloud | Mesh, unit: str | None = None) -> None:
    """Write points or a surface, not compressed; BadInput for a unit other than metres."""
    units.settled(path, unit, "m")
    surface = ("vertices_m", "faces", "vertex_colours", "face_colours")
    names = surface if isinstance(value, Mesh) else ("points_m", "normals", "colours")
    arrays = {name: getattr(value, name) for name in names if getattr(value, name) is not None}
    if isinstance(value, Cloud):
        arrays |= {FIELD + name: values for name, values in value.fields.items()}
    with written(path) as file:
        np.savez(file, **arrays)


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    size(path)
    with open_zip(path) as archive:
        arrays = {}
        for entry in archive.infolist():
            with archive.open(entry) as file:
                arrays[entry.filename.removesuffix(".npy")] = _array(path, file, entry)  # type: ignore[arg-type]
        return arrays


def _array(path: Path, file: BinaryIO, entry: zipfile.ZipInfo) -> NDArray[Any]:
    """Read one array; NumPy's own reader would allocate what the header claims."""
    try:
        version = npy.read_magic(file)
        head = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = head(file)
        values = 1
        for length in shape:
            values *= int(length)
        if dtype.kind not in "fiub" or not 0 <= values * dtype.itemsize <= entry.file_size or min(shape, default=0) < 0:
            raise ValueError(entry.filename)
        data = file.read(values * dtype.itemsize)
        return np.frombuffer(data, dtype, values).reshape(shape, order="F" if fortran else "C")
    except Exception as error:  # NumPy parses the header as Python, and raises what that raises
        raise BadInput("io.bad_array", path=path, name=entry.filename) from error
