# SPDX-License-Identifier: Apache-2.0
"""Points that stand alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import require_positive
from visionvalley.kernels import outliers as kernels
from visionvalley.kernels.threads import each_thread
from visionvalley.vision.shape.neighbours import Index, build_index, require_count, squared

Mask = NDArray[np.bool_]


def statistical_inliers(points_m: Any, k: int = 20, ratio: float = 2.0, index: Index | None = None) -> Mask:
    """Return which points are about as near to their neighbours as all are.

    The mean distance of a point to its k nearest points (itself among them, as in Open3D) must lie
    below the mean over the cloud plus `ratio` standard deviations. Points all of whose k nearest
    lie in the same place are left out of the statistics, and are no inliers.

    points_m  (N, 3) metres
    returns   (N,) bool; False where a point is NaN
    Rusu et al. 2008, Towards 3D point cloud based object maps, section 4.2.
    """
    require_count("k", k, 1)
    require_positive(ratio=ratio)
    index = index or build_index(points_m)
    distances = np.full(index.size, np.nan)
    pieces = -(-index.count // (16 * kernels.LEAVES_A_PIECE))
    each_thread(kernels.mean_distances, pieces, index.tree, index.order, k, distances)
    told = distances[distances > 0]
    if len(told) < 2:
        return np.zeros(index.size, np.bool_)
    inliers: Mask = (distances > 0) & (distances < told.mean() + ratio * told.std(ddof=1))
    return inliers


def radius_inliers(points_m: Any, radius_m: float, least: int, index: Index | None = None) -> Mask:
    """Return which points have more than `least` points within a radius, themselves among them, as in Open3D.

    points_m  (N, 3) metres
    returns   (N,) bool; False where a point is NaN
    """
    require_positive(radius_m=radius_m)
    require_count("least", least, 0)
    index = index or build_index(points_m)
    counts = np.zeros(index.size, np.int64)
    pieces = -(-index.count // (16 * kernels.LEAVES_A_PIECE))
    each_thread(kernels.count_neighbours, pieces, index.tree, index.order, squared(radius_m), counts)
    inliers: Mask = counts > least
    return inliers
