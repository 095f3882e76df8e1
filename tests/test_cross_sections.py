# SPDX-License-Identifier: Apache-2.0
"""Sections: deviations in a plane as planted, judged by a recipe, drawn on the page and in print."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests import reports
from tests.solids import box

from visionvalley.applications.manufacturing.inspection import Inspection, run
from visionvalley.applications.manufacturing.recipe import Recipe, Section
from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import BadInput, Cloud, Cylinder, Part, Plane, Pose, Slot, Verdict
from visionvalley.report import pdf
from visionvalley.report.cross_sections import drawing, enlarged, scale_of_section
from visionvalley.report.markup import Words
from visionvalley.report.page import page_of
from visionvalley.report.sections import all_sections
from visionvalley.runs.recipe import read_recipe
from visionvalley.samples.simulated import BRACKET_CHORD_M, bracket
from visionvalley.vision.metrology.cross_sections import CutPlane, along, deviations_along
from visionvalley.vision.shape.distances import closest
from visionvalley.vision.shape.segmentation import with_faces
from visionvalley.vision.shape.surfaces import index_surface
from visionvalley.vision.shape.topology import sample_surface
from visionvalley.vision.simulation.parts import plant_offset

NOISE_M, DENT_M = 10e-6, -0.1e-3
DENT_AT = np.array([24e-3, 30e-3, 22e-3])


def offset_scan(mesh, by_m, count=40_000):
    """Return the closest places of points that all lie `by_m` out of a surface, and their spacing."""
    made = sample_surface(mesh, count, seed=1)
    near = closest(index_surface(mesh), made.points_m + by_m * made.normals)
    area = 2 * (0.04 * 0.02 + 0.04 * 0.01 + 0.02 * 0.01)
    return near, np.sqrt(area / count)


@pytest.mark.parametrize("normal", [(0, 0, 1), (1, -1.4, 0.5), (0, -1, 0.7)])
def test_a_shifted_surface_deviates_as_much_as_the_plane_sees_of_it(normal):
    near, spacing = offset_scan(box(), 20e-6)
    plane = CutPlane([1e-3, 1e-3, 0.5e-3], normal)
    found = deviations_along(box(), plane, near, spacing)
    section = found.section
    flat = np.zeros((len(section.run), 1))
    places = section.scene_from_plane.apply(np.concatenate([section.places_m, flat], axis=1)) / [0.02, 0.01, 0.005]
    assert_allclose(np.abs(places).max(axis=1), 1, atol=1e-6)
    side = np.argmax(np.abs(places), axis=1)  # of the box
    assert_allclose(section.deviation_m, 20e-6 / np.sqrt(1 - plane.normal[side] ** 2), rtol=1e-4)
    out = section.scene_from_plane.turn(np.concatenate([section.outwards, flat], axis=1))
    assert found.share > 0.95
    assert ((places * out).sum(axis=1) > 0).all(), "outwards is out of the material"
    assert_allclose(section.scene_from_plane.rotation[:, 2], plane.normal, atol=1e-12)


def test_what_was_not_scanned_leaves_a_gap_and_a_plane_beside_the_part_is_told():
    near, spacing = offset_scan(box(), 0.0)
    plane = CutPlane([0, 0, 0], [0, 0, 1])
    half = closest(index_surface(box()), near.point_m[near.point_m[:, 0] > 0])
    found = deviations_along(box(), plane, half, spacing)
    assert found.share == pytest.approx(0.5, abs=0.03)
    assert (found.section.places_m[:, 0] > -spacing * 4).all()
    assert len(np.unique(found.section.run)) >= 3, "a line for each side"
    with pytest.raises(BadInput, match="passes the part by"):
        deviations_along(box(), CutPlane([0, 0, 0.1], [0, 0, 1]), near, spacing)
    above = closest(index_surface(box()), near.point_m[near.point_m[:, 2] > 4e-3])
    with pytest.raises(BadInput, match="no point of the scan"):
        deviations_along(box(), plane, above, spacing)


def test_a_feature_is_seen_along_its_axis_as_a_drawing_would():
    assert_allclose(along(Cylinder([0, 0, 0], [0, 0, 1], 1e-3)), [0, -1, 0])  # from the front
    assert_allclose(along(Cylinder([0, 0, 0], [0, 1, 0], 1e-3)), [1, 0, 0])  # from the right
    assert_allclose(np.abs(along(Slot([0, 0, 0], [0, 0, 1], [1, 0, 0], 2e-3, 5e-3))), [0, 1, 0])
    assert_allclose(CutPlane([0, 0, 0], [0, -1, 0]).part_from_plane.rotation.T[:2], [[1, 0, 0], [0, 0, 1]])


@pytest.fixture(scope="module")
def report():
    mesh = bracket()
    part = with_faces(Part(mesh, np.full(len(mesh.faces), -1), (), BRACKET_CHORD_M))
    planted = plant_offset(mesh, DENT_AT, 5e-3, DENT_M)
    made = sample_surface(planted.mesh, 60_000, seed=2)
    points = made.points_m + NOISE_M * np.random.default_rng(3).normal(size=(len(made.points_m), 1)) * made.normals
    moved = Pose.from_rotation_vector(np.array([0.3, 0.8, -0.4]), np.array([0.1, 0.2, 0.3]))
    front, level = CutPlane(DENT_AT, [0, -1, 0]), CutPlane([0, 0, 4e-3], [0, 0, 1])
    asked = (
        Section("through the dent", front, 0.15e-3),
        Section("level", level, 0.15e-3),
        Section("beside", CutPlane([1, 0, 0], [1, 0, 0])),
    )
    values = Inspection(Cloud(moved.apply(points)), mesh, part.chord_m, part=part, recipe=Recipe(sections=asked))
    return run(values, Settings(alignment="least-squares"))


def test_a_planted_dent_is_found_within_its_interval_where_the_section_meets_it(report):
    dent, level = report.features
    assert (dent.kind, dent.verdict, level.verdict) == ("profile of a line", Verdict.FAIL, Verdict.PASS)
    out, into, rms = dent.beside
    assert into.interval_95[0] - NOISE_M < DENT_M < into.interval_95[1] + NOISE_M  # an extreme of 20 places of the dent
    assert dent.measured.interval_95[0] < 2 * abs(DENT_M) < dent.measured.interval_95[1]
    assert level.measured.interval_95[0] < 5e-6, "nothing deviates there but noise"
    assert abs(out.value) < 25e-6
    assert 0 < rms.value < abs(DENT_M)
    at = dent.section.places_m[np.argmin(dent.section.deviation_m)]
    assert abs(at[0]) < 6e-3
    assert {one.source for one in dent.measured.budget} >= {"noise", "alignment", "reference"}
    assert report.verdict is Verdict.FAIL
    told = [str(one) for one in report.notes if one.id == "manufacturing.not_measured"]
    assert len(told) == 1
    assert "beside" in told[0]


def test_the_page_and_the_print_show_the_section(report):
    page = page_of(report, reports.Run())
    html = "".join(all_sections(page))
    assert html.count('class="section"') == 2
    assert html.count('class="allowed"') == 4
    assert "times enlarged" in html
    assert re.search(r"−100|−0\.1", html)
    if pdf.can_write_pdf():
        assert pdf.pdf_of(page).startswith(b"%PDF")


def test_a_drawing_enlarges_by_round_factors_and_tells_the_axes(report):
    section = report.features[0].section
    assert enlarged(section, 10_000) in {10**k * m for k in range(5) for m in (1, 2, 5)}
    svg = drawing(section, scale_of_section(section), "a & b", Words())
    assert "a &amp; b" in svg
    assert ">x</text>" in svg
    assert ">z</text>" in svg
    assert "nan" not in svg


SURFACES = {
    "hole-1": Cylinder([5e-3, 6e-3, 7e-3], [0, 0, 1], 1e-3, True),
    "plane-1": Plane([0, 0, 0], [0, 0, 1]),
    "free": None,
}


@pytest.mark.parametrize(
    ("written", "point", "normal"),
    [
        ('axis = "y"\noffset = 30', [0, 0.03, 0], [0, -1, 0]),
        ('axis = "z"', [0, 0, 0], [0, 0, 1]),
        ("point = [1, 2, 3]\nnormal = [0, 0, 2]", [1e-3, 2e-3, 3e-3], [0, 0, 1]),
        ("normal = [0, 3, 4]\noffset = 10", [0, 6e-3, 8e-3], [0, 0.6, 0.8]),
        ('through = "hole-1"', [5e-3, 6e-3, 7e-3], [0, -1, 0]),
        ('through = "hole-1"\naxis = "x"', [5e-3, 6e-3, 7e-3], [1, 0, 0]),
    ],
)
def test_a_recipe_lays_the_plane(tmp_path, written, point, normal):
    (tmp_path / "r.toml").write_text(f"[[section]]\n{written}\ntolerance = 0.2\n")
    (found,) = read_recipe(tmp_path / "r.toml", SURFACES).sections
    assert_allclose(found.plane.point_m, point, atol=1e-15)
    assert_allclose(found.plane.normal, normal, atol=1e-15)
    assert (found.name, found.tolerance_m) == ("section A-A", pytest.approx(0.2e-3))


@pytest.mark.parametrize(
    ("written", "id"),
    [
        ("tolerance = 0.1", "recipe.no_plane"),
        ('through = "hole-2"', "recipe.unknown_name"),
        ('through = "free"', "recipe.section_through"),
        ('axis = "w"', "recipe.unknown_name"),
        ('axis = "x"\noffset = "far"', "recipe.bad_value"),
        ("normal = [0, 0, 0]", "recipe.bad_value"),
        ('axis = "x"\nplane = 3', "recipe.unknown_key"),
        ('axis = "x"\nname = 3', "recipe.bad_value"),
        ('axis = "x"\nname = "a"\n[[section]]\naxis = "y"\nname = "a"', "recipe.named_twice"),
    ],
)
def test_a_section_that_cannot_be_is_refused(tmp_path, written, id):
    (tmp_path / "r.toml").write_text(f"[[section]]\n{written}\n")
    with pytest.raises(BadInput) as caught:
        read_recipe(tmp_path / "r.toml", SURFACES)
    assert caught.value.message.id == id
    assert all(caught.value.render())
