# SPDX-License-Identifier: Apache-2.0
"""Thin out clouds: one point, the centroid, for each cell of a grid.

Cells lie on multiples of their size from the origin of the coordinates. The order of what comes out
depends on the input alone, and follows no direction in space.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Cloud, require, require_positive
from visionvalley.core.arrays import Floats, Ints
from visionvalley.kernels import voxels as kernels
from visionvalley.kernels.ordering import writable
from visionvalley.kernels.threads import each_thread

Whole = NDArray[np.int64]
SLACK = 1 << 20  # rows of new sums that wait before they are merged into many


def _frame(points: Floats, cell_m: float) -> Floats:
    """Return the grid: cells a metre, then its low corner in cells; the first finite row is in its middle."""
    finite = np.isfinite(points[:1024]).all(axis=1)
    if not finite.any():
        finite = np.isfinite(points).all(axis=1)
    middle = points[np.argmax(finite)] if finite.any() else np.zeros(3)
    scale = 1.0 / cell_m
    return np.array([scale, *(np.floor(middle * scale) - kernels.REACH)])


def _sum(points: Floats, frame: Floats, cell_m: float) -> tuple[Whole, Whole]:
    """Return the sums of each piece of rows, and where the parts of each piece start."""
    size = min(max(len(points) // 32, 1 << 12), kernels.PIECE)
    pieces = -(-len(points) // size)
    records = np.empty((len(points), kernels.RECORD), np.int64)
    starts = np.zeros((pieces, kernels.SHARES + 1), np.int64)
    outside = np.zeros(pieces, np.int64)
    each_thread(kernels.sum_pieces, pieces, writable(points), size, frame, _arena(), records, starts, outside)
    if outside.any():
        raise BadInput("voxels.too_fine", cell_m=cell_m, reach_m=cell_m * kernels.REACH, count=int(outside.sum()))
    return records, starts


def _arena() -> Whole:
    """Return what tells how much of a memory is given away."""
    return np.zeros(8, np.int64)


def _merge(sums: Whole, starts: Whole, frame: Floats) -> tuple[Floats, Whole, Whole]:
    """Return the centroid of each cell, its sums, and the first cell of each part."""
    rows = int((starts[:, -1] - starts[:, 0]).sum())
    merged = np.empty((rows, kernels.COLUMNS), np.int64)
    firsts, counts = np.zeros(kernels.SHARES, np.int64), np.zeros(kernels.SHARES, np.int64)
    each_thread(kernels.merge_parts, kernels.SHARES, sums, starts, _arena(), firsts, merged, counts)
    ends = np.array([0, *np.cumsum(counts)])
    points = np.empty((int(ends[-1]), 3))
    packed = np.empty((len(points), kernels.COLUMNS), np.int64)
    each_thread(kernels.centroids, kernels.SHARES, merged, firsts, ends, frame, points, packed)
    return points, packed, ends


def downsample(points_m: Any, cell_m: float) -> tuple[Floats, Whole]:
    """Return the centroid of the points in each cell that has any, and how many it has.

    points_m  (N, 3) metres; rows that are not finite are left out
    returns   (M, 3) metres, (M,)
    Raises BadInput where points lie more than a million cells from the first.
    """
    points = require("points_m", points_m, (None, 3))
    require_positive(cell_m=cell_m)
    frame = _frame(points, cell_m)
    centroids, packed, _ = _merge(*_sum(points, frame, cell_m), frame)
    return centroids, packed[:, 4].copy()


def downsample_cloud(cloud: Cloud, cell_m: float) -> Cloud:
    """Return a cloud of one point a cell, with the averages of what its points had.

    Averaged normals have unit length again, NaN where they cancel out; colours are rounded. The
    field `count` tells how many points each comes from.
    """
    require_positive(cell_m=cell_m)
    frame = _frame(cloud.points_m, cell_m)
    centroids, packed, _ = _merge(*_sum(cloud.points_m, frame, cell_m), frame)
    cells = _cells(cloud.points_m, frame, packed)
    normals = colours = None
    if cloud.normals is not None:
        normals = _average(cloud.normals, cells, len(centroids))
        length = np.linalg.norm(normals, axis=1, keepdims=True)
        normals = np.divide(normals, length, out=np.full_like(normals, np.nan), where=length > 1e-6)
    if cloud.colours is not None:
        colours = np.rint(_average(cloud.colours, cells, len(centroids))).astype(np.uint8)
    fields = {name: _average(values[:, None], cells, len(centroids))[:, 0] for name, values in cloud.fields.items()}
    return Cloud(centroids, normals, colours, {**fields, "count": packed[:, 4].copy()})


def _cells(points: Floats, frame: Floats, packed: Whole) -> Ints:
    """Return which cell each point is in, -1 for none."""
    slots = np.full(1 << (2 * len(packed) + 1).bit_length(), -1, np.int32)
    kernels.fill_slots(packed, slots)
    found = np.zeros(len(points), np.int32)
    pieces = -(-len(points) // (kernels.BLOCK * 64))
    each_thread(kernels.find_cells, pieces, writable(points), frame, packed, slots, found)
    return found


def _average(values: NDArray[Any], cells: Ints, count: int) -> Floats:
    """Return the mean of the rows of values in each cell, over those that are not NaN."""
    out = np.zeros((count, values.shape[1]))
    for column in range(values.shape[1]):
        told = (cells >= 0) & ~np.isnan(values[:, column])
        number = np.bincount(cells[told], minlength=count)
        total = np.bincount(cells[told], values[told, column], minlength=count)
        out[:, column] = np.divide(total, number, out=np.full(count, np.nan), where=number > 0)
    return out


class VoxelAccumulator:
    """Thins out a cloud that comes in chunks; the same numbers as if it came at once.

    It holds 40 bytes a cell, and as much again while it merges.
    """

    def __init__(self, cell_m: float) -> None:
        require_positive(cell_m=cell_m)
        self.cell_m = cell_m
        self._frame: Floats | None = None
        self._held: tuple[Whole, Whole] | None = None
        self._waiting: list[tuple[Whole, Whole]] = []

    def add(self, points_m: Any) -> None:
        """Add (N, 3) points in metres; rows that are not finite are left out.

        Raises BadInput, and adds none of them, where points lie too far from the first.
        """
        points = require("points_m", points_m, (None, 3))
        if self._frame is None:
            if not np.isfinite(points).all(axis=1).any():
                return
            self._frame = _frame(points, self.cell_m)
        _, packed, ends = _merge(*_sum(points, self._frame, self.cell_m), self._frame)
        self._waiting.append((packed, ends))
        held = 0 if self._held is None else len(self._held[0])
        if sum(len(packed) for packed, _ in self._waiting) > max(held // 2, SLACK):
            self._settle()

    def points_m(self) -> Floats:
        """Return the centroid of each cell so far."""
        return self._settle()

    def counts(self) -> Whole:
        """Return how many points each cell has, in the order of `points_m`."""
        self._settle()
        return np.zeros(0, np.int64) if self._held is None else self._held[0][:, 4].copy()

    def _settle(self) -> Floats:
        """Merge what waits into what is held."""
        batches = [*([] if self._held is None else [self._held]), *self._waiting]
        self._held, self._waiting = None, []
        if self._frame is None or not batches:
            return np.zeros((0, 3))
        shifts = np.cumsum([0, *(len(packed) for packed, _ in batches[:-1])])
        starts = np.array([ends + shift for (_, ends), shift in zip(batches, shifts, strict=True)])
        sums = np.concatenate([packed for packed, _ in batches]) if len(batches) > 1 else batches[0][0]
        batches.clear()
        points, packed, ends = _merge(sums, starts, self._frame)
        self._held = (packed, ends)
        return points
