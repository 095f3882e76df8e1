# SPDX-License-Identifier: Apache-2.0
"""Invitations: made as a link and its picture, followed by a guest, revoked."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from visionvalley.hall.api.forms import Answer, Id, Secret, Sent
from visionvalley.hall.api.session import address_of, put_cookie
from visionvalley.hall.guests import origin
from visionvalley.hall.papers.codes import picture
from visionvalley.hall.reader import CSRF, LANGUAGE, AnyReader, InHall, InRecords, token_of
from visionvalley.visits import invitations, sessions, tokens
from visionvalley.visits.plans import Invitation
from visionvalley.visits.values import Actor, Kind, Role

router = APIRouter(tags=["invitations"])


class Invite(Sent):
    """Which member to invite; `reusable`: on several devices, until it expires."""

    member: Id
    reusable: bool = False


class Invited(Answer):
    """The invitation, its link, shown this once, and the same as a picture (SVG)."""

    invitation: Invitation
    link: str
    picture: str


class Follow(Sent):
    """The token of a link."""

    token: Secret


class Welcomed(Answer):
    """The cookie holds the session; `csrf` goes with every change, as X-CSRF-Token."""

    csrf: str


@router.get("/visits/{id}/invitations", summary="List the invitations to a visit")
def every(id: Id, reader: AnyReader, records: InRecords) -> list[Invitation]:
    """Return the invitations to a visit, the latest first; their links are not kept."""
    reader.require("see visits")
    return list(invitations.of_visit(records, id))


@router.post("/visits/{id}/invitations", status_code=201, summary="Invite a guest")
def invite(id: Id, sent: Invite, reader: AnyReader, records: InRecords, request: Request) -> Invited:
    """Make a link for a member; older ones of the same member open nothing any more."""
    reader.require("visits")
    made, token = invitations.invite(records, reader.actor, id, sent.member, reusable=sent.reusable)
    path = f"/invited/{token}"
    return Invited(invitation=made, link=path, picture=picture(origin(request) + path))


@router.delete("/invitations/{id}", summary="End an invitation")
def revoke(id: Id, reader: AnyReader, records: InRecords) -> Answer:
    """End an invitation and the sessions that it began."""
    reader.require("visits")
    invitations.revoke(records, reader.actor, id)
    return Answer()


@router.post("/guest", summary="Follow an invitation")
def follow(sent: Follow, hall: InHall, request: Request, response: Response) -> Welcomed:
    """Begin a guest's session; the one that this browser had ends."""
    hall.limits.require("invitation address", address_of(request))
    member, _ = invitations.follow(hall.records, sent.token)
    old = token_of(request)
    known = sessions.current(hall.records, old) if old else None
    if known:
        sessions.close(hall.records, Actor(known.kind, known.subject), known.id)
    device = request.headers.get("user-agent", "")
    _, token = sessions.begin(hall.records, Kind.GUEST, member.id, Role.GUEST, device)
    put_cookie(response, hall, token, sessions.LASTS_S[Kind.GUEST])
    week_s = 7 * 86400
    response.set_cookie(LANGUAGE, member.language, week_s, path="/", samesite="lax", httponly=True)
    return Welcomed(location="/my", csrf=tokens.bound(token, CSRF))
