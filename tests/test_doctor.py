# SPDX-License-Identifier: Apache-2.0
"""`valley doctor` and `valley warm`: what is there, what is missing, and how to get it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from visionvalley.cli import doctor
from visionvalley.core import render
from visionvalley.kernels import store


def valley(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
    """Run the command in a process of its own."""
    code = "from visionvalley.cli.main import main; main()"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)


def finding(name: str) -> doctor.Finding:
    """Return one finding of an examination."""
    return next(one for one in doctor.examine() if one.name == name)


def test_the_doctor_looks_at_everything_and_says_so_in_80_columns():
    done = valley("doctor", COLUMNS="80")
    names = ["versions", "packages", "threads", "cpu", "kernels", "gpu", "data", "extra cad", "disk"]
    assert done.returncode == 0, done.stderr
    for name in names:
        assert name in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    rows = json.loads(valley("doctor", "--json").stdout)
    assert [row["name"] for row in rows] == names
    assert all(row["sign"] in {"good", "wanting"} and row["state"] for row in rows)


def test_threads_that_are_no_number_are_an_error_with_its_remedy():
    done = valley("doctor", "--json", VALLEY_THREADS="two")
    row = next(row for row in json.loads(done.stdout) if row["name"] == "threads")
    assert (done.returncode, row["sign"]) == (2, "wrong")
    assert "VALLEY_THREADS is 'two'" in row["state"]
    assert "unset it" in row["fix"]


def test_an_old_cpu_is_named_with_what_it_lacks_and_what_that_means(monkeypatch):
    monkeypatch.setattr(store, "cpu_flags", lambda: frozenset({"sse4_2", "avx"}))
    monkeypatch.setattr(store, "target", lambda: "x86-64")
    found = finding("cpu")
    assert found.sign == doctor.WANTING
    assert "lacks abm, avx2" in render(found.state)
    assert "within rounding" in render(found.fix)


def test_kernels_without_object_code_are_counted_and_warm_is_named(monkeypatch):
    monkeypatch.setattr(store, "missing", lambda names=None: ("voxels",))
    found = finding("kernels")
    assert found.sign == doctor.WANTING
    assert f"{len(store.stems()) - 1} of {len(store.stems())}" in render(found.state)
    assert "valley warm" in render(found.fix)


def test_a_cache_that_cannot_be_written_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(store, "missing", lambda names=None: ("voxels",))
    monkeypatch.setattr(store, "writable", lambda: (tmp_path / "file" / "kernels",))
    assert "VALLEY_CACHE" in render(finding("kernels").fix)


@pytest.mark.parametrize(
    ("says", "code", "words"),
    [
        ("NVIDIA H100, 81559 MiB, 550.1", 0, "NVIDIA H100"),
        ("couldn't communicate with the driver", 9, "nvidia-smi is installed but fails"),
    ],
)
def test_a_gpu_is_asked_for_and_never_needed(monkeypatch, tmp_path, says, code, words):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f'#!/bin/sh\necho "{says}"\nexit {code}\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert words in render(finding("gpu").state)
    tool.unlink()
    if shutil.which("nvidia-smi") is None:
        assert finding("gpu").sign == doctor.GOOD


def test_a_missing_extra_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    found = finding("extra cad")
    assert found.sign == doctor.WANTING
    assert render(found.fix) == "pip install 'visionvalley[cad]'"


def test_a_missing_package_is_wrong(monkeypatch):
    real = doctor.version
    monkeypatch.setattr(doctor, "version", lambda name: real(name if name != "lazrs" else "no-such-package"))
    found = [one for one in doctor.examine() if one.sign == doctor.WRONG]
    assert [render(one.state) for one in found] == ["missing: lazrs"]


def test_a_full_disk_is_seen(monkeypatch):
    usage = shutil.disk_usage(Path.home())
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: usage._replace(free=10**8))
    assert finding("disk").sign == doctor.WANTING


def test_no_samples_are_no_error(monkeypatch):
    monkeypatch.setattr("visionvalley.samples.list_samples", lambda: ())
    found = finding("data")
    assert found.sign == doctor.WANTING
    assert "valley samples" in render(found.fix)


def test_warm_refuses_a_verb_that_compiles_nothing():
    done = valley("warm", "dance", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["id"] == "warm.no_such_verb"


def test_warm_has_nothing_to_do_a_second_time():
    valley("warm", "inspect", "--json")
    done = valley("warm", "inspect", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["compiled_s"] == {}
