# SPDX-License-Identifier: Apache-2.0
"""3MF: surfaces with their unit and colours, placed by the build; read and written by lib3mf."""

from __future__ import annotations

import ctypes
import locale
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Mesh
from visionvalley.core.arrays import Ints
from visionvalley.io import units
from visionvalley.io.atomic import beside
from visionvalley.io.bombs import open_zip, require_honest
from visionvalley.io.threemf_graph import require_modest

UNITS = ("um", "mm", "cm", "in", "ft", "m")  # in the order of lib3mf's numbers
NO_UUID = 32944  # of the warnings, the only one that breaks no rule of the core specification
MOST_TRIANGLES = 100_000_000
MOST_DEPTH = 32
GREY = (128, 128, 128)
POSITION = np.dtype([("place", "<f4", 3)])
TRIANGLE = np.dtype([("corners", "<u4", 3)])
PROPERTIES = np.dtype([("resource", "<u4"), ("ids", "<u4", 3)])
COLOURS, MATERIALS = 3, 1  # property types that have one colour


@dataclass(frozen=True, slots=True)
class Placed:
    """A mesh object and where the build puts it: p -> p @ turn + shift, in the file's unit."""

    mesh: Any
    turn: NDArray[np.float64]
    shift: NDArray[np.float64]


def read_mesh(path: Path, unit: str | None = None) -> Mesh:
    """Read all that the build places, as one surface in metres; colours per triangle where there are any.

    Raises BadInput where the file breaks the specification, holds a zip bomb, or places more than 100 M triangles.
    """
    require_honest(path)
    with open_zip(path) as archive:
        require_modest(path, archive)
    from lib3mf.Lib3MF import ELib3MFException

    try:
        return _read(path, unit)
    except ELib3MFException as error:
        raise BadInput("io.refused_by_library", path=path, format="3MF", reason=str(error)) from error


@cache
def _library() -> Any:
    """Return the library; its binding looks up 700 functions each time that it is asked."""
    import lib3mf

    return lib3mf.get_wrapper()


@contextmanager
def _same_locale() -> Iterator[None]:
    """Set the locale back: lib3mf leaves it at "C", after which Python takes files and pipes to be ASCII."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        yield
    finally:
        locale.setlocale(locale.LC_ALL, before)


def _read(path: Path, unit: str | None) -> Mesh:
    model = _library().CreateModel()
    reader = model.QueryReader("3mf")
    with _same_locale():
        reader.ReadFromFile(str(path))
    warnings = [reader.GetWarning(i) for i in range(reader.GetWarningCount())]
    for number, words in warnings:
        if number != NO_UUID:
            raise BadInput("io.refused_by_library", path=path, format="3MF", reason=words)
    settled = units.settled(path, unit, UNITS[int(model.GetUnit())])
    placed = _build(path, model)
    pieces = [_geometry(one) for one in placed]
    if not any(len(faces) for _, faces in pieces):
        raise BadInput("io.no_faces", path=path)
    starts = np.cumsum([0] + [len(vertices) for vertices, _ in pieces])
    vertices = np.concatenate([vertices for vertices, _ in pieces])
    if not np.isfinite(vertices).all():
        raise BadInput("io.not_finite", path=path)
    faces = np.concatenate([faces + start for (_, faces), start in zip(pieces, starts, strict=False)]).astype(np.int32)
    return _coloured(units.in_metres(vertices, settled), faces, _corner_colours(model, placed))


def _build(path: Path, model: Any) -> list[Placed]:
    """Return every mesh that the build places, components opened; the count is checked before they are."""
    found: list[Placed] = []
    left = MOST_TRIANGLES
    waiting = []
    items = model.GetBuildItems()
    while items.MoveNext():
        item = items.GetCurrent()
        matrix = _matrix(item.GetObjectTransform()) if item.HasObjectTransform() else np.eye(4, 3)
        waiting.append((item.GetObjectResource(), matrix, 0))
    while waiting:
        thing, matrix, depth = waiting.pop(0)
        left -= 1 + (thing.GetTriangleCount() if thing.IsMeshObject() else 0)
        if left < 0 or depth > MOST_DEPTH or len(found) + len(waiting) > MOST_TRIANGLES // 100:
            raise BadInput("io.bomb", path=path, packed=path.stat().st_size, plain=MOST_TRIANGLES)
        if thing.IsMeshObject():
            found.append(Placed(thing, matrix[:3], matrix[3]))
            continue
        for i in range(thing.GetComponentCount()):
            part = thing.GetComponent(i)
            inner = _matrix(part.GetTransform()) if part.HasTransform() else np.eye(4, 3)
            shift = inner[3] @ matrix[:3] + matrix[3]
            waiting.append((part.GetObjectResource(), np.vstack([inner[:3] @ matrix[:3], shift]), depth + 1))
    return found


def _matrix(transform: Any) -> NDArray[np.float64]:
    return np.array([list(row) for row in transform.Fields], np.float64)


def _geometry(placed: Placed) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return vertices (V, 3) in the build's frame and faces (F, 3); a mirroring transform turns them round."""
    mesh = placed.mesh
    raw = _filled(mesh, "getvertices", mesh.GetVertexCount(), POSITION, "Position")["place"]
    faces = _filled(mesh, "gettriangleindices", mesh.GetTriangleCount(), TRIANGLE, "Triangle")["corners"].astype(
        np.int64
    )
    with np.errstate(all="ignore"):
        x, y, z = raw.astype(np.float64).T[:, :, None]
        vertices = x * placed.turn[0] + y * placed.turn[1] + z * placed.turn[2] + placed.shift
        mirrored = np.linalg.det(placed.turn) < 0
    return vertices, faces[:, ::-1] if mirrored else faces


def _filled(mesh: Any, function: str, count: int, dtype: np.dtype[Any], struct: str) -> NDArray[Any]:
    """Return a mesh's table straight from the library; its Python binding makes an object of each row."""
    table = np.zeros(count, dtype)
    if count:
        _call(mesh, function, ctypes.c_uint64(count), ctypes.c_uint64(0), _pointer(table, struct))
    return table


def _call(mesh: Any, function: str, *arguments: Any) -> None:
    call = getattr(mesh._wrapper.lib, f"lib3mf_meshobject_{function}")
    mesh._wrapper.checkError(mesh, call(mesh._handle, *arguments))


def _pointer(table: NDArray[Any], struct: str) -> Any:
    from lib3mf import Lib3MF

    return table.ctypes.data_as(ctypes.POINTER(getattr(Lib3MF, struct)))


def _corner_colours(model: Any, placed: list[Placed]) -> NDArray[np.uint8] | None:
    """Return the colours of the triangles' corners (F, 3, 3), grey where there is none; None if no corner has one."""
    groups: dict[int, NDArray[np.uint8] | None] = {0: None}
    parts, any_colour = [], False
    for one in placed:
        resources, ids = _properties(one.mesh)
        colours = np.full((len(resources), 3, 3), GREY, np.uint8)
        for resource in np.unique(resources).tolist():
            if resource not in groups:
                groups[resource] = _group(model, resource)
            group = groups[resource]
            if group is not None:
                rows = resources == resource
                colours[rows] = group[np.minimum(ids[rows], len(group) - 1)]
                any_colour = True
        parts.append(colours)
    return np.concatenate(parts) if any_colour else None


def _coloured(vertices_m: NDArray[np.float64], faces: Ints, corners: NDArray[np.uint8] | None) -> Mesh:
    """Return the surface with colours per vertex where triangles shade from corner to corner, else per triangle."""
    if corners is None:
        return Mesh(vertices_m, faces)
    of_vertex = np.full((len(vertices_m), 3), GREY, np.uint8)
    of_vertex[faces] = corners
    if (corners != corners[:, :1]).any() and (of_vertex[faces] == corners).all():
        return Mesh(vertices_m, faces, of_vertex)
    return Mesh(vertices_m, faces, None, np.rint(corners.mean(axis=1)).astype(np.uint8))


def _properties(mesh: Any) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the property group (F,) of each triangle and the properties of its corners (F, 3)."""
    table = _filled(mesh, "getalltriangleproperties", mesh.GetTriangleCount(), PROPERTIES, "TriangleProperties")
    resource, own, has = mesh.GetObjectLevelProperty()
    if has:
        bare = table["resource"] == 0
        table["resource"][bare], table["ids"][bare] = resource, own
    return table["resource"], table["ids"]


def _group(model: Any, resource: int) -> NDArray[np.uint8] | None:
    """Return the colours of a property group by their id, None where it has no plain colours."""
    kind = int(model.GetPropertyTypeByID(resource))
    if kind == COLOURS:
        group = model.GetColorGroupByID(resource)
        ids, of = group.GetAllPropertyIDs(), group.GetColor
    elif kind == MATERIALS:
        group = model.GetBaseMaterialGroupByID(resource)
        ids, of = group.GetAllPropertyIDs(), group.GetDisplayColor
    else:
        return None
    table = np.full((max(ids, default=0) + 1, 3), GREY, np.uint8)
    for one in ids:
        colour = of(one)
        table[one] = (colour.Red, colour.Green, colour.Blue)
    return table


def write(path: Path, mesh: Mesh, unit: str | None = None) -> None:
    """Write one object with its colours, in millimetres or another of 3MF's units; coordinates are floats there."""
    from lib3mf import Lib3MF

    settled = units.known(unit or "mm")
    if settled not in UNITS:
        raise BadInput("io.unit_unknown", unit=settled, known=", ".join(UNITS))
    try:
        wrapper = _library()
        model = wrapper.CreateModel()
        model.SetUnit(Lib3MF.ModelUnit(UNITS.index(settled)))
        thing = model.AddMeshObject()
        _set_geometry(path, thing, units.in_unit(mesh.vertices_m, settled), mesh)
        _set_colours(model, thing, mesh)
        model.AddBuildItem(thing, wrapper.GetIdentityTransform())
        writer = model.QueryWriter("3mf")
        writer.SetDecimalPrecision(9)
        with beside(path) as partial, _same_locale():
            writer.WriteToFile(str(partial))
    except Lib3MF.ELib3MFException as error:
        raise BadInput("io.unwritable", path=path, reason=str(error)) from error


def _set_geometry(path: Path, thing: Any, vertices: NDArray[np.float64], mesh: Mesh) -> None:
    places, corners = np.zeros(len(vertices), POSITION), np.zeros(len(mesh.faces), TRIANGLE)
    with np.errstate(over="ignore"):
        places["place"], corners["corners"] = vertices, mesh.faces
    if not np.isfinite(places["place"]).all():
        raise BadInput("io.too_large_a_number", path=path)
    if len(corners) == 0:
        raise BadInput("io.no_faces", path=path)
    _call(
        thing,
        "setgeometry",
        *(ctypes.c_uint64(len(places)), _pointer(places, "Position")),
        *(ctypes.c_uint64(len(corners)), _pointer(corners, "Triangle")),
    )


def _set_colours(model: Any, thing: Any, mesh: Mesh) -> None:
    if mesh.vertex_colours is not None:
        corners = mesh.vertex_colours[mesh.faces]
    elif mesh.face_colours is not None:
        corners = np.repeat(mesh.face_colours[:, None], 3, axis=1)
    else:
        return
    group = model.AddColorGroup()
    colours, which = np.unique(corners.reshape(-1, 3), axis=0, return_inverse=True)
    ids = [group.AddColor(model._wrapper.RGBAToColor(*colour, 255)) for colour in colours.tolist()]
    table = np.zeros(len(corners), PROPERTIES)
    table["resource"], table["ids"] = group.GetResourceID(), np.array(ids)[which.reshape(-1, 3)]
    _call(thing, "setalltriangleproperties", ctypes.c_uint64(len(table)), _pointer(table, "TriangleProperties"))
    thing.SetObjectLevelProperty(group.GetResourceID(), ids[0])
