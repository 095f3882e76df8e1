# SPDX-License-Identifier: Apache-2.0
"""Files that somebody brings, to be run at a stand."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from visionvalley.hall.api.forms import Answer, Id
from visionvalley.hall.reader import AnyReader, InHall, reader_of
from visionvalley.hall.uploads import Upload

router = APIRouter(tags=["uploads"])
BYTES = {"requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}


class Told(BaseModel):
    """A file of yours; `until`: seconds since 1970, UTC, when it is erased."""

    id: str
    name: str
    bytes: int
    until: float


@router.post("/uploads", status_code=201, summary="Bring a file: its bytes are the body", openapi_extra=BYTES)
async def bring(request: Request, hall: InHall, name: Annotated[str, Query(max_length=200)]) -> Told:
    """Keep a file, whole or not at all."""
    reader = await run_in_threadpool(reader_of, request)
    reader.require("run own files")
    return _told(await hall.running.uploads.receive(str(reader.actor), name, request.stream()))


@router.get("/uploads", summary="List one's own files")
def every(reader: AnyReader, hall: InHall) -> list[Told]:
    """Return the reader's files."""
    reader.require("run own files")
    return [_told(one) for one in hall.running.uploads.every(str(reader.actor))]


@router.delete("/uploads/{id}", summary="Erase one of one's own files")
def erase(id: Id, reader: AnyReader, hall: InHall) -> Answer:
    """Erase a file now, and the runs on it."""
    reader.require("run own files")
    hall.running.erase_file(str(reader.actor), id)
    return Answer()


def _told(one: Upload) -> Told:
    return Told(id=one.id, name=one.name, bytes=one.bytes, until=one.until)
