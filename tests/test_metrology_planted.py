# SPDX-License-Identifier: Apache-2.0
"""Cones, slots, least-material datums and datum shift on planted features, evaluated again by other means."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.spatial import ConvexHull

from planted import X, Y, Z, assert_sensitivity, cylinder, moved_by, plane
from visionvalley.core import BadInput, Cone, Cylinder, SensorNoise, Slot
from visionvalley.vision.metrology.characteristics import (
    Association,
    Characteristic,
    DatumReference,
    Extracted,
    Kind,
    Material,
)
from visionvalley.vision.metrology.tolerances import evaluate
from visionvalley.vision.metrology.uncertainty import measured

AWAY = moved_by((1e-3, -2e-3, 5e-4), (1e-4, -5e-5, 1e-4))
HALF = 0.3  # rad


def cone(name="K", count=20_000, off=None, noise_m=0.0, moved=None, seed=0):
    """A cone of 10 mm radius in its middle, 20 mm high; off(turn, s) along its normal, s along its generators."""
    rng = np.random.default_rng(seed)
    turn, s = rng.uniform(0, 2 * np.pi, count), rng.uniform(-0.01, 0.01, count) / math.cos(HALF)
    away = np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    points = 0.01 * away + s[:, None] * (math.sin(HALF) * away + math.cos(HALF) * Z)
    d = (0 if off is None else off(turn, s)) + (rng.normal(0, noise_m, count) if noise_m else 0)
    points = points + np.reshape(d, (-1, 1)) * (math.cos(HALF) * away - math.sin(HALF) * Z)
    nominal = Cone(np.zeros(3), Z, 0.01, HALF)
    return Extracted(name, nominal, points if moved is None else moved.apply(points))


def by_name(*features):
    return {feature.name: feature for feature in features}


def ask(kind, *features, datums=(), **more):
    return Characteristic("asked", kind, features, datums=tuple(datums), **more)


def strip(points):
    hull = ConvexHull(points)
    return min(np.ptp(points @ normal) for normal in hull.equations[:, :2])


# ---- cones


def test_straightness_of_the_generators_of_a_cone_is_their_narrowest_strip():
    def off(turn, s):
        return (1 + 0.5 * np.cos(turn)) * (1e-5 * np.cos(2 * np.pi * s / 0.01) + 0.3 * s**2) + 2e-3 * s

    found = evaluate(ask(Kind.STRAIGHTNESS, "K", cutoff_m=0.002), by_name(cone(off=off, count=40_000, moved=AWAY)))
    s = np.linspace(-0.01, 0.01, 2001) / math.cos(HALF)
    widest = max(strip(np.stack([s, off(turn, s)], axis=1)) for turn in np.linspace(0, 2 * np.pi, 48))
    assert found.value == pytest.approx(widest, rel=0.04)
    assert found.raw == pytest.approx(widest, rel=0.05)
    noisy = cone(count=800, noise_m=3e-6)
    assert_sensitivity(evaluate, ask(Kind.STRAIGHTNESS, "K", cutoff_m=0.01), by_name(noisy), 2e-3)


def test_straightness_of_the_axis_of_a_cone():
    def bent(turn, s):
        return 4e-5 * (s * math.cos(HALF) / 0.01) ** 2 * np.cos(turn) * math.cos(HALF)

    found = evaluate(ask(Kind.STRAIGHTNESS, "K", diameter=True), by_name(cone(off=bent, moved=AWAY)))
    assert found.value == pytest.approx(4e-5, rel=0.02)


@pytest.mark.parametrize("least", [False, True])
def test_run_out_of_a_cone_is_the_widest_of_its_circles_square_to_its_surface(least):
    shifted = moved_by((0, 5e-4, 0), (2e-5, 0, 0))
    feature = cone(count=40_000, off=lambda t, s: 3e-6 * np.cos(3 * t), moved=shifted)
    shaft = cylinder("S", place=(0, 0, -0.05), seed=1, count=4000)
    how = Association.LEAST_SQUARES if least else Association.MINIMUM_ZONE
    asked = ask(Kind.CIRCULAR_RUN_OUT, "K", datums=[DatumReference(("S",), association=how)], cutoff_m=0.002)
    found = evaluate(asked, by_name(feature, shaft))
    count = 11  # circles over 20 mm, a cut-off of 2 mm apart; the extreme ones are half a step inside
    widest = 0.0
    for level in (np.arange(count) + 0.5) * 0.02 / count - 0.01:
        turn = np.linspace(0, 2 * np.pi, 400, endpoint=False)
        radius = 0.01 + level * math.tan(HALF)
        on = np.stack([radius * np.cos(turn), radius * np.sin(turn), np.full(400, level)], axis=1)
        normal = np.stack([math.cos(HALF) * np.cos(turn), math.cos(HALF) * np.sin(turn), 0 * turn - math.sin(HALF)], 1)
        back = shifted.inverse()
        d = ((on - back.apply(on)) * normal).sum(axis=1) + 3e-6 * np.cos(3 * turn)
        widest = max(widest, np.ptp(d))
    assert found.value == pytest.approx(widest, rel=0.02)


def test_total_run_out_of_a_cone_is_refused():
    asked = ask(Kind.TOTAL_RUN_OUT, "K", datums=[DatumReference(("S",))])
    with pytest.raises(BadInput, match="is a cone"):
        evaluate(asked, by_name(cone(count=100), cylinder("S")))


@pytest.mark.parametrize("cutoff", [0.006, None])
@pytest.mark.parametrize("which", ["cylinder", "cone", "plane"])
@pytest.mark.parametrize("least", [False, True])
def test_circular_run_out_answers_to_the_points_of_feature_and_datum(which, cutoff, least):
    count = 800 if cutoff else 40
    feature = {
        "cylinder": lambda: cylinder("K", noise_m=3e-6, count=count, seed=2),
        "cone": lambda: cone(noise_m=3e-6, count=count, seed=5),
        "plane": lambda: plane("K", noise_m=3e-6, count=count, side=(0.02, 0.02), place=(0, 0, 0.05), seed=2),
    }[which]()
    shaft = cylinder("S", place=(0, 0, -0.05), noise_m=3e-6, seed=1)
    how = Association.LEAST_SQUARES if least else Association.MINIMUM_ZONE
    datum = DatumReference(("S",), association=how)
    asked = ask(Kind.CIRCULAR_RUN_OUT, "K", datums=[datum], cutoff_m=cutoff)
    # circles on a plane move with the axis: that is left out, slope of the surface times shift of the axis
    assert_sensitivity(evaluate, asked, by_name(feature, shaft), 0.1 if which == "plane" else 2e-3)


# ---- slots


def slot(count=8000, moved=None, width=0.008, length=0.03, curve=False, noise_m=0.0, seed=3):
    """The wall of a slot through a plate 10 mm thick, along x, or its rim."""
    rng = np.random.default_rng(seed)
    half = 0.5 * (length - width)
    along = rng.uniform(0, 4 * half + np.pi * width, count)
    side = along // (2 * half + 0.5 * np.pi * width)
    along = along - side * (2 * half + 0.5 * np.pi * width)
    bend = np.maximum(along - 2 * half, 0) / (0.5 * width)
    x = np.minimum(along, 2 * half) - half + 0.5 * width * np.sin(bend)
    points = np.stack([x, -0.5 * width * np.cos(bend), rng.uniform(-0.005, 0.005, count) * (not curve)], axis=1)
    points[:, :2] *= np.where(side > 0, -1, 1)[:, None]
    middle = np.stack([np.clip(points[:, 0], -half, half), 0 * x, points[:, 2]], axis=1)
    away = points - middle
    points = points + rng.normal(0, noise_m, (count, 1)) * away / np.linalg.norm(away, axis=1)[:, None]
    nominal = Slot(np.zeros(3), Z, X, width, length, True)
    return Extracted("W", nominal, points if moved is None else moved.apply(points))


def block(**more):
    return by_name(
        plane("A", place=(0, 0, -0.005), normal=-Z, seed=1, **more),
        plane("B", place=(0, 0.04, 0), normal=Y, side=(0.1, 0.01), seed=2, **more),
        plane("C", place=(0.05, 0, 0), normal=X, side=(0.08, 0.01), seed=3, **more),
    )


SYSTEM = tuple(DatumReference((name,)) for name in "ABC")


@pytest.mark.parametrize("curve", [False, True])
def test_the_middle_of_a_slot_lies_where_it_lies_and_turns_as_it_turns(curve):
    moved = moved_by((0, 0, 2e-3), (1e-5, 3e-5, 0))
    features = {**block(), "W": slot(moved=moved, curve=curve)}
    position = evaluate(ask(Kind.POSITION, "W", datums=SYSTEM), features)
    half = 0.011
    assert position.value == pytest.approx(2 * (3e-5 + 2e-3 * half), rel=0.06)  # cells end half a cell inside
    parallel = evaluate(ask(Kind.PARALLELISM, "W", datums=[DatumReference(("B",))]), features)
    assert parallel.value == pytest.approx(2e-3 * 2 * half, rel=0.06)
    within = evaluate(ask(Kind.POSITION, "W", datums=SYSTEM, diameter=True), features)
    assert within.value == pytest.approx(2 * math.hypot(1e-5, 3e-5), rel=0.01)


def test_the_middle_of_a_leaning_slot_is_not_square_to_its_plate():
    features = {**block(), "W": slot(moved=moved_by((3e-3, 0, 0), (0, 0, 0)))}
    found = evaluate(ask(Kind.PERPENDICULARITY, "W", datums=[DatumReference(("A",))]), features)
    assert found.value == pytest.approx(3e-3 * 0.01, rel=0.06)
    features = {**block(noise_m=3e-6), "W": slot(noise_m=3e-6)}
    assert_sensitivity(evaluate, ask(Kind.POSITION, "W", datums=SYSTEM), features, 1e-2)


def test_profile_of_the_wall_and_of_the_rim_of_a_slot():
    moved = moved_by((0, 0, 0), (1e-5, 3e-5, 0))
    wide = slot(moved=moved, width=0.00804)
    wide = replace(wide, nominal=slot().nominal)
    features = {**block(), "W": wide}
    held = evaluate(ask(Kind.SURFACE_PROFILE, "W", datums=SYSTEM, cutoff_m=0.001), features)
    # 20 um too wide on each side, 30 um off; at the ends 11 um too short for its width plus what is off
    assert held.value == pytest.approx(2 * 5e-5, rel=0.02)
    section = evaluate(ask(Kind.LINE_PROFILE, "W", datums=SYSTEM, section=(0, 0, 1), cutoff_m=0.001), features)
    assert section.value == pytest.approx(held.value, rel=0.02)
    rim = replace(slot(moved=moved, width=0.00804, curve=True), nominal=slot().nominal)
    free = evaluate(ask(Kind.LINE_PROFILE, "W"), by_name(rim))
    assert free.value == pytest.approx(2 * 2e-5, rel=0.02)


# ---- material requirements on datums


@pytest.mark.parametrize("internal", [True, False])
@pytest.mark.parametrize("material", [Material.MAXIMUM, Material.LEAST])
@pytest.mark.parametrize("clearance_m", [0.0, 3e-5, 1e-3])
def test_a_datum_of_either_kind_lets_the_frame_shift_by_what_its_boundary_leaves(internal, material, clearance_m):
    """A hole 30 um off in x; a datum bore or boss that keeps to a boundary: only its clearance counts."""
    features = block()
    features["D"] = cylinder("D", radius_m=0.006, length_m=0.01, internal=internal, count=20_000, seed=9)
    features["H"] = cylinder(
        "H", place=(0.02, 0, 0), radius_m=0.003, length_m=0.01, internal=True, count=4000, seed=4,
        moved=moved_by((0, 0, 0), (3e-5, 0, 0)),
    )  # fmt: skip
    outside = internal == (material is Material.MAXIMUM)  # its points must stay outside the boundary
    size_m = 0.012 - (clearance_m + 1e-7) * (1 if outside else -1)
    datums = (SYSTEM[0], DatumReference(("D",), material, material_size_m=size_m), SYSTEM[1])
    wanted = max(6e-5 - clearance_m, 0.0)
    alone = evaluate(ask(Kind.POSITION, "H", datums=datums, diameter=True), features)
    assert alone.value == pytest.approx(wanted, abs=5e-7)
    assert alone.bounded
    assert "metrology.datum_shift" in [note.id for note in alone.notes]
    both = ask(Kind.POSITION, "H", datums=datums, material=Material.MAXIMUM, material_size_m=0.006)
    assert evaluate(both, features).value == pytest.approx(wanted, abs=5e-7)


SHIFTS = ((3e-5, 1e-5), (-1e-5, 2.5e-5), (2e-5, -3e-5), (4e-5, 2e-5))
PLACES = ((0.03, 0), (0, 0.025), (-0.03, 0), (0, -0.025))


def least_over_shift(clearance, value):
    """The least largest value over what the datum bore leaves: a shift within half its clearance, and any turn."""
    places, shifts = np.array(PLACES), np.array(SHIFTS)

    def largest(x):
        size = np.hypot(*x[:2])
        shift = x[:2] * min(1.0, 0.5 * clearance / max(size, 1e-30))
        c, s = math.cos(x[2]), math.sin(x[2])
        moved = places @ np.array([[c, s], [-s, c]]) + shift
        return max(value(np.hypot(*(p + e - m))) for p, e, m in zip(places, shifts, moved, strict=True))

    scale = np.array([1e-5, 1e-5, 1e-3])
    precise = {"xatol": 1e-7, "fatol": 1e-13, "maxiter": 6000, "maxfev": 6000}
    starts = [(a, b, t) for a in (-1, 2) for b in (-1, 2) for t in (-0.5, 0.5)]
    return min(minimize(lambda x: largest(x * scale), x, method="Nelder-Mead", options=precise).fun for x in starts)


@pytest.mark.parametrize("clearance_m", [2e-5, 2e-4])
@pytest.mark.parametrize("own", [Material.NONE, Material.MAXIMUM])
def test_a_pattern_shifts_as_one_within_the_clearance_of_its_datum(clearance_m, own):
    features = by_name(plane("A", place=(0, 0, -0.005), normal=-Z))
    features["D"] = cylinder("D", radius_m=0.008, length_m=0.01, internal=True, count=20_000, seed=9)
    for i, (place, shift) in enumerate(zip(PLACES, SHIFTS, strict=True)):
        features[f"H{i}"] = cylinder(
            f"H{i}", place=(*place, 0), radius_m=0.003, length_m=0.01, internal=True, count=6000, seed=i,
            grown_m=1e-5, moved=moved_by((0, 0, 0), (*shift, 0)),
        )  # fmt: skip
    datums = (SYSTEM[0], DatumReference(("D",), Material.MAXIMUM, material_size_m=0.016 - clearance_m))
    size = {"material": own, "material_size_m": 0.006} if own else {"diameter": True}
    asked = ask(Kind.POSITION, "H0", "H1", "H2", "H3", datums=datums, **size)
    found = evaluate(asked, features)
    bonus = 2e-5 if own else 0.0
    assert found.value == pytest.approx(least_over_shift(clearance_m, lambda far: 2 * far - bonus), abs=4e-7)


@pytest.mark.parametrize("own", [Material.NONE, Material.MAXIMUM])
def test_values_with_datum_shift_answer_to_all_points(own):
    features = by_name(plane("A", place=(0, 0, -0.005), normal=-Z, noise_m=3e-6, count=300))
    features["D"] = cylinder("D", radius_m=0.008, length_m=0.01, internal=True, count=600, noise_m=3e-6, seed=9)
    for i, (place, shift) in enumerate(zip(PLACES, SHIFTS, strict=True)):
        features[f"H{i}"] = cylinder(
            f"H{i}", place=(*place, 0), radius_m=0.003, length_m=0.01, internal=True, noise_m=3e-6, count=300, seed=i,
            moved=moved_by((0, 0, 0), (*shift, 0)),
        )  # fmt: skip
    datums = (SYSTEM[0], DatumReference(("D",), Material.MAXIMUM, material_size_m=0.016 - 3e-5))
    size = {"material": own, "material_size_m": 0.006} if own else {"diameter": True}
    asked = ask(Kind.POSITION, "H0", "H1", "H2", "H3", datums=datums, **size)
    assert_sensitivity(evaluate, asked, features, 2e-2)


def bound(own):
    """What is asked of a hole, or a plane, 100 um off to a bore with (M) that leaves 60 um, and what is right."""
    datums = (
        DatumReference(("A",), association=Association.LEAST_SQUARES),
        DatumReference(("D",), Material.MAXIMUM, material_size_m=0.016 - 1.2e-4),
        DatumReference(("B",), association=Association.LEAST_SQUARES),
    )
    if own == "plane":
        return ask(Kind.POSITION, "P", datums=datums), 8e-5
    size = {"material": own, "material_size_m": 0.006} if own else {"diameter": True}
    return ask(Kind.POSITION, "H", datums=datums, **size), 6e-5 if own else 8e-5


@pytest.mark.parametrize("own", [Material.NONE, Material.MAXIMUM, "plane"])
@pytest.mark.parametrize(("noise_m", "scans"), [(3e-6, 12), (10e-6, 12)])
def test_what_noise_adds_to_a_feature_and_to_its_datum_s_boundary_is_taken_off(own, noise_m, scans):
    asked, right = bound(own)
    off, us, held = [], [], 0
    for seed in range(0, 10 * scans, 10):
        noise = {"noise_m": noise_m, "count": 500}
        away = moved_by((0, 0, 0), (1e-4, 0, 0))
        features = by_name(
            plane("A", place=(0, 0, -0.005), normal=-Z, seed=seed + 1, **noise),
            plane("B", place=(0, 0.04, 0), normal=Y, side=(0.1, 0.01), seed=seed + 2, **noise),
            plane("P", place=(0.05, 0, 0), normal=X, side=(0.08, 0.01), moved=away, seed=seed + 3, **noise),
            cylinder("D", radius_m=0.008, length_m=0.01, internal=True, seed=seed + 4, **noise),
            cylinder("H", place=(0.02, 0, 0), radius_m=0.003, grown_m=1e-5, length_m=0.01, internal=True, moved=away,
                     seed=seed + 5, **noise),
        )  # fmt: skip
        found = measured(asked, features, SensorNoise(white_m=noise_m)).measured
        off.append(found.value - right)
        us.append(found.standard_uncertainty)
        held += found.interval_95[0] <= right <= found.interval_95[1]
    assert abs(np.mean(off)) < np.mean(us)
    assert np.mean(us) < 2 * noise_m
    assert held >= scans - 2


def test_a_boss_lost_at_its_least_material_is_refused():
    features = by_name(plane("A", place=(0, 0, -0.005), normal=-Z), cylinder("D", radius_m=0.006))
    features["H"] = cylinder("H", place=(0.02, 0, 0), radius_m=0.003, internal=True)
    datum = DatumReference(("D",), Material.LEAST, material_size_m=0.0121)
    with pytest.raises(BadInput, match="virtual boundary"):
        evaluate(ask(Kind.POSITION, "H", datums=(SYSTEM[0], datum), diameter=True), features)


def test_a_datum_boundary_takes_a_size():
    features = by_name(plane("A", place=(0, 0, -0.005), normal=-Z), cylinder("D"), cylinder("H", place=(0.02, 0, 0)))
    assert isinstance(features["D"].nominal, Cylinder)
    with pytest.raises(BadInput, match="no material size"):
        evaluate(
            ask(Kind.POSITION, "H", datums=(SYSTEM[0], DatumReference(("D",), Material.LEAST)), diameter=True), features
        )
