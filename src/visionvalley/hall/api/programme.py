# SPDX-License-Identifier: Apache-2.0
"""The programme of a visit, entry by entry."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from visionvalley.hall.api.forms import Answer, Id, Line, Paragraphs, Sent
from visionvalley.hall.api.visits import Version
from visionvalley.hall.reader import AnyReader, InHall, InRecords
from visionvalley.visits import calendar, programme
from visionvalley.visits.plans import Activity, Entry

router = APIRouter(tags=["programme"])
Ids = list[Id]


class NewEntry(Sent):
    """An entry; times without an offset are meant in the visit's time zone; no members: the whole delegation."""

    kind: Activity
    title: Line
    begins: Line
    ends: Line
    stand: Line = ""
    room: Id = ""
    note: Paragraphs = ""
    staff: Ids = Field(default=[], max_length=500)
    members: Ids = Field(default=[], max_length=500)


class EntryChange(Sent):
    """What is to change, seen in this version; the rest stays."""

    version: int
    kind: Activity | None = None
    title: Line | None = None
    begins: Line | None = None
    ends: Line | None = None
    stand: Line | None = None
    room: Id | None = None
    note: Paragraphs | None = None
    staff: Ids | None = Field(default=None, max_length=500)
    members: Ids | None = Field(default=None, max_length=500)


class Changed(Answer):
    """The entry, and where the programme is."""

    entry: Entry


@router.get("/visits/{id}/programme", summary="Show the programme of a visit")
def entries(id: Id, reader: AnyReader, records: InRecords) -> list[Entry]:
    """Return the entries of a visit in their order."""
    reader.require("see visits")
    return list(programme.of_visit(records, calendar.one(records, id).id))


@router.post("/visits/{id}/programme", status_code=201, summary="Add an entry")
def add(id: Id, sent: NewEntry, reader: AnyReader, hall: InHall) -> Changed:
    """Add an entry; refused where a person, the room or the stand is taken, with the nearest free time."""
    reader.require("visits")
    made = programme.add(hall.records, reader.actor, id, **_values(sent))
    hall.live.publish(f"programme.{id}", made.begins)
    return Changed(entry=made, location=f"/visits/{id}")


@router.patch("/programme/{id}", summary="Change an entry")
def change(id: Id, sent: EntryChange, reader: AnyReader, hall: InHall) -> Changed:
    """Change an entry that nobody changed meanwhile."""
    reader.require("visits")
    made = programme.change(hall.records, reader.actor, id, sent.version, **_values(sent))
    hall.live.publish(f"programme.{made.visit}", made.begins)
    return Changed(entry=made, location=f"/visits/{made.visit}")


@router.delete("/programme/{id}", summary="Remove an entry")
def remove(id: Id, version: Version, reader: AnyReader, hall: InHall) -> Answer:
    """Remove an entry that nobody changed meanwhile."""
    reader.require("visits")
    visit = programme.one(hall.records, id).visit
    programme.remove(hall.records, reader.actor, id, version)
    hall.live.publish(f"programme.{visit}", "")
    return Answer(location=f"/visits/{visit}")


def _values(sent: NewEntry | EntryChange) -> dict[str, Any]:
    values = sent.model_dump(exclude_none=True, exclude={"version"})
    return {name: tuple(filter(None, value)) if isinstance(value, list) else value for name, value in values.items()}
