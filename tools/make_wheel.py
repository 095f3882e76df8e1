# SPDX-License-Identifier: Apache-2.0
"""Make a wheel with all kernels compiled and all web assets built: `python tools/make_wheel.py` (`make wheel`)."""

import subprocess
import sys
import zipfile
from pathlib import Path

from visionvalley.kernels.ahead import compile_ahead

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ("report.js", "viewer.js", ".woff2")


def main() -> None:
    """Compile, build, and check that what must be in the wheel is in it."""
    compile_ahead(report=lambda done, total, name: print(f"compiling kernels: {done} of {total} {name}"))
    before = set((ROOT / "dist").glob("*.whl"))
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=ROOT, check=True)
    wheel = max((ROOT / "dist").glob("*.whl"), key=lambda file: file.stat().st_mtime)
    names = zipfile.ZipFile(wheel).namelist()
    kernels = [name for name in names if name.endswith(".nbc")]
    absent = [asset for asset in ASSETS if not any(name.endswith(asset) for name in names)]
    if not kernels or absent:
        sys.exit(f"{wheel.name} lacks {', '.join(absent) or 'compiled kernels'}")
    for old in before - {wheel}:
        old.unlink()
    print(f"{wheel.relative_to(ROOT)}: {wheel.stat().st_size / 1e6:.1f} MB, {len(kernels)} compiled kernels")


if __name__ == "__main__":
    main()
