# SPDX-License-Identifier: Apache-2.0
"""The house in visits: rooms, hosts, guides, interpreters."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from visionvalley.hall.api.forms import Answer, Id, Line, Sent
from visionvalley.hall.api.visits import Version, changes
from visionvalley.hall.reader import AnyReader, InRecords
from visionvalley.visits import house
from visionvalley.visits.plans import Duty, Room, Staff

router = APIRouter(tags=["house"])
Seats = Annotated[int, Field(ge=1, le=house.MOST_SEATS)]


class NewRoom(Sent):
    """A room."""

    name: Line
    seats: Seats | None = None


class RoomChange(Sent):
    """What is to change, seen in this version; the rest stays."""

    version: int
    name: Line | None = None
    seats: Seats | None = None


class NewStaff(Sent):
    """Somebody of the house. `languages`: codes with blanks between; `account`: of the hall, where they have one."""

    kind: Duty
    name: Line
    languages: Line = ""
    account: Id = ""


class StaffChange(Sent):
    """What is to change, seen in this version; the rest stays."""

    version: int
    kind: Duty | None = None
    name: Line | None = None
    languages: Line | None = None
    account: Id | None = None


@router.get("/rooms", summary="List the rooms")
def rooms(reader: AnyReader, records: InRecords) -> list[Room]:
    """Return all rooms by name."""
    reader.require("see visits")
    return list(house.rooms(records))


@router.post("/rooms", status_code=201, summary="Add a room")
def add_room(sent: NewRoom, reader: AnyReader, records: InRecords) -> Room:
    """Add a room."""
    reader.require("visits")
    return house.add_room(records, reader.actor, sent.name, sent.seats)


@router.patch("/rooms/{id}", summary="Change a room")
def change_room(id: Id, sent: RoomChange, reader: AnyReader, records: InRecords) -> Room:
    """Change a room that nobody changed meanwhile."""
    reader.require("visits")
    return house.change_room(records, reader.actor, id, sent.version, **changes(sent))


@router.delete("/rooms/{id}", summary="Remove a room")
def remove_room(id: Id, version: Version, reader: AnyReader, records: InRecords) -> Answer:
    """Remove a room that no programme needs."""
    reader.require("visits")
    house.remove_room(records, reader.actor, id, version)
    return Answer()


@router.get("/staff", summary="List hosts, guides and interpreters")
def staff(reader: AnyReader, records: InRecords) -> list[Staff]:
    """Return the people of the house by name."""
    reader.require("see visits")
    return list(house.staff(records))


@router.post("/staff", status_code=201, summary="Add a host, guide or interpreter")
def add_staff(sent: NewStaff, reader: AnyReader, records: InRecords) -> Staff:
    """Add somebody of the house."""
    reader.require("visits")
    return house.add_staff(records, reader.actor, sent.kind, sent.name, sent.languages, sent.account or None)


@router.patch("/staff/{id}", summary="Change a host, guide or interpreter")
def change_staff(id: Id, sent: StaffChange, reader: AnyReader, records: InRecords) -> Staff:
    """Change somebody of the house whom nobody changed meanwhile."""
    reader.require("visits")
    return house.change_staff(records, reader.actor, id, sent.version, **changes(sent))


@router.delete("/staff/{id}", summary="Remove a host, guide or interpreter")
def remove_staff(id: Id, version: Version, reader: AnyReader, records: InRecords) -> Answer:
    """Remove somebody whom no programme needs."""
    reader.require("visits")
    house.remove_staff(records, reader.actor, id, version)
    return Answer()
