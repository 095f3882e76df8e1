# SPDX-License-Identifier: Apache-2.0
"""Points as named columns: x y z, nx ny nz, red green blue; columns of other names are fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Cloud, Mesh
from visionvalley.core.arrays import Floats
from visionvalley.io import units

PLACE = ("x", "y", "z")
NORMAL = ("nx", "ny", "nz")
COLOURS = ("red", "green", "blue")
Columns = Mapping[str, NDArray[Any]]


def cloud_of(path: Path, columns: Columns, unit: str) -> Cloud:
    """Return the points of named columns, lengths in `unit`; BadInput where x, y, z are missing or infinite."""
    if not set(PLACE) <= columns.keys():
        raise BadInput("io.no_coordinates", path=path)
    points_m = units.in_metres(_stacked(columns, PLACE), unit)
    if np.isinf(points_m).any():
        raise BadInput("io.not_finite", path=path)
    normals = _stacked(columns, NORMAL) if set(NORMAL) <= columns.keys() else None
    colours = colours_of(columns)
    used = {*PLACE, *(NORMAL if normals is not None else ()), *(COLOURS if colours is not None else ())}
    return Cloud(points_m, normals, colours, {name: values for name, values in columns.items() if name not in used})


def colours_of(columns: Columns) -> NDArray[np.uint8] | None:
    """Return red, green, blue as bytes: floats are taken as 0 ... 1, of 16 bits the higher ones are kept."""
    if not set(COLOURS) <= columns.keys():
        return None
    colours: NDArray[Any] = np.stack([columns[name] for name in COLOURS], axis=1)
    if colours.dtype.kind == "f":
        colours = np.rint(np.clip(np.nan_to_num(colours), 0, 1) * 255)
    elif colours.dtype.itemsize == 2:
        colours = colours.astype(np.int64) >> 8
    bytes_: NDArray[np.uint8] = np.clip(colours, 0, 255).astype(np.uint8)
    return bytes_


def colours_from_text(values: Floats) -> NDArray[np.uint8]:
    """Return colours (N, 3) of a text as bytes: taken as 0 ... 1 if no value is above 1, else as 0 ... 255.

    values  (N, 3), or (N, 4) with an opacity, which tells the two apart where all colours are dark
    """
    plain = np.nan_to_num(values)
    factor = 255 if len(plain) and plain.max() <= 1 else 1
    bytes_: NDArray[np.uint8] = np.rint(np.clip(plain[:, :3] * factor, 0, 255)).astype(np.uint8)
    return bytes_


def columns_of(value: Cloud | Mesh, unit: str) -> dict[str, NDArray[Any]]:
    """Return what is to be written of each point or vertex: places as doubles in `unit`, normals as floats."""
    cloud = Cloud(value.vertices_m, None, value.vertex_colours) if isinstance(value, Mesh) else value
    columns: dict[str, NDArray[Any]] = dict(zip(PLACE, units.in_unit(cloud.points_m, unit).T, strict=True))
    if cloud.normals is not None:
        columns |= dict(zip(NORMAL, cloud.normals.T.astype(np.float32), strict=True))
    if cloud.colours is not None:
        columns |= dict(zip(COLOURS, cloud.colours.T, strict=True))
    for name, values in cloud.fields.items():
        plain = "".join(c if c.isascii() and c.isprintable() and c not in " ,;#\"'" else "_" for c in name) or "_"
        columns.setdefault(plain, _common(values))
    return columns


def joined(clouds: list[Cloud]) -> Cloud:
    """Return the points of several clouds of one kind."""
    first = clouds[0]
    if len(clouds) == 1:
        return first
    return Cloud(
        np.concatenate([one.points_m for one in clouds]),
        None if first.normals is None else np.concatenate([one.normals for one in clouds if one.normals is not None]),
        None if first.colours is None else np.concatenate([one.colours for one in clouds if one.colours is not None]),
        {name: np.concatenate([one.fields[name] for one in clouds]) for name in first.fields},
    )


def sliced(columns: Columns, first: int, count: int) -> dict[str, NDArray[Any]]:
    """Return some rows of all columns."""
    return {name: column[first : first + count] for name, column in columns.items()}


def ordered(dtype: np.dtype[Any], order: str) -> np.dtype[Any]:
    """Return a type in a byte order: '<', '>' or '='."""
    return np.dtype(order + dtype.str[1:])


def _stacked(columns: Columns, names: Sequence[str]) -> Floats:
    with np.errstate(invalid="ignore"):  # some NaN of floats are signals that become warnings
        return np.stack([columns[name].astype(np.float64, copy=False) for name in names], axis=1)


def _common(values: NDArray[Any]) -> NDArray[Any]:
    """Return numbers in a type that every format has: of 64-bit integers 32-bit ones or doubles."""
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    if values.dtype.kind in "iu" and values.dtype.itemsize == 8:
        small = len(values) == 0 or (values.min() >= -(2**31) and values.max() < 2**31)
        return values.astype(np.int32 if small else np.float64)
    if values.dtype.kind == "f" and values.dtype.itemsize not in (4, 8):
        return values.astype(np.float32 if values.dtype.itemsize == 2 else np.float64)
    return values
