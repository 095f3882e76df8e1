# SPDX-License-Identifier: Apache-2.0
"""Kill whole `valley inspect` processes at random moments: `python -m bench.faults --inspections 200`.

Every process reads a small scan, computes, writes its folder and its record, as a user's does, until it is killed
with SIGKILL; some end before. After each one the folder of results must be absent or whole, what ended must be
recorded, and what is recorded must be whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visionvalley.core import Cloud
from visionvalley.io.files import write
from visionvalley.records import Records
from visionvalley.runs.folder import sweep
from visionvalley.samples.simulated import bracket
from visionvalley.vision.shape.topology import sample_surface

VALLEY = "import sys; from visionvalley.cli.main import main; sys.argv[0] = 'valley'; main()"
LATE = 1.15  # kills come until so many times what an inspection takes
RECORDED = re.compile(r"Recorded as run ([0-9a-f]{12})")

Wrong = Callable[[Counter[str], bool, str], None]
Check = Callable[[Records, set[str], set[str], Counter[str]], object]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the inspections happen."""

    root: Path
    output: Path
    records: Records

    def start(self) -> subprocess.Popen[str]:
        """Begin an inspection, with its helpers in a group of its own."""
        words = ("inspect", "scan.ply", "--reference", "part.stl", "--unit", "mm", "--tolerance", "0.2mm")
        env = os.environ | {"VALLEY_RECORDS": str(self.records.folder), "VALLEY_DATABASE": self.records.database}
        return subprocess.Popen(
            [sys.executable, "-c", VALLEY, *words, "--output", str(self.output)],
            cwd=self.root,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def prepared(root: Path, records: Records) -> Place:
    """Write a part and a scan of it."""
    root.mkdir()
    part = bracket()
    write(root / "part.stl", part, "mm")
    made = sample_surface(part, 20_000, seed=2)
    noise = 10e-6 * np.random.default_rng(3).normal(size=(20_000, 1)) * made.normals
    write(root / "scan.ply", Cloud(made.points_m + noise), "mm")
    return Place(root, root / "results", records)


def inspections(count: int, seed: int, place: Place, check: Check, wrong: Wrong) -> Counter[str]:
    """Kill so many inspections and count what stands after each."""
    rng, seen, kept = np.random.default_rng(seed), Counter[str](), set[str]()
    begun = time.monotonic()
    kept.add(_ended(place.start(), 0, seen, wrong))
    took_s, names = time.monotonic() - begun, {path.name for path in place.output.iterdir()}
    print(f"  an inspection takes {took_s:.1f} s")
    while seen["kills"] + seen["ended before"] < count:
        had = _digest(place.output)
        process = place.start()
        try:
            process.wait(float(rng.uniform(0, LATE * took_s)))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            seen["kills"] += 1
        else:
            seen["ended before"] += 1
        kept.add(_ended(process, None, seen, wrong))
        seen["killed while a folder was written"] += any(place.root.glob(".results-*"))
        _check_folder(place, names, had, seen, wrong)
        check(place.records, kept - {""}, set(), seen)
        if (seen["kills"] + seen["ended before"]) % 20 == 0:
            print(f"  {seen['kills']} killed, {len(kept - {''})} told as kept, {seen['WRONG']} wrong", flush=True)
    kept.add(_ended(place.start(), 0, seen, wrong))
    wrong(seen, any(place.root.glob(".results-*")), "left beside the folder")
    check(place.records, kept - {""}, set(), seen)
    seen["runs told as kept"] = len(kept - {""})
    return seen


def _ended(process: subprocess.Popen[str], code: int | None, seen: Counter[str], wrong: Wrong) -> str:
    """Return the run that a process told as recorded, '' where it did not come so far."""
    said = process.communicate()[0]
    expected = {code} if code is not None else {0, -signal.SIGKILL}
    wrong(seen, process.returncode not in expected, f"exit code {process.returncode}: {said[-300:]}")
    found = RECORDED.search(said)
    wrong(seen, process.returncode == 0 and found is None, f"ended, and told of no record: {said[-300:]}")
    return found[1] if found else ""


def _digest(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def _check_folder(place: Place, names: set[str], had: dict[str, str], seen: Counter[str], wrong: Wrong) -> None:
    """The folder is that of the run before, or of this one as a whole."""
    sweep(place.output)
    if not place.output.exists():
        wrong(seen, True, "the folder of the run before was lost")
        return
    there = _digest(place.output)
    seen["folders replaced"] += there != had
    wrong(seen, there.keys() != names, f"files of the folder: {sorted(there)}")
    if there == had:
        return
    run = json.loads((place.output / "result.json").read_bytes())["record"]["id"]
    mixed = [name for name in names if there[name] == had[name] and name in ("result.json", "report.html")]
    wrong(seen, bool(mixed), f"of two runs: {mixed}")
    wrong(seen, run.encode() not in (place.output / "report.html").read_bytes(), "report and numbers are of two runs")
