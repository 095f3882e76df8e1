# SPDX-License-Identifier: Apache-2.0
"""Worker processes: warm before the first guest, held to limits, one run at a time; the one who asks stays responsive.

A worker that crashes, is killed or exceeds its limits is one clear error of that run, and a new one takes its place.
Results are kept as records, whole or not at all; nothing else is left.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Condition, Thread
from typing import IO, Any, cast

from visionvalley.core import BadInput, Text, text
from visionvalley.records import Records
from visionvalley.runs.orders import Course, Limits, Order, Phase, Queue, State

APPLICATIONS = "visionvalley.runs.table"
WORKER = "visionvalley.runs.worker"
LOOK_EACH_S = 0.25
WARM_WITHIN_S = 600.0  # kernels may have to be compiled first
KEPT_STATES = 500
TRIES = 3
PIECE = 1 << 16


@dataclass(slots=True, eq=False)
class Workers:
    """A few worker processes and those who wait for them. Methods may be called from any thread.

    threads      of each; 0: all share the CPUs
    work         folder for what is being made; emptied at the start
    tell         hears every change of a run; called from threads of ours
    waited_for   whether anybody still waits for a run of this id
    abandoned_s  how long nobody may, until it is cancelled
    applications name of the module with `APPLICATIONS` and `warm`
    """

    records: Records
    work: Path
    count: int = 2
    threads: int = 0
    limits: Limits = field(default_factory=Limits)
    tell: Callable[[State], None] = lambda _: None
    waited_for: Callable[[str], bool] = lambda _: True
    abandoned_s: float = 30.0
    applications: str = APPLICATIONS
    queue: Queue = field(default_factory=Queue)
    _states: OrderedDict[str, State] = field(default_factory=OrderedDict)
    _stopped: set[str] = field(default_factory=set)
    _live: set[_Worker] = field(default_factory=set)
    _closed: bool = False
    _changed: Condition = field(default_factory=Condition)
    _threads: list[Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin to warm workers up."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(mode=0o700, parents=True)
        self._threads = [Thread(target=self._serve, daemon=True) for _ in range(self.count)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End all workers; what runs is lost."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(10)
        shutil.rmtree(self.work, ignore_errors=True)

    @property
    def ready(self) -> tuple[int, ...]:
        """The process ids of the workers that are warm."""
        with self._changed:
            return tuple(one.pid for one in self._live if one.alive)

    def submit(self, order: Order) -> State:
        """Let a run wait for its turn; raise BadInput where too many wait."""
        with self._changed:
            self.queue.put(order)
            self._states[order.id] = State(order.id, order.owner, order.by or order.owner, Phase.WAITING)
            while len(self._states) > KEPT_STATES and next(iter(self._states.values())).phase.over:
                self._states.popitem(last=False)
            self._changed.notify()
        self._tell_places()
        return self._states[order.id]

    def state(self, id: str) -> State | None:
        """Return how far a run is; None where none of this id was asked for lately."""
        return self._states.get(id)

    def of(self, owner: str) -> tuple[State, ...]:
        """Return the runs of an owner that are not over."""
        with self._changed:
            return tuple(one for one in self._states.values() if one.owner == owner and not one.phase.over)

    def cancel(self, id: str) -> None:
        """Stop a run, or take it out of the queue; one that is over stays as it is."""
        with self._changed:
            waiting = self.queue.remove(id)
            self._stopped.add(id)
        if waiting is not None:
            self._set(waiting.id, phase=Phase.CANCELLED, place=0)
            self._tell_places()

    def forget(self, id: str) -> None:
        """Drop what is known of a run that is over."""
        state = self._states.get(id)
        if state is not None and state.phase.over:
            self._states.pop(id, None)

    def _serve(self) -> None:
        """Keep one worker and give it one order after the other."""
        worker: _Worker | None = None
        while not self._closed:
            if worker is None or not worker.alive:
                worker = self._started()
            order = self._next()
            if order is None:
                continue
            if order.watched and not self.waited_for(order.id):
                self._set(order.id, phase=Phase.CANCELLED, place=0)
                continue
            for _ in range(TRIES):
                if worker is not None and self._make(worker, order):
                    break
                worker = self._started()  # it had gone while nobody needed it
            else:
                self._set(order.id, phase=Phase.FAILED, place=0, error=BadInput("runs.no_worker"))
        if worker is not None:
            worker.kill()

    def _started(self) -> _Worker | None:
        """Return a worker that is warm; None where none comes to life."""
        from visionvalley.kernels.threads import available

        worker = _Worker(self.applications, self.threads or max(1, available() // self.count))
        until = time.monotonic() + WARM_WITHIN_S
        while time.monotonic() < until and not self._closed:
            told = worker.heard(LOOK_EACH_S)
            if told is None:
                break
            if any("ready" in one for one in told):
                with self._changed:
                    self._live = {one for one in self._live if one.alive} | {worker}
                return worker
        worker.kill()
        time.sleep(LOOK_EACH_S)
        return None

    def _next(self) -> Order | None:
        with self._changed:
            order = self.queue.take()
            if order is None:
                self._changed.wait(1.0)
                return None
        self._tell_places()
        return order

    def _make(self, worker: _Worker, order: Order) -> bool:
        """Have a run made, and tell how it goes on, until it is over; return whether the worker took it."""
        folder = Path(tempfile.mkdtemp(prefix=f"{order.id}-", dir=self.work))
        try:
            end = self._watched(worker, order, folder / "results")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if end is None:
            return False
        self._stopped.discard(order.id)
        self._set(order.id, place=0, **end)
        return True

    def _watched(self, worker: _Worker, order: Order, output: Path) -> dict[str, Any] | None:
        """Return how a run ended: values of its last state; None where the worker never took it."""
        course, began, taken = Course(order.expected), time.monotonic(), False
        seen = began
        worker.ask(self._request(order, output))
        while True:
            told, now = worker.heard(LOOK_EACH_S), time.monotonic()
            for one in told or ():
                taken = True
                if (end := _heard(one, course, now)) is not None:
                    if "last" in one:  # it goes by itself, but not at once
                        worker.kill()
                    return end
            if told is None and not taken:
                return None
            if told is None:
                return {"phase": Phase.FAILED, "error": BadInput("runs.worker_ended", how=worker.how())}
            seen = now if not order.watched or self.waited_for(order.id) else seen
            if order.id in self._stopped or self._closed or now - seen > self.abandoned_s:
                worker.kill()
                return {"phase": Phase.CANCELLED}
            if now - began > self.limits.seconds:
                worker.kill()
                too_long = BadInput("runs.took_too_long", seconds=f"{self.limits.seconds:g}")
                return {"phase": Phase.FAILED, "error": too_long}
            known = {"stage": course.stage, "finished": tuple(course.finished), "share": course.share(now)}
            self._set(order.id, phase=Phase.WORKING, place=0, seconds=round(now - began, 1), **known)

    def _request(self, order: Order, output: Path) -> dict[str, Any]:
        limits, records = self.limits, self.records
        return {
            "application": order.application,
            "arguments": dict(order.arguments),
            "settings": dict(order.settings),
            "inputs": {role: str(path) for role, path in order.inputs.items()},
            "output": str(output),
            "keeping": {
                "owner": order.owner, "days": order.days, "inputs": order.keep, "id": order.id,
                "records": [str(records.folder), records.database, records.patience_s],
            },
            "memory_bytes": limits.memory_bytes,
            "file_bytes": limits.file_bytes,
            "open_files": limits.open_files,
        }  # fmt: skip

    def _set(self, id: str, **values: Any) -> None:
        with self._changed:
            before = self._states.get(id)
            if before is None or before.phase.over:
                return
            now = self._states[id] = replace(before, **values)
        if now != before:
            self.tell(now)

    def _tell_places(self) -> None:
        with self._changed:
            waiting = self.queue.in_turn()
        for place, order in enumerate(waiting, 1):
            self._set(order.id, place=place)


def _heard(told: Mapping[str, Any], course: Course, now: float) -> dict[str, Any] | None:
    """Take in what a worker tells; return the last state's values where the run is over."""
    if "begin" in told:
        course.begin(_text(told["begin"]), told["steps"], now)
    elif "advance" in told:
        course.advance(told["advance"])
    elif "end" in told:
        course.end()
    elif "failed" in told:
        message = _text(told["failed"])
        return {"phase": Phase.FAILED, "error": BadInput(message.id, **message.parameters)}
    elif "done" in told:
        return {"phase": Phase.DONE, "share": 1.0, "stage": None, "finished": tuple(course.finished)}
    return None


def _text(told: Any) -> Text:
    """Return a message from its JSON."""
    name_of, parameters = told
    return text(
        name_of, **{name: _text(value) if isinstance(value, list) else value for name, value in parameters.items()}
    )


class _Worker:
    """A process of `worker`, with a group of its own, so that nothing of it is left when it is killed."""

    def __init__(self, applications: str, threads: int) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", "-m", WORKER, applications, str(threads)],  # -P: nothing from where we stand
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            process_group=0,  # in our session: one of its own has an equal share of the CPUs, however nice (autogroup)
        )
        self._requests, self._answers = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
        self._left = b""
        self._told = select.poll()  # a hall full of guests has more files open than select() takes
        self._told.register(self._answers, select.POLLIN)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def ask(self, request: Mapping[str, Any]) -> None:
        """Send a request; a process that has gone is noticed when it is heard."""
        with suppress(BrokenPipeError):
            self._requests.write(json.dumps(request).encode() + b"\n")

    def heard(self, seconds: float) -> list[dict[str, Any]] | None:
        """Return what it tells within some time; None when it has gone."""
        if not self._told.poll(seconds * 1e3):
            return []
        data = os.read(self._answers.fileno(), PIECE)
        if not data:
            self.kill()
            return None
        *lines, self._left = (self._left + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def kill(self) -> None:
        """End the process and what it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for end in (self._requests, self._answers):
            with suppress(OSError):
                end.close()

    def how(self) -> str:
        """Return how the process ended: by which signal, or with which status."""
        status = self._process.returncode or 0
        with suppress(ValueError):
            return signal.Signals(-status).name if status < 0 else f"status {status}"
        return f"signal {-status}"
