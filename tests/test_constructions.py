# SPDX-License-Identifier: Apache-2.0
"""Features made of others: where they are, how well they are known, as datums; refused where they cannot be."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from visionvalley.applications.manufacturing.inspection import Inspection, run
from visionvalley.applications.manufacturing.recipe import Looked, Recipe
from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import BadInput, Cloud, Cylinder, Line, Part, Plane, SensorNoise, Sphere, Tolerance, Verdict
from visionvalley.runs.recipe import read_recipe
from visionvalley.samples.simulated import BRACKET_CHORD_M, bracket
from visionvalley.vision.metrology.characteristics import (
    Association,
    Characteristic,
    DatumReference,
    Extracted,
    Kind,
)
from visionvalley.vision.metrology.constructions import Construct, Construction, construct, taken_back
from visionvalley.vision.metrology.tolerances import evaluate
from visionvalley.vision.metrology.uncertainty import measured
from visionvalley.vision.shape.joining import names
from visionvalley.vision.shape.segmentation import with_faces
from visionvalley.vision.shape.topology import sample_surface

NOISE_M = 10e-6
LEFT, FRONT, BASE = (
    Plane([0, 0.01, 0.01], [-1, 0, 0]),
    Plane([0.02, 0, 0.01], [0, -1, 0]),
    Plane([0.02, 0.01, 0], [0, 0, -1]),
)
RIGHT = Plane([0.04, 0.01, 0.01], [1, 0, 0])
HOLES = [Cylinder([x, y, 5e-3], [0, 0, 1], 3e-3, True) for x, y in ((0.01, 0.01), (0.03, 0.01), (0.02, 0.025))]
BALLS = [Sphere([x, 0.02, 0.03], 4e-3) for x in (0.0, 0.03)]
ELEMENTS = {"left": LEFT, "front": FRONT, "base": BASE, "right": RIGHT, "ball-1": BALLS[0], "ball-2": BALLS[1]}
ELEMENTS |= {f"hole-{n}": one for n, one in enumerate(HOLES, 1)}
MADE = {
    "edge": Construction(Construct.INTERSECTION, ("left", "front")),
    "corner": Construction(Construct.INTERSECTION, ("left", "front", "base")),
    "mouth": Construction(Construct.INTERSECTION, ("hole-1", "base")),
    "middle": Construction(Construct.MIDPLANE, ("left", "right")),
    "line": Construction(Construct.AXIS, ("ball-1", "ball-2")),
    "between": Construction(Construct.POINT, ("hole-1", "hole-2")),
    "circle": Construction(Construct.PATTERN, ("hole-1", "hole-2", "hole-3")),
    "nested": Construction(Construct.AXIS, ("corner", "between")),
}
TRUE = {
    "edge": Line([0, 0, 0], [0, 0, 1]),
    "middle": Plane([0.02, 0, 0], [1, 0, 0]),
    "line": Line([0, 0.02, 0.03], [1, 0, 0]),
    "circle": Line([0.02, 0.015, 0], [0, 0, 1]),
}


def points_of(element, rng, noise_m, count=300):
    """Return points on an element, with noise along its normals."""
    off = noise_m * rng.normal(size=(count, 1))
    if isinstance(element, Plane):
        way = np.array(element.normal)
        flat = rng.uniform(-0.009, 0.009, (count, 3))
        return element.point_m + flat - (flat @ way)[:, None] * way + off * way
    way = rng.normal(size=(count, 3)) * ((1, 1, 0) if isinstance(element, Cylinder) else (1, 1, 1))
    way /= np.sqrt((way**2).sum(axis=1))[:, None]
    along = rng.uniform(-4e-3, 4e-3, (count, 1)) * ((0, 0, 1) if isinstance(element, Cylinder) else (0, 0, 0))
    return element.point_m + (element.radius_m + off) * way + along


def extracted(seed=0, noise_m=NOISE_M):
    rng = np.random.default_rng(seed)
    return {name: Extracted(name, one, points_of(one, rng, noise_m)) for name, one in ELEMENTS.items()}


@pytest.mark.parametrize("name", list(MADE))
def test_what_is_made_of_perfect_features_is_where_it_should_be(name):
    made = construct(name, MADE, extracted(noise_m=0.0))
    places = made.extracted.points_m
    if name in TRUE:
        true = TRUE[name]
        off = places - true.point_m
        way = true.normal if isinstance(true, Plane) else true.direction
        along = (off @ way)[:, None] * way
        assert_allclose(along if isinstance(true, Plane) else off - along, 0, atol=1e-9)
    else:
        true = {"corner": [0, 0, 0], "mouth": [0.01, 0.01, 0], "between": [0.02, 0.01, 5e-3], "nested": None}[name]
        if true is not None:
            assert_allclose(places.mean(axis=0), true, atol=1e-9)
    assert len(places) >= 4


CHECKS = [
    Characteristic("a", Kind.DISTANCE, ("edge", "hole-1")),
    Characteristic("b", Kind.DISTANCE, ("middle", "hole-1")),
    Characteristic("c", Kind.DISTANCE, ("corner", "between")),
    Characteristic("d", Kind.ANGLE, ("line", "hole-1")),
    Characteristic("e", Kind.DISTANCE, ("circle", "corner")),
    Characteristic("f", Kind.DISTANCE, ("nested", "ball-1")),
    Characteristic("g", Kind.DISTANCE, ("middle", "left")),
]


def value_of(check, parts):
    made = {name: construct(name, MADE, parts) for name in check.features if name in MADE}
    return taken_back(evaluate(check, {**parts, **{name: one.extracted for name, one in made.items()}}), made)


@pytest.mark.parametrize("check", CHECKS, ids=lambda one: "-".join(one.features))
def test_the_uncertainty_is_that_of_the_features_with_what_they_share(check):
    noise = SensorNoise(white_m=NOISE_M)
    values, told = [], []
    for seed in range(60):
        parts = extracted(seed)
        found = value_of(check, parts)
        assert set(found.sensitivity) <= set(ELEMENTS)
        values.append(found.value)
        if seed < 5:
            told.append(measured(check, parts, noise, found=found).measured.standard_uncertainty)
    assert np.std(values, ddof=1) == pytest.approx(np.mean(told), rel=0.35)


def test_as_a_datum_and_toleranced():
    parts = extracted(noise_m=1e-6)
    datum = DatumReference(("middle",), association=Association.LEAST_SQUARES)
    check = Characteristic("x", Kind.SYMMETRY, ("between",), Tolerance(0, 1e-4, "m"), datums=(datum,))
    made = {name: construct(name, MADE, parts) for name in ("middle", "between")}
    found = taken_back(evaluate(check, {**parts, **{name: one.extracted for name, one in made.items()}}), made)
    assert set(found.sensitivity) == {"left", "right", "hole-1", "hole-2"}
    assert found.value < 3e-6
    result = measured(check, parts, SensorNoise(white_m=1e-6), found=found)
    assert result.verdict is Verdict.PASS


def test_from_a_scan_by_a_recipe():
    mesh = bracket()
    part = with_faces(Part(mesh, np.full(len(mesh.faces), -1), (), BRACKET_CHORD_M))
    made = sample_surface(mesh, 30_000, seed=2)
    points = made.points_m + NOISE_M * np.random.default_rng(3).normal(size=(30_000, 1)) * made.normals
    holes = tuple(one for one in names(part) if one.startswith("hole"))
    features = (
        Looked("pattern", made=Construction(Construct.PATTERN, holes)),
        Looked("middle", made=Construction(Construct.MIDPLANE, ("plane-3", "plane-4"))),
    )
    datum = DatumReference(("middle",), association=Association.LEAST_SQUARES)
    checks = (
        Characteristic("pattern to middle", Kind.SYMMETRY, ("pattern",), Tolerance(0, 1e-4, "m"), datums=(datum,)),
        Characteristic("to plane", Kind.DISTANCE, ("plane-11", "pattern"), Tolerance(44.9e-3, 45.1e-3, "m"), 45e-3),
    )
    recipe = Recipe(checks, features, {"A": ("middle",)}, noise=SensorNoise(white_m=NOISE_M))
    values = Inspection(Cloud(points), mesh, part.chord_m, part=part, recipe=recipe)
    report = run(values, Settings(alignment="least-squares"))
    assert [str(one) for one in report.notes if "not_measured" in one.id] == []
    symmetric, distance = report.features
    assert (symmetric.verdict, distance.verdict) == (Verdict.PASS, Verdict.PASS)
    assert symmetric.datums == ("A",)
    low, high = distance.measured.interval_95
    assert low - 3e-6 < 45e-3 < high + 3e-6
    assert len(symmetric.scene.things[0].shape) > 500, "shown are the points of the holes"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('construct = "intersect"\nof = ["a", "b"]', "did you mean intersection"),
        ('construct = "midplane"\nof = ["a", "c"]', "did you mean"),
        ('construct = "midplane"\nof = ["a"]', "two features or more"),
        ('construct = "midplane"\nof = ["a", "b"]\nface = "a"', "left away"),
        ('construct = "midplane"\nof = ["a", "new"]', "circle: new of new"),
        (
            'construct = "midplane"\nof = ["a", "other"]\n[features.other]\nconstruct = "point"\nof = ["new", "hole"]',
            "circle",
        ),
        ('construct = "pattern"\nof = ["a", "b"]', "cannot be made"),
        ('construct = "intersection"\nof = ["a", "b"]', "parallel"),
        ('construct = "axis"\nof = ["hole", "free"]', "cannot be made of free"),
    ],
)
def test_what_cannot_be_made_is_told_with_its_line(tmp_path, written, told):
    surfaces = {"a": LEFT, "b": RIGHT, "hole": HOLES[0], "free": None}
    (tmp_path / "r.toml").write_text(f"[features.new]\n{written}\n")
    with pytest.raises(BadInput, match=told):
        read_recipe(tmp_path / "r.toml", surfaces)


LAID = tuple(DatumReference((name,), association=Association.LEAST_SQUARES) for name in ("base", "left", "front"))
MIDDLE = (DatumReference(("middle",)),)
PLACED = [
    Characteristic("a", Kind.POSITION, ("circle",), datums=LAID, diameter=True),
    Characteristic("b", Kind.POSITION, ("between",), datums=LAID, diameter=True),
    Characteristic("c", Kind.SYMMETRY, ("between",), datums=MIDDLE),
    Characteristic("d", Kind.PARALLELISM, ("left",), datums=MIDDLE),
]


@pytest.mark.parametrize("check", PLACED, ids=lambda one: "-".join(one.features))
def test_what_noise_adds_to_a_zone_of_constructed_features_is_taken_off(check):
    noise, values, seen, held = SensorNoise(white_m=NOISE_M), [], [], 0
    for seed in range(30):
        parts = extracted(seed)
        names = (*check.features, *(name for datum in check.datums for name in datum.features))
        made = {name: construct(name, MADE, parts) for name in names if name in MADE}
        found = taken_back(evaluate(check, {**parts, **{name: one.extracted for name, one in made.items()}}), made)
        result = measured(check, parts, noise, found=found).measured
        held += result.interval_95[0] <= 0
        values.append(result.value)
        seen.append(found.value)
        assert result.interval_95[1] < 100e-6
    assert held >= 26, "of 30 perfect parts; 26 or more in 98 of 100 times"
    assert np.mean(values) < 0.85 * np.mean(seen)
