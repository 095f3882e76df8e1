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
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import Circle, Cone, Contribution, Cylinder, Plane, SensorNoise, Sphere
from visionvalley.core.arrays import Floats
from visionvalley.kernels import bias as kernels
from visionvalley.kernels.threads import each_thread
from visionvalley.vision.metrology.characteristics import Extracted
from visionvalley.vision.metrology.surfaces import distances

CELL = 0.1  # of the correlation length: the field is the same within a cell, its variance to 1 %
POINTS = 1500  # from so many on, cells are used
RANK = 400
STOP = 1e-3  # of the variance: left of the factor; kept, as noise of each point's own
NOISE, CORRELATED, SCALE = "noise", "correlated noise", "scale"
TEMPERATURE, REGISTRATION = "temperature", "registration"


@dataclass(frozen=True, slots=True, eq=False)
class Sensed:
    """The points of some features, and how they err.

    names    of the features; starts (F + 1,) where each begins among all points
    points_m (N, 3), about their middle
    axes     (N, c, 3) the directions that count: the normal of a surface, all three of a curve
    factor   (C, r) of the shared field, of its cells; rest (C,) the variance that it leaves
    cell     (N,) of each point
    """

    names: tuple[str, ...]
    starts: tuple[int, ...]
    points_m: Floats
    axes: Mapping[str, Floats]
    noise: SensorNoise
    factor: Floats
    rest: Floats
    cell: NDArray[np.int64]

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
    cells, cell = _cells(points, noise)
    factor, rest = _factor(cells, noise)
    return Sensed(names, starts, points, axes, noise, factor, rest, cell)


def contributions(sensitivity: Mapping[str, Floats], points: Sensed) -> tuple[Contribution, ...]:
    """Return the standard uncertainties that noise, scale, temperature and registered scans give to a result.

    sensitivity  (N, 3) for each feature that it depends on
    """
    noise = points.noise
    white = math.sqrt(math.fsum(float((g * g).sum()) for g in sensitivity.values()))
    stretch = math.fsum(float((g * points.points_m[points.of(name)]).sum()) for name, g in sensitivity.items())
    found = [Contribution(NOISE, noise.white_m * white)]
    if noise.correlated_m > 0:
        shared = np.zeros((len(points.rest), 3))
        for name, g in sensitivity.items():
            cell = points.cell[points.of(name)]
            for axis in range(3):
                shared[:, axis] += np.bincount(cell, g[:, axis], len(shared))
        total = float((multiplied(points.factor.T, shared) ** 2).sum()) + float(
            (points.rest[:, None] * shared**2).sum()
        )
        found.append(Contribution(CORRELATED, noise.correlated_m * math.sqrt(total)))
    if noise.scale > 0:
        found.append(Contribution(SCALE, noise.scale * abs(stretch)))
    if noise.temperature > 0:
        found.append(Contribution(TEMPERATURE, noise.temperature * abs(stretch)))
    if noise.registration_m > 0:
        shifts = math.sqrt(math.fsum(float((g.sum(axis=0) ** 2).sum()) for g in sensitivity.values()))
        found.append(Contribution(REGISTRATION, noise.registration_m * shifts))
    return tuple(found)


def drawn(points: Sensed, count: int, random: np.random.Generator) -> dict[str, Floats]:
    """Return draws of the noise of each feature's points along their axes: (N, c, count), metres."""
    noise = points.noise
    fields = []
    if noise.correlated_m > 0:
        for _ in range(3):
            field = multiplied(points.factor, random.normal(size=(points.factor.shape[1], count)))
            fields.append(field + np.sqrt(points.rest)[:, None] * random.normal(size=field.shape))
    size = math.hypot(noise.scale, noise.temperature)
    scale = size * random.normal(size=count) if size > 0 else None
    out = {}
    for name in points.names:
        axes = points.axes[name]
        errors = noise.white_m * random.normal(size=(*axes.shape[:2], count))
        cell = points.cell[points.of(name)]
        for a, field in enumerate(fields):
            errors += noise.correlated_m * axes[:, :, a, None] * field[cell][:, None]
        if scale is not None:
            along = (axes * points.points_m[points.of(name)][:, None]).sum(axis=2)
            errors += along[:, :, None] * scale
        if noise.registration_m > 0:
            for a, shift in enumerate(noise.registration_m * random.normal(size=(3, count))):
                errors += axes[:, :, a, None] * shift
        out[name] = errors
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


def _cells(points: Floats, noise: SensorNoise) -> tuple[Floats, NDArray[np.int64]]:
    """Return places (C, 3) at which the field is known, and which of them is each point's."""
    if noise.correlated_m == 0 or len(points) <= POINTS:
        return points, np.arange(len(points))
    keys = np.floor(points / (CELL * noise.correlation_length_m)).astype(np.int64)
    _, cell = np.unique(keys, axis=0, return_inverse=True)
    cell = cell.ravel()
    counts = np.bincount(cell)
    return np.stack([np.bincount(cell, column) / counts for column in points.T], axis=1), cell


def _factor(places: Floats, noise: SensorNoise) -> tuple[Floats, Floats]:
    if noise.correlated_m == 0:
        return np.zeros((len(places), 0)), np.zeros(len(places))
    factor, rest = np.zeros((len(places), min(RANK, len(places)))), np.zeros(len(places))
    rank = kernels.field_factor(np.ascontiguousarray(places), noise.correlation_length_m, STOP, factor, rest)
    return np.ascontiguousarray(factor[:, :rank]), rest
