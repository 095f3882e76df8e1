# SPDX-License-Identifier: Apache-2.0
"""Faces that are one feature become one face, know their side, and get lasting numbers and names."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import Cone, Cylinder, Element, Part, Plane, Slot, Sphere
from visionvalley.core.arrays import Floats
from visionvalley.vision.shape import topology
from visionvalley.vision.shape.facets import RELATIVE_TOLERANCE, ROUNDING, components, meeting, piece_normals
from visionvalley.vision.shape.ideal import along, frame, gaps_m, normals_at

KINDS = ("plane", "hole", "cylinder", "slot", "key", "cone", "sphere", "fillet", "round", "freeform")
FULL_RAD = math.radians(290)  # a cylinder seen so far around is a hole or a shaft, else a fillet or a rounded edge
HALF_RAD = (math.radians(160), math.radians(200))
SAME_SIZE, SAME_PLACE = 5e-3, 2e-3  # of a size, and of the diagonal: what lies nearer counts as equal in an order
PARALLEL = 1 - 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """What orders faces: kind, area and middle of each."""

    kind: tuple[str, ...]
    size: Floats
    middle_m: Floats


def joined(part: Part) -> Part:
    """Return the part with touching faces of one surface joined, slots found, sides told, and a lasting order.

    The order is by kind (`KINDS`), the largest first (planes by area, round ones by radius), then by place along x, y
    and z, with sizes and places nearer than tessellations differ counted as equal. So `names` says the same of a part
    whatever file it comes from.
    """
    mesh = topology.merged(part.mesh)
    normals, areas = topology.face_normals(mesh.vertices_m, mesh.faces)
    pairs = meeting(mesh)
    tolerance_m = _tolerance_m(part)
    part = _united(part, pairs, tolerance_m)
    part = replace(part, surfaces=tuple(_placed(part, k, normals, areas) for k in range(len(part.surfaces))))
    part = _slotted(part, pairs, tolerance_m)
    return _ordered(part, areas)


def names(part: Part) -> tuple[str, ...]:
    """Return a name for each face: 'plane-1', 'hole-3'... counted within its kind."""
    counts = dict.fromkeys(KINDS, 0)
    found = []
    for kind in (_kind(part, k) for k in range(len(part.surfaces))):
        counts[kind] += 1
        found.append(f"{kind}-{counts[kind]}")
    return tuple(found)


def coverage_rad(part: Part, number: int) -> float:
    """Return how far around its axis a cylinder or cone goes."""
    surface = part.surfaces[number]
    if not isinstance(surface, Cylinder | Cone):
        return 0.0
    _, u, v = frame(surface.direction)
    corners = part.mesh.vertices_m[part.mesh.faces[part.face == number]]  # (T, 3, 3): a triangle closes its own gap
    flat = corners.reshape(-1, 3)
    angle = np.arctan2(along(flat, surface.point_m, v), along(flat, surface.point_m, u)).reshape(-1, 3)
    start = angle.min(axis=1)
    width = np.ptp(angle, axis=1)
    over = width > math.pi  # a triangle across the cut from pi to -pi
    turned = np.where(angle < 0, angle + 2 * math.pi, angle)
    start = np.where(over, turned.min(axis=1), start)
    width = np.where(over, np.ptp(turned, axis=1), width)
    return _union(start, width)


def _union(start: Floats, width: Floats) -> float:
    """Return the length of the union of arcs."""
    low = np.concatenate([start, start - 2 * math.pi, start + 2 * math.pi])
    high = low + np.concatenate([width] * 3)
    order = np.argsort(low, kind="stable")
    low, high = low[order], np.maximum.accumulate(high[order])
    gaps = np.maximum(low[1:] - high[:-1], 0.0)
    inside = (low[1:] > start[0]) & (low[1:] <= start[0] + 2 * math.pi)
    return 2 * math.pi - float(gaps[inside & (gaps > 1e-6)].sum())


def _tolerance_m(part: Part) -> float:
    vertices = part.mesh.vertices_m
    size_m = float(np.sqrt((np.ptp(vertices, axis=0) ** 2).sum()))
    return max(10 * RELATIVE_TOLERANCE * size_m, ROUNDING * float(np.abs(vertices).max()))


# ---- one surface, one face
def _united(part: Part, pairs: tuple[NDArray[np.int64], NDArray[np.int64]], tolerance_m: float) -> Part:
    """Join faces that touch and lie on one surface, as the two halves of a hole do."""
    one, two = part.face[pairs[0]], part.face[pairs[1]]
    touching = np.unique(np.sort(np.stack([one, two], axis=1)[(one >= 0) & (two >= 0) & (one != two)], axis=1), axis=0)
    same = [(a, b) for a, b in touching.tolist() if _same(part, a, b, tolerance_m)]
    group = components(len(part.surfaces), *(np.array([pair[k] for pair in same], int) for k in (0, 1)))
    used = np.unique(group[part.face[part.face >= 0]])  # faces without triangles fall away
    new = np.full(len(group) + 1, -1)
    new[used] = np.arange(len(used))
    face = np.where(part.face >= 0, new[group[part.face]], -1).astype(np.int32)
    first = [int(np.flatnonzero(group == name)[0]) for name in used]
    return replace(part, face=face, surfaces=tuple(part.surfaces[k] for k in first))


def _same(part: Part, a: int, b: int, tolerance_m: float) -> bool:
    one, two = part.surfaces[a], part.surfaces[b]
    if one is None or type(one) is not type(two):
        return False
    size = [getattr(s, "radius_m", 0.0) for s in (one, two)]
    if isinstance(one, Cylinder | Sphere) and abs(size[0] - size[1]) > tolerance_m:
        return False
    corners = part.mesh.vertices_m[np.unique(part.mesh.faces[part.face == b])]
    chord_m = part.chord_m + tolerance_m
    if np.abs(gaps_m(one, corners)).max() > chord_m:
        return False
    cosine = (normals_at(one, corners) * normals_at(two, corners)).sum(axis=1)
    return float(np.abs(cosine).min()) > math.cos(math.radians(0.5))


def _placed(part: Part, number: int, normals: Floats, areas: Floats) -> Element | None:
    """Return a face's surface with its side told by its triangles, and its place in the middle of what there is."""
    surface, mine = part.surfaces[number], part.face == number
    if surface is None:
        return None
    middles = part.mesh.vertices_m[part.mesh.faces[mine]].mean(axis=1)
    outwards = float(((normals_at(surface, middles) * normals[mine]).sum(axis=1) * areas[mine]).sum())
    if isinstance(surface, Plane):
        weight = areas[mine] / areas[mine].sum()
        middle = (middles * weight[:, None]).sum(axis=0)
        middle = middle - float(((middle - surface.point_m) * surface.normal).sum()) * surface.normal
        return Plane(middle, surface.normal if outwards > 0 else -surface.normal)
    if isinstance(surface, Sphere):
        return replace(surface, internal=outwards < 0)
    if isinstance(surface, Cylinder | Cone):
        return _centred(part, surface, mine, internal=outwards < 0)
    return surface


def _centred(part: Part, surface: Cylinder | Cone, mine: NDArray[np.bool_], *, internal: bool) -> Element:
    heights = along(part.mesh.vertices_m[part.mesh.faces[mine]].reshape(-1, 3), surface.point_m, surface.direction)
    step = float(heights.min() + heights.max()) / 2
    place = surface.point_m + step * surface.direction
    if isinstance(surface, Cone):
        radius_m = surface.radius_m + step * math.tan(surface.half_angle_rad)
        return Cone(place, surface.direction, radius_m, surface.half_angle_rad, internal)
    way = surface.direction
    rounded = np.round(way, 6)
    sign = 1.0 if rounded[np.flatnonzero(rounded)[-1]] > 0 else -1.0
    return Cylinder(place, sign * way, surface.radius_m, internal)


# ---- slots
def _slotted(part: Part, pairs: tuple[NDArray[np.int64], NDArray[np.int64]], tolerance_m: float) -> Part:
    """Join two half cylinders and the two planes between them to a slot, or a tongue with round ends."""
    one, two = part.face[pairs[0]], part.face[pairs[1]]
    touching: dict[int, set[int]] = {}
    for a, b in zip(one.tolist(), two.tolist(), strict=True):
        if a >= 0 and b >= 0 and a != b:
            touching.setdefault(a, set()).add(b)
            touching.setdefault(b, set()).add(a)
    halves = [k for k in range(len(part.surfaces)) if _is_half(part, k)]
    surfaces, face = list(part.surfaces), part.face.copy()
    for a in halves:
        for b in (k for k in halves if k > a and surfaces[a] is not None and surfaces[k] is not None):
            sides = [k for k in touching.get(a, set()) & touching.get(b, set()) if _beside(surfaces[k], surfaces[a])]
            made = _slot(surfaces[a], surfaces[b], tolerance_m)
            if made is not None and len(sides) == 2:
                face[np.isin(face, [b, *sides])] = a
                surfaces[a], surfaces[b] = made, None
    kept = [k for k in range(len(surfaces)) if (face == k).any()]
    new = np.full(len(surfaces) + 1, -1)
    new[kept] = np.arange(len(kept))
    return replace(part, face=new[face].astype(np.int32), surfaces=tuple(surfaces[k] for k in kept))


def _is_half(part: Part, number: int) -> bool:
    return isinstance(part.surfaces[number], Cylinder) and HALF_RAD[0] < coverage_rad(part, number) < HALF_RAD[1]


def _beside(side: Element | None, end: Element | None) -> bool:
    """Tell whether a plane touches a cylinder without a kink."""
    if not isinstance(side, Plane) or not isinstance(end, Cylinder):
        return False
    off = abs(float(((end.point_m - side.point_m) * side.normal).sum()))
    return abs(float((side.normal * end.direction).sum())) < 1e-4 and abs(off - end.radius_m) < 1e-2 * end.radius_m


def _slot(a: Element | None, b: Element | None, tolerance_m: float) -> Slot | None:
    if not isinstance(a, Cylinder) or not isinstance(b, Cylinder) or a.internal != b.internal:
        return None
    if abs(float((a.direction * b.direction).sum())) < PARALLEL or abs(a.radius_m - b.radius_m) > tolerance_m:
        return None
    arm = b.point_m - a.point_m
    arm = arm - float((arm * a.direction).sum()) * a.direction
    apart_m = math.sqrt(float((arm * arm).sum()))
    if apart_m < a.radius_m * 1e-3:
        return None
    width_m = a.radius_m + b.radius_m
    return Slot((a.point_m + b.point_m) / 2, a.direction, arm, width_m, apart_m + width_m, a.internal)


# ---- order and names
def _ordered(part: Part, areas: Floats) -> Part:
    found = _measured(part, areas)
    span = max(float(np.sqrt((np.ptp(part.mesh.vertices_m, axis=0) ** 2).sum())), 1e-300)
    keys = [np.array([KINDS.index(kind) for kind in found.kind], np.int64)]
    keys.append(-_levels(np.log(np.maximum(found.size, 1e-300)), SAME_SIZE))
    keys += [_levels(found.middle_m[:, axis], SAME_PLACE * span) for axis in range(3)]
    order = np.lexsort(keys[::-1])
    rank = np.full(len(order) + 1, -1)
    rank[order] = np.arange(len(order))
    return replace(part, face=rank[part.face].astype(np.int32), surfaces=tuple(part.surfaces[k] for k in order))


def _measured(part: Part, areas: Floats) -> _Measured:
    there = part.face >= 0
    _, area = piece_normals(part.face, np.zeros((len(areas), 3)), areas, len(part.surfaces))
    middles = part.mesh.vertices_m[part.mesh.faces].mean(axis=1) * areas[:, None]
    sums = [np.bincount(part.face[there], weights=middles[there, k], minlength=len(area)) for k in range(3)]
    middle = np.stack(sums, axis=1) / np.maximum(area, 1e-300)[:, None]
    sizes = [getattr(s, "radius_m", getattr(s, "width_m", float(a))) for s, a in zip(part.surfaces, area, strict=True)]
    kinds = tuple(_kind(part, k) for k in range(len(part.surfaces)))
    return _Measured(kinds, np.array(sizes, np.float64), middle)


def _kind(part: Part, number: int) -> str:
    surface = part.surfaces[number]
    if isinstance(surface, Cylinder):
        if coverage_rad(part, number) > FULL_RAD:
            return "hole" if surface.internal else "cylinder"
        return "fillet" if surface.internal else "round"
    if isinstance(surface, Slot):
        return "slot" if surface.internal else "key"
    return {Plane: "plane", Cone: "cone", Sphere: "sphere"}.get(type(surface), "freeform")


def _levels(values: Floats, apart: float) -> NDArray[np.int64]:
    """Return a number for each value (N,): the same for values of a chain whose links are shorter than `apart`."""
    order = np.argsort(values, kind="stable")
    level = np.zeros(len(values), np.int64)
    level[order] = np.cumsum(np.concatenate([[0], np.diff(values[order]) > apart])) if len(values) else []
    return level
