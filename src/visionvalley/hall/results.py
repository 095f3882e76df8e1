# SPDX-License-Identifier: Apache-2.0
"""Results of runs: who may see which, what a page shows of one, its files with their types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from types import MappingProxyType

from visionvalley.core import BadInput, Measurement, Report, Verdict
from visionvalley.hall.reader import Reader
from visionvalley.hall.running import PUBLIC
from visionvalley.hall.stands import Sample, Stand, stand_of, stands
from visionvalley.records import Artefact, Records, RunRecord, Wanted, artefact_path, find, one, state
from visionvalley.report.reading import ReadConditions, read_result
from visionvalley.report.taken import Taken, taken
from visionvalley.runs.orders import State

RESULT, PAGE, INPUTS = "result.json", "report.html", "inputs/"
ALWAYS_PUBLIC = frozenset(
    {
        "manufacturing.demonstration",
        "manufacturing.features_demonstration",
        "manufacturing.comparison_demonstration",
    }
)
FIVE, THREE = 5, 3
_LOOKING = Lock()
LOOKED_THROUGH = 60
UNKNOWN = frozenset({"records.unknown", "records.ambiguous", "records.short_id"})
TYPES = MappingProxyType(
    {
        ".html": "text/html; charset=utf-8",
        ".pdf": "application/pdf",
        ".json": "application/json",
        ".csv": "text/csv; charset=utf-8",
        ".glb": "model/gltf-binary",
        ".qif": "application/xml",
        ".zip": "application/zip",
    }
)
ANY_TYPE = "application/octet-stream"
KINDS = MappingProxyType({Verdict.PASS: "pass", Verdict.FAIL: "fail", Verdict.CANNOT_SAY: "unsure", None: "none"})


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A run with what it found.

    five     the numbers that stand first
    sample   what it ran on; None: a guest's own files, or something else
    """

    run: RunRecord
    stand: Stand | None
    sample: Sample | None
    report: Report
    conditions: ReadConditions
    taken: Taken

    @property
    def kind(self) -> str:
        """The verdict as pages name it: pass, fail, unsure, none."""
        return KINDS[self.report.verdict]

    @property
    def five(self) -> tuple[Measurement, ...]:
        """The numbers that a reader wants first: of features where there are some, what failed before the others."""
        first = (Verdict.FAIL, Verdict.CANNOT_SAY, Verdict.PASS, None)
        judged = [one.measured for one in sorted(self.report.features, key=lambda one: first.index(one.verdict))]
        return tuple((judged if len(judged) >= THREE else list(self.report.measurements))[:FIVE])

    @property
    def files(self) -> tuple[Artefact, ...]:
        """The files that it made."""
        return tuple(each for each in self.run.artefacts if not each.name.startswith(INPUTS))


def is_public(run: RunRecord) -> bool:
    """Whether everybody may see a run: on a sample of a stand."""
    return run.owner == PUBLIC or run.application in ALWAYS_PUBLIC


def may_see(reader: Reader, state: State | None) -> bool:
    """Whether a reader may know of a run that is under way."""
    if state is None:
        raise BadInput("hall.no_run")
    return state.owner in {PUBLIC, str(reader.actor)} or reader.may("all runs")


def found(records: Records, reader: Reader, id: str) -> RunRecord:
    """Return a run that a reader may see; raises BadInput, the same for one that is not there."""
    try:
        run = one(id, records)
    except BadInput as error:
        if error.message.id in UNKNOWN:
            raise BadInput("hall.no_run") from error
        raise
    if is_public(run) or (reader.session and run.owner == str(reader.actor)) or reader.may("all runs"):
        return run
    raise BadInput("hall.no_run")


def shown(records: Records, run: RunRecord) -> Shown:
    """Return what a run found; raises BadInput where its files are not there."""
    files = file_of(records, run, RESULT), file_of(records, run, PAGE)
    read = _read_once(*files) if run.owner == PUBLIC else _read(*files)  # of a guest's own, nothing stays in memory
    return Shown(run, stand_of(run.application), sample_of(run), *read)


def _read(result: Path, page: Path) -> tuple[Report, ReadConditions, Taken]:
    """Return what files hold."""
    return *read_result(result), taken(page)


_read_once = lru_cache(8)(_read)  # kept files are named by their content: each guest sees the same few results


def sample_of(run: RunRecord) -> Sample | None:
    """Return the sample that a run was made on: by its application and the names of its inputs."""
    if not is_public(run):
        return None
    names = {one.name for one in run.inputs}
    for stand in stands():
        for sample in stand.samples:
            wanted = {name.rpartition("/")[2] for name in sample.files.values()}
            if sample.application == run.application and wanted == names:
                return sample
    return None


def file_of(records: Records, run: RunRecord, name: str) -> Path:
    """Return where a file of a run lies; raises BadInput where it has none of this name."""
    for each in run.artefacts:
        if each.name == name and not name.startswith(INPUTS):
            return artefact_path(each, records)
    raise BadInput("hall.no_file", name=name)


def type_of(name: str) -> str:
    """Return the content type of a file."""
    return TYPES.get(Path(name).suffix.lower(), ANY_TYPE)


def latest(records: Records, stand: Stand | None = None, limit: int = 6) -> tuple[Shown, ...]:
    """Return the latest public run of each sample, of one stand or of all, the latest first."""
    now = state(records)
    with _LOOKING:  # when a run ends, one guest's page looks, and the others' wait for what it finds
        return _latest(records, stand, limit, now)


@lru_cache(16)
def _latest(records: Records, stand: Stand | None, limit: int, _now: tuple[str, int]) -> tuple[Shown, ...]:
    some: list[Shown] = []
    seen: set[tuple[str, str]] = set()
    for run in _public(records, stand):
        sample = sample_of(run)
        key = (run.application, sample.name if sample else "")
        if key in seen or len(some) >= limit:
            continue
        try:
            some.append(shown(records, run))
        except BadInput:  # its files were cleared away: an older one may be whole
            continue
        seen.add(key)
    return tuple(some)


def _public(records: Records, stand: Stand | None) -> Iterator[RunRecord]:
    wanted = stand.applications if stand else frozenset(name for each in stands() for name in each.applications)
    runs = [run for name in sorted(wanted) for run in find(Wanted(name, limit=LOOKED_THROUGH), records)]
    yield from sorted((run for run in runs if is_public(run)), key=lambda run: run.started, reverse=True)
