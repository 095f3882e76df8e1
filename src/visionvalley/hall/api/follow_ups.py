# SPDX-License-Identifier: Apache-2.0
"""What is to follow after a visit."""

from __future__ import annotations

from fastapi import APIRouter

from visionvalley.hall.api.forms import Answer, Id, Line, Paragraphs, Sent
from visionvalley.hall.api.visits import Version, changes
from visionvalley.hall.reader import AnyReader, InRecords
from visionvalley.visits import calendar, follow_up
from visionvalley.visits.exchange import FollowUp

router = APIRouter(tags=["follow-up"])


class NewFollowUp(Sent):
    """What is to be done by whom (an account) until which day; `question`: where it comes from."""

    text: Paragraphs
    owner: Id
    due: Line
    question: Id = ""


class FollowUpChange(Sent):
    """What is to change, seen in this version; the rest stays."""

    version: int
    text: Paragraphs | None = None
    owner: Id | None = None
    due: Line | None = None
    done: bool | None = None


@router.get("/visits/{id}/follow-ups", summary="List what is to follow a visit")
def every(id: Id, reader: AnyReader, records: InRecords) -> list[FollowUp]:
    """Return what is to follow, what is due first first."""
    reader.require("see visits")
    return list(follow_up.of_visit(records, calendar.one(records, id).id))


@router.post("/visits/{id}/follow-ups", status_code=201, summary="Add something to be done")
def add(id: Id, sent: NewFollowUp, reader: AnyReader, records: InRecords) -> FollowUp:
    """Add something to be done after a visit."""
    reader.require("answer")
    return follow_up.add(records, reader.actor, id, sent.text, sent.owner, sent.due, sent.question or None)


@router.patch("/follow-ups/{id}", summary="Change something to be done")
def change(id: Id, sent: FollowUpChange, reader: AnyReader, records: InRecords) -> FollowUp:
    """Change something that nobody changed meanwhile, or say that it is done."""
    reader.require("answer")
    return follow_up.change(records, reader.actor, id, sent.version, **changes(sent))


@router.delete("/follow-ups/{id}", summary="Remove something to be done")
def remove(id: Id, version: Version, reader: AnyReader, records: InRecords) -> Answer:
    """Remove something that is not to be done any more."""
    reader.require("answer")
    follow_up.remove(records, reader.actor, id, version)
    return Answer()
