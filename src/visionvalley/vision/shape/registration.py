# SPDX-License-Identifier: Apache-2.0
"""Fine registration: from a pose that is nearly right to the best one, with what is known about it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from visionvalley.core import Cloud, Pose, Text, render, text
from visionvalley.core.arrays import Floats
from visionvalley.vision.geometry.degeneracy import unseen_motions
from visionvalley.vision.geometry.motion import moved_covariance
from visionvalley.vision.shape.descent import Alignment, Work
from visionvalley.vision.shape.prepared import Source, Target, every_nth, sampled, to_global, to_local, with_normals

__all__ = ["Alignment", "Fit", "Source", "Target", "align", "every_nth", "sampled"]


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

    source  a Cloud, a prepared Source, or points (N, 3) in metres; 'generalised' and 'symmetric' need its normals
    target  a prepared Target, or a Cloud
    Chen & Medioni 1991 (plane), Besl & McKay 1992 (point), Segal et al. 2009 (generalised), Rusinkiewicz 2019
    (symmetric: for two clouds of one curved surface it errs least); damped Gauss-Newton.
    Motions that the shapes leave free are not made (Zhang, Kaess, Singh 2016).
    """
    moving = source if isinstance(source, Source) else Source.of(source)
    fixed = target if isinstance(target, Target) else Target.of_cloud(target)
    if settings.method in ("generalised", "symmetric"):
        moving = with_normals(moving)
    pose = to_local(start or Pose.identity(), moving, fixed)
    rounds, found_m = 0, None
    for stage in range(settings.stages - 1, -1, -1):
        work = Work(moving, fixed, settings, stage, found_m)
        pose, sums, taken, still = work.settle(pose)
        rounds, found_m = rounds + taken, float(work.state[13])
    return _fit(pose, sums, work, rounds, still)


def _fit(pose: Pose, sums: Floats, work: Work, rounds: int, still: bool) -> Fit:
    moving, fixed = work.moving, work.fixed
    pairs = int(sums[29])
    scaled, information = work.covariance(sums, pose)
    scale = np.array([1 / moving.extent_m] * 3 + [1.0] * 3)
    middle = Pose(np.eye(3), pose.translation_m + fixed.index.origin_m)
    covariance = moved_covariance(scaled * scale[:, None] * scale[None, :], middle)
    unscaled = information / scale[:, None] / scale[None, :]
    unseen = unseen_motions(unscaled, float(sums[28]), middle.translation_m, moving.extent_m)
    return Fit(
        to_global(pose, moving, fixed),
        0.5 * (covariance + covariance.T),
        pairs,
        pairs / work.used,
        math.sqrt(float(sums[27]) / float(sums[28])) if sums[28] > 0 else math.nan,
        rounds,
        still and not unseen,
        unseen,
    )
