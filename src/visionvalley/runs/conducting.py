# SPDX-License-Identifier: Apache-2.0
"""One run: read and work, report, record. Every application goes through here."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

from visionvalley.core import SILENT, BadInput, Progress, Report, stage
from visionvalley.records import InputFile, Records, RunRecord, keep
from visionvalley.runs.conditions import Conditions, Stopwatch, conditions
from visionvalley.runs.folder import MARK, kept


class Asked(Protocol):
    """What a job can be made of, with files beside it: the record of a run is such, and what a worker is asked."""

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What the recipe is asked besides its settings."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Values of the settings by name."""

    @property
    def seeds(self) -> Mapping[str, int]:
        """Seeds of what is drawn by chance, by name; the usual one where one is not named."""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What is to be run.

    application  which recipe, as `runs.again` knows it: 'manufacturing.inspection'
    arguments    JSON values: what the recipe is asked besides settings; enough to make this job again
    inputs       every file that is read, by its role
    settings     a frozen dataclass
    work         reads the inputs and returns the report
    output       folder for the results
    seeds        of what is drawn by chance
    places       where inputs lay, by role, that are read from a copy
    """

    application: str
    arguments: Mapping[str, Any]
    inputs: Mapping[str, Path]
    settings: Any
    work: Callable[[Progress], Report]
    output: Path
    seeds: Mapping[str, int] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Keeping:
    """How the record of a run is kept.

    owner     whose run it is; None: who is logged in
    days      after which it may be pruned; None: never
    inputs    keep copies of the inputs, so that the run can be made again where they are not
    rerun_of  id of the run that is repeated
    records   where; None: the default place
    id        of the run; None: a new one
    """

    owner: str | None = None
    days: float | None = None
    inputs: bool = False
    rerun_of: str | None = None
    records: Records | None = None
    id: str | None = None

    def __post_init__(self) -> None:
        if self.days is not None and not 0 <= self.days <= 1e5:
            raise BadInput("runs.bad_days", days=self.days)


@dataclass(frozen=True, slots=True, eq=False)
class Done:
    """A run that was made.

    folder        that holds the results
    id            of the run
    not_recorded  why the run is not among the records; None: it is
    seconds       by stage
    """

    report: Report
    folder: Path
    id: str
    not_recorded: BadInput | None
    seconds: Mapping[str, float]


def conduct(job: Job, keeping: Keeping = Keeping(), progress: Progress = SILENT) -> Done:
    """Run a job, write its folder of results, and keep its record.

    Where the record cannot be kept the results stand all the same, and `not_recorded` says why.
    Raises BadInput where an input changed while it was read.
    """
    watch, started = Stopwatch(progress), datetime.now(UTC)
    Thread(target=_load_database, daemon=True).start()
    before = _stamps(job.inputs)
    report = job.work(watch)
    under = conditions(job.inputs, job.settings, watch.seconds, started, keeping.id)
    _require_unchanged(job.inputs, before)
    folder = kept(report, job.output, under, watch)
    refused: BadInput | None = None
    try:
        with stage(watch, "runs.record"):
            _record(job, report, folder, under, keeping)
    except BadInput as error:
        watch.end()
        refused = error
    return Done(report, folder, under.id, refused, dict(watch.seconds))


def _load_database() -> None:
    """Import what records need while the work runs: it takes 0.2 s."""
    with suppress(Exception):  # what is wrong with it is said when the record is kept
        import_module("visionvalley.records.database")


def _stamps(inputs: Mapping[str, Path]) -> dict[str, tuple[int, int, int] | None]:
    return {role: _stamp(path) for role, path in inputs.items()}


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        about = path.stat()
    except OSError:  # the reader says it in its own words
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns


def _require_unchanged(inputs: Mapping[str, Path], before: Mapping[str, tuple[int, int, int] | None]) -> None:
    for role, path in inputs.items():
        if _stamp(path) != before[role]:
            raise BadInput("runs.changed_meanwhile", path=path)


def _record(job: Job, report: Report, folder: Path, under: Conditions, keeping: Keeping) -> None:
    result = json.loads((folder / MARK).read_text(encoding="utf-8"))
    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    if keeping.inputs:
        files |= {input_name(one.role, one.name): job.inputs[one.role] for one in under.inputs}
    record = RunRecord(
        id=under.id,
        application=job.application,
        arguments=job.arguments,
        settings=under.settings,
        inputs=tuple(
            InputFile(one.role, one.name, job.places.get(one.role, one.path), one.sha256, one.bytes)
            for one in under.inputs
        ),
        started=under.started,
        owner=keeping.owner or user(),
        verdict=None if report.verdict is None else report.verdict.value,
        simulated=report.simulated,
        seeds=job.seeds,
        versions=under.versions,
        machine=under.machine,
        seconds=under.seconds,
        results={name: result[name] for name in ("measurements", "features")},
        keep_until=_until(under.started, keeping.days),
        rerun_of=keeping.rerun_of,
    )
    keep(record, files, keeping.records)


def input_name(role: str, name: str) -> str:
    """Return the name under which a copy of an input is kept."""
    return f"inputs/{role}/{name}"


def user() -> str:
    """Return who is logged in."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def _until(started: str, days: float | None) -> str | None:
    if days is None:
        return None
    return (datetime.fromisoformat(started) + timedelta(days=days)).isoformat(timespec="seconds")
