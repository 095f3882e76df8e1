# SPDX-License-Identifier: Apache-2.0
"""A scan made ready: points or a surface as a cloud of measured places, without those that stand alone."""

from __future__ import annotations

import numpy as np

from visionvalley.core import BadInput, Cloud, Mesh
from visionvalley.core.arrays import Floats
from visionvalley.vision.shape.outliers import statistical_inliers
from visionvalley.vision.shape.topology import sample_surface

STRAY, NEIGHBOURS = 5.0, 16  # standard deviations of the neighbours' distance beyond which a point stands alone
FEW_VERTICES = 10_000  # a scanned mesh of fewer has large triangles, and is measured at random places of them
SAMPLED = 100_000


def as_cloud(scan: Cloud | Mesh, fewest: int, seed: int) -> Cloud:
    """Return the places that a scan measured; raises BadInput where they are fewer than asked."""
    if isinstance(scan, Cloud):
        cloud = scan.taken(np.asarray(np.isfinite(scan.points_m).all(axis=1)))
    else:
        some = sample_surface(scan, SAMPLED, seed) if len(scan.vertices_m) < FEW_VERTICES else None
        cloud = Cloud(scan.vertices_m) if some is None else Cloud(some.points_m, some.normals)
    if len(cloud) < fewest:
        raise BadInput("manufacturing.too_few_points", count=len(cloud), least=fewest)
    return cloud


def without_strays(scan: Cloud) -> Cloud:
    """Return a scan without the points that stand alone."""
    return scan.taken(np.atleast_1d(statistical_inliers(scan.points_m, k=NEIGHBOURS, ratio=STRAY)))


def diagonal_m(points_m: Floats) -> float:
    """Return the diagonal of the box around points."""
    return float(np.sqrt((np.ptp(points_m, axis=0) ** 2).sum()))
