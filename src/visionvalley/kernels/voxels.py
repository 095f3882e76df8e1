# SPDX-License-Identifier: Apache-2.0
"""Sums of the points in each cell of a grid.

Sums are whole numbers, of 2 ** -31 of a cell: they are exact, so that neither the order of the work
nor the number of threads matters. Each piece of rows is summed in a small hash table of its own and
leaves its sums in SHARES parts by the hash of the cell; then each part of all pieces is merged by
one thread.
"""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import bare, inner, kernel
from visionvalley.kernels.simd import take

AXIS = 21  # bits of a cell's place on one axis
REACH = 1 << (AXIS - 1)  # cells from the middle of the grid to its edge
FINE = float(1 << 31)  # steps in a cell
SHARE_BITS = 6
SHARES = 1 << SHARE_BITS
BLOCK = 256  # rows whose cells are computed at once
COUNT_ONE = 1 << 48  # a point, in the sum that also counts: a piece has fewer than 2 ** 16 points
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # Knuth 1997, vol. 3, section 6.4: 2 ** 64 / golden ratio
COLUMNS = 5  # of sums: cell, x, y, z, points


@bare
def hashed(cell):
    """A hash of a cell's key; its upper bits are good."""
    return np.uint64(cell) * MULTIPLIER


@bare
def cells_of_rows(points, start, end, frame, cells, parts):
    """Cells of rows, -1 for rows that are not finite or out of the grid, and their places in them.

    frame    (4,): cells a metre, then the cell at the low corner of the grid
    cells    (BLOCK,)
    parts    (3, BLOCK): in steps
    returns  the number of finite rows out of the grid
    """
    scale, ox, oy, oz = frame[0], frame[1], frame[2], frame[3]
    end_of_axis = np.float64(2 * REACH)
    outside = 0
    for i in range(start, end):
        x, y, z = points[i, 0] * scale, points[i, 1] * scale, points[i, 2] * scale
        gx, gy, gz = np.floor(x), np.floor(y), np.floor(z)
        cx, cy, cz = gx - ox, gy - oy, gz - oz
        low, high = min(min(cx, cy), cz), max(max(cx, cy), cz)
        inside = (low >= 0.0) & (high < end_of_axis) & (x + y + z == x + y + z)
        cx, cy, cz = (cx, cy, cz) if inside else (0.0, 0.0, 0.0)
        gx, gy, gz = (x - gx, y - gy, z - gz) if inside else (0.0, 0.0, 0.0)
        cell = (np.int64(np.int32(cx)) << 2 * AXIS) | (np.int64(np.int32(cy)) << AXIS) | np.int64(np.int32(cz))
        cells[i - start] = cell if inside else -1
        parts[0, i - start], parts[1, i - start], parts[2, i - start] = (
            np.int32(gx * FINE),
            np.int32(gy * FINE),
            np.int32(gz * FINE),
        )
        outside += (not inside) & (abs(x) + abs(y) + abs(z) < np.inf)
    return outside


@inner
def grown(table, places, used):
    """A hash table of four times the room with the same sums; `places` is changed to where they are now."""
    room = table.shape[0] * 4
    shift = np.uint64(64)
    while np.uint64(1) << (np.uint64(64) - shift) < np.uint64(room):
        shift -= np.uint64(1)
    larger = np.full((room, 4), -1, np.int64)
    for i in range(used):
        old = places[i]
        at = hashed(table[old, 0]) >> shift
        while larger[at, 0] >= 0:
            at = (at + np.uint64(1)) & np.uint64(room - 1)
        for column in range(4):
            larger[at, column] = table[old, column]
        places[i] = at
    return larger, shift


@bare
def pour(table, places, used, sums, first, starts):
    """Write the sums of a hash table from row `first` on, in the order of their parts; empty the table.

    places  (used,) or more: where in the table the cells are, in the order in which they were met
    starts  (SHARES + 1,): the first row of each part
    """
    starts[:] = 0
    for i in range(used):
        starts[np.int64(hashed(table[places[i], 0]) >> np.uint64(64 - SHARE_BITS)) + 1] += 1
    starts[0] = first
    for part in range(SHARES):
        starts[part + 1] += starts[part]
    for i in range(used):
        at = places[i]
        part = np.int64(hashed(table[at, 0]) >> np.uint64(64 - SHARE_BITS))
        row = starts[part]
        starts[part] = row + 1
        sums[row, 0], sums[row, 1] = table[at, 0], table[at, 1] & (COUNT_ONE - 1)
        sums[row, 2], sums[row, 3], sums[row, 4] = table[at, 2], table[at, 3], table[at, 1] >> 48
        table[at, 0] = -1
    for part in range(SHARES, 0, -1):
        starts[part] = starts[part - 1]
    starts[0] = first


@kernel("void(int64[::1], float64[:, ::1], int64, float64[::1], int64[:, ::1], int64[:, ::1], int64[::1])")
def sum_pieces(counter, points, size, frame, sums, starts, outside):
    """Sums of the cells of each piece of rows.

    points   (N, 3)
    size     rows of a piece, below 2 ** 16
    frame    (4,): cells a metre, then the cell at the low corner of the grid
    sums     (N, COLUMNS): those of piece p lie from row p * size on
    starts   (pieces, SHARES + 1): the first row of each part
    outside  (pieces,): finite rows that lie out of the grid
    """
    cells, parts = np.zeros(BLOCK, np.int64), np.zeros((3, BLOCK), np.int32)
    table = np.full((1 << 12, 4), -1, np.int64)
    places = np.zeros(size, np.uint64)
    shift = np.uint64(64 - 12)
    while True:
        piece = take(counter)
        if piece >= starts.shape[0]:
            break
        used = 0
        outside[piece] = 0
        last = min((piece + 1) * size, points.shape[0])
        for start in range(piece * size, last, BLOCK):
            end = min(start + BLOCK, last)
            outside[piece] += cells_of_rows(points, start, end, frame, cells, parts)
            if used + BLOCK > table.shape[0] // 2:
                table, shift = grown(table, places, used)
            for i in range(end - start):
                cell = cells[i]
                if cell < 0:
                    continue
                at = hashed(cell) >> shift
                while table[at, 0] != cell and table[at, 0] >= 0:
                    at = (at + np.uint64(1)) & np.uint64(table.shape[0] - 1)
                if table[at, 0] < 0:
                    table[at, 0], table[at, 1], table[at, 2], table[at, 3] = cell, 0, 0, 0
                    places[used] = at
                    used += 1
                table[at, 1] += COUNT_ONE + parts[0, i]
                table[at, 2] += parts[1, i]
                table[at, 3] += parts[2, i]
        pour(table, places, used, sums, piece * size, starts[piece])


@kernel("void(int64[::1], int64[:, ::1], int64[:, ::1], int64[::1], int64[:, ::1], int64[::1])")
def merge_parts(counter, sums, starts, firsts, merged, counts):
    """Merge the sums of all pieces, part by part.

    sums    (rows, COLUMNS), starts  (pieces, SHARES + 1): as `sum_pieces` leaves them
    firsts  (SHARES,): the row of `merged` from which each part may write
    merged  (rows, COLUMNS)
    counts  (SHARES,): cells of each part
    """
    while True:
        part = take(counter)
        if part >= SHARES:
            break
        total = 0
        for piece in range(starts.shape[0]):
            total += starts[piece, part + 1] - starts[piece, part]
        room, shift = 16, np.uint64(60)
        while room < 2 * total:
            room, shift = room * 2, shift - np.uint64(1)
        slots = np.full(room, -1, np.int32)
        rows = merged[firsts[part] : firsts[part] + total]
        used = 0
        for piece in range(starts.shape[0]):
            for source in range(starts[piece, part], starts[piece, part + 1]):
                cell = sums[source, 0]
                at = np.int64((hashed(cell) << np.uint64(SHARE_BITS)) >> shift)
                while slots[at] >= 0 and rows[slots[at], 0] != cell:
                    at = (at + 1) & (room - 1)
                if slots[at] < 0:
                    slots[at] = used
                    rows[used, 0], rows[used, 1], rows[used, 2] = cell, sums[source, 1], sums[source, 2]
                    rows[used, 3], rows[used, 4] = sums[source, 3], sums[source, 4]
                    used += 1
                else:
                    row = slots[at]
                    for column in range(1, COLUMNS):
                        rows[row, column] += sums[source, column]
        counts[part] = used


@kernel("void(int64[::1], int64[:, ::1], int64[::1], int64[::1], float64[::1], float64[:, ::1], int64[:, ::1])")
def centroids(counter, merged, firsts, ends, frame, points, packed):
    """Centroid and packed sums of each cell.

    merged  (rows, COLUMNS), firsts  (SHARES,): as `merge_parts` leaves them
    ends    (SHARES + 1,): the first cell of each part in what comes out
    frame   (4,): cells a metre, then the cell at the low corner of the grid
    points  (cells, 3)
    packed  (cells, COLUMNS)
    """
    mask = np.int64((1 << AXIS) - 1)
    while True:
        part = take(counter)
        if part >= SHARES:
            break
        for cell in range(ends[part], ends[part + 1]):
            row = firsts[part] + cell - ends[part]
            for column in range(COLUMNS):
                packed[cell, column] = merged[row, column]
            key, count = merged[row, 0], np.float64(merged[row, 4]) * FINE
            points[cell, 0] = (np.float64(key >> 2 * AXIS) + frame[1] + merged[row, 1] / count) / frame[0]
            points[cell, 1] = (np.float64((key >> AXIS) & mask) + frame[2] + merged[row, 2] / count) / frame[0]
            points[cell, 2] = (np.float64(key & mask) + frame[3] + merged[row, 3] / count) / frame[0]


@kernel("void(int64[:, ::1], int32[::1])")
def fill_slots(packed, slots):
    """Enter cells into an empty hash table, of a power of two of slots, that are -1."""
    for row in range(packed.shape[0]):
        at = hashed(packed[row, 0]) & np.uint64(slots.shape[0] - 1)
        while slots[at] >= 0:
            at = (at + np.uint64(1)) & np.uint64(slots.shape[0] - 1)
        slots[at] = row


@kernel("void(int64[::1], float64[:, ::1], float64[::1], int64[:, ::1], int32[::1], int32[::1])")
def find_cells(counter, points, frame, packed, slots, found):
    """The row of `packed` that holds the cell of each point, -1 for points that are not finite.

    points  (N, 3)
    frame   (4,): cells a metre, then the cell at the low corner of the grid
    packed  (cells, COLUMNS), slots  as `fill_slots` leaves them
    found   (N,)
    """
    cells, parts = np.zeros(BLOCK, np.int64), np.zeros((3, BLOCK), np.int32)
    size = BLOCK * 64
    while True:
        piece = take(counter)
        if piece * size >= points.shape[0]:
            break
        last = min((piece + 1) * size, points.shape[0])
        for start in range(piece * size, last, BLOCK):
            end = min(start + BLOCK, last)
            cells_of_rows(points, start, end, frame, cells, parts)
            for i in range(end - start):
                found[start + i] = -1
                if cells[i] >= 0:
                    at = hashed(cells[i]) & np.uint64(slots.shape[0] - 1)
                    while packed[slots[at], 0] != cells[i]:
                        at = (at + np.uint64(1)) & np.uint64(slots.shape[0] - 1)
                    found[start + i] = slots[at]
