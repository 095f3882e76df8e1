# SPDX-License-Identifier: Apache-2.0
"""Planes, cylinders, cones and spheres: how far points lie from them, and their fit to nearly exact points."""

from __future__ import annotations

import math

import numpy as np

from visionvalley.core import BadInput, Cone, Cylinder, Element, Plane, Sphere
from visionvalley.core.arrays import Floats
from visionvalley.vision.geometry.symmetric import eigen, gram, solve

ROUNDS = 12
STILL = 1e-13  # of the extent: a fit that moves less has settled


def cross(a: Floats, b: Floats) -> Floats:
    """Return the cross product of two directions (3,); numpy's own takes ten times as long for one pair."""
    ax, ay, az = a.tolist()
    bx, by, bz = b.tolist()
    return np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def frame(direction: Floats) -> Floats:
    """Return three perpendicular unit directions (3, 3) as rows, the first along `direction` (3,)."""
    a = direction / math.sqrt(float((direction * direction).sum()))
    u = cross(a, np.eye(3)[int(np.argmin(np.abs(a)))])
    u = u / math.sqrt(float((u * u).sum()))
    return np.stack([a, u, cross(a, u)])


def along(points_m: Floats, origin_m: Floats, direction: Floats) -> Floats:
    """Return the heights (N,) of points (N, 3) along a direction (3,)."""
    p = points_m - origin_m
    heights: Floats = p[:, 0] * direction[0] + p[:, 1] * direction[1] + p[:, 2] * direction[2]
    return heights


def gaps_m(surface: Element, points_m: Floats) -> Floats:
    """Return how far points (N, 3) lie off a surface (N,): positive along a plane's normal, and away from an axis."""
    if isinstance(surface, Plane):
        return along(points_m, surface.point_m, surface.normal)
    if isinstance(surface, Sphere):
        return _lengths(points_m - surface.point_m) - surface.radius_m
    if isinstance(surface, Cylinder):
        return _off_axis(surface, points_m)[1] - surface.radius_m
    if isinstance(surface, Cone):
        height, radius, _ = _off_axis(surface, points_m)
        angle = surface.half_angle_rad
        return (radius - surface.radius_m) * math.cos(angle) - height * math.sin(angle)
    raise BadInput("shape.no_ideal_surface", kind=type(surface).__name__)


def normals_at(surface: Element, points_m: Floats) -> Floats:
    """Return the unit directions (N, 3) in which `gaps_m` grows."""
    if isinstance(surface, Plane):
        return np.tile(surface.normal, (len(points_m), 1))
    if isinstance(surface, Sphere):
        arm = points_m - surface.point_m
        return arm / np.maximum(_lengths(arm), 1e-300)[:, None]
    if isinstance(surface, Cylinder):
        return _off_axis(surface, points_m)[2]
    if isinstance(surface, Cone):
        angle = surface.half_angle_rad
        return _off_axis(surface, points_m)[2] * math.cos(angle) - surface.direction * math.sin(angle)
    raise BadInput("shape.no_ideal_surface", kind=type(surface).__name__)


def fitted(start: Element, points_m: Floats) -> Element | None:
    """Return the surface of the kind of `start` nearest to points by least squares; None where they do not tell it.

    Gauss-Newton on the distances. Meant for the corners of triangles, which lie on their surface but for rounding.
    """
    if isinstance(start, Plane):
        return _plane(points_m, start)
    if len(points_m) < 4:
        return None
    size_m = max(float(np.abs(points_m - points_m.mean(axis=0)).max()), 1e-300)
    surface: Element | None = start
    for _ in range(ROUNDS):
        if surface is None or not np.isfinite(gaps_m(surface, points_m)).all():
            return None
        rows = _derivatives(surface, points_m)
        scale = np.sqrt((rows * rows).sum(axis=0)) + 1e-300
        rows = rows / scale
        try:
            step = solve(gram(rows) + 1e-14 * np.eye(rows.shape[1]), -gram(rows, gaps_m(surface, points_m)[:, None]))
        except BadInput:
            return None
        step = step[:, 0] / scale
        surface = _stepped(surface, step)
        if float(np.abs(step[:2]).max()) < STILL * size_m:
            break
    return surface


def _off_axis(surface: Cylinder | Cone, points_m: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the height along the axis (N,), the distance from it (N,), and the direction away from it (N, 3)."""
    height = along(points_m, surface.point_m, surface.direction)
    arm = points_m - surface.point_m - height[:, None] * surface.direction
    radius = _lengths(arm)
    return height, radius, arm / np.maximum(radius, 1e-300)[:, None]


def _lengths(vectors: Floats) -> Floats:
    lengths: Floats = np.sqrt((vectors * vectors).sum(axis=1))
    return lengths


def _plane(points_m: Floats, start: Plane) -> Plane:
    middle = points_m.mean(axis=0)
    normal = eigen(gram(points_m - middle))[1][:, 0]
    return Plane(middle, normal if float((normal * start.normal).sum()) >= 0 else -normal)


def _derivatives(surface: Element, points_m: Floats) -> Floats:
    """Return how the gaps change with each unknown (N, n): shifts across the axis, tilts of it, radius, half angle."""
    if isinstance(surface, Sphere):
        away = normals_at(surface, points_m)
        return np.column_stack([-away, -np.ones(len(away))])
    if not isinstance(surface, Cylinder | Cone):
        raise BadInput("shape.no_ideal_surface", kind=type(surface).__name__)
    _, u, v = frame(surface.direction)
    height, radius, away = _off_axis(surface, points_m)
    across = np.column_stack([along(away, np.zeros(3), one) for one in (u, v)])
    angle = surface.half_angle_rad if isinstance(surface, Cone) else 0.0
    cosine, sine = math.cos(angle), math.sin(angle)
    tilts = -across * (height * cosine + radius * sine)[:, None]
    columns = [-across * cosine, tilts, np.full((len(height), 1), -cosine)]
    if isinstance(surface, Cone):
        columns.append((-(radius - surface.radius_m) * sine - height * cosine)[:, None])
    return np.column_stack(columns)


def _stepped(surface: Element, step: Floats) -> Element | None:
    if isinstance(surface, Sphere):
        radius_m = surface.radius_m + float(step[3])
        return Sphere(surface.point_m + step[:3], radius_m, surface.internal) if radius_m > 0 else None
    if not isinstance(surface, Cylinder | Cone):
        return None
    a, u, v = frame(surface.direction)
    place, way = surface.point_m + step[0] * u + step[1] * v, a + step[2] * u + step[3] * v
    radius_m = surface.radius_m + float(step[4])
    if not radius_m > 0:
        return None
    if isinstance(surface, Cylinder):
        return Cylinder(place, way, radius_m, surface.internal)
    angle = surface.half_angle_rad + float(step[5])
    return Cone(place, way, radius_m, angle, surface.internal) if 0 < angle < math.pi / 2 else None
