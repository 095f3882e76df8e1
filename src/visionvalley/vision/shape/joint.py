# SPDX-License-Identifier: Apache-2.0
"""All scans refined at once: every overlapping pair pulls, and one system moves all poses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from visionvalley.core import Pose
from visionvalley.core.arrays import Floats
from visionvalley.vision.geometry.motion import adjoint
from visionvalley.vision.geometry.symmetric import inverse, product
from visionvalley.vision.shape.descent import Alignment, Work, about
from visionvalley.vision.shape.pose_graph import System
from visionvalley.vision.shape.prepared import LEAST_PAIRS, Source, Target, to_local

Pairs = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """Poses of all scans in the frame of the first.

    covariances  (N, 6, 6), left perturbation (ω rad, t m) in the world; zero for the first
    rmse_m       root mean square distance over all pairs, robustly weighted
    """

    world_from_scan: tuple[Pose, ...]
    covariances: Floats
    rmse_m: float
    rounds: int
    converged: bool


def refine_together(
    sources: Sequence[Source], targets: Sequence[Target], start: Sequence[Pose], pairs: Pairs, settings: Alignment
) -> Joint:
    """Return poses that make all pairs (a, b), points of scan a on scan b, fit best at once.

    Each pair counts once. Bergevin et al. 1996; Pulli 1999; here with one linear system over all poses a round.
    """
    poses, found_m, rounds = list(start), None, 0
    for stage in range(settings.stages - 1, -1, -1):
        works = [Work(sources[a], targets[b], settings, stage, found_m) for a, b in pairs]
        done = _settle(poses, pairs, works)
        poses, rounds, found_m = done.poses, rounds + done.rounds, float(works[0].state[13])
    covariances = _covariances(done, pairs, works)
    return Joint(tuple(poses), covariances, done.rmse_m, rounds, done.still)


@dataclass(slots=True)
class _Done:
    poses: list[Pose]
    before: list[Pose]
    normal: Floats
    rmse_m: float
    rounds: int
    still: bool


def _settle(poses: list[Pose], pairs: Pairs, works: Sequence[Work]) -> _Done:
    """Step until all poses stand still and the robust scale, one for all pairs, follows the data."""
    first = works[0]
    still, narrowed, rmse = False, 0, np.nan
    rounds = 0
    while rounds < first.settings.rounds and not still:
        rounds += 1
        system = System(len(poses))
        whole = np.zeros(2)
        for (a, b), work in zip(pairs, works, strict=True):
            local = to_local(poses[b].inverse() @ poses[a], work.moving, work.fixed)
            sums = work.sums(local)
            whole += sums[27:29]
            if sums[29] >= LEAST_PAIRS:
                _add(system, a, b, poses[b], work, sums)
        before = poses
        poses, normal, _ = system.moved(poses)
        rmse = float(np.sqrt(whole[0] / max(whole[1], 1e-300)))
        travel = max(_gap(p, q, works) for p, q in zip(poses, before, strict=True))
        if travel <= first.stop_m * 5 and narrowed < first.tries and first.narrow_to(rmse):
            narrowed += 1
            for work in works[1:]:
                work.state[13] = first.state[13]
        elif travel <= first.stop_m:
            still = True
    return _Done(poses, before, normal, rmse, rounds, still)


def _add(system: System, a: int, b: int, world_from_b: Pose, work: Work, sums: Floats) -> None:
    hessian, gradient = _in_frame(work, sums)
    system.add_gradient(a, b, world_from_b, hessian, gradient)


def _in_frame(work: Work, sums: Floats) -> tuple[Floats, Floats]:
    """Return Hessian (6, 6) and gradient (6,) of the left perturbation of b_from_a in frame b."""
    hessian, gradient = work.unpacked(sums)
    to_local_frame = adjoint(Pose(np.eye(3), -work.fixed.index.origin_m))
    return (
        product(to_local_frame.T, hessian, to_local_frame),
        product(to_local_frame.T, gradient[:, None])[:, 0],
    )


def _covariances(done: _Done, pairs: Pairs, works: Sequence[Work]) -> Floats:
    """Return the covariance (N, 6, 6) of each pose: the sandwich of `Work.covariance`, over all pairs at once."""
    count = len(done.poses)
    out = np.zeros((count, 6, 6))
    spread, responses = System(count), []
    for (a, b), work in zip(pairs, works, strict=True):
        local = to_local(done.before[b].inverse() @ done.before[a], work.moving, work.fixed)
        probe = work.sample()
        block, sums = probe.spread(local)
        to_middle = about(local.translation_m, work.moving.extent_m)
        from_middle = product(_turned_back(to_middle), adjoint(Pose(np.eye(3), -work.fixed.index.origin_m)))
        spread.add_gradient(
            a, b, done.before[b], product(from_middle.T, block * (work.used / probe.used), from_middle), np.zeros(6)
        )
        responses.append(probe.response(local, sums))
    if count > 1:
        half = inverse(done.normal[6:, 6:]) / float(np.mean(responses))
        whole = product(half, spread.normal[6:, 6:], half)
        for i in range(1, count):
            out[i] = whole[6 * i - 6 : 6 * i, 6 * i - 6 : 6 * i]
    return out


def _turned_back(to_middle: Floats) -> Floats:
    """Return the inverse of what `about` returned."""
    extent = 1.0 / float(to_middle[0, 0])
    back = np.diag([extent] * 3 + [1.0] * 3)
    back[3:, :3] = -to_middle[3:, :3] * extent
    return back


def _gap(pose: Pose, before: Pose, works: Sequence[Work]) -> float:
    """Return how far the corners of a box around the scans move, at most."""
    extent = max(work.moving.extent_m for work in works)
    corners = works[0].moving.origin_m + extent * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    steps = pose.apply(corners) - before.apply(corners)
    return float(np.sqrt((steps * steps).sum(axis=1)).max())
