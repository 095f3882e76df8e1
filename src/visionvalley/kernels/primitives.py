# SPDX-License-Identifier: Apache-2.0
"""Points within reach of planes, spheres and cylinders: counted for many shapes, fitted for one.

Points lie in tiles of 2048, three rows of coordinates each, small enough for the first-level cache:
a tile is read once for all shapes. Every tile takes points from all over the cloud, so that any few
tiles are a fair sample of it.
"""

from __future__ import annotations

import math

import numpy as np

from visionvalley.kernels.compilation import bare, kernel
from visionvalley.kernels.simd import (
    absolute,
    load_f32x8,
    multiply_add,
    reduce_add,
    select,
    splat_f32x8,
    splat_i32x8,
    take,
)

TILE = 2048
POINTS_A_PIECE = 16384
PLANE, SPHERE, CYLINDER = 0, 1, 2
SUMS = 25


@kernel("void(int64[::1], float64[:, ::1], float64[::1], float32[:, :, ::1])")
def tile_worker(counter, points_m, origin_m, tiles):
    """Deal points out to tiles (T, 3, 2048), relative to an origin; places left over are NaN."""
    count, across = len(points_m), len(tiles)
    while True:
        tile = take(counter)
        if tile >= across:
            return
        for lane in range(TILE):
            i = lane * across + tile
            for axis in range(3):
                tiles[tile, axis, lane] = points_m[i, axis] - origin_m[axis] if i < count else np.nan


@bare
def within_plane(tile, at, shape):
    """Return which of eight points lie within reach of a plane: normal, offset, reach."""
    gap = multiply_add(load_f32x8(tile, at), splat_f32x8(shape[0]), splat_f32x8(shape[3]))
    gap = multiply_add(load_f32x8(tile, at + TILE), splat_f32x8(shape[1]), gap)
    gap = multiply_add(load_f32x8(tile, at + 2 * TILE), splat_f32x8(shape[2]), gap)
    return absolute(gap) <= splat_f32x8(shape[4])


@bare
def within_round(tile, at, shape):
    """Return which of eight points lie in a shell: centre, axis (zero for a sphere), squared radii."""
    dx = load_f32x8(tile, at) - splat_f32x8(shape[0])
    dy = load_f32x8(tile, at + TILE) - splat_f32x8(shape[1])
    dz = load_f32x8(tile, at + 2 * TILE) - splat_f32x8(shape[2])
    along = multiply_add(dz, splat_f32x8(shape[5]), multiply_add(dy, splat_f32x8(shape[4]), dx * splat_f32x8(shape[3])))
    square = multiply_add(dz, dz, multiply_add(dy, dy, dx * dx)) - along * along
    return absolute(square - splat_f32x8(shape[6])) <= splat_f32x8(shape[7])


@bare
def ones(mask):
    """Return one in the lanes of a mask, zero elsewhere."""
    return select(mask, splat_i32x8(np.int32(1)), splat_i32x8(np.int32(0)))


@bare
def count_planes(tile, shapes, counts):
    """Count a tile's points within reach of planes, four in one pass; their number is a multiple of four."""
    for first in range(0, len(shapes), 4):
        p, q, r, s = shapes[first], shapes[first + 1], shapes[first + 2], shapes[first + 3]
        a = b = c = d = splat_i32x8(np.int32(0))
        for at in range(0, TILE, 8):
            a = a + ones(within_plane(tile, at, p))
            b = b + ones(within_plane(tile, at, q))
            c = c + ones(within_plane(tile, at, r))
            d = d + ones(within_plane(tile, at, s))
        counts[first], counts[first + 1] = reduce_add(a), reduce_add(b)
        counts[first + 2], counts[first + 3] = reduce_add(c), reduce_add(d)


@bare
def count_round(tile, shapes, counts):
    """Count a tile's points within reach of spheres or cylinders, two in one pass."""
    for first in range(0, len(shapes), 2):
        p, q = shapes[first], shapes[first + 1]
        a = b = splat_i32x8(np.int32(0))
        for at in range(0, TILE, 8):
            a = a + ones(within_round(tile, at, p))
            b = b + ones(within_round(tile, at, q))
        counts[first], counts[first + 1] = reduce_add(a), reduce_add(b)


@kernel("void(int64[::1], float32[:, :, ::1], int32[::1], int64, float32[:, ::1], int32[:, ::1])")
def count_worker(counter, tiles, chosen, kind, shapes, counts):
    """Count the points of chosen tiles (S,) within reach of shapes (H, 8), H a multiple of 4: counts (S, H)."""
    while True:
        piece = take(counter)
        if piece >= len(chosen):
            return
        if kind == PLANE:
            count_planes(tiles[chosen[piece]], shapes, counts[piece])
        else:
            count_round(tiles[chosen[piece]], shapes, counts[piece])


@bare
def residual(kind, q, place, radius_m, slope):
    """Return a point's distance from the shape; `slope` (5,) is its change with the shape's parameters.

    q (3,) point relative to the shape's place; place (4, 3) that place, then the axis, u, v. Parameters: of a plane
    tilts to u and v and offset; of a sphere shifts along x, y, z and radius; of a cylinder shifts along
    u and v, tilts to u and v, radius.
    """
    along = q[0] * place[1, 0] + q[1] * place[1, 1] + q[2] * place[1, 2]
    u = q[0] * place[2, 0] + q[1] * place[2, 1] + q[2] * place[2, 2]
    v = q[0] * place[3, 0] + q[1] * place[3, 1] + q[2] * place[3, 2]
    if kind == PLANE:
        slope[0], slope[1], slope[2] = u, v, 1.0
        return along
    if kind == SPHERE:
        far = max(math.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2]), 1e-300)
        slope[0], slope[1], slope[2], slope[3] = -q[0] / far, -q[1] / far, -q[2] / far, -1.0
        return far - radius_m
    far = max(math.sqrt(u * u + v * v), 1e-300)
    slope[0], slope[1], slope[4] = -u / far, -v / far, -1.0
    slope[2], slope[3] = along * slope[0], along * slope[1]
    return far - radius_m


@kernel("void(int64[::1], float64[:, ::1], int64, float64[:, ::1], float64, float64, uint8[::1], float64[:, ::1])")
def fit_worker(counter, points_m, kind, place, radius_m, reach_m, inliers, sums):
    """Mark the points within reach of a shape, and sum what Gauss-Newton needs of them.

    place (4, 3) a place on the shape (its centre), axis, u, v; inliers (N,); sums (pieces, 25): number,
    squares, right side (5), upper triangle (15), and places relative to the centre (3)
    """
    slope, q, mine = np.zeros(5), np.zeros(3), np.zeros(SUMS)
    while True:
        piece = take(counter)
        if piece >= len(sums):
            return
        for k in range(SUMS):
            mine[k] = 0.0
        for i in range(piece * POINTS_A_PIECE, min(len(points_m), (piece + 1) * POINTS_A_PIECE)):
            for axis in range(3):
                q[axis] = points_m[i, axis] - place[0, axis]
            error = residual(kind, q, place, radius_m, slope)
            inliers[i] = abs(error) <= reach_m
            if not inliers[i]:
                continue
            mine[0] += 1.0
            mine[1] += error * error
            at = 7
            for row in range(5):
                mine[2 + row] += slope[row] * error
                for column in range(row, 5):
                    mine[at] += slope[row] * slope[column]
                    at += 1
            for axis in range(3):
                mine[22 + axis] += q[axis]
        for k in range(SUMS):
            sums[piece, k] = mine[k]
