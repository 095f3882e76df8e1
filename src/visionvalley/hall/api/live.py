# SPDX-License-Identifier: Apache-2.0
"""Live updates as a stream of events."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from visionvalley.hall.reader import AnyReader, InHall, token_of
from visionvalley.hall.settings import Hall
from visionvalley.hall.topics import require_topic
from visionvalley.visits import sessions

router = APIRouter(tags=["live"])
EVENTS = "text/event-stream"


@router.get(
    "/live",
    summary="Listen to topics",
    response_class=StreamingResponse,
    responses={200: {"content": {EVENTS: {"schema": {"type": "string"}}}, "description": "Events without an end"}},
)
def listen(
    request: Request,
    hall: InHall,
    reader: AnyReader,
    topic: Annotated[list[str], Query(min_length=1, max_length=20)],
    last_event_id: Annotated[str, Header(max_length=64)] = "",
) -> StreamingResponse:
    """Answer a stream of events: {"topic", "value"}; an event 'beat' says that the hall is there."""
    for one in topic:
        require_topic(hall, reader, one)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    events = while_signed_in(hall, token_of(request), hall.live.stream(topic, last_event_id))
    return StreamingResponse(events, media_type=EVENTS, headers=headers)


async def while_signed_in(hall: Hall, token: str, events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield events until the session ends in which somebody began to listen."""
    looked = time.monotonic()
    async for event in events:
        if token and time.monotonic() - looked > hall.live.beat_s / 2:
            looked = time.monotonic()
            if await run_in_threadpool(sessions.current, hall.records, token) is None:
                return
        yield event
