# SPDX-License-Identifier: Apache-2.0
"""Poses of many scans from fits of pairs, some of which may be wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Pose
from visionvalley.core.arrays import Floats
from visionvalley.vision.geometry.motion import adjoint, difference, perturbed
from visionvalley.vision.geometry.symmetric import inverse, product, quadratic, solve

BOUND = 16.81  # squared normalised error that one true edge in a hundred exceeds: chi squared, 6 degrees of freedom
SOFTER = 1.4  # factor between rounds of graduated non-convexity (Yang et al. 2020)
ROUNDS = 60
TREES = 40  # starts that are tried where edges disagree
BELIEVED = 0.5  # weight of an edge that counts as an inlier


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """A measured relation of two scans.

    b_from_a    takes coordinates of scan `a` to scan `b`
    covariance  (6, 6) of the left perturbation (ω rad, t m) in frame b
    sure        an edge that is never doubted, such as odometry
    """

    a: int
    b: int
    b_from_a: Pose
    covariance: Floats
    sure: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Poses of scans in the frame of the first, and what was believed.

    covariances  (N, 6, 6), left perturbation in the world; zero for the first scan, which defines the world
    weights      (E,) 0 to 1: how far each edge was believed
    converged    whether the poses stood still in the end
    """

    world_from_scan: tuple[Pose, ...]
    covariances: Floats
    weights: Floats
    converged: bool


def optimise(count: int, edges: Sequence[Edge], robust: bool = True) -> Graph:
    """Return the poses of `count` scans that agree best with their edges, and disbelieve edges that cannot be true.

    Raises BadInput if the edges do not connect all scans.
    Graduated non-convexity with Geman-McClure: Yang, Antonante, Tzoumas, Carlone 2020; Gauss-Newton on SE(3).
    """
    _require_pairs(count, edges)
    weights = np.ones(len(edges))
    information = [inverse(edge.covariance) for edge in edges]
    poses = _start(count, edges, information, TREES if robust else 1)
    doubtful = np.array([not edge.sure for edge in edges], bool) & robust
    softness = 1.0
    still = False
    for turn in range(ROUNDS):
        squares = errors(poses, edges, information)
        if turn == 0:
            softness = max(1.0, 2 * float(squares[doubtful].max(initial=0.0)) / BOUND)
        weights[doubtful] = (softness * BOUND / (squares[doubtful] + softness * BOUND)) ** 2
        poses, normal, moved = _step(poses, edges, information, weights)
        still = moved < 1e-9 and softness == 1.0
        if still:
            break
        softness = max(1.0, softness / SOFTER)
    return Graph(tuple(poses), _covariances(normal, count), weights, still)


def errors(poses: Sequence[Pose], edges: Sequence[Edge], information: Sequence[Floats]) -> Floats:
    """Return the squared normalised error (E,) of each edge; 6 on average where noise is all there is."""
    return np.array([quadratic(w, _residual(poses, e)) for e, w in zip(edges, information, strict=True)])


def spanning_poses(count: int, edges: Sequence[Edge], costs: Sequence[float]) -> list[Pose]:
    """Return poses along the tree of the cheapest edges, the first scan at the origin (Prim 1957)."""
    poses: dict[int, Pose] = {0: Pose.identity()}
    order = np.argsort(np.asarray(costs), kind="stable")
    while len(poses) < count:
        step = next((edges[i] for i in order if (edges[i].a in poses) != (edges[i].b in poses)), None)
        if step is None:
            raise _unconnected(count, edges)
        if step.b in poses:
            poses[step.a] = poses[step.b] @ step.b_from_a
        else:
            poses[step.b] = poses[step.a] @ step.b_from_a.inverse()
    return [poses[i] for i in range(count)]


def _start(count: int, edges: Sequence[Edge], information: Sequence[Floats], trees: int) -> list[Pose]:
    """Return the poses of that tree, of the cheapest and some drawn at random, with which most edges agree."""
    costs = np.array([float(np.trace(edge.covariance[3:, 3:])) for edge in edges])
    rng, best, agreeing = np.random.default_rng(0), [Pose.identity()] * count, -1
    for _ in range(trees):
        poses = spanning_poses(count, edges, costs.tolist())
        agree = int((errors(poses, edges, information) < count * BOUND).sum())
        if agree > agreeing:
            best, agreeing = poses, agree
        if agreeing == len(edges):
            break
        costs = rng.random(len(edges))
    return best


def groups(count: int, pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Return the scans that pairs connect, group by group, the largest first."""
    group = list(range(count))
    for a, b in pairs:
        old, new = max(group[a], group[b]), min(group[a], group[b])
        group = [new if g == old else g for g in group]
    found = [[i for i in range(count) if group[i] == g] for g in sorted(set(group))]
    return sorted(found, key=len, reverse=True)


def _residual(poses: Sequence[Pose], edge: Edge) -> Floats:
    return difference(poses[edge.b].inverse() @ poses[edge.a], edge.b_from_a)


def _step(
    poses: list[Pose], edges: Sequence[Edge], information: Sequence[Floats], weights: Floats
) -> tuple[list[Pose], Floats, float]:
    """Return poses after one Gauss-Newton step, the normal matrix (6 N, 6 N), and how far the step went."""
    system = System(len(poses))
    for edge, metric, weight in zip(edges, information, weights, strict=True):
        system.add(edge.a, edge.b, poses[edge.b], weight * metric, weight * _residual(poses, edge), metric)
    return system.moved(poses)


class System:
    """Normal equations over all poses, left perturbations in the world; the first pose is held."""

    def __init__(self, count: int) -> None:
        self.normal = np.zeros((6 * count, 6 * count))
        self.gradient = np.zeros(6 * count)

    def add(self, a: int, b: int, world_from_b: Pose, hessian: Floats, residual: Floats, metric: Floats) -> None:
        """Add a pair: `hessian` (6, 6) and metric times residual (6,) in the left perturbation of b_from_a."""
        self.add_gradient(a, b, world_from_b, hessian, product(metric, residual[:, None])[:, 0])

    def add_gradient(self, a: int, b: int, world_from_b: Pose, hessian: Floats, gradient: Floats) -> None:
        """Add a pair by its Hessian (6, 6) and gradient (6,) in the left perturbation of b_from_a."""
        to_b = adjoint(world_from_b.inverse())
        block = product(to_b.T, hessian, to_b)
        pull = product(to_b.T, gradient[:, None])[:, 0]
        at_a, at_b = slice(6 * a, 6 * a + 6), slice(6 * b, 6 * b + 6)
        self.normal[at_a, at_a] += block
        self.normal[at_b, at_b] += block
        self.normal[at_a, at_b] -= block
        self.normal[at_b, at_a] -= block
        self.gradient[at_a] += pull
        self.gradient[at_b] -= pull

    def moved(self, poses: Sequence[Pose]) -> tuple[list[Pose], Floats, float]:
        """Return the poses after the step, the normal matrix, and the step's length."""
        step = np.zeros(len(self.gradient))
        step[6:] = -solve(self.normal[6:, 6:], self.gradient[6:])
        after = [perturbed(pose, d) for pose, d in zip(poses, step.reshape(-1, 6), strict=True)]
        return after, self.normal, math.sqrt(float((step * step).sum()))


def _covariances(normal: Floats, count: int) -> Floats:
    out = np.zeros((count, 6, 6))
    if count > 1:
        whole = inverse(normal[6:, 6:])
        for i in range(1, count):
            out[i] = whole[6 * i - 6 : 6 * i, 6 * i - 6 : 6 * i]
    return out


def _require_pairs(count: int, edges: Sequence[Edge]) -> None:
    for edge in edges:
        if edge.a == edge.b or not (0 <= edge.a < count and 0 <= edge.b < count):
            raise BadInput("registration.bad_pair", first=edge.a, second=edge.b, count=count, last=count - 1)
    if len(groups(count, [(e.a, e.b) for e in edges])) > 1:
        raise _unconnected(count, edges)


def _unconnected(count: int, edges: Sequence[Edge]) -> BadInput:
    found = groups(count, [(e.a, e.b) for e in edges])
    named = "; ".join(", ".join(map(str, g)) for g in found)
    return BadInput("registration.two_graphs", parts=len(found), groups=named)


def believed(weights: Floats) -> NDArray[np.bool_]:
    """Return which edges count as true."""
    return np.asarray(weights > BELIEVED)
