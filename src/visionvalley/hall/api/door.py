# SPDX-License-Identifier: Apache-2.0
"""The door: who shows a code comes in, once."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from visionvalley.hall.api.forms import Id, Line, Sent
from visionvalley.hall.guests import key_of
from visionvalley.hall.reader import AnyReader, InHall, InRecords
from visionvalley.visits import door
from visionvalley.visits.plans import Arrival

router = APIRouter(tags=["door"])


class Shown(Sent):
    """What a guest shows."""

    code: Line


class Came(BaseModel):
    """Who came in. `again`: they had come before, first at `at`."""

    member: str
    visit: str
    name: str
    title: str
    delegation: str
    at: str
    again: bool


@router.post("/door", summary="Let in who shows a code")
def arrive(sent: Shown, reader: AnyReader, hall: InHall) -> Came:
    """Note that a guest is here."""
    reader.require("door")
    hall.limits.require("door session", reader.actor.id)
    came = door.arrive(hall.records, reader.actor, key_of(hall), sent.code)
    hall.live.publish(f"door.{came.visit.id}", came.at)
    hall.live.publish(f"guest.{came.member.id}", came.at)
    of = came.visit.title
    who = came.member
    return Came(member=who.id, visit=came.visit.id, name=who.name, title=who.title, delegation=of, at=came.at,
                again=came.again)  # fmt: skip


@router.get("/visits/{id}/arrivals", summary="List who came")
def arrivals(id: Id, reader: AnyReader, records: InRecords) -> list[Arrival]:
    """Return who came to a visit, and when first."""
    reader.require("see visits")
    return list(door.arrivals(records, id))
