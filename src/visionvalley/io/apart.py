# SPDX-License-Identifier: Apache-2.0
"""Readers that may crash on hostile bytes run apart: in a process of their own, with limits on memory and time."""

from __future__ import annotations

import importlib
import json
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput

MEMORY_BYTES, MEMORY_PER_BYTE = 8 << 30, 1000
TIME_S, TIME_S_PER_BYTE = 300, 300e-6


def call(path: Path, function: str, *arguments: Any) -> NDArray[Any]:
    """Return the array that `function(path, *arguments)` returns in another process.

    function   'package.module:name'
    arguments  what JSON can hold

    Raises what it raises, if that is BadInput; and BadInput where it crashes or exceeds the limits.
    """
    with tempfile.TemporaryDirectory(prefix="valley-") as folder:
        result = Path(folder) / "result"
        request = json.dumps([function, str(path), str(result), arguments])
        command = [sys.executable, "-m", "visionvalley.io.apart", request]
        done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603
        if done.returncode == 0 and result.with_suffix(".npy").exists():
            return np.load(result.with_suffix(".npy"), allow_pickle=False)  # type: ignore[no-any-return]
        if result.with_suffix(".json").exists():
            message, parameters = json.loads(result.with_suffix(".json").read_text())
            raise BadInput(message, **parameters)
    if -done.returncode in (signal.SIGXCPU, signal.SIGKILL):
        raise BadInput("io.took_too_long", path=path)
    raise BadInput("io.crashed", path=path, format=path.suffix.lstrip(".").upper())


def _limit(size: int) -> None:
    """Take no more than a file of this size can need, and leave no core dump."""
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, MEMORY_BYTES + MEMORY_PER_BYTE * size),
        (resource.RLIMIT_CPU, int(TIME_S + TIME_S_PER_BYTE * size)),
    ):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def main() -> int:
    """Do what the other process asks for on the command line."""
    function, path, result, arguments = json.loads(sys.argv[1])
    module, name = function.split(":")
    _limit(Path(path).stat().st_size)
    try:
        array = getattr(importlib.import_module(module), name)(Path(path), *arguments)
        np.save(f"{result}.npy", array)
    except BadInput as error:
        parameters = {k: v if isinstance(v, int | float) else str(v) for k, v in error.message.parameters.items()}
        Path(f"{result}.json").write_text(json.dumps([error.message.id, parameters]))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
