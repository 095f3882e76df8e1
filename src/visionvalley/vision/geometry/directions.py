# SPDX-License-Identifier: Apache-2.0
"""Directions all around."""

from __future__ import annotations

import math

import numpy as np

from visionvalley.core.arrays import Floats

GOLDEN_RAD = math.pi * (3 - math.sqrt(5))


def sphere_of_directions(count: int) -> Floats:
    """Return `count` directions (N, 3), spread evenly: a Fibonacci sphere."""
    height = 1 - (2 * np.arange(count) + 1) / count
    turns = [GOLDEN_RAD * i for i in range(count)]
    flat = np.sqrt(1 - height**2)
    around = np.array([[math.cos(t), math.sin(t)] for t in turns]).reshape(-1, 2)
    return np.stack([flat * around[:, 0], flat * around[:, 1], height], axis=1)
