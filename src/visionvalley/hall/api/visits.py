# SPDX-License-Identifier: Apache-2.0
"""Visits: planned, changed, found by the clock; their delegations and members."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from visionvalley.hall import keeping
from visionvalley.hall.api.accounts import Code
from visionvalley.hall.api.forms import Answer, Id, Line, Sent
from visionvalley.hall.reader import AnyReader, InHall, InRecords
from visionvalley.visits import calendar, delegations, personal
from visionvalley.visits.personal import Erasure
from visionvalley.visits.plans import Delegation, Member, Organisation, Visit

router = APIRouter(tags=["visits"])
LARGEST = (1 << 31) - 1
Version = Annotated[int, Query(ge=1, le=LARGEST)]


class NewVisit(Sent):
    """A visit of a delegation that comes for the first time; times without an offset are meant in `zone`."""

    name: Line
    organisation: Line = ""
    country: Line = ""
    title: Line = ""
    zone: Line
    home_zone: Line = ""
    begins: Line
    ends: Line
    host: Id = ""
    keep_days: int = calendar.KEEP_DAYS


class VisitChange(Sent):
    """What is to change, seen in this version; the rest stays."""

    version: int
    title: Line | None = None
    zone: Line | None = None
    home_zone: Line | None = None
    begins: Line | None = None
    ends: Line | None = None
    host: Id | None = None
    keep_days: int | None = None


class NewMember(Sent):
    """A guest. `named`: they agreed that screens greet them by name."""

    name: Line
    language: Code
    title: Line = ""
    email: Line = ""
    named: bool = False


class MemberChange(Sent):
    """What is to change, seen in this version; the rest stays."""

    version: int
    name: Line | None = None
    language: Code | None = None
    title: Line | None = None
    email: Line | None = None
    named: bool | None = None


class DelegationChange(Sent):
    """What is to change, seen in this version; the rest stays."""

    version: int
    name: Line | None = None
    organisation: Id | None = None


class OrganisationChange(Sent):
    """What is to change, seen in this version; the rest stays."""

    version: int
    name: Line | None = None
    country: Line | None = None


class MadeVisit(Answer):
    """The visit, and where its page is."""

    visit: Visit


@router.get("/visits", summary="List all visits")
def every(reader: AnyReader, records: InRecords) -> list[Visit]:
    """Return all visits, the latest first."""
    reader.require("see visits")
    return list(calendar.every(records))


@router.post("/visits", status_code=201, summary="Plan the visit of a delegation")
def plan(sent: NewVisit, reader: AnyReader, records: InRecords) -> MadeVisit:
    """Make a visit with its delegation and organisation."""
    reader.require("visits")
    values = sent.model_dump()
    values |= {"title": sent.title or sent.name, "host": sent.host or None}
    made = calendar.receive(records, reader.actor, **values)
    return MadeVisit(visit=made, location=f"/visits/{made.id}")


@router.get("/visits/{id}", summary="Show a visit")
def one(id: Id, reader: AnyReader, records: InRecords) -> Visit:
    """Return a visit."""
    reader.require("see visits")
    return calendar.one(records, id)


@router.patch("/visits/{id}", summary="Change a visit")
def change(id: Id, sent: VisitChange, reader: AnyReader, records: InRecords) -> Visit:
    """Change a visit that nobody changed meanwhile."""
    reader.require("visits")
    return calendar.change(records, reader.actor, id, sent.version, **changes(sent))


@router.delete("/visits/{id}", summary="Remove a visit that was planned")
def remove(id: Id, version: Version, reader: AnyReader, records: InRecords) -> Answer:
    """Remove a visit in which nobody asked anything yet, with its programme."""
    reader.require("visits")
    calendar.remove(records, reader.actor, id, version)
    return Answer(location="/visits")


@router.get("/delegations", summary="List the delegations")
def all_delegations(reader: AnyReader, records: InRecords) -> list[Delegation]:
    """Return all delegations by name."""
    reader.require("see visits")
    return list(delegations.every(records))


@router.patch("/delegations/{id}", summary="Change a delegation")
def change_delegation(id: Id, sent: DelegationChange, reader: AnyReader, records: InRecords) -> Delegation:
    """Change a delegation that nobody changed meanwhile."""
    reader.require("visits")
    return delegations.change(records, reader.actor, id, sent.version, **changes(sent))


@router.get("/organisations", summary="List the organisations")
def all_organisations(reader: AnyReader, records: InRecords) -> list[Organisation]:
    """Return all organisations by name."""
    reader.require("see visits")
    return list(delegations.organisations(records))


@router.patch("/organisations/{id}", summary="Change an organisation")
def change_organisation(id: Id, sent: OrganisationChange, reader: AnyReader, records: InRecords) -> Organisation:
    """Change an organisation that nobody changed meanwhile."""
    reader.require("visits")
    return delegations.change_organisation(records, reader.actor, id, sent.version, **changes(sent))


@router.get("/visits/{id}/members", summary="List the guests of a visit")
def members(id: Id, reader: AnyReader, records: InRecords) -> list[Member]:
    """Return the members of a visit's delegation."""
    reader.require("see visits")
    return list(delegations.members(records, calendar.one(records, id).delegation))


@router.post("/visits/{id}/members", status_code=201, summary="Add a guest")
def add_member(id: Id, sent: NewMember, reader: AnyReader, records: InRecords) -> Member:
    """Add a member to a visit's delegation."""
    reader.require("visits")
    of = calendar.one(records, id).delegation
    return delegations.add_member(records, reader.actor, of, **sent.model_dump())


@router.patch("/members/{id}", summary="Change a guest")
def change_member(id: Id, sent: MemberChange, reader: AnyReader, records: InRecords) -> Member:
    """Change a guest whom nobody changed meanwhile."""
    reader.require("visits")
    return delegations.change_member(records, reader.actor, id, sent.version, **changes(sent))


@router.delete("/members/{id}", summary="Erase a guest")
def erase(id: Id, reader: AnyReader, hall: InHall, keep_questions: bool = True) -> Erasure:
    """Erase everything that is known of a guest; the texts of their questions stay if wanted."""
    reader.require("personal data")
    gone = hall.running.erase_of
    return personal.erase_member(hall.records, reader.actor, id, keep_questions=keep_questions, uploads=gone)


@router.post("/retention", summary="Erase the guests whose time is over")
def prune(reader: AnyReader, hall: InHall) -> dict[str, int]:
    """Erase what is kept longer than its visit says; say of how many guests."""
    reader.require("retention")
    return {"members": keeping.prune(hall, reader.actor)}


def changes(sent: Sent) -> dict[str, object]:
    """Return what somebody wants to change: the fields that were sent, but the version."""
    return sent.model_dump(exclude_none=True, exclude={"version"})
