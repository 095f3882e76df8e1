# SPDX-License-Identifier: Apache-2.0
"""Connections: how many there may be, and for how long somebody may hold one who sends nothing whole."""

from __future__ import annotations

import asyncio
import resource

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

AT_ONCE = 4000
TOLD = 64  # more than there may be, that are told that the hall is full; all others are closed at once
KEPT_FREE = 256  # open files besides: database, reports, workers
HEAD_S = 15.0  # for the head of a request


class Connection(H11Protocol):
    """A browser's connection. It ends where the head of a request stays away: a byte now and then does not hold it."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request, unless there are too many who do."""
        super().connection_made(transport)
        if len(self.connections) > (self.limit_concurrency or AT_ONCE) + TOLD:
            transport.abort()
        else:
            self._wait()

    def data_received(self, data: bytes) -> None:
        """Take in what was sent; a body has a time of its own (see `bodies`)."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._wait()
        else:
            self._wait_no_longer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._wait_no_longer()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(HEAD_S, self.transport.close)

    def _wait_no_longer(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def room() -> int:
    """Let this process open as many files as it needs and may; return for how many connections that is enough."""
    wanted = AT_ONCE + TOLD + KEPT_FREE
    may, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= may < wanted:  # RLIM_INFINITY is -1
        may = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (may, most))
    return AT_ONCE if may < 0 else max(1, min(AT_ONCE, may - TOLD - KEPT_FREE))
