# SPDX-License-Identifier: Apache-2.0
"""Fits against the 60-digit reference on 320 generated sets; the test run ends with the worst of each."""

import numpy as np
import pytest

import naive_fits
from fitted_points import KINDS, generated
from visionvalley.core import Cone, Cylinder, Slot
from visionvalley.vision.metrology import least_squares, minimum_zone


@pytest.mark.parametrize("kind", KINDS)
def test_least_squares_is_the_exact_minimiser(kind, record_property):
    worst = np.zeros(3)
    for one in generated(kind):
        fitted = least_squares.fit(one.points_m, one.truth, start=False)
        exact = naive_fits.least_squares(one.points_m, fitted.element)
        assert fitted.converged, one.words
        assert exact.certified, one.words
        worst = np.maximum(worst, [exact.position_m, exact.direction_rad, exact.size_m])
    said = f"{worst[0]:.1e} m, {worst[1]:.1e} rad, size {worst[2]:.1e} m"
    record_property("worst", f"least squares, {kind.__name__}, worst of 32: {said}")
    assert worst.max() <= 1e-9


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not Slot])
def test_the_minimum_zone_is_the_narrowest(kind, record_property):
    worst, certified = 0.0, 0
    for one in list(generated(kind))[::2]:
        fitted = minimum_zone.fit(one.points_m, one.truth)
        exact = naive_fits.zone(one.points_m, fitted.element)
        assert fitted.converged, one.words
        certified += exact.certified
        worst = max(worst, abs(fitted.width_m - exact.width_m))
    said = f"width {worst:.1e} m; {certified} certified in 60 digits"
    record_property("worst", f"minimum zone, {kind.__name__}, worst of 16: {said}")
    assert worst <= (1e-8 if kind in (Cylinder, Cone) else 1e-9)
    assert certified >= 15
