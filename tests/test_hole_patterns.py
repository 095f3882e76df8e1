# SPDX-License-Identifier: Apache-2.0
"""Hole patterns and maximum material by a recipe: planted shifts and sizes are found, and judged."""

import runpy
from pathlib import Path

import pytest

from visionvalley.core import Verdict

FLAT_M = 5.5e-6  # by so much the sides of a hole lie inside its circle
ABOVE_M = {"(M) in the datums A|B|C": 2 * FLAT_M, "to the first hole (M)": 2 * FLAT_M}


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("pattern"))
        return runpy.run_path(str(Path(__file__).parent.parent / "examples" / "06_hole_patterns.py"))


def test_planted_shifts_and_sizes_are_found(example):
    report = example["done"].report
    assert not [one for one in report.notes if one.id == "manufacturing.not_measured"]
    found = {one.name: one for one in report.features}
    assert set(example["CHECKS"]) <= set(found)
    for name, (_, _, planted) in example["CHECKS"].items():
        low, high = found[name].measured.interval_95
        above = ABOVE_M.get(name, 0.0)
        assert low - 2e-6 <= planted + above <= high + 2e-6, name
        assert high - low < 60e-6, name
    verdicts = [found[name].verdict for name in example["CHECKS"]]
    assert verdicts == [Verdict.FAIL, Verdict.PASS, Verdict.PASS, Verdict.PASS], "saved by its material"
    bound = found["to the first hole (M)"]
    assert bound.datums == ("A", "(D)M")
    assert found["(M) in the datums A|B|C"].material == "M"
