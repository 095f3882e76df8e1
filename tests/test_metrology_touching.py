# SPDX-License-Identifier: Apache-2.0
"""Touching datums under noise: each draw is laid as the association itself would lay it."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from visionvalley.core import Cone, Cylinder, Plane, SensorNoise, Sphere
from visionvalley.vision.metrology.characteristics import Association, Characteristic, DatumReference, Extracted, Kind
from visionvalley.vision.metrology.datums import lay
from visionvalley.vision.metrology.propagation import drawn, sensed
from visionvalley.vision.metrology.touching import _touching, laid, poses
from visionvalley.vision.metrology.uncertainty import measured

X, Y, Z = np.eye(3)
CUTOFF_M = 1e-5  # below the spacing of the points: no filter


def waved(rng, name, element, points, normals, height_m=20e-6):
    """Points with a smooth form error, so that a few of them are touched."""
    way = rng.normal(size=(3, 2)) * 40
    bent = np.sin(points @ way[:, 0]) + np.sin(points @ way[:, 1] + 1)
    return Extracted(name, element, points + 0.25 * height_m * bent[:, None] * normals)


def plate(rng, name, normal, middle, sides):
    u = np.cross(normal, [0.3, 0.5, 0.8])
    u /= np.linalg.norm(u)
    at = rng.uniform(-0.5, 0.5, (60, 2)) * sides
    points = middle + at[:, :1] * u + at[:, 1:] * np.cross(normal, u)
    return waved(rng, name, Plane(middle, normal), points, np.tile(normal, (60, 1)))


def turned(rng, name, element, slope=0.0):
    angle, z = rng.uniform(-np.pi, np.pi, 80), rng.uniform(-0.02, 0.02, 80)
    away = np.column_stack([np.cos(angle), np.sin(angle), np.full(80, -np.sin(slope))])
    r = element.radius_m + z * np.tan(slope)
    points = element.point_m + np.column_stack([r * np.cos(angle), r * np.sin(angle), z])
    return waved(rng, name, element, points, away)


def ball(rng, name, element):
    away = rng.normal(size=(80, 3))
    away /= np.linalg.norm(away, axis=1)[:, None]
    return waved(rng, name, element, element.point_m + element.radius_m * away, away)


def features(rng):
    flat = [
        plate(rng, "bottom", -Z, np.zeros(3), (0.1, 0.06)),
        plate(rng, "side", -X, np.array([-0.05, 0, 0.01]), (0.05, 0.02)),
        plate(rng, "front", -Y, np.array([0, -0.03, 0.01]), (0.05, 0.02)),
        plate(rng, "left", -X, np.array([-0.02, 0, 0.03]), (0.03, 0.03)),
        plate(rng, "right", X, np.array([0.02, 0, 0.03]), (0.03, 0.03)),
    ]
    round_ = [
        turned(rng, "hole", Cylinder(np.array([0.01, 0, 0.02]), Z, 0.01, internal=True)),
        turned(rng, "shaft", Cylinder(np.array([0.01, 0, 0.02]), Z, 0.01)),
        turned(rng, "upper", Cylinder(np.array([0.01, 0, 0.09]), Z, 0.014)),
        turned(rng, "cone", Cone(np.array([0.01, 0, 0.02]), Z, 0.02, 0.4), 0.4),
        ball(rng, "ball", Sphere(np.array([0.01, 0, 0.02]), 0.01)),
    ]
    return {f.name: f for f in [*flat, *round_]}


SYSTEMS = [
    (("bottom",), ("side",), ("front",)),
    (("hole",), ("bottom",)),
    (("bottom",), ("hole",), ("side",)),
    (("shaft",),),
    (("shaft", "upper"), ("bottom",)),
    (("left", "right"), ("bottom",)),
    (("bottom",), ("left", "right")),
    (("cone",),),
    (("ball",), ("bottom",)),
]


@pytest.mark.parametrize("names", SYSTEMS, ids=str)
def test_each_draw_is_laid_as_its_points_would_be(rng, names):
    every = features(rng)
    used = {name: every[name] for datum in names for name in datum}
    references = tuple(DatumReference(datum) for datum in names)
    system = lay(references, used, CUTOFF_M)
    points = sensed(used, SensorNoise(white_m=3e-6))
    noise = drawn(points, 4, rng)
    pose = np.zeros((6, 9))
    for step in system.steps:
        one = laid(step.touched, points, noise).after(pose)
        pose = _touching(step, one, one.group.values, pose, points, noise)
    assert_allclose(pose[:, -1], 0, atol=3e-9)  # without noise all lies where it was seen
    middle = np.mean([f.nominal.point_m for f in used.values()], axis=0)
    for b in range(4):
        moved = {
            n: replace(f, points_m=f.points_m + noise[n][:, 0, b, None] * points.axes[n][:, 0]) for n, f in used.items()
        }
        there = lay(references, moved, CUTOFF_M).part_from_datum @ system.part_from_datum.inverse()
        shift = pose[3:, b] + np.cross(pose[:3, b], middle)
        assert_allclose(shift, there.apply(middle[None])[0] - middle, atol=4e-8)
        turns = there.turn(np.eye(3))  # row i: where axis i goes
        assert_allclose(np.cross(pose[:3, b], np.eye(3)), turns - np.eye(3), atol=2e-6)


def test_a_touching_datum_moves_outwards_by_the_largest_of_its_noise_and_a_least_squares_one_stays(rng):
    at = rng.uniform(-0.5, 0.5, (400, 2)) * [0.1, 0.06]
    flat = {"A": Extracted("A", Plane(np.zeros(3), Z), np.column_stack([at, 1e-9 * rng.normal(size=400)]))}
    points = sensed(flat, SensorNoise(white_m=5e-6))
    noise = drawn(points, 60, rng)
    for association, sigmas in ((Association.MINIMUM_ZONE, 2.8), (Association.LEAST_SQUARES, 0.0)):
        system = lay((DatumReference(("A",), association=association),), flat, CUTOFF_M)
        moved = poses(system, points, noise)[-1]
        assert moved[5].mean() == pytest.approx(sigmas * 5e-6, abs=1.2e-6)


def test_the_position_of_a_perfect_part_is_not_put_out_by_its_touching_datums(rng):
    sides = {
        "bottom": (-Z, np.zeros(3)),
        "side": (-X, np.array([-0.05, 0, 0.01])),
        "front": (-Y, np.array([0, -0.03, 0.01])),
    }
    perfect = {}
    for name, (normal, middle) in sides.items():
        u = np.cross(normal, [0.3, 0.5, 0.8])
        u /= np.linalg.norm(u)
        at = rng.uniform(-0.5, 0.5, (500, 2)) * [0.05, 0.02]
        points = middle + at[:, :1] * u + at[:, 1:] * np.cross(normal, u)
        perfect[name] = Extracted(name, Plane(middle, normal), points)
    away = rng.normal(size=(500, 3))
    away /= np.linalg.norm(away, axis=1)[:, None]
    perfect["ball"] = Extracted("ball", Sphere(0.02 * Z, 0.01), 0.02 * Z + 0.01 * away)
    seen = {n: replace(f, points_m=f.points_m + 8e-6 * rng.normal(size=f.points_m.shape)) for n, f in perfect.items()}
    asked = Characteristic(
        "p", Kind.POSITION, ("ball",), datums=tuple(DatumReference((n,)) for n in sides), diameter=True
    )
    found = measured(asked, seen, SensorNoise(white_m=8e-6))
    assert found.beside[0].value > 50e-6  # what is seen
    assert found.measured.value < 15e-6
    assert found.measured.interval_95[0] < 3e-6
    assert found.measured.interval_95[1] < 40e-6  # what all draws lie off by is known, and none of the interval
