# SPDX-License-Identifier: Apache-2.0
"""Slow, obvious twins of the kernels on points."""

from __future__ import annotations

import numpy as np


def nearest(points, query, k, reach=np.inf):
    """Rows of the k nearest points of one query, equal distances by the lower row."""
    squared = ((points - query) ** 2).sum(axis=1)
    squared[np.isnan(squared)] = np.inf
    rows = np.lexsort((np.arange(len(points)), squared))[:k]
    return rows[squared[rows] <= min(reach**2, 1e300)]


def within(points, query, radius):
    """Rows of all points within a radius of one query, ascending."""
    return np.flatnonzero(((points - query) ** 2).sum(axis=1) <= radius**2)


def covariance(points, query, k):
    """Covariance of the k nearest points of one query."""
    return np.cov(points[nearest(points, query, k)].T, bias=True)


def downsample(points, cell):
    """Centroids and counts of the cells that hold points."""
    points = points[np.isfinite(points).all(axis=1)]
    scale = 1.0 / cell
    cells, inverse, counts = np.unique(np.floor(points * scale), axis=0, return_inverse=True, return_counts=True)
    sums = np.zeros((len(cells), 3))
    np.add.at(sums, inverse.ravel(), points * scale - cells[inverse.ravel()])
    return (cells + sums / counts[:, None]) * cell, counts


def statistical_inliers(points, k, ratio):
    """Points whose mean distance to their k nearest is below the mean and some standard deviations."""
    rows = [nearest(points, query, k) if np.isfinite(query).all() else [] for query in points]
    means = np.array(
        [
            np.linalg.norm(points[found] - query, axis=1).mean() if len(found) else np.nan
            for query, found in zip(points, rows, strict=True)
        ]
    )
    told = means[means > 0]
    if len(told) < 2:
        return np.zeros(len(points), bool)
    return (means > 0) & (means < told.mean() + ratio * told.std(ddof=1))


def radius_inliers(points, radius, least):
    """Points that have more than so many, themselves among them, within a radius."""
    return np.array([len(within(points, query, radius)) > least for query in points], bool)
