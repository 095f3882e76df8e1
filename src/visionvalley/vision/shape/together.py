# SPDX-License-Identifier: Apache-2.0
"""Many scans of one part: each to a model of it, or all to one another."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from visionvalley.core import SILENT, Cloud, Mesh, Progress, stage
from visionvalley.vision.shape.coarse import Search, align_coarse, describe
from visionvalley.vision.shape.registration import Alignment, Fit, Source, Target, align, sampled

CELLS = 70  # along the diagonal of a part
FINE = 0.5  # cells: pairs farther apart are ignored in the end


def usual_cell_m(shape: Cloud | Mesh) -> float:
    """Return the cell that suits a part: a seventieth of its diagonal."""
    points = shape.vertices_m if isinstance(shape, Mesh) else shape.points_m
    size = np.nanmax(points, axis=0) - np.nanmin(points, axis=0)
    return math.sqrt(float((size * size).sum())) / CELLS


def register_to_model(
    scans: Sequence[Cloud],
    model: Mesh | Cloud,
    cell_m: float | None = None,
    search: Search = Search(),
    progress: Progress = SILENT,
) -> list[Fit]:
    """Return where each scan lies on a model, without a start.

    model   a surface whose normals point outwards, or a Cloud with such normals
    cell_m  points so far apart are compared first; None takes a seventieth of the model's diagonal
    """
    cell = cell_m or usual_cell_m(model)
    target = Target.of_mesh(model, cell) if isinstance(model, Mesh) else Target.of_cloud(model)
    fixed = describe(as_cloud(model, cell), cell, search.radius)
    fine = Alignment(reach_m=FINE * cell, robust="tukey", stages=2)
    fits = []
    with stage(progress, "registration.stage_search", len(scans)) as bar:
        for scan in scans:
            coarse = align_coarse(scan, fixed, cell, search)
            fits.append(align(Source.of(scan), target, coarse.target_from_source, fine))
            bar.advance()
    return fits


def as_cloud(shape: Mesh | Cloud, cell_m: float) -> Cloud:
    """Return a cloud with normals, dense enough for cells; rims of a surface count like the rest."""
    if isinstance(shape, Cloud):
        return shape
    return Cloud(*sampled(shape, 0.5 * cell_m))
