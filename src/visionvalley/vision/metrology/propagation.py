# SPDX-License-Identifier: Apache-2.0
"""From the sensor's noise to a result: by its sensitivity, and by draws of the noise of all points of its features.

Every point errs by white noise, standard deviation σ along each axis; by a field that neighbours share, of which
each component has the standard deviation s and the correlation exp(-(r / l)²) (as `simulation.noise` draws it); and
by the sensor's scale, one relative error for all points about its origin. What lies across a surface does not change
its deviations to first order, so noise along the line of sight or along the normal is the same where a sensor looks
square at a surface, and smaller where it looks at a slant.

A result y with the sensitivities g_i (3,) then has, over all points of all features of one scan,

    u²(y) = σ² Σ |g_i|²  +  s² Σ_ij g_i · g_j exp(-(|p_i - p_j| / l)²)  +  k² (Σ g_i · p_i)²

where k² is the sum of what the sensor's scale and the temperature leave. Scans that were registered to one another lie
off by r along each axis. Which scan saw which feature is not known, so each feature counts as seen by one of its own:
u² gains r² Σ_F |Σ_{i in F} g_i|²: nought for what is within one feature, 2 r² for a distance of two. What features
share cancels or adds up as it does in the part. Where sensitivities add up to zero, which they
do for all that does not depend on where the part lies, the sensor's origin does not matter.

The field is a moving average of independent numbers at the nodes of a grid, weighed by exp(-2 (r / l)²), of which
exp(-(r / l)²) is the correlation (Higdon 1998, A process-convolution approach to modelling temperatures).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import Circle, Cone, Contribution, Cylinder, Plane, SensorNoise, Sphere
from visionvalley.core.arrays import Floats, Singles
from visionvalley.kernels import bias as kernels
from visionvalley.kernels import simulation
from visionvalley.kernels.threads import each_thread
from visionvalley.vision.metrology.characteristics import Extracted
from visionvalley.vision.metrology.fits import box, dots
from visionvalley.vision.metrology.surfaces import distances

STEP, REACH = 1.2, 3.5  # of the grid, and of weights, times their standard deviation, l / 2
NODES = 2_000_000  # of the grid: a finer one is made coarser, and with it the field
AT_ONCE = 8_000_000  # numbers drawn at once
NOISE, CORRELATED, SCALE = "noise", "correlated noise", "scale"
TEMPERATURE, REGISTRATION = "temperature", "registration"


@dataclass(frozen=True, slots=True, eq=False)
class Averages:
    """Sparse rows (N, nodes): offsets (N + 1,), columns and weights."""

    offsets: NDArray[np.int64]
    columns: NDArray[np.int32]
    weights: Singles
    nodes: int

    def of(self, numbers: Singles, some: slice, much: Floats) -> Singles:
        """Return some rows, each as much (m,) as it counts, times numbers (nodes, B)."""
        offsets = self.offsets[some.start : some.stop + 1]
        begin, end = offsets[0], offsets[-1]
        weights = self.weights[begin:end] * np.repeat(much.astype(np.float32), np.diff(offsets))
        return sparse_product(offsets - begin, self.columns[begin:end], weights, numbers)

    def onto(self, pulls: Floats, some: slice) -> Floats:
        """Return what pulls (m, 3) on some rows are at the nodes (nodes, 3)."""
        begin, end = self.offsets[some.start], self.offsets[some.stop]
        columns, weights = self.columns[begin:end], self.weights[begin:end]
        counts = np.diff(self.offsets[some.start : some.stop + 1])
        out = np.zeros((self.nodes, 3))
        for axis in np.flatnonzero(pulls.any(axis=0)):
            out[:, axis] = np.bincount(columns, weights * np.repeat(pulls[:, axis], counts), self.nodes)
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Sensed:
    """The points of some features, and how they err.

    names    of the features; starts (F + 1,) where each begins among all points
    points_m (N, 3), about their middle
    axes     (N, c, 3) the directions that count: the normal of a surface, all three of a curve
    rows     of the shared field: how it is made of independent numbers at nodes; none where there is none
    """

    names: tuple[str, ...]
    starts: tuple[int, ...]
    points_m: Floats
    axes: Mapping[str, Floats]
    noise: SensorNoise
    rows: Averages

    def of(self, name: str) -> slice:
        """Return where a feature's points lie among all."""
        at = self.names.index(name)
        return slice(self.starts[at], self.starts[at + 1])


def sensed(features: Mapping[str, Extracted], noise: SensorNoise) -> Sensed:
    """Return the points of features with their shared noise factored."""
    names = tuple(features)
    counts = [len(features[name].points_m) for name in names]
    starts = tuple(int(n) for n in np.concatenate([[0], np.cumsum(counts)]))
    points = np.concatenate([features[name].points_m for name in names])
    points = points - points.mean(axis=0)
    axes = {name: _axes(features[name]) for name in names}
    return Sensed(names, starts, points, axes, noise, _averages(points, noise))


def contributions(sensitivity: Mapping[str, Floats], points: Sensed) -> tuple[Contribution, ...]:
    """Return the standard uncertainties that noise, scale, temperature and registered scans give to a result.

    sensitivity  (N, 3) for each feature that it depends on
    """
    noise = points.noise
    white = math.sqrt(math.fsum(float((g * g).sum()) for g in sensitivity.values()))
    stretch = math.fsum(float((g * points.points_m[points.of(name)]).sum()) for name, g in sensitivity.items())
    found = [Contribution(NOISE, noise.white_m * white)]
    if noise.correlated_m > 0:
        shared = np.zeros((points.rows.nodes, 3))
        for name, g in sensitivity.items():
            shared += points.rows.onto(g, points.of(name))
        found.append(Contribution(CORRELATED, noise.correlated_m * math.sqrt(float((shared * shared).sum()))))
    if noise.scale > 0:
        found.append(Contribution(SCALE, noise.scale * abs(stretch)))
    if noise.temperature > 0:
        found.append(Contribution(TEMPERATURE, noise.temperature * abs(stretch)))
    if noise.registration_m > 0:
        shifts = math.sqrt(math.fsum(float((g.sum(axis=0) ** 2).sum()) for g in sensitivity.values()))
        found.append(Contribution(REGISTRATION, noise.registration_m * shifts))
    return tuple(found)


def drawn(points: Sensed, count: int, random: np.random.Generator) -> dict[str, Singles]:
    """Return draws of the noise of each feature's points along their axes: (N, c, count), metres."""
    noise = points.noise
    out = {}
    for name in points.names:
        out[name] = normal(random, (*points.axes[name].shape[:2], count), noise.white_m)
    if noise.correlated_m > 0:
        _add_fields(points, out, random)
    size = math.hypot(noise.scale, noise.temperature)
    if size > 0:
        scale = (size * random.normal(size=count)).astype(np.float32)
        for name, errors in out.items():
            along = dots(points.axes[name], points.points_m[points.of(name)][:, None]).astype(np.float32)
            errors += along[:, :, None] * scale
    if noise.registration_m > 0:
        for name, errors in out.items():
            for a, shift in enumerate(noise.registration_m * random.normal(size=(3, count))):
                errors += (points.axes[name][:, :, a, None] * shift).astype(np.float32)
    return out


def _add_fields(points: Sensed, errors: Mapping[str, Singles], random: np.random.Generator) -> None:
    """Add draws of the shared field, along the axes of all points."""
    count = next(iter(errors.values())).shape[2]
    once = max(1, AT_ONCE // max(points.rows.nodes, 1))
    along = {name: points.noise.correlated_m * axes for name, axes in points.axes.items()}
    seen = [a for a in range(3) if any(axes[:, :, a].any() for axes in along.values())]
    for begin in range(0, count, once):
        some = slice(begin, min(begin + once, count))
        for a in seen:
            numbers = normal(random, (points.rows.nodes, some.stop - some.start))
            for name, axes in along.items():
                for c in range(axes.shape[1]):
                    if axes[:, c, a].any():
                        errors[name][:, c, some] += points.rows.of(numbers, points.of(name), axes[:, c, a])


def normal(random: np.random.Generator, shape: tuple[int, ...], size: float = 1.0) -> Singles:
    """Return normal random numbers of standard deviation size, quicker than NumPy's own."""
    count = math.prod(shape)
    whole = -(-count // (2 * simulation.LANES)) * 2 * simulation.LANES
    words = random.integers(0, 2**32, whole, np.uint32).view(np.int32)
    out = np.empty(whole, np.float32)
    pieces = -(-whole // (2 * simulation.PAIRS))
    each_thread(simulation.normal_worker, pieces, words, np.float32(size), out)
    return out[:count].reshape(shape)


def sparse_product(
    offsets: NDArray[np.int64], columns: NDArray[np.int32], weights: Floats | Singles, values: Singles
) -> Singles:
    """Return sparse rows (m) times values (N, B); offsets (m + 1,) where each row begins."""
    out = np.empty((len(offsets) - 1, values.shape[1]), np.float32)
    given = (offsets, columns, np.asarray(weights, np.float32), values)
    each_thread(kernels.sparse_worker, -(-len(out) // kernels.ROWS), *given, out)
    return out


def multiplied(left: Floats, right: Floats) -> Floats:
    """Return the product (N, B) of (N, r) and (r, B), with the same bits everywhere."""
    out = np.empty((left.shape[0], right.shape[1]))
    given = (np.ascontiguousarray(left, np.float64), np.ascontiguousarray(right, np.float64))
    each_thread(kernels.product_worker, -(-len(out) // kernels.ROWS), *given, out)
    return out


def _axes(feature: Extracted) -> Floats:
    if isinstance(feature.nominal, (Plane, Sphere, Cylinder, Cone)) and not isinstance(feature.nominal, Circle):
        return np.array(distances(feature.nominal, feature.points_m)[1])[:, None, :]
    return np.broadcast_to(np.eye(3), (len(feature.points_m), 3, 3))


def _averages(points: Floats, noise: SensorNoise) -> Averages:
    if noise.correlated_m == 0 or not len(points):
        return Averages(np.zeros(len(points) + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32), 0)
    deviation = 0.5 * noise.correlation_length_m
    low, high = box(points)
    while True:
        step, reach = STEP * deviation, REACH * deviation
        counts = np.floor((high - low + 2 * reach) / step).astype(np.int64) + 1
        if int(counts.prod()) <= NODES:
            break
        deviation *= 1.25
    grid = np.array([*(low - reach), step, deviation, reach])
    room = len(points) * int((2 * REACH / STEP + 1) ** 3)
    offsets, columns, weights = (
        np.zeros(len(points) + 1, np.int64),
        np.empty(room, np.int32),
        np.empty(room, np.float32),
    )
    kernels.field_rows(np.ascontiguousarray(points), grid, counts, offsets, columns, weights)
    columns, weights = columns[: offsets[-1]], weights[: offsets[-1]].copy()
    used = np.zeros(int(counts.prod()), np.int32)
    used[columns] = 1
    return Averages(offsets, (np.cumsum(used, dtype=np.int32) - 1)[columns], weights, int(used.sum()))
