# SPDX-License-Identifier: Apache-2.0
"""The harness of the races: fair turns, honest ratios, wrong results shown as such."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import harness


def outcome(ours_s, peer_s, least_ratio=None, correct=True) -> harness.Outcome:
    """Return an outcome of given wall times."""
    ours, peer = harness.Times(list(ours_s), list(ours_s)), harness.Times(list(peer_s), list(peer_s))
    return harness.Outcome("sorting", "1 k", "peer", least_ratio, False, ours, peer, "equal", correct)


def test_the_ratio_is_the_median_of_the_rounds_and_the_spread_its_quartiles():
    one = outcome([1, 1, 1, 1, 1], [2, 3, 4, 5, 60])
    assert (one.ratio, one.quartiles, one.cpu_ratio) == (4, (3, 5), 4)


@pytest.mark.parametrize(("least", "correct", "reached"), [(3.9, True, True), (4.1, True, False), (1, False, False)])
def test_a_promise_is_kept_only_by_a_right_result_that_is_fast_enough(least, correct, reached):
    assert outcome([1, 1], [4, 4], least, correct).reached is reached


def test_both_run_in_turn_and_each_is_first_in_every_other_round():
    calls = []
    race = harness.Race("r", "s", lambda: calls.append("a"), lambda: calls.append("b"), "p", 1, lambda a, b: "same")
    found = harness.run(race, budget_s=0)
    warm_up, rounds = calls[:2], list(zip(calls[2::2], calls[3::2], strict=True))
    assert warm_up == ["a", "b"]
    assert rounds == [("b", "a"), ("a", "b"), ("b", "a"), ("a", "b"), ("b", "a")]
    assert len(found.ours.wall_s) == len(found.peer.cpu_s) == harness.LEAST_ROUNDS
    assert found.agreement == "same"


def test_a_wrong_result_is_printed_as_wrong_and_misses_its_promise():
    def check(ours, theirs):
        assert ours == theirs, f"{ours} is not {theirs}"
        return "equal"

    found = harness.run(harness.Race("r", "s", lambda: 1, lambda: 2, "p", 0.0, check), budget_s=0)
    assert not found.reached
    assert "WRONG: 1 is not 2" in harness.row(found)
    assert "✕" in harness.row(found)


def test_losses_stand_in_the_table_too():
    line = harness.row(outcome([2, 2], [1, 1], 1.0))
    assert "| 0.50 (0.50-0.50) |" in line
    assert "✕" in line
    assert line.count("|") == harness.HEAD.splitlines()[0].count("|")


def test_the_file_holds_every_round_and_the_machine(tmp_path):
    harness.write([outcome([1, 2], [3, 4])], harness.machine(), tmp_path / "a" / "bench.json")
    whole = json.loads((tmp_path / "a" / "bench.json").read_text())
    assert whole["races"][0]["ours"]["wall_s"] == [1, 2]
    assert whole["races"][0]["ratio"] == 2.5
    assert {"cpu", "threads", "packages", "commit"} <= whole["machine"].keys()
