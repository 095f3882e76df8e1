# SPDX-License-Identifier: Apache-2.0
"""Show that compilation is never felt: a wheel, a new environment, the first run against the second.

    python bench/first_run.py [dist/visionvalley-....whl]     without a wheel, `make wheel` makes one

Exit code 0 where the first `valley inspect` takes at most 3 s longer than the second.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST_S = 3.0
PART = """
import sys
from pathlib import Path
import numpy as np
from visionvalley import io
from visionvalley.core import Cloud, Mesh
from visionvalley.vision.shape.topology import sample_surface

folder = Path(sys.argv[1])
x, y = np.meshgrid(np.linspace(0, 0.08, 41), np.linspace(0, 0.05, 26), indexing="ij")
top = 0.02 + 0.004 * np.sin(60 * x) * np.cos(90 * y) + 0.05 * x
rows = [np.stack([x, y, z], -1).reshape(-1, 3) for z in (top, np.zeros_like(top))]
a = np.arange(40)[:, None] * 26 + np.arange(25)
quads = np.stack([a, a + 26, a + 27, a + 1], -1).reshape(-1, 4)
count = len(rows[0])
rim = np.r_[np.arange(0, 1066, 26), np.arange(1041, 1066), np.arange(1065 - 26, 0, -26)[::1], np.arange(24, 0, -1)]
walls = [(p, q) for p, q in zip(rim, np.roll(rim, -1))]
faces = [f for q in quads for f in ((q[0], q[1], q[2]), (q[0], q[2], q[3]))]
faces += [(f[0] + count, f[2] + count, f[1] + count) for f in faces]
for p, q in walls:
    faces += [(p, p + count, q + count), (p, q + count, q)]
part = Mesh(np.concatenate(rows), np.array(faces))
io.write(folder / "part.stl", part, "mm")
points = sample_surface(part, 60_000).points_m
turn = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0.0], [0.48, 0.64, 0.6]])
noise = np.random.default_rng(0).normal(0, 1e-5, points.shape)
io.write(folder / "scan.ply", Cloud((points + noise) @ turn.T + [0.3, 0.1, -0.2]), "mm")
"""


def seconds(*command: str, accepted: tuple[int, ...] = (0,), **variables: str) -> float:
    """Return the wall time of a command; stop where it fails."""
    began = time.perf_counter()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("VALLEY_", "PYTHON"))} | variables
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if done.returncode not in accepted:
        sys.exit(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return time.perf_counter() - began


def wheel(given: str | None) -> Path:
    """Return the wheel to try, made anew where none is named."""
    if given:
        return Path(given).resolve()
    seconds(sys.executable, str(ROOT / "tools" / "make_wheel.py"))
    return max((ROOT / "dist").glob("*.whl"), key=lambda file: file.stat().st_mtime)


def main() -> int:
    """Install the wheel in a new environment and time the first runs there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", nargs="?")
    file = wheel(parser.parse_args().wheel)
    with tempfile.TemporaryDirectory(prefix="first-run-") as name:
        folder = Path(name)
        seconds(sys.executable, "-c", PART, name)
        seconds(sys.executable, "-m", "venv", str(folder / "venv"))
        python, valley = str(folder / "venv" / "bin" / "python"), str(folder / "venv" / "bin" / "valley")
        pip = (python, "-m", "pip", "--disable-pip-version-check", "install", "-qq")
        took = seconds(*pip, "--require-hashes", "--no-deps", "-r", str(ROOT / "requirements" / "run.lock"))
        took += seconds(*pip, "--no-deps", str(file))
        print(f"{file.name} installed in a new environment: {took:.1f} s")
        inspect = (valley, "inspect", f"{name}/scan.ply", "--reference", f"{name}/part.stl", "--unit", "mm")
        runs = []
        for turn in range(3):
            output = ("--tolerance", "0.2mm", "--output", f"{name}/out{turn}")
            runs.append(seconds(*inspect, *output, accepted=(0, 1, 3), VALLEY_CACHE=f"{name}/cache"))
            print(f"valley inspect, run {turn + 1}: {runs[-1]:.2f} s")
        compiled = list(Path(f"{name}/cache").rglob("*.nbc"))
    print(f"first - second: {runs[0] - runs[1]:.2f} s (at most {MOST_S:g}); compiled there: {len(compiled)} kernels")
    return 0 if runs[0] - runs[1] <= MOST_S and not compiled else 1


if __name__ == "__main__":
    sys.exit(main())
