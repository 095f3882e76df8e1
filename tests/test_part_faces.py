# SPDX-License-Identifier: Apache-2.0
"""Faces of a part: exact from STEP, found again in its triangles, with the same names and sizes."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tests.data import sample
from tests.solids import ball, box, soup, torus

from visionvalley import io
from visionvalley.core import BadInput, Cone, Cylinder, Part, Plane, Slot, Sphere
from visionvalley.vision.shape.ideal import fitted, gaps_m, normals_at
from visionvalley.vision.shape.joining import coverage_rad, names
from visionvalley.vision.shape.segmentation import with_faces

CHORD_M = 20e-6


def plain(mesh) -> Part:
    return Part(mesh, np.full(len(mesh.faces), -1), ())


@pytest.fixture(scope="module")
def machined(tmp_path_factory):
    """A plate of 80 x 50 x 10 mm with a hole, a countersunk hole, a slot, a shaft, a ball end and a filleted edge."""
    pytest.importorskip("OCP")
    from OCP.BRepAlgoAPI import BRepAlgoAPI_Cut, BRepAlgoAPI_Fuse
    from OCP.BRepFilletAPI import BRepFilletAPI_MakeFillet
    from OCP.BRepPrimAPI import BRepPrimAPI_MakeBox as Box
    from OCP.BRepPrimAPI import BRepPrimAPI_MakeCone as ConeOf
    from OCP.BRepPrimAPI import BRepPrimAPI_MakeCylinder as Rod
    from OCP.BRepPrimAPI import BRepPrimAPI_MakeSphere as Ball
    from OCP.gp import gp_Ax2, gp_Dir, gp_Pnt
    from OCP.STEPControl import STEPControl_StepModelType, STEPControl_Writer
    from OCP.TopAbs import TopAbs_ShapeEnum
    from OCP.TopExp import TopExp_Explorer
    from OCP.TopoDS import TopoDS

    def at(x, y, z):
        return gp_Ax2(gp_Pnt(x, y, z), gp_Dir(0, 0, 1))

    def cut(shape, tool):
        return BRepAlgoAPI_Cut(shape, tool).Shape()

    def fuse(shape, tool):
        return BRepAlgoAPI_Fuse(shape, tool).Shape()

    shape = Box(80, 50, 10).Shape()
    edges = TopExp_Explorer(shape, TopAbs_ShapeEnum.TopAbs_EDGE)
    rounded = BRepFilletAPI_MakeFillet(shape)
    rounded.Add(3.0, (getattr(TopoDS, "Edge_s", None) or TopoDS.Edge)(edges.Current()))
    shape = cut(rounded.Shape(), Rod(at(20, 15, -1), 4, 12).Shape())
    shape = cut(shape, Rod(at(20, 35, -1), 3, 12).Shape())
    shape = cut(shape, ConeOf(at(20, 35, 7), 3, 6, 3).Shape())
    for x in (45, 57):
        shape = cut(shape, Rod(at(x, 35, -1), 5, 12).Shape())
    shape = cut(shape, Box(gp_Pnt(45, 30, -1), gp_Pnt(57, 40, 11)).Shape())
    shape = fuse(shape, Rod(at(50, 12, 5), 6, 20).Shape())
    shape = fuse(shape, Ball(gp_Pnt(50, 12, 25), 6).Shape())
    path = tmp_path_factory.mktemp("part") / "machined.step"
    writer = STEPControl_Writer()
    writer.Transfer(shape, STEPControl_StepModelType.STEPControl_AsIs)
    writer.Write(str(path))
    return with_faces(io.read_part(path, chord_m=CHORD_M))


WANTED = {
    "hole-1": (Cylinder, 4e-3, True),
    "hole-2": (Cylinder, 3e-3, True),
    "cylinder-1": (Cylinder, 6e-3, False),
    "sphere-1": (Sphere, 6e-3, False),
    "round-1": (Cylinder, 3e-3, False),
}


def test_a_step_file_gives_each_feature_once_with_its_size_and_side(machined):
    found = dict(zip(names(machined), machined.surfaces, strict=True))
    assert sorted(found) == sorted([*WANTED, "slot-1", "cone-1", *(f"plane-{k + 1}" for k in range(6))])
    for name, (kind, radius_m, internal) in WANTED.items():
        assert isinstance(found[name], kind)
        assert found[name].radius_m == pytest.approx(radius_m, abs=1e-9)
        assert found[name].internal is internal
    slot, cone = found["slot-1"], found["cone-1"]
    assert isinstance(slot, Slot)
    assert (slot.width_m, slot.length_m) == (pytest.approx(10e-3), pytest.approx(22e-3))
    assert_allclose(slot.point_m[:2], [51e-3, 35e-3], atol=1e-9)
    assert isinstance(cone, Cone)
    assert cone.half_angle_rad == pytest.approx(math.radians(45))
    assert cone.internal
    assert_allclose(found["plane-1"].normal, [0, 0, -1], atol=1e-12)  # the largest, out of the material


def test_the_triangles_alone_give_the_same_faces(machined, tmp_path):
    io.write(tmp_path / "machined.stl", machined.mesh, "mm")
    found = with_faces(io.read_part(tmp_path / "machined.stl", "mm"))
    assert names(found) == names(machined)
    assert_array_equal(found.face, machined.face)
    for one, two in zip(found.surfaces, machined.surfaces, strict=True):
        for name in ("radius_m", "width_m", "length_m", "half_angle_rad", "internal"):
            assert getattr(one, name, 0) == pytest.approx(getattr(two, name, 0), abs=1e-7)


def test_step_and_stl_of_a_real_part_agree_within_the_chord():
    exact = with_faces(io.read_part(sample("printing/parts/featuretype.STEP")))
    found = with_faces(io.read_part(sample("printing/parts/featuretype.STL"), "in"))
    assert names(found) == names(exact)
    assert len(names(exact)) == 79  # 96 faces in the file: 17 holes are made of halves
    for name, one, two in zip(names(found), found.surfaces, exact.surfaces, strict=True):
        assert type(one) is type(two)
        if isinstance(one, Cylinder):
            assert_allclose(one.point_m, two.point_m, atol=1e-6, err_msg=name)
            assert_allclose(one.direction, two.direction, atol=1e-5, err_msg=name)
            assert (one.radius_m, one.internal) == (pytest.approx(two.radius_m, abs=1e-7), two.internal)
        if isinstance(one, Plane):
            assert abs(gaps_m(two, one.point_m[None])[0]) < 1e-7
            assert_allclose(one.normal, two.normal, atol=1e-6, err_msg=name)


def test_a_box_has_six_planes_that_point_outwards():
    part = with_faces(plain(soup(box())))
    assert [type(one) for one in part.surfaces] == [Plane] * 6
    assert all(float((one.point_m * one.normal).sum()) > 0 for one in part.surfaces)
    assert (np.bincount(part.face) == 2).all()


def test_a_ball_is_a_sphere():
    whole = with_faces(plain(ball()))
    assert names(whole) == ("sphere-1",)
    assert whole.surfaces[0].radius_m == pytest.approx(0.02, rel=1e-9)


def test_a_free_form_stays_one_face():
    part = with_faces(plain(torus()))
    assert names(part) == ("freeform-1",)
    assert (part.face == 0).all()


def test_how_far_around_an_axis_a_face_goes(machined):
    at = dict(zip(names(machined), range(len(machined.surfaces)), strict=True))
    assert coverage_rad(machined, at["hole-1"]) == pytest.approx(2 * math.pi, abs=1e-6)
    assert coverage_rad(machined, at["round-1"]) == pytest.approx(math.pi / 2, abs=1e-6)
    assert coverage_rad(machined, at["plane-1"]) == 0.0


@pytest.mark.parametrize(
    "true",
    [
        Cylinder([0.1, 0.2, 0.3], [1, 2, 3], 0.02),
        Cone([0.1, 0.2, 0.3], [1, -2, 3], 0.03, 0.4),
        Sphere([0.1, 0.2, 0.3], 0.05),
    ],
)
def test_a_fit_finds_the_surface_that_points_lie_on(true, rng):
    points = np.asarray(true.point_m) + 0.04 * rng.uniform(-1, 1, (300, 3))
    for _ in range(3):
        points = points - gaps_m(true, points)[:, None] * normals_at(true, points)
    moved = {name: getattr(true, name) * (1 + 1e-2) for name in ("radius_m",)}
    start = type(true)(
        true.point_m + 1e-3, *([true.direction + 0.01] if hasattr(true, "direction") else []), *moved.values(),
        *([true.half_angle_rad + 0.01] if isinstance(true, Cone) else []),
    )  # fmt: skip
    found = fitted(start, points)
    assert np.abs(gaps_m(found, points)).max() < 1e-12


def test_too_few_points_fit_nothing_and_curves_are_no_surfaces():
    assert fitted(Sphere(np.zeros(3), 1.0), np.zeros((2, 3))) is None
    with pytest.raises(BadInput, match="Slot"):
        gaps_m(Slot(np.zeros(3), [0, 0, 1], [1, 0, 0], 1.0, 2.0), np.zeros((1, 3)))
