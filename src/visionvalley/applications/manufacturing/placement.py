# SPDX-License-Identifier: Apache-2.0
"""Where a scan lies on its nominal surface, found without a start.

Whoever scanned the part does not say where the sensor stood, so the outer side of its surface is guessed in several
ways; each guess proposes poses, and how much of the scan they bring close to the surface itself decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from visionvalley.applications.manufacturing.scans import diagonal_m
from visionvalley.core import BadInput, Cloud, Mesh, Pose
from visionvalley.core.arrays import Floats
from visionvalley.vision.geometry.directions import sphere_of_directions
from visionvalley.vision.geometry.symmetric import eigen, gram, product
from visionvalley.vision.shape.coarse import FEWEST, Described, candidates, described, judged
from visionvalley.vision.shape.distances import closest
from visionvalley.vision.shape.normals import normals, orient_towards
from visionvalley.vision.shape.orientation import orient_outwards
from visionvalley.vision.shape.registration import Alignment, Source, Target, align
from visionvalley.vision.shape.surfaces import SurfaceIndex
from visionvalley.vision.shape.topology import sample_surface
from visionvalley.vision.shape.voxels import downsample, downsample_cloud

CELLS = (60, 40, 90)  # along the diagonal of the part, in each search
NOMINAL_POINTS, JUDGING_POINTS = 60_000, 3_000
CLOSE = 1 / 500  # of the diagonal: points so near lie on the surface
VIEWS, TURNS, KEPT = 42, 48, 24  # directions of sight, turns about each, and how many of the best turns are refined
SURE = 0.97  # of the scan on the surface: no other pose can be much better
FAR = 1 / 40  # of the diagonal: no part is bent so much over many of its points
LEAST_NEAR, LEAST_ON = 0.95, 0.2  # of the scan: less, and the pose is wrong, or much of the scan is not the part


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """A pose, and the share of the scan that it brings onto the surface, and near it."""

    part_from_scan: Pose
    on: float
    near: float


@dataclass(frozen=True, slots=True, eq=False)
class _Judge:
    """Refines poses and tells how much of the scan they bring onto the surface."""

    some: Source
    points_m: Floats
    nominal: Target
    surface: SurfaceIndex
    size_m: float

    def judged(self, pose: Pose, cell_m: float) -> _Placed:
        """Refine a pose and judge it."""
        for reach_m in (4 * cell_m, 1.5 * cell_m, cell_m / 2):
            settings = Alignment(reach_m=reach_m, robust="tukey", scale_m=reach_m / 2, rounds=15, stop_m=reach_m / 200)
            pose = align(self.some, self.nominal, pose, settings).target_from_source
        off_m = np.abs(closest(self.surface, pose.apply(self.points_m)).distance_m)
        return _Placed(pose, float(np.mean(off_m < CLOSE * self.size_m)), float(np.mean(off_m < FAR * self.size_m)))


def placed(scan: Cloud, reference: Mesh, surface: SurfaceIndex, seed: int = 0) -> Pose:
    """Return `part_from_scan`; raises BadInput where no pose brings most of the scan near the surface."""
    size_m = diagonal_m(reference.vertices_m)
    made = sample_surface(reference, NOMINAL_POINTS, seed)
    nominal = Cloud(made.points_m, made.normals)
    points = scan.points_m[:: max(1, len(scan) // JUDGING_POINTS)]
    judge = _Judge(Source.of(points), points, Target.of_cloud(nominal), surface, size_m)
    best = _Placed(Pose.identity(), 0.0, 0.0)
    for cells in CELLS:
        cell_m = size_m / cells
        fixed = described(downsample_cloud(nominal, cell_m), cell_m)
        for propose in (_by_features, _by_views) if cells == CELLS[0] else (_by_features,):
            for moving in _described(scan, cell_m):
                for pose in propose(moving, fixed):
                    best = max(best, judge.judged(pose, cell_m), key=lambda one: (one.on, one.near))
                if best.on > SURE:
                    return best.part_from_scan
    if best.near < LEAST_NEAR or best.on < LEAST_ON:
        raise BadInput(
            "manufacturing.not_found",
            share=f"{best.on:.0%}",
            near=f"{best.near:.0%}",
            far_mm=f"{FAR * size_m * 1e3:.3g}",
        )
    return best.part_from_scan


def _by_features(moving: Described, fixed: Described) -> list[Pose]:
    """Return poses that many points which look alike agree on."""
    return [fit.target_from_source for fit in candidates(moving, fixed)]


def _by_views(moving: Described, fixed: Described) -> list[Pose]:
    """Return poses that lay the scan, by its middle and its flattest direction, on what is seen from some side.

    A plate seen from one side has few points that look like others; it is found by trying all turns about its normal.
    """
    own, middle = _frame(moving.cloud)
    poses = []
    for way in sphere_of_directions(VIEWS):
        there = np.flatnonzero((np.asarray(fixed.cloud.normals) * way).sum(axis=1) > 0.1)
        if len(there) < FEWEST:
            continue
        frame, centre = _frame(fixed.cloud.taken(there))
        for turn in range(TURNS):
            spin = Pose.from_rotation_vector(np.array([0.0, 0.0, 2 * math.pi * turn / TURNS]), np.zeros(3))
            rotation = product(frame, spin.rotation, own.T)
            poses.append(Pose(rotation, centre - product(rotation, middle[:, None])[:, 0]))
    shares = judged(poses, moving, fixed).reshape(-1, TURNS)
    best = (shares >= np.roll(shares, 1, axis=1)) & (shares > np.roll(shares, -1, axis=1))
    order = np.argsort(-np.where(best, shares, -1.0).ravel(), kind="stable")[:KEPT]
    return [poses[i] for i in order]


def _frame(cloud: Cloud) -> tuple[Floats, Floats]:
    """Return the main axes of a cloud as columns (3, 3), the flattest last and to the side of its normals; its mean."""
    middle = cloud.points_m.mean(axis=0)
    axes = eigen(gram(cloud.points_m - middle))[1]
    up = axes[:, 0] if float((np.asarray(cloud.normals) * axes[:, 0]).sum()) >= 0 else -axes[:, 0]
    return np.stack([axes[:, 2], np.cross(up, axes[:, 2]), up], axis=1), middle


def _described(scan: Cloud, cell_m: float) -> Iterator[Described]:
    """Yield the scan thinned to cells and described, for each guess of its outer side.

    Normals are estimated from finer cells, so that edges stay sharp.
    """
    if scan.normals is not None:
        yield described(downsample_cloud(scan, cell_m), cell_m)
        return
    fine, _ = downsample(scan.points_m, cell_m / 3)
    directions = normals(fine, 20)
    for outwards in _guesses(fine, directions):
        thin = downsample_cloud(Cloud(fine, outwards), cell_m)
        if len(thin) < FEWEST:
            raise BadInput("registration.too_few_points", name="scan", got=len(thin), wanted=FEWEST)
        yield described(thin, cell_m, guessed=True)


def _guesses(points_m: Floats, directions: Floats) -> Iterator[Floats]:
    """Yield normals turned to what may be the outer side.

    The side to which the surface bulges; towards the frame's origin, where a sensor stands that sees the part from
    one side; the hollow side; and either side of the direction that most normals share.
    """
    outwards = orient_outwards(points_m, directions)
    yield outwards
    low, high = points_m.min(axis=0), points_m.max(axis=0)
    if (0.5 * (low + high) ** 2).sum() > ((high - low) ** 2).sum():
        yield orient_towards(points_m, directions, np.zeros(3))
    yield -outwards
    there = np.isfinite(directions).all(axis=1)
    common = eigen(gram(directions[there]))[1][:, 2]
    seen = np.where(((directions * common).sum(axis=1) < 0)[:, None], -directions, directions)
    yield seen
    yield -seen
