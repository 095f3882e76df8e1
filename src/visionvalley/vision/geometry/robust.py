# SPDX-License-Identifier: Apache-2.0
"""Robust kernels: how much a pair counts, from how far it is off (Zhang 1997; MacTavish & Barfoot 2015)."""

from __future__ import annotations

from typing import Literal

import numpy as np

from visionvalley.core.arrays import Floats

Robust = Literal["none", "huber", "cauchy", "tukey", "geman_mcclure"]
ROBUST: tuple[Robust, ...] = ("none", "huber", "cauchy", "tukey", "geman_mcclure")  # the position is the kernels' code


def weights(residuals: Floats, robust: Robust, scale: float) -> Floats:
    """Return the weight, 0 to 1, of each residual; `scale` is where a residual begins to be suspect, same unit."""
    r = np.asarray(residuals, np.float64) / scale
    square = r * r
    if robust == "none":
        return np.ones_like(r)
    if robust == "huber":
        return 1.0 / np.maximum(1.0, np.abs(r))
    if robust == "cauchy":
        return 1.0 / (1.0 + square)
    if robust == "tukey":
        return np.maximum(0.0, 1.0 - square) ** 2
    return 1.0 / (1.0 + square) ** 2
