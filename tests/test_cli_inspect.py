# SPDX-License-Identifier: Apache-2.0
"""`valley inspect` from files to a folder: exit codes, JSON, errors, nothing partial."""

import json
import sys

import numpy as np
import pytest

from visionvalley.cli.main import main
from visionvalley.core import Cloud, Pose
from visionvalley.io import write
from visionvalley.report.pdf import can_write_pdf
from visionvalley.samples.simulated import bracket
from visionvalley.vision.shape.topology import sample_surface

FILES = {"report.html", "result.json", "results.csv", "results.dfq", "results.qif", "scene.glb", "deviation.ply"} | (
    {"report.pdf"} if can_write_pdf() else set()
)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A nominal part as STL in mm, and a good and a dented scan of it as PLY in mm."""
    folder = tmp_path_factory.mktemp("inspect")
    part = bracket()
    write(folder / "part.stl", part, unit="mm")
    made = sample_surface(part, 40_000, seed=2)
    noise = 10e-6 * np.random.default_rng(3).normal(size=(40_000, 1)) * made.normals
    elsewhere = Pose.from_rotation_vector(np.array([0.3, 0.8, -0.4]), np.array([0.1, 0.2, 0.3]))
    write(folder / "good.ply", Cloud(elsewhere.apply(made.points_m + noise)), unit="mm")
    dent = (np.linalg.norm(made.points_m - [24e-3, 30e-3, 22e-3], axis=1) < 6e-3) & (made.normals[:, 2] > 0.9)
    dented = made.points_m + noise - 400e-6 * dent[:, None] * made.normals
    write(folder / "dented.ply", Cloud(elsewhere.apply(dented)), unit="mm")
    return folder


def valley(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["valley", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code


def inspect(monkeypatch, files, scan, *words):
    common = ("--reference", files / "part.stl", "--unit", "mm", "--output", files / "out")
    return valley(monkeypatch, "inspect", files / scan, *common, *words)


@pytest.mark.parametrize(
    ("scan", "tolerance", "code"), [("good.ply", "0.2mm", 0), ("dented.ply", "0.2mm", 1), ("good.ply", "20um", 3)]
)
def test_the_exit_code_tells_the_verdict_and_json_the_rest(monkeypatch, capsys, files, scan, tolerance, code):
    assert inspect(monkeypatch, files, scan, "--tolerance", tolerance, "--json") == code
    result = json.loads(capsys.readouterr().out)
    assert result["verdict"] == {0: "pass", 1: "fail", 3: "cannot say"}[code]
    assert {file.name for file in (files / "out").iterdir()} == FILES


def test_without_a_tolerance_nothing_is_judged(monkeypatch, capsys, files):
    assert inspect(monkeypatch, files, "good.ply", "--json") == 0
    assert json.loads(capsys.readouterr().out)["verdict"] is None


def test_quiet_is_quiet(monkeypatch, capsys, files):
    assert inspect(monkeypatch, files, "dented.ply", "--tolerance", "0.2mm", "--quiet") == 1
    assert capsys.readouterr() == ("", "")


def test_an_error_says_what_why_and_fix_and_exits_with_2(monkeypatch, capsys, files):
    assert valley(monkeypatch, "inspect", files / "none.ply", "--reference", files / "part.stl", "--unit", "mm") == 2
    said = capsys.readouterr().err
    assert "none.ply" in said
    assert "does not exist" in said
    assert "check the path" in said
    assert "Traceback" not in said


def test_an_error_is_json_where_json_is_asked(monkeypatch, capsys, files):
    code = valley(monkeypatch, "inspect", files / "none.ply", "--reference", files / "part.stl", "--json")
    error = json.loads(capsys.readouterr().out)["error"]
    assert code == 2
    assert error["id"] == "io.missing"
    assert set(error) == {"id", "what", "why", "fix"}


def test_a_folder_that_holds_something_else_is_left_alone(monkeypatch, capsys, files):
    (files / "mine").mkdir()
    (files / "mine" / "letter.txt").write_text("dear")
    words = ("--reference", files / "part.stl", "--unit", "mm", "--output", files / "mine")
    assert valley(monkeypatch, "inspect", files / "good.ply", *words) == 2
    assert [file.name for file in (files / "mine").iterdir()] == ["letter.txt"]
    assert "choose another folder" in capsys.readouterr().err


def test_nothing_partial_stays_when_writing_fails(monkeypatch, capsys, files):
    import visionvalley.report.folder as folder

    def broken(*_):
        raise OSError(28, "No space left on device", "scene.glb")

    monkeypatch.setattr(folder, "write_glb", broken)
    words = ("--reference", files / "part.stl", "--unit", "mm", "--output", files / "full")
    assert valley(monkeypatch, "inspect", files / "good.ply", *words) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert not [file for file in files.iterdir() if "full" in file.name]


def test_a_folder_without_permission_is_one_clear_error(monkeypatch, capsys, files):
    words = ("--reference", files / "part.stl", "--unit", "mm", "--output", "/proc/nowhere/out")
    assert valley(monkeypatch, "inspect", files / "good.ply", *words) == 2
    assert "Traceback" not in capsys.readouterr().err
