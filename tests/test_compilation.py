# SPDX-License-Identifier: Apache-2.0
"""Object code: always of the source as it is, never wrong, whatever the folder, the disk or the company."""

import ast
import shutil
from pathlib import Path

import pytest

import toy_kernels
from visionvalley.kernels import store

USE = "from visionvalley.kernels.toy import tenfold; print(tenfold(3.0), dict(tenfold.stats.cache_hits) != {})"
STATE = "from visionvalley.kernels import store; print(store.missing())"
AHEAD = "from visionvalley.kernels.ahead import compile_ahead; print(sorted(compile_ahead(processes=2)))"


@pytest.fixture
def kernels(tmp_path) -> Path:
    """The kernels folder of a toy package."""
    return toy_kernels.plant(tmp_path)


def test_an_edit_in_an_inner_function_of_another_file_is_seen_at_once(kernels, tmp_path):
    assert toy_kernels.run(tmp_path, USE) == "30.0 False"
    assert toy_kernels.run(tmp_path, USE) == "30.0 True"
    (kernels / "base.py").write_text(toy_kernels.BASE.replace("SCALE = 2", "SCALE = 3"))
    assert toy_kernels.run(tmp_path, USE) == "45.0 False"
    (kernels / "base.py").write_text(toy_kernels.BASE)
    assert toy_kernels.run(tmp_path, USE) == "30.0 True"


def test_what_is_compiled_ahead_is_complete_and_is_used(kernels, tmp_path):
    assert toy_kernels.run(tmp_path, STATE) == "('base', 'toy')"
    assert toy_kernels.run(tmp_path, AHEAD) == "['toy.scale_worker', 'toy.tenfold']"
    assert toy_kernels.run(tmp_path, STATE) == "()"
    assert toy_kernels.run(tmp_path, AHEAD) == "[]"
    assert toy_kernels.run(tmp_path, USE) == "30.0 True"
    next(kernels.glob("compiled/toy.tenfold.*")).unlink()
    assert toy_kernels.run(tmp_path, STATE) == "('toy',)"


def test_compiling_ahead_removes_what_an_edit_made_stale(kernels, tmp_path):
    toy_kernels.run(tmp_path, AHEAD)
    before = {f.name for f in (kernels / "compiled").iterdir() if f.name.startswith("toy")}
    (kernels / "base.py").write_text(toy_kernels.BASE.replace("SCALE = 2", "SCALE = 3"))
    toy_kernels.run(tmp_path, AHEAD)
    after = {f.name for f in (kernels / "compiled").iterdir() if f.name.startswith("toy")}
    assert len(before) == len(after) == 3
    assert not before & after


def test_a_call_with_types_that_were_not_declared_is_known(kernels, tmp_path):
    code = (
        "from visionvalley.kernels import compilation\nfrom visionvalley.kernels.toy import tenfold\n"
        "tenfold(3.0); print(compilation.undeclared(tenfold)); tenfold(3); print(compilation.undeclared(tenfold))"
    )
    assert toy_kernels.run(tmp_path, code).splitlines() == ["[]", "[(int64,)]"]


def test_asking_what_is_missing_needs_neither_numba_nor_numpy(kernels, tmp_path):
    code = STATE + "; import sys; print({'numba', 'llvmlite', 'numpy'} & set(sys.modules))"
    assert toy_kernels.run(tmp_path, code).splitlines()[1] == "set()"


def test_a_damaged_object_file_is_compiled_again(kernels, tmp_path):
    toy_kernels.run(tmp_path, USE)
    file = next(kernels.glob("compiled/toy.tenfold.*"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert toy_kernels.run(tmp_path, USE) == "30.0 False"
    file.write_bytes(data[: len(data) // 2])
    assert toy_kernels.run(tmp_path, USE) == "30.0 False"
    assert toy_kernels.run(tmp_path, USE) == "30.0 True"


def test_an_installed_package_is_left_as_it_is_and_the_users_cache_is_used(tmp_path):
    site = tmp_path / "lib" / "site-packages"
    kernels = toy_kernels.plant(site)
    before = sorted(kernels.rglob("*"))
    assert toy_kernels.run(site, USE, VALLEY_CACHE=str(tmp_path / "cache")) == "30.0 False"
    assert toy_kernels.run(site, USE, VALLEY_CACHE=str(tmp_path / "cache")) == "30.0 True"
    assert sorted(kernels.rglob("*")) == before
    assert [f.name.split(".")[1] for f in (tmp_path / "cache" / "kernels").iterdir()] == ["tenfold"]


def test_object_code_travels_with_the_package_to_another_folder_and_other_file_times(kernels, tmp_path):
    toy_kernels.run(tmp_path, AHEAD)
    site = tmp_path / "elsewhere" / "site-packages"
    shutil.copytree(tmp_path / "visionvalley", site / "visionvalley", copy_function=shutil.copyfile)
    nowhere = tmp_path / "file"
    nowhere.write_text("no folder can be made here")
    assert toy_kernels.run(site, STATE, VALLEY_CACHE=str(nowhere)) == "()"
    assert toy_kernels.run(site, USE, VALLEY_CACHE=str(nowhere)) == "30.0 True"


def test_where_nothing_can_be_written_kernels_still_run(tmp_path):
    site = tmp_path / "site-packages"
    toy_kernels.plant(site)
    nowhere = tmp_path / "file"
    nowhere.write_text("no folder can be made here")
    assert toy_kernels.run(site, USE, VALLEY_CACHE=str(nowhere)) == "30.0 False"
    assert toy_kernels.run(site, AHEAD, VALLEY_CACHE=str(nowhere)) == "['toy.scale_worker', 'toy.tenfold']"
    assert toy_kernels.run(site, STATE, VALLEY_CACHE=str(nowhere)) == "('base', 'toy')"


def test_a_full_disk_makes_it_slower_and_leaves_no_half_files(kernels, tmp_path):
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); "
    assert toy_kernels.run(tmp_path, full + USE) == "30.0 False"
    assert [f for folder in (kernels / "compiled", tmp_path / "cache") for f in folder.rglob("*") if f.is_file()] == []


def test_an_older_cpu_gets_code_of_its_own(kernels, tmp_path):
    assert toy_kernels.run(tmp_path, USE) == "30.0 False"
    assert toy_kernels.run(tmp_path, USE, VALLEY_TARGET="x86-64") == "30.0 False"
    assert toy_kernels.run(tmp_path, USE, VALLEY_TARGET="x86-64") == "30.0 True"
    assert len(list(kernels.glob("compiled/toy.tenfold.*"))) == 2


@pytest.mark.parametrize(
    ("machine", "flags", "target"),
    [
        ("x86_64", "sse4_2 avx avx2 bmi1 bmi2 f16c fma movbe abm avx512f", "x86-64-v3"),
        ("x86_64", "sse4_2 avx bmi1 bmi2 f16c fma movbe abm", "x86-64"),
        ("AMD64", "", "x86-64-v3"),
        ("aarch64", "fp asimd", "generic"),
    ],
)
def test_the_target_is_one_for_all_cpus_of_a_kind(monkeypatch, machine, flags, target):
    monkeypatch.setattr(store.platform, "machine", lambda: machine)
    monkeypatch.setattr(store, "cpu_flags", lambda: frozenset(flags.split()))
    monkeypatch.delenv("VALLEY_TARGET", raising=False)
    assert store.target.__wrapped__() == target


def test_processes_that_compile_at_once_do_not_disturb_one_another(kernels, tmp_path):
    code = "from visionvalley.kernels.ahead import compile_ahead; compile_ahead(processes=1); " + USE
    processes = [toy_kernels.start(tmp_path, code) for _ in range(2)] + [toy_kernels.start(tmp_path, USE)]
    said = [process.communicate(timeout=120) for process in processes]
    assert [out.split()[0] for out, _ in said] == ["30.0"] * 3, said
    assert toy_kernels.run(tmp_path, STATE) == "()"
    assert toy_kernels.run(tmp_path, USE) == "30.0 True"
    assert list(kernels.glob("compiled/.*")) == []


def test_other_numba_code_that_came_first_changes_no_bit(kernels, tmp_path):
    first = "import numba; numba.njit(lambda x: x + 1)(1); "
    mine = "; from visionvalley.kernels import compilation; print(compilation.TARGET_FIXED)"
    assert toy_kernels.run(tmp_path, first + USE + mine).split() == ["30.0", "True", "False"]
    there = {f.name: f.read_bytes() for f in kernels.glob("compiled/*.nbc")}
    shutil.rmtree(kernels / "compiled")
    toy_kernels.run(tmp_path, AHEAD)
    assert {f.name for f in kernels.glob("compiled/*.nbc")} == there.keys()


def test_variants_of_one_function_have_names_of_their_own(kernels, tmp_path):
    (kernels / "toy.py").write_text(
        "from visionvalley.kernels.compilation import kernel\n"
        "from visionvalley.kernels.simd import load_f32x8, load_f32x16, reduce_add\n"
        "def make(load, times):\n"
        "    @kernel('float32(float32[::1])')\n"
        "    def total(numbers):\n"
        "        return reduce_add(load(numbers, 0)) * times\n"
        "    return total\n"
        "VARIANTS = [make(load_f32x8, 1), make(load_f32x16, 1), make(load_f32x16, 3)]\n"
    )
    code = (
        "import numpy as np\nfrom visionvalley.kernels.toy import VARIANTS\n"
        "print([v(np.ones(16, 'f')) for v in VARIANTS])"
    )
    assert toy_kernels.run(tmp_path, code) == "[8.0, 16.0, 48.0]"
    assert toy_kernels.run(tmp_path, code) == "[8.0, 16.0, 48.0]"
    assert len(list(kernels.glob("compiled/toy.total.*.nbc"))) == 3


def test_a_kernel_that_does_not_compile_is_named(kernels, tmp_path):
    (kernels / "toy.py").write_text(toy_kernels.TOY.replace("* 5.0", "+ 'five'"))
    code = (
        "from visionvalley.kernels import ahead\n"
        "try:\n    ahead.compile_ahead()\n"
        "except ahead.CompilationFailed as error:\n    print(error)\n"
    )
    assert "toy.tenfold" in toy_kernels.run(tmp_path, code)


def test_a_compiling_process_that_dies_is_an_error_and_not_a_wait_for_ever(kernels, tmp_path):
    with (kernels / "toy.py").open("a") as file:
        file.write("\nimport os\nos._exit(9)\n")
    code = (
        "from visionvalley.kernels import ahead\n"
        "try:\n    ahead.compile_ahead()\n"
        "except ahead.CompilationFailed as error:\n    print('said:', error)\n"
    )
    assert toy_kernels.run(tmp_path, code).startswith("said: {'list': ")


def test_progress_counts_every_entry_point_and_can_stop_the_work(kernels, tmp_path):
    code = (
        "import subprocess\n"
        "from visionvalley.kernels import ahead\n"
        "made, start = [], subprocess.Popen\n"
        "def note(*a, **k):\n    made.append(start(*a, **k))\n    return made[-1]\n"
        "subprocess.Popen = note\n"
        "def stop(done, total, name):\n    print(done, total)\n    if done: raise KeyboardInterrupt\n"
        "try:\n    ahead.compile_ahead(report=stop)\n"
        "except KeyboardInterrupt:\n    print('stopped', all(p.poll() is not None for p in made))\n"
    )
    assert toy_kernels.run(tmp_path, code).splitlines() == ["0 2", "1 2", "stopped True"]


def test_a_fork_after_use_and_during_compilation_leaves_a_child_that_works(kernels, tmp_path):
    code = (
        "import os, threading, time, numpy as np\n"
        "from visionvalley.kernels.threads import each_thread, set_threads\n"
        "from visionvalley.kernels.toy import scale_worker, tenfold\n"
        "set_threads(2)\n"
        "def use():\n"
        "    out = np.zeros(1000)\n"
        "    each_thread(scale_worker, 10, np.arange(1000.0), out)\n"
        "    return bool((out == 2 * np.arange(1000)).all())\n"
        "before = use()\n"
        "busy = threading.Thread(target=tenfold, args=(1.0,))\n"
        "busy.start()\n"
        "child = os.fork()\n"
        "if child == 0:\n    os._exit(7 if use() and tenfold(3.0) == 30.0 else 1)\n"
        "busy.join()\n"
        "print(before, use(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert toy_kernels.run(tmp_path, code) == "True True 7"


@pytest.mark.parametrize("stem", store.stems())
def test_the_quick_reading_of_imports_finds_what_the_syntax_tree_holds(stem):
    source = store.HERE / f"{stem}.py"
    expected, waiting = set(), [source]
    while waiting:
        file = waiting.pop()
        if file in expected or not file.exists():
            continue
        expected.add(file)
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("visionvalley.kernels"):
                inside = (node.module or "").split(".")[2:]
                waiting += [store.HERE / f"{n}.py" for n in inside or [a.name for a in node.names]]
            elif isinstance(node, ast.Import):
                waiting += [
                    store.HERE / f"{a.name.split('.')[2]}.py"
                    for a in node.names
                    if a.name.startswith("visionvalley.kernels.")
                ]
    assert set(store.imported_kernels(source)) == expected
