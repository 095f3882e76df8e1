# SPDX-License-Identifier: Apache-2.0
"""What a run was made of: inputs, settings, versions, machine and times."""

from __future__ import annotations

import hashlib
import platform
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from visionvalley.core import Progress
from visionvalley.records.artefacts import digest_of

LIBRARIES = ("numpy", "scipy", "numba", "llvmlite")
FEATURES = ("abm", "asimd", "avx", "bmi", "f16c", "fma", "movbe", "sse4", "sve")  # as Linux names them


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that a run read, and where it lay."""

    role: str
    name: str
    sha256: str
    bytes: int
    path: str


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is needed to make the same run again.

    versions  of libraries, and under 'source' a digest of our own code
    machine   system, processor, compilation target, and those features of the CPU that targets differ in
    seconds   time that each stage took
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
    sha256, size = digest_of(path)
    return InputFile(role, _told(path.name), sha256, size, _told(str(path.absolute())))


def _told(name: str) -> str:
    """Return a file's name as text, also where it is not UTF-8 on the disk."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def conditions(
    inputs: Mapping[str, Path],
    settings: Any,
    seconds: Mapping[str, float],
    started: datetime | None = None,
    id: str | None = None,
) -> Conditions:
    """Return the conditions of a run over these files, by their role, with these settings."""
    return Conditions(
        id=id or new_id(),
        started=(started or datetime.now(UTC)).isoformat(timespec="seconds"),
        inputs=tuple(input_file(role, path) for role, path in inputs.items()),
        settings=asdict(settings),
        versions=versions(),
        machine=machine(),
        seconds=dict(seconds),
    )


def new_id() -> str:
    """Return an id for a run."""
    return uuid.uuid4().hex[:12]


def versions() -> dict[str, str]:
    """Return the versions of everything that a number may depend on."""
    ours = {"visionvalley": version("visionvalley"), "source": source_digest(), "python": platform.python_version()}
    return ours | {name: version(name) for name in LIBRARIES}


def machine() -> dict[str, Any]:
    """Return what of this machine a number may depend on, and the number of threads, on which none does."""
    from visionvalley.kernels.compilation import TARGET
    from visionvalley.kernels.store import cpu_flags
    from visionvalley.kernels.threads import threads

    features = " ".join(sorted(flag for flag in cpu_flags() if flag.startswith(FEATURES)))
    about = {"system": platform.system(), "processor": platform.machine(), "target": TARGET, "threads": threads()}
    return about | {"features": features}


@lru_cache
def source_digest() -> str:
    """Return a digest of all Python files of the package: equal digests mean equal code."""
    digest, root = hashlib.sha256(), Path(__file__).parents[1]
    for file in sorted(root.rglob("*.py")):
        digest.update(f"{file.relative_to(root).as_posix()}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


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
