# SPDX-License-Identifier: Apache-2.0
"""The guest's phone: invitation, programme, code for the door, questions, what is known of them."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from visionvalley.hall import stands
from visionvalley.hall.api.guest import mine_of
from visionvalley.hall.api.session import address_of
from visionvalley.hall.guests import AGuest, Guest, key_of, origin
from visionvalley.hall.papers.codes import picture
from visionvalley.hall.reader import AnyReader, InHall, InRecords, Reader
from visionvalley.hall.rendering import page
from visionvalley.records import Wanted, find
from visionvalley.visits import clock, delegations, door, house, invitations, personal, programme, questions

router = APIRouter()


@router.get("/invited/{token}", response_class=HTMLResponse)
def invited(request: Request, token: str, reader: AnyReader, hall: InHall) -> Response:
    """Greet a guest in their language; the link is followed by a button, not by whoever only looks at it."""
    hall.limits.require("invitation address", address_of(request))
    member, visit = invitations.look(hall.records, token)
    theirs = Reader(reader.session, reader.account, member.language, reader.theme, reader.size, reader.csrf)
    return page(request, theirs, "guest/invited.html", token=token, member=member, visit=visit)


@router.get("/my", response_class=HTMLResponse)
def my(request: Request, reader: AnyReader, guest: AGuest, records: InRecords) -> Response:
    """Show the guest's programme, now and next first."""
    entries, now = programme.of_member(records, guest.visit.id, guest.member.id), clock.now()
    values = {"entries": entries, "names": house.names(records), "now": now, **_common(guest)}
    return page(request, reader, "guest/programme.html", **values)


@router.get("/my/code", response_class=HTMLResponse)
def code(request: Request, reader: AnyReader, guest: AGuest, hall: InHall) -> Response:
    """Show the code for the door, as letters and as a picture."""
    shown = door.code(key_of(hall), guest.visit.id, guest.member.id)
    arrived = {one.member: one.at for one in door.arrivals(hall.records, guest.visit.id)}.get(guest.member.id)
    drawn = picture(f"{origin(request)}/door?code={shown.code}")
    values = {"shown": shown, "picture": drawn, "arrived": arrived, **_common(guest)}
    return page(request, reader, "guest/code.html", **values)


@router.get("/my/questions", response_class=HTMLResponse)
def mine(request: Request, reader: AnyReader, guest: AGuest, records: InRecords, kept: str | None = None) -> Response:
    """Show the guest's questions and their answers."""
    asked = [mine_of(*pair) for pair in questions.of_member(records, guest.member.id)]
    values = {"asked": asked, "kept": kept is not None, **_common(guest)}
    return page(request, reader, "guest/questions.html", **values)


@router.get("/ask", response_class=HTMLResponse)
def ask(
    request: Request,
    reader: AnyReader,
    guest: AGuest,
    records: InRecords,
    stand: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Ask a question, at a stand where one is named."""
    passed = [one.stand for one in programme.of_visit(records, guest.visit.id) if one.stand]
    places = list(dict.fromkeys((*passed, *(one.name for one in stands.stands()))))
    key = secrets.token_urlsafe(12)
    values = {"stand": stand, "places": places, "key": key, **_common(guest)}
    return page(request, reader, "guest/ask.html", **values)


@router.get("/my/data", response_class=HTMLResponse)
def data(request: Request, reader: AnyReader, guest: AGuest, records: InRecords) -> Response:
    """Show what is known of the guest, what they agreed to, and how to erase it."""
    runs = len(find(Wanted(owner=personal.owner_of(guest.member.id)), records))
    asked = len(questions.of_member(records, guest.member.id))
    of = delegations.one(records, guest.member.delegation)
    values: dict[str, Any] = {
        "runs": runs,
        "asked": asked,
        "delegation": of,
        "keep_until": personal.keep_until(guest.visit),
    }
    return page(request, reader, "guest/data.html", **values, **_common(guest))


@router.get("/goodbye", response_class=HTMLResponse)
def goodbye(request: Request, reader: AnyReader) -> Response:
    """Say that nothing is known any more."""
    return page(request, reader, "guest/goodbye.html")


def _common(guest: Guest) -> dict[str, Any]:
    return {"member": guest.member, "visit": guest.visit}
