# SPDX-License-Identifier: Apache-2.0
"""Groups of points that lie close together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, require, require_positive
from visionvalley.core.arrays import Floats, Ints
from visionvalley.kernels import clusters as kernels
from visionvalley.kernels.threads import each_thread

NOISE = -1
FURTHEST_CELL = 2**31 - 8


def _steps() -> Ints:
    """Return the (25, 2) columns of cells in which near points may lie, nearest first."""
    steps = np.array([(x, y) for x in range(-2, 3) for y in range(-2, 3)], np.int32)
    return steps[np.argsort((steps**2).sum(axis=1), kind="stable")]


STEPS = _steps()


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Points sorted into cells: what the cluster kernels work on.

    order    (valid,) int32 index of each sorted point; points with NaN are left out
    cell_of  (valid,) int32 cell of each sorted point
    pack     arrays as kernels.clusters.GRID names them
    """

    order: Ints
    cell_of: Ints
    pack: tuple[NDArray[Any], ...]


def into_cells(points_m: Floats, side_m: float) -> Grid:
    """Sort points (N, 3) into cubes of a side; NaN rows are left out.

    Raises BadInput where the side is so small against the points' extent that cells cannot be counted.
    """
    points, box_m = np.array(require("points_m", points_m, (None, 3))), np.zeros((2, 3))
    valid = kernels.measure_box(points, box_m)
    extent_m = float((box_m[1] - box_m[0]).max()) if valid else 0.0
    if not extent_m / side_m < FURTHEST_CELL:
        raise BadInput("clusters.too_fine", extent=f"{extent_m:g}", side=f"{side_m:g}")
    corners, orders = np.zeros((3, len(points)), np.int32), np.zeros((2, valid), np.int32)
    axes = np.argsort(box_m[1] - box_m[0], kind="stable").astype(np.int32)  # rows of cells along the longest
    kernels.sort_into_cells(points, box_m, axes, 1.0 / side_m, corners, orders)
    cell_of, heights = np.zeros(valid, np.int32), np.zeros(valid, np.int32)
    start, columns = np.zeros(valid + 1, np.int32), np.zeros((valid + 2, 3), np.int32)
    cells = kernels.find_cells(corners, axes, orders[0], cell_of, heights, start, columns)
    columns = columns[: columns[-1, 0] + 1].copy()
    table = np.full(1 << max(4, (2 * len(columns)).bit_length()), -1, np.int32)
    lanes = np.full((3, valid + 4), np.nan)
    kernels.fill_grid(points, box_m, orders[0], columns, table, lanes)
    pack = (heights[:cells].copy(), start[: cells + 1].copy(), columns, table, lanes, STEPS.copy())
    return Grid(orders[0].copy(), cell_of, pack)


def dbscan(points_m: Floats, reach_m: float, least: int) -> Ints:
    """Find clusters of any shape by density.

    points_m  (N, 3) metres; NaN rows are noise
    reach_m   points at most this far apart are neighbours
    least     a point with so many neighbours, itself included, is a core point
    returns   (N,) int32 cluster of each point, numbered by their first points; -1 is noise

    A border point, near core points but none itself, joins the cluster of its nearest core point (of
    equally near ones, that of the lowest index); the original leaves this to the order of the points.
    Ester, Kriegel, Sander, Xu 1996; cells after Gunawan 2013.
    """
    require_positive(reach_m=reach_m, least=least)
    # a hair smaller than reach / sqrt(3), so that rounding never parts two points of one cell
    grid = into_cells(points_m, reach_m / math.sqrt(3.0) * (1 - 1e-12))
    cells, columns = len(grid.pack[0]), len(grid.pack[2]) - 1
    pieces, reach2 = -(-columns // kernels.COLUMNS_A_PIECE), reach_m * reach_m
    core, has_core = np.zeros(len(grid.order), np.uint8), np.zeros(cells, np.uint8)
    each_thread(kernels.core_worker, pieces, grid.pack, reach2, int(least), np.ones_like(core), core, has_core)
    parent, labels = np.arange(cells, dtype=np.int32), np.full(len(points_m), NOISE, np.int32)
    each_thread(kernels.join_worker, pieces, grid.pack, reach2, core, has_core, parent)
    each_thread(kernels.label_worker, pieces, grid.pack, reach2, core, grid.cell_of, grid.order, labels)
    kernels.number_clusters(labels, parent, np.full(cells, NOISE, np.int32))
    return labels


def euclidean_clusters(points_m: Floats, gap_m: float, least: int = 1, most: int | None = None) -> Ints:
    """Part points wherever they leave a gap.

    points_m  (N, 3) metres; NaN rows are noise
    gap_m     a point belongs to a cluster if it lies at most this far from another of its points
    least     clusters of fewer points are noise
    most      clusters of more points are noise; None: no limit
    returns   (N,) int32 cluster of each point, numbered by their first points; -1 is noise
    """
    require_positive(gap_m=gap_m, least=least)
    labels = dbscan(points_m, gap_m, 1)
    sizes = np.bincount(labels[labels >= 0])
    kept = (sizes >= least) & (sizes <= (len(labels) if most is None else most))
    number = np.where(kept, np.cumsum(kept) - 1, NOISE).astype(np.int32)
    return np.append(number, np.int32(NOISE))[labels]
