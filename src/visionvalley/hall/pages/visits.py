# SPDX-License-Identifier: Apache-2.0
"""Pages of the house: visits, programme, guests, board, what follows, rooms and people, the door."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from visionvalley.hall import languages, stands
from visionvalley.hall.api.forms import Id
from visionvalley.hall.reader import AnyReader, InRecords, Reader
from visionvalley.hall.rendering import page
from visionvalley.hall.timeline import timelines
from visionvalley.records import Records
from visionvalley.visits import (
    accounts,
    calendar,
    clock,
    delegations,
    door,
    follow_up,
    house,
    invitations,
    personal,
    programme,
    questions,
)  # fmt: skip
from visionvalley.visits.plans import Activity, Duty, Entry, Visit

router = APIRouter()
By = Annotated[Literal["place", "person"], Query()]


@router.get("/visits", response_class=HTMLResponse)
def every(request: Request, reader: AnyReader, records: InRecords) -> Response:
    """List the visits: now, to come, over."""
    reader.require("see visits")
    now, found = clock.now(), calendar.every(records)
    groups = {
        "now": [one for one in reversed(found) if one.begins <= now < one.ends],
        "coming": [one for one in reversed(found) if one.begins > now],
        "over": [one for one in found if one.ends <= now],
    }
    overdue = len(personal.overdue(records)) if reader.may("retention") else 0
    mine = follow_up.of_owner(records, reader.actor.id)
    sizes = {one.id: len(delegations.members(records, one.delegation)) for one in found}
    return page(request, reader, "visits/visits.html", groups=groups, overdue=overdue, mine=mine, sizes=sizes)


@router.get("/visits/new", response_class=HTMLResponse)
def new(request: Request, reader: AnyReader, records: InRecords) -> Response:
    """Plan a visit."""
    reader.require("visits")
    return page(request, reader, "visits/new.html", staff=house.staff(records), zones=zones(), keep=calendar.KEEP_DAYS)


@router.get("/visits/{id}", response_class=HTMLResponse)
def one(request: Request, id: Id, reader: AnyReader, records: InRecords, by: By = "place") -> Response:
    """Show the programme of a visit as a picture."""
    reader.require("see visits")
    visit = calendar.one(records, id)
    entries, others = programme.of_visit(records, id), programme.beside(records, id)
    names = house.names(records)
    values = {
        "entries": entries,
        "timelines": timelines(visit, entries, others, names | titles(reader), by),
        "names": names,
        "by": by,
        "activities": list(Activity),
    }
    return _of_visit(request, reader, records, visit, "visits/programme.html", **values)


@router.get("/visits/{id}/entry", response_class=HTMLResponse)
def new_entry(request: Request, id: Id, reader: AnyReader, records: InRecords) -> Response:
    """Add an entry."""
    reader.require("visits")
    return _entry(request, reader, records, calendar.one(records, id), None)


@router.get("/visits/{id}/entry/{entry}", response_class=HTMLResponse)
def entry(request: Request, id: Id, entry: Id, reader: AnyReader, records: InRecords) -> Response:
    """Change an entry."""
    reader.require("visits")
    return _entry(request, reader, records, calendar.one(records, id), programme.one(records, entry))


@router.get("/visits/{id}/guests", response_class=HTMLResponse)
def guests(request: Request, id: Id, reader: AnyReader, records: InRecords) -> Response:
    """Show the guests of a visit, their invitations, and papers."""
    reader.require("see visits")
    visit = calendar.one(records, id)
    values = {
        "members": delegations.members(records, visit.delegation),
        "invitations": {one.member: one for one in reversed(invitations.of_visit(records, id))},
        "arrivals": {one.member: one.at for one in door.arrivals(records, id)},
    }
    return _of_visit(request, reader, records, visit, "visits/guests.html", **values)


@router.get("/visits/{id}/board", response_class=HTMLResponse)
def board(request: Request, id: Id, reader: AnyReader, records: InRecords) -> Response:
    """Show the questions of a visit, live."""
    reader.require("see visits")
    visit = calendar.one(records, id)
    return _of_visit(request, reader, records, visit, "visits/board.html", **_exchange(records, visit))


@router.get("/visits/{id}/after", response_class=HTMLResponse)
def after(request: Request, id: Id, reader: AnyReader, records: InRecords) -> Response:
    """Show who asked what, what was answered, what is to follow."""
    reader.require("see visits")
    visit = calendar.one(records, id)
    values = {
        "follow_ups": follow_up.of_visit(records, id),
        "accounts": {one.id: one.name for one in accounts.every(records) if not one.disabled},
        "arrivals": door.arrivals(records, id),
        "keep_until": personal.keep_until(visit),
        "today": clock.now()[:10],
    }
    return _of_visit(request, reader, records, visit, "visits/after.html", **values, **_exchange(records, visit))


@router.get("/visits/{id}/settings", response_class=HTMLResponse)
def settings(request: Request, id: Id, reader: AnyReader, records: InRecords) -> Response:
    """Change a visit."""
    reader.require("visits")
    visit = calendar.one(records, id)
    values = {"staff": house.staff(records), "zones": zones()}
    return _of_visit(request, reader, records, visit, "visits/settings.html", **values)


@router.get("/house", response_class=HTMLResponse)
def of_house(request: Request, reader: AnyReader, records: InRecords) -> Response:
    """Show rooms, hosts, guides and interpreters."""
    reader.require("see visits")
    rooms, staff = house.rooms(records), house.staff(records)
    known = [one for one in accounts.every(records) if not one.disabled] if reader.may("visits") else []
    return page(request, reader, "visits/house.html", rooms=rooms, staff=staff, accounts=known, duties=list(Duty))


@router.get("/door", response_class=HTMLResponse)
def at_door(
    request: Request, reader: AnyReader, records: InRecords, code: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    """Take the code that a guest shows; a phone that reads the guest's picture brings it along."""
    reader.require("door")
    expected = [
        (
            visit,
            delegations.members(records, visit.delegation),
            {a.member: a.at for a in door.arrivals(records, visit.id)},
        )
        for visit in calendar.around(records)
    ]
    return page(request, reader, "visits/door.html", code=code, expected=expected)


def titles(reader: Reader) -> dict[str, str]:
    """Return the stands' titles in the reader's language by their names."""
    say = languages.translations(reader.language).gettext
    return {one.name: say(one.title) for one in stands.stands()}


def zones() -> list[str]:
    """Return the names of all time zones."""
    from zoneinfo import available_timezones

    return sorted(one for one in available_timezones() if "/" in one and not one.startswith(("Etc/", "posix", "right")))


def _entry(request: Request, reader: Reader, records: Records, visit: Visit, entry: Entry | None) -> Response:
    values = {
        "entry": entry,
        "rooms": house.rooms(records),
        "staff": house.staff(records),
        "members": delegations.members(records, visit.delegation),
        "activities": list(Activity),
        "begins": entry.begins if entry else _next_begin(records, visit),
    }
    values["ends"] = entry.ends if entry else min(clock.later(3600, str(values["begins"])), visit.ends)
    return _of_visit(request, reader, records, visit, "visits/entry.html", **values)


def _next_begin(records: Records, visit: Visit) -> str:
    """Return the end of the last entry: where one goes on."""
    last = max((one.ends for one in programme.of_visit(records, visit.id)), default=visit.begins)
    return last if last < visit.ends else visit.begins


def _exchange(records: Records, visit: Visit) -> dict[str, Any]:
    names = {one.id: one.name for one in delegations.members(records, visit.delegation)}
    return {"threads": questions.board(records, visit.id), "guests": names}


def _of_visit(
    request: Request, reader: Reader, records: Records, visit: Visit, template: str, **values: Any
) -> Response:
    """Return a page of a visit, with what all of them show."""
    of = delegations.one(records, visit.delegation)
    organisation = next((one for one in delegations.organisations(records) if one.id == of.organisation), None)
    common: dict[str, Any] = {"visit": visit, "delegation": of, "organisation": organisation, "now": clock.now()}
    return page(request, reader, template, **common, **values)
