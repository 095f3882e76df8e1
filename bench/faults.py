# SPDX-License-Identifier: Apache-2.0
"""Kill runs at random moments, and let the disk run full; count what was lost, and what was left half-written.

    python -m bench.faults                       # 200 kills, 60 times a full disk
    python -m bench.faults --kills 1000 --seed 7
    python -m bench.faults --inspections 200 --kills 0 --full 0     # whole `valley inspect` processes

Runs go the whole way from `conduct` to their record, with the files of a real report; only the numbers are not
computed anew, so that 200 kills take minutes. Two processes keep and erase at once and are killed with SIGKILL.
The exit code is 1 where anything was lost, half-written or left behind.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from bench.killed_inspections import inspections, prepared

import visionvalley.report.folder as reports
from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import Cloud, Colouring, Mesh, Report, Scene, Thing, text
from visionvalley.records import Records, RunRecord, artefact_path, erase, find
from visionvalley.runs.conducting import Done, Job, Keeping, conduct
from visionvalley.runs.folder import sweep

SLOWEST_KILL_S = 1.0
KEPT_AT_ONCE = 1  # runs that a victim leaves before it erases its oldest
DISK_BYTES = 24 << 20
STAMPED = ("result.json", "report.html")  # differ from run to run; the other files are the same for all


def real_files(folder: Path) -> Path:
    """Write the files of a small report, once."""
    x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(0, 0.1, 60), np.linspace(0, 0.1, 60)))
    cloud = Cloud(np.column_stack([x, y, 1e-5 * np.sin(90 * x)]))
    plate = Mesh([[0, 0, 0], [0.1, 0, 0], [0.1, 0.1, 0], [0, 0.1, 0]], [[0, 1, 2], [0, 2, 3]])
    deviations = Colouring("deviation", cloud.points_m[:, 2].copy(), "m")
    scene = Scene((Thing("reference", plate), Thing("scan", cloud, colouring=deviations)))
    job = Job(
        "bench.faults", {}, {}, Settings(), lambda _: Report("bench", text("runs.demo_title"), scene=scene), folder
    )
    elsewhere = Records(folder.with_name("first"))
    done = conduct(job, Keeping(records=elsewhere))
    assert done.not_recorded is None, done.not_recorded
    return folder


def use_files(source: Path) -> None:
    """Let reports be copies of real files, stamped with the id of their run."""

    def write(folder: Path, report: Report, under: object, language: str = "en") -> None:
        for path in source.iterdir():
            content = path.read_bytes()
            if path.name == "result.json":
                content = json.dumps(json.loads(content) | {"stamp": under.id}).encode()
            elif path.name in STAMPED:
                content += f"<!-- {under.id} -->".encode()
            (folder / path.name).write_bytes(content)

    reports.write_report = write


def one_run(output: Path, records: Records, owner: str) -> Done:
    """Make one run."""
    job = Job("bench.faults", {}, {}, Settings(), lambda _: Report("bench", text("runs.demo_title")), output)
    return conduct(job, Keeping(owner=owner, records=records))


# ---- killed


def victim(output: Path, records: Records, owner: str, tell: int) -> None:
    """Keep runs and erase them, and tell each when it is done, until killed."""
    mine: list[str] = []
    while True:
        done = one_run(output, records, owner)
        if done.not_recorded is not None:
            os.write(tell, f"refused {done.not_recorded.message.id}\n".encode())
            os._exit(1)
        os.write(tell, f"kept {done.id}\n".encode())
        mine.append(done.id)
        if len(mine) > KEPT_AT_ONCE:
            oldest = mine.pop(0)
            os.write(tell, f"erasing {oldest}\n".encode())
            erase([oldest], records)
            os.write(tell, f"erased {oldest}\n".encode())


def start(output: Path, records: Records, owner: str) -> tuple[int, int]:
    """Fork a victim; return its process id and where it tells."""
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(hear)
            victim(output, records, owner, tell)
        except BaseException as error:
            os.write(tell, f"failed {type(error).__name__} {' '.join(str(error).split())}\n".encode())
        finally:
            os._exit(1)
    os.close(tell)
    return child, hear


def kills(count: int, seed: int, root: Path, records: Records) -> Counter[str]:
    """Kill victims in pairs at random moments, and check everything after each pair."""
    rng, seen, kept, gone = np.random.default_rng(seed), Counter[str](), set[str](), set[str]()
    outputs = [root / "results-0", root / "results-1"]
    earlier: dict[Path, bool] = dict.fromkeys(outputs, False)
    while seen["kills"] < count:
        victims = [start(output, records, f"owner-{n}") for n, output in enumerate(outputs)]
        begun = time.monotonic()
        for moment, (child, _) in sorted(zip(rng.uniform(0, SLOWEST_KILL_S, 2), victims, strict=True)):
            time.sleep(max(0.0, begun + moment - time.monotonic()))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            seen["kills"] += 1
        seen["killed while a record was written"] += any(records.pending.glob("*/*")) if records.pending.exists() else 0
        seen["killed while a folder was written"] += len(list(root.glob(".results-*")))
        for _, hear in victims:
            _hear(hear, kept, gone, seen)
        _check_folders(outputs, earlier, root, seen)
        check(records, kept, gone, seen)
        if seen["kills"] % 20 == 0:
            print(f"  {seen['kills']} kills, {len(kept)} runs told as kept, {seen['WRONG']} wrong", flush=True)
    for output in outputs:
        one_run(output, records, "last")
    left = {path.name for path in root.glob(".results-*")}
    wrong(seen, bool(left), f"left beside the folders: {left}")
    seen["runs told as kept"], seen["runs told as erased"] = len(kept), len(gone)
    return seen


def _hear(hear: int, kept: set[str], gone: set[str], seen: Counter[str]) -> None:
    """Read what a victim told: what is kept is not lost; what is being erased may be there or not."""
    with os.fdopen(hear) as told:
        for line in told.read().splitlines():
            word, _, run = line.partition(" ")
            if word == "kept":
                kept.add(run)
            elif word == "erasing":
                kept.discard(run)
            elif word == "erased":
                gone.add(run)
            else:
                wrong(seen, True, line)


def _check_folders(outputs: list[Path], earlier: dict[Path, bool], root: Path, seen: Counter[str]) -> None:
    """A folder of results is whole, all its files of one run; once there it is never lost."""
    for output in outputs:
        if root.exists():
            sweep(output)
        there = output.exists()
        wrong(seen, earlier[output] and not there, f"{output.name} was lost")
        earlier[output] = there
        if there:
            stamp = json.loads((output / "result.json").read_bytes())["stamp"]
            whole = (output / "report.html").read_bytes().endswith(f"<!-- {stamp} -->".encode())
            wrong(seen, not whole, f"{output.name} is of two runs")


def check(records: Records, kept: set[str], gone: set[str], seen: Counter[str]) -> tuple[RunRecord, ...]:
    """Count every run that is lost, half-written or not erased, and every file without a run."""
    found = find(records=records)
    ids, held = {run.id for run in found}, set()
    wrong(seen, bool(kept - ids), f"lost: {kept - ids}")
    wrong(seen, bool(gone & ids), f"not erased: {gone & ids}")
    for run in found:
        wrong(seen, len(run.artefacts) < len(STAMPED), f"{run.id} has no artefacts")
        for one in run.artefacts:
            held.add(one.sha256)
            content = artefact_path(one, records).read_bytes()
            wrong(seen, hashlib.sha256(content).hexdigest() != one.sha256, f"{run.id}: {one.name} is not what it was")
            stamped = one.name not in STAMPED or run.id.encode() in content
            wrong(seen, not stamped, f"{run.id}: {one.name} is of another run")
    there = {file.name for file in records.artefacts.glob("*/*")}
    wrong(seen, there != held, f"files without a run: {len(there - held)}, runs without a file: {len(held - there)}")
    wrong(seen, any(records.pending.iterdir()), "left pending")
    seen["rows checked"] += len(found)
    return found


def wrong(seen: Counter[str], happened: bool, what: str) -> None:
    """Count and print what must not be."""
    if happened:
        seen["WRONG"] += 1
        print(f"  WRONG: {what}", flush=True)


# ---- full disk


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Mount a small file system on a folder, and say whether that was allowed."""
    folder.mkdir()
    library = ctypes.CDLL(None, use_errno=True)
    options = f"size={DISK_BYTES}".encode()
    mounted = library.mount(b"tmpfs", str(folder).encode(), b"tmpfs", 0, options) == 0
    try:
        yield mounted
    finally:
        if mounted:
            library.umount2(str(folder).encode(), 2)


def full_disk(times: int, seed: int, root: Path) -> Counter[str]:
    """Let the disk run full at random points of a recording."""
    rng, seen, kept = np.random.default_rng(seed), Counter[str](), set[str]()
    with small_disk(root / "disk") as mounted:
        print(f"  {'a disk of 24 MiB (tmpfs)' if mounted else 'RLIMIT_FSIZE, because nothing can be mounted here'}")
        records = Records(root / "disk" / "kept", patience_s=5.0)
        size = sum(path.stat().st_size for path in (root / "real").iterdir())
        kept.add(one_run(root / "full-results", records, "first").id)
        for _ in range(times):
            done = _with_room(int(rng.integers(0, size * 1.4)), mounted, root, records)
            seen["refused" if done.not_recorded else "kept"] += 1
            if done.not_recorded:
                wrong(seen, done.not_recorded.message.id != "records.full", str(done.not_recorded))
            else:
                kept.add(done.id)
            wrong(seen, not (done.folder / "result.json").exists(), "the results do not stand")
            found = check(records, kept, set(), seen)
            if len(found) > KEPT_AT_ONCE:
                erase([run.id for run in found], records)
                kept.clear()
        after = one_run(root / "full-results", records, "after")
        wrong(seen, after.not_recorded is not None, "not kept though there is room again")
    return seen


def _with_room(room: int, mounted: bool, root: Path, records: Records) -> Done:
    """Make a run while the records have only so much room."""
    ballast, before = root / "disk" / "ballast", resource.getrlimit(resource.RLIMIT_FSIZE)
    if not mounted:
        resource.setrlimit(resource.RLIMIT_FSIZE, (max(1, room), before[1]))
    else:
        about = os.statvfs(root / "disk")
        ballast.write_bytes(bytes(max(0, about.f_bavail * about.f_frsize - room)))
    try:
        return one_run(root / "full-results", records, "full")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        ballast.unlink(missing_ok=True)


def main() -> int:
    """Run both and print the counts."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--full", type=int, default=60, help="times that the disk runs full")
    parser.add_argument("--inspections", type=int, default=0, help="whole `valley inspect` processes to kill")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--database", default="", help="URL of an empty PostgreSQL database instead of SQLite")
    chosen = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="valley-faults-"))
    try:
        counts = {}
        if chosen.inspections:
            place = prepared(root / "inspected", replace(Records(root / "inspections"), database=chosen.database))
            counts["valley inspect"] = inspections(chosen.inspections, chosen.seed, place, check, wrong)
        use_files(real_files(root / "real"))
        records = replace(Records(root / "kept"), database=chosen.database)
        if chosen.kills:
            counts["kill -9"] = kills(chosen.kills, chosen.seed, root, records)
        if chosen.full:
            counts["full disk"] = full_disk(chosen.full, chosen.seed, root)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    for name, seen in counts.items():
        print(f"{name}: " + ", ".join(f"{count} {what}" for what, count in seen.items() if what != "WRONG"))
    bad = sum(seen["WRONG"] for seen in counts.values())
    print(f"lost, half-written or left behind: {bad}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
