# SPDX-License-Identifier: Apache-2.0
"""Runs of the stands: asked for here, made by worker processes, told live, erased when their days are over."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any

from visionvalley.core import BadInput, Text
from visionvalley.hall import languages
from visionvalley.hall.live import Live
from visionvalley.hall.stands import Sample, Stand, checked
from visionvalley.hall.uploads import DAY_S, Uploads
from visionvalley.records import Records, RunRecord, Wanted, erase, find, one
from visionvalley.records.erasing import overdue
from visionvalley.runs.conditions import new_id
from visionvalley.runs.orders import Order, State
from visionvalley.runs.workers import Workers

PUBLIC = "hall"  # the owner of runs on samples: everybody may see them
PUBLIC_DAYS = 14.0
TOPIC = "runs"
ASKED_LATELY_S = 20.0  # who asks by and by waits, too
PRUNE_EACH_S = 3600.0
KEPT_TOPICS = 200
STOPPED_WITHIN_S = 10.0


@dataclass(slots=True, eq=False)
class Running:
    """The hall's workers, guests' files, and who waits for what."""

    records: Records
    live: Live
    workers: Workers = field(init=False)
    uploads: Uploads = field(init=False)
    _asked: OrderedDict[str, float] = field(default_factory=OrderedDict)
    _started: bool = False
    _end: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        folder = self.records.folder / "hall"
        self.uploads = Uploads(folder / "uploads")
        self.workers = Workers(self.records, folder / "at-work", tell=self._tell, waited_for=self._waited_for)

    def start(self) -> None:
        """Warm the workers up, once; from then on, what is over is erased each hour."""
        with self._lock:
            if self._started:
                return
            self._started = True
        self.workers.start()
        Thread(target=self._prune, daemon=True).start()

    def close(self) -> None:
        """End the workers: the hall closes."""
        self._end.set()
        if self._started:
            self.workers.close()

    def on_sample(self, stand: Stand, sample: Sample, settings: Mapping[str, Any], by: str, watched: bool) -> State:
        """Let a run on a sample wait for its turn; raises BadInput where its data are not here."""
        paths = sample.paths()
        if paths is None:
            data = next(iter(sample.files.values())).split("/")[0]
            raise BadInput("hall.sample_not_here", name=sample.name, data=data)
        if settings and sample.application != stand.application:
            raise BadInput("hall.settings_fixed")
        given = checked(stand.about, {**sample.settings, **settings})
        return self._submit(
            Order(
                new_id(), PUBLIC, sample.application, sample.arguments, given, paths, PUBLIC_DAYS, by=by,
                watched=watched, expected=self._expected(sample.application, len(paths)),
            )
        )  # fmt: skip

    def on_files(
        self,
        stand: Stand,
        files: Mapping[str, str],
        units: Mapping[str, str],
        settings: Mapping[str, Any],
        owner: str,
        watched: bool,
    ) -> State:
        """Let a run on a guest's own files wait for its turn; raises BadInput for what does not fit the stand."""
        roles = {one.name: one for one in stand.about.roles}
        if not roles:
            raise BadInput("hall.no_own")
        for name in (*files, *units):
            if name not in roles:
                raise BadInput("hall.role_unknown", role=name, known=", ".join(roles))
        missing = next((one.name for one in roles.values() if one.needed and one.name not in files), None)
        if missing:
            raise BadInput("hall.role_missing", role=missing)
        paths = {name: self.uploads.path(owner, kept) for name, kept in files.items()}
        for name, path in paths.items():
            if path.suffix.lower() not in roles[name].endings:
                raise BadInput("hall.wrong_type", ending=path.suffix, known=" ".join(roles[name].endings))
        arguments = {roles[name].unit: unit for name, unit in units.items() if roles[name].unit and unit}
        given = checked(stand.about, settings)
        return self._submit(
            Order(
                new_id(), owner, stand.application, arguments, given, paths, self._days(owner, files), keep=True,
                watched=watched, expected=self._expected(stand.application, len(paths)),
            )
        )  # fmt: skip

    def state(self, id: str) -> State | None:
        """Return how far a run is; who asks is taken to wait for it."""
        self._asked[id] = time.monotonic()
        return self.workers.state(id)

    def erase_of(self, owner: str) -> int:
        """Stop an owner's runs and erase the files that they brought; return how many files went."""
        until = time.monotonic() + STOPPED_WITHIN_S
        while (under_way := self.workers.of(owner)) and time.monotonic() < until:
            for state in under_way:
                self.workers.cancel(state.id)
            time.sleep(0.05)
        return self.uploads.erase(owner)

    def erase_file(self, owner: str, id: str) -> None:
        """Erase a file that somebody brought, and the runs on it; raises BadInput where there is none."""
        self.uploads.erase(owner, id)
        self.erase_runs(self._on({id}, owner))

    def erase_runs(self, runs: Sequence[RunRecord]) -> None:
        """Erase runs, and the files that were brought for them and that no other run of their owners holds."""
        erase([run.id for run in runs], self.records)
        for owner in {run.owner for run in runs}:
            held = self._brought(find(Wanted(owner=owner), self.records))
            for file in self._brought(run for run in runs if run.owner == owner) - held:
                with suppress(BadInput):  # it is gone already
                    self.uploads.erase(owner, file)

    def prune(self) -> None:
        """Erase what is over its days: files that were brought with the runs on them, runs with their files."""
        gone = self.uploads.prune()
        over = {name: one(name, self.records) for name in overdue(self.records)}
        over |= {run.id: run for run in (self._on(gone) if gone else ())}
        if over:
            self.erase_runs(tuple(over.values()))

    def _on(self, files: Set[str], owner: str | None = None) -> tuple[RunRecord, ...]:
        """Return the runs on any of these files."""
        runs = find(Wanted(owner=owner), self.records)
        return tuple(run for run in runs if self._brought([run]) & files)

    def _brought(self, runs: Iterable[RunRecord]) -> frozenset[str]:
        return self.uploads.brought(one.path for run in runs for one in run.inputs)

    def _days(self, owner: str, files: Mapping[str, str]) -> float:
        """Return for how long a run on files is kept, which holds copies of them: as long as each of them is."""
        ends = [one.until for one in self.uploads.every(owner) if one.id in files.values()]
        return max(0.0, min((end - time.time()) / DAY_S for end in ends))

    def _submit(self, order: Order) -> State:
        self.start()
        self._asked[order.id] = time.monotonic()
        while len(self._asked) > KEPT_TOPICS:
            old, _ = self._asked.popitem(last=False)
            state = self.workers.state(old)
            if state is None or state.phase.over:
                self.live.forget(f"{TOPIC}.{old}")
        return self.workers.submit(order)

    def _expected(self, application: str, files: int) -> Mapping[str, float]:
        """Return how long each stage of the latest run like this took."""
        for run in find(Wanted(application, limit=5), self.records):
            if run.application == application and (len(run.inputs) > 0) == (files > 0):
                return run.seconds
        return {}

    def _waited_for(self, id: str) -> bool:
        return self.live.heard(f"{TOPIC}.{id}") or time.monotonic() - self._asked.get(id, 0.0) < ASKED_LATELY_S

    def _tell(self, state: State) -> None:
        self.live.publish(f"{TOPIC}.{state.id}", told(state))

    def _prune(self) -> None:
        while not self._end.is_set():
            with suppress(BadInput, OSError):
                self.prune()
            self._end.wait(PRUNE_EACH_S)


def told(state: State) -> dict[str, Any]:
    """Return a state as JSON holds it: its words in every language, for those who listen read different ones."""
    return {
        "id": state.id,
        "phase": state.phase.value,
        "place": state.place,
        "share": state.share,
        "seconds": state.seconds,
        "stage": state.stage and _spoken(state.stage),
        "finished": [_spoken(one) for one in state.finished],
        "error": state.error and {code: languages.explain(state.error, code) for code in languages.LANGUAGES},
    }


def _spoken(message: Text) -> dict[str, str]:
    return {code: languages.say(message, code) for code in languages.LANGUAGES}
