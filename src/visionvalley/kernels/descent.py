# SPDX-License-Identifier: Apache-2.0
"""The small steps between two linearisations of a registration: solve, move the pose; and how pulls scatter.

All of it takes microseconds; in Python it took as long as the linearisation of ten thousand points.
"""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import inner, kernel
from visionvalley.kernels.registration import SUMS
from visionvalley.kernels.symmetric import diagonalise

BRAKE, TRAVEL, WALK = 6, 7, 8  # places of a walk: the last step, what it was braked by, how far it moved points
PROBE = 0.1  # of the root mean square distance: how far a probing motion goes


@inner
def add_up(parts, total):
    """Add the sums of all pieces, in order."""
    total[:] = 0.0
    for piece in range(parts.shape[0]):
        for i in range(SUMS):
            total[i] += parts[piece, i]


@inner
def about_middle(total, state, extent, information, gradient):
    """Turn sums into information (6, 6) and gradient (6,) of a step s about the middle of the moved part.

    Its turns are times extent: the left perturbation (ω, t) is to_middle s.
    """
    to_middle, whole, half = np.zeros((6, 6)), np.zeros((6, 6)), np.zeros((6, 6))
    x, y, z = state[9] / extent, state[10] / extent, state[11] / extent
    for i in range(3):
        to_middle[i, i], to_middle[3 + i, 3 + i] = 1.0 / extent, 1.0
    to_middle[3, 1], to_middle[3, 2], to_middle[4, 0] = -z, y, z
    to_middle[4, 2], to_middle[5, 0], to_middle[5, 1] = -x, -y, x
    k = 0
    for i in range(6):
        for j in range(i, 6):
            whole[i, j] = whole[j, i] = total[k]
            k += 1
    for i in range(6):
        for j in range(6):
            for m in range(6):
                half[i, j] += whole[i, m] * to_middle[m, j]
    for i in range(6):
        gradient[i] = 0.0
        for m in range(6):
            gradient[i] += to_middle[m, i] * total[21 + m]
        for j in range(6):
            information[i, j] = 0.0
            for m in range(6):
                information[i, j] += to_middle[m, i] * half[m, j]


@inner
def length_of(step):
    """How far a step moves a point at the extent."""
    turn = np.sqrt(step[0] * step[0] + step[1] * step[1] + step[2] * step[2])
    return turn + np.sqrt(step[3] * step[3] + step[4] * step[4] + step[5] * step[5])


@inner
def solve(information, gradient, least, step):
    """The Gauss-Newton step along the motions that are seen: those of information above `least`; spoils information."""
    vectors = np.zeros((6, 6))
    diagonalise(information, vectors)
    step[:] = 0.0
    for k in range(6):
        if information[k, k] > least:
            along = 0.0
            for i in range(6):
                along += vectors[i, k] * gradient[i]
            for i in range(6):
                step[i] -= vectors[i, k] * along / information[k, k]


@inner
def move(state, step, extent):
    """Apply a step about the middle of the moved part, turns times extent, to the pose in a state.

    The turn is that of the unit quaternion along (1, ω / 2), by Cayley's formula without sine and cosine, and one
    Newton step keeps the matrix orthonormal.
    """
    wx, wy, wz = 0.5 * step[0] / extent, 0.5 * step[1] / extent, 0.5 * step[2] / extent
    share = 2.0 / (1.0 + wx * wx + wy * wy + wz * wz)
    turn, moved, square = np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((3, 3))
    turn[0, 0], turn[0, 1], turn[0, 2] = 1 - share * (wy * wy + wz * wz), share * (wx * wy - wz), share * (wx * wz + wy)
    turn[1, 0], turn[1, 1], turn[1, 2] = share * (wx * wy + wz), 1 - share * (wx * wx + wz * wz), share * (wy * wz - wx)
    turn[2, 0], turn[2, 1], turn[2, 2] = share * (wx * wz - wy), share * (wy * wz + wx), 1 - share * (wx * wx + wy * wy)
    for i in range(3):
        for j in range(3):
            for m in range(3):
                moved[i, j] += turn[i, m] * state[3 * m + j]
    for i in range(3):
        for j in range(3):
            for m in range(3):
                square[i, j] -= 0.5 * moved[m, i] * moved[m, j]
        square[i, i] += 1.5
    for i in range(3):
        state[9 + i] += step[3 + i]
        for j in range(3):
            state[3 * i + j] = 0.0
            for m in range(3):
                state[3 * i + j] += moved[i, m] * square[m, j]


@kernel("void(float64[:, ::1], float64[::1], float64[::1], float64[::1], float64[::1])")
def advance(parts, state, frame, walk, total):
    """Add up the sums, solve, and move the pose by a damped Gauss-Newton step.

    parts   (pieces, SUMS), state  (16,): as `linearise` has them; the pose in the state is moved
    frame   (4,): extent, longest step, information a pair that counts as seen, fewest pairs
    walk    (WALK,): the last step about the middle of the moved part, turns times extent; its brake, 1 at first; and
            how far it moved points; NaN where there are too few pairs
    total   (SUMS,) out: at the pose before
    A step against the last one is halved: the pairs go to and fro between two sets.
    """
    add_up(parts, total)
    walk[TRAVEL] = np.nan
    if total[29] < frame[3]:
        return
    extent = frame[0]
    information, gradient = np.zeros((6, 6)), np.zeros(6)
    about_middle(total, state, extent, information, gradient)
    step = np.zeros(6)
    solve(information, gradient, frame[2] * max(total[28], 1.0), step)
    shorter = min(1.0, frame[1] / max(length_of(step), 1e-300))
    back, square = 0.0, 0.0
    for i in range(6):
        step[i] *= shorter
        back += step[i] * walk[i]
        square += walk[i] * walk[i]
    walk[BRAKE] = max(0.25, walk[BRAKE] * 0.5) if back < -0.5 * square else min(1.0, walk[BRAKE] * 1.5)
    for i in range(6):
        step[i] *= walk[BRAKE]
        walk[i] = step[i]
    walk[TRAVEL] = length_of(step)
    move(state, step, extent)


@kernel("void(float64[:, ::1], float64[::1])")
def add(parts, total):
    """Add the sums (pieces, SUMS) of all pieces, in order, up to the total (SUMS,)."""
    add_up(parts, total)


@kernel("void(float64[::1], float64[::1], float64)")
def nudge(state, step, extent):
    """Apply a step (6,) about the middle of the moved part, turns times extent, to the pose in a state (16,)."""
    move(state, step, extent)


@kernel("void(float64[::1], float64[::1], float64[::1], float64[::1])")
def lean(total, state, frame, way):
    """Tell a step that probes: along all motions that are seen at once, each as far as it is known.

    total, state, frame  as `advance` has them
    way                  (6,) out: as long as PROBE of the root mean square distance
    """
    information, vectors, gradient = np.zeros((6, 6)), np.zeros((6, 6)), np.zeros(6)
    about_middle(total, state, frame[0], information, gradient)
    diagonalise(information, vectors)
    way[:] = 0.0
    for k in range(6):
        if information[k, k] > frame[2] * max(total[28], 1.0):
            for i in range(6):
                way[i] += (1.0 - 2.0 * (k & 1)) * vectors[i, k] / np.sqrt(information[k, k])
    longer = PROBE * np.sqrt(total[27] / max(total[28], 1e-300)) / max(length_of(way), 1e-300)
    for i in range(6):
        way[i] *= longer


@kernel("float64(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])")
def answer(there, back, state, frame, way):
    """How strongly the pull answers a step there and one back, as a share of what the information promises.

    there, back  (SUMS,): after the step and after its opposite; the rest as `lean` has it
    """
    information, gradient = np.zeros((6, 6)), np.zeros(6)
    promised, answered = 0.0, 0.0
    for turn in range(2):
        about_middle(there if turn == 0 else back, state, frame[0], information, gradient)
        for i in range(6):
            answered += (1.0 - 2.0 * turn) * way[i] * gradient[i]
            for j in range(6):
                promised += way[i] * information[i, j] * way[j]
    return answered / max(promised, 1e-300)


@kernel("int64(float64[:, ::1], int32[::1], int64, int32[::1], float64[:, ::1], float64[:, ::1])")
def scatter(pulls, matches, shared, slots, groups, spread):
    """Add up the pulls of single points by what they share, and those sums' outer products; how many sums there are.

    pulls    (N, 7): as `linearise` leaves them; matches  (N,): the position of each
    shared   how many neighbouring positions count as one
    slots    (positions / shared,): zeros, before; which sum each adds to, from 1 on
    groups   (N, 6): zeros, before; the sums
    spread   (6, 6) out
    """
    count = np.int64(0)
    for i in range(pulls.shape[0]):
        if pulls[i, 6] > 0.0:
            place = matches[i] // shared
            if slots[place] == 0:
                count += 1
                slots[place] = count
            for j in range(6):
                groups[slots[place] - 1, j] += pulls[i, j]
    for i in range(6):
        for j in range(i + 1):
            total = 0.0
            for k in range(count):
                total += groups[k, i] * groups[k, j]
            spread[i, j] = spread[j, i] = total
    return count
