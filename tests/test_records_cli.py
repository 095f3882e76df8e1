# SPDX-License-Identifier: Apache-2.0
"""`valley runs` and `valley rerun` as people call them."""

import json
import re
import sys
import time
import zipfile
from datetime import UTC, datetime

import numpy as np
import pytest

from visionvalley.cli.main import main
from visionvalley.cli.times import moment
from visionvalley.core import BadInput, Cloud
from visionvalley.io import write
from visionvalley.records import Records, default_records, find
from visionvalley.runs.exporting import export_run
from visionvalley.samples.simulated import bracket
from visionvalley.vision.shape.topology import sample_surface

WIDE = re.compile(r"[^\n]{81,}")
ALLOWED_S = 0.3  # what the bookkeeping of a run may add


@pytest.fixture
def valley(monkeypatch, capsys, tmp_path):
    """Call the command; return its exit code and what it wrote. Records lie in a folder of the test."""
    monkeypatch.setenv("VALLEY_RECORDS", str(tmp_path / "kept"))
    monkeypatch.chdir(tmp_path)

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["valley", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capsys.readouterr()
        return stopped.value.code or 0, out, err

    return call


@pytest.fixture
def inspected(valley, tmp_path):
    """The id of an inspection of a small scan."""
    part = bracket()
    write(tmp_path / "part.stl", part, unit="mm")
    made = sample_surface(part, 20_000, seed=2)
    noise = 10e-6 * np.random.default_rng(3).normal(size=(20_000, 1)) * made.normals
    write(tmp_path / "scan.ply", Cloud(made.points_m + noise), unit="mm")
    words = ("--unit", "mm", "--reference", "part.stl", "--tolerance", "0.2mm", "--owner", "Ana", "--keep-days", "0")
    code, out, err = valley("inspect", "scan.ply", *words)
    assert code == 0, err
    return re.search(r"Recorded as run ([0-9a-f]{12}): valley runs show \1", out)[1]


def test_an_inspection_is_recorded_rerun_shown_exported_pruned_and_erased(valley, inspected, tmp_path):
    code, out, _ = valley("rerun", inspected[:6], "--json")
    again = json.loads(out)
    assert (code, again["outcome"], again["differences"]) == (0, "same bits", [])
    assert again["numbers"] > 100

    _, out, _ = valley("runs", "--json", "--owner", "Ana", "--input", "scan", "--since", "1h", "--verdict", "pass")
    assert [run["id"] for run in json.loads(out)] == [inspected]
    _, out, _ = valley("runs")
    assert inspected[:8] in out
    assert "scan.ply" in out
    assert not WIDE.search(out)

    _, out, _ = valley("runs", "show", inspected)
    for told in ("tolerance_m", "0.0002", "scan.ply", "x86-64" if "x86" in out else "target", "✓ pass", "Ana", "numpy"):
        assert told in out

    code, out, _ = valley("runs", "export", inspected, "--output", "run.zip")
    names = zipfile.ZipFile(tmp_path / "run.zip").namelist()
    assert {"record.json", "result.json", "report.html", "scene.glb", "deviation.ply"} <= set(names)
    valley("runs", "export", inspected)
    folder = tmp_path / f"run-{inspected}"
    assert (folder / "result.json").read_bytes() == (tmp_path / "scan-inspection" / "result.json").read_bytes()
    assert valley("runs", "export", inspected)[0] == 2

    time.sleep(1.1)  # 0 days are over
    assert valley("runs", "prune", "--dry-run")[1].split() == [inspected]
    assert "Erased: 1 runs" in valley("runs", "prune")[1]
    assert valley("runs", "show", inspected)[0] == 2
    assert valley("runs", "erase", again["rerun"][:8], "--yes", "--json")[0] == 0
    assert find() == ()
    assert not [file for file in default_records().artefacts.rglob("*") if file.is_file()]
    assert (tmp_path / "scan.ply").exists()


def test_recording_adds_less_than_a_third_of_a_second(valley, inspected):
    """With the tables made; the best of three, because other processes may be at work."""
    from visionvalley.records import keep, one

    run = one(inspected)
    files = {each.name: default_records().artefacts / each.sha256[:2] / each.sha256 for each in run.artefacts}
    took = []
    for n in range(3):
        began = time.perf_counter()
        keep(type(run)(**{name: getattr(run, name) for name in run.__slots__} | {"id": f"{n:012x}"}), files)
        took.append(time.perf_counter() - began)
    assert min(took) < ALLOWED_S


def test_erasing_asks_and_says_what_it_needs(valley, inspected):
    for words in ((), ("--owner", "a", "--input", "scan.ply"), ("--input", "nothing"), ("--owner", "Ana")):
        code, _, said = valley("runs", "erase", *words)
        assert code == 2
        assert "→" in said
    assert len(find()) == 1
    code, out, _ = valley("runs", "erase", "--input", "scan.ply", "--yes")  # by the content of the file
    assert "Erased: 1 runs" in out
    assert find() == ()


def test_a_run_that_is_not_there_is_one_clear_error(valley):
    for words in (("runs", "show", "abcdef"), ("rerun", "abcdef"), ("runs", "--since", "yesterday")):
        code, _, said = valley(*words)
        assert code == 2
        assert "Traceback" not in said


def test_an_export_is_whole_or_not_there(valley, inspected, tmp_path, monkeypatch):
    run = find()[0]
    lost = default_records().artefacts / run.artefacts[0].sha256[:2] / run.artefacts[0].sha256
    lost.unlink()
    for name in ("out", "out.zip"):
        with pytest.raises(BadInput) as caught:
            export_run(run, tmp_path / name, Records(default_records().folder))
        assert caught.value.message.id == "records.file_lost"
        assert not [path for path in tmp_path.iterdir() if path.name.startswith((".out", "out"))]
    assert "lost:" in valley("runs", "show", run.id)[1]


@pytest.mark.parametrize(
    ("written", "end", "expected"),
    [
        ("7d", False, "2026-02-23T12:00:00+00:00"),
        ("3h ago", False, "2026-03-02T09:00:00+00:00"),
        ("2026-03-01T10:00+02:00", False, "2026-03-01T08:00:00+00:00"),
        ("2026-03-01T10:00+02:00", True, "2026-03-01T08:00:00+00:00"),
    ],
)
def test_times_are_read_as_people_write_them(written, end, expected):
    assert moment(written, end=end, now=datetime(2026, 3, 2, 12, tzinfo=UTC)) == expected


def test_a_day_lasts_to_its_end_in_the_zone_of_the_reader():
    first, last = (datetime.fromisoformat(moment("2026-03-01", end=end)) for end in (False, True))
    assert (last - first).total_seconds() == 86_399
    assert first.astimezone().hour == 0
    for nonsense in ("yesterday", "2026-13-01", "7", "9999999w"):
        with pytest.raises(BadInput):
            moment(nonsense)
