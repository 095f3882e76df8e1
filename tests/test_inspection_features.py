# SPDX-License-Identifier: Apache-2.0
"""Features by a recipe: planted faults are found within their intervals; what was not scanned is said, not guessed."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from visionvalley.applications.manufacturing.inspection import Inspection, run
from visionvalley.applications.manufacturing.recipe import Aligned, By, Looked, Recipe
from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.cli.main import main
from visionvalley.core import BadInput, Cloud, Cylinder, Part, Pose, SensorNoise, Tolerance, Verdict
from visionvalley.io import write
from visionvalley.samples.simulated import BRACKET_CHORD_M, bracket
from visionvalley.vision.metrology.characteristics import Association, Characteristic, DatumReference, Kind
from visionvalley.vision.metrology.regions import Box
from visionvalley.vision.shape.joining import names
from visionvalley.vision.shape.segmentation import with_faces
from visionvalley.vision.shape.topology import sample_surface
from visionvalley.vision.simulation.faults import Bowed, Resized, Shifted, plant

NOISE_M, COUNT = 10e-6, 30_000
WIDER_M, MOVED_M, STEP_M = 60e-6, 100e-6, 50e-6


@pytest.fixture(scope="module")
def part() -> Part:
    mesh = bracket()
    return with_faces(Part(mesh, np.full(len(mesh.faces), -1), (), BRACKET_CHORD_M))


@pytest.fixture(scope="module")
def scan(part):
    return scanned(part, NOISE_M)


def scanned(part, noise_m, seed=3):
    """A scan of the bracket with a wide and a shifted hole, in its own frame; the pose that brings it back."""
    at = names(part).index
    faults = (Resized(at("hole-1"), WIDER_M), Shifted(at("hole-2"), np.array([MOVED_M, 0, 0])))
    made = sample_surface(plant(part, faults, 2e-3), COUNT, seed=2)
    points = made.points_m + noise_m * np.random.default_rng(seed).normal(size=(COUNT, 1)) * made.normals
    scan_from_part = Pose.from_rotation_vector(np.array([0.3, 0.8, -0.4]), np.array([0.1, 0.2, 0.3]))
    return Cloud(scan_from_part.apply(points)), scan_from_part.inverse()


def zone(width_m):
    return Tolerance(0.0, width_m, "m")


# by least squares: planes that touch noisy points from outside lie as far off as the noise reaches
DATUMS = tuple(
    DatumReference((name,), association=Association.LEAST_SQUARES) for name in ("plane-1", "plane-4", "plane-6")
)
SIZE = Tolerance(9e-3 - 40e-6, 9e-3 + 40e-6, "m")
CHECKS = (
    Characteristic("flat", Kind.FLATNESS, ("plane-1",), zone(60e-6)),
    Characteristic("wide", Kind.SIZE, ("hole-1",), SIZE, 9e-3),
    Characteristic("moved", Kind.POSITION, ("hole-2",), zone(100e-6), datums=DATUMS, diameter=True),
)

LETTERS = dict(zip("ABC", (d.features for d in DATUMS), strict=True))
MOVED = Recipe(CHECKS[2:], letters=LETTERS, noise=SensorNoise(white_m=NOISE_M))


def inspected(scan, part, recipe, **settings):
    settings = Settings(alignment="least-squares", **settings)
    return run(Inspection(scan, part.mesh, part.chord_m, simulated=True, part=part, recipe=recipe), settings)


def test_a_planted_shift_is_found_within_its_interval_in_most_scans(part):
    recipe = replace(MOVED, noise=SensorNoise(white_m=1e-9))
    there_m = inspected(scanned(part, 0.0)[0], part, recipe).features[0].measured.value
    assert there_m == pytest.approx(2 * MOVED_M, abs=1e-6)
    held = 0
    for seed in range(8):
        low, high = inspected(scanned(part, NOISE_M, seed)[0], part, MOVED).features[0].measured.interval_95
        assert high - low < 25e-6
        held += low < there_m < high
    assert held >= 6  # fewer in one of 175 runs of eight


def test_planted_faults_are_found_and_judged(scan, part):
    report = inspected(scan[0], part, Recipe(CHECKS, letters=LETTERS, noise=SensorNoise(white_m=NOISE_M)))
    flat, wide, moved = report.features
    assert [one.verdict for one in report.features] == [Verdict.PASS, Verdict.FAIL, Verdict.FAIL]
    assert report.verdict is Verdict.FAIL
    chord_m = 11e-6  # the hole is a prism of 64 sides: that much narrower across its flats
    low, high = wide.measured.interval_95
    assert low - chord_m < 9e-3 + WIDER_M < high + chord_m
    assert moved.datums == ("A", "B", "C")
    assert flat.measured.interval_95[0] < 5e-6
    for one in report.features:
        assert one.measured.simulated
        points, around = one.scene.things
        assert len(points.shape) > 50
        assert len(around.shape.faces) > 0
    counted = report.facts["features"]["extracted"]
    assert counted["hole-1"]["points"] > 200
    assert report.facts["features"]["edge_margin_m"] < 3e-3


def test_a_profile_tolerance_is_one_of_the_features(scan, part):
    recipe = Recipe(CHECKS[:1])
    assert [one.kind for one in inspected(scan[0], part, recipe).features] == ["flatness"]
    both = inspected(scan[0], part, recipe, tolerance_m=1e-3)
    assert [one.kind for one in both.features] == ["profile of a surface", "flatness"]
    assert both.verdict is Verdict.PASS


def test_what_was_not_scanned_is_not_measured_and_not_passed(scan, part):
    points = scan[1].apply(scan[0].points_m)
    hole = part.surfaces[names(part).index("hole-1")]
    away = ((points - hole.point_m)[:, :2] ** 2).sum(axis=1) > (6e-3) ** 2
    report = inspected(scan[0].taken(away), part, Recipe(CHECKS[:2]))
    assert [one.name for one in report.features] == ["flat"]
    assert report.verdict is Verdict.CANNOT_SAY
    note = next(str(one) for one in report.notes if one.id == "manufacturing.not_measured")
    assert "wide" in note


def test_the_deviation_map_stands_in_the_datum_system_where_asked(scan, part):
    report = inspected(scan[0], part, Recipe(alignment=Aligned(By.DATUMS, DATUMS), noise=SensorNoise(white_m=NOISE_M)))
    fit = report.facts["alignment"]
    assert fit["criterion"] == "datums"
    found = Pose.from_matrix(np.array(fit["part_from_scan"]))
    assert_allclose(found.apply(scan[0].points_m), scan[1].apply(scan[0].points_m), atol=60e-6)
    spread = np.sqrt(np.diag(np.array(fit["covariance"])))
    assert (spread > 0).all()
    assert (spread[3:] < 30e-6).all()
    assert any(one.id == "manufacturing.alignment_datums" for one in report.notes)


def test_points_that_a_user_names_lay_the_scan(scan, part):
    corners = part.mesh.vertices_m[[0, 40, 80, 120]]
    picked = scan[1].inverse().apply(corners)
    report = inspected(scan[0], part, Recipe(alignment=Aligned(By.POINTS, (), picked, corners)))
    found = np.array(report.facts["alignment"]["part_from_scan"])
    assert_allclose(found, scan[1].matrix(), atol=1e-9)


def test_a_region_is_a_feature(scan, part):
    pad = Looked("pad", ("plane-1",), Box([0.02, 0.02, -1e-3], [0.06, 0.04, 1e-3]))
    free = Looked("free", (), Box([0.02, 0.02, -1e-3], [0.06, 0.04, 1e-3]))
    checks = tuple(Characteristic(name, Kind.FLATNESS, (name,), zone(60e-6)) for name in ("pad", "free"))
    report = inspected(scan[0], part, Recipe(checks, (pad, free)))
    counted = report.facts["features"]["extracted"]
    assert 1000 < counted["pad"]["points"] < 4000
    assert counted["free"]["points"] >= counted["pad"]["points"]
    assert [one.verdict for one in report.features] == [Verdict.PASS, Verdict.PASS]


def test_a_recipe_needs_a_part_with_faces(scan, part):
    with pytest.raises(BadInput, match="faces"):
        run(Inspection(scan[0], part.mesh, recipe=Recipe(CHECKS)), Settings())


def test_a_recipe_for_another_part_is_told(scan, part):
    checks = (Characteristic("x", Kind.FLATNESS, ("plane-99",), zone(1e-4)),)
    report = inspected(scan[0], part, Recipe(checks))
    assert "no face called plane-99" in " ".join(str(one) for one in report.notes)
    assert report.verdict is Verdict.CANNOT_SAY


def test_from_files_to_a_verdict_by_the_command(monkeypatch, capsys, tmp_path, scan, part):
    write(tmp_path / "part.stl", part.mesh, unit="mm")
    write(tmp_path / "scan.ply", scan[0], unit="mm")
    monkeypatch.setattr(sys, "argv", ["valley", "inspect", "--new-recipe", str(tmp_path / "part.stl"), "--unit", "mm"])
    with pytest.raises(SystemExit):
        main()
    recipe = tmp_path / "part.toml"
    some = recipe.read_text().replace('# unit = "mm"', 'unit = "mm"').split("# All faces")[0].split("[[checks]]")
    flat = next(one for one in some if "flatness" in one).replace("# tolerance", "tolerance")
    recipe.write_text("[[checks]]".join([some[0], flat]))
    monkeypatch.setattr(
        sys, "argv", ["valley", "inspect", str(tmp_path / "scan.ply"), "--recipe", str(recipe), "--json"]
    )
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main()
    result = json.loads(capsys.readouterr().out)
    assert stopped.value.code == 0
    assert [one["kind"] for one in result["features"]] == ["flatness"]
    assert {one["role"] for one in result["record"]["inputs"]} == {"scan", "reference", "recipe"}


def test_faults_are_planted_as_large_as_asked(part):
    at = names(part).index
    mesh = plant(part, (Bowed(at("plane-1"), STEP_M), Resized(at("hole-1"), WIDER_M)), 2e-3)
    plane, hole = part.surfaces[at("plane-1")], part.surfaces[at("hole-1")]
    off = (mesh.vertices_m - plane.point_m) @ plane.normal
    assert off.max() == pytest.approx(STEP_M, rel=1e-9)
    assert isinstance(hole, Cylinder)
    radius = np.sqrt((np.cross(mesh.vertices_m - hole.point_m, hole.direction) ** 2).sum(axis=1))
    assert np.isclose(radius, hole.radius_m + WIDER_M / 2, atol=1e-9).sum() > 100
    with pytest.raises(BadInput, match="cannot be planted"):
        plant(part, (Resized(at("plane-1"), WIDER_M),), 2e-3)
