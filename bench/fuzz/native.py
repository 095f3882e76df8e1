# SPDX-License-Identifier: Apache-2.0
"""Small good files of the formats that libraries read: every kind of record, in a few hundred bytes to a few kB.

What a library writes of the day (dates, random names) is taken out, so that the same seed makes the same inputs.
"""

from __future__ import annotations

import io as streams
import locale
import os
import re
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from bench.fuzz import texts
from bench.fuzz.pages import with_checks, without_checks

POINTS = 9
OF_THE_DAY = re.compile(rb"\d{4}-\d\d-\d\dT[\d:]+|(?<=translator )[\d. ]+|(?<=OCCURRENCE\(')\d+")
GEO_KEYS = struct.pack("<16H", 1, 1, 0, 3, 1024, 0, 1, 1, 3076, 0, 1, 9002, 2052, 0, 1, 9001)
WKT = b'PROJCS["p",GEOGCS["g",UNIT["degree",0.0174532925199433]],UNIT["metre",1]]\0'


def las(folder: Path, suffix: str = "las") -> list[bytes]:
    """Return files of every kind of point, with and without a coordinate system and extra bytes."""
    import laspy

    found = []
    for number, (version, kind) in enumerate((("1.2", 0), ("1.2", 3), ("1.3", 1), ("1.4", 6), ("1.4", 7), ("1.4", 8))):
        rng = np.random.default_rng(number)
        header = laspy.LasHeader(version=version, point_format=kind)
        header.scales, header.offsets = np.full(3, 0.001), np.array([1.0, 2, 3])
        if kind in (3, 8):
            header.add_extra_dims([laspy.ExtraBytesParams("f", np.float32), laspy.ExtraBytesParams("u", "3u2")])
        geo, wkt = (laspy.VLR("LASF_Projection", at, "", data) for at, data in ((34735, GEO_KEYS), (2112, WKT)))
        header.vlrs.extend([] if kind == 0 else [geo] if version != "1.4" else [wkt])
        data = laspy.LasData(header)
        data.x, data.y, data.z = rng.random((3, POINTS))
        for name in ("intensity", "gps_time", "red", "green", "nir", "u"):
            if name not in data.point_format.dimension_names:
                continue
            data[name] = rng.integers(0, 60_000, np.shape(data[name]))
        if kind == 7:
            data.evlrs = laspy.vlrs.vlrlist.VLRList([laspy.VLR("LASF_Projection", 2112, "late", WKT)])
        out = streams.BytesIO()
        data.write(out, do_compress=suffix == "laz", laz_backend=laspy.LazBackend.Lazrs if suffix == "laz" else None)
        bytes_ = bytearray(out.getvalue())
        bytes_[90:94] = struct.pack("<HH", 100, 2024)
        found.append(bytes(bytes_))
    return found


def laz(folder: Path) -> list[bytes]:
    """Return the same, compressed: the point-wise chunks of old formats, the layered ones of 1.4."""
    return las(folder, "laz")


def e57(folder: Path) -> list[bytes]:
    """Return scans with every kind of number, with poses, and one with two scans."""
    from pye57 import libe57

    kinds = (
        {"cartesianX": "double", "cartesianY": "double", "cartesianZ": "double"},
        {"cartesianX": "single", "cartesianY": "scaled", "cartesianZ": "scaled", "cartesianInvalidState": "state"},
        {"sphericalRange": "scaled", "sphericalAzimuth": "single", "sphericalElevation": "double"},
    )
    more = {"intensity": "single", "rowIndex": "state", "colorRed": "byte", "colorGreen": "byte", "colorBlue": "byte"}
    plans: list[list[dict[str, str]]] = [[kinds[0]], [kinds[1] | more], [kinds[2]], [kinds[0] | more, kinds[1]]]
    found = []
    for number, scans in enumerate(plans):
        path = folder / f"seed{number}.e57"
        image = libe57.ImageFile(str(path), "w")
        image.extensionsAdd("", libe57.E57_V1_0_URI)
        root = image.root()
        root.set("formatName", libe57.StringNode(image, "ASTM E57 3D Imaging Data File"))
        for name in ("versionMajor", "versionMinor"):
            root.set(name, libe57.IntegerNode(image, 1 if name == "versionMajor" else 0))
        root.set("data3D", libe57.VectorNode(image, True))
        for scan in scans:
            _scan(libe57, image, scan)
        image.close()
        found.append(with_checks(without_checks(path.read_bytes())))
    return found


def _scan(libe57: Any, image: Any, columns: dict[str, str]) -> None:
    makers: dict[str, Callable[[], Any]] = {
        "double": lambda: libe57.FloatNode(image, 0.0, libe57.E57_DOUBLE),
        "single": lambda: libe57.FloatNode(image, 0.0, libe57.E57_SINGLE, -1000.0, 1000.0),
        "scaled": lambda: libe57.ScaledIntegerNode(image, 0, -100_000, 100_000, 0.001, 0.5),
        "state": lambda: libe57.IntegerNode(image, 0, 0, 2),
        "byte": lambda: libe57.IntegerNode(image, 0, 0, 255),
    }
    node, prototype, pose = (libe57.StructureNode(image) for _ in range(3))
    shift, turn = libe57.StructureNode(image), libe57.StructureNode(image)
    for axis in "xyz":
        shift.set(axis, libe57.FloatNode(image, 1.5))
    for axis in "wxyz":
        turn.set(axis, libe57.FloatNode(image, 0.5))
    pose.set("rotation", turn)
    pose.set("translation", shift)
    node.set("pose", pose)
    for name, kind in columns.items():
        prototype.set(name, makers[kind]())
    points = libe57.CompressedVectorNode(image, prototype, libe57.VectorNode(image, True))
    node.set("points", points)
    image.root()["data3D"].append(node)
    buffers, held = libe57.VectorSourceDestBuffer(), []
    for name, kind in columns.items():
        values = np.arange(POINTS, dtype=np.float64) % (3 if kind == "state" else 99)
        held.append(values)
        buffers.append(libe57.SourceDestBuffer(image, name, values, POINTS, True, True))
    writer = points.writer(buffers)
    writer.write(POINTS)
    writer.close()


def threemf(folder: Path) -> list[bytes]:
    """Return packages with colours, textures, components, beams, slices, and parts elsewhere."""
    return [packed({name: part.encode() for name, part in package.items()}) for package in texts.PACKAGES]


def packed(parts: dict[str, bytes]) -> bytes:
    """Return a ZIP archive of parts, without the time of the day."""
    out = streams.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, part in parts.items():
            about = zipfile.ZipInfo(name)
            about.compress_type = zipfile.ZIP_STORED if len(part) < 4000 else zipfile.ZIP_DEFLATED
            archive.writestr(about, part, compresslevel=1)
    return out.getvalue()


def step(folder: Path) -> list[bytes]:
    """Return a face of every kind of surface, a solid with a hole, and two parts set beside each other."""
    from OCP.STEPControl import STEPControl_StepModelType, STEPControl_Writer

    found = []
    with _quiet():
        for number, shape in enumerate(_shapes()):
            path = folder / f"seed{number}.step"
            writer = STEPControl_Writer()
            writer.Transfer(shape, STEPControl_StepModelType.STEPControl_AsIs)
            writer.Write(str(path))
            found.append(
                re.sub(
                    rb"\d{4}-\d\d-\d\dT[\d:]+|(?<=translator )[\d. ]+|(?<=OCCURRENCE\(')\d+", b"1", path.read_bytes()
                )
            )
    return found


def _shapes() -> Iterator[Any]:
    from OCP.BRep import BRep_Builder
    from OCP.BRepAlgoAPI import BRepAlgoAPI_Cut
    from OCP.BRepBuilderAPI import BRepBuilderAPI_MakeFace, BRepBuilderAPI_NurbsConvert
    from OCP.BRepPrimAPI import (
        BRepPrimAPI_MakeBox,
        BRepPrimAPI_MakeCone,
        BRepPrimAPI_MakeCylinder,
        BRepPrimAPI_MakeSphere,
        BRepPrimAPI_MakeTorus,
    )
    from OCP.gp import gp_Pln, gp_Trsf, gp_Vec
    from OCP.TopLoc import TopLoc_Location
    from OCP.TopoDS import TopoDS_Compound

    flat = BRepBuilderAPI_MakeFace(gp_Pln(), 0.0, 5.0, 0.0, 4.0).Shape()
    ball = BRepPrimAPI_MakeSphere(5.0, 0.1, 0.4, 0.5).Shape()
    cone = BRepPrimAPI_MakeCone(5.0, 2.0, 4.0, 0.7).Shape()
    box, hole = BRepPrimAPI_MakeBox(4.0, 5.0, 6.0).Shape(), BRepPrimAPI_MakeCylinder(2.0, 3.0).Shape()
    yield from (flat, ball, cone, BRepPrimAPI_MakeCylinder(5.0, 10.0, 1.0).Shape())
    yield BRepPrimAPI_MakeTorus(5.0, 1.0, 0.1, 0.5, 0.7).Shape()
    yield BRepBuilderAPI_NurbsConvert(cone).Shape()
    yield BRepAlgoAPI_Cut(box, hole).Shape()
    both, builder, moved = TopoDS_Compound(), BRep_Builder(), gp_Trsf()
    builder.MakeCompound(both)
    moved.SetTranslation(gp_Vec(9.0, 0.0, 0.0))
    builder.Add(both, flat)
    builder.Add(both, ball.Moved(TopLoc_Location(moved)))
    yield both


@contextmanager
def _quiet() -> Iterator[None]:
    """Send what a library prints to nowhere, and undo that it sets the locale."""
    before, said, nowhere = locale.setlocale(locale.LC_ALL), os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        locale.setlocale(locale.LC_ALL, before)
        os.dup2(said, 1)
        os.close(said)
        os.close(nowhere)


WRITERS: dict[str, Callable[[Path], list[bytes]]] = {"las": las, "laz": laz, "e57": e57, "3mf": threemf, "step": step}
