# SPDX-License-Identifier: Apache-2.0
"""Colours mean what the legend says, at its ends, at zero and beyond."""

import numpy as np
import pytest

from visionvalley.core import BadInput, Colouring, Tolerance
from visionvalley.report.colours import ABOVE, BELOW, NO_DATA, Scale, scale_for, table_of, ticks


def coloured(values, limits=None):
    return Colouring("deviation", np.array(values, np.float32), "m", limits)


def test_the_ends_of_the_scale_have_the_ends_of_the_map():
    table = table_of("vik")
    assert (Scale(-1, 1, "m").colours(np.array([-1.0, 1.0])) == table[[0, 255]]).all()


def test_beyond_the_scale_and_no_data_have_colours_that_the_map_has_not():
    found = Scale(-1, 1, "m").colours(np.array([np.nextafter(-1, -2), np.nextafter(1, 2), np.nan]))
    assert found.tolist() == [list(BELOW), list(ABOVE), list(NO_DATA)]
    distance = [np.abs(table_of(name).astype(int) - one).sum(1).min() for name in ("vik",) for one in found.astype(int)]
    assert min(distance) > 30


def test_zero_is_the_lightest_of_the_diverging_map_and_its_sides_are_told_apart():
    low, zero, high = Scale(-1, 1, "m").colours(np.array([-0.5, 0.0, 0.5])).astype(int)
    assert zero.sum() > max(low.sum(), high.sum())
    assert low[2] > low[0]
    assert high[0] > high[2]


def test_a_scale_with_limits_is_symmetric_and_shows_the_limits():
    limits = Tolerance(-1e-4, 1e-4, "m")
    scale = scale_for(coloured([0.0, 1e-6], limits))
    assert scale.low == -scale.high
    assert scale.high >= 1.2e-4
    assert scale.limits == (-1e-4, 1e-4)


def test_one_outlier_does_not_wash_out_the_part():
    values = np.r_[np.full(1000, 2e-5), 1.0]
    assert scale_for(coloured(values, Tolerance(-1e-4, 1e-4, "m"))).high <= 4e-4
    assert scale_for(coloured(np.r_[-1e-5, values])).high < 1e-3


def test_without_a_value_there_is_still_a_scale():
    assert scale_for(coloured([np.nan])).high > 0


def test_a_map_that_is_not_there_is_refused():
    with pytest.raises(BadInput, match="no colour map"):
        table_of("jet")


def test_ticks_are_round_and_inside():
    assert ticks(-1.2, 1.2, 6) == [-1, -0.5, 0, 0.5, 1]
    assert ticks(0, 0.0025, 5) == pytest.approx([0, 0.0005, 0.001, 0.0015, 0.002, 0.0025])
