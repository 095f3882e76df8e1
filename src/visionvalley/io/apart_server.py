# SPDX-License-Identifier: Apache-2.0
"""The other side of `apart`: loads a reader's library and forks for every file that it is asked to read."""

from __future__ import annotations

import fcntl
import gc
import importlib
import json
import math
import os
import resource
import select
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from visionvalley.core import BadInput

IDLE_S = 60
REFUSED = 2
PIPE_BYTES = 1 << 20


def main() -> int:
    """Answer requests, one a line on standard input, with how the process for each ended."""
    module, name = sys.argv[1].split(":")
    answers = os.dup(1)
    _silence()
    reader = importlib.import_module(module)
    reader.load()
    gc.freeze()  # what is loaded stays shared with the forks
    while select.select([0], [], [], IDLE_S)[0]:
        request = sys.stdin.readline()
        if not request:
            break
        path, result, pipe, limits, arguments = json.loads(request)
        out = os.open(pipe, os.O_WRONLY) if pipe else None
        child = os.fork()
        if child == 0:
            os.close(answers)
            os._exit(_read(getattr(reader, name), path, result, out, limits, arguments))
        if out is not None:
            os.close(out)
        os.write(answers, b"begun\n")
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(answers, b"%d\n" % status)
    return 0


def _silence() -> None:
    """Send what libraries say to nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for said in (1, 2):
        os.dup2(nowhere, said)
    os.close(nowhere)


def _read(
    function: Callable[..., Any], path: str, result: str, out: int | None, limits: list[float], arguments: list[Any]
) -> int:
    """Read one file within its limits; write the array beside `result`, its bytes to a pipe, or why there are none."""
    try:
        _limit(*limits)
        if out is None:
            np.save(f"{result}.npy", function(Path(path), *arguments))
        else:
            fcntl.fcntl(out, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
            with os.fdopen(out, "wb", buffering=0) as pipe:
                for piece in function(Path(path), *arguments):
                    _write(pipe, piece)
    except BadInput as error:
        parameters = {k: v if isinstance(v, int | float) else str(v) for k, v in error.message.parameters.items()}
        return _refused(result, error.message.id, parameters)
    except MemoryError:
        return _refused(result, "io.took_too_long", {"path": path})
    except Exception as error:
        about = {"path": path, "format": Path(path).suffix.lstrip(".").upper(), "reason": str(error)[:200]}
        return _refused(result, "io.refused_by_library", about)
    return 0


def _write(pipe: Any, piece: Any) -> None:
    view = memoryview(piece).cast("B")
    while len(view):
        view = view[pipe.write(view) :]


def _refused(result: str, message: str, parameters: dict[str, Any]) -> int:
    Path(f"{result}.json").write_text(json.dumps([message, parameters]))
    return REFUSED


def _limit(memory_bytes: float, time_s: float) -> None:
    """Take no more than allowed beyond what there is now, and leave no core dump."""
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, held + int(memory_bytes)),
        (resource.RLIMIT_CPU, math.ceil(time_s)),  # a fork begins with none used
    ):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    sys.exit(main())
