# SPDX-License-Identifier: Apache-2.0
"""A recorded run is made again: the same bits, within the bound, different, or which input changed."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
from tests import reports

from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import BadInput, Cloud, Measurement
from visionvalley.io import read_cloud
from visionvalley.io.ply import write
from visionvalley.records import Records, one
from visionvalley.report.json import write_json
from visionvalley.runs import again
from visionvalley.runs.conducting import Job, Keeping, conduct
from visionvalley.runs.likeness import compare
from visionvalley.runs.table import APPLICATIONS, Application

TOY = "toy.mean"


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A recipe that measures the mean height of a scan, its records, and the factor by which it errs."""

    class Toy:
        factor = 1.0
        records = Records(tmp_path / "kept")
        scan = tmp_path / "here" / "scan.ply"

        def job(self, scan: Path, output: Path, share: float) -> Job:
            def work(_):
                mean = float(read_cloud(scan, "m").points_m[:, 2].mean()) * share * self.factor
                one = Measurement("height", mean, 1e-5, "m", (mean - 2e-5, mean + 2e-5))
                return reports.report(measurements=(one,), features=())

            return Job(TOY, {"share": share}, {"scan": scan}, Settings(), work, output)

        def conduct(self, **about):
            done = conduct(self.job(self.scan, tmp_path / "out", 0.1), Keeping(records=self.records, **about))
            assert done.not_recorded is None
            return done

        def rerun(self, id, **about):
            return again.rerun(id, keeping=Keeping(records=self.records), **about)

    made = Toy()
    toy_job = Application(Settings, (), lambda asked, inputs, out: made.job(inputs["scan"], out, **asked.arguments))
    monkeypatch.setitem(APPLICATIONS, TOY, toy_job)
    monkeypatch.setattr(
        "visionvalley.report.folder.write_report",
        lambda folder, report, under, language="en": write_json(folder / "result.json", report, under),
    )
    made.scan.parent.mkdir()
    write(made.scan, Cloud(np.random.default_rng(5).random((50, 3))), "m")
    return made


def test_a_rerun_gives_the_same_bits_and_is_recorded_itself(toy):
    done = toy.conduct()
    found = toy.rerun(done.id[:6])
    assert found.outcome is again.Outcome.SAME
    assert found.likeness.numbers > 10
    assert (found.changed, found.moved, found.copies) == ({}, {}, ())
    assert one(found.done.id, toy.records).rerun_of == done.id
    assert one(found.done.id, toy.records).results == one(done.id, toy.records).results


def test_one_bit_is_a_difference(toy):
    done = toy.conduct()
    toy.factor = float(np.nextafter(1.0, 2.0))
    found = toy.rerun(done.id)
    assert found.outcome is again.Outcome.DIFFERENT  # nothing changed that could explain it
    assert "measurements[0].value" in {each.place for each in found.likeness.differences}
    assert max(each.relative for each in found.likeness.differences) < 1e-15


@pytest.mark.parametrize(("factor", "outcome"), [(1 + 1e-9, "WITHIN"), (1.1, "DIFFERENT")])
def test_with_other_versions_equality_within_the_bound_is_asked(toy, monkeypatch, factor, outcome):
    done = toy.conduct()
    toy.factor = factor
    monkeypatch.setattr("visionvalley.runs.conditions.source_digest", lambda: "another source")
    found = toy.rerun(done.id)
    assert found.outcome is again.Outcome[outcome]
    assert found.changed["source"][1] == "another source"


def test_an_input_that_changed_or_went_is_named(toy):
    done = toy.conduct()
    toy.scan.write_bytes(toy.scan.read_bytes() + b"\n")
    with pytest.raises(BadInput) as caught:
        toy.rerun(done.id)
    assert caught.value.message.id == "runs.inputs_changed"
    assert f"scan at {toy.scan} is not what it was" in caught.value.what
    toy.scan.unlink()
    with pytest.raises(BadInput) as caught:
        toy.rerun(done.id)
    assert f"scan is not at {toy.scan} any more" in caught.value.what


def test_an_input_that_moved_is_found_by_its_content(toy, tmp_path):
    done = toy.conduct()
    (tmp_path / "there" / "deep").mkdir(parents=True)
    (tmp_path / "there" / "scan.ply").write_bytes(b"x" * toy.scan.stat().st_size)  # the name alone is not enough
    moved = toy.scan.rename(tmp_path / "there" / "deep" / "renamed.ply")
    found = toy.rerun(done.id, elsewhere=tmp_path / "there")
    assert found.outcome is again.Outcome.SAME
    assert found.moved == {"scan": moved}


def test_a_kept_input_serves_where_the_file_is_gone_and_goes_on_serving(toy):
    done = toy.conduct(inputs=True)
    place = toy.scan.absolute()
    toy.scan.unlink()
    found = toy.rerun(done.id)
    assert (found.outcome, found.copies) == (again.Outcome.SAME, ("scan",))
    next_one = one(found.done.id, toy.records)
    assert next_one.inputs[0].path == str(place)  # not the folder for a while in which the copy lay
    assert toy.rerun(next_one.id).outcome is again.Outcome.SAME


def test_what_this_version_cannot_run_is_told(toy, monkeypatch):
    done = toy.conduct()
    monkeypatch.delitem(APPLICATIONS, TOY)
    with pytest.raises(BadInput) as caught:
        toy.rerun(done.id)
    assert caught.value.message.id == "runs.unknown_application"


RESULT = {
    "verdict": "pass",
    "measurements": [{"name": "a", "unit": "m", "value": 1e-3, "standard_uncertainty": 1e-5}],
    "features": [],
    "facts": {"pose": [[1.0, 0.0], [0.0, 1.0]], "none": None, "empty": {}},
    "record": {"id": "x", "started": "then", "seconds": {"a": 1}, "inputs": [{"name": "n", "sha256": "1"}]},
}


@pytest.mark.parametrize(
    ("place", "value", "differences", "within"),
    [
        ("record.id", "y", 0, True),
        ("record.started", "now", 0, True),
        ("record.seconds", {"b": 2}, 0, True),
        ("record.inputs", [{"name": "m", "sha256": "1"}], 0, True),
        ("record.inputs", [{"name": "n", "sha256": "2"}], 1, True),
        ("facts.pose", [[1.0, -0.0], [0.0, 1.0]], 1, True),
        ("facts.pose", [[1, 0.0], [0.0, 1.0]], 1, True),
        ("facts.none", 0.0, 1, True),
        ("facts.empty", {"more": 1}, 2, True),
        ("verdict", "fail", 1, False),
        ("measurements", [], 5, False),
        ("measurements", [{**RESULT["measurements"][0], "value": 1.0009e-3}], 1, True),
        ("measurements", [{**RESULT["measurements"][0], "value": 1.0011e-3}], 1, False),
        ("measurements", [{**RESULT["measurements"][0], "standard_uncertainty": 1.2e-5}], 1, False),
        ("measurements", [{**RESULT["measurements"][0], "value": None}], 1, False),
    ],
)
def test_everything_is_compared_but_times_ids_and_dates(place, value, differences, within):
    now = copy.deepcopy(RESULT)
    *way, last = place.split(".")
    inside = now
    for step in way:
        inside = inside[step]
    inside[last] = value
    found = compare(json.loads(json.dumps(RESULT)), json.loads(json.dumps(now)))
    assert (len(found.differences), found.within) == (differences, within)
