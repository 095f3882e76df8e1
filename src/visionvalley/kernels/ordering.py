# SPDX-License-Identifier: Apache-2.0
"""Order points along a Hilbert curve, so that neighbours in space are neighbours in memory.

A key holds the place on the curve in its upper bits and the row of the point in the lower ones, so
that one array of whole numbers is sorted. Rows with NaN or infinity get the last keys.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.kernels.compilation import bare, kernel
from visionvalley.kernels.simd import take
from visionvalley.kernels.threads import each_thread

PIECE = 1 << 15  # rows of one piece of work
SAMPLED = 4096  # rows that tell where the body of a cloud lies
DIGIT = 11  # bits sorted in one pass
LARGEST = np.float32(1e18)  # coordinates stay below it


def writable(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array as Numba takes it where it only reads: the same memory, not marked read-only."""
    if array.flags.writeable:
        return array
    borrowed = type("Borrowed", (), {})()
    borrowed.__array_interface__ = {**array.__array_interface__, "data": (array.__array_interface__["data"][0], False)}
    borrowed.keeps = array
    return np.asarray(borrowed)


def pieces_of(rows: int, size: int = PIECE) -> int:
    """Return how many pieces of work that many rows make."""
    return -(-rows // size)


# ---- bounds
@kernel("void(int64[::1], float64[:, ::1], float64[:, ::1])")
def bounds_of_pieces(counter, points, out):
    """Smallest and largest coordinates and number of finite rows of each piece.

    points  (N, 3)
    out     (pieces, 8): low x y z, high x y z, finite rows, unused
    """
    while True:
        piece = take(counter)
        if piece >= out.shape[0]:
            break
        x0 = y0 = z0 = np.inf
        x1 = y1 = z1 = -np.inf
        finite = 0
        for i in range(piece * PIECE, min((piece + 1) * PIECE, points.shape[0])):
            x, y, z = points[i, 0], points[i, 1], points[i, 2]
            if abs(x) + abs(y) + abs(z) < np.inf:
                finite += 1
                x0, y0, z0 = min(x0, x), min(y0, y), min(z0, z)
                x1, y1, z1 = max(x1, x), max(y1, y), max(z1, z)
        out[piece, 0], out[piece, 1], out[piece, 2] = x0, y0, z0
        out[piece, 3], out[piece, 4], out[piece, 5] = x1, y1, z1
        out[piece, 6] = finite


def bounds(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Return low and high corner of the finite rows of (N, 3) points, and how many there are.

    Without finite rows both corners are zero.
    """
    out = np.zeros((pieces_of(len(points)), 8))
    each_thread(bounds_of_pieces, len(out), points, out)
    finite = int(out[:, 6].sum())
    if finite == 0:
        return np.zeros(3), np.zeros(3), 0
    return out[:, :3].min(axis=0), out[:, 3:6].max(axis=0), finite


# ---- keys
def _curve_table() -> NDArray[np.int32]:
    """Return the state machine of the curve: (24 * 64,), for a state and two levels of octants.

    An entry is 64 times the next state, plus the two digits in the bits from 16 on.
    Hamilton 2006, Compact Hilbert Indices, Dalhousie CS-2006-07, section 2.
    """

    def step(entry: int, axis: int, octant: int) -> tuple[int, int, int]:
        turn = axis + 1
        gray = octant ^ entry
        gray = ((gray >> turn % 3) | (gray << (3 - turn % 3))) & 7 if turn % 3 else gray
        digit = gray ^ (gray >> 1) ^ (gray >> 2)
        before = 0 if digit == 0 else 2 * ((digit - 1) // 2)
        start = before ^ (before >> 1)
        start = ((start << turn % 3) | (start >> (3 - turn % 3))) & 7 if turn % 3 else start
        odd = digit if digit % 2 else digit - 1
        ones = 0 if digit == 0 else ((~odd & (odd + 1)).bit_length() - 1) % 3
        return entry ^ start, (axis + ones + 1) % 3, digit

    table = np.zeros((24, 64), np.int32)
    for state in range(24):
        for octants in range(64):
            entry, axis, first = step(state // 3, state % 3, octants >> 3)
            entry, axis, second = step(entry, axis, octants & 7)
            table[state, octants] = (entry * 3 + axis) * 64 | (first << 3 | second) << 16
    return table.ravel()


CURVE = _curve_table()


@bare
def spread(word):
    """The lowest 21 bits of a uint64, two zeros put between each."""
    word = (word | (word << np.uint64(32))) & np.uint64(0x1F00000000FFFF)
    word = (word | (word << np.uint64(16))) & np.uint64(0x1F0000FF0000FF)
    word = (word | (word << np.uint64(8))) & np.uint64(0x100F00F00F00F00F)
    word = (word | (word << np.uint64(4))) & np.uint64(0x10C30C30C30C30C3)
    return (word | (word << np.uint64(2))) & np.uint64(0x1249249249249249)


@bare
def hilbert(x, y, z, levels, curve):
    """Place on the Hilbert curve of a cell; x, y, z uint64 below 2 ** levels, levels even."""
    octants = spread(x) << np.uint64(2) | spread(y) << np.uint64(1) | spread(z)
    state = np.int64(0)
    place = np.uint64(0)
    for level in range(levels // 2):
        entry = np.int64(curve[state + np.int64((octants >> np.uint64(3 * levels - 6 * level - 6)) & np.uint64(63))])
        state = entry & 0xFFFF
        place = (place << np.uint64(6)) | np.uint64(entry >> 16)
    return place


@kernel("void(int64[::1], float64[:, ::1], float64[::1], int64[::1], int32[::1], uint64[::1])")
def curve_keys(counter, points, frame, layout, curve, keys):
    """Key of each point: its place on the curve, then its row.

    points  (N, 3)
    frame   (4,): low corner x y z, cells a metre
    layout  (2,): levels of the curve, bits of a row
    keys    (N,)
    """
    levels, row_bits = layout[0], np.uint64(layout[1])
    last = np.float64((1 << levels) - 2)  # the curve ends in a cell beyond, which is left to rows without a place
    nowhere = (np.uint64(1) << np.uint64(3 * levels)) - np.uint64(1)
    while True:
        piece = take(counter)
        if piece * PIECE >= points.shape[0]:
            break
        for i in range(piece * PIECE, min((piece + 1) * PIECE, points.shape[0])):
            x = (points[i, 0] - frame[0]) * frame[3]
            y = (points[i, 1] - frame[1]) * frame[3]
            z = (points[i, 2] - frame[2]) * frame[3]
            place = nowhere
            if abs(x) + abs(y) + abs(z) < np.inf:
                place = hilbert(
                    np.uint64(np.int64(min(max(x, 0.0), last))),
                    np.uint64(np.int64(min(max(y, 0.0), last))),
                    np.uint64(np.int64(min(max(z, 0.0), last))),
                    levels,
                    curve,
                )
            keys[i] = (place << row_bits) | np.uint64(i)


# ---- radix sort
@kernel("void(int64[::1], uint64[::1], int64, int64[:, ::1])")
def count_digits(counter, keys, shift, counts):
    """How often each digit, the DIGIT bits from `shift` on, occurs in each piece; counts (pieces, 2 ** DIGIT)."""
    mask = np.uint64((1 << DIGIT) - 1)
    while True:
        piece = take(counter)
        if piece >= counts.shape[0]:
            break
        row = counts[piece]
        row[:] = 0
        for i in range(piece * PIECE, min((piece + 1) * PIECE, keys.shape[0])):
            row[np.int64((keys[i] >> np.uint64(shift)) & mask)] += 1


@kernel("void(int64[:, ::1])")
def counts_to_starts(counts):
    """Turn counts of (piece, digit) into the place where each piece writes its first key of each digit."""
    total = np.int64(0)
    for digit in range(counts.shape[1]):
        for piece in range(counts.shape[0]):
            count = counts[piece, digit]
            counts[piece, digit] = total
            total += count


@kernel("void(int64[::1], uint64[::1], int64, int64[:, ::1], uint64[::1])")
def scatter_digits(counter, keys, shift, starts, out):
    """Move each key to the next place of its digit; equal digits keep their order. Raises `starts`."""
    mask = np.uint64((1 << DIGIT) - 1)
    while True:
        piece = take(counter)
        if piece >= starts.shape[0]:
            break
        row = starts[piece]
        for i in range(piece * PIECE, min((piece + 1) * PIECE, keys.shape[0])):
            key = keys[i]
            digit = np.int64((key >> np.uint64(shift)) & mask)
            out[row[digit]] = key
            row[digit] += 1


def sort_keys(keys: NDArray[np.uint64], low: int, high: int) -> NDArray[np.uint64]:
    """Return (N,) keys sorted by their bits from `low` up to `high`; equal ones keep their order.

    The array that is given is overwritten.
    """
    other = np.zeros_like(keys)
    counts = np.zeros((pieces_of(len(keys)), 1 << DIGIT), np.int64)
    for shift in range(low, high, DIGIT):
        each_thread(count_digits, len(counts), keys, shift, counts)
        counts_to_starts(counts)
        each_thread(scatter_digits, len(counts), keys, shift, counts, other)
        keys, other = other, keys
    return keys


def key_layout(rows: int) -> tuple[int, int]:
    """Return levels of the curve and bits of a row for clouds of that many rows."""
    return (14, 22) if rows <= 1 << 22 else (12, 28)


def body(
    points: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a box around nearly all of (N, 3) points, that a few strays far away do not stretch.

    low, high  the corners of the box around all of them
    """
    sample = np.ascontiguousarray(points[:: max(1, len(points) // SAMPLED)].T)
    finite = np.isfinite(sample).all(axis=0)
    sample = sample if finite.all() else sample[:, finite]
    if sample.size == 0:
        return low, high
    margin = sample.shape[1] // 50
    ends = margin, sample.shape[1] - 1 - margin
    first, last = np.partition(sample, ends, axis=1)[:, ends].T
    spare = float((last - first).max())
    if spare == 0:
        return low, high
    return np.maximum(low, first - spare), np.minimum(high, last + spare)


def curve_order(points: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return the sorted keys of (N, 3) points, N below 2 ** 28; rows that are not finite come last.

    low, high  corners of a box; points outside are put in its outermost cells
    """
    levels, row_bits = key_layout(len(points))
    side = max(float((high - low).max()), 1e-30)
    frame = np.array([*low, (2**levels - 2) / side])
    keys = np.zeros(len(points), np.uint64)
    layout = np.array([levels, row_bits])
    each_thread(curve_keys, pieces_of(len(points)), points, frame, layout, CURVE, keys)
    return sort_keys(keys, row_bits, row_bits + 3 * levels)


def rows_of(keys: NDArray[np.uint64], row_bits: int) -> NDArray[np.int32]:
    """Return the rows that keys hold."""
    return (keys & np.uint64((1 << row_bits) - 1)).astype(np.int32)
