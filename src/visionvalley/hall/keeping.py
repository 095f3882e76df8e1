# SPDX-License-Identifier: Apache-2.0
"""While the hall is open, it looks each hour for guests whose time is over, and erases them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from visionvalley.core import BadInput
from visionvalley.hall.settings import Hall
from visionvalley.visits import personal
from visionvalley.visits.values import SYSTEM, Actor

EACH_S = 3600.0
FIRST_S = 60.0  # after the hall opened: the first page comes first
log = logging.getLogger("visionvalley.hall")


def prune(hall: Hall, by: Actor = SYSTEM) -> int:
    """Erase the guests whose time is over, with what they brought and made; return how many."""
    return personal.prune(hall.records, by, uploads=hall.running.erase_of)


@asynccontextmanager
async def looking(hall: Hall, first_s: float = FIRST_S, each_s: float = EACH_S) -> AsyncIterator[None]:
    """Look after guests' time as long as this is entered."""
    task = asyncio.create_task(_look(hall, first_s, each_s))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _look(hall: Hall, wait_s: float, each_s: float) -> None:
    while True:
        await asyncio.sleep(wait_s)
        wait_s = each_s
        try:
            await asyncio.to_thread(prune, hall)
        except BadInput as error:  # the database is away or busy: the next hour will do
            log.warning("%s", error)
