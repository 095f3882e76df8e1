# SPDX-License-Identifier: Apache-2.0
"""Sums of the points in each cell of a grid.

Sums are whole numbers, of 2 ** -31 of a cell: they are exact, so that neither the order of the work
nor the number of threads matters. Each piece of rows is summed in a table that fits the first cache,
where a cell drives out the one whose place it takes; what is driven out is dealt to SHARES parts by
the hash of the cell. Then one thread sums each part of all pieces, in a table that fits the second
cache. Neighbours in a scan meet in the first table, those of a shuffled cloud in the second.
"""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import bare, inner, kernel
from visionvalley.kernels.simd import exchange_if, load_i64x4, store, take

AXIS = 21  # bits of a cell's place on one axis
REACH = 1 << (AXIS - 1)  # cells from the middle of the grid to its edge
FINE = float(1 << 31)  # steps in a cell
SHARE_BITS = 6
SHARES = 1 << SHARE_BITS
BLOCK = 256  # rows whose cells are computed at once
COUNT_ONE = 1 << 48  # a point, in the sum that also counts
PIECE = 1 << 14  # most rows of a piece: as many counts fit above the sum, and its records the second cache
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # Knuth 1997, vol. 3, section 6.4: 2 ** 64 / golden ratio
RECORD = 4  # columns of the sums of a piece: cell, x with points, y, z
COLUMNS = 5  # columns of sums: cell, x, y, z, points
NEAR_BITS = 10
NEAR = 1 << NEAR_BITS  # cells of a piece at a time: 32 KiB


@bare
def hashed(cell):
    """A hash of a cell's key; its upper bits are good."""
    return np.uint64(cell) * MULTIPLIER


@bare
def cells_of_rows(points, start, end, frame, cells, fresh):
    """Cells of rows, -1 for rows that are not finite or out of the grid, and their places in them.

    frame    (4,): cells a metre, then the cell at the low corner of the grid
    cells    (BLOCK,)
    fresh    (BLOCK, RECORD): in steps; a point more in the second column, nothing in the first
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
        fresh[i - start, 1] = np.int64(np.int32(gx * FINE)) + COUNT_ONE
        fresh[i - start, 2] = np.int64(np.int32(gy * FINE))
        fresh[i - start, 3] = np.int64(np.int32(gz * FINE))
        outside += (not inside) & (abs(x) + abs(y) + abs(z) < np.inf)
    return outside


@bare
def claim(arena, rows):
    """The first of so many rows of shared memory that nobody else gets; arena (8,): rows given away so far."""
    while True:
        first = arena[0]
        if exchange_if(arena, 0, first, first + rows):
            return first


@bare
def drive_out(near, at, spilt, used, counts):
    """Append an entry of `near`, if there is one, to the records in `spilt`; returns how many there are then."""
    if near[at, 0] < 0:
        return used
    store(spilt, RECORD * used, load_i64x4(near, RECORD * at))
    counts[(at >> (NEAR_BITS - SHARE_BITS)) + 1] += 1
    return used + 1


@bare
def gather(points, first, last, frame, cells, fresh, near, spilt, counts):
    """Sum rows in `near`, from where cells are driven out into `spilt`.

    cells    (BLOCK,), fresh (BLOCK, RECORD): room for a block
    near     (NEAR, RECORD): empty, its cells -1, before and after
    spilt    (last - first, RECORD)
    counts   (SHARES + 1,): records of each part, from the second on
    returns  records in `spilt`, finite rows out of the grid
    """
    used, outside = 0, 0
    counts[:] = 0
    for start in range(first, last, BLOCK):
        end = min(start + BLOCK, last)
        outside += cells_of_rows(points, start, end, frame, cells, fresh)
        for i in range(end - start):
            cell = cells[i]
            if cell < 0:
                continue
            at = np.int64(hashed(cell) >> np.uint64(64 - NEAR_BITS))
            if near[at, 0] == cell:
                for column in range(1, RECORD):
                    near[at, column] += fresh[i, column]
            else:
                used = drive_out(near, at, spilt, used, counts)
                near[at, 0] = cell
                for column in range(1, RECORD):
                    near[at, column] = fresh[i, column]
    for at in range(NEAR):
        used = drive_out(near, at, spilt, used, counts)
        near[at, 0] = -1
    return used, outside


@bare
def deal(spilt, used, records, starts, first):
    """Write records from row `first` on, in the order of their parts.

    starts  (SHARES + 1,): records of each part, from the second on; then the first of each part
    """
    starts[0] = first
    for part in range(SHARES):
        starts[part + 1] += starts[part]
    for i in range(used):
        part = np.int64(hashed(spilt[i, 0]) >> np.uint64(64 - SHARE_BITS))
        store(records, RECORD * starts[part], load_i64x4(spilt, RECORD * i))
        starts[part] += 1
    for part in range(SHARES, 0, -1):
        starts[part] = starts[part - 1]
    starts[0] = first


@kernel("void(int64[::1], float64[:, ::1], int64, float64[::1], int64[::1], int64[:, ::1], int64[:, ::1], int64[::1])")
def sum_pieces(counter, points, size, frame, arena, records, starts, outside):
    """Sums of the cells of each piece of rows; a cell may have more than one record.

    points   (N, 3)
    size     rows of a piece, PIECE at most
    frame    (4,): cells a metre, then the cell at the low corner of the grid
    arena    (8,): zeros
    records  (N, RECORD): a piece writes wherever there is room, in the order of parts
    starts   (pieces, SHARES + 1): the first record of each part
    outside  (pieces,): finite rows that lie out of the grid
    """
    cells, fresh = np.empty(BLOCK, np.int64), np.empty((BLOCK, RECORD), np.int64)
    near, spilt = np.full((NEAR, RECORD), -1, np.int64), np.empty((size, RECORD), np.int64)
    while True:
        piece = take(counter)
        if piece >= starts.shape[0]:
            break
        row, last = starts[piece], min((piece + 1) * size, points.shape[0])
        used, outside[piece] = gather(points, piece * size, last, frame, cells, fresh, near, spilt, row)
        deal(spilt, used, records, row, claim(arena, used))


@bare
def place_of(cell, slots):
    """Where to look first for a cell in the hash table of its part: by the middle of its hash."""
    return np.int64((hashed(cell) >> np.uint64(64 - SHARE_BITS - 32)) & np.uint64(slots.shape[0] - 1))


@bare
def empty(slots):
    """Take all cells out of a hash table."""
    for at in range(slots.shape[0]):
        slots[at] = -1


@inner
def tables(room, rows, used):
    """An empty hash table and room for so many cells or more, a power of two; the rows that are used are kept."""
    size = 1 << 11
    while size < room:
        size *= 2
    slots, larger = np.empty(4 * size, np.int32), np.empty((size, COLUMNS), np.int64)
    empty(slots)
    for row in range(used):
        for column in range(COLUMNS):
            larger[row, column] = rows[row, column]
        at = place_of(rows[row, 0], slots)
        while slots[at] >= 0:
            at = (at + 1) & (slots.shape[0] - 1)
        slots[at] = row
    return slots, larger


@bare
def add_records(records, first, end, slots, rows, used):
    """Add records to the sums of their cells; returns how many rows are used: cells in the order they are met.

    slots  (a power of two,): a hash table of the cells in `rows`, which has room
    """
    packed = records.shape[1] == RECORD
    mask = np.int64(COUNT_ONE - 1 if packed else -1)
    for record in range(first, end):
        cell, x = records[record, 0], records[record, 1]
        count = x >> 48 if packed else records[record, COLUMNS - 1]
        at = place_of(cell, slots)
        while slots[at] >= 0 and rows[slots[at], 0] != cell:
            at = (at + 1) & (slots.shape[0] - 1)
        row = slots[at]
        if row >= 0:
            rows[row, 1] += x & mask
            rows[row, 2] += records[record, 2]
            rows[row, 3] += records[record, 3]
            rows[row, 4] += count
        else:
            slots[at] = used
            rows[used, 0], rows[used, 1], rows[used, 2] = cell, x & mask, records[record, 2]
            rows[used, 3], rows[used, 4] = records[record, 3], count
            used += 1
    return used


@kernel("void(int64[::1], int64[:, ::1], int64[:, ::1], int64[::1], int64[::1], int64[:, ::1], int64[::1])")
def merge_parts(counter, records, starts, arena, firsts, merged, counts):
    """Merge the sums of all pieces, part by part.

    records  (rows, RECORD), starts  (pieces, SHARES + 1): as `sum_pieces` leaves them; or merged ones, (rows, COLUMNS)
    arena    (8,): zeros
    firsts   (SHARES,): the row of `merged` from which each part is written
    merged   (rows, COLUMNS)
    counts   (SHARES,): cells of each part
    """
    slots, rows = tables(0, np.empty((0, COLUMNS), np.int64), 0)
    while True:
        part = take(counter)
        if part >= SHARES:
            break
        used = 0
        empty(slots)
        for piece in range(starts.shape[0]):
            begin, end = starts[piece, part], starts[piece, part + 1]
            if used + end - begin > rows.shape[0]:
                slots, rows = tables(used + end - begin, rows, used)
            used = add_records(records, begin, end, slots, rows, used)
        first = claim(arena, used)
        for row in range(used):
            for column in range(COLUMNS):
                merged[first + row, column] = rows[row, column]
        firsts[part], counts[part] = first, used


@kernel("void(int64[::1], int64[:, ::1], int64[::1], int64[::1], float64[::1], float64[:, ::1], int64[:, ::1])")
def centroids(counter, merged, firsts, ends, frame, points, packed):
    """Centroid and sums of each cell, in the order of parts.

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
    cells, fresh = np.empty(BLOCK, np.int64), np.empty((BLOCK, RECORD), np.int64)
    size = BLOCK * 64
    while True:
        piece = take(counter)
        if piece * size >= points.shape[0]:
            break
        last = min((piece + 1) * size, points.shape[0])
        for start in range(piece * size, last, BLOCK):
            end = min(start + BLOCK, last)
            cells_of_rows(points, start, end, frame, cells, fresh)
            for i in range(end - start):
                found[start + i] = -1
                if cells[i] >= 0:
                    at = hashed(cells[i]) & np.uint64(slots.shape[0] - 1)
                    while packed[slots[at], 0] != cells[i]:
                        at = (at + np.uint64(1)) & np.uint64(slots.shape[0] - 1)
                    found[start + i] = slots[at]
