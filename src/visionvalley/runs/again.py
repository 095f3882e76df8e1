# SPDX-License-Identifier: Apache-2.0
"""A run is made again from its record, and its numbers are compared with those that were kept."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visionvalley.core import SILENT, BadInput, Progress, Text, render, text
from visionvalley.records import Records, RunRecord, artefact_path, default_records, one
from visionvalley.records.artefacts import digest_of
from visionvalley.runs.conducting import Done, Keeping, conduct, input_name
from visionvalley.runs.folder import MARK
from visionvalley.runs.likeness import Likeness, compare
from visionvalley.runs.table import APPLICATIONS

if TYPE_CHECKING:
    from visionvalley.records import InputFile


class Outcome(Enum):
    """What a rerun shows: the same bits, equality within the bound, or neither."""

    SAME = "same bits"
    WITHIN = "within the bound"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True, eq=False)
class Rerun:
    """A run that was made again.

    original  the record of the run before
    done      the run now
    likeness  of all numbers of result.json but times, ids and dates
    moved     inputs that lie elsewhere now, by their role
    copies    roles of inputs that are gone and were read from the kept copy
    changed   what is not as it was then: versions, source, target; (then, now) by name
    """

    original: RunRecord
    done: Done
    likeness: Likeness
    moved: Mapping[str, Path]
    copies: tuple[str, ...]
    changed: Mapping[str, tuple[str, str]]

    @property
    def outcome(self) -> Outcome:
        """Same bits, within the bound, or different."""
        if not self.likeness.differences:
            return Outcome.SAME
        return Outcome.WITHIN if self.likeness.within and self.changed else Outcome.DIFFERENT


def rerun(
    id: str,
    output: Path | None = None,
    elsewhere: Path | None = None,
    progress: Progress = SILENT,
    keeping: Keeping = Keeping(),
) -> Rerun:
    """Make a run again and compare.

    id         of the run, or the beginning of it
    output     folder for the new results; None: they are kept with the record only
    elsewhere  folder in which inputs are looked for that are not where they were

    On the same target with the same versions every bit must be the same. Elsewhere equality within a bound is
    asked: see `likeness`. Raises BadInput where an input changed, or is not there.
    """
    records = keeping.records or default_records()
    original = one(id, records)
    if original.application not in APPLICATIONS:
        raise BadInput("runs.unknown_application", id=original.id, application=original.application)
    before = _result(original, records)
    places = {each.role: each.path for each in original.inputs}
    with tempfile.TemporaryDirectory(prefix="valley-rerun-") as scratch:
        found = locate(original, Path(scratch) / "inputs", elsewhere, records)
        copies = {role: places[role] for role, path in found.items() if Path(scratch) in path.parents}
        job = APPLICATIONS[original.application].job(original, found, output or Path(scratch) / "results")
        how = replace(keeping, records=records, rerun_of=original.id, inputs=keeping.inputs or bool(copies))
        done = conduct(replace(job, places=copies), how, progress)
        after = json.loads((done.folder / MARK).read_text(encoding="utf-8"))
    moved = {role: path for role, path in found.items() if role not in copies and str(path.absolute()) != places[role]}
    changed = _changed(before["record"], after["record"])
    return Rerun(original, done, compare(before, after), moved, tuple(copies), changed)


def _result(run: RunRecord, records: Records) -> dict[str, Any]:
    kept = next((each for each in run.artefacts if each.name == MARK), None)
    if kept is None:
        raise BadInput("runs.no_result", id=run.id)
    found: dict[str, Any] = json.loads(artefact_path(kept, records).read_text(encoding="utf-8"))
    return found


def locate(run: RunRecord, scratch: Path, elsewhere: Path | None, records: Records) -> dict[str, Path]:
    """Return where each input of a run lies now: in its place, moved, or as a kept copy, which is laid in `scratch`.

    Raises BadInput that names every input which changed or is missing.
    """
    copies = {each.name: each for each in run.artefacts}
    found: dict[str, Path] = {}
    lost: list[Text] = []
    for n, wanted in enumerate(run.inputs):
        copy = copies.get(input_name(wanted.role, wanted.name))
        path = _in_place_or_moved(wanted, elsewhere)
        if path is None and copy is not None:
            path = scratch / str(n) / wanted.name  # readers go by the name's ending
            path.parent.mkdir(parents=True)
            shutil.copyfile(artefact_path(copy, records), path)
        if path is None:
            lost.append(_loss(wanted))
        else:
            found[wanted.role] = path
    if lost:
        raise BadInput("runs.inputs_changed", id=run.id, changes="; ".join(render(each) for each in lost))
    return found


def _in_place_or_moved(wanted: InputFile, elsewhere: Path | None) -> Path | None:
    place = Path(wanted.path)
    others = sorted(elsewhere.rglob("*")) if elsewhere else [Path(wanted.name)]
    named = [path for path in others if path.name == wanted.name]
    for path in (place, *named, *(path for path in others if path.name != wanted.name)):
        if _is(path, wanted):
            return path
    return None


def _is(path: Path, wanted: InputFile) -> bool:
    try:
        return path.is_file() and path.stat().st_size == wanted.bytes and digest_of(path)[0] == wanted.sha256
    except OSError:
        return False


def _loss(wanted: InputFile) -> Text:
    place = Path(wanted.path)
    if not place.is_file():
        return text("runs.input_missing", role=wanted.role, path=place)
    now, _ = digest_of(place)
    return text("runs.input_differs", role=wanted.role, path=place, then=wanted.sha256[:12], now=now[:12])


def _changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return the versions and the target where they differ."""
    pairs = {name: (then["versions"].get(name), now["versions"].get(name)) for name in now["versions"]}
    pairs |= {name: (then["machine"].get(name), now["machine"].get(name)) for name in ("processor", "target")}
    return {name: (str(a), str(b)) for name, (a, b) in pairs.items() if a != b}
