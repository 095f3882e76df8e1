# SPDX-License-Identifier: Apache-2.0
"""Numbers are told as the GUM asks (JCGM 100:2008, 7.2.6), in the unit that a person reads."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visionvalley.core import Measurement
from visionvalley.report.numbers import MINUS, THIN, coverage_factors, decimals_of, fixed, plain, unit_for, write


def measured(value, spread, unit="m", **sides):
    low, high = value - sides.get("below", spread), value + sides.get("above", spread)
    return Measurement("x", value, spread / 2, unit, (low, high))


@pytest.mark.parametrize(
    ("value", "spread", "told"),
    [
        (12.00341e-3, 2.13e-6, "12.0034 ± 0.0021 mm"),
        (10.05762e-3, 27e-6, "10.058 ± 0.027 mm"),
        (99.4e-6, 0.31e-6, "99.40 ± 0.31 µm"),
        (-5e-6, 1e-6, f"{MINUS}5.0 ± 1.0 µm"),
        (1.0, 0.0996e-3, "1000.00 ± 0.10 mm"),
        (0.5e-3, 0.2, "0 ± 200 mm"),
    ],
)
def test_the_value_has_the_decimals_of_two_digits_of_its_uncertainty(value, spread, told):
    assert str(write(measured(value, spread))) == told


def test_two_different_sides_are_both_told():
    assert (
        str(write(measured(1.458e-3, 0.33e-3, below=0.33e-3, above=0.14e-3)))
        == f"1.46 +{THIN}0.14 {MINUS}{THIN}0.33 mm"
    )


def test_metres_are_told_where_things_are_large():
    assert str(write(measured(12.3456, 0.012), large=True)) == "12.346 ± 0.012 m"


def test_an_angle_is_told_in_degrees():
    assert str(write(measured(math.radians(30), math.radians(0.5), "rad"))) == "30.00 ± 0.50°"


@given(st.floats(1e-12, 1e6))
def test_the_uncertainty_has_two_digits_after_rounding(spread):
    rounded = Decimal(repr(spread)).quantize(Decimal(1).scaleb(-decimals_of(spread)))
    assert len(rounded.as_tuple().digits) in (2, 3)
    assert abs(float(rounded) - spread) <= 0.05 * spread * (1 + 1e-9)


@given(st.floats(-1e9, 1e9), st.integers(0, 6))
def test_a_number_can_be_read_back(value, places):
    told = fixed(value, places).replace(THIN, "").replace(MINUS, "-")
    assert abs(float(told) - value) <= 0.5 * 10.0**-places * (1 + 1e-6) + abs(value) * 1e-15
    assert told not in ("-0", "-0.0", "-0.00")


def test_thousands_stand_apart_from_five_digits_on():
    assert [fixed(n, 0) for n in (1234, 12345, 1234567)] == ["1234", f"12{THIN}345", f"1{THIN}234{THIN}567"]


def test_the_decimal_sign_is_that_of_the_language():
    assert fixed(1.5, 1, "de") == "1,5"
    assert plain(1234567.5, 9, "de") == f"1{THIN}234{THIN}567,5"


def test_what_is_not_finite_is_a_dash():
    assert fixed(math.nan, 2) == plain(math.inf) == "–"


@pytest.mark.parametrize(("size", "name"), [(0.0999e-3, "µm"), (0.1e-3, "mm"), (0.0, "mm"), (2.0, "mm")])
def test_a_length_below_a_tenth_of_a_millimetre_is_told_in_micrometres(size, name):
    assert unit_for(size, "m").name == name


def test_the_coverage_factors_come_from_the_symmetric_intervals():
    assert coverage_factors([measured(1.0, 0.2)]) == pytest.approx((2, 2))
    assert coverage_factors([measured(1.0, 0.2, above=0.1)]) is None
