# SPDX-License-Identifier: Apache-2.0
"""Many scans of one part: workers, errors, resume, cancel, the summary."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests import reports
from tests.test_report_exchange import part

from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.cli.many import exit_code, scans_of
from visionvalley.core import BadInput, Cloud, Pose, Verdict
from visionvalley.core.progress import Silent
from visionvalley.io import write
from visionvalley.report.control import control_chart
from visionvalley.report.markup import Words
from visionvalley.report.reading import read_result
from visionvalley.report.summary import Judged, page, whole_verdict, write_summary
from visionvalley.runs.inspection import Request
from visionvalley.runs.many import Many, inspect_many
from visionvalley.samples.simulated import bracket
from visionvalley.vision.metrology.charts import control_charts
from visionvalley.vision.shape.topology import sample_surface

SETTINGS = Settings(tolerance_m=0.2e-3)


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Write a part, four scans of it, and a file that is no scan."""
    folder, mesh, rng = tmp_path_factory.mktemp("scans"), bracket(), np.random.default_rng(0)
    write(folder / "part.stl", mesh, "mm")
    for number in range(4):
        points = sample_surface(mesh, 6000, seed=number).points_m + rng.normal(0, 5e-6, (6000, 3))
        pose = Pose.from_rotation_vector(rng.normal(size=3), rng.normal(size=3))
        write(folder / f"s{number}.ply", Cloud(points).moved(pose), "mm")
    (folder / "broken.ply").write_bytes(b"ply\nformat ascii 1.0\n")
    return folder


def asked(scans, *names):
    return [Request(scans / name, scans / "part.stl", "mm", "mm") for name in names]


@pytest.fixture(scope="module")
def done(scans, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "many"
    return inspect_many(asked(scans, "s0.ply", "broken.ply", "s1.ply"), SETTINGS, folder, processes=2)


def test_a_scan_that_cannot_be_read_does_not_keep_the_others_from_being_judged(done):
    assert [one.result is None for one in done.parts] == [False, True, False]
    assert "broken.ply" in done.parts[1].error.what
    assert exit_code(done) == 2
    for one in (done.parts[0], done.parts[2]):
        assert (done.folder / one.folder / "report.html").is_file()
    assert not (done.folder / "broken").exists(), "no partial folder"


def test_workers_give_the_same_numbers_as_one_run_alone(done, scans, tmp_path):
    from visionvalley.runs.inspection import inspect_files

    alone = inspect_files(replace(asked(scans, "s0.ply")[0], output=tmp_path / "alone"), SETTINGS)
    kept = read_result(alone.folder / "result.json")[0]
    assert [one.value for one in kept.measurements] == [one.value for one in done.parts[0].result[0].measurements]


def test_what_is_finished_is_not_run_again_unless_something_changed(done, scans):
    before = {
        one.folder: (done.folder / one.folder / "result.json").stat().st_mtime_ns for one in done.parts if one.result
    }
    again = inspect_many(asked(scans, "s0.ply", "s1.ply", "s2.ply"), SETTINGS, done.folder, processes=1)
    assert again.resumed == 2
    assert all((done.folder / name).joinpath("result.json").stat().st_mtime_ns == t for name, t in before.items())
    other = inspect_many(asked(scans, "s0.ply"), Settings(tolerance_m=0.3e-3), done.folder, processes=1)
    assert other.resumed == 0
    assert other.parts[0].result[1].settings["tolerance_m"] == 0.3e-3


CANCELLED = """
import sys
from pathlib import Path
from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.runs.inspection import Request
from visionvalley.runs.many import inspect_many
if __name__ == "__main__":
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    asked = [Request(folder / f"s{i % 4}.ply", folder / "part.stl", "mm", "mm") for i in range(40)]
    many = inspect_many(asked, Settings(tolerance_m=0.2e-3), out, processes=1)
    print("cancelled", many.cancelled, len(many.parts), flush=True)
"""


def test_interrupted_it_keeps_what_is_finished_and_goes_on_from_there(scans, tmp_path):
    code, out = tmp_path / "run.py", tmp_path / "out"
    code.write_text(CANCELLED)
    with subprocess.Popen([sys.executable, code, scans, out], stdout=subprocess.PIPE, text=True) as work:
        try:
            until = time.monotonic() + 120
            while not (out / "finished.json").exists() and time.monotonic() < until:
                time.sleep(0.05)
            os.kill(work.pid, signal.SIGINT)
            told = work.communicate(timeout=60)[0]
        finally:
            work.kill()
    finished = json.loads((out / "finished.json").read_text())
    assert re.match(r"cancelled True \d+", told)
    assert 1 <= len(finished) < 40
    assert (out / "summary.html").is_file()
    assert not [one for one in out.iterdir() if one.name.startswith(".")], "nothing half written is left"
    names = sorted(finished)[:1]
    again = inspect_many(asked(scans, f"{names[0]}.ply"), SETTINGS, out, processes=1)
    assert again.resumed == 1


class Interrupting(Silent):
    """Interrupts as soon as the first scan is finished, which is when nobody may lose it."""

    stage = ""

    def begin(self, stage, steps):
        self.stage = stage.id

    def advance(self, steps=1):
        if self.stage == "runs.many":
            signal.raise_signal(signal.SIGINT)


def test_an_interruption_between_two_scans_lets_what_runs_end_and_the_next_is_heard_as_before(scans, tmp_path):
    before = signal.getsignal(signal.SIGINT)
    names = [f"s{number}.ply" for number in range(4)]
    many = inspect_many(asked(scans, *names), SETTINGS, tmp_path / "out", Interrupting(), processes=1)
    assert many.cancelled
    assert [one.folder for one in many.parts] == ["s0"]
    assert signal.getsignal(signal.SIGINT) == before


RECIPE = """
part = "part.stl"
part_unit = "mm"
[scan]
unit = "mm"
noise = 0.005
[features.flange]
construct = "pattern"
of = ["hole-1", "hole-2", "hole-3", "hole-4"]
[datums]
A = "plane-1"
[[checks]]
kind = "position"
of = ["hole-1", "hole-2", "hole-3", "hole-4"]
diameter = true
tolerance = 0.3
[[checks]]
kind = "perpendicularity"
of = "flange"
datums = "A"
diameter = true
tolerance = 0.3
[[section]]
axis = "y"
offset = 30
tolerance = 0.3
[wall_thickness]
minimum = 7.5
of = ["plane-7", "plane-8"]
"""


def test_a_recipe_for_many_is_one_row_of_the_summary_for_each_result(scans, tmp_path):
    (scans / "recipe.toml").write_text(RECIPE)
    requests = [Request(scans / f"s{n}.ply", None, recipe=scans / "recipe.toml") for n in range(2)]
    many = inspect_many(requests, Settings(alignment="least-squares"), tmp_path / "lot", processes=2)
    for one in many.parts:
        report = one.result[0]
        kinds = ["position", "perpendicularity", "profile of a line", "wall thickness"]
        assert [each.kind for each in report.features] == kinds
        assert report.verdict is Verdict.PASS
    for name in ("results.csv", "results.dfq", "results.qif", "summary.html"):
        told = (tmp_path / "lot" / name).read_text("utf-8")
        assert "ection A-A" in told, name
    assert inspect_many(requests, Settings(alignment="least-squares"), tmp_path / "lot", processes=1).resumed == 2


def judged(count=12):
    made = []
    for number in range(count):
        report, run = part(number % 10)
        made.append(Judged(f"p {number}", f"scan{number}.ply", (report, run), None))
    return made


def test_the_summary_shows_parts_capability_and_charts(tmp_path):
    parts = [*judged(), Judged("bad", "bad<1>.ply", None, BadInput("cli.no_such_scans", pattern="x"))]
    write_summary(tmp_path, parts)
    told = (tmp_path / "summary.html").read_text("utf-8")
    assert 'href="p%200/report.html"' in told
    assert "bad&lt;1&gt;.ply" in told
    assert re.search(r"Ppk \d+\.\d\d \(\d+\.\d\d…\d+\.\d\d\)", told)
    assert told.count('class="control-chart"') == 2 * len(parts[0].result[0].features)
    assert "script-src 'none'" in told
    assert {"results.csv", "results.dfq", "results.qif", "summary.html"} == {one.name for one in tmp_path.iterdir()}


def test_a_few_parts_have_no_indices_and_nothing_breaks():
    for count in (0, 1, 3):
        told = page(judged(count))
        assert "control-chart" not in told.partition("</style>")[2]
        assert ("need at least" in told) == (count > 0)
    assert "control-chart" in page(judged(4)).partition("</style>")[2]


@pytest.mark.parametrize(
    ("verdicts", "error", "whole"),
    [
        ([Verdict.PASS, Verdict.PASS], False, Verdict.PASS),
        ([Verdict.PASS, Verdict.FAIL], True, Verdict.FAIL),
        ([Verdict.PASS, Verdict.CANNOT_SAY], False, Verdict.CANNOT_SAY),
        ([Verdict.PASS], True, Verdict.CANNOT_SAY),
        ([None], False, None),
        ([], False, None),
    ],
)
def test_the_verdict_on_all_parts(verdicts, error, whole):
    parts = [Judged("a", "a", (replace(part()[0], verdict=one), reports.Run()), None) for one in verdicts]
    parts += [Judged("b", "b", None, BadInput("cli.no_such_scans", pattern="x"))] if error else []
    assert whole_verdict(parts) is whole
    code = exit_code(Many(Path(), tuple(parts), 0, cancelled=False))
    assert code == (2 if error else {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.CANNOT_SAY: 3, None: 0}[whole])


def test_a_point_outside_the_limits_is_marked_at_its_place():
    values = np.array([10.0, 10.1, 9.9, 10.0, 10.1, 9.9, 10.0, 12.0, 10.0, 9.9, 10.1, 10.0]) * 1e-3
    chart = control_charts(values)[0]
    drawn = control_chart(chart, [f"part {i}" for i in range(12)], Words())
    marked = re.findall(r'class="signal"><title>(part \d+)', drawn)
    assert "part 7" in marked
    heights = [float(y) for y in re.findall(r'<circle cx="[\d.]+" cy="([\d.]+)"', drawn)]
    assert int(np.argmin(heights)) == 7, "the largest value is drawn highest"


def test_patterns_stand_for_files_in_the_order_of_their_numbers(tmp_path):
    for number in (1, 2, 10):
        (tmp_path / f"scan{number}.ply").touch()
    found = scans_of([tmp_path / "scan*.ply"])
    assert [one.name for one in found] == ["scan1.ply", "scan2.ply", "scan10.ply"]
    assert scans_of([tmp_path / "scan1.ply", tmp_path / "scan*.ply"]) == found
    with pytest.raises(BadInput):
        scans_of([tmp_path / "none*.ply"])
