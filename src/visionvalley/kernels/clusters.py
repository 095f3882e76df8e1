# SPDX-License-Identifier: Apache-2.0
"""Points sorted into the cells of a grid, and clusters of cells that hold near points.

A cell has the side reach / sqrt(3), so that any two of its points are near one another: a cell
with enough points needs no search, and clusters are joined cell by cell (Gunawan 2013). Cells are
sorted by x, y, z, so that those around one are 25 unbroken rows of cells, and of points, along z:
the rows of a column of cells are found once, and slid along as the column is walked upwards.
"""

from __future__ import annotations

import math

import numpy as np

from visionvalley.kernels.compilation import bare, kernel
from visionvalley.kernels.simd import (
    bits,
    count_ones,
    exchange_if,
    load_f64x4,
    multiply_add,
    splat_f64x4,
    store,
    take,
    trailing_zeros,
)

COLUMNS_A_PIECE = 16
DIGIT_BITS = 11
# height of each cell; first point of each; x, y and first cell of each column; table of columns; lanes; steps
GRID = "Tuple((int32[::1], int32[::1], int32[:, ::1], int32[::1], float64[:, ::1], int32[:, ::1]))"


@kernel("int64(float64[:, ::1], float64[:, ::1])")
def measure_box(points_m, box_m):
    """Write the lower and the upper corner of all points without NaN to (2, 3); return their number."""
    valid = 0
    low_x = low_y = low_z = np.inf
    high_x = high_y = high_z = -np.inf
    for i in range(len(points_m)):
        x, y, z = points_m[i, 0], points_m[i, 1], points_m[i, 2]
        if x + y + z == x + y + z:
            valid += 1
            low_x, low_y, low_z = min(low_x, x), min(low_y, y), min(low_z, z)
            high_x, high_y, high_z = max(high_x, x), max(high_y, y), max(high_z, z)
    box_m[0, 0], box_m[0, 1], box_m[0, 2] = low_x, low_y, low_z
    box_m[1, 0], box_m[1, 1], box_m[1, 2] = high_x, high_y, high_z
    return valid


@bare
def sort_pass(digits, shift, order, sorted_order, starts):
    """Sort an order by one digit of its points' cells; equal ones keep their order (Knuth 5.2.5)."""
    mask = (1 << DIGIT_BITS) - 1
    for digit in range(mask + 2):
        starts[digit] = 0
    for i in range(len(order)):
        starts[((digits[order[i]] >> shift) & mask) + 1] += 1
    for digit in range(mask):
        starts[digit + 1] += starts[digit]
    for i in range(len(order)):
        digit = (digits[order[i]] >> shift) & mask
        sorted_order[starts[digit]] = order[i]
        starts[digit] += 1


@kernel("void(float64[:, ::1], float64[:, ::1], int32[::1], float64, int32[:, ::1], int32[:, ::1])")
def sort_into_cells(points_m, box_m, axes, cells_a_metre, corners, orders):
    """Sort points without NaN by their cells; points of one cell keep their order.

    box_m (2, 3); axes (3,) the most important one first; corners (3, N) of each point's cell, in the
    points' axes; orders (2, valid), the result in row 0
    """
    valid = 0
    for i in range(len(points_m)):
        x, y, z = points_m[i, 0] - box_m[0, 0], points_m[i, 1] - box_m[0, 1], points_m[i, 2] - box_m[0, 2]
        if x + y + z == x + y + z:
            corners[0, i] = np.int32(math.floor(x * cells_a_metre))
            corners[1, i] = np.int32(math.floor(y * cells_a_metre))
            corners[2, i] = np.int32(math.floor(z * cells_a_metre))
            orders[0, valid] = i
            valid += 1
    starts = np.empty((1 << DIGIT_BITS) + 1, np.int64)
    for k in range(2, -1, -1):
        axis = axes[k]
        largest = np.int64((box_m[1, axis] - box_m[0, axis]) * cells_a_metre)
        shift = 0
        while largest >> shift > 0:
            sort_pass(corners[axis], shift, orders[0], orders[1], starts)
            for i in range(valid):
                orders[0, i] = orders[1, i]
            shift += DIGIT_BITS


@kernel("int64(int32[:, ::1], int32[::1], int32[::1], int32[::1], int32[::1], int32[::1], int32[:, ::1])")
def find_cells(corners, axes, order, cell_of, heights, start, columns):
    """Find where cells and columns begin among sorted points; return how many cells there are.

    cell_of (valid,) cell of each sorted point; heights (valid,) place of each cell along its row;
    start (valid + 1,) first point of each cell, and the end; columns (valid + 2, 3) rows x, y, first
    cell, and the end; the first number of the last row is their count
    """
    cells = count = 0
    for i in range(len(order)):
        point = order[i]
        x, y, z = corners[axes[0], point], corners[axes[1], point], corners[axes[2], point]
        onward = count > 0 and columns[count - 1, 0] == x and columns[count - 1, 1] == y
        if not onward:
            columns[count, 0], columns[count, 1], columns[count, 2] = x, y, cells
            count += 1
        if not onward or heights[cells - 1] != z:
            heights[cells], start[cells] = z, i
            cells += 1
        cell_of[i] = cells - 1
    start[cells] = len(order)
    columns[count, 2] = cells
    columns[len(columns) - 1, 0] = count
    return cells


@bare
def slot_of(table, columns, x, y):
    """Return the place in the table of the column at x, y, or the free place that it would take."""
    mask = len(table) - 1
    word = (np.uint64(np.uint32(x)) | (np.uint64(np.uint32(y)) << np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)
    slot = np.int64((word ^ (word >> np.uint64(29))) >> np.uint64(20)) & mask
    while table[slot] >= 0 and (columns[table[slot], 0] != x or columns[table[slot], 1] != y):
        slot = (slot + 1) & mask
    return slot


@kernel("void(float64[:, ::1], float64[:, ::1], int32[::1], int32[:, ::1], int32[::1], float64[:, ::1])")
def fill_grid(points_m, box_m, order, columns, table, lanes):
    """Enter the columns in a table (2^k,) of -1, and write sorted coordinates to lanes (3, valid + 4)."""
    for column in range(len(columns) - 1):
        table[slot_of(table, columns, columns[column, 0], columns[column, 1])] = column
    for axis in range(3):
        for i in range(len(order)):
            lanes[axis, i] = points_m[order[i], axis] - box_m[0, axis]


@bare
def open_rows(grid, column, onward, rows):
    """Find the columns around one, nearest first, or only itself and those after it.

    rows (25, 3) low and high cell, and the column's last; slide_rows sets low and high
    """
    _, _, columns, table, _, steps = grid
    count = 0
    for k in range(len(steps)):
        if onward and (steps[k, 0] < 0 or (steps[k, 0] == 0 and steps[k, 1] < 0)):
            continue
        x, y = columns[column, 0] + steps[k, 0], columns[column, 1] + steps[k, 1]
        other = table[slot_of(table, columns, np.int32(x), np.int32(y))]
        if other >= 0:
            rows[count, 0] = rows[count, 1] = columns[other, 2]
            rows[count, 2] = columns[other + 1, 2]
            count += 1
    return count


@bare
def slide_rows(heights, rows, count, z):
    """Move the rows up to the cells between z - 2 and z + 2."""
    for k in range(count):
        low, high, end = rows[k, 0], rows[k, 1], rows[k, 2]
        while low < end and heights[low] < z - 2:
            low += 1
        high = max(low, high)
        while high < end and heights[high] <= z + 2:
            high += 1
        rows[k, 0], rows[k, 1] = low, high


@bare
def distances(lanes, at, x, y, z):
    """Return the squared distances of four points from (x, y, z)."""
    stride = lanes.shape[1]
    dx = load_f64x4(lanes, at) - splat_f64x4(x)
    dy = load_f64x4(lanes, at + stride) - splat_f64x4(y)
    dz = load_f64x4(lanes, at + 2 * stride) - splat_f64x4(z)
    return multiply_add(dz, dz, multiply_add(dy, dy, dx * dx))


@bare
def near_mask(lanes, at, last, x, y, z, reach2):
    """Return which of the points at ... last (four at most) are near (x, y, z), as bits."""
    near = bits(distances(lanes, at, x, y, z) <= splat_f64x4(reach2))
    if last - at < 4:
        near &= (np.int64(1) << (last - at)) - 1
    return near


@bare
def points_in(grid, rows, count):
    """Return the number of points in the rows."""
    start, total = grid[1], 0
    for k in range(count):
        total += start[rows[k, 1]] - start[rows[k, 0]]
    return total


@bare
def gather(grid, rows, count, keep, room, places):
    """Copy the points of the rows that are to be kept side by side; return how many."""
    start, lanes = grid[1], grid[4]
    total = 0
    for k in range(count):
        for place in range(start[rows[k, 0]], start[rows[k, 1]]):
            room[0, total], room[1, total], room[2, total] = lanes[0, place], lanes[1, place], lanes[2, place]
            places[total] = place
            total += keep[place]
    return total


@bare
def count_near(grid, room, total, point, reach2, least):
    """Return the number of gathered points near one; stops once there are `least`."""
    lanes = grid[4]
    x, y, z = lanes[0, point], lanes[1, point], lanes[2, point]
    count, at = 0, 0
    while at < total and count < least:
        count += count_ones(near_mask(room, at, total, x, y, z, reach2))
        at += 4
    return count


@kernel(f"void(int64[::1], {GRID}, float64, int64, uint8[::1], uint8[::1], uint8[::1])")
def core_worker(counter, grid, reach2, least, every, core, has_core):
    """Mark the points that have `least` points near them, themselves included, and their cells.

    every (valid,) ones
    """
    heights, start, columns = grid[0], grid[1], grid[2]
    count = len(columns) - 1
    rows, room, places = np.empty((25, 3), np.int32), np.empty((3, 1024)), np.empty(1024, np.int32)
    while True:
        piece = take(counter) * COLUMNS_A_PIECE
        if piece >= count:
            return
        for column in range(piece, min(count, piece + COLUMNS_A_PIECE)):
            around = open_rows(grid, column, False, rows)
            for cell in range(columns[column, 2], columns[column + 1, 2]):
                total = np.int64(-1)
                if start[cell + 1] - start[cell] < least:
                    slide_rows(heights, rows, around, heights[cell])
                    total = points_in(grid, rows, around)
                    if total < least:
                        continue
                    if total + 4 > len(places):
                        room, places = np.empty((3, 2 * total + 4)), np.empty(2 * total + 4, np.int32)
                    gather(grid, rows, around, every, room, places)
                for point in range(start[cell], start[cell + 1]):
                    if total < 0 or count_near(grid, room, total, point, reach2, least) >= least:
                        core[point] = 1
                        has_core[cell] = 1


@bare
def root_of(parent, cell):
    """Return the first cell of the cluster, shortening the way to it."""
    while parent[cell] != cell:
        parent[cell] = parent[parent[cell]]
        cell = parent[cell]
    return cell


@bare
def join(parent, a, b):
    """Make one cluster of two; safe when several threads do it (Anderson & Woll 1991)."""
    while True:
        a, b = root_of(parent, a), root_of(parent, b)
        if a == b:
            return
        low, high = min(a, b), max(a, b)
        if exchange_if(parent, np.int64(high), np.int32(high), np.int32(low)):
            return


@bare
def cores_meet(grid, core, a, b, reach2):
    """Tell whether a core point of one cell is near a core point of another."""
    start, lanes = grid[1], grid[4]
    last = start[b + 1]
    for point in range(start[a], start[a + 1]):
        if not core[point]:
            continue
        x, y, z = lanes[0, point], lanes[1, point], lanes[2, point]
        for at in range(start[b], last, 4):
            near = near_mask(lanes, at, last, x, y, z, reach2)
            while near:
                if core[at + trailing_zeros(near)]:
                    return True
                near &= near - 1
    return False


@kernel(f"void(int64[::1], {GRID}, float64, uint8[::1], uint8[::1], int32[::1])")
def join_worker(counter, grid, reach2, core, has_core, parent):
    """Join cells whose core points are near one another; the root is the lowest cell of a cluster."""
    heights, columns = grid[0], grid[2]
    count = len(columns) - 1
    rows = np.empty((25, 3), np.int32)
    while True:
        piece = take(counter) * COLUMNS_A_PIECE
        if piece >= count:
            return
        for column in range(piece, min(count, piece + COLUMNS_A_PIECE)):
            around = open_rows(grid, column, True, rows)
            for cell in range(columns[column, 2], columns[column + 1, 2]):
                if not has_core[cell]:
                    continue
                slide_rows(heights, rows, around, heights[cell])
                mine = root_of(parent, cell)
                for k in range(around):
                    for other in range(max(rows[k, 0], cell + 1), rows[k, 1]):
                        if not has_core[other] or parent[other] == mine or root_of(parent, other) == mine:
                            continue
                        if cores_meet(grid, core, cell, other, reach2):
                            join(parent, cell, other)
                            mine = root_of(parent, cell)


@bare
def nearest_core(grid, order, room, places, total, point, reach2, four):
    """Return the place of the nearest gathered point, or -1; of equally near ones that of the lowest index."""
    lanes = grid[4]
    x, y, z = lanes[0, point], lanes[1, point], lanes[2, point]
    nearest, best = np.int64(-1), reach2
    for at in range(0, total, 4):
        near = near_mask(room, at, total, x, y, z, best)
        if near:
            store(four, 0, distances(room, at, x, y, z))
        while near:
            place, distance2 = places[at + trailing_zeros(near)], four[trailing_zeros(near)]
            near &= near - 1
            first = nearest < 0 or order[place] < order[nearest]
            if distance2 < best or (distance2 == best and first):
                nearest, best = place, distance2
    return nearest


@kernel(f"void(int64[::1], {GRID}, float64, uint8[::1], int32[::1], int32[::1], int32[::1])")
def label_worker(counter, grid, reach2, core, cell_of, order, labels):
    """Give core points their cell, border points that of their nearest core point, others -1."""
    heights, start, columns = grid[0], grid[1], grid[2]
    count = len(columns) - 1
    rows, room, places = np.empty((25, 3), np.int32), np.empty((3, 1024)), np.empty(1024, np.int32)
    four = np.empty(4)
    while True:
        piece = take(counter) * COLUMNS_A_PIECE
        if piece >= count:
            return
        for column in range(piece, min(count, piece + COLUMNS_A_PIECE)):
            around, gathered = 0, np.int64(-1)
            for point in range(start[columns[column, 2]], start[columns[column + 1, 2]]):
                cell = cell_of[point]
                labels[order[point]] = cell
                if core[point]:
                    continue
                if around == 0:
                    around = open_rows(grid, column, False, rows)
                if gathered != cell:
                    gathered = np.int64(cell)
                    slide_rows(heights, rows, around, heights[cell])
                    most = points_in(grid, rows, around)
                    if most + 4 > len(places):
                        room, places = np.empty((3, 2 * most + 4)), np.empty(2 * most + 4, np.int32)
                    total = gather(grid, rows, around, core, room, places)
                near = nearest_core(grid, order, room, places, total, point, reach2, four)
                labels[order[point]] = -1 if near < 0 else cell_of[near]


@kernel("void(int32[::1], int32[::1], int32[::1])")
def number_clusters(labels, parent, number):
    """Turn the cell of each point into its cluster, numbered by their first points, in place.

    labels (N,) cell or -1; parent (cells,); number (cells,) -1
    """
    for cell in range(len(parent)):
        parent[cell] = parent[parent[cell]]  # the parent is lower, and done
    count = 0
    for i in range(len(labels)):
        if labels[i] >= 0:
            cell = parent[labels[i]]
            if number[cell] < 0:
                number[cell] = count
                count += 1
            labels[i] = number[cell]
