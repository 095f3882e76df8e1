# SPDX-License-Identifier: Apache-2.0
"""What a run was made of: inputs, settings, versions, machine and times."""

from __future__ import annotations

import hashlib
import platform
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from visionvalley.core import Progress

CHUNK = 1 << 20
LIBRARIES = ("numpy", "scipy", "numba", "llvmlite")


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that a run read."""

    role: str
    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is needed to make the same run again.

    seconds  time that each stage took
    """

    id: str
    started: str
    inputs: tuple[InputFile, ...]
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    machine: Mapping[str, Any]
    seconds: Mapping[str, float] = field(default_factory=dict)


def input_file(role: str, path: Path) -> InputFile:
    """Return a file's name, size and SHA-256."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return InputFile(role, path.name, digest.hexdigest(), size)


def conditions(inputs: Mapping[str, Path], settings: Any, seconds: Mapping[str, float]) -> Conditions:
    """Return the conditions of a run over these files, by their role, with these settings."""
    from visionvalley.kernels.compilation import TARGET
    from visionvalley.kernels.threads import threads

    return Conditions(
        id=uuid.uuid4().hex[:12],
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        inputs=tuple(input_file(role, path) for role, path in inputs.items()),
        settings=asdict(settings),
        versions={"visionvalley": version("visionvalley"), "python": platform.python_version()}
        | {name: version(name) for name in LIBRARIES},
        machine={"system": platform.system(), "processor": platform.machine(), "target": TARGET, "threads": threads()},
        seconds=dict(seconds),
    )


class Stopwatch:
    """Shows progress through another, and keeps how long each stage took."""

    def __init__(self, progress: Progress) -> None:
        from time import perf_counter

        self._progress, self._now = progress, perf_counter
        self.seconds: dict[str, float] = {}
        self._running: list[tuple[str, float]] = []

    def begin(self, stage: Any, steps: int | None) -> None:
        """A stage starts."""
        self._running.append((stage.id, self._now()))
        self._progress.begin(stage, steps)

    def advance(self, steps: int = 1) -> None:
        """Steps are done."""
        self._progress.advance(steps)

    def end(self) -> None:
        """The stage is done."""
        self._progress.end()
        name, began = self._running.pop()
        self.seconds[name] = self.seconds.get(name, 0.0) + self._now() - began
