# SPDX-License-Identifier: Apache-2.0
"""What is kept of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from visionvalley.core import BadInput

ID = re.compile(r"[0-9a-f]{12,32}")


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that a run read, where it lay, and the SHA-256 of what was in it."""

    role: str
    name: str
    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file that a run made, by its name in the run's folder and the SHA-256 of what is in it."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class RunRecord:
    """One run: what made it, and what came out. All mappings hold JSON values.

    application  which recipe, such as 'manufacturing.inspection'
    arguments    what the recipe was asked besides its settings; with inputs and settings enough to run it again
    started      ISO 8601, UTC
    owner        whose run it is
    verdict      'pass', 'fail', 'cannot say'; None where nothing was judged
    simulated    whether any input came from a simulation
    seeds        of what is drawn by chance, by what it is drawn for
    results      'measurements' and 'features' as in result.json
    keep_until   ISO 8601, UTC, when it may be pruned; None: never
    rerun_of     id of the run that this one repeats
    artefacts    known of a run that was found; `keep` fills it in
    """

    id: str
    application: str
    arguments: Mapping[str, Any]
    settings: Mapping[str, Any]
    inputs: tuple[InputFile, ...]
    started: str
    owner: str
    verdict: str | None = None
    simulated: bool = False
    seeds: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    keep_until: str | None = None
    rerun_of: str | None = None
    artefacts: tuple[Artefact, ...] = ()

    def __post_init__(self) -> None:
        if not ID.fullmatch(self.id):
            raise BadInput("records.bad_id", id=self.id)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs are looked for; what is None does not matter.

    application   'manufacturing.inspection', or 'manufacturing' for all of that application
    input         part of an input's name, or the beginning of its SHA-256
    since, until  ISO 8601, UTC, both inclusive
    verdict       'none' finds runs that judged nothing
    limit         the latest so many
    """

    application: str | None = None
    verdict: str | None = None
    owner: str | None = None
    input: str | None = None
    since: str | None = None
    until: str | None = None
    limit: int | None = None
