# SPDX-License-Identifier: Apache-2.0
"""One stage of a fine registration: linearise, step, until nothing moves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from visionvalley.core import Pose, check, setting
from visionvalley.core.arrays import Floats
from visionvalley.kernels import descent as steps
from visionvalley.kernels import registration as kernels
from visionvalley.kernels.threads import each_thread
from visionvalley.vision.geometry.degeneracy import UNSEEN
from visionvalley.vision.geometry.robust import ROBUST, Robust
from visionvalley.vision.geometry.symmetric import eigen, product
from visionvalley.vision.shape.prepared import LEAST_PAIRS, Source, Target

METHODS = ("point", "plane", "generalised", "symmetric")
FEWEST_IN_A_STAGE = 1500  # points that a coarse stage keeps
SCALES = 4.0  # of the root mean square distance: where a distance becomes suspect
TRIES = 4  # times that the scale is found anew
PIECE = 64  # points summed before the sums are added
ENOUGH_TO_PROBE, RUN = 10_000, 256  # points, in runs of neighbours
ENOUGH_TO_ANSWER = 4_000  # of these points
LEAST_RESPONSE = 0.1
ENOUGH_TO_APPROACH, NEAR = 2_000, 0.03  # points; of the reach: steps below which all points take part
UPPER = tuple((i, j) for i in range(6) for j in range(i, 6))


@dataclass(frozen=True, slots=True)
class Alignment:
    """How two shapes are brought together."""

    method: Literal["point", "plane", "generalised", "symmetric"] = setting(
        "plane",
        choices=METHODS,
        label="Method",
        help="A pair's distance: to the point, the plane, both, or along the mean of both normals",
    )
    reach_m: float = setting(0.002, unit="m", low=1e-9, label="Reach", help="Pairs farther apart are ignored")
    robust: Robust = setting(  # noqa: RUF009
        "none", choices=ROBUST, label="Robust kernel", help="How outliers lose their weight"
    )
    scale_m: float | None = setting(
        None, unit="m", low=1e-12, label="Scale", help="Where a distance begins to be suspect; found from the data"
    )
    lean_rad: float = setting(
        1.0, unit="rad", low=0, high=1.58, label="Lean", help="Largest angle between the normals of a pair"
    )
    stages: int = setting(
        1, low=1, high=6, label="Stages", help="Each but the last has fewer points and twice the reach"
    )
    rounds: int = setting(40, low=1, label="Rounds", help="Most rounds of a stage")
    stop_m: float | None = setting(
        None, unit="m", low=0, label="Stop", help="Done when a round moves no point by more; reach / 5 000"
    )
    shared: int = setting(
        1, low=1, label="Shared", help="Neighbouring target points whose errors are alike; 64 for most scanners"
    )

    def __post_init__(self) -> None:
        check(self)


class Work:
    """One stage: the arrays that a kernel takes, and the descent."""

    def __init__(
        self, moving: Source, fixed: Target, settings: Alignment, stage: int = 0, found_m: float | None = None
    ) -> None:
        wide = 2.0**stage
        self.stride = max(1, min(4**stage, len(moving.local) // FEWEST_IN_A_STAGE)) if stage else 1
        self.used = -(-len(moving.local) // self.stride)
        self.moving, self.fixed, self.settings = moving, fixed, settings
        self.reach_m = settings.reach_m * wide
        self.stop_m = self.reach_m / 5_000 if settings.stop_m is None else settings.stop_m * wide
        size = PIECE
        self.parts = np.zeros((-(-self.used // size), kernels.SUMS))
        self.matches = np.full(len(moving.local), -1, np.int32)
        self.held = np.zeros((len(moving.local), 4), np.float32)
        self.modes = np.array([METHODS.index(settings.method), ROBUST.index(settings.robust), size, self.stride])
        self.state = np.zeros(16)
        self.tries = TRIES if settings.scale_m is None and settings.robust != "none" else 0
        scale_m = (found_m or self.reach_m / 3) if settings.scale_m is None else settings.scale_m * wide
        self.state[12:15] = self.reach_m**2, scale_m, math.cos(min(settings.lean_rad, math.pi / 2)) ** 2

    def settle(self, pose: Pose) -> tuple[Pose, Floats, int, bool]:
        """Descend, and again as long as the robust scale follows the data; what `descend` returns."""
        pose, approached = self.approach(pose)
        pose, sums, rounds, still = self.descend(pose, self.stop_m)
        for _ in range(self.tries):
            if not self.narrow(sums):
                break
            pose, sums, more, still = self.descend(pose, self.stop_m)
            rounds += more
        return pose, sums, approached + rounds, still

    def approach(self, pose: Pose) -> tuple[Pose, int]:
        """Descend on some of the points, while steps are large: their errors are still smaller than the steps."""
        every = self.used // ENOUGH_TO_APPROACH
        if every < 2:
            return pose, 0
        parts, stride = self.parts, self.modes[3]
        self.modes[3] = stride * every
        self.parts = np.zeros((-(-len(self.moving.local) // (stride * every * PIECE)), kernels.SUMS))
        near, sums, rounds, _ = self.descend(pose, max(self.stop_m, self.reach_m * NEAR))
        self.parts, self.modes[3] = parts, stride
        return (near if sums[29] >= LEAST_PAIRS else pose), rounds

    def narrow(self, sums: Floats) -> bool:
        """Take the robust scale from the distances; tell whether it changed by a tenth."""
        return self.narrow_to(math.sqrt(max(float(sums[27]), 1e-300) / max(float(sums[28]), 1e-300)))

    def narrow_to(self, rmse_m: float) -> bool:
        """Take the robust scale from a root mean square distance; tell whether it changed by a tenth."""
        before = float(self.state[13])
        self.state[13] = min(max(SCALES * rmse_m, self.reach_m * 1e-3), self.reach_m)
        return bool(abs(self.state[13] - before) > 0.1 * before)

    def linearise(self, pulls: Floats | None = None) -> None:
        """Write the sums of all pieces at the pose of the state, and the pulls of single points if they are wanted."""
        shapes = self.fixed.index.tree, self.fixed.normals, self.moving.local
        memory = (self.matches, self.held)
        wanted = (self.parts, np.zeros((0, 7)) if pulls is None else pulls)
        each_thread(kernels.linearise, len(self.parts), *shapes, self.state, self.modes, memory, *wanted)

    def stand_at(self, pose: Pose) -> None:
        """Put a local pose into the state."""
        self.state[:9], self.state[9:12] = pose.rotation.ravel(), pose.translation_m

    def sums(self, pose: Pose) -> Floats:
        """Return the (SUMS,) sums of all pieces at a local pose."""
        self.stand_at(pose)
        self.linearise()
        return self.added()

    def added(self) -> Floats:
        """Return the (SUMS,) sums of all pieces."""
        total = np.zeros(kernels.SUMS)
        steps.add(self.parts, total)
        return total

    def descend(self, pose: Pose, stop_m: float) -> tuple[Pose, Floats, int, bool]:
        """Return pose, sums before its last step, rounds taken, and whether the pose stands still."""
        self.stand_at(pose)
        frame, walk, total = self.frame(), np.zeros(steps.WALK), np.zeros(kernels.SUMS)
        walk[steps.BRAKE] = 1.0
        turn, still = 0, False
        while turn < self.settings.rounds and not still:
            turn += 1
            self.linearise()
            steps.advance(self.parts, self.state, frame, walk, total)
            still = bool(walk[steps.TRAVEL] <= stop_m)
            if math.isnan(walk[steps.TRAVEL]):
                break
        return Pose(self.state[:9].reshape(3, 3).copy(), self.state[9:12].copy()), total, turn, still

    def normal_equations(self, sums: Floats, pose: Pose) -> tuple[Floats, Floats]:
        """Return information (6, 6) and gradient (6,) about the middle of the moved part, turns times extent."""
        to_middle = about(pose.translation_m, self.moving.extent_m)
        whole, gradient = self.unpacked(sums)
        return product(to_middle.T, whole, to_middle), product(to_middle.T, gradient[:, None])[:, 0]

    def unpacked(self, sums: Floats) -> tuple[Floats, Floats]:
        """Return information (6, 6) and gradient (6,) of the left perturbation in the target's local frame."""
        whole = np.zeros((6, 6))
        for k, (i, j) in enumerate(UPPER):
            whole[i, j] = whole[j, i] = sums[k]
        return whole, sums[21:27]

    def covariance(self, sums: Floats, pose: Pose) -> tuple[Floats, Floats]:
        """Return covariance and information (6, 6) about the middle of the moved part, turns times extent.

        A sandwich (White 1980) over the pairs, in which those that share a target point, or neighbouring ones as many
        as the settings say, count as one (Liang & Zeger 1986).
        """
        information, _ = self.normal_equations(sums, pose)
        values, vectors = eigen(information)
        seen = values > UNSEEN * max(sums[28], 1.0)
        inverse = np.where(seen, 1.0 / np.where(seen, values, 1.0), 0.0)
        probe = self.sample()
        spread, there = probe.spread(pose)
        spread *= self.used / probe.used
        half = product(vectors * inverse[None, :], vectors.T) / probe.response(pose, there)
        free = np.where(seen, 0.0, self.moving.extent_m**2)
        return product(half, spread, half) + product(vectors * free[None, :], vectors.T), information

    def sample(self) -> Work:
        """Return the same work on some runs of neighbouring points."""
        apart = max(RUN, RUN * (len(self.moving.local) // ENOUGH_TO_PROBE))
        some, matches, held = whole = self.moving.local, self.matches, self.held
        if apart > RUN:
            starts = range(0, len(some), apart)
            some, matches, held = (np.concatenate([rows[at : at + RUN] for at in starts]) for rows in whole)
        some_source = Source(some, self.moving.origin_m, self.moving.extent_m)
        work = Work(some_source, self.fixed, self.settings, 0, float(self.state[13]))
        work.matches, work.held = matches, held
        work.state[12:14] = self.state[12:14]
        return work

    def spread(self, pose: Pose) -> tuple[Floats, Floats]:
        """Return the spread (6, 6) of the pull, from the pulls of single points, and the sums there; for a sample."""
        pulls, groups, spread = np.zeros((self.used, 7)), np.zeros((self.used, 6)), np.zeros((6, 6))
        self.stand_at(pose)
        self.linearise(pulls)
        slots = np.zeros(self.fixed.index.count // self.settings.shared + 1, np.int32)
        count = steps.scatter(pulls, self.matches, self.settings.shared, slots, groups, spread)
        to_middle = about(pose.translation_m, self.moving.extent_m)
        return product(to_middle.T, spread, to_middle) * (count / max(count - 6.0, 1.0)), self.added()

    def response(self, pose: Pose, sums: Floats) -> float:
        """Return how strongly the pull really answers a small motion, as a share of what the information promises.

        sums  those at the pose
        It is less than 1 where a moved point finds another partner that is nearer to it, and where robust kernels bend.
        """
        every = max(1, self.used // ENOUGH_TO_ANSWER)
        self.modes[3] = every
        self.parts = np.zeros((-(-self.used // (PIECE * every)), kernels.SUMS))
        frame, way, answers = self.frame(), np.zeros(6), []
        self.stand_at(pose)
        steps.lean(sums, self.state, frame, way)
        for sign in (1.0, -1.0):
            self.stand_at(pose)
            steps.nudge(self.state, way * sign, self.moving.extent_m)
            self.linearise()
            answers.append(self.added())
        self.stand_at(pose)
        return min(max(float(steps.answer(*answers, self.state, frame, way)), LEAST_RESPONSE), 1.0)

    def frame(self) -> Floats:
        """Return what `advance` measures steps by."""
        return np.array([self.moving.extent_m, 4 * self.reach_m, UNSEEN, LEAST_PAIRS])


def about(middle_m: Floats, extent_m: float) -> Floats:
    """Return (6, 6): a step about the middle, turns times extent, to (ω rad, t m) about the frame's origin."""
    whole = np.diag([1 / extent_m] * 3 + [1.0] * 3)
    x, y, z = middle_m
    whole[3:, :3] = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]) / extent_m
    return whole
