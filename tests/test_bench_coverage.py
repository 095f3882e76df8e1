# SPDX-License-Identifier: Apache-2.0
"""A count of coverage goes on where it ended, and only with the sources, or the intervals, that it was made with."""

import json

import numpy as np
import pytest
from bench import coverage


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(coverage, "KEPT", tmp_path / "kept.jsonl")
    monkeypatch.setattr(coverage, "PUBLISHED", tmp_path / "published.json")
    return tmp_path / "kept.jsonl"


def row(of, first, held, cell="flatness/300/white"):
    counts = [[25, held, 25 - held, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    return json.dumps({"of": of, "cell": cell, "first": first, "counts": counts, "bits": f"{held}", "s": 1.0}) + "\n"


def test_what_was_counted_in_a_row_with_the_same_sources_is_published(kept):
    kept.write_text(row("a", 0, 24) + row("a", 25, 23) + row("a", 75, 20) + row("b", 50, 10))
    coverage.publish("a")
    found = coverage.published()["flatness/300/white"]
    assert (found.of, found.scans, found.counts[0].tolist()) == ("a", 50, [50, 47, 3, 0])
    kept.write_text(row("a", 50, 25))
    coverage.publish("a")
    assert coverage.published()["flatness/300/white"].scans == 75


def test_a_count_with_other_sources_is_replaced_by_a_larger_one_alone(kept):
    kept.write_text(row("a", 0, 24) + row("a", 25, 23))
    coverage.publish("a")
    kept.write_text(row("b", 0, 20))
    coverage.publish("b")
    assert coverage.published()["flatness/300/white"].of == "a"
    kept.write_text("".join(row("b", first, 20) for first in (0, 25)))
    coverage.publish("b")
    assert coverage.published()["flatness/300/white"].of == "b"
    kept.write_text("".join(row("b", first, 20) for first in (0, 25, 50)))
    coverage.publish("b")
    found = coverage.published()["flatness/300/white"]
    assert (found.of, found.scans, found.counts.sum(axis=0).tolist()) == ("b", 75, [75, 60, 15, 0])


def test_a_count_with_other_sources_goes_on_where_the_first_intervals_are_the_same(kept):
    kept.write_text(row("a", 0, 24) + row("a", 25, 23))
    coverage.publish("a")
    kept.write_text(row("b", 0, 24) + row("b", 50, 22))
    coverage.publish("b")
    found = coverage.published()["flatness/300/white"]
    assert (found.of, found.scans, found.bits, found.counts[0].tolist()) == ("b", 75, "24", [75, 69, 6, 0])


def test_scans_after_some_are_counted_alone(kept, monkeypatch):
    monkeypatch.setattr(coverage, "sources", lambda: "a")
    kept.write_text(row("a", 0, 24) + row("a", 25, 23))
    coverage.publish("a")
    kept.write_text(row("a", 0, 24) + row("a", 50, 22) + row("a", 75, 21))
    cells = [c for c in coverage.cells() if c.name == "flatness/300/white"]
    total, least = coverage.run(cells, 100, 1, after=50)
    assert (least, total["flatness/300/white"][0].tolist()) == (50, [50, 43, 7, 0])
    total, least = coverage.run(cells, 100, 1)
    assert (least, total["flatness/300/white"][0].tolist()) == (100, [100, 90, 10, 0])


def test_a_hash_of_intervals_tells_seeds_apart_and_nothing_else():
    cell = next(c for c in coverage.cells() if c.name == "flatness/300/white")
    counts, bits = coverage.scanned(cell, 0, 2)
    assert counts[:, 0].sum() == 2
    assert coverage.scanned(cell, 0, 2)[1] == bits != coverage.scanned(cell, 2, 2)[1]


def test_too_few_and_too_many_hits_are_marked_and_others_are_not():
    counts = {"right": 950, "few": 910, "many": 985, "few enough": 925}
    total = {name: np.array([[1000, held, 1000 - held, 0]]) for name, held in counts.items()}
    assert coverage.refused(total) == {"few", "many", "few enough"}
    assert coverage.refused(total | {f"right {i}": total["right"] for i in range(446)}) == {"few", "many"}


def test_sources_are_the_same_whatever_is_said_about_them(tmp_path, monkeypatch):
    monkeypatch.setattr(coverage, "SOURCES", tmp_path)
    one = tmp_path / "one.py"
    one.write_text('"""Said."""\n\n\ndef f(x):\n    """Said."""\n    return x  # so\n')
    before = coverage.sources()
    one.write_text('"""Said otherwise."""\n\ndef f(x):\n    """Also."""\n\n    return x\n')
    assert coverage.sources() == before
    one.write_text("def f(x):\n    return -x\n")
    assert coverage.sources() != before
