# SPDX-License-Identifier: Apache-2.0
"""Fewer points of a cloud: far from one another, or at random."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, require
from visionvalley.core.arrays import Floats, Ints
from visionvalley.kernels import sampling as kernels
from visionvalley.kernels.ordering import bounds, curve_order, key_layout, rows_of, writable
from visionvalley.kernels.threads import each_thread

MOST_POINTS = 1 << 28


def farthest_points(points_m: Floats, count: int, start: int | None = None) -> Ints:
    """Choose points far from one another: each is the farthest from all those before it.

    points_m  (N, 3) metres; rows that are not finite are never chosen
    count     number of points; all finite ones where it is larger
    start     row of the first point; None: the first finite one
    returns   (count,) int32 rows in the order of choice, so that the first few are a choice of few;
              of points equally far, the lowest row is next
    Gonzalez 1985; the same rows as if all distances were compared.
    """
    points = writable(require("points_m", points_m, (None, 3)))
    low, high, finite = bounds(points)
    if count < 0 or len(points) >= MOST_POINTS:
        raise BadInput("sampling.bad_count", count=count, points=len(points), most=MOST_POINTS - 1)
    if start is not None and not (0 <= start < len(points) and np.isfinite(points[start]).all()):
        raise BadInput("sampling.bad_start", start=start, points=len(points))
    chosen = np.zeros(min(count, finite), np.int32)
    if len(chosen) == 0:
        return chosen
    order = rows_of(curve_order(points, low, high)[:finite], key_layout(len(points))[1])
    buckets = np.zeros((-(-finite // kernels.BUCKET), kernels.LANES))
    boxes = np.full((7, -(-len(buckets) // 4) * 4), -1.0)
    pieces = -(-len(buckets) // kernels.BUCKETS_A_PIECE)
    each_thread(kernels.bucket_worker, pieces, points, order, buckets, boxes)
    first = int(np.argmax(order == (order.min() if start is None else start)))
    kernels.choose_farthest(buckets, boxes, order, first, chosen, np.zeros(len(chosen)))
    return chosen


def random_points(points_m: Floats, count: int, seed: int = 0) -> Ints:
    """Choose points at random, each set of them as likely as any other, no point twice.

    points_m  (N, 3) metres; rows that are not finite are never chosen
    count     number of points; all finite ones where it is larger
    returns   (count,) int32 rows, rising; the same ones on every machine
    """
    points = require("points_m", points_m, (None, 3))
    if count < 0 or len(points) >= MOST_POINTS:
        raise BadInput("sampling.bad_count", count=count, points=len(points), most=MOST_POINTS - 1)
    rows = np.flatnonzero(np.isfinite(points).all(axis=1)).astype(np.int32)
    if count >= len(rows):
        return rows
    lot = words(seed, len(rows))
    return rows[np.sort(np.argpartition(lot, count)[:count])]


def words(seed: int, count: int, stream: int = 0) -> NDArray[np.uint64]:
    """Return `count` random words of 64 bits; the same ones on every machine.

    stream  another number gives other, unrelated words
    Steele, Lea, Flood 2014 (splitmix64).
    """
    with np.errstate(over="ignore"):
        key = _mixed(np.array([seed % 2**64, stream], np.uint64) + np.array([1, 2], np.uint64))
        counter = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        return _mixed(counter + (key[0] ^ (key[1] * np.uint64(0xD1342543DE82EF95))))


def _mixed(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


def uniform(seed: int, shape: tuple[int, ...], stream: int = 0) -> Floats:
    """Return random numbers in [0, 1), multiples of 2^-53; the same ones on every machine."""
    whole = (words(seed, math.prod(shape), stream) >> np.uint64(11)).astype(np.float64)
    return (whole * 2.0**-53).reshape(shape)
