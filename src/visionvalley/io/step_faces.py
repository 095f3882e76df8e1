# SPDX-License-Identifier: Apache-2.0
"""The faces of a STEP file: their triangles, and the exact surface of each. Needs `visionvalley[cad]`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from visionvalley.core import BadInput, Cone, Cylinder, Element, Mesh, Part, Plane, Sphere, require_positive
from visionvalley.core.arrays import Floats
from visionvalley.io import step, units
from visionvalley.io.faces import indexed

OTHER, PLANE, CYLINDER, CONE, SPHERE = range(5)
WIDTH = 10  # numbers a row: see `rows`


def read_part(path: Path, unit: str | None = None, chord_m: float | None = None) -> Part:
    """Read a STEP file as a part: triangles, the face of each, and the faces' surfaces, in the order of the file.

    chord_m  how far a triangle may lie from the surface; by default 1/5000 of the part's diagonal

    Plane, cylinder, cone and sphere are told apart; other surfaces are None. On which side the material lies is not
    said yet: directions are those of the file. Raises BadInput as `step.read_mesh` does.
    """
    if unit is not None:
        units.known(unit)
    if chord_m is not None:
        require_positive(chord_m=chord_m)
    step.require_step(path)
    table = step.call_apart(path, f"{__name__}:rows", chord_m)
    if not np.isfinite(table).all():
        raise BadInput("io.not_finite", path=path)
    of_triangle = table[:, 0] >= 0
    corners_mm, face = table[of_triangle, 1:].reshape(-1, 3, 3), table[of_triangle, 0].astype(np.int32)
    vertices, faces = indexed(step.on_grid(corners_mm))
    a, b, c = faces.T
    whole = (a != b) & (b != c) & (c != a)  # at a pole two corners of a triangle can be one
    mesh = Mesh(units.in_metres(vertices, "mm"), faces[whole])
    about = table[~of_triangle]
    surfaces = tuple(_surface(row) for row in about[about[:, 1] >= 0])
    used_m = float(about[about[:, 1] < 0][0, 2]) / 1000
    return Part(mesh, face[whole], surfaces, used_m)


def load() -> None:
    """Load the library, all that is used of it; takes a second."""
    from OCP import BRep, BRepAdaptor, BRepBndLib, BRepMesh, GeomAbs, TopExp, TopoDS  # noqa: F401
    from OCP.STEPControl import STEPControl_Controller

    STEPControl_Controller.Init_s()


def rows(path: Path, chord_mm: float | None) -> Floats:
    """Return triangles, surfaces and the chord as one table (R, 10), millimetres.

    A triangle: the number of its face, nine coordinates. A surface: -1, kind, point, direction, radius, half angle.
    The chord: -1, -1, chord.
    """
    shape = step.shape_of(path)
    chord_mm = step.relative_chord_mm(shape) if chord_mm is None else chord_mm
    step.cut(shape, chord_mm)
    table = [np.array([[-1.0, -1.0, chord_mm] + [0.0] * (WIDTH - 3)])]
    for number, face in enumerate(step.faces_of(shape)):
        vertices, faces = step.triangles_of(face)
        corners = vertices[faces].reshape(-1, 9)
        table.append(np.column_stack([np.full(len(corners), float(number)), corners]))
        table.append(np.array([[-1.0, *_about(face)]]))
    if not any((part[:, 0] >= 0).any() for part in table):
        raise BadInput("io.no_faces", path=path)
    return np.concatenate(table)


def _about(face: Any) -> list[float]:
    """Return kind, point, direction, radius and half angle of the surface that a face lies on."""
    from OCP.BRepAdaptor import BRepAdaptor_Surface
    from OCP.GeomAbs import GeomAbs_SurfaceType as Kind

    surface = BRepAdaptor_Surface(face)
    kind = surface.GetType()
    if kind == Kind.GeomAbs_Plane:
        return [PLANE, *_axis(surface.Plane().Axis()), 0.0, 0.0]
    if kind == Kind.GeomAbs_Cylinder:
        return [CYLINDER, *_axis(surface.Cylinder().Axis()), surface.Cylinder().Radius(), 0.0]
    if kind == Kind.GeomAbs_Cone:
        cone = surface.Cone()
        return [CONE, *_axis(cone.Axis()), cone.RefRadius(), cone.SemiAngle()]
    if kind == Kind.GeomAbs_Sphere:
        ball = surface.Sphere()
        return [SPHERE, *_axis(ball.Position().Axis()), ball.Radius(), 0.0]
    return [OTHER] + [0.0] * (WIDTH - 2)


def _axis(axis: Any) -> list[float]:
    place, way = axis.Location(), axis.Direction()
    return [place.X(), place.Y(), place.Z(), way.X(), way.Y(), way.Z()]


def _surface(row: Floats) -> Element | None:
    kind, point_m, direction, radius_m = int(row[1]), row[2:5] / 1000, row[5:8], float(row[8]) / 1000
    angle = float(row[9])
    if kind == PLANE:
        return Plane(point_m, direction)
    if kind == CYLINDER:
        return Cylinder(point_m, direction, radius_m)
    if kind == SPHERE:
        return Sphere(point_m, radius_m)
    if kind == CONE:
        direction, angle = (direction, angle) if angle > 0 else (-direction, -angle)
        if radius_m <= 0:  # the reference circle is the apex
            point_m, radius_m = point_m + 1e-3 * direction, 1e-3 * math.tan(angle)
        return Cone(point_m, direction, radius_m, angle)
    return None
