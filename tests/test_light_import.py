# SPDX-License-Identifier: Apache-2.0
"""What an import brings along: the core is light, and the compiler comes with the first kernel."""

import json
import subprocess
import sys

COMPILER = {"numba", "llvmlite"}
HEAVY = COMPILER | {"scipy", "trimesh", "matplotlib", "open3d", "OCP", "laspy", "pye57", "lib3mf", "pooch", "PIL"}
HEAVY |= {"sqlalchemy", "alembic", "psycopg"}


def modules_after(code: str) -> set[str]:
    """Return the top-level modules that are loaded after some code ran in a fresh process."""
    tail = "\nimport sys, json; print('\\n' + json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_core_brings_numpy_and_nothing_else():
    plain = modules_after("import numpy, dataclasses, enum, tomllib, importlib.resources, contextlib, typing")
    brought = modules_after("import visionvalley.core") - plain
    assert {name for name in brought if name not in sys.stdlib_module_names} == {"visionvalley"}


def test_the_package_itself_brings_nothing_heavy():
    assert not modules_after("import visionvalley") & (HEAVY | {"numpy"})


def test_reading_files_brings_no_compiler_and_no_heavy_library():
    assert not modules_after("import visionvalley.io") & HEAVY


def test_a_kernel_brings_the_compiler():
    assert modules_after("import visionvalley.kernels.compilation") >= COMPILER
