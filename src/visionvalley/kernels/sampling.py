# SPDX-License-Identifier: Apache-2.0
"""Farthest-point sampling that looks only where a new point can matter.

Points that are near one another lie in one bucket. A bucket knows its box and the farthest of its
points from those chosen so far: where the box is farther than that from a newly chosen point, none
of its points comes closer, and the bucket is not touched. Rounding is monotone, so a box is never
farther by a bit than its points, and the choice is that of the plain method, bit for bit.
Eldar et al. 1997 (farthest points); Han et al. 2023 (buckets).
"""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import bare, kernel
from visionvalley.kernels.simd import (
    bits,
    load_f64x4,
    maximum,
    minimum,
    multiply_add,
    reduce_max,
    splat_f64x4,
    store,
    take,
    trailing_zeros,
)

BUCKET = 128  # points
X, Y, Z, FAR = 0, BUCKET, 2 * BUCKET, 3 * BUCKET
LANES = 4 * BUCKET
BUCKETS_A_PIECE = 64
FARTHEST = 6  # row of `boxes` below the corners


@kernel("void(int64[::1], float64[:, ::1], int32[::1], float64[:, ::1], float64[:, ::1])")
def bucket_worker(counter, points_m, order, buckets, boxes):
    """Fill buckets (B, 512) with x, y, z and squared distance (infinite; -1 in lanes left over), and their boxes.

    points_m (N, 3); order (count,) rows; boxes (7, B rounded up to 4): low and high corner, farthest distance
    """
    while True:
        piece = take(counter) * BUCKETS_A_PIECE
        if piece >= len(buckets):
            return
        for bucket in range(piece, min(len(buckets), piece + BUCKETS_A_PIECE)):
            first = bucket * BUCKET
            for axis in range(3):
                low, high = np.inf, -np.inf
                for lane in range(BUCKET):
                    value = points_m[order[min(first + lane, len(order) - 1)], axis]
                    buckets[bucket, axis * BUCKET + lane] = value
                    low, high = min(low, value), max(high, value)
                boxes[axis, bucket], boxes[3 + axis, bucket] = low, high
            for lane in range(BUCKET):
                buckets[bucket, FAR + lane] = np.inf if first + lane < len(order) else -1.0
            boxes[FARTHEST, bucket] = np.inf


@bare
def touched(boxes, at, x, y, z):
    """Return which of four buckets have a point that a chosen one at x, y, z may be nearest to, as bits."""
    stride, zero = boxes.shape[1], splat_f64x4(0.0)
    dx = maximum(maximum(load_f64x4(boxes, at) - x, x - load_f64x4(boxes, at + 3 * stride)), zero)
    dy = maximum(maximum(load_f64x4(boxes, at + stride) - y, y - load_f64x4(boxes, at + 4 * stride)), zero)
    dz = maximum(maximum(load_f64x4(boxes, at + 2 * stride) - z, z - load_f64x4(boxes, at + 5 * stride)), zero)
    square = multiply_add(dz, dz, multiply_add(dy, dy, dx * dx))
    return bits(square < load_f64x4(boxes, at + FARTHEST * stride))


@bare
def come_closer(points, x, y, z):
    """Lower the distances of a bucket's points (512,) to that from x, y, z; return the largest left."""
    farthest = splat_f64x4(-1.0)
    for at in range(0, BUCKET, 4):
        dx, dy, dz = load_f64x4(points, X + at) - x, load_f64x4(points, Y + at) - y, load_f64x4(points, Z + at) - z
        square = multiply_add(dz, dz, multiply_add(dy, dy, dx * dx))
        square = minimum(square, load_f64x4(points, FAR + at))
        store(points, FAR + at, square)
        farthest = maximum(square, farthest)
    return reduce_max(farthest)


@bare
def farthest_bucket(boxes, count, farthest, rest):
    """Return the next bucket from `rest` on whose farthest point is that far; `count` if there is none."""
    for bucket in range(rest, count):
        if boxes[FARTHEST, bucket] == farthest:
            return bucket
    return count


@bare
def lowest_row(points, order, first, farthest):
    """Return the lane of the point that far whose row is lowest."""
    found = -1
    for lane in range(min(BUCKET, len(order) - first)):
        if points[FAR + lane] == farthest and (found < 0 or order[first + lane] < order[first + found]):
            found = lane
    return found


@bare
def farthest_place(buckets, boxes, order):
    """Return the place in the order of the farthest point; of several the one whose row is lowest."""
    farthest, count = splat_f64x4(-1.0), len(buckets)
    for at in range(0, boxes.shape[1], 4):
        farthest = maximum(load_f64x4(boxes, FARTHEST * boxes.shape[1] + at), farthest)
    most = reduce_max(farthest)
    best = np.int64(-1)
    bucket = farthest_bucket(boxes, count, most, 0)
    while bucket < count:
        place = bucket * BUCKET + lowest_row(buckets[bucket], order, bucket * BUCKET, most)
        if best < 0 or order[place] < order[best]:
            best = place
        bucket = farthest_bucket(boxes, count, most, bucket + 1)
    return best


@kernel("void(float64[:, ::1], float64[:, ::1], int32[::1], int64, int32[::1], float64[::1])")
def choose_farthest(buckets, boxes, order, first, chosen, squares):
    """Choose points one after another, each the farthest from those before; the first lies at place `first`.

    chosen (M,) rows, M at most the number of points; squares (M,) squared distance of each from those before
    """
    place = first
    for k in range(len(chosen)):
        points, lane = buckets[place // BUCKET], place % BUCKET
        chosen[k], squares[k] = order[place], points[FAR + lane]
        points[FAR + lane] = -1.0
        x, y, z = splat_f64x4(points[X + lane]), splat_f64x4(points[Y + lane]), splat_f64x4(points[Z + lane])
        boxes[FARTHEST, place // BUCKET] = come_closer(points, x, y, z)
        for at in range(0, boxes.shape[1], 4):
            mask = touched(boxes, at, x, y, z)
            while mask:
                bucket = at + trailing_zeros(mask)
                mask &= mask - 1
                boxes[FARTHEST, bucket] = come_closer(buckets[bucket], x, y, z)
        place = farthest_place(buckets, boxes, order)
