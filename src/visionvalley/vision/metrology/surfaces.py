# SPDX-License-Identifier: Apache-2.0
"""How far points lie from an ideal element, and which way that distance grows."""

from __future__ import annotations

import math

import numpy as np

from visionvalley.core import Circle, Cone, Cylinder, Element, Plane, Point, Slot, Sphere
from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology.fits import dots, frame

TINY_M = 1e-300


def distances(element: Element, points_m: Floats) -> tuple[Floats, Floats]:
    """Return signed distances (N,) of points (N, 3) from an element, and their gradients (N, 3).

    Positive away from the axis or centre, of a plane along its normal; of a point or a line the distance itself;
    of a circle as a curve in its plane that within the plane; of a slot that from its wall. The side of the
    material plays no part: see `outward`.
    """
    u, v, w = frame(element)
    off = points_m - element.point_m
    if isinstance(element, Plane):
        return dots(off, w), np.broadcast_to(w, off.shape)
    x, y, z = dots(off, u), dots(off, v), dots(off, w)
    if isinstance(element, (Point, Sphere)):
        far = np.sqrt(x * x + y * y + z * z)
        grows = off / np.maximum(far, TINY_M)[:, None]
        return far - (element.radius_m if isinstance(element, Sphere) else 0.0), grows
    if isinstance(element, Slot):
        half = 0.5 * (element.length_m - element.width_m)
        x = x - np.clip(x, -half, half)
    far = np.sqrt(x * x + y * y)
    one = 1.0 / np.maximum(far, TINY_M)
    cosine, sine = x * one, y * one
    away = np.empty_like(off)
    for axis in range(3):
        away[:, axis] = cosine * u[axis] + sine * v[axis]
    if isinstance(element, Cone):
        c, s = math.cos(element.half_angle_rad), math.sin(element.half_angle_rad)
        return (far - element.radius_m) * c - z * s, away * c - w * s
    if isinstance(element, (Circle, Cylinder)):
        far = far - element.radius_m
    if isinstance(element, Slot):
        far = far - 0.5 * element.width_m
    return far, away


def outward(element: Element) -> float:
    """Return 1 where distances grow out of the material, -1 where they grow into it (holes, slots)."""
    return -1.0 if getattr(element, "internal", False) else 1.0
