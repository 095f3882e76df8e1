# SPDX-License-Identifier: Apache-2.0
"""A worker process: loads everything once, then makes the runs that it is asked for, one after the other.

Requests come as lines of JSON on standard input; what is going on is told as lines of JSON (see `workers`).
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from visionvalley.core import BadInput, Text
from visionvalley.records import Records

ASIDE = 15  # nice: pages come first
TELL_EACH_S = 0.1


@dataclass(frozen=True, slots=True)
class _Asked:
    arguments: Mapping[str, Any]
    settings: Mapping[str, Any]
    seeds: Mapping[str, int] = field(default_factory=dict)


def main() -> int:
    """Warm up, say so, and answer requests until nobody can send any."""
    told, applications, threads = _Told(os.dup(1)), sys.argv[1], int(sys.argv[2])
    _silence()
    os.nice(ASIDE)
    from visionvalley.kernels.threads import set_threads

    set_threads(threads)
    table = importlib.import_module(applications)
    table.warm()
    told.say(ready=True)
    for line in sys.stdin:
        if not _answer(json.loads(line), table.APPLICATIONS, told):
            return 1
    return 0


def _answer(request: Mapping[str, Any], applications: Mapping[str, Any], told: _Told) -> bool:
    """Make one run within its limits; return whether this process may make another."""
    told.say(taken=True)
    with _limited(request):
        try:
            told.say(done=_made(request, applications, told))
        except BadInput as error:
            told.say(failed=_plain(error.message, {path: Path(path).name for path in request["inputs"].values()}))
        except MemoryError:
            told.say(failed=["runs.too_much_memory", {"gigabytes": f"{request['memory_bytes'] / 2**30:g}"}], last=True)
            return False
        except OSError as error:
            told.say(failed=["runs.broken_off", {"reason": error.strerror or type(error).__name__}], last=True)
            return False
        except Exception as error:  # whatever it was, the guest is told, and a fresh process goes on
            told.say(failed=["runs.broken_off", {"reason": type(error).__name__}], last=True)
            return False
    return True


def _made(request: Mapping[str, Any], applications: Mapping[str, Any], told: _Told) -> str:
    from visionvalley.runs.conducting import Keeping, conduct

    kept = dict(request["keeping"])
    folder, database, patience_s = kept.pop("records")
    inputs = {role: Path(path) for role, path in request["inputs"].items()}
    asked = _Asked(request["arguments"], request["settings"])
    job = applications[request["application"]].job(asked, inputs, Path(request["output"]))
    done = conduct(job, Keeping(**kept, records=Records(Path(folder), database, patience_s)), told)
    if done.not_recorded is not None:
        raise done.not_recorded
    return done.id


@dataclass(slots=True)
class _Told:
    """Progress as lines of JSON; steps are told ten times a second at most."""

    handle: int
    _depth: int = 0
    _steps: int = 0
    _last: float = field(default_factory=time.monotonic)

    def begin(self, stage: Text, steps: int | None) -> None:
        """A stage starts."""
        self._flush()
        self._depth += 1
        self.say(begin=_plain(stage), steps=steps)

    def advance(self, steps: int = 1) -> None:
        """Steps are done."""
        self._steps += steps
        if time.monotonic() - self._last >= TELL_EACH_S:
            self._flush()

    def end(self) -> None:
        """The stage is done."""
        self._flush()
        self.say(end=True)

    def _flush(self) -> None:
        if self._steps:
            self.say(advance=self._steps)
            self._steps, self._last = 0, time.monotonic()

    def say(self, **told: Any) -> None:
        """Write one line."""
        data = (json.dumps(told) + "\n").encode()
        while data:
            data = data[os.write(self.handle, data) :]


def _plain(message: Text, names: Mapping[str, str] = MappingProxyType({})) -> list[Any]:
    """Return a message as JSON holds it; `names`: what guests read instead of the places of files."""

    def told(value: Any) -> Any:
        if isinstance(value, Text):
            return _plain(value, names)
        if isinstance(value, int | float):
            return value
        said = str(value)
        for place, name in names.items():
            said = said.replace(place, name)
        return said

    return [message.id, {name: told(value) for name, value in message.parameters.items()}]


class _limited:  # noqa: N801  # reads as a verb
    """Take no more memory than allowed beyond what there is now, write no larger files, open no more of them."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        self._most = {
            resource.RLIMIT_AS: held + int(request["memory_bytes"]),
            resource.RLIMIT_FSIZE: int(request["file_bytes"]),
            resource.RLIMIT_NOFILE: int(request["open_files"]),
            resource.RLIMIT_CORE: 0,
        }
        self._before = {what: resource.getrlimit(what) for what in self._most}

    def __enter__(self) -> None:
        for what, most in self._most.items():
            hard = self._before[what][1]
            resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))

    def __exit__(self, *_: object) -> None:
        for what, before in self._before.items():
            with suppress(OSError, ValueError):
                resource.setrlimit(what, before)


def _silence() -> None:
    """Send what libraries say to nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for said in (1, 2):
        os.dup2(nowhere, said)
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
