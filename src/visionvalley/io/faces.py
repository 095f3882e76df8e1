# SPDX-License-Identifier: Apache-2.0
"""From polygons and from loose triangles to indexed triangles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput
from visionvalley.core.arrays import Floats, Ints


def checked(path: Path, faces: NDArray[Any], vertices: int, lowest: int = 0) -> Ints:
    """Return vertex indices as int32; BadInput where one is not a whole number of `lowest` ... vertices - 1."""
    if faces.size == 0:
        return np.empty(faces.shape, np.int32)
    low, high = faces.min(), faces.max()
    if not (low >= lowest and high < vertices) or (faces.dtype.kind == "f" and (faces != np.trunc(faces)).any()):
        raise BadInput("io.face_out_of_range", path=path, low=low, high=high, vertices=vertices)
    return faces.astype(np.int32)


def fan(corners: NDArray[Any], counts: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return polygons as triangles (F, 3), fanned from the first corner, and the polygon (F,) of each.

    corners  the polygons' corners, one after another
    counts   (N,) how many corners each has; below three there is nothing to show
    """
    pieces = np.maximum(counts - 2, 0)
    of_polygon = np.repeat(np.arange(len(counts)), pieces)
    first = (np.cumsum(counts) - counts)[of_polygon]
    second = first + 1 + np.arange(len(of_polygon)) - (np.cumsum(pieces) - pieces)[of_polygon]
    return corners[np.stack([first, second, second + 1], axis=1)], of_polygon


def strips(corners: NDArray[Any], counts: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return triangle strips, parted by -1, as triangles (F, 3), and the row (F,) of each.

    Every second triangle of a strip is turned, and those without area (two equal corners) fall away.
    """
    row = np.repeat(np.arange(len(counts)), counts)
    at = np.arange(len(corners) - 2)
    triple = np.stack([corners[at], corners[at + 1], corners[at + 2]], axis=1)
    cut = np.concatenate([[True], (corners[:-1] < 0) | (row[1:] != row[:-1])]) & (corners >= 0)
    start = np.maximum.accumulate(np.where(cut, np.arange(len(corners)), 0))
    odd = (at - start[at]) % 2 == 1
    triple[odd] = triple[odd][:, ::-1]
    a, b, c = triple.T
    whole = (triple >= 0).all(axis=1) & (row[at] == row[at + 2]) & (a != b) & (b != c) & (a != c)
    return triple[whole], row[at][whole]


def indexed(corners: NDArray[np.floating]) -> tuple[Floats, Ints]:
    """Return loose triangles (F, 3, 3) as vertices (V, 3) and faces (F, 3): corners are one where they are equal.

    Vertices come in the order in which they are met first.
    """
    flat = np.ascontiguousarray(corners.reshape(-1, 3)) + corners.dtype.type(0)  # -0.0 becomes 0.0
    if len(flat) == 0:
        return np.empty((0, 3)), np.empty((0, 3), np.int32)
    order = np.lexsort(flat.T)
    there = flat[order]
    new = np.concatenate([[True], (there[1:] != there[:-1]).any(axis=1)])
    group = np.empty(len(flat), np.int64)
    group[order] = np.cumsum(new) - 1
    first = np.full(int(new.sum()), len(flat))
    np.minimum.at(first, group, np.arange(len(flat)))
    by_meeting = np.argsort(first)
    rank = np.empty(len(first), np.int32)
    rank[by_meeting] = np.arange(len(first), dtype=np.int32)
    return flat[first[by_meeting]].astype(np.float64), rank[group].reshape(-1, 3)
