# SPDX-License-Identifier: Apache-2.0
"""STEP (ISO 10303-21): exact surfaces, read as triangles within a chord tolerance. Needs `visionvalley[cad]`."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from visionvalley.core import BadInput, Mesh, require_positive
from visionvalley.core.arrays import Floats, Ints
from visionvalley.io import apart, units
from visionvalley.io.faces import indexed
from visionvalley.io.opening import opened

ANGLE_RAD = 0.35  # 20 degrees: small fillets keep their roundness where the chord alone would flatten them
RELATIVE_CHORD = 2e-4  # of the part's diagonal, where no chord is asked for
FINE_BYTES, FINE_TIME_S = 8 << 30, 300.0  # what a file may take whose chord is asked for: it can be very fine


def read_mesh(path: Path, unit: str | None = None, chord_m: float | None = None) -> Mesh:
    """Read the faces of a STEP file as triangles, in another process; the unit is the file's own.

    chord_m  how far a triangle may lie from the surface; by default 1/5000 of the part's diagonal

    The same file and chord give the same triangles, in the same order. Raises BadInput where the extra is
    missing, and where the file is not STEP or has no faces.
    """
    if unit is not None:
        units.known(unit)
    if chord_m is not None:
        require_positive(chord_m=chord_m)
    require_step(path)
    corners_mm = call_apart(path, f"{__name__}:triangles_mm", chord_m)
    if not np.isfinite(corners_mm).all():
        raise BadInput("io.not_finite", path=path)
    vertices, faces = indexed(on_grid(corners_mm))
    a, b, c = faces.T
    whole = (a != b) & (b != c) & (c != a)  # at a pole two corners of a triangle can be one
    return Mesh(units.in_metres(vertices, "mm"), faces[whole])


def call_apart(path: Path, function: str, chord_m: float | None) -> Floats:
    """Return what `function(path, chord in millimetres or None)` returns in another process."""
    if chord_m is None:
        return apart.call(path, function, None)
    return apart.call(path, function, chord_m * 1000, memory_bytes=FINE_BYTES, time_s=FINE_TIME_S)


def load() -> None:
    """Load the library, all that is used of it; takes a second."""
    from OCP import BRep, BRepBndLib, BRepMesh, TopExp, TopoDS  # noqa: F401
    from OCP.STEPControl import STEPControl_Controller

    STEPControl_Controller.Init_s()


def on_grid(corners_mm: Floats) -> Floats:
    """Return corners rounded to 36 bits of the largest coordinate: neighbours meet though their last bits differ."""
    step = 2.0 ** (np.floor(np.log2(max(float(np.abs(corners_mm).max()), 1e-300))) - 36)
    rounded: Floats = np.round(corners_mm / step) * step
    return rounded


def require_step(path: Path) -> None:
    """Raise BadInput where a file is not STEP, or the extra `cad` is not installed."""
    with opened(path) as file:
        if not file.read(4096).lstrip().startswith(b"ISO-10303-21"):
            raise BadInput("io.not_this_format", path=path, format="STEP")
    if importlib.util.find_spec("OCP") is None:
        raise BadInput("io.needs_extra", path=path, extra="cad")


def triangles_mm(path: Path, chord_mm: float | None) -> Floats:
    """Return the triangles (F, 3, 3) of all faces, millimetres."""
    shape = shape_of(path)
    cut(shape, relative_chord_mm(shape) if chord_mm is None else chord_mm)
    pieces = [vertices[faces] for vertices, faces in map(triangles_of, faces_of(shape))]
    if not any(map(len, pieces)):
        raise BadInput("io.no_faces", path=path)
    return np.concatenate(pieces)


def shape_of(path: Path) -> Any:
    """Return the shape that a file holds."""
    from OCP.IFSelect import IFSelect_ReturnStatus
    from OCP.STEPControl import STEPControl_Reader

    reader = STEPControl_Reader()
    status = reader.ReadFile(str(path))
    if status != IFSelect_ReturnStatus.IFSelect_RetDone or reader.TransferRoots() == 0:
        raise BadInput("io.not_this_format", path=path, format="STEP")
    shape = reader.OneShape()  # in millimetres, whatever the file's unit is
    if shape.IsNull():
        raise BadInput("io.no_faces", path=path)
    return shape


def relative_chord_mm(shape: Any) -> float:
    """Return the chord for a shape where none is asked for."""
    from OCP.Bnd import Bnd_Box
    from OCP.BRepBndLib import BRepBndLib

    box = Bnd_Box()
    BRepBndLib.AddOptimal_s(shape, box, False, False)
    diagonal_mm = 0.0 if box.IsVoid() else float(np.sqrt(box.SquareExtent()))
    return RELATIVE_CHORD * diagonal_mm if 0 < diagonal_mm < np.inf else 0.01


def cut(shape: Any, chord_mm: float) -> None:
    """Cut the faces of a shape into triangles."""
    from OCP.BRepMesh import BRepMesh_IncrementalMesh

    parallel = False  # one thread: the order of the triangles is then always the same
    BRepMesh_IncrementalMesh(shape, chord_mm, False, ANGLE_RAD, parallel)


def faces_of(shape: Any) -> Iterator[Any]:
    """Yield the faces of a shape, in the order of the file."""
    from OCP.TopAbs import TopAbs_ShapeEnum
    from OCP.TopExp import TopExp_Explorer
    from OCP.TopoDS import TopoDS

    as_face = getattr(TopoDS, "Face_s", None) or TopoDS.Face
    explorer = TopExp_Explorer(shape, TopAbs_ShapeEnum.TopAbs_FACE)
    while explorer.More():
        yield as_face(explorer.Current())
        explorer.Next()


def triangles_of(face: Any) -> tuple[Floats, Ints]:
    """Return vertices (V, 3) and triangles (F, 3) of a face, seen counter-clockwise from outside."""
    from OCP.BRep import BRep_Tool
    from OCP.TopLoc import TopLoc_Location

    place = TopLoc_Location()
    triangulation = BRep_Tool.Triangulation_s(face, place)
    if triangulation is None or not triangulation.NbTriangles():
        return np.empty((0, 3)), np.empty((0, 3), np.int32)
    return _in_place(triangulation, place, face)


def _in_place(triangulation: Any, place: Any, face: Any) -> tuple[Floats, Ints]:
    from OCP.TopAbs import TopAbs_Orientation

    motion = place.Transformation()
    nodes = (triangulation.Node(i).Transformed(motion) for i in range(1, triangulation.NbNodes() + 1))
    vertices = np.array([(node.X(), node.Y(), node.Z()) for node in nodes])
    faces = np.array([triangulation.Triangle(i).Get() for i in range(1, triangulation.NbTriangles() + 1)], np.int32) - 1
    turned = (face.Orientation() == TopAbs_Orientation.TopAbs_REVERSED) != bool(motion.IsNegative())
    return vertices, faces[:, ::-1] if turned else faces
