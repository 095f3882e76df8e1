# SPDX-License-Identifier: Apache-2.0
"""Many scans of one part: each to a model of it, or all to one another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from visionvalley.core import SILENT, Cloud, Mesh, Pose, Progress, stage
from visionvalley.core.arrays import Floats
from visionvalley.vision.geometry.motion import moved_covariance
from visionvalley.vision.shape.coarse import Described, Search, align_coarse, describe, judged
from visionvalley.vision.shape.joint import refine_together
from visionvalley.vision.shape.normals import normals
from visionvalley.vision.shape.pose_graph import Edge, believed, optimise
from visionvalley.vision.shape.registration import Alignment, Fit, Source, Target, align, every_nth, sampled

CELLS = 70  # along the diagonal of a part
NEAR = 12  # neighbours that a normal is estimated from
ENOUGH = 10_000  # points of a scan that pull in the joint refinement
FLOOR = 0.15  # cells: standard uncertainty of a coarse fit, at least
OVERLAPPING = 0.1  # of a scan's points: below it a pair is not refined
SHARED = 64  # neighbouring points of a scan that err alike
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
    fine = Alignment(reach_m=FINE * cell, robust="tukey", stages=2, shared=SHARED)
    fits = []
    with stage(progress, "registration.stage_search", len(scans)) as bar:
        for scan in scans:
            coarse = align_coarse(scan, fixed, cell, search)
            fits.append(align(Source.of(scan), target, coarse.target_from_source, fine))
            bar.advance()
    return fits


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """Scans in one frame, that of the first scan.

    world_from_scan  a pose a scan
    covariances      (N, 6, 6), left perturbation (ω rad, t m) in the world; zero for the first scan
    pairs            fits of the pairs that were believed, by (a, b): target_from_source is b_from_a
    """

    world_from_scan: tuple[Pose, ...]
    covariances: Floats
    pairs: Mapping[tuple[int, int], Fit]
    rmse_m: float
    rounds: int
    converged: bool


def register_together(
    scans: Sequence[Cloud], cell_m: float | None = None, search: Search = Search(), progress: Progress = SILENT
) -> Together:
    """Return where scans of one part lie, without a model and without a start.

    Every pair is searched, false fits are recognised by their distances and by the graph of poses, and all scans are
    then refined at once. Raises BadInput if no verified pairs connect them.
    """
    cell = cell_m or float(np.median([usual_cell_m(scan) for scan in scans]))
    with stage(progress, "registration.stage_describe", len(scans)) as bar:
        shapes = [_advanced(bar, describe(scan, cell, search.radius)) for scan in scans]
    pairs = _verified(shapes, cell, search, progress)
    graph = optimise(len(scans), [_edge(a, b, fit, cell) for (a, b), fit in pairs.items()])
    kept = {pair: fit for (pair, fit), true in zip(pairs.items(), believed(graph.weights), strict=True) if true}
    overlapping = _overlapping(shapes, graph.world_from_scan)
    lean = [Cloud(scan.points_m, normals(scan.points_m, NEAR)) for scan in scans]
    sources = [every_nth(Source.of(scan), ENOUGH) for scan in lean]
    targets = [Target.of_cloud(scan, NEAR, rims=False) for scan in lean]
    with stage(progress, "registration.stage_refine"):
        fine = Alignment("symmetric", FINE * cell, "tukey", stages=3, rounds=30, shared=SHARED)
        joint = refine_together(sources, targets, graph.world_from_scan, overlapping, fine)
    return Together(joint.world_from_scan, joint.covariances, kept, joint.rmse_m, joint.rounds, joint.converged)


def _verified(shapes: list[Described], cell: float, search: Search, progress: Progress) -> dict[tuple[int, int], Fit]:
    """Return the fits of all pairs that lie on each other."""
    once = replace(search, turned=False)
    pairs = list(combinations(range(len(shapes)), 2))
    with stage(progress, "registration.stage_search", len(pairs)) as bar:
        fits = {(a, b): _advanced(bar, align_coarse(shapes[a], shapes[b], cell, once)) for a, b in pairs}
    return {pair: fit for pair, fit in fits.items() if fit.converged}


def _edge(a: int, b: int, fit: Fit, cell: float) -> Edge:
    """Return the edge of a coarse fit; its covariance is not below what cells can tell."""
    middle = Pose(np.eye(3), fit.target_from_source.translation_m)
    floor = np.diag([(FLOOR / CELLS * 4) ** 2] * 3 + [(FLOOR * cell) ** 2] * 3)
    return Edge(a, b, fit.target_from_source, fit.covariance + moved_covariance(floor, middle))


def _overlapping(shapes: list[Described], poses: Sequence[Pose]) -> list[tuple[int, int]]:
    """Return the pairs (a, b) that lie on each other, the one with more of its points on the other first."""
    found = []
    for a, b in combinations(range(len(shapes)), 2):
        b_from_a = poses[b].inverse() @ poses[a]
        share_a = float(judged([b_from_a], shapes[a], shapes[b])[0])
        share_b = float(judged([b_from_a.inverse()], shapes[b], shapes[a])[0])
        if max(share_a, share_b) > OVERLAPPING:
            found.append((a, b) if share_a >= share_b else (b, a))
    return found


def _advanced(bar: Progress, value: Any) -> Any:
    bar.advance()
    return value


def as_cloud(shape: Mesh | Cloud, cell_m: float) -> Cloud:
    """Return a cloud with normals, dense enough for cells; rims of a surface count like the rest."""
    if isinstance(shape, Cloud):
        return shape
    return Cloud(*sampled(shape, 0.5 * cell_m))
