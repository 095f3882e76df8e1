# SPDX-License-Identifier: Apache-2.0
"""Points on ideal elements with noise, in the manner of ISO 10360-6: whole and partial, near and far, many and few."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from visionvalley.core import Circle, Cone, Cylinder, Element, Line, Plane, Slot, Sphere

KINDS: tuple[type[Element], ...] = (Line, Plane, Circle, Sphere, Cylinder, Cone, Slot)


@dataclass(frozen=True)
class Made:
    """Points and the element that they were made of."""

    points_m: np.ndarray
    truth: Element
    words: str


def turned(rng: np.random.Generator) -> np.ndarray:
    """Return a rotation drawn at random."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.linalg.det(q)


def on(kind: type[Element], count: int, arc_rad: float, radius_m: float, rng: np.random.Generator) -> np.ndarray:
    """Return points (count, 3) on an element about the z axis."""
    a, z = arc_rad * (np.arange(count) + rng.uniform(-0.3, 0.3, count)) / count, rng.uniform(-1, 1, count)
    zero = np.zeros(count)
    if kind is Line:
        return radius_m * np.column_stack([zero, zero, z])
    if kind is Plane:
        return radius_m * np.column_stack([z, rng.uniform(-1, 1, count), zero])
    if kind is Circle:
        return radius_m * np.column_stack([np.cos(a), np.sin(a), zero])
    if kind is Sphere:
        up = z * min(arc_rad / 2, 1.5)
        return radius_m * np.column_stack([np.cos(a) * np.cos(up), np.sin(a) * np.cos(up), np.sin(up)])
    if kind is Cylinder:
        return radius_m * np.column_stack([np.cos(a), np.sin(a), z])
    if kind is Cone:
        r = 1 + z * np.tan(0.3)
        return radius_m * np.column_stack([r * np.cos(a), r * np.sin(a), z])
    return radius_m * slot_curve(np.arange(count) / count)


def slot_curve(s: np.ndarray) -> np.ndarray:
    """Return points round a slot 1 wide and 3 long, s in [0, 1)."""
    s = s * (4 + np.pi)
    parts = [s < 2, s < 2 + np.pi / 2, s < 4 + np.pi / 2]
    t, back = 2 * (s - 2), 2 * (s - 4 - np.pi / 2)
    x = np.select(parts, [s - 1, 1 + 0.5 * np.sin(t), 1 - (s - 2 - np.pi / 2)], -1 - 0.5 * np.sin(back))
    y = np.select(parts, [-0.5 + 0 * s, -0.5 * np.cos(t), 0.5 + 0 * s], 0.5 * np.cos(back))
    return np.column_stack([x, y, 0 * s])


def element(kind: type[Element], rotation: np.ndarray, shift: np.ndarray, radius_m: float) -> Element:
    """Return what `on` draws points from, moved."""
    u, _, w = rotation.T
    if kind is Line:
        return Line(shift, w)
    if kind is Plane:
        return Plane(shift, w)
    if kind is Circle:
        return Circle(shift, w, radius_m)
    if kind is Sphere:
        return Sphere(shift, radius_m)
    if kind is Cylinder:
        return Cylinder(shift, w, radius_m)
    if kind is Cone:
        return Cone(shift, w, radius_m, 0.3)
    return Slot(shift, w, u, radius_m, 3 * radius_m)


def made(
    kind: type[Element], count: int, arc_rad: float, radius_m: float, noise_m: float, offset_m: float, seed: int
) -> Made:
    """Return points on an element, turned and moved at random, with normal noise."""
    rng = np.random.default_rng(seed)
    rotation, shift = turned(rng), offset_m * turned(rng)[0]
    points = on(kind, count, arc_rad, radius_m, rng) + rng.normal(0, 1, (count, 3)) * noise_m
    words = (
        f"{kind.__name__} {count} points, arc {np.degrees(arc_rad):.0f}°, radius {radius_m:g} m, offset {offset_m:g} m"
    )
    return Made(points @ rotation.T + shift, element(kind, rotation, shift, radius_m), words)


def generated(kind: type[Element]) -> Iterator[Made]:
    """Yield 32 sets: arcs of 360° to 10°, radii of 1 mm to 10 m, offsets to 10 m, few and more points."""
    seed = 1000 * KINDS.index(kind)
    for arc in (360, 90, 30, 10):
        for radius in (0.001, 0.02, 0.5, 10.0):
            for count, offset in ((12, 10.0), (60, 0.1)):
                seed += 1
                yield made(
                    kind, count, np.radians(arc), radius, 1e-4 * radius * min(1.0, (arc / 90) ** 2), offset, seed
                )
