# SPDX-License-Identifier: Apache-2.0
"""Wall thickness: closed forms of tube, plate and wedge, both definitions; a thinned wall found within its interval."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests import reports
from tests.data import sample
from tests.solids import box, grid

from visionvalley import io
from visionvalley.applications.manufacturing.inspection import Inspection, run
from visionvalley.applications.manufacturing.recipe import Aligned, By, Looked, Recipe, Thickness
from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import BadInput, Cloud, Mesh, Part, Verdict
from visionvalley.report.characteristics import characteristics
from visionvalley.report.page import page_of
from visionvalley.runs.recipe import read_recipe
from visionvalley.vision.metrology.regions import Box
from visionvalley.vision.metrology.wall_thickness import Method, opposite, walls
from visionvalley.vision.shape.distances import closest
from visionvalley.vision.shape.segmentation import with_faces
from visionvalley.vision.shape.surfaces import index_surface
from visionvalley.vision.shape.topology import sample_surface

OUTER, INNER, HIGH = 20e-3, 18e-3, 30e-3
NOISE_M, THINNER_M = 10e-6, 0.2e-3


def tube(sides=240):
    """A tube of 2 mm wall."""
    turn = np.linspace(0, 2 * math.pi, sides, endpoint=False)
    heights = np.linspace(0, HIGH, 12)

    def ring(radius, z):
        return np.stack([radius * np.cos(turn), radius * np.sin(turn), np.full(sides, z)], axis=1)

    rings = [ring(OUTER, z) for z in heights] + [ring(INNER, z) for z in heights[::-1]]
    mesh = grid(np.array(rings))
    outside = sample_surface(mesh, 100)
    turned = (outside.normals * outside.points_m * (1, 1, 0)).sum(axis=1)[outside.points_m[:, 0] > 19.5e-3].mean() < 0
    return Mesh(mesh.vertices_m, mesh.faces[:, ::-1] if turned else mesh.faces)


def wedge(angle_rad, long_m=0.06, wide_m=0.03):
    """A wedge: its edge along y, one side in z = 0."""
    x, z = long_m, long_m * math.tan(angle_rad)
    points = [[0, y, 0] for y in (0, wide_m)] + [[x, y, h] for h in (0, z) for y in (0, wide_m)]
    faces = [[0, 3, 2], [0, 1, 3], [0, 4, 5], [0, 5, 1], [2, 3, 5], [2, 5, 4], [0, 2, 4], [1, 5, 3]]
    return Mesh(np.array(points, float), np.array(faces))


def nominal(mesh, places, normals, method):
    return opposite(index_surface(mesh), np.array(places, float), np.array(normals, float), method)


@pytest.mark.parametrize("method", list(Method))
def test_the_wall_of_a_tube_is_the_difference_of_its_radii(method):
    turn = np.linspace(0, 6, 50)
    away = np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    sagitta = OUTER * (1 - math.cos(math.pi / 240))
    for radius, side in ((OUTER, 1), (INNER, -1)):
        on = closest(index_surface(tube()), away * radius + np.array([0, 0, HIGH / 2]))
        assert ((on.normal * away).sum(axis=1) * side > 0.99).all()
        found = nominal(tube(), on.point_m, on.normal, method)
        assert_allclose(found.thickness_m, OUTER - INNER, atol=2 * sagitta)


@pytest.mark.parametrize("angle", [5, 15, 30])
def test_a_wedge_tells_the_two_definitions_apart(angle):
    a = math.radians(angle)
    x = np.array([0.005, 0.01, 0.02])  # far from where the ball would touch the back
    places, normals = np.c_[x, [0.015] * 3, [0, 0, 0]], np.tile([0, 0, -1.0], (3, 1))
    ray, ball = (nominal(wedge(a), places, normals, method).thickness_m for method in (Method.RAY, Method.BALL))
    assert_allclose(ray, x * math.tan(a), rtol=1e-6)
    assert_allclose(ball, 2 * x * math.tan(a / 2), rtol=1e-3)
    assert (ball < ray).all()


def test_an_edge_is_no_wall_and_a_hole_in_the_scan_has_no_thickness():
    plate = box((0.04, 0.04, 0.002))
    places = np.array([[0, 0, 1e-3], [0.0197, 0, 1e-3], [0.02, 0, 0]])
    normals = np.array([[0, 0, 1], [0, 0, 1], [1, 0, 0]], float)
    assert_allclose(nominal(plate, places, normals, Method.RAY).thickness_m, [2e-3, 2e-3, 40e-3], rtol=1e-5)
    assert_allclose(nominal(plate, places[:2], normals[:2], Method.BALL).thickness_m, [2e-3, np.nan], rtol=1e-3)
    made = sample_surface(plate, 20_000)
    surface, seen = index_surface(plate), made.points_m[made.points_m[:, 2] > -0.9e-3]
    one_side = walls(surface, closest(surface, seen), seen, 0.3e-3, Method.RAY, np.ones(len(seen), bool))
    top = closest(surface, seen).normal[:, 2] > 0.9
    assert np.isnan(one_side.thickness_m[top]).all(), "its under side was not measured"


@pytest.mark.parametrize("method", list(Method))
def test_both_sides_count_and_where_the_scan_lies_does_not(method):
    a = math.radians(20)
    mesh, thin_m = wedge(a), 0.1e-3
    made = sample_surface(mesh, 60_000, seed=2)
    slanted = made.normals[:, 2] > 0.5
    points = made.points_m - np.where(slanted, thin_m, 0)[:, None] * made.normals
    surface = index_surface(mesh)
    asked = (made.normals[:, 2] < -0.9) & (abs(points[:, :2] - (0.02, 0.015)) < (0.01, 0.013)).all(axis=1)
    for shift in (0.0, 30e-6):
        moved = points + np.array([0, 0, shift])
        found = walls(surface, closest(surface, moved), moved, 0.3e-3, method, asked)
        known = asked & np.isfinite(found.thickness_m)
        x = points[known, 0] - thin_m / math.sin(a)  # the slanted side has moved in: as if the edge lay there
        if method is Method.RAY:
            truth = (points[known, 0] * math.sin(a) - thin_m) / math.cos(a)
        else:
            truth = 2 * x * math.tan(a / 2)
        assert known.sum() > 1000
        assert_allclose(found.thickness_m[known], truth, atol=4e-6)


def thinned_plate(seed, count=20_000):
    """Points of a plate of 2 mm whose under side is 0.2 mm too high at x > 5 mm, with noise along its normals."""
    made = sample_surface(box((0.04, 0.03, 0.002)), count, seed=seed)
    points = made.points_m.copy()
    points[(made.normals[:, 2] < -0.9) & (points[:, 0] > 5e-3), 2] += THINNER_M
    return points + NOISE_M * np.random.default_rng(seed).normal(size=(count, 1)) * made.normals


def inspected(points, asked, *features):
    mesh = box((0.04, 0.03, 0.002))
    part = with_faces(Part(mesh, np.full(12, -1), ()))
    corners = mesh.vertices_m[:4]
    recipe = Recipe(walls=asked, features=features, alignment=Aligned(By.POINTS, (), corners, corners))
    return run(Inspection(Cloud(points), mesh, part=part, recipe=recipe), Settings(noise_m=NOISE_M))


def test_a_thinned_wall_is_found_within_its_interval():
    asked = (Thickness(minimum_m=1.9e-3, maximum_m=2.1e-3, up_to_m=5e-3),)
    reports_ = [inspected(thinned_plate(seed), asked) for seed in range(3)]
    for report in reports_:
        thin, thick = report.features
        low, high = thin.measured.interval_95
        assert low < 2e-3 - THINNER_M < high
        low, high = thick.measured.interval_95
        assert low < 2e-3 < high
        assert (thin.verdict, thick.verdict) == (Verdict.FAIL, Verdict.PASS)
        assert thin.nominal == pytest.approx(2e-3, abs=1e-8)
        assert 1.8e-3 < thin.beside[0].value < 2e-3
    html = characteristics(page_of(reports_[0], reports.Run()))
    assert html.count('class="histogram"') == 2
    assert "+1.8" not in html, "a thickness has no sign"


def test_where_it_is_asked_for_and_what_is_refused(tmp_path):
    surfaces = {"plane-1": None, "plane-2": None}
    path = tmp_path / "r.toml"
    path.write_text('[wall_thickness]\nminimum = 1.2\nof = "plane-1"\nmethod = "ball"\nup_to = 4\n')
    (one,) = read_recipe(path, surfaces).walls
    assert (one.minimum_m, one.maximum_m, one.up_to_m) == (pytest.approx(1.2e-3), None, pytest.approx(4e-3))
    assert (one.of, one.method) == (("plane-1",), Method.BALL)
    for written, told in (
        ('of = "plane-3"', "recipe.unknown_name"),
        ('method = "sphere"', "recipe.unknown_name"),
        ("minimum = 2\nmaximum = 1", "recipe.bad_value"),
        ("least = 2", "recipe.unknown_key"),
        ("minimum = -1", "recipe.bad_value"),
    ):
        path.write_text(f"[wall_thickness]\n{written}\n")
        with pytest.raises(BadInput) as caught:
            read_recipe(path, surfaces)
        assert caught.value.message.id == told
    with pytest.raises(BadInput, match="must be less"):
        Thickness(minimum_m=2e-3, maximum_m=1e-3)


def test_a_region_of_a_plate_and_a_wall_that_was_not_measured():
    pad = Looked("pad", (), Box([-0.015, 0, -1], [-5e-3, 0.01, 1]))
    report = inspected(thinned_plate(0), (Thickness("pad", ("pad",)), Thickness("none", ("nothing",))), pad)
    (one,) = report.features
    assert (one.name, one.verdict) == ("pad, thinnest", None)
    assert one.measured.value == pytest.approx(2e-3, abs=30e-6), "the wall is thinner elsewhere alone"
    assert "nothing" in " ".join(str(note) for note in report.notes)


@pytest.mark.parametrize(("name", "thick_mm"), [("box.STL", 0.118), ("plate_holes.STL", 12.7)])
def test_printed_parts_have_the_walls_that_they_were_drawn_with(name, thick_mm):
    mesh = io.read(sample(f"printing/parts/{name}"), unit="mm")
    made = sample_surface(mesh, 20_000)
    for method in Method:
        found = opposite(index_surface(mesh), made.points_m, made.normals, method).thickness_m * 1e3
        assert np.nanmedian(found) == pytest.approx(thick_mm, rel=2e-3)
