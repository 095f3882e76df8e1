# SPDX-License-Identifier: Apache-2.0
"""Fast point feature histograms: the shape around a point, seen alike from anywhere.

Points come sorted along x, coordinate by coordinate, so that the neighbours of a point within a
radius are found by one sweep, sixteen at a time.
"""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import inner, kernel
from visionvalley.kernels.simd import (
    bits,
    load_f32x8,
    load_f32x16,
    splat_f32x8,
    splat_f32x16,
    store,
    take,
    trailing_zeros,
)

PIECE = 64  # points of one piece of work
BINS = 11  # of each of the three angles
WIDTH = 40  # floats of one histogram: 3 x BINS, then zeros up to a whole number of vectors


@inner
def angle_of(y, x):
    """Angle of (x, y) in turns, -0.5 to 0.5, to 1e-6: a minimax polynomial of arctan on 0...1."""
    high, low = max(abs(x), abs(y)), min(abs(x), abs(y))
    if not high > 0.0:
        return np.float32(0.0)
    a = low / high
    s = a * a
    r = np.float32(0.05264734) - s * np.float32(0.01171913)
    r = np.float32(0.19354037) + s * (np.float32(-0.11642647) + s * r)
    r = a * (np.float32(0.99997722) + s * (np.float32(-0.33262283) + s * r))
    turns = r * np.float32(0.15915494)
    if abs(y) > abs(x):
        turns = np.float32(0.25) - turns
    if x < 0:
        turns = np.float32(0.5) - turns
    return -turns if y < 0 else turns


@inner
def bin_of(share):
    """Bin of a number from 0 to 1."""
    return min(max(np.int64(share * BINS), 0), BINS - 1)


@inner
def first_from(sorted_x, n, value):
    """Position of the first of n ascending numbers that is not below the value."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if sorted_x[0, middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@inner
def near_bits(points, at, x, y, z, limit):
    """Which of the sixteen points from `at` on lie within the squared radius."""
    width = points.shape[1]
    dx = load_f32x16(points, at) - splat_f32x16(x)
    dy = load_f32x16(points, width + at) - splat_f32x16(y)
    dz = load_f32x16(points, 2 * width + at) - splat_f32x16(z)
    return bits(dx * dx + dy * dy + dz * dz <= splat_f32x16(limit))


@inner
def add_pair(points, normals, i, j, row):
    """Count the three angles between the frames of points i and j (Rusu 2009, eq. 1, as used by PFH)."""
    dx, dy, dz = points[0, j] - points[0, i], points[1, j] - points[1, i], points[2, j] - points[2, i]
    ux, uy, uz = normals[0, i], normals[1, i], normals[2, i]
    nx, ny, nz = normals[0, j], normals[1, j], normals[2, j]
    square = dx * dx + dy * dy + dz * dz
    if not square > 0.0:
        return False
    shrink = np.float32(1.0) / np.sqrt(square)
    dx, dy, dz = dx * shrink, dy * shrink, dz * shrink
    here, there = ux * dx + uy * dy + uz * dz, nx * dx + ny * dy + nz * dz
    if abs(here) < abs(there):  # the point whose normal leans nearer to the line is the origin
        ux, uy, uz, nx, ny, nz = nx, ny, nz, ux, uy, uz
        dx, dy, dz, here = -dx, -dy, -dz, -there
    vx, vy, vz = dy * uz - dz * uy, dz * ux - dx * uz, dx * uy - dy * ux
    square = vx * vx + vy * vy + vz * vz
    if not square > 0.0:
        return False
    shrink = np.float32(1.0) / np.sqrt(square)
    vx, vy, vz = vx * shrink, vy * shrink, vz * shrink
    wx, wy, wz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    turn = angle_of(wx * nx + wy * ny + wz * nz, ux * nx + uy * ny + uz * nz)
    across = vx * nx + vy * ny + vz * nz
    half = np.float32(0.5)
    row[bin_of(turn + half)] += np.float32(1.0)
    row[BINS + bin_of((across + np.float32(1.0)) * half)] += np.float32(1.0)
    row[2 * BINS + bin_of((here + np.float32(1.0)) * half)] += np.float32(1.0)
    return True


@kernel("void(int64[::1], float32[:, ::1], float32[:, ::1], int64, float32, float32[:, ::1])")
def simple_histograms(counter, points, normals, n, radius, out):
    """Histograms of the angles between each point and its neighbours within the radius, each angle summing to 1.

    points, normals  (3, M): n columns sorted by x, then padding far away up to a multiple of 16
    out              (n, WIDTH), zeros at the start
    Rusu, Blodow, Beetz 2009, Fast point feature histograms, section III (SPFH).
    """
    limit = radius * radius
    while True:
        piece = take(counter)
        if piece * PIECE >= n:
            break
        for i in range(piece * PIECE, min((piece + 1) * PIECE, n)):
            x, y, z = points[0, i], points[1, i], points[2, i]
            at = first_from(points, n, x - radius) // 16 * 16
            count = 0
            row = out[i]
            while at < n and points[0, at] <= x + radius:
                near = near_bits(points, at, x, y, z, limit)
                while near != 0:
                    j = at + trailing_zeros(near)
                    near &= near - 1
                    if j != i and add_pair(points, normals, i, j, row):
                        count += 1
                at += 16
            share = np.float32(1.0) / np.float32(max(count, 1))
            for b in range(3 * BINS):
                row[b] *= share


@kernel("void(int64[::1], float32[:, ::1], float32[:, ::1], int64, float32, float32[:, ::1])")
def weighted_histograms(counter, points, simple, n, radius, out):
    """Each point's histogram, half its own and half its neighbours' weighted by nearness; square roots.

    points  (3, M), as in simple_histograms
    simple  (n, WIDTH)
    out     (n, WIDTH): unit length, so that a difference is the Hellinger distance
    Rusu, Blodow, Beetz 2009, eq. 4; square roots: Arandjelović & Zisserman 2012.
    """
    limit = radius * radius
    while True:
        piece = take(counter)
        if piece * PIECE >= n:
            break
        for i in range(piece * PIECE, min((piece + 1) * PIECE, n)):
            x, y, z = points[0, i], points[1, i], points[2, i]
            at = first_from(points, n, x - radius) // 16 * 16
            zero = splat_f32x8(np.float32(0.0))
            s0, s1, s2, s3, s4 = zero, zero, zero, zero, zero
            while at < n and points[0, at] <= x + radius:
                near = near_bits(points, at, x, y, z, limit)
                while near != 0:
                    j = at + trailing_zeros(near)
                    near &= near - 1
                    dx, dy, dz = points[0, j] - x, points[1, j] - y, points[2, j] - z
                    square = dx * dx + dy * dy + dz * dz
                    if square > 0.0:
                        weight = splat_f32x8(radius / np.sqrt(square))
                        s0 = s0 + weight * load_f32x8(simple, j * WIDTH)
                        s1 = s1 + weight * load_f32x8(simple, j * WIDTH + 8)
                        s2 = s2 + weight * load_f32x8(simple, j * WIDTH + 16)
                        s3 = s3 + weight * load_f32x8(simple, j * WIDTH + 24)
                        s4 = s4 + weight * load_f32x8(simple, j * WIDTH + 32)
                at += 16
            store(out, i * WIDTH, s0)
            store(out, i * WIDTH + 8, s1)
            store(out, i * WIDTH + 16, s2)
            store(out, i * WIDTH + 24, s3)
            store(out, i * WIDTH + 32, s4)
            blend(simple[i], out[i])


@inner
def blend(own, sums):
    """Turn weighted sums into square roots of shares: half own, half neighbours, each angle a third."""
    for angle in range(3):
        total = np.float32(0.0)
        for b in range(angle * BINS, (angle + 1) * BINS):
            total += sums[b]
        share = np.float32(1.0) / total if total > 0.0 else np.float32(0.0)
        for b in range(angle * BINS, (angle + 1) * BINS):
            sums[b] = np.sqrt((own[b] + sums[b] * share) * np.float32(1.0 / 6.0))
