# SPDX-License-Identifier: Apache-2.0
"""Papers of a visit: calendar, list of guests, programme and badges."""

from __future__ import annotations

import unicodedata
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Response

from visionvalley.hall import languages, stands
from visionvalley.hall.api.accounts import Code
from visionvalley.hall.api.forms import Id
from visionvalley.hall.guests import AGuest
from visionvalley.hall.papers import calendar as calendars
from visionvalley.hall.papers import lists, printed
from visionvalley.hall.reader import AnyReader, InRecords
from visionvalley.records import Records
from visionvalley.visits import calendar, delegations, door, house, programme
from visionvalley.visits.plans import Entry, Visit

router = APIRouter(tags=["papers"])
ICS, CSV, PDF = "text/calendar; charset=utf-8", "text/csv; charset=utf-8", "application/pdf"


@router.get("/visits/{id}/programme.ics", summary="The programme as a calendar", response_class=Response)
def ics(id: Id, reader: AnyReader, records: InRecords) -> Response:
    """Return the programme of a visit as a calendar."""
    reader.require("see visits")
    visit = calendar.one(records, id)
    return _file(calendars.written(visit, programme.of_visit(records, id), house.names(records)), ICS, visit, "ics")


@router.get("/guest/programme.ics", summary="The guest's programme as a calendar", response_class=Response)
def own_ics(guest: AGuest, records: InRecords) -> Response:
    """Return the programme of a guest as a calendar."""
    mine = programme.of_member(records, guest.visit.id, guest.member.id)
    return _file(calendars.written(guest.visit, mine, house.names(records)), ICS, guest.visit, "ics")


@router.get("/visits/{id}/guests.csv", summary="The list of guests", response_class=Response)
def csv(id: Id, reader: AnyReader, records: InRecords) -> Response:
    """Return the guests of a visit as a table."""
    reader.require("visits")
    visit = calendar.one(records, id)
    arrived = {one.member: one.at for one in door.arrivals(records, id)}
    return _file(lists.written(delegations.members(records, visit.delegation), arrived).encode(), CSV, visit, "csv")


@router.get("/visits/{id}/programme.pdf", summary="The programme on paper", response_class=Response)
def programme_pdf(
    id: Id, reader: AnyReader, records: InRecords, language: Annotated[Code | None, Query()] = None
) -> Response:
    """Return the programme of a visit as pages, in the reader's language or another one."""
    reader.require("see visits")
    visit = calendar.one(records, id)
    return _programme(records, visit, programme.of_visit(records, id), language or reader.language)


@router.get("/guest/programme.pdf", summary="The guest's programme on paper", response_class=Response)
def own_programme_pdf(guest: AGuest, reader: AnyReader, records: InRecords) -> Response:
    """Return the programme of a guest as pages."""
    return _programme(
        records, guest.visit, programme.of_member(records, guest.visit.id, guest.member.id), reader.language
    )


@router.get("/visits/{id}/badges.pdf", summary="Badges", response_class=Response)
def badges(id: Id, reader: AnyReader, records: InRecords) -> Response:
    """Return badges for the guests of a visit."""
    reader.require("visits")
    visit = calendar.one(records, id)
    of = delegations.one(records, visit.delegation)
    organisations = {one.id: one.name for one in delegations.organisations(records)}
    name = organisations.get(of.organisation or "", of.name)
    made = printed.badges(visit, list(delegations.members(records, of.id)), name)
    return _file(made, PDF, visit, "badges.pdf")


def words_of(language: str) -> dict[str, str]:
    """Return what a programme on paper says besides what is in it."""
    _ = languages.translations(language).gettext
    kinds = {"stand": _("Stand"), "talk": _("Talk"), "meal": _("Meal"), "room": _("Meeting")}
    return kinds | {"programme": _("Programme"), "times": _("times of"), "page": _("Page")}


def _programme(records: Records, visit: Visit, entries: tuple[Entry, ...], language: str) -> Response:
    say = languages.translations(language).gettext
    names = house.names(records) | {one.name: say(one.title) for one in stands.stands()}
    made = printed.programme(visit, list(entries), names, language, words_of(language))
    return _file(made, PDF, visit, "pdf")


def _file(content: bytes, kind: str, visit: Visit, ending: str) -> Response:
    plain = unicodedata.normalize("NFKD", visit.title).encode("ascii", "ignore").decode()
    safe = "-".join("".join(letter if letter.isalnum() else " " for letter in plain).split()) or "visit"
    named = f"filename=\"{safe[:80]}.{ending}\"; filename*=UTF-8''{quote(visit.title[:80], safe='')}.{ending}"
    return Response(content, media_type=kind, headers={"Content-Disposition": f"attachment; {named}"})
