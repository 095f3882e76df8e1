# SPDX-License-Identifier: Apache-2.0
"""Features with planted, known deviations, for tests of evaluations: points of planes and cylinders, metres."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from visionvalley.core import Cylinder, Plane, Pose
from visionvalley.vision.metrology.characteristics import Extracted
from visionvalley.vision.metrology.surfaces import distances

X, Y, Z = np.eye(3)


def plane(
    name: str = "A",
    side=(0.1, 0.08),
    count: int = 1000,
    height: Callable | None = None,
    noise_m: float = 0.0,
    place=(0.0, 0.0, 0.0),
    normal=Z,
    moved: Pose | None = None,
    seed: int = 0,
    grid: bool = False,
) -> Extracted:
    """A rectangle about `place`; height(x, y) along the normal."""
    rng = np.random.default_rng(seed)
    if grid:
        n = round(count**0.5)
        xy = np.stack(np.meshgrid(np.linspace(-0.5, 0.5, n), np.linspace(-0.5, 0.5, n)), axis=-1).reshape(-1, 2)
    else:
        xy = rng.uniform(-0.5, 0.5, (count, 2))
    xy = xy * side
    z = np.zeros(len(xy)) if height is None else height(xy[:, 0], xy[:, 1])
    z = z + rng.normal(0, noise_m, len(xy)) if noise_m else z
    n = np.asarray(normal, float)
    u = np.cross(n, np.eye(3)[np.argmin(np.abs(n))])
    u /= np.linalg.norm(u)
    points = np.asarray(place) + xy[:, :1] * u + xy[:, 1:] * np.cross(n, u) + z[:, None] * n
    return Extracted(name, Plane(np.asarray(place, float), n), points if moved is None else moved.apply(points))


def cylinder(
    name: str = "B",
    radius_m: float = 0.01,
    length_m: float = 0.04,
    count: int = 1000,
    internal: bool = False,
    radial: Callable | None = None,
    bend: Callable | None = None,
    grown_m: float = 0.0,
    noise_m: float = 0.0,
    place=(0.0, 0.0, 0.0),
    direction=Z,
    moved: Pose | None = None,
    seed: int = 0,
    span: float = 2 * np.pi,
) -> Extracted:
    """A cylinder, `place` in its middle; radial(turn, z) is added to the radius, bend(z) (N, 2) to the axis."""
    rng = np.random.default_rng(seed)
    turn, z = rng.uniform(0, span, count), rng.uniform(-0.5, 0.5, count) * length_m
    r = (
        radius_m
        + grown_m
        + (0 if radial is None else radial(turn, z))
        + (rng.normal(0, noise_m, count) if noise_m else 0)
    )
    across = np.stack([r * np.cos(turn), r * np.sin(turn)], axis=1) + (0 if bend is None else bend(z))
    w = np.asarray(direction, float)
    u = np.cross(w, np.eye(3)[np.argmin(np.abs(w))])
    u /= np.linalg.norm(u)
    points = np.asarray(place) + across[:, :1] * u + across[:, 1:] * np.cross(w, u) + z[:, None] * w
    nominal = Cylinder(np.asarray(place, float), w, radius_m, internal)
    return Extracted(name, nominal, points if moved is None else moved.apply(points))


def moved_by(turn_rad, shift_m) -> Pose:
    """A small motion."""
    return Pose.from_rotation_vector(np.asarray(turn_rad, float), np.asarray(shift_m, float))


def assert_sensitivity(evaluate: Callable, characteristic, features: dict, tolerance: float = 1e-3) -> None:
    """Assert that the sensitivities agree with differences, along normals, relative to their size."""
    found = evaluate(characteristic, features)
    rng = np.random.default_rng(7)
    assert set(found.sensitivity) <= set(features)
    for name, answer in found.sensitivity.items():
        feature = features[name]
        assert answer.shape == feature.points_m.shape
        normals = distances(feature.nominal, feature.points_m)[1]
        for _ in range(3):
            way = rng.normal(size=(len(answer), 1)) * normals
            ends = []
            for step in (1e-9, -1e-9):
                moved = Extracted(name, feature.nominal, feature.points_m + step * way)
                ends.append(evaluate(characteristic, {**features, name: moved}).value)
            size = np.sqrt((answer**2).sum()) + 1e-4
            assert abs((ends[0] - ends[1]) / 2e-9 - (answer * way).sum()) < tolerance * size, name
