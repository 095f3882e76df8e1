# SPDX-License-Identifier: Apache-2.0
"""Registration without a start: where two shapes that overlap lie relative to each other, found from shape alone.

Points that look alike are matched; a match is believed as far as matches that agree with it agree with each other;
the best believed ones each propose a motion; the motions are judged by how much of the shapes comes to lie on each
other. Nothing is drawn at random, so the answer is the same every time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Cloud, Pose, check, require, require_positive, setting
from visionvalley.core.arrays import Floats
from visionvalley.kernels import registration as kernels
from visionvalley.kernels.threads import each_thread
from visionvalley.vision.geometry.motion import orthonormal
from visionvalley.vision.shape.descriptors import fast_point_feature_histograms
from visionvalley.vision.shape.matching import agreement, motions, mutual_matches, pack_pairs
from visionvalley.vision.shape.normals import normals
from visionvalley.vision.shape.orientation import orient_outwards
from visionvalley.vision.shape.registration import Alignment, Fit, Source, Target, align
from visionvalley.vision.shape.voxels import downsample_cloud

FEWEST = 12  # points of a shape
TRUE = 0.3  # cells: mean distance of shapes that lie on each other; false fits of real parts have 0.36 and more
LEAST_OVERLAP = 0.15  # of the source's points


@dataclass(frozen=True, slots=True)
class Search:
    """How a motion is searched; lengths are in cells."""

    radius: float = setting(5.0, low=1, label="Radius", help="Around a point, what describes it")
    most_matches: int = setting(1500, low=64, label="Matches", help="The most distinctive that are kept")
    length: float = setting(1.0, low=0, label="Length", help="Two matches agree if their lengths differ by less")
    least_length: float = setting(4.0, low=0, label="Least length", help="Nearer matches say nothing about each other")
    cosine: float = setting(0.3, low=0, label="Cosine", help="Largest difference of cosines of normals that agree")
    seeds: int = setting(48, low=1, label="Seeds", help="Matches that propose a motion")
    reach: float = setting(2.0, low=0, label="Reach", help="A match fits a motion within it")
    judged: int = setting(12, low=1, label="Judged", help="Motions judged by how much comes to lie on each other")
    refined: int = setting(4, low=1, label="Refined", help="Motions refined and judged again")
    turned: bool = setting(True, label="Turned", help="Try guessed normals to the other side if nothing fits")

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """A shape thinned to one point a cell and described, prepared once for many searches.

    cloud     thinned, with normals
    features  (N, 33)
    guessed   whether the side of the normals was guessed, not given
    """

    cloud: Cloud
    features: NDArray[np.float32]
    source: Source
    target: Target
    cell_m: float
    guessed: bool

    def turned(self) -> Described:
        """Return the shape with its normals to the other side."""
        if self.cloud.normals is None:
            raise BadInput("registration.no_normals", name="cloud")
        return described(Cloud(self.cloud.points_m, -self.cloud.normals), self.cell_m, guessed=self.guessed)


def describe(shape: Cloud | Any, cell_m: float, radius: float = 5.0) -> Described:
    """Return a Cloud, or points (N, 3) in metres, thinned to cells and described.

    Without normals they are estimated, on the side to which the surface bulges.
    """
    require_positive(cell_m=cell_m)
    thin = thinned(shape if isinstance(shape, Cloud) else Cloud(require("points_m", shape, (None, 3))), cell_m)
    if len(thin) < FEWEST:
        raise BadInput("registration.too_few_points", name="cloud", got=len(thin), wanted=FEWEST)
    guessed = thin.normals is None
    if guessed:
        thin = Cloud(thin.points_m, orient_outwards(thin.points_m, normals(thin.points_m, 12)))
    return described(thin, cell_m, radius, guessed)


def described(thin: Cloud, cell_m: float, radius: float = 5.0, guessed: bool = False) -> Described:
    """Return a thinned cloud with normals, described."""
    if thin.normals is None:
        raise BadInput("registration.no_normals", name="cloud")
    thin = thin.taken(np.flatnonzero(np.isfinite(thin.normals).all(axis=1)))
    features = fast_point_feature_histograms(thin, radius * cell_m)
    return Described(thin, features, Source.of(thin), Target.of_cloud(thin), cell_m, guessed)


def align_coarse(
    source: Cloud | Described | Any, target: Cloud | Described | Any, cell_m: float, settings: Search = Search()
) -> Fit:
    """Return the pose that brings a source onto a target that it overlaps, from shape alone.

    source, target  Clouds, with normals to the outside or none; described ones; or points (N, 3) in metres
    cell_m          points a cell apart are compared: about 1 / 60 of the part, and well above the noise
    The fit is as good as cells allow: refine it with `align` on all points. It has converged only where the shapes
    come to lie on each other as closely as true neighbours do; its overlap is the share of the source that does.
    Rusu et al. 2009 (features), Chen et al. 2022 (second order compatibility).
    """
    moving = source if isinstance(source, Described) else describe(source, cell_m, settings.radius)
    fixed = target if isinstance(target, Described) else describe(target, cell_m, settings.radius)
    fit = _search(moving, fixed, settings)
    if fit.converged or not moving.guessed or not settings.turned:
        return fit
    other = _search(moving.turned(), fixed, settings)
    return max(fit, other, key=lambda one: (one.converged, one.overlap))


def _search(moving: Described, fixed: Described, settings: Search) -> Fit:
    return max(candidates(moving, fixed, settings), key=lambda fit: fit.overlap)


def candidates(moving: Described, fixed: Described, settings: Search = Search()) -> list[Fit]:
    """Return the few fits that lie best on each other, refined; what `align_coarse` chooses from, normals as given."""
    poses = proposed(moving, fixed, settings)
    shares = judged(poses, moving, fixed)
    order = [i for i in np.argsort(-shares, kind="stable")[: settings.refined] if 2 * shares[i] >= shares.max()]
    cell = moving.cell_m
    fine = Alignment(reach_m=2 * cell, robust="tukey", scale_m=1.5 * cell, rounds=12, stop_m=0.02 * cell)
    fits = [align(moving.source, fixed.target, poses[i], fine) for i in order]
    shares = judged([fit.target_from_source for fit in fits], moving, fixed)
    return [
        replace(
            fit,
            overlap=float(share),
            converged=bool(fit.rmse_m < TRUE * cell and share > LEAST_OVERLAP) and not fit.unseen,
        )
        for fit, share in zip(fits, shares, strict=True)
    ]


def proposed(moving: Described, fixed: Described, settings: Search) -> list[Pose]:
    """Return motions that many matches agree on, the best supported first, all different."""
    cell = moving.cell_m
    matches = mutual_matches(moving.features, fixed.features, settings.most_matches)
    middle = fixed.target.index.origin_m
    ours, theirs = _local(moving.cloud, moving.source.origin_m), _local(fixed.cloud, middle)
    pairs = pack_pairs(ours, theirs, matches)
    limits = np.array([settings.length * cell, settings.least_length * cell, settings.cosine])
    graph, support = agreement(pairs, limits)
    seeds = np.argsort(-support[: len(matches)], kind="stable")[: settings.seeds]
    found = motions(pairs, len(matches), graph, seeds, settings.reach * cell)
    return _different(found, moving, middle, settings.judged)


def judged(poses: list[Pose], moving: Described, fixed: Described) -> Floats:
    """Return for each pose the share of the source's points that lies on the target, normals the same way."""
    source, target, cell = moving.source, fixed.target, moving.cell_m
    rows = np.zeros((len(poses), 12))
    for row, pose in zip(rows, poses, strict=True):
        row[:9] = pose.rotation.ravel()
        row[9:] = pose.apply(source.origin_m[None])[0] - target.index.origin_m
    counts = np.zeros((len(poses), 2), np.int64)
    limits = np.array([cell * cell, cell * cell, 0.7])
    each_thread(kernels.overlaps, len(poses), target.index.tree, target.normals, source.local, rows, limits, counts)
    return counts[:, 0] / len(source.local)


def _different(found: Floats, moving: Described, middle: Floats, most: int) -> list[Pose]:
    """Return the poses of motions between local frames, without those that nearly repeat a better one.

    Two are the same if they set the source less than two cells apart, root mean square.
    """
    source, kept = moving.source, np.zeros((0, 12))
    for row in found[found[:, 12] > 0, :12]:
        gaps = kept - row
        apart = (gaps[:, 9:] ** 2).sum(axis=1) + (gaps[:, :9] ** 2).sum(axis=1) * source.extent_m**2 / 3
        if (apart > (2 * moving.cell_m) ** 2).all():
            kept = np.vstack([kept, row])
        if len(kept) == most:
            break
    poses = []
    for row in kept:
        rotation = orthonormal(row[:9].reshape(3, 3))
        turned = Pose(rotation, np.zeros(3)).apply(source.origin_m[None])[0]
        poses.append(Pose(rotation, row[9:] + middle - turned))
    return poses or [Pose.identity()]


def _local(cloud: Cloud, origin_m: Floats) -> NDArray[np.float32]:
    return np.concatenate([cloud.points_m - origin_m, np.asarray(cloud.normals)], axis=1).astype(np.float32)


def thinned(cloud: Cloud, cell_m: float) -> Cloud:
    """Return one point a cell: the mean of its points, and of their normals where there are any."""
    bare = downsample_cloud(Cloud(cloud.points_m, cloud.normals), cell_m)
    if bare.normals is None:
        return bare
    lengths = np.sqrt((bare.normals * bare.normals).sum(axis=1))
    return Cloud(bare.points_m, bare.normals / np.where(lengths > 0, lengths, np.nan)[:, None])
