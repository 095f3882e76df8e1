# SPDX-License-Identifier: Apache-2.0
"""Does a registration know how wrong it is? Normalised error over simulated pairs: `python -m bench.nees 500`.

Each pair is two independent scans, with noise, of one bumpy part; the error of the pose against the truth, normalised
by the covariance that the fit states, is 6 on average if the covariance is right.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from visionvalley.core import Cloud, Pose
from visionvalley.vision.geometry.motion import difference, perturbed
from visionvalley.vision.geometry.symmetric import inverse, quadratic
from visionvalley.vision.shape.registration import Alignment, align

POINTS, NOISE_M, REACH_M = 8000, 60e-6, 0.004


@dataclass(frozen=True)
class Pair:
    """Two scans of one part and the truth."""

    source: Cloud
    target: Cloud
    target_from_source: Pose
    start: Pose


def part(rng: np.random.Generator, points: int) -> NDArray[np.float64]:
    """Return points (N, 3) on a bumpy part of 10 cm."""
    u = rng.normal(size=(points, 3))
    u /= np.linalg.norm(u, axis=1)[:, None]
    bumps = 0.25 * np.sin(3 * u[:, 0] + 1) * np.cos(2 * u[:, 1]) + 0.15 * np.sin(4 * u[:, 2] + 2 * u[:, 0])
    return u * (0.05 * (1 + bumps))[:, None] * [1.4, 1.0, 0.8]


def pair(seed: int, points: int = POINTS, noise_m: float = NOISE_M) -> Pair:
    """Return one simulated pair."""
    rng = np.random.default_rng(seed)
    a, b = (part(rng, points) + rng.normal(scale=noise_m, size=(points, 3)) for _ in range(2))
    true = perturbed(Pose.identity(), np.r_[rng.normal(scale=0.3, size=3), rng.normal(scale=0.02, size=3)])
    start = perturbed(true, np.r_[rng.normal(scale=0.005, size=3), rng.normal(scale=3e-4, size=3)])
    return Pair(Cloud(true.inverse().apply(a)), Cloud(b), true, start)


def normalised_errors(pairs: int, settings: Alignment) -> NDArray[np.float64]:
    """Return the normalised squared error (P,) of each pair."""
    out = []
    for seed in range(pairs):
        one = pair(seed)
        fit = align(one.source, one.target, one.start, settings)
        out.append(quadratic(inverse(fit.covariance), difference(fit.target_from_source, one.target_from_source)))
    return np.array(out)


def band(pairs: int, share: float = 0.95) -> tuple[float, float]:
    """Return where the mean of so many normalised errors lies with that probability (chi squared, 6 a pair)."""
    low, high = chi2.ppf([(1 - share) / 2, (1 + share) / 2], 6 * pairs) / pairs
    return float(low), float(high)


def main(pairs: int) -> None:
    """Print mean and band of the two robust ways."""
    for robust in ("none", "huber", "tukey"):
        errors = normalised_errors(pairs, Alignment(reach_m=REACH_M, robust=robust))
        low, high = band(pairs)
        said = "inside" if low <= errors.mean() <= high else "OUTSIDE"
        print(
            f"plane, {robust:6s}: {errors.mean():.3f} over {pairs} pairs, {said} {low:.3f} ... {high:.3f}", flush=True
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
