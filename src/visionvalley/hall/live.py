# SPDX-License-Identifier: Apache-2.0
"""Live updates: topics with a last value, told to every browser that listens (server-sent events, WHATWG HTML 9.2).

A browser that lost its connection says which event it saw last and is told what it missed; one that missed too much
is told the last value of each topic. A beat that a script can hear says that the hall is there.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

KEPT_EVENTS = 512
WAITING_EVENTS = 256  # for one browser; who reads slower is told the last values
BEAT_S = 15.0
RETRY_MS = 2000
LONGEST_VALUE = 1 << 20


@dataclass(frozen=True, slots=True)
class Told:
    """A value of a topic, the number-th that was told since the hall opened."""

    number: int
    topic: str
    value: Any


@dataclass(slots=True, eq=False)
class _Listener:
    loop: asyncio.AbstractEventLoop
    topics: frozenset[str]
    queue: asyncio.Queue[Told | None]


@dataclass(slots=True, eq=False)
class Live:
    """The topics of one hall. Anybody publishes from any thread."""

    beat_s: float = BEAT_S
    _era: str = field(default_factory=lambda: secrets.token_hex(4))
    _number: int = 0
    _recent: deque[Told] = field(default_factory=lambda: deque(maxlen=KEPT_EVENTS))
    _last: dict[str, Told] = field(default_factory=dict)
    _listeners: set[_Listener] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)
    _closed: bool = False

    def publish(self, topic: str, value: Any) -> None:
        """Tell a value, made of JSON values, to all who listen to a topic, and to those who will."""
        with self._lock:
            self._number += 1
            told = Told(self._number, topic, value)
            self._recent.append(told)
            self._last[topic] = told
            listening = [one for one in self._listeners if topic in one.topics]
        for one in listening:
            _put_from_any_thread(one, told)

    def forget(self, topic: str) -> None:
        """Drop the last value of a topic that nobody will ask for again."""
        with self._lock:
            self._last.pop(topic, None)
            self._recent = deque((told for told in self._recent if told.topic != topic), maxlen=KEPT_EVENTS)

    def last(self, topic: str) -> Any:
        """Return the last value of a topic; None where nothing was told."""
        told = self._last.get(topic)
        return told.value if told else None

    def heard(self, topic: str) -> bool:
        """Whether anybody listens to a topic just now."""
        with self._lock:
            return any(topic in one.topics for one in self._listeners)

    @property
    def listening(self) -> int:
        """How many browsers listen."""
        return len(self._listeners)

    def close(self) -> None:
        """End every stream: the hall closes."""
        with self._lock:
            self._closed = True
            listening = list(self._listeners)
        for one in listening:
            _put_from_any_thread(one, None)

    async def stream(self, topics: Collection[str], last_id: str = "") -> AsyncIterator[bytes]:
        """Yield events as a browser reads them, beginning with what it missed since `last_id`."""
        one = _Listener(asyncio.get_running_loop(), frozenset(topics), asyncio.Queue(WAITING_EVENTS))
        with self._lock:
            missed = self._missed(one.topics, last_id)
            closed = self._closed
            self._listeners.add(one)
        try:
            yield f"retry: {RETRY_MS}\n\n".encode()
            for told in missed:
                yield self._written(told)
            while not closed:
                try:
                    heard = await asyncio.wait_for(one.queue.get(), self.beat_s)
                except TimeoutError:
                    yield b"event: beat\ndata: {}\n\n"
                    continue
                if heard is None:
                    return
                yield self._written(heard)
        finally:
            self._listeners.discard(one)

    def _missed(self, topics: frozenset[str], last_id: str) -> list[Told]:
        """Return what was told since an id; the last value of each topic where that is not known any more."""
        era, _, number = last_id.partition("-")
        since = int(number) if era == self._era and number.isascii() and number.isdigit() and len(number) < 16 else -1
        oldest = self._recent[0].number if self._recent else self._number + 1
        if since >= oldest - 1:
            return [told for told in self._recent if told.number > since and told.topic in topics]
        return sorted((self._last[topic] for topic in topics if topic in self._last), key=lambda told: told.number)

    def _written(self, told: Told) -> bytes:
        data = json.dumps({"topic": told.topic, "value": told.value}, separators=(",", ":"))
        return f"id: {self._era}-{told.number}\ndata: {data}\n\n".encode()


def _put(one: _Listener, told: Told | None) -> None:
    """Give an event to a listener; one who reads too slowly loses the oldest."""
    while one.queue.full():
        one.queue.get_nowait()
    one.queue.put_nowait(told)


def _put_from_any_thread(one: _Listener, told: Told | None) -> None:
    try:
        one.loop.call_soon_threadsafe(_put, one, told)
    except RuntimeError:  # the loop ended while somebody published
        return
