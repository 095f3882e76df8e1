# SPDX-License-Identifier: Apache-2.0
"""Shapes prepared for registration: what is moved, and what it is moved to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Cloud, Mesh, Pose, require
from visionvalley.core.arrays import Floats
from visionvalley.kernels import prepared as kernels
from visionvalley.kernels.ordering import bounds, curve_order, key_layout, pieces_of, rows_of, writable
from visionvalley.kernels.threads import each_thread
from visionvalley.vision.geometry.symmetric import product
from visionvalley.vision.shape.neighbours import Index, build_index, nearest
from visionvalley.vision.shape.normals import normals

LEAST_PAIRS = 6
ONE_SIDED = (
    0.5  # of their mean distance: how far the middle of the neighbours lies from a point at a straight rim, 0.63
)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A shape to register to, prepared once: an index of points and their normals, by position in the index.

    A point with a NaN normal, such as one on the rim of a surface, takes its matches out of the sum.
    """

    index: Index
    normals: NDArray[np.float32]

    @staticmethod
    def of_cloud(cloud: Cloud, k: int = 12, rims: bool = True) -> Target:
        """Prepare a cloud; normals are estimated from k neighbours where it has none.

        Without `rims`, points at the end of the surface match nothing: what lies beyond would be matched to them.
        """
        index = build_index(cloud.points_m)
        directions = normals(cloud.points_m, k, index) if cloud.normals is None else cloud.normals
        if not rims:
            directions = np.where(_at_a_rim(cloud.points_m, index, k)[:, None], np.nan, directions)
        return Target(_enough("target", index), np.ascontiguousarray(directions[index.order], np.float32))

    @staticmethod
    def of_mesh(mesh: Mesh, spacing_m: float) -> Target:
        """Prepare a surface, sampled so that points are about `spacing_m` apart; its rims match nothing."""
        points, directions = sampled(mesh, spacing_m, rims=False)
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
    def of(source: Cloud | Any, k: int | None = None) -> Source:
        """Prepare a Cloud, or points (N, 3) in metres; rows of NaN are left out.

        With k, normals are estimated from so many neighbours where there are none: one order serves both.
        """
        cloud = source if isinstance(source, Cloud) else Cloud(require("source_m", source, (None, 3)))
        points = writable(cloud.points_m)
        if k is not None and cloud.normals is None:
            index = build_index(points)
            rows, origin, directions = index.order, index.origin_m, normals(points, k, index)
        else:
            low, high, count = bounds(points)
            rows, origin = (
                rows_of(curve_order(points, low, high)[:count], key_layout(len(points))[1]),
                0.5 * (low + high),
            )
            directions = np.zeros((0, 3)) if cloud.normals is None else writable(cloud.normals)
        if len(rows) < LEAST_PAIRS:
            raise BadInput("registration.too_few_points", name="source", got=len(rows), wanted=LEAST_PAIRS)
        local = np.zeros((len(rows), 6), np.float32)
        squares = np.zeros(pieces_of(len(rows), kernels.PIECE))
        each_thread(kernels.gather_local, len(squares), points, directions, rows, origin, local, squares)
        return Source(local, origin, math.sqrt(max(float(squares.sum()) / len(rows), 1e-30)))


def _at_a_rim(points_m: Floats, index: Index, k: int) -> NDArray[np.bool_]:
    """Return which points have their k neighbours mostly to one side."""
    near = nearest(index, points_m, k + 1)
    gaps = points_m[near.index[:, 1:]] - points_m[:, None]
    offset = np.sqrt((gaps.mean(axis=1) ** 2).sum(axis=1))
    return np.asarray(offset > ONE_SIDED * np.sqrt((gaps**2).sum(axis=2)).mean(axis=1))


def to_local(pose: Pose, moving: Source, fixed: Target) -> Pose:
    """Return `target_from_source` between the local frames of both."""
    middle = pose.apply(moving.origin_m[None])[0]
    return Pose(pose.rotation, middle - fixed.index.origin_m)


def to_global(pose: Pose, moving: Source, fixed: Target) -> Pose:
    """Return a pose between local frames as `target_from_source`."""
    turned = product(pose.rotation, moving.origin_m[:, None])[:, 0]
    return Pose(pose.rotation, pose.translation_m + fixed.index.origin_m - turned)


def with_normals(moving: Source) -> Source:
    """Return the points that have a normal."""
    there = np.isfinite(moving.local[:, 3:]).all(axis=1)
    if int(there.sum()) < LEAST_PAIRS:
        raise BadInput("registration.no_normals", name="source")
    return moving if there.all() else Source(moving.local[there], moving.origin_m, moving.extent_m)


def every_nth(moving: Source, enough: int) -> Source:
    """Return every nth point of a source, so that at least `enough` remain where there are as many."""
    step = max(1, len(moving.local) // enough)
    return Source(np.ascontiguousarray(moving.local[::step]), moving.origin_m, moving.extent_m)


def _enough(name: str, index: Index) -> Index:
    if index.count < LEAST_PAIRS:
        raise BadInput("registration.too_few_points", name=name, got=index.count, wanted=LEAST_PAIRS)
    return index


def sampled(mesh: Mesh, spacing_m: float, rims: bool = True) -> tuple[Floats, Floats]:
    """Return points on the faces, about `spacing_m` apart, and their normals; without `rims` NaN on faces at a rim."""
    corners = mesh.vertices_m[mesh.faces]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    cross = np.cross(first, second)
    doubled = np.sqrt((cross * cross).sum(axis=1))
    unit = cross / np.where(doubled > 0, doubled, np.nan)[:, None]
    if not rims:
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
