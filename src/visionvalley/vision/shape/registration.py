# SPDX-License-Identifier: Apache-2.0
"""Fine registration: from a pose that is nearly right to the best one, with what is known about it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Cloud, Mesh, Pose, Text, check, render, require, setting, text
from visionvalley.core.arrays import Floats
from visionvalley.kernels import registration as kernels
from visionvalley.kernels.ordering import bounds, curve_order, key_layout, rows_of, writable
from visionvalley.kernels.threads import each_thread
from visionvalley.vision.geometry.degeneracy import UNSEEN, unseen_motions
from visionvalley.vision.geometry.motion import moved_covariance, perturbed
from visionvalley.vision.geometry.robust import ROBUST, Robust
from visionvalley.vision.geometry.symmetric import eigen, product
from visionvalley.vision.shape.neighbours import Index, build_index
from visionvalley.vision.shape.normals import normals

METHODS = ("point", "plane", "generalised")
LEAST_PAIRS = 6
FEWEST_IN_A_STAGE = 1500  # points that a coarse stage keeps
LIKE_NOISE = 64  # neighbouring points whose errors are taken as one in the covariance
UPPER = tuple((i, j) for i in range(6) for j in range(i, 6))


@dataclass(frozen=True, slots=True)
class Alignment:
    """How two shapes are brought together."""

    method: Literal["point", "plane", "generalised"] = setting(
        "plane", choices=METHODS, label="Method", help="What a pair's distance is: to the point, the plane, or both"
    )
    reach_m: float = setting(0.002, unit="m", low=1e-9, label="Reach", help="Pairs farther apart are ignored")
    robust: Robust = setting("none", choices=ROBUST, label="Robust kernel", help="How outliers lose their weight")
    scale_m: float | None = setting(
        None, unit="m", low=1e-12, label="Scale", help="Where a distance begins to be suspect; a third of the reach"
    )
    lean_rad: float = setting(
        1.0, unit="rad", low=0, high=1.58, label="Lean", help="Largest angle between the normals of a pair"
    )
    stages: int = setting(1, low=1, high=6, label="Stages", help="Each but the last has fewer points and twice the reach")
    rounds: int = setting(40, low=1, label="Rounds", help="Most rounds of a stage")
    stop_m: float | None = setting(
        None, unit="m", low=0, label="Stop", help="Done when a round moves no point by more; reach / 20 000"
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A shape to register to, prepared once: an index of points and their normals, by position in the index.

    A point with a NaN normal, such as one on the rim of a surface, takes its matches out of the sum.
    """

    index: Index
    normals: NDArray[np.float32]

    @staticmethod
    def of_cloud(cloud: Cloud, k: int = 12) -> Target:
        """Prepare a cloud; normals are estimated from k neighbours where it has none."""
        index = build_index(cloud.points_m)
        directions = normals(cloud.points_m, k, index) if cloud.normals is None else cloud.normals
        return Target(_enough("target", index), np.ascontiguousarray(directions[index.order], np.float32))

    @staticmethod
    def of_mesh(mesh: Mesh, spacing_m: float) -> Target:
        """Prepare a surface, sampled so that points are about `spacing_m` apart; its rims match nothing."""
        points, directions = _sampled(mesh, spacing_m)
        return Target.of_cloud(Cloud(points, directions))


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Points to be moved, prepared once: in an order in which neighbours follow each other.

    local     (N, 6) float32, point and normal, relative to origin_m; a normal is NaN where there is none
    extent_m  root mean square distance from the origin
    """

    local: NDArray[np.float32]
    origin_m: Floats
    extent_m: float

    @staticmethod
    def of(source: Cloud | Any) -> Source:
        """Prepare a Cloud, or points (N, 3) in metres; rows of NaN are left out."""
        cloud = source if isinstance(source, Cloud) else Cloud(require("source_m", source, (None, 3)))
        points = writable(cloud.points_m)
        low, high, count = bounds(points)
        rows = rows_of(curve_order(points, low, high)[:count], key_layout(len(points))[1])
        if count < LEAST_PAIRS:
            raise BadInput("registration.too_few_points", name="source", got=count, wanted=LEAST_PAIRS)
        origin = 0.5 * (low + high)
        local = np.full((count, 6), np.nan, np.float32)
        local[:, :3] = points[rows] - origin
        if cloud.normals is not None:
            local[:, 3:] = cloud.normals[rows]
        squares = (local[:, :3].astype(np.float64) ** 2).sum(axis=1)
        return Source(local, origin, math.sqrt(max(float(squares.mean()), 1e-30)))


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A registration, and how far it can be trusted.

    covariance  (6, 6) of the left perturbation (ω rad, t m) in the target frame; along a motion of `unseen` it is that
                of a position nobody measured: the size of the part
    inliers     pairs within reach; overlap is their share of the source points used
    rmse_m      root mean square distance of the pairs
    converged   whether the last rounds moved nothing any more, and every motion was seen
    unseen      motions that the shapes leave free; along them the pose is that of the start
    """

    target_from_source: Pose
    covariance: Floats
    inliers: int
    overlap: float
    rmse_m: float
    rounds: int
    converged: bool
    unseen: tuple[Text, ...] = ()

    def message(self) -> Text:
        """Return what to tell a person."""
        free = text("registration.free", motions=", ".join(map(render, self.unseen))) if self.unseen else ""
        spread = np.sqrt(np.diag(self.covariance))
        certain = text(
            "registration.certain",
            position_um=math.sqrt(float((spread[3:] ** 2).sum())) * 1e6,
            turn_mdeg=math.degrees(math.sqrt(float((spread[:3] ** 2).sum()))) * 1e3,
        )
        return text(
            "registration.fit" if self.converged else "registration.no_fit",
            rmse_um=self.rmse_m * 1e6,
            inliers=self.inliers,
            rounds=self.rounds,
            certain=certain if np.isfinite(spread).all() else text("registration.uncertain"),
            free=free,
        )

    def __str__(self) -> str:
        return render(self.message())


def align(
    source: Cloud | Source | Any,
    target: Target | Cloud,
    start: Pose | None = None,
    settings: Alignment = Alignment(),
) -> Fit:
    """Return the pose, near `start`, that brings a source best onto a target.

    source  a Cloud, a prepared Source, or points (N, 3) in metres; 'generalised' needs its normals
    target  a prepared Target, or a Cloud
    Chen & Medioni 1991 (plane), Besl & McKay 1992 (point), Segal et al. 2009 (generalised); damped Gauss-Newton.
    Motions that the shapes leave free are not made (Zhang, Kaess, Singh 2016).
    """
    moving = source if isinstance(source, Source) else Source.of(source)
    fixed = target if isinstance(target, Target) else Target.of_cloud(target)
    if settings.method == "generalised":
        moving = _with_normals(moving)
    pose = _to_local(start or Pose.identity(), moving, fixed)
    rounds = 0
    for stage in range(settings.stages - 1, -1, -1):
        work = _Work(moving, fixed, settings, stage)
        pose, sums, last, still = work.descend(pose)
        rounds += last
    return _fit(pose, sums, work, rounds, still)


class _Work:
    """One stage: the arrays that a kernel takes, and the descent."""

    def __init__(self, moving: Source, fixed: Target, settings: Alignment, stage: int) -> None:
        wide = 2.0**stage
        self.stride = max(1, min(4**stage, len(moving.local) // FEWEST_IN_A_STAGE)) if stage else 1
        self.used = -(-len(moving.local) // self.stride)
        self.moving, self.fixed, self.settings = moving, fixed, settings
        self.reach_m = settings.reach_m * wide
        self.stop_m = self.reach_m / 20_000 if settings.stop_m is None else settings.stop_m * wide
        size = min(LIKE_NOISE, max(4, self.used // 128))
        self.parts = np.zeros((-(-self.used // size), kernels.SUMS))
        self.matches = np.full(len(moving.local), -1, np.int32)
        self.modes = np.array([METHODS.index(settings.method), ROBUST.index(settings.robust), size, self.stride])
        self.state = np.zeros(16)
        scale = settings.reach_m / 3 if settings.scale_m is None else settings.scale_m
        self.state[12:15] = self.reach_m**2, scale * wide, math.cos(min(settings.lean_rad, math.pi / 2)) ** 2

    def sums(self, pose: Pose) -> Floats:
        """Return the (SUMS,) sums of all pieces at a local pose."""
        self.state[:9], self.state[9:12] = pose.rotation.ravel(), pose.translation_m
        each_thread(
            kernels.linearise,
            len(self.parts),
            self.fixed.index.tree,
            self.fixed.normals,
            self.moving.local,
            self.state,
            self.modes,
            self.matches,
            self.parts,
        )
        return self.parts.sum(axis=0)

    def descend(self, pose: Pose) -> tuple[Pose, Floats, int, bool]:
        """Return pose, sums there, rounds taken, and whether the pose stands still."""
        before, brake = np.zeros(6), 1.0
        for turn in range(1, self.settings.rounds + 1):
            sums = self.sums(pose)
            if sums[29] < LEAST_PAIRS:
                return pose, sums, turn, False
            step = self.step(sums, pose)
            back = float((step * before).sum())  # to and fro between two sets of pairs: go half the way
            brake = max(0.25, brake * 0.5) if back < -0.5 * float((before * before).sum()) else min(1.0, brake * 1.5)
            step *= brake
            pose = self.moved(pose, step)
            if self.travel(step) <= self.stop_m:
                return pose, sums, turn, True
            before = step
        return pose, sums, self.settings.rounds, False

    def step(self, sums: Floats, pose: Pose) -> Floats:
        """Return the Gauss-Newton step about the middle of the moved part, turns in units of 1 / extent."""
        information, gradient = self.normal_equations(sums, pose)
        values, vectors = eigen(information)
        seen = values > UNSEEN * max(sums[28], 1.0)
        along = -(vectors * gradient[:, None]).sum(axis=0)
        parts = np.where(seen, along / np.where(seen, values, 1.0), 0.0)
        step = (vectors * parts[None, :]).sum(axis=1)
        return step * min(1.0, self.reach_m * 4 / max(self.travel(step), 1e-300))

    def normal_equations(self, sums: Floats, pose: Pose) -> tuple[Floats, Floats]:
        """Return information (6, 6) and gradient (6,) about the middle of the moved part, turns times extent."""
        to_middle = _about(pose.translation_m, self.moving.extent_m)
        whole = np.zeros((6, 6))
        for k, (i, j) in enumerate(UPPER):
            whole[i, j] = whole[j, i] = sums[k]
        return product(to_middle.T, whole, to_middle), product(to_middle.T, sums[21:27, None])[:, 0]

    def travel(self, step: Floats) -> float:
        """Return how far a step moves a point at the extent."""
        return math.sqrt(float((step[:3] ** 2).sum())) + math.sqrt(float((step[3:] ** 2).sum()))

    def moved(self, pose: Pose, step: Floats) -> Pose:
        """Return the local pose after a step about the middle of the moved part."""
        return perturbed(pose, product(_about(pose.translation_m, self.moving.extent_m), step[:, None])[:, 0])

    def covariance(self, sums: Floats, pose: Pose) -> tuple[Floats, Floats]:
        """Return covariance and information (6, 6) about the middle of the moved part, turns times extent.

        A sandwich: neighbouring pairs, whose errors are alike, count as one (White 1980; Liang & Zeger 1986).
        """
        information, _ = self.normal_equations(sums, pose)
        to_middle = _about(pose.translation_m, self.moving.extent_m)
        scores = product(self.parts[:, 21:27], to_middle)
        groups = int((self.parts[:, 29] > 0).sum())
        spread = product(scores.T, scores) * (groups / max(groups - 8.0, 1.0))
        values, vectors = eigen(information)
        seen = values > UNSEEN * max(sums[28], 1.0)
        inverse = np.where(seen, 1.0 / np.where(seen, values, 1.0), 0.0)
        half = product(vectors * inverse[None, :], vectors.T)
        free = np.where(seen, 0.0, self.moving.extent_m**2)
        return product(half, spread, half) + product(vectors * free[None, :], vectors.T), information


def _fit(pose: Pose, sums: Floats, work: _Work, rounds: int, still: bool) -> Fit:
    moving, fixed = work.moving, work.fixed
    pairs = int(sums[29])
    scaled, information = work.covariance(sums, pose)
    scale = np.array([1 / moving.extent_m] * 3 + [1.0] * 3)
    middle = Pose(np.eye(3), pose.translation_m + fixed.index.origin_m)
    covariance = moved_covariance(scaled * scale[:, None] * scale[None, :], middle)
    unscaled = information / scale[:, None] / scale[None, :]
    unseen = unseen_motions(unscaled, float(sums[28]), middle.translation_m, moving.extent_m)
    return Fit(
        _to_global(pose, moving, fixed),
        0.5 * (covariance + covariance.T),
        pairs,
        pairs / work.used,
        math.sqrt(float(sums[27]) / float(sums[28])) if sums[28] > 0 else math.nan,
        rounds,
        still and not unseen,
        unseen,
    )


def _about(middle_m: Floats, extent_m: float) -> Floats:
    """Return (6, 6): a step about the middle, turns times extent, to (ω rad, t m) about the frame's origin."""
    whole = np.diag([1 / extent_m] * 3 + [1.0] * 3)
    x, y, z = middle_m
    whole[3:, :3] = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]) / extent_m
    return whole


def _to_local(pose: Pose, moving: Source, fixed: Target) -> Pose:
    middle = pose.apply(moving.origin_m[None])[0]
    return Pose(pose.rotation, middle - fixed.index.origin_m)


def _to_global(pose: Pose, moving: Source, fixed: Target) -> Pose:
    turned = product(pose.rotation, moving.origin_m[:, None])[:, 0]
    return Pose(pose.rotation, pose.translation_m + fixed.index.origin_m - turned)


def _with_normals(moving: Source) -> Source:
    there = np.isfinite(moving.local[:, 3:]).all(axis=1)
    if int(there.sum()) < LEAST_PAIRS:
        raise BadInput("registration.no_normals", name="source")
    return moving if there.all() else Source(moving.local[there], moving.origin_m, moving.extent_m)


def _enough(name: str, index: Index) -> Index:
    if index.count < LEAST_PAIRS:
        raise BadInput("registration.too_few_points", name=name, got=index.count, wanted=LEAST_PAIRS)
    return index


def _sampled(mesh: Mesh, spacing_m: float) -> tuple[Floats, Floats]:
    """Return points on the faces and their normals, NaN on faces that touch a rim."""
    corners = mesh.vertices_m[mesh.faces]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    cross = np.cross(first, second)
    doubled = np.sqrt((cross * cross).sum(axis=1))
    unit = cross / np.where(doubled > 0, doubled, np.nan)[:, None]
    unit[_on_a_rim(mesh)] = np.nan
    longest = np.sqrt(np.max([((corners[:, i] - corners[:, i - 1]) ** 2).sum(axis=1) for i in range(3)], axis=0))
    cuts = np.clip(np.ceil(longest / spacing_m), 1, 256).astype(int)
    points, directions = [], []
    for count in np.unique(cuts):
        chosen = cuts == count
        shares = _lattice(int(count))
        u, v = shares[None, :, :1], shares[None, :, 1:]
        points.append((corners[chosen, None, 0] + u * first[chosen, None] + v * second[chosen, None]).reshape(-1, 3))
        directions.append(np.repeat(unit[chosen], len(shares), axis=0))
    return np.concatenate(points), np.concatenate(directions)


def _lattice(cuts: int) -> Floats:
    """Return the middles (cuts², 2) of the small triangles, as shares of the two edges."""
    shares = [((i + 1 / 3) / cuts, (j + 1 / 3) / cuts) for i in range(cuts) for j in range(cuts - i)]
    shares += [((i + 2 / 3) / cuts, (j + 2 / 3) / cuts) for i in range(cuts) for j in range(cuts - i - 1)]
    return np.array(shares)


def _on_a_rim(mesh: Mesh) -> NDArray[np.bool_]:
    """Return for each face whether it has a corner on an edge that no other face shares."""
    faces = mesh.faces.astype(np.int64)
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    keys, counts = np.unique(edges[:, 0] * len(mesh.vertices_m) + edges[:, 1], return_counts=True)
    alone = keys[counts == 1]
    rim = np.zeros(len(mesh.vertices_m), bool)
    rim[alone // len(mesh.vertices_m)] = rim[alone % len(mesh.vertices_m)] = True
    return np.asarray(rim[mesh.faces].any(axis=1))
