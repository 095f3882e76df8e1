# SPDX-License-Identifier: Apache-2.0
"""Lengths as people write them."""

import pytest

from visionvalley.cli.lengths import metres
from visionvalley.core import BadInput
from visionvalley.io.units import METRES


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0.2mm", 2e-4),
        ("0.2", 2e-4),
        ("50um", 5e-5),
        ("50 µm", 5e-5),
        ("1.5in", 0.0381),
        ("1e-3m", 1e-3),
        ("7 μm", 7e-6),
    ],
)
def test_a_length_is_read_with_its_unit_and_in_millimetres_without_one(written, value):
    assert metres(written) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("written", ["", "mm", "two", "3 parsec", "1e999", "nan", "--3mm"])
def test_anything_else_is_refused_with_a_way_out(written):
    with pytest.raises(BadInput) as raised:
        metres(written)
    assert "0.2mm" in raised.value.fix


@pytest.mark.parametrize("unit", METRES)
def test_a_length_may_have_every_unit_that_a_file_may_have(unit):
    assert metres(f"2{unit}") == metres(f" 2 {unit} ") == 2 * METRES[unit]
