# SPDX-License-Identifier: Apache-2.0
"""Planes, spheres and cylinders in clouds that hold much else.

Many shapes are drawn through few points each. They are counted on a sample of the points, which
grows as those that fall behind are dropped (Nistér 2003); the best are fitted and varied a little
(LO-RANSAC: Chum, Matas, Kittler 2003); the last few are counted on all points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, require, require_positive
from visionvalley.core.arrays import Floats
from visionvalley.kernels import primitives as kernels
from visionvalley.kernels.ordering import bounds, writable
from visionvalley.kernels.primitives import CYLINDER, PLANE, SPHERE
from visionvalley.kernels.threads import each_thread
from visionvalley.vision.shape.sampling import uniform

# what is counted on: 16 thousand points, 32 thousand, all; and how many shapes are left then
FIRST_TILES, NEXT_TILES, ALL_TILES = 8, 16, 1 << 30
FIRST_KEPT, NEXT_KEPT, LAST_KEPT = 128, 16, 4
VARIATIONS, VARIATION_ROUNDS = 128, 4
FIT_ROUNDS = 8
STRAIGHT = 1e-8  # points whose corner has a smaller sine lie on a line, or on a plane
PARAMETERS = {PLANE: 3, SPHERE: 4, CYLINDER: 5}
NAMES = {PLANE: "plane", SPHERE: "sphere", CYLINDER: "cylinder"}


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A shape and the points that lie on it.

    parameters  plane (4,): unit normal n and offset d, n.p + d = 0;
                sphere (4,): centre and radius, metres;
                cylinder (7,): the point of the axis beside the inliers' middle, its unit direction, the radius
    inliers     (N,) bool: the points within reach of the shape
    count       number of inliers
    rmse_m      root mean square distance of the inliers from the shape
    """

    parameters: Floats
    inliers: NDArray[np.bool_]
    count: int
    rmse_m: float


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """What stays the same while shapes of one kind are looked for."""

    kind: int
    points_m: Floats
    valid: NDArray[np.intp] | None  # which points are finite; None: all
    origin_m: Floats
    size_m: float
    tiles: NDArray[np.float32]
    reach_m: float
    rounding_m: float


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """A shape and the middle of its inliers, relative to the search's origin."""

    shape: Floats
    count: int
    rmse_m: float
    middle_m: Floats
    inliers: NDArray[np.uint8]


def find_plane(points_m: Floats, reach_m: float, rounds: int = 1000, seed: int = 0) -> Found:
    """Find the plane with the most points within reach.

    points_m  (N, 3) metres; NaN rows never match
    reach_m   points at most this far from the plane are its inliers
    rounds    number of planes that are tried
    Raises BadInput for fewer than three points, or when all lie on one line.
    """
    search = _prepare(PLANE, points_m, reach_m, rounds)
    return _best(search, _planes_through(search, rounds, seed), seed)


def find_sphere(
    points_m: Floats, reach_m: float, rounds: int = 1000, seed: int = 0, most_radius_m: float | None = None
) -> Found:
    """Find the sphere with the most points within reach; arguments as in find_plane.

    rounds         of a share s of all points, four are drawn once in s^-4 rounds: take more where s is small
    most_radius_m  larger spheres are not considered; None: the diagonal of the points' box
    """
    search = _prepare(SPHERE, points_m, reach_m, rounds)
    return _best(search, _spheres_through(search, rounds, seed, _most_radius(search, most_radius_m)), seed)


def find_cylinder(
    points_m: Floats,
    normals: Floats,
    reach_m: float,
    rounds: int = 1000,
    seed: int = 0,
    most_radius_m: float | None = None,
) -> Found:
    """Find the cylinder, endless along its axis, with the most points within reach; arguments as in find_plane.

    normals        (N, 3) unit length, either side; two points with their normals give an axis
    rounds         of a share s of all points, two are drawn once in s^-2 rounds
    most_radius_m  thicker cylinders are not considered; None: the diagonal of the points' box
    """
    search = _prepare(CYLINDER, points_m, reach_m, rounds)
    sides = np.array(require("normals", normals, (None, 3)))
    if len(sides) != len(search.points_m):
        raise BadInput("primitives.no_normals", got=len(sides), wanted=len(search.points_m))
    most_m = _most_radius(search, most_radius_m)
    return _best(search, _cylinders_through(search, sides, rounds, seed, most_m), seed)


def find_planes(
    points_m: Floats, reach_m: float, most: int = 6, least: int = 100, rounds: int = 1000, seed: int = 0
) -> list[Found]:
    """Find several planes, one after another, each among the points that the ones before have left.

    most   no more planes than this
    least  stop at a plane with fewer inliers than this
    """
    require_positive(reach_m=reach_m, most=most, least=least, rounds=rounds)
    rest = np.array(require("points_m", points_m, (None, 3)))
    found: list[Found] = []
    while len(found) < most and int(np.isfinite(rest).all(axis=1).sum()) >= max(3, least):
        try:
            one = find_plane(rest, reach_m, rounds, seed + len(found))
        except BadInput:
            break
        if one.count < least:
            break
        found.append(one)
        rest[one.inliers] = np.nan
    return found


def _prepare(kind: int, points_m: Floats, reach_m: float, rounds: int) -> _Search:
    require_positive(reach_m=reach_m, rounds=rounds)
    points = writable(require("points_m", points_m, (None, 3)))
    low, high, count = bounds(points)
    least = 2 if kind == CYLINDER else 3 + (kind == SPHERE)
    if count < least:
        raise BadInput("primitives.too_few", got=count, shape=NAMES[kind], least=least)
    valid = None if count == len(points) else np.flatnonzero(np.isfinite(points).all(axis=1))
    origin = (low + high) / 2
    tiles = np.zeros((-(-len(points) // kernels.TILE), 3, kernels.TILE), np.float32)
    each_thread(kernels.tile_worker, len(tiles), points, origin, tiles)
    rounding = 8 * float(np.spacing(np.abs([low, high]).max()))
    return _Search(kind, points, valid, origin, _length(high - low), tiles, float(reach_m), rounding)


def _most_radius(search: _Search, given_m: float | None) -> float:
    if given_m is None:
        return search.size_m
    require_positive(most_radius_m=given_m)
    return given_m


# ---- shapes through few points: rows of planes (normal, offset), spheres (centre, radius), cylinders
def _dot(a: Floats, b: Floats) -> Floats:
    return np.asarray(a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2])


def _cross(a: Floats, b: Floats) -> Floats:
    x, y, z = (a[..., i] * b[..., j] - a[..., j] * b[..., i] for i, j in ((1, 2), (2, 0), (0, 1)))
    return np.stack([x, y, z], axis=-1)


def _length(a: Floats) -> float:
    return math.sqrt(float(_dot(a, a)))


def _unit(a: Floats) -> Floats:
    """Return directions of length one; NaN where there is none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return a / np.sqrt(_dot(a, a))[..., None]


def _drawn(search: _Search, rounds: int, seed: int, each: int) -> NDArray[np.intp]:
    """Return the indices (rounds, each) of points drawn at random."""
    count = len(search.points_m if search.valid is None else search.valid)
    place: NDArray[np.intp] = (uniform(seed, (rounds, each)) * count).astype(np.intp)
    return place if search.valid is None else search.valid[place]


def _planes_through(search: _Search, rounds: int, seed: int) -> Floats:
    a, b, c = np.moveaxis(search.points_m[_drawn(search, rounds, seed, 3)] - search.origin_m, 1, 0)
    across = _cross(b - a, c - a)
    first, second = np.sqrt(_dot(b - a, b - a)), np.sqrt(_dot(c - a, c - a))
    least = STRAIGHT * first * second + search.rounding_m * (first + second)
    normal = np.where((np.sqrt(_dot(across, across)) > least)[:, None], _unit(across), np.nan)
    return np.column_stack([normal, -_dot(normal, a)])


def _spheres_through(search: _Search, rounds: int, seed: int, most_m: float) -> Floats:
    a, *others = np.moveaxis(search.points_m[_drawn(search, rounds, seed, 4)] - search.origin_m, 1, 0)
    p, q, r = (one - a for one in others)
    volume = _dot(p, _cross(q, r))
    x, y, z = (np.sqrt(_dot(one, one)) for one in (p, q, r))
    flat = np.abs(volume) <= STRAIGHT * x * y * z + search.rounding_m * (x * y + y * z + z * x)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.stack([_dot(p, p), _dot(q, q), _dot(r, r)])[..., None] / np.where(flat, np.nan, 2 * volume)[:, None]
        centre = share[0] * _cross(q, r) + share[1] * _cross(r, p) + share[2] * _cross(p, q)
    radius = np.sqrt(_dot(centre, centre))
    return np.where((radius <= most_m)[:, None], np.column_stack([centre + a, radius]), np.nan)


def _cylinders_through(search: _Search, normals: Floats, rounds: int, seed: int, most_m: float) -> Floats:
    drawn = _drawn(search, rounds, seed, 2)
    a, b = np.moveaxis(search.points_m[drawn] - search.origin_m, 1, 0)
    m, n = np.moveaxis(normals[drawn], 1, 0)
    across = _cross(m, n)
    axis = _unit(across)
    with np.errstate(invalid="ignore", divide="ignore"):
        step = _dot(_cross(b - a, n), across) / _dot(across, across)
    place = a + step[:, None] * m
    gap = b - place
    gap = gap - _dot(gap, axis)[:, None] * axis
    radius = (np.abs(step) + np.sqrt(_dot(gap, gap))) / 2
    return np.where((radius <= most_m)[:, None], np.column_stack([place, axis, radius]), np.nan)


# ---- counting
def _packed(search: _Search, shapes: Floats) -> NDArray[np.float32]:
    """Return shapes as the kernel counts them, (H, 8) float32, H raised to a multiple of four."""
    reach = search.reach_m
    packed = np.full((-(-len(shapes) // 4) * 4, 8), np.nan, np.float32)
    rows = packed[: len(shapes)]
    if search.kind == PLANE:
        rows[:, :4], rows[:, 4] = shapes, reach
        return packed
    radius = shapes[:, -1]
    low, high = np.maximum(radius - reach, 0) ** 2, (radius + reach) ** 2
    rows[:, :3], rows[:, 3:6] = shapes[:, :3], shapes[:, 3:6] if search.kind == CYLINDER else 0.0
    rows[:, 6], rows[:, 7] = (low + high) / 2, (high - low) / 2
    return packed


def _counts(search: _Search, shapes: Floats, most_tiles: int) -> NDArray[np.int64]:
    """Return how many points of at most so many tiles lie within reach of each shape."""
    total = len(search.tiles)
    chosen = np.unique(np.arange(min(total, most_tiles)) * total // min(total, most_tiles)).astype(np.int32)
    packed = _packed(search, shapes)
    counts = np.zeros((len(chosen), len(packed)), np.int32)
    each_thread(kernels.count_worker, len(chosen), search.tiles, chosen, search.kind, packed, counts)
    found: NDArray[np.int64] = counts.sum(axis=0, dtype=np.int64)
    return found[: len(shapes)]


def _leading(search: _Search, shapes: Floats, tiles: int, kept: int) -> Floats:
    """Return the shapes with the most points on a sample, best first."""
    order = np.argsort(-_counts(search, shapes, tiles), kind="stable")
    return shapes[order[:kept]]


# ---- fitting
def _frame(axis: Floats) -> Floats:
    """Return three perpendicular directions (3, 3), the first along `axis`."""
    u = _unit(_cross(axis, np.eye(3)[int(np.argmin(np.abs(axis)))]))
    return np.stack([axis, u, _cross(axis, u)])


def _place(kind: int, shape: Floats) -> Floats:
    """Return a place on the shape, or its centre, and its frame: (4, 3)."""
    if kind == PLANE:
        return np.vstack([-shape[3] * shape[:3], _frame(shape[:3])])
    return np.vstack([shape[:3], _frame(shape[3:6] if kind == CYLINDER else np.array([0.0, 0.0, 1.0]))])


def _measured(search: _Search, shape: Floats) -> tuple[_Fit, Floats]:
    """Return the shape with its inliers among all points, and the sums of its fit."""
    points, place = search.points_m, _place(search.kind, shape)
    place[0] += search.origin_m
    radius = 0.0 if search.kind == PLANE else float(shape[-1])
    inliers = np.zeros(len(points), np.uint8)
    parts = np.zeros((-(-len(points) // kernels.POINTS_A_PIECE), kernels.SUMS))
    each_thread(kernels.fit_worker, len(parts), points, search.kind, place, radius, search.reach_m, inliers, parts)
    sums = np.zeros(kernels.SUMS)
    for part in parts:
        sums += part
    count = max(1.0, float(sums[0]))
    middle = place[0] - search.origin_m + sums[22:25] / count
    return _Fit(shape, int(sums[0]), math.sqrt(float(sums[1]) / count), middle, inliers), sums


def _solved(matrix: Floats, right: Floats) -> Floats | None:
    """Return the solution of a small symmetric system by Cholesky; None where it has none."""
    size = len(right)
    lower, x = np.zeros((size, size)), right.copy()
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i, j] - sum(lower[i, k] * lower[j, k] for k in range(j))
            if i == j and not rest > 1e-12 * matrix[i, i]:
                return None
            lower[i, j] = math.sqrt(rest) if i == j else rest / lower[j, j]
        x[i] = (x[i] - sum(lower[i, k] * x[k] for k in range(i))) / lower[i, i]
    for i in reversed(range(size)):
        x[i] = (x[i] - sum(lower[k, i] * x[k] for k in range(i + 1, size))) / lower[i, i]
    return x


def _stepped(search: _Search, shape: Floats, change: Floats) -> Floats:
    """Return shapes changed by rows of the parameters that kernels.residual names: (H, parameters)."""
    place = _place(search.kind, shape)
    axis, u, v = place[1:]
    change = np.atleast_2d(change)
    if search.kind == SPHERE:
        return shape + change
    if search.kind == PLANE:
        normal = _unit(axis + change[:, :1] * u + change[:, 1:2] * v)
        return np.column_stack([normal, -_dot(normal, place[0] - change[:, 2:3] * axis)])
    centre = place[0] + change[:, :1] * u + change[:, 1:2] * v
    return np.column_stack([centre, _unit(axis + change[:, 2:3] * u + change[:, 3:4] * v), shape[6] + change[:, 4]])


def _improved(search: _Search, shape: Floats, sums: Floats) -> Floats | None:
    """Return the shape after one Gauss-Newton step."""
    size = PARAMETERS[search.kind]
    matrix = np.zeros((5, 5))
    matrix[np.triu_indices(5)] = sums[7:22]
    matrix = matrix + np.triu(matrix, 1).T
    step = _solved(matrix[:size, :size], -sums[2 : 2 + size])
    return None if step is None else np.asarray(_stepped(search, shape, step)[0])


def _fitted(search: _Search, shape: Floats) -> _Fit:
    """Fit the shape to its inliers by least squares until these stay the same.

    Where points follow the shape alone, that is the best estimate, and costs few inliers. Where they
    bend away from it, it would lose many: the last fit is kept whose inliers are as many as most, but
    for the square root of their number, which chance gives or takes.
    """
    one, sums = _measured(search, shape)
    fits, most = [one], one.count
    for _ in range(FIT_ROUNDS):
        better = _improved(search, one.shape, sums)
        if better is None or not np.isfinite(better).all():
            break
        before = one
        one, sums = _measured(search, better)
        most = max(most, one.count)
        if one.count < most - math.sqrt(most):
            break
        fits.append(one)
        if np.array_equal(one.inliers, before.inliers) and abs(one.rmse_m - before.rmse_m) <= 1e-9 * before.rmse_m:
            break
    return [fit for fit in fits if fit.count >= most - math.sqrt(most)][-1]


def _varied(search: _Search, shape: Floats, seed: int) -> Floats:
    """Return the shape that holds the most points of the sample among many like it."""
    scale = np.full(PARAMETERS[search.kind], search.reach_m)
    if search.kind != SPHERE:
        scale[slice(0, 2) if search.kind == PLANE else slice(2, 4)] *= 2.0 / search.size_m
    for step in range(VARIATION_ROUNDS):
        change = (uniform(seed, (VARIATIONS, len(scale)), stream=1 + step) * 2 - 1) * scale
        change[0] = 0.0
        shape = _leading(search, _stepped(search, shape, change), NEXT_TILES, 1)[0]
        scale = scale / 2
    return shape


def _best(search: _Search, shapes: Floats, seed: int) -> Found:
    """Return the best of many shapes, improved."""
    shapes = shapes[np.isfinite(shapes).all(axis=1)]
    if len(shapes) == 0:
        raise BadInput("primitives.degenerate", shape=NAMES[search.kind])
    for tiles, kept in ((FIRST_TILES, FIRST_KEPT), (NEXT_TILES, NEXT_KEPT), (ALL_TILES, LAST_KEPT)):
        shapes = _leading(search, shapes, tiles, kept)
    shapes = np.vstack([_varied(search, shape, seed) for shape in shapes])
    leader = _leading(search, shapes, ALL_TILES, 1)[0]
    return _found(search, _fitted(search, leader))


def _found(search: _Search, fit: _Fit) -> Found:
    """Return the shape in the frame of the points; the largest number of its direction is positive."""
    parameters, origin = fit.shape.copy(), search.origin_m
    if search.kind == PLANE:
        parameters *= _sign(parameters[:3])
        parameters[3] -= float(_dot(parameters[:3], origin))
        return Found(parameters, fit.inliers.astype(np.bool_), fit.count, fit.rmse_m)
    if search.kind == CYLINDER:
        parameters[3:6] *= _sign(parameters[3:6])
        parameters[:3] += _dot(fit.middle_m - parameters[:3], parameters[3:6]) * parameters[3:6]
    parameters[:3] += origin
    return Found(parameters, fit.inliers.astype(np.bool_), fit.count, fit.rmse_m)


def _sign(direction: Floats) -> float:
    return math.copysign(1.0, float(direction[int(np.argmax(np.abs(direction)))]))
