# SPDX-License-Identifier: Apache-2.0
"""What points do not see of a surface: the uncertainty of sampling.

The measurand is the characteristic of the whole filtered surface; what is seen of it are its points.

**Sums.** A size, a distance, an angle answers linearly to deviations d_i, y = Σ w_i d_i. Of the whole surface it is an
integral, and its error that of a sum for an integral. Two parts of it can be told from the points themselves. What lies
between neighbours: with the contrast c of each two points that are neighbours, and the sensor's noise of variance σ²
taken off, u² = Σ w_i² (c_i² - σ²) (paired strata: Cochran 1977, 8.11; Wolter 2007, Introduction to variance
estimation, 8.2; in geostatistics the extension variance, Journel & Huijbregts 1978, V). It falls as 1 / N² for a smooth
surface. And points that lie unevenly: δ = Σ w_i (a_i - 1) r_i, what the residuals r would add if blocks of `BLOCK`
points counted by their area a instead of by their number. Sampling as a part of the uncertainty of a fit: Hopp 1993;
Phillips et al. 1998.

**Filtered surfaces.** What the filter takes away beyond the sensor's noise is real and shorter than the cut-off, but
seen at single points it does not average out: it passes the filter as white noise does (aliasing), and counts as such.

**Extremes.** A peak lies between points. By how much a point that touches the zone stands above its best neighbour
tells how much higher the peak is: of a parabola 1/6 of that along a line, 1/2 over an area, on average over all places
that the points may have. That is added. How uncertain it is goes by how much it stands above the mean of its
neighbours, with a share found by Monte Carlo (`tests/test_metrology_sampling.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from visionvalley.core import Circle, Line, SensorNoise
from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology.characteristics import Evaluated, Extracted
from visionvalley.vision.metrology.features import Smooth, smooth
from visionvalley.vision.metrology.filters import ALPHA, Filter, apply, some_of
from visionvalley.vision.metrology.fits import dots
from visionvalley.vision.metrology.strata import blocks_of, cut_of, unplaced
from visionvalley.vision.metrology.toleranced import Widest

SAMPLING = "sampling"
BLOCK = 8
GAINS = 500  # places of a filter that tell how much it leaves of noise
FEWEST = 8
LINE, AREA = (2, 1 / 6, 1 / 8), (4, 1 / 2, 1 / 5)  # neighbours; shares of what stands above the best, and the mean
TOUCHING = 24
ONCE = 0.05  # of scans: in so many noise alone makes the largest of all points stand higher above its neighbours
PEAK = 3.0  # of the noise that filtered points have of their own: by so much the largest stands above its neighbours
FILTERED = 0.1  # of the noise: by so much filtered neighbours differ, seven points to a cut-off wave


def between_points(sensitivity: Mapping[str, Floats], features: Mapping[str, Extracted], noise: SensorNoise) -> float:
    """Return the standard uncertainty that sampling gives to a result that is a sum over points.

    sensitivity  (N, 3) for each feature
    """
    return math.sqrt(math.fsum(_of_sum(features[name], g, noise.white_m) for name, g in sensitivity.items()))


def short_waves_m(feature: Extracted, cutoff_m: float | None, noise: SensorNoise) -> float:
    """Return the standard deviation of what a filter takes away beyond the noise: waves shorter than its cut-off.

    cutoff_m  None: chosen; where there is no filter nothing is taken away
    """
    part = smooth(feature, cutoff_m)
    if part.filter is None or part.filter.places.spacing_m <= 0:
        return 0.0
    rest = dots(feature.points_m - part.points_m, part.normals)
    left = float((rest * rest).mean()) / _taken_of_white(part, part.filter) - noise.white_m**2
    left -= noise.correlated_m**2 * _taken(part.filter, noise.correlation_length_m)
    return math.sqrt(max(left, 0.0))


def _taken_of_white(part: Smooth, on: Filter) -> float:
    """Return the share of the variance of white noise that a filter takes away: the mean of 1 - 2 W_ii + Σ_j W_ij².

    It is that of up to `GAINS` places that lie evenly in the filter's order; at least a tenth.
    """
    left = apply(on, part.distance_m, some_of(on.places, on.once[:: -(-len(on.once) // GAINS)]))
    return max(0.1, float((1.0 - 2.0 * left.own + left.gain**2).mean()))


def _taken(on: Filter, length_m: float) -> float:
    """Return the share of the variance of a field exp(-(r / l)²) that a Gaussian filter takes away."""
    if not length_m > 0:
        return 1.0
    spread = (ALPHA[on.places.lines, 0] * on.cutoff_m / length_m) ** 2 / (2 * math.pi)
    power = -0.5 if on.places.lines else -1.0
    return float(1 - 2 * (1 + 2 * spread) ** power + (1 + 4 * spread) ** power)


@dataclass(frozen=True, slots=True)
class Missed:
    """By how much an extreme of the whole surface exceeds that of the points: on average, and how uncertain that is."""

    value: float = 0.0
    uncertainty: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Near:
    """The points that one of them is compared with, and how: shares of what it stands above the best, and the mean."""

    points_m: Floats
    values: Floats
    noise: float
    line: bool

    def missed(self, row: int, at_m: Floats, value: float, much: float) -> tuple[float, float]:
        """Return what `much` of a value misses, and its uncertainty."""
        count, best, mean = LINE if self.line else AREA
        off = self.points_m - at_m
        squares = dots(off, off)
        near = np.argsort(squares, kind="stable")[: count + 1]
        near = near[near != row][:count]
        if not len(near):
            return 0.0, 0.0
        above = [value - float(self.values[near].max()), value - float(self.values[near].mean())]
        high, middle = (max(0.0, one - self.noise) for one in above)
        return best * much * high, mean * much * middle


def missed(found: Evaluated, features: Mapping[str, Extracted], white_m: float) -> Missed:
    """Return what an extreme value misses between points."""
    extreme, filtered = found.extreme, "cutoff" in found.beside
    if isinstance(extreme, Widest):
        parts = _of_zone(extreme, white_m, filtered=filtered)
    elif filtered:  # sizes of a filtered surface, read at every place of it
        return Missed()
    else:
        parts = [one for name, g in found.sensitivity.items() for one in _of_touching(features[name], g, white_m)]
    return Missed(math.fsum(one for one, _ in parts), math.fsum(other for _, other in parts))


def _of_noise(white_m: float, count: int, *, filtered: bool) -> float:
    """Return by how much noise alone makes one of so many points stand above its neighbours."""
    return PEAK * white_m * FILTERED if filtered else NormalDist().inv_cdf((1 - ONCE) ** (1 / count)) * white_m


def _of_zone(extreme: Widest, white_m: float, *, filtered: bool) -> list[tuple[float, float]]:
    zone = extreme.zones[0]
    rows, much = zone.found.rows, zone.found.multipliers
    first = np.unique(np.stack([rows.part, rows.point]), axis=1, return_index=True)[1]
    parts = []
    for row in np.flatnonzero(much):
        part, sign = int(rows.part[row]), math.copysign(1.0, much[row])
        own = first[rows.part[first] == part]
        noise = _of_noise(white_m, len(own), filtered=filtered)
        near = _Near(rows.points_m[own], sign * rows.values[own], noise, _is_line(zone.zoned[part].source))
        itself = int(np.flatnonzero(rows.point[own] == rows.point[row])[0])
        share = abs(extreme.factor * float(much[row]))
        parts.append(near.missed(itself, rows.points_m[row], sign * float(rows.values[row]), share))
    return parts


def _is_line(source: object) -> bool:
    if isinstance(source, Smooth):
        return isinstance(source.feature.nominal, (Line, Circle))
    return True


def _of_touching(feature: Extracted, sensitivity: Floats, white_m: float) -> list[tuple[float, float]]:
    """Return the same of a size that few points touch, from outside or from within: with its sign."""
    distance, normals = unplaced(feature)
    weight = dots(sensitivity, normals)
    touching = np.flatnonzero(weight)
    noise = _of_noise(white_m, len(weight), filtered=False)
    line = isinstance(feature.nominal, (Line, Circle))
    parts = []
    for row in touching.tolist() if len(touching) <= TOUCHING else []:
        most = [
            _Near(feature.points_m, side * distance, noise, line).missed(
                row, feature.points_m[row], side * float(distance[row]), abs(float(weight[row]))
            )
            for side in (1.0, -1.0)
        ]
        outwards = most[0][1] >= most[1][1]
        value, u = most[0] if outwards else most[1]
        parts.append((math.copysign(value, weight[row]) if outwards else -math.copysign(value, weight[row]), u))
    return parts


def _of_sum(feature: Extracted, sensitivity: Floats, white_m: float) -> float:
    if len(feature.points_m) < FEWEST:
        return 0.0
    cut, places = cut_of(feature)
    deviation, normals = unplaced(feature)
    weight = dots(sensitivity, normals)[cut.order]
    deviation = deviation[cut.order]
    last = cut.levels[-1]
    pair = np.repeat(np.arange(len(last.counts) // 2), np.add.reduceat(last.counts, np.arange(0, len(last.counts), 2)))
    squares = np.bincount(pair, weight * weight)
    near = float((squares * last.contrasts(deviation) ** 2).sum()) - white_m**2 * float(squares.sum())
    starts, area = blocks_of(cut, places, BLOCK)
    counts = np.diff(np.append(starts, len(deviation)))
    uneven = np.repeat(area / counts / (area.sum() / len(deviation)) - 1, counts) * weight
    off = float((uneven * deviation).sum()) ** 2 - white_m**2 * float((uneven * uneven).sum())
    return max(near, 0.0) + max(off, 0.0)
