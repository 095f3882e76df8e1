# SPDX-License-Identifier: Apache-2.0
"""Live updates as a stream of events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from visionvalley.hall.reader import AnyReader, InHall
from visionvalley.hall.topics import require_topic

router = APIRouter(tags=["live"])
EVENTS = "text/event-stream"


@router.get(
    "/live",
    summary="Listen to topics",
    response_class=StreamingResponse,
    responses={200: {"content": {EVENTS: {"schema": {"type": "string"}}}, "description": "Events without an end"}},
)
def listen(
    hall: InHall,
    reader: AnyReader,
    topic: Annotated[list[str], Query(min_length=1, max_length=20)],
    last_event_id: Annotated[str, Header(max_length=64)] = "",
) -> StreamingResponse:
    """Answer a stream of events: {"topic", "value"}; an event 'beat' says that the hall is there."""
    for one in topic:
        require_topic(hall, reader, one)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(hall.live.stream(topic, last_event_id), media_type=EVENTS, headers=headers)
