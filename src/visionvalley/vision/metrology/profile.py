# SPDX-License-Identifier: Apache-2.0
"""Profile of a surface: how far a scan lies from its nominal surface, and how well that is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import Contribution, Feature, Measurement, Tolerance, Verdict, text
from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology.best_fit import group_means
from visionvalley.vision.metrology.decision import ONE_SIDED_95, TWO_SIDED_95, judge

NEIGHBOURS = 16  # points that a filtered deviation is the mean of: white noise falls to a quarter


@dataclass(frozen=True, slots=True, eq=False)
class Deviations:
    """Signed deviations of points from a surface, positive outside the material.

    raw_m        (N,) as measured
    filtered_m   (N,) mean of each point and its nearest neighbours
    noise_m      standard deviation of the white noise of one point
    filtered_noise_m  standard deviation of what is left of it after filtering
    count        how many deviations there are
    """

    raw_m: Floats
    filtered_m: Floats
    noise_m: float
    filtered_noise_m: float
    count: int


def filtered(raw_m: Floats, neighbours: NDArray[np.int32], noise_m: float | None = None) -> Deviations:
    """Return deviations with their noise reduced by the mean over neighbours.

    raw_m       (N,) signed deviations, NaN: none
    neighbours  (N, k) indices of each point's neighbours, itself among them
    noise_m     standard deviation of the sensor's white noise; None: estimated from the scatter of
                deviations about the mean of their neighbours (median absolute deviation, so that
                edges and steps do not count; the mean over k that holds the point itself leaves
                sqrt(1 - 1/k) of its noise)
    """
    raw = np.array(raw_m, np.float64)
    means = group_means(raw, neighbours)
    means[np.isnan(raw)] = np.nan
    k = neighbours.shape[1]
    if noise_m is None:
        scatter = np.abs(raw - means)[~np.isnan(raw)]
        median = float(np.median(scatter)) if len(scatter) else 0.0
        noise_m = median / NormalDist().inv_cdf(0.75) / math.sqrt(max(1 - 1 / k, 0.5))
    count = int(np.count_nonzero(~np.isnan(raw)))
    return Deviations(raw, means, noise_m, noise_m / math.sqrt(k), count)


def expected_extreme(count: int) -> float:
    """Return the mean of the largest absolute value of `count` standard normal numbers (Blom 1958)."""
    n = 2 * max(1, count)
    return max(math.sqrt(2 / math.pi), NormalDist().inv_cdf((n - 0.375) / (n + 0.25)))


def surface_profile(
    deviations: Deviations, budget: tuple[Contribution, ...], tolerance_m: float | None, *, simulated: bool = False
) -> Feature:
    """Return the profile deviation, twice the largest filtered deviation, judged against its zone.

    tolerance_m  whole width of the zone: a deviation may reach half of it on either side
    budget       standard uncertainties of a single deviation besides white noise (alignment,
                 reference, scale)

    Noise can only widen the zone that is seen: where nothing deviates, the largest of n filtered
    deviations shows up to E[max |z|] sigma. So the interval reaches down by that bias, and is not
    symmetric. ISO 1101:2017, 17.9; ISO 1660:2017; GUM 5.1.2 for the sum.
    """
    value = 2 * float(np.nanmax(np.abs(deviations.filtered_m)))
    parts = (Contribution("noise", deviations.filtered_noise_m), *budget)
    doubled = tuple(Contribution(p.source, 2 * p.standard_uncertainty) for p in parts)
    u = math.sqrt(math.fsum(p.standard_uncertainty**2 for p in doubled))
    bias = 2 * deviations.filtered_noise_m * expected_extreme(deviations.count)
    low, high = max(0.0, value - bias - TWO_SIDED_95 * u), value + TWO_SIDED_95 * u
    measured = Measurement("profile of the surface", value, u, "m", (low, high), budget=doubled, simulated=simulated)
    tolerance = None if tolerance_m is None else Tolerance(0.0, tolerance_m, "m")
    notes = [text("metrology.profile_filter", neighbours=NEIGHBOURS)]
    verdict = None
    if tolerance_m is not None and tolerance is not None:
        verdict, outside = judge(measured, tolerance, bounded=True), unexplained(deviations, tolerance_m)
        if outside and verdict is Verdict.PASS:
            verdict = Verdict.CANNOT_SAY
        if outside:
            notes.append(text("metrology.unexplained", count=outside))
    return Feature("surface", "profile of a surface", measured, tolerance, verdict, tuple(notes))


def unexplained(deviations: Deviations, tolerance_m: float) -> int:
    """Return how many single points lie farther outside the zone than the largest of their noise would.

    The mean over neighbours hides a fault smaller than they reach; such points may be one, so no
    part that has them is passed.
    """
    noise_m = (expected_extreme(deviations.count) + ONE_SIDED_95) * deviations.noise_m
    return int(np.count_nonzero(np.abs(deviations.raw_m) > tolerance_m / 2 + noise_m))
