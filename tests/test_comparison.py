# SPDX-License-Identifier: Apache-2.0
"""Two scans, before and after: a planted change is found within its uncertainty, and none where there is none."""

import json
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests import reports

from visionvalley.applications.manufacturing.comparison import Comparison, run
from visionvalley.applications.manufacturing.settings import ComparisonSettings
from visionvalley.cli.main import main
from visionvalley.core import BadInput, Cloud, Pose, Verdict
from visionvalley.io import read, write
from visionvalley.report.characteristics import characteristics
from visionvalley.report.page import page_of, part_of
from visionvalley.samples.simulated import DENT_M, bracket
from visionvalley.vision.metrology.changes import changes
from visionvalley.vision.shape.topology import sample_surface
from visionvalley.vision.simulation.parts import plant_offset

NOISE_M, LOSS_M, RADIUS_M = 10e-6, -40e-6, 1.6e-3
AT = np.array([24e-3, 30e-3, 22e-3])
OFF = Pose.from_rotation_vector(np.array([2e-4, -3e-4, 1e-4]), np.array([3e-5, -2e-5, 4e-5]))


@pytest.fixture(scope="module")
def surfaces():
    """The bracket as it was, and worn by 40 µm in a round place of 5 mm radius."""
    return bracket(), plant_offset(bracket(), AT, 5e-3, LOSS_M)


def scanned(mesh, seed, count=50_000):
    made = sample_surface(mesh, count, seed=seed)
    noise = NOISE_M * np.random.default_rng(seed + 100).normal(size=(count, 1))
    return made.points_m + noise * made.normals, made.normals


def compared(first, second, seed):
    before, normals = scanned(first, seed)
    after, _ = scanned(second, seed + 50, 45_000)
    return changes(before, OFF.apply(after), before[::8], normals[::8], RADIUS_M)


def test_nothing_is_reported_where_nothing_changed(surfaces):
    regions, beyond, motions = 0, [], []
    for seed in range(8):
        found = compared(surfaces[0], surfaces[0], seed)
        known = np.isfinite(found.change_m)
        assert known.mean() > 0.6
        regions += found.region.max() >= 0
        beyond.append(np.mean(np.abs(found.change_m[known]) > found.level_m[known]))
        error = found.before_from_after @ OFF
        motions.append(error.translation_m / np.sqrt(np.diag(found.covariance))[3:])
    assert regions <= 2, "chance shows a region in 5 % of comparisons"
    assert np.mean(beyond) == pytest.approx(0.05, abs=0.012), "that is what a level of detection is"
    assert np.sqrt(np.mean(np.square(motions))) < 1.8, "the registration is as good as it says"


def test_a_planted_change_is_found_within_its_uncertainty(surfaces):
    pulls, covered = [], 0
    for seed in range(4):
        found = compared(surfaces[0], surfaces[1].mesh, seed)
        own = np.flatnonzero(found.region == 0)
        assert np.sqrt(((found.place_m[own].mean(axis=0) - AT) ** 2).sum()) < 1e-3
        deep = own[np.sqrt(((found.place_m[own] - AT) ** 2).sum(axis=1)) < 5e-3 - RADIUS_M]
        pulls.append((found.change_m[deep] - LOSS_M) / found.uncertainty_m[deep])
        covered += np.mean(np.abs(found.change_m[deep] - LOSS_M) < found.level_m[deep])
    pulls = np.concatenate(pulls)
    assert covered / 4 > 0.85
    assert abs(pulls.mean()) < 0.5
    assert 0.6 < pulls.std() < 1.5


def test_a_large_change_is_measured_and_beyond_reach_it_is_not_seen(surfaces):
    before, normals = scanned(surfaces[0], 1)
    top = normals[:, 2] > 0.9
    for deep_m in (1e-3, 0.1):
        after = before.copy()
        worn = top & (before[:, 2] > 21e-3)
        after[worn, 2] -= deep_m
        found = changes(before, after, before[::8], normals[::8], RADIUS_M)
        inside = worn[::8] & (np.abs(before[::8, 0] - 24e-3) < 4e-3) & (np.abs(before[::8, 1] - 30e-3) < 10e-3)
        if deep_m < RADIUS_M:
            assert_allclose(found.change_m[inside], -deep_m, atol=60e-6)
        else:
            assert not (found.change_m[inside] > 0).any()
    with pytest.raises(BadInput, match="seen in both"):
        changes(before, before + 1.0, before[::8], normals[::8], RADIUS_M)


@pytest.mark.parametrize("with_reference", [False, True])
def test_scans_in_frames_of_their_own_are_registered_on_what_did_not_change(surfaces, with_reference):
    poses = [
        Pose.from_rotation_vector(np.array(w), np.array(t))
        for w, t in (([0.9, -0.5, 1], [0.1, 0, 0]), ([0.2, 0.4, -0.6], [0, 0.2, 0.1]))
    ]
    before, after = (
        Cloud(pose.apply(scanned(mesh, seed)[0]))
        for pose, mesh, seed in zip(poses, (surfaces[0], surfaces[1].mesh), (3, 4), strict=True)
    )
    values = Comparison(before, after, surfaces[0] if with_reference else None)
    report = run(values, ComparisonSettings(tolerance_m=20e-6))
    (region,) = report.features
    low, high = region.measured.interval_95
    assert low < LOSS_M < high
    assert report.verdict is Verdict.FAIL
    assert report.facts["regions"] == 1
    assert any(note.id == "manufacturing.sides_guessed" for note in report.notes) != with_reference
    html = characteristics(page_of(report, reports.Run()))
    assert 'class="histogram"' in html


def _ended(command) -> int:
    """Return the exit code of a command."""
    with pytest.raises(SystemExit) as stopped:
        command()
    return stopped.value.code


def test_from_files_by_the_command_and_again(monkeypatch, capsys, tmp_path, surfaces):
    for name, seed in (("before", 5), ("after", 6)):
        write(tmp_path / f"{name}.ply", Cloud(scanned(surfaces[0], seed, 20_000)[0]), unit="mm")
    words = ["compare", str(tmp_path / "before.ply"), str(tmp_path / "after.ply"), "--unit", "mm"]
    monkeypatch.setattr(sys, "argv", ["valley", *words, "--tolerance", "0.5mm", "--json"])
    with pytest.raises(SystemExit) as stopped:
        main()
    result = json.loads(capsys.readouterr().out)
    assert stopped.value.code == 0
    assert [one["name"] for one in result["features"]] == ["no region changed"]
    folder = tmp_path / "after-comparison"
    assert (folder / "report.html").is_file()
    kept = read(folder / "deviation.ply", unit="mm")
    assert {"change_mm", "level_of_detection_mm"} <= set(kept.fields)
    id_ = result["record"]["id"]
    monkeypatch.setattr(sys, "argv", ["valley", "rerun", id_])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    assert "same bits" in capsys.readouterr().out


def test_the_demonstration_finds_its_dent_within_the_uncertainty(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["valley", "demo", "--comparison", "--quiet", "-o", str(tmp_path / "demo")])
    assert _ended(main) == 0
    told = json.loads((tmp_path / "demo-comparison" / "result.json").read_text())
    (dent,) = told["features"]
    low, high = dent["measured"]["interval_95"]
    assert low < DENT_M < high
    assert [one["value"] for one in dent["beside"] if one["name"] == "planted"] == [DENT_M]
    assert (told["simulated"], told["verdict"]) == (True, "fail")


def test_the_title_of_a_comparison_is_the_later_scan():
    inputs = tuple(reports.Input(role, f"{role}.ply", "0" * 64, 1) for role in ("before", "after"))
    assert part_of(reports.report(facts={}), reports.Run(inputs=inputs)) == "after.ply"
