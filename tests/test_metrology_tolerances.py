# SPDX-License-Identifier: Apache-2.0
"""Geometrical tolerances on features with planted deviations, against evaluations of other kinds."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog, minimize
from scipy.spatial import ConvexHull

from planted import X, Y, Z, assert_sensitivity, cylinder, moved_by, plane
from visionvalley.core import BadInput, Circle, Line, Plane, Sphere
from visionvalley.vision.metrology.characteristics import (
    Association,
    Characteristic,
    DatumReference,
    Extracted,
    Kind,
    Material,
)
from visionvalley.vision.metrology.tolerances import EVALUATIONS, evaluate

AWAY = moved_by((1e-3, -2e-3, 5e-4), (1e-4, -5e-5, 1e-4))


def ask(kind, *features, datums="", least=False, **more):
    """A characteristic; datums 'A|B-C|D'."""
    how = Association.LEAST_SQUARES if least else Association.MINIMUM_ZONE
    references = tuple(DatumReference(tuple(one.split("-")), association=how) for one in datums.split("|") if one)
    return Characteristic("asked", kind, features, datums=references, **more)


def by_name(*features):
    return {feature.name: feature for feature in features}


def hull_width(points):
    """The least distance of two parallel planes: over faces and pairs of edges of the convex hull."""
    hull = ConvexHull(points)
    corners = points[hull.vertices]
    normals = list(hull.equations[:, :3])
    edges = {tuple(sorted((a, b))) for s in hull.simplices for a, b in ((s[0], s[1]), (s[1], s[2]), (s[2], s[0]))}
    ways = np.array([points[a] - points[b] for a, b in edges])
    crossed = np.cross(ways[:, None], ways[None]).reshape(-1, 3)
    size = np.linalg.norm(crossed, axis=1)
    normals = np.concatenate([normals, crossed[size > 1e-15] / size[size > 1e-15, None]])
    return min(np.ptp(corners @ n) for n in normals)


# ---- form


@pytest.mark.parametrize("seed", range(3))
def test_flatness_is_the_width_of_the_convex_hull(seed):
    feature = plane(count=150, noise_m=2e-5, moved=AWAY, seed=seed)
    found = evaluate(ask(Kind.FLATNESS, "A"), by_name(feature))
    assert found.raw == pytest.approx(hull_width(feature.points_m), rel=1e-7)
    assert found.value == found.raw  # too few points for a filter, which is said
    assert [note.id for note in found.notes] == ["metrology.not_filtered"]


@pytest.mark.parametrize("height_m", [1e-6, 1.5e-5, 2e-4])
def test_flatness_of_a_wave_is_its_height(height_m):
    feature = plane(count=6000, height=lambda x, y: height_m * np.sin(2 * np.pi * x / 0.05), moved=AWAY)
    found = evaluate(ask(Kind.FLATNESS, "A", cutoff_m=0.005), by_name(feature))
    assert found.value == pytest.approx(2 * height_m, rel=2e-3)
    assert np.nanmax(np.abs(found.deviation_m["A"])) == pytest.approx(found.value / 2, rel=1e-6)


@pytest.mark.parametrize(("count", "wanted"), [(1000, 131e-6), (10_000, 154e-6)])
def test_noise_alone_widens_a_perfect_plane_by_its_extremes_and_the_filter_takes_most_of_it(count, wanted):
    values = []
    for seed in range(4):
        feature = plane(count=count, noise_m=2e-5, seed=seed)
        found = evaluate(ask(Kind.FLATNESS, "A"), by_name(feature))
        values.append(np.ptp(feature.points_m[:, 2]))
        assert 0.6 * wanted < found.raw <= values[-1]
        assert found.value < 0.45 * found.raw
    assert np.mean(values) == pytest.approx(wanted, rel=0.1)


@pytest.mark.parametrize("lobes", [2, 3, 5])
def test_roundness_and_cylindricity_of_lobes(lobes):
    feature = cylinder(count=20_000, radial=lambda t, z: 1e-5 * np.cos(lobes * t), moved=AWAY)
    for kind in (Kind.ROUNDNESS, Kind.CYLINDRICITY):
        found = evaluate(ask(kind, "B", cutoff_m=0.003), by_name(feature))
        assert found.value == pytest.approx(2e-5, rel=0.01), kind
        assert found.raw >= found.value * 0.99


def test_a_taper_and_a_barrel_are_cylindricity_not_roundness():
    for radial, form in ((lambda t, z: z * 1e-3, 4e-5), (lambda t, z: 4e-5 * (z / 0.02) ** 2, 4e-5)):
        features = by_name(cylinder(count=10_000, radial=radial, moved=AWAY))
        assert evaluate(ask(Kind.CYLINDRICITY, "B", cutoff_m=0.004), features).value == pytest.approx(form, rel=0.01)
        assert evaluate(ask(Kind.ROUNDNESS, "B", cutoff_m=0.004), features).value < 0.02 * form


def test_cylindricity_is_that_of_a_search_without_derivatives():
    feature = cylinder(count=120, noise_m=5e-6, seed=4, moved=AWAY)
    start = evaluate(ask(Kind.CYLINDRICITY, "B"), by_name(feature))

    def width(x):
        axis = np.array([x[2], x[3], 1.0])
        off = feature.points_m - np.array([x[0], x[1], 0])
        far = np.linalg.norm(np.cross(off, axis / np.linalg.norm(axis)), axis=1)
        return np.ptp(far)

    element = start.elements["B"]
    at = element.point_m - element.direction * element.point_m[2] / element.direction[2]
    begin = [at[0], at[1], element.direction[0] / element.direction[2], element.direction[1] / element.direction[2]]
    best = min(
        minimize(width, np.array(begin) + d, method="Nelder-Mead",
                 options={"xatol": 1e-12, "fatol": 1e-13, "maxiter": 8000, "maxfev": 8000}).fun
        for d in (0, np.array([1e-5, -1e-5, 1e-4, 1e-4]))
    )  # fmt: skip
    assert start.value == pytest.approx(width(begin), rel=1e-9)
    assert start.value <= best * (1 + 1e-6)


def test_roundness_of_a_measured_circle_is_its_narrowest_annulus():
    rng = np.random.default_rng(0)
    turn = np.sort(rng.uniform(0, 2 * np.pi, 60))
    r = 0.01 + rng.normal(0, 5e-6, 60)
    points = np.stack([r * np.cos(turn) + 3e-5, r * np.sin(turn), np.zeros(60)], axis=1)
    feature = Extracted("C", Circle(np.zeros(3), Z, 0.01), points)
    found = evaluate(ask(Kind.ROUNDNESS, "C", cutoff_m=1e-4), by_name(feature))  # a filter that reaches no neighbour

    def width(centre):
        return np.ptp(np.hypot(points[:, 0] - centre[0], points[:, 1] - centre[1]))

    best = min(minimize(width, (3e-5 + a, b), method="Nelder-Mead", options={"xatol": 1e-12, "fatol": 1e-14}).fun
               for a in (-5e-6, 0, 5e-6) for b in (-5e-6, 0, 5e-6))  # fmt: skip
    assert found.raw == pytest.approx(best, rel=1e-6)


def test_straightness_of_a_bent_axis_and_of_its_surface_lines():
    bent = cylinder(count=20_000, bend=lambda z: np.stack([4e-5 * (z / 0.02) ** 2, 0 * z], axis=1), moved=AWAY)
    axis = evaluate(ask(Kind.STRAIGHTNESS, "B", diameter=True), by_name(bent))
    assert axis.value == pytest.approx(4e-5, rel=0.01)
    lines = evaluate(ask(Kind.STRAIGHTNESS, "B", cutoff_m=0.004), by_name(bent))
    assert lines.value == pytest.approx(4e-5, rel=0.06)  # lines are read inside the ends, one every 15 degrees
    barrel = cylinder(count=20_000, radial=lambda t, z: 4e-5 * (z / 0.02) ** 2)
    assert evaluate(ask(Kind.STRAIGHTNESS, "B", diameter=True), by_name(barrel)).value < 2e-6
    along = np.linspace(-0.05, 0.05, 200)
    line = Extracted("L", Line(np.zeros(3), X), np.stack([along, 0 * along, 2e-5 * (along / 0.05) ** 2], axis=1))
    assert evaluate(ask(Kind.STRAIGHTNESS, "L"), by_name(line)).value == pytest.approx(2e-5, rel=1e-3)
    assert evaluate(ask(Kind.STRAIGHTNESS, "L", diameter=True), by_name(line)).value == pytest.approx(2e-5, rel=1e-3)


# ---- orientation


def test_parallelism_is_the_height_of_the_surface_above_its_datum():
    datum = plane("A", count=500)
    for tilt in (1e-4, 1e-3):
        top = plane("T", place=(0, 0, 0.02), moved=moved_by((0, tilt, 0), (0, 0, 3e-5)), seed=1, count=5000)
        for least in (False, True):
            found = evaluate(ask(Kind.PARALLELISM, "T", datums="A", least=least), by_name(datum, top))
            assert found.value == pytest.approx(np.ptp(top.points_m[:, 2]), rel=1e-3)


def test_perpendicularity_of_a_plane_turns_about_the_datum_and_not_otherwise():
    datum = plane("A")
    turned = plane("B", normal=X, side=(0.08, 0.02), moved=moved_by((0, 0, 5e-3), (0, 0, 0)), count=4000)
    assert evaluate(ask(Kind.PERPENDICULARITY, "B", datums="A"), by_name(datum, turned)).value < 1e-6
    leant = plane("B", normal=X, side=(0.08, 0.02), moved=moved_by((0, 1e-3, 0), (0, 0, 0)), count=4000)
    found = evaluate(ask(Kind.PERPENDICULARITY, "B", datums="A"), by_name(datum, leant))
    height = np.ptp(leant.points_m[:, 2])
    assert found.value == pytest.approx(1e-3 * height, rel=0.01)
    other = plane("C", normal=Y, side=(0.1, 0.02), place=(0, 0.04, 0))
    held = evaluate(ask(Kind.PERPENDICULARITY, "B", datums="A|C"), by_name(datum, turned, other))
    assert held.value == pytest.approx(5e-3 * np.ptp(turned.points_m[:, 1]), rel=0.01)


def test_perpendicularity_and_parallelism_of_an_axis():
    datum = plane("A", count=500)
    hole = cylinder("H", radius_m=0.004, internal=True, count=8000, moved=moved_by((1e-3, 0, 0), (1e-4, 0, 0)))
    round_zone = evaluate(ask(Kind.PERPENDICULARITY, "H", datums="A", diameter=True), by_name(datum, hole))
    assert round_zone.value == pytest.approx(1e-3 * 0.04, rel=0.002)
    lying = cylinder(
        "H", radius_m=0.004, direction=X, place=(0, 0, 0.01), count=8000, moved=moved_by((0, 2e-3, 0), (0,) * 3)
    )
    flat_zone = evaluate(ask(Kind.PARALLELISM, "H", datums="A"), by_name(datum, lying))
    assert flat_zone.value == pytest.approx(2e-3 * 0.04, rel=0.002)
    turned = replace(
        lying, points_m=moved_by((0, 0, 2e-3), (0,) * 3).apply(cylinder("H", radius_m=0.004, direction=X).points_m)
    )
    assert evaluate(ask(Kind.PARALLELISM, "H", datums="A"), by_name(datum, turned)).value < 1e-6


def test_angularity_keeps_the_angle_of_the_nominals():
    slope = np.array([math.sin(1.0), 0, math.cos(1.0)])
    datum, face = (
        plane("A"),
        plane("S", normal=slope, side=(0.03, 0.03), count=5000, moved=moved_by((0, 1e-3, 0), (0,) * 3)),
    )
    found = evaluate(ask(Kind.ANGULARITY, "S", datums="A"), by_name(datum, face))
    along = np.ptp(face.points_m @ np.cross(Y, slope))
    assert found.value == pytest.approx(1e-3 * along, rel=0.01)


# ---- location and profile


def box():
    """Three perfect datum planes and a hole 30 um and 40 um off."""
    return by_name(
        plane("A", seed=1), plane("B", place=(0.05, 0, 0.01), normal=X, side=(0.08, 0.02), seed=2),
        plane("C", place=(0, 0.04, 0.01), normal=Y, side=(0.1, 0.02), seed=3),
        cylinder("H", place=(0.01, 0.01, 0.01), radius_m=0.005, length_m=0.02, internal=True, seed=4,
                 moved=moved_by((0, 0, 0), (3e-5, 4e-5, 0))),
    )  # fmt: skip


@pytest.mark.parametrize("least", [False, True])
def test_position_is_twice_the_offset_wherever_the_part_lies(least):
    features = box()
    for pose in (moved_by((0, 0, 0), (0, 0, 0)), moved_by((2e-3, -1e-3, 3e-3), (2e-4, 1e-4, -3e-4))):
        moved = {name: replace(f, points_m=pose.apply(f.points_m)) for name, f in features.items()}
        found = evaluate(ask(Kind.POSITION, "H", datums="A|B|C", diameter=True, least=least), moved)
        assert found.value == pytest.approx(1e-4, rel=1e-4)
    free = evaluate(ask(Kind.POSITION, "H", datums="A", diameter=True, least=least), moved)
    assert free.value < 1e-7
    assert "metrology.free" in [note.id for note in free.notes]
    one = evaluate(ask(Kind.POSITION, "H", datums="A|B", diameter=True, least=least), moved)
    assert one.value == pytest.approx(6e-5, rel=1e-3)  # it may slide along B: 30 um are left
    strip = evaluate(ask(Kind.POSITION, "H", datums="B|A|C", least=least), moved)
    assert strip.value == pytest.approx(6e-5, rel=1e-3)


def test_a_pattern_is_judged_at_once_and_may_move_as_one():
    places = [(0.03, 0, 0), (-0.03, 0, 0), (0, 0.03, 0)]
    shifts = [(1e-5, 0, 0), (-1e-5, 0, 0), (0, 0, 0)]
    pose = moved_by((0, 0, 1e-3), (5e-5, 2e-5, 0))
    holes = [
        cylinder(f"H{i}", place=p, radius_m=0.004, internal=True, count=3000, seed=i) for i, p in enumerate(places)
    ]
    moved = [replace(h, points_m=pose.apply(h.points_m + np.array(s))) for h, s in zip(holes, shifts, strict=True)]
    found = evaluate(ask(Kind.POSITION, "H0", "H1", "H2", diameter=True), by_name(*moved))

    def largest(x):
        c, s = math.cos(x[2]), math.sin(x[2])
        at = [np.array([c * p[0] - s * p[1] + x[0], s * p[0] + c * p[1] + x[1]]) for p in places]
        return max(
            2 * np.hypot(*(np.array(p[:2]) + np.array(s[:2]) - a)) for p, s, a in zip(places, shifts, at, strict=True)
        )

    best = min(minimize(largest, (1e-6 * i, 1e-6 * j, 0), method="Nelder-Mead",
                        options={"xatol": 1e-13, "fatol": 1e-14, "maxiter": 4000}).fun
               for i in (-3, 0, 3) for j in (-3, 0, 3))  # fmt: skip
    assert found.value == pytest.approx(best, rel=0.02)
    some = by_name(*(noisy(hole) for hole in moved))
    assert_sensitivity(evaluate, ask(Kind.POSITION, "H0", "H1", "H2", diameter=True), some, 1e-2)


def test_surface_profile_is_minimised_over_what_the_datums_leave_free():
    datum = plane("A", seed=1)
    face = plane("T", place=(0, 0, 0.02), moved=moved_by((0, 0, 0), (0, 0, 4e-5)), seed=2, count=3000)
    placed = evaluate(ask(Kind.SURFACE_PROFILE, "T", datums="A"), by_name(datum, face))
    assert placed.value == pytest.approx(8e-5, rel=1e-6)
    assert evaluate(ask(Kind.SURFACE_PROFILE, "T"), by_name(face)).value < 1e-9
    small = cylinder("B", grown_m=-1e-5, moved=AWAY, count=4000)
    assert evaluate(ask(Kind.SURFACE_PROFILE, "B"), by_name(small)).value == pytest.approx(2e-5, rel=0.01)


def test_the_profile_of_a_plane_is_that_of_another_solver():
    face = plane("T", count=200, noise_m=1e-5, moved=AWAY, seed=5)
    x, y, z = face.points_m.T
    one = np.ones_like(x)
    rows = np.stack([one, x, y, one], axis=1)
    a = np.concatenate([np.column_stack([rows[:, :3], -one]), np.column_stack([-rows[:, :3], -one])])
    best = linprog([0, 0, 0, 1], A_ub=a, b_ub=np.concatenate([z, -z]), bounds=[(None, None)] * 4).fun
    assert evaluate(ask(Kind.SURFACE_PROFILE, "T"), by_name(face)).raw == pytest.approx(2 * best, rel=1e-5)


def test_a_sphere_a_slot_and_a_circle_have_their_places():
    way = np.random.default_rng(0).normal(size=(400, 3))
    way /= np.linalg.norm(way, axis=1)[:, None]
    ball = Extracted(
        "S", Sphere(np.array([0.01, 0.02, 0.02]), 0.005), np.array([0.01, 0.02, 0.02]) + 0.005 * way + (2e-5, 0, 1e-5)
    )
    turn = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    ring = np.stack([0.004 * np.cos(turn), 0.004 * np.sin(turn), 0 * turn], axis=1)
    circle = Extracted("K", Circle(np.zeros(3), Z, 0.004, True), ring + np.array([0, 3e-5, 0]))
    features = {**box(), "S": ball, "K": circle}
    found = evaluate(ask(Kind.POSITION, "S", datums="A|B|C", diameter=True), features)
    assert found.value == pytest.approx(2 * math.hypot(2e-5, 1e-5), rel=1e-5)
    assert evaluate(ask(Kind.POSITION, "K", datums="A|B|C", diameter=True), features).value == pytest.approx(
        6e-5, rel=1e-5
    )


def test_coaxiality_symmetry_and_run_out():
    features = by_name(
        cylinder("S1", seed=1, count=2000), cylinder("S2", place=(0, 0, 0.08), radius_m=0.012, seed=2, count=2000),
        cylinder("S3", place=(0, 0, 0.04), radius_m=0.015, length_m=0.02, seed=3, count=20_000,
                 moved=moved_by((0, 0, 0), (1e-5, 0, 0))),
        plane("F", place=(0, 0, 0.1), side=(0.02, 0.02), seed=4, count=8000,
              moved=moved_by((0, 1e-3, 0), (-1e-4, 0, 0))),
    )  # fmt: skip
    for datums in ("S1-S2", "S1"):
        for least in (False, True):
            asked = {"datums": datums, "least": least}
            assert evaluate(ask(Kind.COAXIALITY, "S3", **asked), features).value == pytest.approx(2e-5, rel=0.03)
            assert evaluate(ask(Kind.CIRCULAR_RUN_OUT, "S3", **asked), features).value == pytest.approx(2e-5, rel=0.03)
            assert evaluate(ask(Kind.TOTAL_RUN_OUT, "S3", **asked), features).value == pytest.approx(2e-5, rel=0.03)
    face = features["F"].points_m
    total = evaluate(ask(Kind.TOTAL_RUN_OUT, "F", datums="S1-S2"), features)
    assert total.value == pytest.approx(np.ptp(face[:, 2]), rel=0.02)
    circular = evaluate(ask(Kind.CIRCULAR_RUN_OUT, "F", datums="S1-S2", cutoff_m=0.002), features)
    assert 0.019e-3 < circular.value < 1.03 * total.value  # the outermost whole circle: 2 x 10 mm x 1e-3


def test_symmetry_of_a_slot_to_a_middle_plane():
    sides = [
        plane("L", place=(-0.02, 0, 0), normal=-X, side=(0.03, 0.03), seed=1),
        plane("R", place=(0.02, 0, 0), normal=X, side=(0.03, 0.03), seed=2),
        plane("P", place=(-0.005, 0, 0), normal=X, side=(0.02, 0.02), seed=3, count=4000,
              moved=moved_by((0,) * 3, (1.2e-5, 0, 0))),
        plane("Q", place=(0.005, 0, 0), normal=-X, side=(0.02, 0.02), seed=4, count=4000,
              moved=moved_by((0,) * 3, (0.8e-5, 0, 0))),
    ]  # fmt: skip
    for least in (False, True):
        found = evaluate(ask(Kind.SYMMETRY, "P", "Q", datums="L-R", least=least), by_name(*sides))
        assert found.value == pytest.approx(2e-5, rel=1e-6)
    assert_sensitivity(evaluate, ask(Kind.SYMMETRY, "P", "Q", datums="L-R"), by_name(*(noisy(s) for s in sides)))


def noisy(feature, sigma=3e-6, seed=9):
    """Noise, so that few points decide."""
    rng = np.random.default_rng(seed + len(feature.name) + ord(feature.name[0]))
    normal = getattr(feature.nominal, "normal", None)
    if normal is None:
        off = feature.points_m - feature.nominal.point_m
        w = feature.nominal.direction
        across = off - (off @ w)[:, None] * w
        normal = across / np.linalg.norm(across, axis=1)[:, None]
    return replace(feature, points_m=feature.points_m + rng.normal(0, sigma, (len(feature.points_m), 1)) * normal)


NOISY = {
    "flatness": (ask(Kind.FLATNESS, "A"), 1e-4),
    "cylindricity": (ask(Kind.CYLINDRICITY, "H"), 1e-4),
    "roundness": (ask(Kind.ROUNDNESS, "H", cutoff_m=0.006), 1e-3),
    "straightness": (ask(Kind.STRAIGHTNESS, "H", cutoff_m=0.006), 1e-3),
    "median": (ask(Kind.STRAIGHTNESS, "H", diameter=True), 1e-2),
    "parallelism": (ask(Kind.PARALLELISM, "T", datums="A"), 1e-4),
    "parallelism LS": (ask(Kind.PARALLELISM, "T", datums="A", least=True), 1e-4),
    "perpendicularity": (ask(Kind.PERPENDICULARITY, "B", datums="A"), 1e-4),
    "profile A": (ask(Kind.SURFACE_PROFILE, "T", datums="A"), 1e-4),
    "profile A B": (ask(Kind.SURFACE_PROFILE, "C", datums="A|B"), 1e-4),
    "profile H": (ask(Kind.SURFACE_PROFILE, "C", datums="H"), 1e-3),
    "position": (ask(Kind.POSITION, "H", datums="A|B|C", diameter=True), 1e-2),
    "position LS": (ask(Kind.POSITION, "H", datums="A|B|C", diameter=True, least=True), 1e-2),
    "run-out": (ask(Kind.TOTAL_RUN_OUT, "T", datums="H"), 1e-3),
}


@pytest.mark.parametrize("name", NOISY)
def test_sensitivities_are_the_differences_of_the_value(name):
    asked, tolerance = NOISY[name]
    features = {**box(), "T": plane("T", place=(0, 0, 0.02), seed=8, moved=moved_by((3e-4, 0, 0), (0, 0, 0)))}
    assert_sensitivity(evaluate, asked, {n: noisy(f) for n, f in features.items()}, tolerance)


# ---- refusals


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (ask(Kind.FLATNESS, "H"), "is a cylinder"),
        (ask(Kind.CYLINDRICITY, "A"), "is a plane"),
        (ask(Kind.ROUNDNESS, "A"), "is a plane"),
        (ask(Kind.STRAIGHTNESS, "A"), "in which direction"),
        (ask(Kind.LINE_PROFILE, "A"), "in which direction"),
        (ask(Kind.STRAIGHTNESS, "A", section=(0, 0, 1)), "run along"),
        (ask(Kind.STRAIGHTNESS, "A", section=(0, 0, 0)), "section"),
        (ask(Kind.STRAIGHTNESS, "H", section=(0, 0, 1)), "not taken"),
        (ask(Kind.FLATNESS, "A", section=(0, 0, 1)), "not taken"),
        (ask(Kind.LINE_PROFILE, "A", "B", section=(0, 1, 0)), "names 2"),
        (ask(Kind.TOTAL_RUN_OUT, "A"), "names no datum"),
        (ask(Kind.TOTAL_RUN_OUT, "H", datums="A"), "is no axis"),
        (ask(Kind.PARALLELISM, "A"), "names no datum"),
        (ask(Kind.POSITION, "H"), "names no datum"),
        (ask(Kind.PERPENDICULARITY, "H", datums="A"), "two parallel planes"),
        (ask(Kind.FLATNESS, "Z"), "was not extracted"),
        (ask(Kind.PARALLELISM, "A", datums="Z"), "was not extracted"),
        (ask(Kind.PARALLELISM, "A", datums="B-H"), "no common datum"),
        (ask(Kind.POSITION, "H", datums="A|B|C", material=Material.MAXIMUM), "no material size"),
        (ask(Kind.SIZE, "A"), "size of a plane"),
        (ask(Kind.DISTANCE, "A"), "names 1"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_with_a_way_out(asked, why):
    with pytest.raises(BadInput, match=why) as caught:
        evaluate(asked, box())
    assert caught.value.fix


def test_too_few_points_are_refused():
    few = Extracted("A", Plane(np.zeros(3), Z), np.zeros((2, 3)))
    with pytest.raises(BadInput, match="2 points"):
        evaluate(ask(Kind.FLATNESS, "A"), by_name(few))


def test_every_kind_has_its_evaluation():
    assert set(EVALUATIONS) == set(Kind)
