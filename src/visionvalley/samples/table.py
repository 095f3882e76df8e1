# SPDX-License-Identifier: Apache-2.0
"""What samples there are: facts only, the data themselves are never part of the project."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from visionvalley.core import Text, text


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a sample and where the public has it."""

    file: str
    repo: str
    commit: str
    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample of sensor data.

    folder    where it lies in a data folder, such as 'objects/bunny_scans'
    complete  whether `files` are all of it, so that it can be downloaded
    here      where it was found, None where it is not on this machine
    """

    name: str
    folder: str
    description: Text
    licence: str
    bytes: int
    complete: bool
    files: tuple[SourceFile, ...]
    here: Path | None = None


@lru_cache
def table() -> tuple[Sample, ...]:
    """Return all samples, without a look at this machine."""
    rows = json.loads((files("visionvalley.samples") / "sources.json").read_text(encoding="utf-8"))
    return tuple(
        Sample(
            row["name"],
            row["folder"],
            text(f"samples.about_{row['name']}"),
            row["licence"],
            row["bytes"],
            row["complete"],
            tuple(SourceFile(**one) for one in row["files"]),
        )
        for row in rows
    )
