# SPDX-License-Identifier: Apache-2.0
"""Which points of two shapes look alike, and which rigid motions many of these matches agree on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visionvalley.core.arrays import Floats
from visionvalley.kernels import matching as kernels
from visionvalley.kernels.threads import each_thread

WORD = 64
Matches = NDArray[np.int64]


def nearest_descriptors(
    rows: NDArray[np.float32], others: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the nearest of the others (M, D) for each row (N, D), and squared distances (N, 2) to it and the next."""
    count, width = rows.shape
    padded = np.zeros((-(-count // kernels.ROWS) * kernels.ROWS, width), np.float32)
    padded[:count] = rows
    tiles = np.zeros((-(-len(others) // 16) * 16, width), np.float32)
    tiles[: len(others)] = others
    half = np.full(len(tiles), kernels.FAR, np.float32)
    half[: len(others)] = 0.5 * (others * others).sum(axis=1)
    found, score = np.full(len(padded), -1, np.int32), np.zeros((len(padded), 2), np.float32)
    packed = np.ascontiguousarray(tiles.reshape(-1, 16, width).transpose(0, 2, 1))
    each_thread(kernels.nearest_rows, len(padded) // kernels.ROWS, padded, packed, half, found, score)
    squares = (rows * rows).sum(axis=1)[:, None] + 2 * np.minimum(score[:count], np.float32(1e37))
    return found[:count], np.maximum(squares, 0)


def mutual_matches(source: NDArray[np.float32], target: NDArray[np.float32], most: int) -> Matches:
    """Return (M, 2) rows of descriptors that are each other's nearest, the most distinctive first, at most `most`."""
    there, squares = nearest_descriptors(source, target)
    back, _ = nearest_descriptors(target, source)
    rows = np.flatnonzero(back[there] == np.arange(len(source)))
    ratio = squares[rows, 0] / np.maximum(squares[rows, 1], np.float32(1e-12))
    rows = rows[np.argsort(ratio, kind="stable")[:most]]
    return np.stack([rows, there[rows].astype(np.int64)], axis=1)


def pack_pairs(source: NDArray[np.float32], target: NDArray[np.float32], matches: Matches) -> NDArray[np.float32]:
    """Return matched points and normals, (12, M) with M a multiple of 64, as kernels take them; padding is NaN.

    source, target  (N, 6) local points and normals
    """
    packed = np.full((12, -(-len(matches) // WORD) * WORD), np.nan, np.float32)
    packed[0:3, : len(matches)] = source[matches[:, 0], :3].T
    packed[3:6, : len(matches)] = target[matches[:, 1], :3].T
    packed[6:9, : len(matches)] = source[matches[:, 0], 3:].T
    packed[9:12, : len(matches)] = target[matches[:, 1], 3:].T
    return packed


def agreement(pairs: NDArray[np.float32], limits: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the graph of matches that agree, (M, M / 64) bits, and each match's second order support (M,).

    limits  difference of lengths (m), least length (m), difference of cosines
    """
    count = pairs.shape[1]
    graph, score = np.zeros((count, count // WORD), np.int64), np.zeros(count, np.int64)
    each_thread(kernels.compatibility, count, pairs, np.asarray(limits, np.float32), graph)
    each_thread(kernels.support, count, graph, score)
    return graph, score


def motions(
    pairs: NDArray[np.float32], count: int, graph: NDArray[np.int64], seeds: NDArray[np.int64], reach_m: float
) -> Floats:
    """Return the motion that each seed match leads to, (S, 13): rotation by rows, translation, score; best first."""
    out = np.zeros((len(seeds), 13))
    each_thread(kernels.hypotheses, len(seeds), graph, seeds, pairs, count, reach_m, out)
    return out[np.argsort(-out[:, 12], kind="stable")]
