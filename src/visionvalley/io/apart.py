# SPDX-License-Identifier: Apache-2.0
"""Readers that may crash on hostile bytes run apart: in a process of their own, with limits on memory and time.

The first call starts a server that loads the reader's library, once; it forks for every file, so that each file
meets a fresh copy of it. A server that nobody asks for a minute ends by itself.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput

MEMORY_BYTES, MEMORY_PER_BYTE = 1 << 30, 1000  # beyond what the loaded library has
TIME_S, TIME_S_PER_BYTE = 10.0, 300e-6  # of one CPU
LEAVE_S = 0.2  # how long a process may take to see that nobody reads on


def call(
    path: Path, function: str, *arguments: Any, memory_bytes: int = MEMORY_BYTES, time_s: float = TIME_S
) -> NDArray[Any]:
    """Return the array that `function(path, *arguments)` returns in another process.

    function      'package.module:name'; the module's `load()` brings the library in
    arguments     what JSON can hold
    memory_bytes  what any file may take, beside 1000 bytes for each of its own
    time_s        as long any file may take, beside 0.3 ms for each of its bytes

    Raises what it raises, if that is BadInput; and BadInput where it crashes or exceeds the limits.
    """
    with tempfile.TemporaryDirectory(prefix="valley-") as folder:
        result = Path(folder) / "result"
        server = _asked(function, _request(path, result, None, memory_bytes, time_s, arguments))
        try:
            status = server.answer()
        except BaseException:
            server.end()
            raise
        _idle[os.getpid(), function].append(server)
        if status == 0 and result.with_suffix(".npy").exists():
            return np.load(result.with_suffix(".npy"), allow_pickle=False)  # type: ignore[no-any-return]
        raise _reason(path, result, status)


@contextmanager
def stream(
    path: Path, function: str, *arguments: Any, memory_bytes: int = MEMORY_BYTES, time_s: float = TIME_S
) -> Iterator[Callable[[int], bytearray]]:
    """Give a function that reads so many bytes of what `function(path, *arguments)` yields in another process.

    It raises BadInput where fewer come, for what `call` raises it for. Whoever leaves early ends the other process.
    """
    with tempfile.TemporaryDirectory(prefix="valley-") as folder:
        result, pipe = Path(folder) / "result", Path(folder) / "pipe"
        os.mkfifo(pipe)
        with os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as bytes_:
            server = _asked(function, _request(path, result, pipe, memory_bytes, time_s, arguments))
            os.set_blocking(bytes_.fileno(), True)
            ended = False

            def read(count: int) -> bytearray:
                nonlocal ended
                data = bytearray(count)
                at, view = 0, memoryview(data)
                while at < count:
                    got = bytes_.readinto(view[at:])
                    if not got:
                        ended = True
                        raise _reason(path, result, server.answer())
                    at += got
                return data

            try:
                yield read
            finally:
                bytes_.close()
                if ended or server.is_free(LEAVE_S):
                    _idle[os.getpid(), function].append(server)
                else:
                    server.end()


def _request(
    path: Path, result: Path, pipe: Path | None, memory_bytes: int, time_s: float, arguments: tuple[Any, ...]
) -> str:
    size = path.stat().st_size
    limits = (memory_bytes + MEMORY_PER_BYTE * size, time_s + TIME_S_PER_BYTE * size)
    return json.dumps([str(path.absolute()), str(result), pipe and str(pipe), limits, arguments])


def _reason(path: Path, result: Path, status: int) -> BadInput:
    """Return why there is no result: what the function said, or how its process ended."""
    if result.with_suffix(".json").exists():
        message, parameters = json.loads(result.with_suffix(".json").read_text())
        return BadInput(message, **parameters | ({"path": path} if "path" in parameters else {}))
    if -status in (signal.SIGXCPU, signal.SIGKILL):
        return BadInput("io.took_too_long", path=path)
    return BadInput("io.crashed", path=path, format=path.suffix.lstrip(".").upper())


class _Server:
    """A process that forks for every file; out of the terminal's reach, so that Ctrl-C stops only whom it is for."""

    def __init__(self, function: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "visionvalley.io.apart_server", function],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # what forks should have one thread
            process_group=0,
        )
        self.requests, self.answers = cast(IO[bytes], self.process.stdin), cast(IO[bytes], self.process.stdout)

    def ask(self, request: str) -> bool:
        """Send a request; whether the server is there and has begun with it."""
        try:
            self.requests.write(request.encode() + b"\n")
        except BrokenPipeError:
            return False
        return self.answers.readline() == b"begun\n"

    def answer(self) -> int:
        """Return how the process for the request ended; negative: by which signal."""
        return int(self.answers.readline() or 1)

    def is_free(self, seconds: float) -> bool:
        """Whether the process for the request has ended, or does within some time."""
        return bool(select.select([self.answers], [], [], seconds)[0]) and bool(self.answers.readline())

    def end(self) -> None:
        """Stop the server and what it forked."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.answers.close()
        with suppress(BrokenPipeError):
            self.requests.close()


_idle: dict[tuple[int, str], list[_Server]] = {}  # by the process that started them, and their function


def _asked(function: str, request: str) -> _Server:
    """Return a server that has begun with a request: an idle one, or a new one where none is left."""
    waiting = _idle.setdefault((os.getpid(), function), [])
    while True:
        try:
            server, new = waiting.pop(), False
        except IndexError:
            server, new = _Server(function), True
        begun = False
        try:
            begun = server.ask(request)
        finally:
            if not begun:
                server.end()
        if begun or new:
            return server


@atexit.register
def end() -> None:
    """Stop the idle servers that this process started."""
    for (owner, _), waiting in _idle.items():
        while owner == os.getpid() and waiting:
            waiting.pop().end()
