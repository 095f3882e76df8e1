# SPDX-License-Identifier: Apache-2.0
"""Fewer points of a cloud: at random, far from one another, or one a voxel."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from visionvalley.core.arrays import Floats


def words(seed: int, count: int, stream: int = 0) -> NDArray[np.uint64]:
    """Return `count` random words of 64 bits; the same ones on every machine.

    stream  another number gives other, unrelated words
    Steele, Lea, Flood 2014 (splitmix64).
    """
    with np.errstate(over="ignore"):
        key = _mixed(np.array([seed, stream], np.uint64) + np.array([1, 2], np.uint64))
        counter = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        return _mixed(counter + (key[0] ^ (key[1] * np.uint64(0xD1342543DE82EF95))))


def _mixed(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


def uniform(seed: int, shape: tuple[int, ...], stream: int = 0) -> Floats:
    """Return random numbers in [0, 1), multiples of 2^-53; the same ones on every machine."""
    return ((words(seed, math.prod(shape), stream) >> np.uint64(11)) * 2.0**-53).reshape(shape)
