# SPDX-License-Identifier: Apache-2.0
"""Tells welcome screens that something changed: visits, programmes, people, screens, runs; whoever changed it, in
this process or in another. It looks at the audit log and the runs, every two seconds, while a screen listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi.concurrency import run_in_threadpool

from visionvalley.core import BadInput
from visionvalley.hall.settings import Hall
from visionvalley.records import Records, state
from visionvalley.visits import audit

TOPIC = "welcome"
EACH_S = 2.0


@asynccontextmanager
async def watching(hall: Hall) -> AsyncIterator[None]:
    """Watch while the hall is open."""
    task = asyncio.create_task(watch(hall))
    try:
        yield
    finally:
        task.cancel()


async def watch(hall: Hall) -> None:
    """Publish a new value of the topic each time that something changed, until it is cancelled."""
    known = ""
    while True:
        if hall.live.listening:
            seen = await run_in_threadpool(_seen, hall.records) or known
            if known and seen != known:
                hall.live.publish(TOPIC, seen)
            known = seen
        await asyncio.sleep(EACH_S)


def _seen(records: Records) -> str:
    """Return what stands for the present state; empty where the database cannot be asked."""
    try:
        return f"{audit.newest(records)} {state(records)}"
    except BadInput:
        return ""
