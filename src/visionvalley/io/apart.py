# SPDX-License-Identifier: Apache-2.0
"""Readers that may crash on hostile bytes run apart: in a process of their own, with limits on memory and time.

The first call starts a server that loads the reader's library, once; it forks for every file, so that each file
meets a fresh copy of it. A server that nobody asks for a minute ends by itself.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput

MEMORY_BYTES, MEMORY_PER_BYTE = 1 << 30, 1000  # beyond what the loaded library has
TIME_S, TIME_S_PER_BYTE = 10.0, 300e-6  # of one CPU


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
    size = path.stat().st_size
    limits = (memory_bytes + MEMORY_PER_BYTE * size, time_s + TIME_S_PER_BYTE * size)
    with tempfile.TemporaryDirectory(prefix="valley-") as folder:
        result = Path(folder) / "result"
        status = _status(function, json.dumps([str(path.absolute()), str(result), limits, arguments]))
        if status == 0 and result.with_suffix(".npy").exists():
            return np.load(result.with_suffix(".npy"), allow_pickle=False)  # type: ignore[no-any-return]
        if result.with_suffix(".json").exists():
            message, parameters = json.loads(result.with_suffix(".json").read_text())
            raise BadInput(message, **parameters | ({"path": path} if "path" in parameters else {}))
    if -status in (signal.SIGXCPU, signal.SIGKILL):
        raise BadInput("io.took_too_long", path=path)
    raise BadInput("io.crashed", path=path, format=path.suffix.lstrip(".").upper())


class _Server:
    """A process that forks for every file; out of the terminal's reach, so that Ctrl-C stops only whom it is for."""

    def __init__(self, function: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "visionvalley.io.apart_server", function],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # what forks should have one thread
            start_new_session=True,
        )
        self.requests, self.answers = cast(IO[bytes], self.process.stdin), cast(IO[bytes], self.process.stdout)

    def ask(self, request: str) -> int | None:
        """Return how the process for a request ended (negative: by which signal); None where the server is gone."""
        try:
            self.requests.write(request.encode() + b"\n")
            self.requests.flush()
            answer = self.answers.readline()
        except BrokenPipeError:
            return None
        return int(answer) if answer else None

    def end(self) -> None:
        """Stop the server and what it forked."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.answers.close()
        with suppress(BrokenPipeError):
            self.requests.close()


_idle: dict[tuple[int, str], list[_Server]] = {}  # by the process that started them, and their function


def _status(function: str, request: str) -> int:
    """Return how the process for a request ended; asks an idle server, or a new one where none is left."""
    waiting = _idle.setdefault((os.getpid(), function), [])
    while True:
        try:
            server, new = waiting.pop(), False
        except IndexError:
            server, new = _Server(function), True
        try:
            status = server.ask(request)
        except BaseException:
            server.end()
            raise
        if status is not None:
            waiting.append(server)
            return status
        server.end()
        if new:
            return 1


@atexit.register
def end() -> None:
    """Stop the idle servers that this process started."""
    for (owner, _), waiting in _idle.items():
        while owner == os.getpid() and waiting:
            waiting.pop().end()
