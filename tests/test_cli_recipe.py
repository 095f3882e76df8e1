# SPDX-License-Identifier: Apache-2.0
"""`valley inspect` with a recipe: written for a part, checked, run; each slip told with its line."""

import sys

import pytest
from tests.solids import box

from visionvalley.cli.main import main
from visionvalley.core import Cloud
from visionvalley.io import write
from visionvalley.vision.shape.topology import sample_surface


@pytest.fixture
def files(tmp_path):
    """A block as STL in mm, and a scan of it."""
    write(tmp_path / "block.stl", box((0.06, 0.04, 0.02)), unit="mm")
    made = sample_surface(box((0.06, 0.04, 0.02)), 3000, seed=2)
    write(tmp_path / "scan.ply", Cloud(made.points_m), unit="mm")
    return tmp_path


def valley(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["valley", *map(str, words)])
    try:
        main()
    except SystemExit as stopped:
        return stopped.code
    return 0


def test_a_new_recipe_lies_beside_its_part_and_is_never_replaced(monkeypatch, capsys, files):
    assert not valley(monkeypatch, "inspect", "--new-recipe", files / "block.stl", "--unit", "mm")
    assert "block.toml" in capsys.readouterr().out.replace("\n", "")
    written = (files / "block.toml").read_text()
    assert 'A = "plane-1"' in written
    assert 'part_unit = "mm"' in written
    (files / "block.toml").write_text(written + "# mine\n")
    assert valley(monkeypatch, "inspect", "--new-recipe", files / "block.stl", "--unit", "mm") == 2
    assert "there already" in capsys.readouterr().err
    assert (files / "block.toml").read_text().endswith("# mine\n")
    words = ("inspect", "--new-recipe", files / "block.stl", "--unit", "mm", "--output", files / "b.toml", "--quiet")
    assert not valley(monkeypatch, *words)
    assert (files / "b.toml").read_text() == written
    assert capsys.readouterr().out == ""


def test_a_slip_in_a_recipe_is_one_clear_error(monkeypatch, capsys, files):
    (files / "r.toml").write_text('part = "block.stl"\npart_unit = "mm"\n[scan]\nunit = "mm"\nnose = 0.02\n')
    assert valley(monkeypatch, "inspect", files / "scan.ply", "--recipe", files / "r.toml") == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "line 5" in said
    assert "did you mean noise?" in said
    assert "Traceback" not in said
    assert not (files / "scan-inspection").exists()


def test_nothing_to_inspect_and_nothing_to_judge_by_are_errors(monkeypatch, capsys, files):
    assert valley(monkeypatch, "inspect") == 2
    assert "no scan was named" in capsys.readouterr().err
    assert valley(monkeypatch, "inspect", files / "scan.ply", "--unit", "mm") == 2
    assert "--reference PART" in " ".join(capsys.readouterr().err.split())


def test_a_part_that_is_not_there_is_told(monkeypatch, capsys, files):
    assert valley(monkeypatch, "inspect", "--new-recipe", files / "none.step") == 2
    assert "does not exist" in " ".join(capsys.readouterr().err.split())
    assert not list(files.glob("*.toml"))
