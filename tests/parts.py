# SPDX-License-Identifier: Apache-2.0
"""Simulated parts for the tests of registration."""

import numpy as np

from visionvalley.core import Cloud, Pose
from visionvalley.vision.geometry.motion import perturbed


def bumpy(rng, count, noise_m=0.0):
    """Return points (N, 3) on a closed bumpy part of 10 cm."""
    u = rng.normal(size=(count, 3))
    u /= np.linalg.norm(u, axis=1)[:, None]
    bumps = 0.25 * np.sin(3 * u[:, 0] + 1) * np.cos(2 * u[:, 1]) + 0.15 * np.sin(4 * u[:, 2] + 2 * u[:, 0])
    bumps += 0.12 * np.sin(6 * u[:, 1] + 2) * np.cos(5 * u[:, 2])
    return u * (0.05 * (1 + bumps))[:, None] * [1.4, 1.0, 0.8] + rng.normal(scale=noise_m or 1e-12, size=(count, 3))


def view(rng, count, direction, noise_m=30e-6):
    """Return the points of the part whose place looks towards a direction."""
    points = bumpy(rng, count, noise_m)
    unit = np.asarray(direction, float) / np.linalg.norm(direction)
    return points[points @ unit > -0.2 * np.linalg.norm(points, axis=1)]


def anywhere(rng, turn=1.0, shift_m=0.1):
    """Return a random pose."""
    return perturbed(Pose.identity(), np.r_[rng.normal(scale=turn, size=3), rng.normal(scale=shift_m, size=3)])


def nearby(rng, pose, turn=0.005, shift_m=3e-4):
    """Return a pose a little off."""
    return perturbed(pose, np.r_[rng.normal(scale=turn, size=3), rng.normal(scale=shift_m, size=3)])


def rms_m(pose, true, points):
    """Return the root mean square distance between a cloud under two poses."""
    gaps = pose.apply(points) - true.apply(points)
    return float(np.sqrt((gaps * gaps).sum(axis=1).mean()))


def pair(seed, count=8000, noise_m=60e-6):
    """Return source, target, the true motion and a start nearby: two independent noisy scans of one part."""
    rng = np.random.default_rng(seed)
    a, b = bumpy(rng, count, noise_m), bumpy(rng, count, noise_m)
    true = anywhere(rng, 0.3, 0.02)
    return Cloud(true.inverse().apply(a)), Cloud(b), true, nearby(rng, true)
