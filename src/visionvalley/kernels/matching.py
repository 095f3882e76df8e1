# SPDX-License-Identifier: Apache-2.0
"""From descriptors to rigid motions: nearest descriptors, which matches agree, the motions of agreeing sets."""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import inner, kernel
from visionvalley.kernels.simd import (
    absolute,
    bits,
    count_ones,
    load_f32x16,
    maximum,
    minimum,
    select,
    splat_f32x16,
    splat_i32x16,
    square_root,
    store,
    take,
    trailing_zeros,
)
from visionvalley.kernels.symmetric import diagonalise

ROWS = 4  # descriptors compared at once with sixteen others
SIXTEEN = 16
FAR = np.float32(3e38)


@inner
def keep_two(tile, score, best, second, where):
    """The two smallest scores of each lane so far, and the tile of the smallest."""
    better = score < best
    second = minimum(second, maximum(score, best))
    return minimum(score, best), second, select(better, splat_i32x16(np.int32(tile)), where)


@inner
def of_lanes(i, best, second, where, lanes, tiles, found, score):
    """Write the two smallest of sixteen lanes: found[i] the position of the smallest, score[i] both."""
    store(lanes, 0, best)
    store(lanes, 16, second)
    store(tiles, 0, where)
    first, next_one, at = FAR, FAR, -1
    for lane in range(SIXTEEN):
        value = lanes[lane]
        position = np.int64(tiles[lane]) * SIXTEEN + lane
        if value < first or (value == first and position < at):
            next_one, first, at = min(next_one, first), value, position
        else:
            next_one = min(next_one, value)
        next_one = min(next_one, lanes[16 + lane])
    found[i] = at
    score[i, 0], score[i, 1] = first, next_one


@kernel("void(int64[::1], float32[:, ::1], float32[:, :, ::1], float32[::1], int32[::1], float32[:, ::1])")
def nearest_rows(counter, rows, tiles, half_squares, found, score):
    """The nearest and second nearest of many descriptors, by comparing all.

    rows          (N, D), N a multiple of ROWS
    tiles         (T, D, 16): the others, sixteen in a tile, coordinate by coordinate
    half_squares  (16 T,) half the squared length of each; FAR where there is none
    found         (N,) out: position of the nearest
    score         (N, 2) out: half the squared distance less half the row's own squared length
    """
    width = rows.shape[1]
    lanes, where = np.empty(32, np.float32), np.empty(16, np.int32)
    far, none = splat_f32x16(FAR), splat_i32x16(np.int32(0))
    while True:
        piece = take(counter)
        if piece * ROWS >= rows.shape[0]:
            break
        i = piece * ROWS
        b0, b1, b2, b3 = far, far, far, far
        s0, s1, s2, s3 = far, far, far, far
        w0, w1, w2, w3 = none, none, none, none
        for tile in range(tiles.shape[0]):
            a0 = load_f32x16(half_squares, tile * 16)
            a1, a2, a3 = a0, a0, a0
            at = tile * width * 16
            for d in range(width):
                other = load_f32x16(tiles, at + d * 16)
                a0 = a0 - splat_f32x16(rows[i, d]) * other
                a1 = a1 - splat_f32x16(rows[i + 1, d]) * other
                a2 = a2 - splat_f32x16(rows[i + 2, d]) * other
                a3 = a3 - splat_f32x16(rows[i + 3, d]) * other
            b0, s0, w0 = keep_two(tile, a0, b0, s0, w0)
            b1, s1, w1 = keep_two(tile, a1, b1, s1, w1)
            b2, s2, w2 = keep_two(tile, a2, b2, s2, w2)
            b3, s3, w3 = keep_two(tile, a3, b3, s3, w3)
        of_lanes(i, b0, s0, w0, lanes, where, found, score)
        of_lanes(i + 1, b1, s1, w1, lanes, where, found, score)
        of_lanes(i + 2, b2, s2, w2, lanes, where, found, score)
        of_lanes(i + 3, b3, s3, w3, lanes, where, found, score)


# ---- which matches agree
@inner
def agree(pairs, i, at, limits):
    """Bits of the sixteen matches from `at` on that one rigid motion could share with match i."""
    m = pairs.shape[1]
    dx = load_f32x16(pairs, at) - splat_f32x16(pairs[0, i])
    dy = load_f32x16(pairs, m + at) - splat_f32x16(pairs[1, i])
    dz = load_f32x16(pairs, 2 * m + at) - splat_f32x16(pairs[2, i])
    ex = load_f32x16(pairs, 3 * m + at) - splat_f32x16(pairs[3, i])
    ey = load_f32x16(pairs, 4 * m + at) - splat_f32x16(pairs[4, i])
    ez = load_f32x16(pairs, 5 * m + at) - splat_f32x16(pairs[5, i])
    apart = square_root(dx * dx + dy * dy + dz * dz)
    there = square_root(ex * ex + ey * ey + ez * ez)
    ax, ay, az = load_f32x16(pairs, 6 * m + at), load_f32x16(pairs, 7 * m + at), load_f32x16(pairs, 8 * m + at)
    bx, by, bz = load_f32x16(pairs, 9 * m + at), load_f32x16(pairs, 10 * m + at), load_f32x16(pairs, 11 * m + at)
    px, py, pz = splat_f32x16(pairs[6, i]), splat_f32x16(pairs[7, i]), splat_f32x16(pairs[8, i])
    qx, qy, qz = splat_f32x16(pairs[9, i]), splat_f32x16(pairs[10, i]), splat_f32x16(pairs[11, i])
    between = absolute(ax * px + ay * py + az * pz - (bx * qx + by * qy + bz * qz))
    mine = absolute(px * dx + py * dy + pz * dz - (qx * ex + qy * ey + qz * ez))
    its = absolute(ax * dx + ay * dy + az * dz - (bx * ex + by * ey + bz * ez))
    slack = splat_f32x16(limits[2]) * apart
    together = bits(absolute(apart - there) < splat_f32x16(limits[0])) & bits(apart > splat_f32x16(limits[1]))
    if together == 0:
        return together
    return together & bits(between < splat_f32x16(limits[2])) & bits(mine < slack) & bits(its < slack)


@kernel("void(int64[::1], float32[:, ::1], float32[::1], int64[:, ::1])")
def compatibility(counter, pairs, limits, graph):
    """Which matches agree with which: lengths, and angles of normals with the line and with each other.

    pairs   (12, M): source point, target point, source normal, target normal; M a multiple of 64, padding is NaN
    limits  (3,): difference of lengths, least length, difference of cosines
    graph   (M, M / 64) out: bit b of word w in row i tells whether matches i and 64 w + b agree
    """
    while True:
        i = take(counter)
        if i >= graph.shape[0]:
            break
        for word in range(graph.shape[1]):
            at = word * 64
            graph[i, word] = (
                agree(pairs, i, at, limits)
                | agree(pairs, i, at + 16, limits) << 16
                | agree(pairs, i, at + 32, limits) << 32
                | agree(pairs, i, at + 48, limits) << 48
            )


@inner
def common(graph, i, j):
    """How many matches agree with both i and j."""
    total = np.int64(0)
    for word in range(graph.shape[1]):
        total += count_ones(graph[i, word] & graph[j, word])
    return total


@kernel("void(int64[::1], int64[:, ::1], int64[::1])")
def support(counter, graph, score):
    """For each match, the agreeing pairs among those that agree with it: true matches stand out.

    Chen et al. 2022, SC2-PCR: second order spatial compatibility, eq. 4.
    """
    while True:
        i = take(counter)
        if i >= graph.shape[0]:
            break
        total = np.int64(0)
        for word in range(graph.shape[1]):
            left = graph[i, word]
            while left != 0:
                total += common(graph, i, word * 64 + trailing_zeros(left))
                left &= left - 1
        score[i] = total


# ---- poses of agreeing sets
@inner
def pose_of(sums, a, v, pose):
    """The motion of least squares from weighted sums of point pairs; False where they do not fix it.

    sums  (16,): weight, source (3), target (3), target x source products (9)
    pose  (12,) out: rotation row by row, translation
    Horn 1987, unit quaternions.
    """
    if not sums[0] > 0.0:
        return False
    r = 1.0 / sums[0]
    c = np.empty(9)
    for row in range(3):
        for column in range(3):
            c[3 * row + column] = sums[7 + 3 * row + column] - sums[4 + row] * sums[1 + column] * r
    a[0, 0] = c[0] + c[4] + c[8]
    a[1, 1], a[2, 2], a[3, 3] = c[0] - c[4] - c[8], c[4] - c[0] - c[8], c[8] - c[0] - c[4]
    a[0, 1], a[0, 2], a[0, 3] = c[7] - c[5], c[2] - c[6], c[3] - c[1]
    a[1, 2], a[1, 3], a[2, 3] = c[1] + c[3], c[2] + c[6], c[5] + c[7]
    for row in range(4):
        for column in range(4):
            if column < row:
                a[row, column] = a[column, row]
    diagonalise(a, v)
    top = 0
    for k in range(1, 4):
        if a[k, k] > a[top, top]:
            top = k
    w, x, y, z = v[0, top], v[1, top], v[2, top], v[3, top]
    pose[0], pose[1], pose[2] = 1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)
    pose[3], pose[4], pose[5] = 2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)
    pose[6], pose[7], pose[8] = 2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)
    for row in range(3):
        turned = pose[3 * row] * sums[1] + pose[3 * row + 1] * sums[2] + pose[3 * row + 2] * sums[3]
        pose[9 + row] = (sums[4 + row] - turned) * r
    return True


@inner
def add_match(pairs, j, weight, sums):
    """Add a match to the sums that pose_of takes."""
    sums[0] += weight
    for row in range(3):
        sums[1 + row] += weight * pairs[row, j]
        sums[4 + row] += weight * pairs[3 + row, j]
        for column in range(3):
            sums[7 + 3 * row + column] += weight * np.float64(pairs[3 + row, j]) * pairs[column, j]


@inner
def fit_inliers(pairs, count, pose, limit, sums):
    """Sums over the matches that a pose brings within the limit (squared), weighted by nearness; their score."""
    sums[:] = 0.0
    score = 0.0
    for j in range(count):
        x, y, z = np.float64(pairs[0, j]), np.float64(pairs[1, j]), np.float64(pairs[2, j])
        ex = pose[0] * x + pose[1] * y + pose[2] * z + pose[9] - pairs[3, j]
        ey = pose[3] * x + pose[4] * y + pose[5] * z + pose[10] - pairs[4, j]
        ez = pose[6] * x + pose[7] * y + pose[8] * z + pose[11] - pairs[5, j]
        weight = 1.0 - (ex * ex + ey * ey + ez * ez) / limit
        if weight > 0.0:
            score += weight
            add_match(pairs, j, weight, sums)
    return score


@kernel("void(int64[::1], int64[:, ::1], int64[::1], float32[:, ::1], int64, float64, float64[:, ::1])")
def hypotheses(counter, graph, seeds, pairs, count, reach, out):
    """One motion from each seed match and those that agree with it and with each other, refined on all matches.

    seeds  (S,) rows of the graph
    pairs  (12, M), as in compatibility; the first `count` are real
    out    (S, 13): rotation row by row, translation, score (sum of 1 - (gap / reach)² over the matches within reach)
    """
    a, v = np.empty((4, 4)), np.empty((4, 4))
    sums = np.empty(16)
    shared = np.empty(graph.shape[0], np.int64)
    while True:
        s = take(counter)
        if s >= seeds.shape[0]:
            break
        seed = seeds[s]
        pose = out[s]
        most = np.int64(0)
        for word in range(graph.shape[1]):
            left = graph[seed, word]
            while left != 0:
                j = word * 64 + trailing_zeros(left)
                left &= left - 1
                shared[j] = common(graph, seed, j)
                most = max(most, shared[j])
        sums[:] = 0.0
        add_match(pairs, seed, np.float64(most), sums)
        for word in range(graph.shape[1]):
            left = graph[seed, word]
            while left != 0:
                j = word * 64 + trailing_zeros(left)
                left &= left - 1
                if 2 * shared[j] >= most:
                    add_match(pairs, j, np.float64(shared[j]), sums)
        pose[12] = 0.0
        good = pose_of(sums, a, v, pose)
        for widening in (4.0, 2.0, 1.0, 1.0):
            if good:
                pose[12] = fit_inliers(pairs, count, pose, reach * reach * widening, sums)
                good = pose_of(sums, a, v, pose)
        if good:
            pose[12] = fit_inliers(pairs, count, pose, reach * reach, sums)
