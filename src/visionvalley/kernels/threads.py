# SPDX-License-Identifier: Apache-2.0
"""Run a compiled worker on all threads.

Kernels release the GIL and take their work in fixed pieces from a shared counter, so plain Python
threads are enough: no OpenMP, no TBB, nothing that aborts when two callers come at once, and
compilation without Numba's parallel transform is two to three times quicker. A piece never depends
on the number of threads, so neither does any result.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

QUOTA = Path("/sys/fs/cgroup/cpu.max")


def available(quota_file: Path = QUOTA) -> int:
    """Return the number of CPUs this process may use: its affinity, and what its container grants (cgroup v2)."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = quota_file.read_text(encoding="ascii").split()
        cpus = min(cpus, max(1, round(int(quota) / int(period))))
    return cpus


def _wanted() -> int:
    written = os.environ.get("VALLEY_THREADS", "").strip()
    if not written:
        return available()
    if not written.isdecimal() or int(written) < 1:
        raise ValueError(f"VALLEY_THREADS is {written!r}, not a number of threads: set it to 1 or more, or unset it")
    return int(written)


class _State:
    lock = Lock()
    threads = _wanted()
    pool: ThreadPoolExecutor | None = None


def threads() -> int:
    """Return how many threads kernels run on (environment variable VALLEY_THREADS, else all CPUs)."""
    return _State.threads


def set_threads(count: int) -> None:
    """Let kernels run on `count` threads from now on; results do not depend on it."""
    with _State.lock:
        _State.threads = max(1, int(count))
        _State.pool = None


def _pool() -> ThreadPoolExecutor:
    with _State.lock:
        if _State.pool is None:
            _State.pool = ThreadPoolExecutor(_State.threads, thread_name_prefix="valley")
        return _State.pool


def _forget() -> None:
    _State.lock = Lock()
    _State.pool = None  # threads do not survive a fork


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def each_thread(worker: Callable[..., Any], pieces: int, *arguments: Any) -> None:
    """Call `worker(counter, *arguments)` on as many threads as there are pieces and CPUs.

    counter  (8,) int64, zeros: a worker takes its next piece with `simd.take(counter)` and returns
             once that is `pieces` or more. Errors of any worker are raised here.
    """
    counter = np.zeros(8, np.int64)
    helpers = min(_State.threads, pieces) - 1
    if helpers <= 0:
        worker(counter, *arguments)
        return
    waiting = [_pool().submit(worker, counter, *arguments) for _ in range(helpers)]
    try:
        worker(counter, *arguments)
    finally:
        for one in waiting:  # one that has not begun has nothing left to do
            if not one.cancel():
                one.result()
