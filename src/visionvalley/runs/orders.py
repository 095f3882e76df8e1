# SPDX-License-Identifier: Apache-2.0
"""What workers are asked for and how far it is; who waits is served in turn, guest by guest."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from visionvalley.core import BadInput, Text

NEARLY = 0.99  # a share that is only expected never says that all is done
ASYMPTOTE = 0.9  # how much of a stage that takes longer than expected counts


class Phase(StrEnum):
    """How far a run is."""

    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self in {Phase.DONE, Phase.FAILED, Phase.CANCELLED}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may take: memory beyond what a warm worker has, time by the clock, the largest file, files open."""

    memory_bytes: int = 4 << 30
    seconds: float = 300.0
    file_bytes: int = 2 << 30
    open_files: int = 256


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """A run that somebody wants.

    id        that the run will have
    owner     whose it is
    by        who asked for it: turns are taken by those; empty: its owner
    inputs    files by role
    days      after which it may be pruned; None: never
    keep      whether copies of the inputs are kept with it
    watched   it ends when nobody waits for it any more
    expected  seconds by stage of an earlier run like it: what the share is told by
    """

    id: str
    owner: str
    application: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Path] = field(default_factory=dict)
    days: float | None = None
    keep: bool = False
    watched: bool = True
    by: str = ""
    expected: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """How far a run is.

    by       who asked for it
    place    in the queue, the first is 1; 0: it does not wait
    stage    what is being done
    finished stages that are done, in their order
    share    of the whole, 0 to 1; None where nothing like it was run before
    seconds  since it began
    error    why it failed
    """

    id: str
    owner: str
    by: str
    phase: Phase
    place: int = 0
    stage: Text | None = None
    finished: tuple[Text, ...] = ()
    share: float | None = None
    seconds: float = 0.0
    error: BadInput | None = None


@dataclass(slots=True)
class Queue:
    """Orders that wait. Each guest has one served before anybody has the next one."""

    most: int = 60
    most_each: int = 3
    _waiting: OrderedDict[str, deque[Order]] = field(default_factory=OrderedDict)

    def put(self, order: Order) -> None:
        """Add an order; raise BadInput where who asks, or all together, have too many."""
        by = order.by or order.owner
        own = self._waiting.get(by, ())
        if len(own) >= self.most_each:
            raise BadInput("runs.too_many_waiting", count=len(own))
        if sum(map(len, self._waiting.values())) >= self.most:
            raise BadInput("runs.queue_full", count=self.most)
        self._waiting.setdefault(by, deque()).append(order)

    def take(self) -> Order | None:
        """Return whose turn it is; None where nobody waits."""
        if not self._waiting:
            return None
        by, orders = self._waiting.popitem(last=False)
        order = orders.popleft()
        if orders:
            self._waiting[by] = orders  # behind all others
        return order

    def remove(self, id: str) -> Order | None:
        """Take an order out; None where it does not wait."""
        for by, orders in self._waiting.items():
            for order in orders:
                if order.id == id:
                    orders.remove(order)
                    if not orders:
                        del self._waiting[by]
                    return order
        return None

    def in_turn(self) -> list[Order]:
        """Return all that wait, in the order in which they will be served."""
        rounds = max(map(len, self._waiting.values()), default=0)
        return [orders[n] for n in range(rounds) for orders in self._waiting.values() if n < len(orders)]


@dataclass(slots=True)
class Course:
    """How a run goes on, from what its worker tells."""

    expected: Mapping[str, float]
    finished: list[Text] = field(default_factory=list)
    _open: list[tuple[Text, float, int | None]] = field(default_factory=list)
    _steps: int = 0

    def begin(self, stage: Text, steps: int | None, now: float) -> None:
        """A stage starts."""
        self._open.append((stage, now, steps))
        self._steps = 0

    def advance(self, steps: int) -> None:
        """Steps of it are done."""
        self._steps += steps

    def end(self) -> None:
        """The stage is done."""
        stage, _, _ = self._open.pop()
        self._steps = 0
        if not self._open:
            self.finished.append(stage)

    @property
    def stage(self) -> Text | None:
        """What is being done: the innermost stage."""
        return self._open[-1][0] if self._open else None

    def share(self, now: float) -> float | None:
        """Return how much of the whole is done, 0 to 1, by what was expected; None where nothing was."""
        total = sum(self.expected.values())
        if total <= 0:
            return None
        done = sum(self.expected.get(one.id, 0.0) for one in self.finished)
        done += sum(self.expected.get(one.id, 0.0) * self._part(one.id, began, now) for one, began, _ in self._open[:1])
        return min(NEARLY, done / total)

    def _part(self, id: str, began: float, now: float) -> float:
        """Return how much of the outermost stage is done: by its steps where it has some, else by the clock."""
        steps = self._open[0][2] if len(self._open) == 1 else None
        if steps:
            return min(1.0, self._steps / steps)
        wanted = self.expected.get(id, 0.0)
        return min(ASYMPTOTE, (now - began) / wanted) if wanted > 0 else 0.0
