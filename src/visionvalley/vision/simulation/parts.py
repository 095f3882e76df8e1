# SPDX-License-Identifier: Apache-2.0
"""Parts whose shape, and whose faults, are known exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Mesh, require
from visionvalley.core.arrays import Floats
from visionvalley.vision.shape.subdivision import subdivided

SLOPE = 0.2  # of a patch's radius, over which the offset falls to nothing
HOLE_CORNERS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Planted:
    """A part with one patch out of place.

    mesh       with the patch moved
    centre_m   (3,) of the patch, on the nominal surface
    normal     (3,) outwards
    radius_m   of the plateau that is moved by the whole offset
    offset_m   outwards
    """

    mesh: Mesh
    centre_m: Floats
    normal: Floats
    radius_m: float
    offset_m: float

    def on_plateau(self, points_m: Floats) -> NDArray[np.bool_]:
        """Return which points (N, 3), part frame, lie over or under the plateau, within 1 mm."""
        arm = points_m - self.centre_m
        height = (arm * self.normal).sum(axis=1)
        across = arm - height[:, None] * self.normal
        over: NDArray[np.bool_] = ((across * across).sum(axis=1) < self.radius_m**2) & (np.abs(height) < 1e-3)
        return over


def plant_offset(mesh: Mesh, centre_m: Any, radius_m: float, offset_m: float, edge_m: float | None = None) -> Planted:
    """Return the part with a round patch of a flat face moved along its normal.

    centre_m  (3,) on the face
    radius_m  of the plateau; around it a ring of a fifth of that falls to the nominal surface
    offset_m  outwards, or inwards where negative
    edge_m    longest edge of the triangles that it is made of; None: an eighth of the radius
    """
    centre = require("centre_m", centre_m, (3,), finite=True)
    fine = subdivided(mesh, edge_m or radius_m / 8)
    normal = _normal_at(mesh, centre)
    arm = fine.vertices_m - centre
    height = (arm * normal).sum(axis=1)
    across = arm - height[:, None] * normal
    distance = np.sqrt((across * across).sum(axis=1))
    on_face = np.abs(height) < 1e-9 * (1 + np.abs(arm).max())
    reach = radius_m * (1 + SLOPE)
    if not (on_face & (distance < reach)).any():
        raise BadInput("simulation.no_patch", radius=radius_m)
    # vertices half an edge outside the plateau move too, so that the whole plateau is flat
    share = np.clip((reach + (edge_m or radius_m / 8) - distance) / (SLOPE * radius_m), 0.0, 1.0) * on_face
    moved = Mesh(fine.vertices_m + offset_m * share[:, None] * normal, fine.faces)
    return Planted(moved, centre, normal, radius_m, offset_m)


def _normal_at(mesh: Mesh, centre: Floats) -> Floats:
    """Return the normal of the face whose plane holds the centre and whose middle is nearest to it."""
    a, b, c = (mesh.vertices_m[mesh.faces[:, i]] for i in range(3))
    cross = np.cross(b - a, c - a)
    size = np.sqrt((cross * cross).sum(axis=1))
    unit = cross / np.where(size > 0, size, np.inf)[:, None]
    off = np.abs(((centre - a) * unit).sum(axis=1)) + np.where(size > 0, 0.0, np.inf)
    away = np.sqrt((((a + b + c) / 3 - centre) ** 2).sum(axis=1))
    best = int(np.argmin(np.where(off < 1e-7 * (1 + float(away.max())), away, np.inf)))
    normal: Floats = unit[best]
    return normal


def rectilinear(
    xs_m: Any, ys_m: Any, zs_m: Any, filled: NDArray[np.bool_], holes: Mapping[tuple[int, int], float] | None = None
) -> Mesh:
    """Return the closed surface of a part made of boxes, with round holes through it along z.

    xs_m, ys_m, zs_m  where the box edges lie: (nx + 1,), (ny + 1,), (nz + 1,) ascending
    filled            (nx, ny, nz) which boxes are material
    holes             radius in metres of a hole in the middle of a column (i, j), which must be filled from
                      the bottom without a gap
    """
    grid = [np.asarray(axis, np.float64) for axis in (xs_m, ys_m, zs_m)]
    solid = np.pad(np.asarray(filled, bool), 1)
    bored = dict(holes or {})
    triangles: list[Floats] = []
    for axis in range(3):
        for side in (0, 1):
            other = np.roll(solid, -1 if side else 1, axis=axis)
            for cell in np.argwhere(solid & ~other) - 1:
                if axis == 2 and (int(cell[0]), int(cell[1])) in bored:
                    continue
                triangles.append(_quad(grid, cell, axis, side))
    for (i, j), radius_m in bored.items():
        triangles.append(_bored(grid, i, j, int(np.count_nonzero(filled[i, j])), radius_m))
    corners = np.concatenate(triangles).reshape(-1, 3)
    vertices, faces = np.unique(np.round(corners, 12), axis=0, return_inverse=True)
    return Mesh(vertices, faces.reshape(-1, 3).astype(np.int32))


def _quad(grid: list[Floats], cell: NDArray[Any], axis: int, side: int) -> Floats:
    one, two = [k for k in range(3) if k != axis]
    square = []
    for a, b in ((0, 0), (1, 0), (1, 1), (0, 1)):
        at = [0, 0, 0]
        at[axis], at[one], at[two] = side, a, b
        square.append([grid[k][cell[k] + at[k]] for k in range(3)])
    p, q, r, s = np.array(square)
    outwards = (axis != 1) == bool(side)  # the two other axes turn the other way about y
    return np.array([[p, q, r], [p, r, s]] if outwards else [[p, r, q], [p, s, r]])


def _bored(grid: list[Floats], i: int, j: int, layers: int, radius_m: float) -> Floats:
    """Return the top, the bottom and the wall (T, 3, 3) of a hole through a column."""
    x, y, z = grid[0][i : i + 2], grid[1][j : j + 2], grid[2][[0, layers]]
    if not 0 < 2 * radius_m < min(x[1] - x[0], y[1] - y[0]) or layers == 0:
        raise BadInput("simulation.bad_hole", radius=radius_m)
    angles = [2 * math.pi * n / HOLE_CORNERS for n in range(HOLE_CORNERS)]
    middle = (x[0] + x[1]) / 2, (y[0] + y[1]) / 2
    circle = np.array([[middle[0] + radius_m * math.cos(t), middle[1] + radius_m * math.sin(t)] for t in angles])
    after = np.roll(circle, -1, axis=0)
    square = np.array([[x[1], y[1]], [x[0], y[1]], [x[0], y[0]], [x[1], y[0]]])
    quarter = HOLE_CORNERS // 4
    fans = np.stack([np.repeat(square, quarter, axis=0), after, circle], axis=1)
    gaps = np.stack([np.roll(circle[::quarter], -1, axis=0), square, np.roll(square, -1, axis=0)], axis=1)
    ring = np.concatenate([fans, gaps])  # counter-clockwise from above
    top, bottom = _lifted(ring, z[1]), _lifted(ring[:, ::-1], z[0])
    low, high, low_after, high_after = (_lifted(c, h) for c, h in product((circle, after), z))
    wall = np.concatenate([np.stack([low, high, high_after], axis=1), np.stack([low, high_after, low_after], axis=1)])
    return np.concatenate([top, bottom, wall])


def _lifted(flat: Floats, height_m: float) -> Floats:
    return np.concatenate([flat, np.full((*flat.shape[:-1], 1), height_m)], axis=-1)
