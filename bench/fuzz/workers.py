# SPDX-License-Identifier: Apache-2.0
"""Long-lived processes that read damaged files, each within limits, and are replaced where one dies or hangs."""

from __future__ import annotations

import multiprocessing as mp
import os
import resource
import signal
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.fuzz.forms import one_input
from bench.fuzz.seeds import seeds

from visionvalley import io
from visionvalley.core import BadInput
from visionvalley.io import apart

MEMORY_BYTES = 1 << 30  # beyond what a worker has when it starts
LEAKED_BYTES = 1 << 29  # what libraries may have kept of the files before when a worker is renewed
PATIENCE_S, PAUSE_S = 30.0, 0.02
APART = ("step", "laz")  # readers in processes of their own, with limits on their memory and time
APART_PATIENCE_S = 600.0  # on the clock, of a machine that may have more to do
INDEX, READ, REFUSED, OTHER, SLOWEST, PEAK, RENEWED = range(7)  # what a worker tells in shared memory


@dataclass(slots=True)
class Tally:
    """What became of one reader's inputs."""

    reader: str
    read: int = 0
    refused: int = 0
    other: int = 0
    slowest_s: float = 0.0
    peak_bytes: int = 0
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)

    @property
    def inputs(self) -> int:
        return self.read + self.refused + self.other


def read_one(reader: str, path: Path) -> bool:
    """Read a file in every way that its reader offers (points of a library's in one or the other); whether it was
    accepted.

    Raises what is not BadInput, and RuntimeError where a refusal hides that the memory was full or a warning.
    """
    unit = "mm" if not io.carries_unit(path) else None
    ways: list[Callable[[], object]] = [lambda: io.read(path, unit)]
    if reader == "ply":
        ways += [lambda: io.read_cloud(path, unit), lambda: list(io.read_chunks(path, unit, 7))]
    if reader in ("las", "laz", "e57") and path.stat().st_size % 2:
        ways = [lambda: [len(cloud) for cloud in io.read_chunks(path, unit, 4)]]
    accepted = False
    for way in ways:
        try:
            way()
            accepted = True
        except BadInput as refusal:
            cause = refusal.__cause__
            if isinstance(cause, MemoryError | Warning) or "bad_alloc" in str(cause):
                raise RuntimeError(f"refused for {type(cause).__name__}: {cause}") from refusal
            str(refusal)
    return accepted


def run(reader: str, count: int, seed: int, processes: int, save: Path | None = None) -> Tally:
    """Feed `count` inputs to one reader."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = seeds(reader, Path(folder))
    total, began = Tally(reader), time.perf_counter()
    lanes = [_Lane(reader, corpus, seed, first, processes, count, total) for first in range(min(processes, count))]
    while sum(lane.goes_on() for lane in lanes):
        time.sleep(PAUSE_S)
    total.seconds = time.perf_counter() - began
    for line in total.broken if save else ():
        index = int(line.split(":")[0])
        save.mkdir(parents=True, exist_ok=True)  # type: ignore[union-attr]
        (save / f"{index}.{reader}").write_bytes(one_input(reader, corpus, seed, index))  # type: ignore[operator]
    return total


class _Lane:
    """One worker after another, each going on behind the input that stopped the one before."""

    def __init__(
        self, reader: str, corpus: list[bytes], seed: int, first: int, step: int, count: int, total: Tally
    ) -> None:
        self.reader, self.corpus, self.seed = reader, corpus, seed
        self.step, self.count, self.total, self.finished = step, count, total, False
        self._start(first)

    def _start(self, first: int) -> None:
        context = mp.get_context("spawn")
        self.told = context.Array("d", [first, 0, 0, 0, 0, 0, 0], lock=False)
        self.pipe, theirs = context.Pipe(duplex=False)
        numbers = range(first, self.count, self.step)
        self.process = context.Process(
            target=_work, args=(self.reader, self.corpus, self.seed, numbers, self.told, theirs)
        )
        self.process.start()
        theirs.close()
        self.last, self.still = first, 0

    def goes_on(self) -> bool:
        """Look after the worker; whether there is more to wait for."""
        if self.finished:
            return False
        self.still = self.still + 1 if self.told[INDEX] == self.last else 0  # counted in looks: pauses do not matter
        self.last = self.told[INDEX]
        hung = self.still > (APART_PATIENCE_S if self.reader in APART else PATIENCE_S) / PAUSE_S
        if hung:
            self.process.kill()
            self.process.join()
        if self.process.is_alive():
            self._hear()
            return True
        return self._ended(hung)

    def _hear(self) -> None:
        try:
            while self.pipe.poll():
                self.total.broken.append(self.pipe.recv())
        except EOFError:
            pass

    def _ended(self, hung: bool) -> bool:
        """Count what the worker did, and start another one behind the input that stopped it."""
        self._hear()
        self.pipe.close()
        total, told = self.total, self.told
        total.read, total.refused = total.read + int(told[READ]), total.refused + int(told[REFUSED])
        total.other += int(told[OTHER])
        total.slowest_s, total.peak_bytes = max(total.slowest_s, told[SLOWEST]), max(total.peak_bytes, int(told[PEAK]))
        index, code = int(told[INDEX]), self.process.exitcode or 0
        if index < self.count and not told[RENEWED]:
            total.other += 1
            why = "hung" if hung else signal.Signals(-code).name if code < 0 else f"exit {code}"
            total.broken.append(f"{index}: {why}")
            index += self.step
        self.finished = index >= self.count
        if not self.finished:
            self._start(index)
        return not self.finished


def _work(reader: str, corpus: list[bytes], seed: int, numbers: range, told: Any, pipe: Any) -> None:
    """Read the inputs of some numbers; tells the counts in shared memory, and what broke over the pipe."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("error")  # they would be printed
    for said in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), said)  # libraries that talk
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        path = Path(folder) / f"input.{reader}"
        path.write_bytes(corpus[0])
        read_one(reader, path)  # loads the library before the limit is set
        if reader != "step":  # its library alone takes more than a worker
            resource.setrlimit(resource.RLIMIT_AS, (_held()[0] + LEAKED_BYTES + MEMORY_BYTES,) * 2)
        begin, done = _held()[1], len(numbers)
        for at, index in enumerate(numbers):
            told[INDEX] = index
            before, most = _held()[1], _most(resource.RUSAGE_SELF)
            if before > begin + LEAKED_BYTES:
                done = at
                break
            _one(reader, path, one_input(reader, corpus, seed, index), told, pipe)
            now = _most(resource.RUSAGE_SELF)
            told[PEAK] = max(told[PEAK], now - before if now > most else 0)
            if now > most and now - before > MEMORY_BYTES:
                pipe.send(f"{index}: {(now - before) >> 20} MiB")
                told[OTHER] += 1
    apart.end()
    if reader in APART:
        told[PEAK] = max(told[PEAK], _most(resource.RUSAGE_CHILDREN))
    told[INDEX] = numbers[done] if done < len(numbers) else numbers.stop
    told[RENEWED] = 1


def _held() -> list[int]:
    """Return the bytes that this process has asked for, and those that it uses."""
    return [int(pages) * resource.getpagesize() for pages in Path("/proc/self/statm").read_text().split()[:2]]


def _most(whose: int) -> int:
    """Return the most bytes that were ever in use."""
    return 1024 * resource.getrusage(whose).ru_maxrss


def _one(reader: str, path: Path, data: bytes, told: Any, pipe: Any) -> None:
    path.write_bytes(data)
    clock = time.perf_counter if reader in APART else time.process_time  # of the CPU, where the reading is done here
    began = clock()
    try:
        told[READ if read_one(reader, path) else REFUSED] += 1
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        told[OTHER] += 1
        place = traceback.extract_tb(error.__traceback__)[-1]
        words = f"{type(error).__name__} {str(error)[:100]} at {Path(place.filename).name}:{place.lineno}"
        pipe.send(f"{int(told[INDEX])}: {words}")
    told[SLOWEST] = max(told[SLOWEST], clock() - began)
