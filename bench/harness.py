# SPDX-License-Identifier: Apache-2.0
"""Races: ours against a peer, in one process, in turn, on the same input, checked in the same run.

A module of races has `races()`, which returns or yields `Race`s; `python -m bench` runs them.

    def races() -> Iterator[Race]:
        points = scenes.room(1_000_000)
        yield Race(
            name="voxel downsample",
            size="1 M points",
            ours=lambda: downsample(points, 0.05),
            peer=lambda: small_gicp.voxelgrid_sampling(points, 0.05, num_threads=THREADS),
            peer_name="small_gicp",
            least_ratio=3.0,
            check=lambda ours, theirs: f"{len(ours)} and {theirs.size()} cells",
        )
"""

from __future__ import annotations

import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TBB_NUM_THREADS", "VALLEY_THREADS")
MOST_ROUNDS, LEAST_ROUNDS = 21, 5
PEERS = ("open3d", "small_gicp", "trimesh", "scipy", "numpy", "numba", "visionvalley")


def hold_threads() -> None:
    """Give everybody the same number of threads; call it before a peer is imported."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(THREADS)))


@dataclass(frozen=True)
class Race:
    """One comparison.

    ours, peer   called without arguments; what they return goes to `check`
    least_ratio  the peer's time over ours that is asked for; None where none is
    check        says in a few words how the results compare; raises AssertionError where ours is wrong or worse
    research     the ratio asked for is an open question, not a promise
    """

    name: str
    size: str
    ours: Callable[[], Any]
    peer: Callable[[], Any]
    peer_name: str
    least_ratio: float | None
    check: Callable[[Any, Any], str]
    research: bool = False


@dataclass(frozen=True)
class Times:
    """Seconds of each round, wall and CPU (all threads of the process)."""

    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    def take(self, work: Callable[[], Any]) -> Any:
        """Call `work` once and note what it took."""
        gc.collect()
        gc.disable()
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        self.cpu_s.append(time.process_time() - cpu)
        self.wall_s.append(time.perf_counter() - wall)
        gc.enable()
        return result


@dataclass(frozen=True)
class Outcome:
    """What a race found; `ratio_*` are the peer's time over ours, round by round: above 1, ours is faster."""

    name: str
    size: str
    peer_name: str
    least_ratio: float | None
    research: bool
    ours: Times
    peer: Times
    agreement: str
    correct: bool

    @property
    def ratios(self) -> list[float]:
        """The ratio of wall times of each round."""
        return [p / o for o, p in zip(self.ours.wall_s, self.peer.wall_s, strict=True)]

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios."""
        return statistics.median(self.ratios)

    @property
    def quartiles(self) -> tuple[float, float]:
        """A quarter of the rounds lies below the first, a quarter above the second."""
        low, _, high = statistics.quantiles(self.ratios, n=4, method="inclusive")
        return low, high

    @property
    def cpu_ratio(self) -> float:
        """The median ratio of CPU times: what the machine's other work disturbs least."""
        return statistics.median(p / o for o, p in zip(self.ours.cpu_s, self.peer.cpu_s, strict=True) if o > 0)

    @property
    def reached(self) -> bool:
        """Whether the result is right and the ratio asked for was reached."""
        return self.correct and (self.least_ratio is None or self.ratio >= self.least_ratio)

    def as_json(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        low, high = self.quartiles
        derived = {"ratio": self.ratio, "quartiles": [low, high], "cpu_ratio": self.cpu_ratio, "reached": self.reached}
        return asdict(self) | derived


def run(race: Race, budget_s: float = 10.0) -> Outcome:
    """Warm both up, compare what they return, then time them in turn, each first in every other round."""
    ours_result, peer_result = race.ours(), race.peer()
    try:
        agreement, correct = race.check(ours_result, peer_result), True
    except AssertionError as error:
        agreement, correct = f"WRONG: {error}", False
    del ours_result, peer_result
    ours, peer = Times(), Times()
    began = time.perf_counter()
    while len(ours.wall_s) < LEAST_ROUNDS or (
        time.perf_counter() - began < budget_s and len(ours.wall_s) < MOST_ROUNDS
    ):
        pair = [(ours, race.ours), (peer, race.peer)]
        for times, work in pair if len(ours.wall_s) % 2 else reversed(pair):
            times.take(work)
    about = (race.name, race.size, race.peer_name, race.least_ratio, race.research)
    return Outcome(*about, ours, peer, agreement, correct)


def run_all(races: Iterable[Race], budget_s: float = 10.0) -> Iterator[Outcome]:
    """Run races one after the other."""
    for race in races:
        yield run(race, budget_s)


def milliseconds(seconds: Iterable[float]) -> str:
    """Return the median as text."""
    median = statistics.median(seconds) * 1e3
    return f"{median:.0f}" if median >= 100 else f"{median:.3g}"


HEAD = (
    "| race | size | ours, ms | peer | peer, ms | peer / ours (quartiles) | CPU | asked | | results |\n"
    "|---|---|---:|---|---:|---:|---:|---:|---|---|"
)


def row(one: Outcome) -> str:
    """Return one line of the table."""
    low, high = one.quartiles
    asked = "" if one.least_ratio is None else f"{one.least_ratio:g}{' (research)' if one.research else ''}"
    sign = "✓" if one.reached else "✕"
    return (
        f"| {one.name} | {one.size} | {milliseconds(one.ours.wall_s)} | {one.peer_name} "
        f"| {milliseconds(one.peer.wall_s)} | {one.ratio:.2f} ({low:.2f}-{high:.2f}) | {one.cpu_ratio:.2f} "
        f"| {asked} | {sign} | {one.agreement} |"
    )


def machine() -> dict[str, Any]:
    """Return what the figures were taken on."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu_name(),
        "cpus": os.cpu_count(),
        "threads": THREADS,
        "load_before": os.getloadavg(),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "packages": {name: _version(name) for name in PEERS},
        "commit": _commit(),
    }


def _cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def write(outcomes: list[Outcome], about: dict[str, Any], file: Path) -> None:
    """Write all figures and what they were taken on as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = {"machine": about, "races": [one.as_json() for one in outcomes]}
    file.write_text(json.dumps(whole, indent=1), encoding="utf-8")
