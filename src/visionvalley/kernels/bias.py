# SPDX-License-Identifier: Apache-2.0
"""Least largest deviations (Chebyshev) of many fields over the same rows, sparse rows, and factors of fields."""

import math

import numpy as np

from visionvalley.kernels.compilation import bare, inner, kernel
from visionvalley.kernels.filters import falling
from visionvalley.kernels.simd import (
    absolute,
    bits,
    larger,
    load_f32x8,
    reduce_max,
    splat_f32x8,
    store,
    take,
    trailing_zeros,
)
from visionvalley.kernels.wide import BROAD, WIDE, wide_products, wide_sums

PIECE = 8  # fields that one worker takes at a time
ROWS = 512
TILE = 32
STEPS = 60
PIVOT, ZERO = 1e-6, 1e-10  # pivots, and multipliers (they add up to 1), that are nothing but rounding of float32 rows
NEAR, NOTHING = 2e-6, 1e-8  # of the level, of the largest value: a residual that exceeds the level by less does not


@inner
def inverted(rows, basis, binv, work):
    """Fill binv (n, n) with the inverse of the basis: columns (sign times a row, 1), held as sign * (row + 1)."""
    n = len(basis)
    work[:] = 0.0
    for j in range(n):
        sign = 1.0 if basis[j] > 0 else -1.0
        row = abs(basis[j]) - 1
        for a in range(n - 1):
            work[a, j] = sign * rows[a, row]
        work[n - 1, j] = 1.0
        work[j, n + j] = 1.0
    for a in range(n):
        best = a
        for b in range(a + 1, n):
            if abs(work[b, a]) > abs(work[best, a]):
                best = b
        for c in range(2 * n):
            work[a, c], work[best, c] = work[best, c], work[a, c]
        pivot = work[a, a]
        for c in range(2 * n):
            work[a, c] /= pivot
        for b in range(n):
            if b != a and work[b, a] != 0.0:
                factor = work[b, a]
                for c in range(2 * n):
                    work[b, c] -= factor * work[a, c]
    for a in range(n):
        for c in range(n):
            binv[a, c] = work[a, n + c]


@inner
def beyond(field, rows, y, level, kept, found):
    """Add the farthest row of each tile to kept, from `found` on, where its residual field - rows' y exceeds a level.

    field (P,) and rows (k, P) float32, P whole tiles; returns how many are kept then.
    """
    k, m = rows.shape
    limit = np.float32(level)
    for start in range(0, m, TILE):
        one, two = load_f32x8(field, start), load_f32x8(field, start + 8)
        three, four = load_f32x8(field, start + 16), load_f32x8(field, start + 24)
        for a in range(k):
            much, at = splat_f32x8(np.float32(y[a])), a * m + start
            one = one - much * load_f32x8(rows, at)
            two = two - much * load_f32x8(rows, at + 8)
            three = three - much * load_f32x8(rows, at + 16)
            four = four - much * load_f32x8(rows, at + 24)
        one, two, three, four = absolute(one), absolute(two), absolute(three), absolute(four)
        top = reduce_max(larger(larger(one, two), larger(three, four)))
        if top > limit:
            best = splat_f32x8(top)
            which = bits(one >= best) | bits(two >= best) << 8 | bits(three >= best) << 16 | bits(four >= best) << 24
            kept[found] = start + trailing_zeros(which)
            found += 1
    return found


@inner
def exceeded(level, nothing):
    """Return what a residual must exceed, where the level is; below zero it is not yet one of the field."""
    return max(level, 0.0) * (1.0 + NEAR) + nothing


@inner
def weighed(field, basis, binv, x, y):
    """Fill in what a basis says: y, at its end the level, and the multipliers x of its rows."""
    n = len(basis)
    for a in range(n):
        y[a], x[a] = 0.0, binv[a, n - 1]
    for j in range(n):
        cost = field[abs(basis[j]) - 1] * (1.0 if basis[j] > 0 else -1.0)
        for a in range(n):
            y[a] += cost * binv[j, a]


@bare
def farthest(held, found, y, level):
    """Return which of so many rows has the largest residual beyond a level, -1: none; and its sign.

    held  (k + 2, C) the rows, what the field is there, and room
    """
    k = held.shape[0] - 2
    row, sign = -1, 1.0
    for c in range(found):
        held[k + 1, c] = held[k, c]
    for a in range(k):
        much = y[a]
        for c in range(found):
            held[k + 1, c] -= much * held[a, c]
    for c in range(found):
        if abs(held[k + 1, c]) > level:
            row, level, sign = c, abs(held[k + 1, c]), math.copysign(1.0, held[k + 1, c])
    return row, sign


@inner
def exchanged(rows, i, sign, basis, binv, x, w):
    """Let a row enter the basis on one side; say whether it could.

    Of the rows that may leave, the one with the largest pivot does: small ones make the basis singular (Harris 1973).
    """
    n = len(basis)
    ratio = np.inf
    for j in range(n):
        w[j] = binv[j, n - 1]
        for a in range(n - 1):
            w[j] += binv[j, a] * sign * rows[a, i]
        if w[j] > PIVOT:
            ratio = min(ratio, (max(x[j], 0.0) + ZERO) / w[j])
    leaving = -1
    for j in range(n):
        if w[j] > PIVOT and max(x[j], 0.0) <= ratio * w[j] and (leaving < 0 or w[j] > w[leaving]):
            leaving = j
    if leaving < 0:
        return False
    for a in range(n):
        binv[leaving, a] /= w[leaving]
    for j in range(n):
        if j != leaving:
            for a in range(n):
                binv[j, a] -= w[j] * binv[leaving, a]
    basis[leaving] = np.int64(sign) * (i + 1)
    return True


@inner
def lifted(shape, fields, row, size, lift, meant, field):
    """Fill field (P,) with size * shape + a row of fields + lift, in its first `meant` places; return its largest."""
    much, top = splat_f32x8(size), splat_f32x8(np.float32(0.0))
    whole, at = meant // 8 * 8, row * fields.shape[1]
    for i in range(0, whole, 8):
        one = much * load_f32x8(shape, i) + load_f32x8(fields, at + i) + splat_f32x8(lift)
        store(field, i, one)
        top = larger(top, absolute(one))
    largest = reduce_max(top)
    for i in range(whole, meant):
        field[i] = size * shape[i] + fields[row, i] + lift
        largest = max(largest, abs(field[i]))
    return largest


@inner
def levelled(field, rows, largest, basis, work, kept, held, y):
    """Fill y with the combination of rows (k, P) from which a field (P,) deviates least, and by how much.

    The dual of Chebyshev's problem by the simplex method: a basis of k + 1 signed rows that is feasible for one
    field is so for every field over the same rows, so it goes on from the last one (Stiefel 1959; Osborne and
    Watson 1967). Rows that lie beyond are kept and settled among themselves before all are looked at again.
    At the end work[n] holds the multipliers of the basis.
    """
    n, k = len(basis), rows.shape[0]
    binv, x, w = work[:n, :n], work[n], work[n + 1]
    inverted(rows, basis, binv, work[n + 2 :].reshape(n, 2 * n))
    weighed(field, basis, binv, x, y)
    found, nothing = 0, max(1e-300, NOTHING * largest)
    for _round in range(STEPS):
        before = found if found + len(field) // TILE < len(kept) else 0
        found = beyond(field, rows, y, exceeded(y[n - 1], nothing), kept, before)
        if found == before:
            break
        for c in range(before, found):
            for a in range(k):
                held[a, c] = rows[a, kept[c]]
            held[k, c] = field[kept[c]]
        for _step in range(STEPS):
            row, sign = farthest(held, found, y, exceeded(y[n - 1], nothing))
            row = kept[row] if row >= 0 else row
            if row < 0 or not exchanged(rows, row, sign, basis, binv, x, w):
                break
            weighed(field, basis, binv, x, y)


@kernel(
    "void(int64[::1], float32[:, ::1], float32[::1], float64[::1], float32[:, ::1], int64[::1], float64[:, ::1],"
    " int64[:, ::1])"
)
def levelled_worker(counter, fields, shape, sums, rows, some, answers, bases):
    """Find the combinations of rows from which a shape and some of fields deviate least in their largest.

    fields   (B, P), P whole tiles, filled with zeros
    shape    (P,)
    sums     (3,) size, lift and how many columns are meant: their deviations are size * shape + field + lift
    rows     (k, P) linearly independent
    some     (S,) which of the fields
    answers  (S, k + 2) out: how much of each row; the largest absolute deviation left, to 2e-6 of it; how that grows
             with the size: it is nowhere less than on the tangent
    bases    (B, k + 1) in: feasible bases, see `first_basis`; out: the rows, signed and counted from one, that decide
    """
    m, n = fields.shape[1], bases.shape[1]
    size, lift, meant = np.float32(sums[0]), np.float32(sums[1]), np.int64(sums[2])
    work, field = np.empty((3 * n + 2, n)), np.zeros(m, np.float32)
    kept = np.empty(8 * (m // TILE), np.int64)
    held = np.empty((n + 1, len(kept)))
    while True:
        piece = take(counter)
        if piece * PIECE >= len(some):
            break
        for i in range(piece * PIECE, min(len(some), (piece + 1) * PIECE)):
            b = some[i]
            largest = np.float64(lifted(shape, fields, b, size, lift, meant, field))
            levelled(field, rows, largest, bases[b], work, kept, held, answers[i])
            growth = 0.0
            for j in range(n):
                growth += work[n, j] * shape[abs(bases[b, j]) - 1] * (1.0 if bases[b, j] > 0 else -1.0)
            answers[i, n] = growth


@kernel("void(float64[::1], float64[:, :, ::1], float64[:, :, ::1], float64, float64[::1], float64[:, :, ::1])")
def bounds_between(sizes, heights, growths, size, steepest, out):
    """Fill in what heights, convex functions of a size, lie between at one size, from what is known at others.

    sizes    (m,) in any order; of all heights those at one of them that is not larger are known
    heights  (G, m, B) there; NaN: not known; growths (G, m, B) of tangents
    steepest (G,) no height grows faster
    out      (2, G, B) out: the highest tangent; the chord, or beyond all sizes the steepest growth
    """
    for g in range(heights.shape[0]):
        for b in range(heights.shape[2]):
            below, above, low = -1, -1, -np.inf
            for i in range(len(sizes)):
                if not math.isnan(heights[g, i, b]):
                    low = max(low, heights[g, i, b] + growths[g, i, b] * (size - sizes[i]))
                    if sizes[i] <= size and (below < 0 or sizes[i] > sizes[below]):
                        below = i
                    if sizes[i] >= size and (above < 0 or sizes[i] < sizes[above]):
                        above = i
            left = heights[g, below, b]
            high = left + steepest[g] * (size - sizes[below])
            if above >= 0 and above != below:
                high = left + (heights[g, above, b] - left) * (size - sizes[below]) / (sizes[above] - sizes[below])
            out[0, g, b], out[1, g, b] = (left, left) if above == below else (low, high)


@kernel("void(float32[:, ::1], int64[::1])")
def first_basis(rows, basis):
    """Find a feasible basis (k + 1,) over rows (k, M): k independent columns, one more, the signs of their relation."""
    k, m = rows.shape
    left = rows.astype(np.float64)
    taken = np.zeros(m, np.bool_)
    for step in range(k + 1):
        best, size = -1, -1.0
        for i in range(m):
            if not taken[i]:
                total = 0.0
                for a in range(k):
                    total += left[a, i] * left[a, i]
                if total > size:
                    best, size = i, total
        basis[step] = best + 1
        taken[best] = True
        if step < k and size > 0:
            unit = left[:, best].copy() / np.sqrt(size)
            for i in range(m):
                along = 0.0
                for a in range(k):
                    along += unit[a] * left[a, i]
                for a in range(k):
                    left[a, i] -= along * unit[a]
    binv = np.empty((k + 1, k + 1))
    inverted(rows, basis, binv, np.empty((k + 1, 2 * k + 2)))
    for j in range(k + 1):
        if binv[j, k] < 0:
            basis[j] = -basis[j]


@kernel("void(int64[::1], int64[::1], int32[::1], float32[::1], float32[:, ::1], float32[:, ::1])")
def sparse_worker(counter, starts, columns, weights, values, out):
    """Multiply a sparse matrix (rows M) with the columns of values (N, B), to out (M, B).

    So many columns at a time that their sums stay in registers; the last ones come twice where B is no multiple.
    """
    m, width = out.shape
    while True:
        piece = take(counter)
        if piece * ROWS >= m:
            break
        for i in range(piece * ROWS, min(m, (piece + 1) * ROWS)):
            if width >= WIDE:
                for start in range(0, width, WIDE):
                    wide_sums(starts[i], starts[i + 1], columns, weights, values, min(start, width - WIDE), out, i)
                continue
            for b in range(width):
                total = np.float32(0.0)
                for at in range(starts[i], starts[i + 1]):
                    total += weights[at] * values[columns[at], b]
                out[i, b] = total


@kernel("void(int64[::1], float64[:, ::1], float64[:, ::1], float64[:, ::1])")
def product_worker(counter, left, right, out):
    """Multiply left (N, r) with right (r, B), to out (N, B); columns as in `sparse_worker`, and two rows at once."""
    n, r = left.shape
    width = right.shape[1]
    while True:
        piece = take(counter)
        if piece * ROWS >= n:
            break
        for i in range(piece * ROWS, min(n, (piece + 1) * ROWS), 2):
            other = min(i + 1, n - 1)
            if width >= BROAD:
                for start in range(0, width, BROAD):
                    wide_products(left, i, other, right, min(start, width - BROAD), out)
                continue
            for b in range(width):
                one = two = 0.0
                for j in range(r):
                    one += left[i, j] * right[j, b]
                    two += left[other, j] * right[j, b]
                out[i, b], out[other, b] = one, two


@kernel("void(float64[:, ::1], float64[::1], int64[::1], int64[::1], int32[::1], float32[::1])")
def field_rows(points, grid, counts, offsets, columns, values):
    """Write how a Gaussian field at points (N, 3) is made of independent numbers at the nodes of a grid.

    grid     (6,) its lowest corner, its step, the weights' deviation and their reach; counts (3,) nodes along each axis
    offsets  (N + 1,) out: where each row begins; columns, values out: sparse rows, the squares of each add up to one
    """
    step, deviation, reach = grid[3], grid[4], grid[5]
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    width = int(2 * reach / step) + 2
    far, weight = np.empty((3, width)), np.empty((3, width))
    at = 0
    for i in range(len(points)):
        offsets[i] = at
        for a in range(3):  # a Gaussian in space is the product of three
            place = (points[i, a] - grid[a]) / step
            low[a] = max(np.int64(math.ceil(place - reach / step)), 0)
            high[a] = min(np.int64(math.floor(place + reach / step)) + 1, counts[a])
            for x in range(low[a], high[a]):
                off = points[i, a] - grid[a] - x * step
                far[a, x - low[a]] = off * off
                weight[a, x - low[a]] = falling(0.5 * off * off / (deviation * deviation))
        squares = 0.0
        for x in range(low[0], high[0]):
            for y in range(low[1], high[1]):
                across = far[0, x - low[0]] + far[1, y - low[1]]
                much = weight[0, x - low[0]] * weight[1, y - low[1]]
                for z in range(low[2], high[2]):
                    if across + far[2, z - low[2]] <= reach * reach:
                        columns[at] = (x * counts[1] + y) * counts[2] + z
                        values[at] = much * weight[2, z - low[2]]
                        squares += np.float64(values[at]) * values[at]
                        at += 1
        one = np.float32(1.0 / math.sqrt(squares))
        for j in range(offsets[i], at):
            values[j] *= one
    offsets[len(points)] = at
