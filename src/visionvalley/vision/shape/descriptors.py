# SPDX-License-Identifier: Apache-2.0
"""The shape around each point, as numbers that do not change when the part moves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Cloud, require_positive
from visionvalley.core.arrays import Floats
from visionvalley.kernels import descriptors as kernels
from visionvalley.kernels.threads import each_thread

FAR = np.float32(1e18)
ANGLES = 3 * kernels.BINS


def fast_point_feature_histograms(cloud: Cloud, radius_m: float) -> NDArray[np.float32]:
    """Return the histograms of angles between normals around each point.

    cloud    with normals that point to one side; best thinned to one point a cell of radius_m / 5
    returns  (N, 33), unit length, NaN where a point or its normal is; a difference is a Hellinger distance
    Rusu, Blodow, Beetz 2009.
    """
    require_positive(radius_m=radius_m)
    if cloud.normals is None:
        raise BadInput("registration.no_normals", name="cloud")
    there = np.flatnonzero(np.isfinite(cloud.points_m).all(axis=1) & np.isfinite(cloud.normals).all(axis=1))
    out = np.full((len(cloud), ANGLES), np.nan, np.float32)
    if len(there):
        order = there[np.argsort(cloud.points_m[there, 0], kind="stable")]
        points, normals = cloud.points_m[order], cloud.normals[order]
        out[order] = _histograms(points - points.mean(axis=0), normals, radius_m)[:, :ANGLES]
    return out


def _histograms(points_m: Floats, normals: Any, radius_m: float) -> NDArray[np.float32]:
    """Return (N, WIDTH) histograms of points sorted along x."""
    count = len(points_m)
    packed = np.full((3, -(-count // 16) * 16), FAR, np.float32)
    packed[:, :count] = points_m.T
    directions = np.zeros_like(packed)
    directions[:, :count] = normals.T
    pieces = -(-count // kernels.PIECE)
    simple, whole = np.zeros((2, count, kernels.WIDTH), np.float32)
    radius = np.float32(radius_m)
    each_thread(kernels.simple_histograms, pieces, packed, directions, count, radius, simple)
    each_thread(kernels.weighted_histograms, pieces, packed, simple, count, radius, whole)
    return whole
