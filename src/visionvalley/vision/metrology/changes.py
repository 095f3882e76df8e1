# SPDX-License-Identifier: Apache-2.0
"""What changed between two scans of one surface, with the change that could be seen at each place.

After Lague, Brodu & Leroux 2013, "Accurate 3D comparison of complex topography with terrestrial laser scanner"
(M3C2): at places of the first scan, along its normal, the distance between the two surfaces as each scan shows it
within a cylinder. Other than there the surface in a cylinder is a fitted plane, not the mean of its points, so that
points that are spread differently in the two scans do not look like a change.

The scans are registered on what did not change: a motion is fitted to the changes themselves, with weights that end
at six standard deviations (Tukey), and its covariance holds for errors that neighbours share (sandwich, as in
`best_fit`). The uncertainty of a change is that of both planes, of the registration along the normal, and what is left
of the scatter of the unchanged surface: what neighbours share. Its level of detection is 1.96 of it, for 95 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Pose
from visionvalley.core.arrays import Floats, Ints
from visionvalley.vision.geometry.motion import orthonormal
from visionvalley.vision.geometry.symmetric import eigen, gram, product
from visionvalley.vision.metrology.decision import TWO_SIDED_95
from visionvalley.vision.shape.neighbours import Index, build_index, nearest, within

FEWEST = 8  # points in a cylinder
PRIOR = 10.0  # degrees of freedom that the scatter of all cylinders counts for in each
ROUGH = 4.0  # times the scatter of the median cylinder: more, and an edge runs through it
BEYOND = 6.0  # standard deviations at which a change has no weight in the registration
ROUNDS, PASSES = 8, 3
APPROACHES = 3  # steps towards the second surface along a normal
SHARING = 1 / 30  # of the size: over which errors may be alike
WEAK = 1e-9  # of the strongest information
FREEDOM = 40.0  # degrees of freedom of the scatter in two cylinders of usual size
FALSE_ALARM = 0.05  # that a comparison without any change shows a changed region
SMALLEST = 3  # places of a region


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """What a scan shows in the cylinders about some places: height (N,) along the normal, and its variance; or NaN."""

    height_m: Floats
    variance: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """Changes at places of the first scan.

    place_m, normal        (N, 3) outward
    change_m               (N,) positive: there is more now; NaN: not seen in both scans
    uncertainty_m          (N,) standard uncertainty; `level_m` is 1.96 of it
    before_from_after      the motion that lays the second scan on what did not change, after its start
    covariance             (6, 6) of its left perturbation
    common_m               what neighbours share, found from the scatter of what did not change
    unchanged              (N,) places that the registration rests on
    region                 (N,) int32, the number of the changed region, -1: no significant change
    """

    place_m: Floats
    normal: Floats
    change_m: Floats
    uncertainty_m: Floats
    before_from_after: Pose
    covariance: Floats
    common_m: float
    unchanged: NDArray[np.bool_]
    region: Ints

    @property
    def level_m(self) -> Floats:
        """The level of detection at each place (95 %)."""
        return TWO_SIDED_95 * self.uncertainty_m


def changes(before_m: Floats, after_m: Floats, place_m: Floats, normal: Floats, radius_m: float) -> Changes:
    """Return what changed from one scan to another.

    before_m, after_m  (N, 3) in one frame, registered within a radius or so
    place_m, normal    (P, 3) where it is asked, and the outward normals there
    radius_m           of the cylinders
    Raises BadInput where too little of the surface is in both scans.
    """
    first = _surface(build_index(before_m), before_m, place_m, normal, radius_m, np.zeros(len(place_m)))
    pose, covariance = Pose.identity(), np.zeros((6, 6))
    size_m = float(np.sqrt((np.ptp(place_m, axis=0) ** 2).sum()))
    common_m = 0.0
    for _ in range(PASSES):
        moved = pose.apply(after_m)
        second = _surface(build_index(moved), moved, place_m, normal, radius_m, None)
        d, variance = second.height_m - first.height_m, first.variance + second.variance + common_m**2
        known = np.flatnonzero(np.isfinite(d))
        if len(known) < 100:
            raise BadInput("metrology.nothing_to_compare", count=len(known), least=100)
        fit = _registered(place_m[known], normal[known], d[known], variance[known], size_m)
        pose, covariance = fit.pose @ pose, fit.covariance
        white = first.variance[known] + second.variance[known]
        common_m = _common(fit.left_m, white)
        if float(np.abs(fit.left_m - d[known]).max()) < 0.02 * math.sqrt(float(np.median(white))):
            break
    change = np.full(len(place_m), np.nan)
    change[known] = fit.left_m
    laid = _rows(place_m, normal, np.zeros(3), 1.0)
    registered = sum(covariance[a, b] * laid[:, a] * laid[:, b] for a in range(6) for b in range(6))
    u = np.sqrt(first.variance + second.variance + common_m**2 + np.maximum(registered, 0.0))
    u = np.where(np.isfinite(change), u, np.nan)
    unchanged = np.zeros(len(place_m), bool)
    unchanged[known] = fit.weight > 0
    return Changes(
        place_m, normal, change, u, pose, covariance, common_m, unchanged, _regions(place_m, change / u, radius_m)
    )


def _surface(
    index: Index, points_m: Floats, place_m: Floats, normal: Floats, radius_m: float, start: Floats | None
) -> Surface:
    """Return a scan's surface in the cylinders; start: its height is zero there, None: it is searched."""
    height = _approached(index, points_m, place_m, normal, radius_m) if start is None else start
    centre = place_m + height[:, None] * normal
    offsets, rows = within(index, centre, math.sqrt(2) * radius_m)
    own = np.repeat(np.arange(len(place_m)), np.diff(offsets))
    off = points_m[rows] - centre[own]
    h = (off * normal[own]).sum(axis=1)
    u, v = _across(normal)
    x, y = (off * u[own]).sum(axis=1) / radius_m, (off * v[own]).sum(axis=1) / radius_m
    inside = (x * x + y * y <= 1) & (np.abs(h) <= radius_m / 2)
    own, x, y, h = own[inside], x[inside], y[inside], h[inside]
    at, variance = _plane_at(own, x, y, h, len(place_m))
    return Surface(height + at, variance)


def _approached(index: Index, points_m: Floats, place_m: Floats, normal: Floats, radius_m: float) -> Floats:
    """Return about how far along each normal a scan's surface lies; NaN where it does not lie near."""
    height = np.zeros(len(place_m))
    for _ in range(APPROACHES):
        found = nearest(index, place_m + height[:, None] * normal, 1).index[:, 0]
        off = points_m[np.maximum(found, 0)] - place_m
        height = np.where(found >= 0, (off * normal).sum(axis=1), np.nan)
        height = np.where(np.abs(height) <= 10 * radius_m, height, np.nan)
    return height


def _across(normal: Floats) -> tuple[Floats, Floats]:
    """Return two directions (N, 3) across each normal."""
    flat = np.abs(normal[:, 2]) < 0.9
    helper = np.where(flat[:, None], [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    u = np.cross(helper, normal)
    u = u / np.maximum(np.sqrt((u * u).sum(axis=1)), 1e-300)[:, None]
    return u, np.cross(normal, u)


def _plane_at(own: NDArray[np.int64], x: Floats, y: Floats, h: Floats, count: int) -> tuple[Floats, Floats]:
    """Return the height of each group's least-squares plane in its middle (count,), and the variance of it."""
    one = np.ones_like(x)
    n, sx, sy, sxx, sxy, syy, sh, sxh, syh, shh = (
        np.bincount(own, w, count) for w in (one, x, y, x * x, x * y, y * y, h, x * h, y * h, h * h)
    )
    a, b, c = sxx * syy - sxy * sxy, sxy * sy - sx * syy, sx * sxy - sxx * sy  # cofactors of the first row
    determinant = n * a + sx * b + sy * c
    with np.errstate(divide="ignore", invalid="ignore"):
        at = (a * sh + b * sxh + c * syh) / determinant
        slope_x = (b * sh + (n * syy - sy * sy) * sxh + (sx * sy - n * sxy) * syh) / determinant
        slope_y = (c * sh + (sx * sy - n * sxy) * sxh + (n * sxx - sx * sx) * syh) / determinant
        left = np.maximum(shh - at * sh - slope_x * sxh - slope_y * syh, 0.0)
        good = (n >= FEWEST) & (determinant > 1e-3 * n**3)
        scatter = float(np.median(left[good] / (n[good] - 3))) if good.any() else 0.0
        own_scatter = left / (n - 3)
        good &= own_scatter <= ROUGH**2 * scatter
        variance = np.maximum((left + PRIOR * scatter) / (n - 3 + PRIOR), own_scatter) * a / determinant
    return np.where(good, at, np.nan), np.where(good, variance, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """A motion fitted to changes, what it leaves of them, and the weight of each."""

    pose: Pose
    covariance: Floats
    left_m: Floats
    weight: Floats


def _registered(place_m: Floats, normal: Floats, d: Floats, variance: Floats, size_m: float) -> _Fit:
    """Fit the motion of the second scan that makes the changes least, those left out that stand out."""
    centre = place_m.mean(axis=0)
    rows = _rows(place_m, normal, centre, size_m)
    motion, sigma = np.zeros(6), np.sqrt(variance)
    spread = max(1.4826 * float(np.median(np.abs(d / sigma - np.median(d / sigma)))), 1.0)
    for _ in range(ROUNDS):
        left = d + product(rows, motion[:, None])[:, 0]
        z = left / (sigma * spread)
        weight = np.where(np.abs(z) < BEYOND, (1 - (z / BEYOND) ** 2) ** 2, 0.0) / variance
        information = gram(rows * np.sqrt(weight)[:, None])
        inverse = _inverse(information)
        pull = (rows * (weight * left)[:, None]).sum(axis=0)
        step = -product(inverse, pull[:, None])[:, 0]
        motion = motion + step
        spread = max(1.4826 * float(np.median(np.abs(left / sigma))), 1.0)
    left = d + product(rows, motion[:, None])[:, 0]
    cells = np.unique(np.floor(place_m / (SHARING * size_m)).astype(np.int64), axis=0, return_inverse=True)[1].ravel()
    scores = rows * (weight * left)[:, None]
    middle = gram(np.stack([np.bincount(cells, column) for column in scores.T], axis=1))
    scale = np.array([1 / size_m] * 3 + [1.0] * 3)
    covariance = product(product(inverse, middle), inverse) * scale[:, None] * scale
    turn, shift = motion[:3] / size_m, motion[3:]
    about = Pose(np.eye(3), centre) @ Pose.from_rotation_vector(turn, shift) @ Pose(np.eye(3), -centre)
    lever = np.eye(6)  # from a motion about the centre to one about the origin
    x, y, z_ = centre
    lever[3:, :3] = np.array([[0, -z_, y], [z_, 0, -x], [-y, x, 0]])
    covariance = product(product(lever, covariance), lever.T)
    return _Fit(Pose(orthonormal(about.rotation), about.translation_m), covariance, left, weight)


def _rows(place_m: Floats, normal: Floats, centre: Floats, size_m: float) -> Floats:
    """Return how a change answers to a motion (ω times size, t) of the second scan about a centre, (N, 6)."""
    return np.concatenate([np.cross((place_m - centre) / size_m, normal), normal], axis=1)


def _inverse(information: Floats) -> Floats:
    values, vectors = eigen(information)
    seen = values > WEAK * max(float(values[-1]), 1e-300)
    return product(vectors[:, seen] / values[seen], vectors[:, seen].T)


def _common(left_m: Floats, variance: Floats) -> float:
    """Return what neighbours share: by how much the bulk of the changes scatters more than its noise explains."""
    spread = 1.4826 * float(np.median(np.abs(left_m) / np.sqrt(variance)))
    return math.sqrt(max(spread**2 - 1, 0.0) * float(np.median(variance)))


def _regions(place_m: Floats, z: Floats, radius_m: float) -> Ints:
    """Return the changed regions: connected places beyond their level of detection, one of them far beyond it.

    How far, so that all places together show a region with 5 % where nothing changed (Bonferroni).
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.special import stdtrit

    region = np.full(len(z), -1, np.int32)
    known = max(int(np.isfinite(z).sum()), 1)
    sure = float(stdtrit(FREEDOM, 1 - FALSE_ALARM / (2 * known)))
    with np.errstate(invalid="ignore"):
        beyond = np.flatnonzero(np.abs(z) > TWO_SIDED_95)
    if not len(beyond):
        return region
    offsets, rows = within(build_index(place_m[beyond]), place_m[beyond], 2 * radius_m)
    own = np.repeat(np.arange(len(beyond)), np.diff(offsets))
    alike = z[beyond][own] * z[beyond][rows] > 0
    links = coo_array((np.ones(int(alike.sum())), (own[alike], rows[alike])), shape=(len(beyond), len(beyond)))
    count, label = connected_components(links, directed=False)
    peak = np.zeros(count)
    np.maximum.at(peak, label, np.abs(z[beyond]))
    kept = np.flatnonzero((peak > sure) & (np.bincount(label, minlength=count) >= SMALLEST))
    strongest = kept[np.argsort(-peak[kept], kind="stable")]
    number = np.full(count, -1, np.int32)
    number[strongest] = np.arange(len(strongest), dtype=np.int32)
    region[beyond] = number[label]
    return region
