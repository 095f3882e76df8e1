# SPDX-License-Identifier: Apache-2.0
"""How virtual sensors err: white noise, and noise that neighbours share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from visionvalley.core import SensorNoise, require
from visionvalley.core.arrays import Floats
from visionvalley.kernels import simulation as kernels
from visionvalley.kernels.threads import each_thread

WAVES = 256


def correlated_field(points_m: Any, length_m: float, random: np.random.Generator) -> Floats:
    """Return a Gaussian random field at points (N, 3): mean 0, variance 1, correlation exp(-(r / length_m)²).

    256 plane waves with random phases; wave vectors are normal with standard deviation sqrt(2) / length_m,
    the spectrum of that correlation (Rahimi & Recht 2007, Random features, theorem 1).
    """
    points = np.array(require("points_m", points_m, (None, 3)))
    waves = np.empty((4, WAVES))
    waves[:3] = random.normal(size=(3, WAVES)) * (math.sqrt(2) / length_m / (2 * math.pi))
    waves[3] = random.random(WAVES)
    field = np.empty(len(points))
    each_thread(kernels.sum_of_waves, -(-len(points) // kernels.PIECE), points, waves, field)
    return field


def drawn_noise_m(points_m: Floats, noise: SensorNoise, random: np.random.Generator) -> Floats:
    """Return one draw (N,) of white and correlated noise, metres, at points (N, 3)."""
    drawn = noise.white_m * random.normal(size=len(points_m))
    if noise.correlated_m > 0:
        drawn = drawn + noise.correlated_m * correlated_field(points_m, noise.correlation_length_m, random)
    return drawn
