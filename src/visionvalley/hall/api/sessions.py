# SPDX-License-Identifier: Apache-2.0
"""Sessions: one's own, and, for an administrator, all."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from visionvalley.hall.api.forms import Answer, Id, told
from visionvalley.hall.reader import AnyReader, InRecords
from visionvalley.visits import sessions
from visionvalley.visits.values import Session

router = APIRouter(tags=["sessions"])


class Told(BaseModel):
    """A session: whose, on which device, since when; `here`: it is this one."""

    id: str
    kind: str
    subject: str
    role: str
    device: str
    created: str
    seen: str
    expires: str
    here: bool


@router.get("/sessions", summary="List all sessions")
def every(reader: AnyReader, records: InRecords) -> list[Told]:
    """Return all sessions, the latest first."""
    reader.require("sessions")
    here = reader.session.id if reader.session else ""
    return [_told(one, here) for one in sessions.every(records)]


@router.delete("/sessions/{id}", summary="End a session")
def close(id: Id, reader: AnyReader, records: InRecords) -> Answer:
    """End one of one's own sessions, or, as an administrator, any."""
    reader.require("own sessions")
    sessions.close(records, reader.actor, id, owner=None if reader.may("sessions") else reader.actor.id)
    return Answer()


@router.get("/account/sessions", summary="List one's own sessions")
def own(reader: AnyReader, records: InRecords) -> list[Told]:
    """Return the reader's sessions, the latest first."""
    reader.require("own sessions")
    session = reader.session
    return [_told(one, session.id) for one in sessions.of(records, session.kind, session.subject)] if session else []


def _told(one: Session, here: str) -> Told:
    names = (name for name in Told.model_fields if name != "here")
    return Told(**told(one, *names), here=one.id == here)
