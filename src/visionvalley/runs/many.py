# SPDX-License-Identifier: Apache-2.0
"""Many scans of the same part: each inspected in a process of its own, then judged together.

A folder for each scan, and beside them summary.html, results.csv, results.dfq and results.qif of all. What was
finished before with the same inputs, settings and program is not run again.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from threading import Event, current_thread, main_thread
from types import FrameType

from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import SILENT, BadInput, Cancelled, Progress, stage
from visionvalley.io.atomic import written
from visionvalley.report.reading import read_result
from visionvalley.report.summary import Judged, write_summary
from visionvalley.runs import inspection
from visionvalley.runs.conditions import versions
from visionvalley.runs.conducting import Keeping
from visionvalley.runs.folder import MARK
from visionvalley.runs.inspection import Request, inspect_files

KEYS = "finished.json"  # what each finished scan was made of
MOST = 64
LISTEN_S = 0.2  # between looks whether somebody interrupted


@dataclass(frozen=True, slots=True, eq=False)
class Many:
    """What came of many scans.

    parts      in the order in which they were asked, those that could not be inspected among them
    resumed    how many had been finished before
    cancelled  whether somebody stopped it: what is missing was not begun
    """

    folder: Path
    parts: tuple[Judged, ...]
    resumed: int
    cancelled: bool


def inspect_many(
    requests: Sequence[Request],
    settings: Settings,
    folder: Path,
    progress: Progress = SILENT,
    keeping: Keeping = Keeping(),
    processes: int | None = None,
) -> Many:
    """Inspect scans on all cores; a scan that cannot be inspected does not keep the others from it.

    requests   in the order of their making, which control charts follow; their outputs are ignored
    processes  how many at once; None: one a CPU
    Interrupted, it finishes what runs, keeps what is finished, writes the summary of it and says so in `cancelled`.
    """
    requests = [replace(one, output=folder / name) for one, name in zip(requests, _names(requests), strict=True)]
    folder.mkdir(parents=True, exist_ok=True)
    with stage(progress, "runs.look_for_finished", steps=len(requests)):
        digests: dict[Path, str] = {}
        keys = {one.folder: _key(one, settings, digests, progress) for one in requests}
        finished = _finished(folder)
    waiting = [one for one in requests if not _is_done(one, keys[one.folder], finished)]
    errors: dict[Path, BadInput] = {}
    with stage(progress, "runs.many", steps=len(waiting), count=len(waiting)), _interruptions() as stopped:
        try:
            for request, error in _worked(waiting, settings, keeping, _count(processes, len(waiting)), stopped):
                progress.advance()
                if error is not None:
                    errors[request.folder] = error
                elif (key := keys[request.folder]) is not None:
                    finished[request.folder.name] = key
                    _note(folder, finished)
        except (KeyboardInterrupt, Cancelled):
            stopped.set()
    with stage(progress, "runs.summary"):
        parts = tuple(_parts(requests, keys, finished, errors))
        write_summary(folder, parts)
    return Many(folder, parts, len(requests) - len(waiting), stopped.is_set())


def _names(requests: Sequence[Request]) -> list[str]:
    """Return a folder's name for each scan: its stem, and a number where two have the same."""
    names: list[str] = []
    for one in requests:
        name, count = one.scan.stem, 2
        while name in names:
            name, count = f"{one.scan.stem}-{count}", count + 1
        names.append(name)
    return names


def _key(request: Request, settings: Settings, digests: dict[Path, str], progress: Progress) -> str | None:
    """Return a digest of all that a result depends on; None where a file cannot be read, which its run will say.

    digests  of files that were read already: the reference belongs to every scan
    """
    from visionvalley.records.artefacts import digest_of

    job = inspection.job(request, settings)
    progress.advance()
    try:
        for path in job.inputs.values():
            digests[path] = digests.get(path) or digest_of(path)[0]
        inputs = {role: digests[path] for role, path in job.inputs.items()}
    except OSError:
        return None
    whole = [inputs, dict(job.arguments), asdict(settings), versions()]
    return hashlib.sha256(json.dumps(whole, sort_keys=True, default=str).encode()).hexdigest()


def _finished(folder: Path) -> dict[str, str]:
    try:
        known = json.loads((folder / KEYS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in known.items()} if isinstance(known, dict) else {}


def _note(folder: Path, finished: Mapping[str, str]) -> None:
    with written(folder / KEYS) as file:
        file.write((json.dumps(finished, indent=1, sort_keys=True) + "\n").encode())


def _is_done(request: Request, key: str | None, finished: Mapping[str, str]) -> bool:
    return key is not None and finished.get(request.folder.name) == key and (request.folder / MARK).is_file()


def _count(processes: int | None, waiting: int) -> int:
    from visionvalley.kernels.threads import available

    return max(1, min(processes or available(), waiting, MOST))


def _worked(
    requests: Sequence[Request], settings: Settings, keeping: Keeping, processes: int, stopped: Event
) -> Iterator[tuple[Request, BadInput | None]]:
    """Yield each scan as it is finished. Where a process dies, those left get one each: whose fault it is shows.

    Once stopped no more are begun.
    """
    left, following, work = list(requests), iter(requests), dict[Future[BadInput | None], Request]()
    try:
        with _pool(processes) as pool:
            # No more than run at once are handed over: what is handed over cannot be taken back.
            work = {pool.submit(_one, one, settings, keeping): one for one in islice(following, processes)}
            while work:
                for done in wait(work, LISTEN_S, FIRST_COMPLETED).done:
                    error, request = done.result(), work[done]
                    left.remove(request)
                    yield request, error
                    del work[done]
                    more = islice(following, 0 if stopped.is_set() else 1)
                    work |= {pool.submit(_one, one, settings, keeping): one for one in more}
    except (KeyboardInterrupt, Cancelled):  # what ran when it was stopped has been finished, and counts
        for done, one in work.items():
            if one in left and done.done() and not done.cancelled() and done.exception() is None:
                yield one, done.result()
        raise
    except BrokenProcessPool:
        for one in left:
            if stopped.is_set():
                return
            yield one, _alone(one, settings, keeping)


@contextmanager
def _interruptions() -> Iterator[Event]:
    """Yield what an interruption sets, where this thread hears it; a second one interrupts as usual.

    An exception that may come anywhere could come where it is lost, or where a lock is held.
    """
    stopped = Event()

    def hear(signal_number: int, frame: FrameType | None) -> None:
        if stopped.is_set():
            signal.default_int_handler(signal_number, frame)
        stopped.set()

    if current_thread() is not main_thread():
        yield stopped
        return
    before = signal.signal(signal.SIGINT, hear)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)


def _alone(request: Request, settings: Settings, keeping: Keeping) -> BadInput | None:
    try:
        with _pool(1) as pool:
            work: Future[BadInput | None] = pool.submit(_one, request, settings, keeping)
            return work.result()
    except BrokenProcessPool:
        return BadInput("runs.worker_died", path=request.scan)


@contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Yield worker processes that share the CPUs; when interrupted, what runs is finished and no more is begun."""
    from visionvalley.kernels.threads import available

    threads = max(1, available() // processes)
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _begin, (threads,))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin(threads: int) -> None:
    """Prepare a worker: the parent alone hears an interruption."""
    from visionvalley.kernels.threads import set_threads

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_threads(threads)


def _one(request: Request, settings: Settings, keeping: Keeping) -> BadInput | None:
    """Inspect one scan in a worker; return the error where it cannot be inspected."""
    try:
        inspect_files(request, settings, keeping=keeping)
    except BadInput as error:
        return error
    except OSError as error:
        return BadInput(
            "cli.system", reason=error.strerror or str(error), path=error.filename or os.fspath(request.scan)
        )
    return None


def _parts(
    requests: Sequence[Request],
    keys: Mapping[Path, str | None],
    finished: Mapping[str, str],
    errors: Mapping[Path, BadInput],
) -> Iterator[Judged]:
    """Yield what is known of each scan that was inspected, or could not be; not of those that were not begun."""
    for one in requests:
        if one.folder in errors:
            yield Judged(one.folder.name, one.scan.name, None, errors[one.folder])
        elif _is_done(one, keys[one.folder], finished):
            yield Judged(one.folder.name, one.scan.name, read_result(one.folder / MARK), None)
