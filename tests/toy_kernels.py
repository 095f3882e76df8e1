# SPDX-License-Identifier: Apache-2.0
"""A package with two small kernel files of its own, to try compilation on without touching the real ones."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "src" / "visionvalley"
MACHINERY = ("__init__", "store", "compilation", "ahead", "threads", "simd", "shortcuts")

BASE = """
from visionvalley.kernels.compilation import inner

SCALE = 2

@inner
def scaled(x):
    return x * SCALE
"""

TOY = """
from visionvalley.kernels.base import scaled
from visionvalley.kernels.compilation import kernel
from visionvalley.kernels.simd import take

@kernel("float64(float64)")
def tenfold(x):
    return scaled(x) * 5.0

@kernel("void(int64[::1], float64[::1], float64[::1])")
def scale_worker(counter, numbers, out):
    while True:
        piece = take(counter)
        if piece * 100 >= len(numbers):
            return
        for i in range(piece * 100, min(len(numbers), piece * 100 + 100)):
            out[i] = scaled(numbers[i])
"""


def plant(folder: Path) -> Path:
    """Make a package of the machinery and the two kernel files in `folder`; return the folder of its kernels."""
    kernels = folder / "visionvalley" / "kernels"
    kernels.mkdir(parents=True)
    shutil.copy(PACKAGE / "__init__.py", folder / "visionvalley")
    for stem in MACHINERY:
        shutil.copy(PACKAGE / "kernels" / f"{stem}.py", kernels)
    (kernels / "base.py").write_text(BASE)
    (kernels / "toy.py").write_text(TOY)
    return kernels


def environment(root: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a process that imports the package under `root`."""
    own = {"PYTHONPATH": str(root), "VALLEY_CACHE": str(root / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    return {k: v for k, v in os.environ.items() if not k.startswith("VALLEY_")} | own | variables


def start(root: Path, code: str, **variables: str) -> subprocess.Popen:
    """Start Python on some code with the package under `root`."""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(root, **variables),
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(root: Path, code: str, **variables: str) -> str:
    """Return what some code prints; fail with what it says where it fails."""
    process = start(root, code, **variables)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return out.strip()
