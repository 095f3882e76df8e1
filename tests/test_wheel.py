# SPDX-License-Identifier: Apache-2.0
"""The wheel carries the object code of every kernel, and says for which Python and machines."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import toy_kernels
from visionvalley.kernels import ahead, store

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel of the source as it is."""
    if store.target() == "x86-64":
        pytest.skip("wheels carry code of x86-64-v3; this CPU is older")
    ahead.compile_ahead()
    assert store.missing() == ()
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no compiled kernels" not in done.stdout + done.stderr, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_is_tagged_for_its_python_and_machine(wheel):
    python, abi, platform = wheel.stem.split("-")[2:]
    assert python == abi == f"cp{sys.version_info[0]}{sys.version_info[1]}"
    assert platform != "any"
    about = next(n for n in zipfile.ZipFile(wheel).namelist() if n.endswith(".dist-info/WHEEL"))
    assert b"Root-Is-Purelib: false" in zipfile.ZipFile(wheel).read(about)


def test_an_installed_wheel_lacks_no_object_code(wheel, tmp_path):
    site = tmp_path / "site-packages"
    zipfile.ZipFile(wheel).extractall(site)
    (tmp_path / "none").write_text("no cache can be made here")
    state = "from visionvalley.kernels import store; print(store.HERE, store.missing())"
    said = toy_kernels.run(site, state, VALLEY_CACHE=str(tmp_path / "none"))
    assert said == f"{site / 'visionvalley' / 'kernels'} ()"


def test_the_wheel_holds_the_source_its_words_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {"visionvalley/py.typed", "visionvalley/core/catalogue/en/core.toml"} <= set(names)
    tops = {name.split("/")[0].partition("-")[0] for name in names}
    assert tops == {"visionvalley"}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".part", ".pyc"))]
    carried = {name.split("/")[-1] for name in names if "/compiled/" in name}
    wanted = {store.list_name(store.HERE / f"{s}.py") for s in store.stems()}
    wanted |= {file for s in store.stems() for file in store.compiled(store.HERE / f"{s}.py")}
    assert carried == wanted


def test_a_wheel_of_a_bare_source_is_for_any_python(tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(ROOT / "src", bare / "src", ignore=shutil.ignore_patterns("compiled", "__pycache__"))
    shutil.copytree(ROOT / "tools", bare / "tools")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, bare)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    environment = toy_kernels.environment(bare / "src", VALLEY_CACHE=str(tmp_path / "cache"))
    done = subprocess.run(command, cwd=bare, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert next(tmp_path.glob("*.whl")).name.endswith("-py3-none-any.whl")
