# SPDX-License-Identifier: Apache-2.0
"""Sizes, distances, angles, material requirements and datum systems on features with planted deviations."""

import math

import numpy as np
import pytest

from planted import X, Y, Z, assert_sensitivity, cylinder, moved_by, plane
from visionvalley.core import BadInput, Tolerance
from visionvalley.vision.metrology.characteristics import Characteristic, DatumReference, Kind, Material, SizeCriterion
from visionvalley.vision.metrology.datums import lay
from visionvalley.vision.metrology.tolerances import evaluate

AWAY = moved_by((1e-3, -2e-3, 5e-4), (1e-4, -5e-5, 1e-4))


def by_name(*features):
    return {feature.name: feature for feature in features}


def size(*names, criterion=SizeCriterion.TWO_POINT, **more):
    return Characteristic("size", Kind.SIZE, names, size=criterion, **more)


# ---- sizes


def test_two_point_sizes_see_an_oval_but_not_three_lobes_or_a_bent_axis():
    oval = cylinder(count=10_000, radial=lambda t, z: 1e-5 * np.cos(2 * t), moved=AWAY)
    found = evaluate(size("B", cutoff_m=0.004), by_name(oval))
    assert found.beside["smallest"] == pytest.approx(0.02 - 2e-5, abs=3e-7)
    assert found.beside["largest"] == pytest.approx(0.02 + 2e-5, abs=3e-7)
    assert found.value in (found.beside["smallest"], found.beside["largest"])
    lobed = cylinder(count=10_000, radial=lambda t, z: 1e-5 * np.cos(3 * t), moved=AWAY)
    bent = cylinder(count=10_000, bend=lambda z: np.stack([4e-5 * (z / 0.02) ** 2, 0 * z], axis=1), moved=AWAY)
    for feature in (lobed, bent):
        found = evaluate(size("B", cutoff_m=0.004), by_name(feature))
        assert found.beside["largest"] - found.beside["smallest"] < 1e-6


def test_three_lobes_are_seen_by_the_mating_sizes_and_the_envelope():
    lobed = by_name(cylinder(count=10_000, radial=lambda t, z: 1e-5 * np.cos(3 * t), moved=AWAY))
    for criterion, wanted in (("GG", 0.02), ("GN", 0.02 + 2e-5), ("GX", 0.02 - 2e-5), ("E", 0.02 + 2e-5)):
        found = evaluate(size("B", criterion=SizeCriterion(criterion)), lobed)
        assert found.value == pytest.approx(wanted, abs=2e-7), criterion


@pytest.mark.parametrize("grown_m", [-5e-5, 3e-6, 1e-4])
def test_the_value_is_the_extreme_size_farther_from_the_middle_of_the_tolerance(grown_m):
    feature = by_name(cylinder(count=6000, grown_m=grown_m, radial=lambda t, z: z * 1e-3))
    limits = Tolerance(0.02 - 1e-4, 0.02 + 1e-4, "m")
    found = evaluate(size("B", tolerance=limits), feature)
    assert found.value == pytest.approx(0.02 + 2 * grown_m + math.copysign(4e-5, grown_m), abs=1e-6)
    assert evaluate(size("B", tolerance=Tolerance(None, 0.03, "m")), feature).value == found.beside["largest"]


def test_half_a_cylinder_has_no_two_point_size_but_a_least_squares_one():
    half = by_name(cylinder(count=4000, span=0.8 * np.pi))
    with pytest.raises(BadInput, match="opposite"):
        evaluate(size("B"), half)
    assert evaluate(size("B", criterion=SizeCriterion.LEAST_SQUARES), half).value == pytest.approx(0.02, rel=1e-9)


@pytest.mark.parametrize("internal", [False, True])
def test_sizes_of_two_opposite_planes(internal):
    side = -1.0 if internal else 1.0
    top = plane("T", place=(0, 0, 0.01), normal=side * Z, count=4000, moved=AWAY,
                height=lambda x, y: 1e-5 * np.sin(2 * np.pi * x / 0.05))  # fmt: skip
    bottom = plane("U", place=(0, 0, -0.01), normal=-side * Z, count=4000, seed=1, moved=AWAY)
    features = by_name(top, bottom)
    found = evaluate(size("T", "U", cutoff_m=0.01), features)
    assert found.beside["smallest"] == pytest.approx(0.02 - 1e-5, abs=4e-7)
    assert found.beside["largest"] == pytest.approx(0.02 + 1e-5, abs=4e-7)
    for criterion, wanted in (("GG", 0.02), ("GN", 0.02 + 1e-5), ("GX", 0.02 - 1e-5)):
        value = evaluate(size("T", "U", criterion=SizeCriterion(criterion)), features).value
        assert value == pytest.approx(wanted, abs=1e-6), criterion


@pytest.mark.parametrize("criterion", list(SizeCriterion))
def test_sensitivities_of_sizes_are_the_differences(criterion):
    assert_sensitivity(evaluate, size("B", criterion=criterion), by_name(cylinder(noise_m=3e-6)), 2e-2)
    pair = by_name(plane("T", place=(0, 0, 0.02), noise_m=3e-6), plane("U", normal=-Z, noise_m=3e-6, seed=1))
    assert_sensitivity(evaluate, size("T", "U", criterion=criterion), pair, 5e-3)


def test_distances_and_angles_are_said_to_be_no_sizes():
    features = by_name(
        plane("A", noise_m=1e-6),
        plane("T", place=(0, 0, 0.02), seed=1, noise_m=1e-6, moved=moved_by((1e-3, 0, 0), (0,) * 3)),
        cylinder("H", place=(0.01, 0, 0.01), radius_m=0.004, seed=2, noise_m=1e-6),
        cylinder("K", place=(0.01, 0.03, 0.01), radius_m=0.004, seed=3, noise_m=1e-6),
    )  # fmt: skip
    step = evaluate(Characteristic("d", Kind.DISTANCE, ("A", "T")), features)
    assert step.value == pytest.approx(features["T"].points_m[:, 2].mean(), abs=1e-6)
    assert [note.id for note in step.notes] == ["metrology.distance"]
    between = Characteristic("d", Kind.DISTANCE, ("H", "K"))
    assert evaluate(between, features).value == pytest.approx(0.03, abs=1e-6)
    tilt = Characteristic("a", Kind.ANGLE, ("A", "T"), nominal=0.0)
    assert evaluate(tilt, features).value == pytest.approx(1e-3, abs=1e-5)
    upright = Characteristic("a", Kind.ANGLE, ("A", "H"), nominal=math.pi / 2)
    assert evaluate(upright, features).value == pytest.approx(math.pi / 2, abs=2e-4)
    for asked in (between, tilt):
        assert_sensitivity(evaluate, asked, features)


# ---- material requirements


def hole(shift_m, grown_m=0.0, **more):
    return cylinder("H", radius_m=0.005, length_m=0.02, place=(0.01, 0.01, 0.01), internal=True, count=4000,
                    grown_m=grown_m, moved=moved_by((0, 0, 0), (shift_m, 0, 0)), **more)  # fmt: skip


def datums(**more):
    planes = (
        plane("A", seed=1), plane("B", place=(0.05, 0, 0.01), normal=X, side=(0.08, 0.02), seed=2),
        plane("C", place=(0, 0.04, 0.01), normal=Y, side=(0.1, 0.02), seed=3),
    )  # fmt: skip
    return by_name(*planes), tuple(DatumReference((name,)) for name in "ABC")


@pytest.mark.parametrize("grown_m", [0.0, 2e-5])
def test_a_hole_may_stand_farther_off_by_its_bonus(grown_m):
    features, system = datums()
    features["H"] = hole(3e-5, grown_m)
    asked = Characteristic(
        "p", Kind.POSITION, ("H",), datums=system, material=Material.MAXIMUM, material_size_m=0.00998
    )
    found = evaluate(asked, features)
    bonus = 2 * grown_m + 2e-5
    assert found.beside["bonus"] == pytest.approx(bonus, abs=2e-8)
    assert found.value == pytest.approx(6e-5 - bonus, abs=2e-7)  # position - bonus, for a perfect hole
    assert not found.bounded
    least = Characteristic("p", Kind.POSITION, ("H",), datums=system, material=Material.LEAST, material_size_m=0.0101)
    assert evaluate(least, features).value == pytest.approx(6e-5 - (0.0101 - 0.01 - 2 * grown_m), abs=2e-7)


def test_a_shaft_at_zero_tolerance_is_its_envelope_at_right_angles():
    features, _ = datums()
    leant = cylinder("S", count=4000, moved=moved_by((1e-3, 0, 0), (5e-5, 0, 0)))
    features["S"] = leant
    asked = Characteristic(
        "p",
        Kind.PERPENDICULARITY,
        ("S",),
        datums=(DatumReference(("A",)),),
        material=Material.MAXIMUM,
        material_size_m=0.02,
    )
    found = evaluate(asked, features)
    assert found.value == pytest.approx(1e-3 * 0.04, rel=0.02)
    assert_sensitivity(evaluate, asked, by_name(plane("A", noise_m=3e-6), cylinder("S", noise_m=3e-6)), 1e-3)


@pytest.mark.parametrize("clearance_m", [2e-5, 4e-5, 1e-3])
def test_a_datum_with_maximum_material_lets_the_pattern_shift_by_its_clearance(clearance_m):
    features, _ = datums()
    features["D"] = cylinder(
        "D", place=(0, 0, 0.01), radius_m=0.006, length_m=0.02, internal=True, count=20_000, seed=9
    )
    features["B"] = plane("B", place=(0, 0.04, 0.01), normal=Y, side=(0.1, 0.02), seed=2)
    features["H"] = hole(3e-5, seed=4)
    size_m = 0.012 - clearance_m
    system = (
        DatumReference(("A",)), DatumReference(("D",), material=Material.MAXIMUM, material_size_m=size_m),
        DatumReference(("C",)),
    )  # fmt: skip
    asked = Characteristic("p", Kind.POSITION, ("H",), datums=system, material=Material.MAXIMUM, material_size_m=0.01)
    found = evaluate(asked, features)
    assert found.value == pytest.approx(max(6e-5 - clearance_m, 0.0), abs=1e-6)


def test_a_datum_that_breaks_its_boundary_is_refused():
    features, _ = datums()
    features["H"], features["D"] = hole(0.0), cylinder("D", radius_m=0.006, internal=True)
    system = (DatumReference(("A",)), DatumReference(("D",), material=Material.MAXIMUM, material_size_m=0.0121))
    asked = Characteristic("p", Kind.POSITION, ("H",), datums=system, material=Material.MAXIMUM, material_size_m=0.01)
    with pytest.raises(BadInput, match="virtual boundary"):
        evaluate(asked, features)


# ---- datum systems


@pytest.mark.parametrize(
    ("names", "locked"),
    [("A", 3), ("AB", 5), ("ABC", 6), ("H", 4), ("HA", 5), ("AH", 5), ("AHB", 6), ("HAB", 6)],
)
def test_a_system_locks_what_the_standard_says_and_lies_where_the_part_does(names, locked):
    features, _ = datums()
    features["H"] = hole(0.0)
    pose = moved_by((1e-3, -2e-3, 3e-3), (2e-4, -1e-4, 5e-5))
    moved = {n: type(f)(n, f.nominal, pose.apply(f.points_m)) for n, f in features.items()}
    system = lay(tuple(DatumReference((n,)) for n in names), moved)
    assert system.locked == locked
    if locked == 6:
        np.testing.assert_allclose(system.part_from_datum.matrix(), pose.matrix(), atol=4e-7)  # rad: 8 nm over the hole


def test_a_secondary_datum_keeps_the_orientation_of_the_primary():
    leant = plane(
        "B", place=(0.05, 0, 0.01), normal=X, side=(0.08, 0.02), seed=2, moved=moved_by((0, 2e-3, 0), (0,) * 3)
    )
    features = by_name(plane("A", seed=1), leant)
    first, second = lay((DatumReference(("A",)), DatumReference(("B",))), features).elements
    assert abs((first.normal * second.normal).sum()) < 1e-12
    heights = (leant.points_m - second.point_m) @ second.normal
    assert heights.max() == pytest.approx(0, abs=1e-12)  # it touches from outside the material
