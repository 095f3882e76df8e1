# SPDX-License-Identifier: Apache-2.0
"""Screens: what a welcome shows, pairing by a code, and what each screen of the house is for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel

from visionvalley.core import BadInput
from visionvalley.hall import stands
from visionvalley.hall.api.forms import Answer, Id, Line, Secret, Sent
from visionvalley.hall.api.session import address_of, put_cookie
from visionvalley.hall.api.visits import Version, changes
from visionvalley.hall.backdrop import backdrop
from visionvalley.hall.guests import origin
from visionvalley.hall.papers.codes import picture
from visionvalley.hall.reader import CSRF, AnyReader, InHall, InRecords, token_of
from visionvalley.hall.settings import Hall
from visionvalley.hall.welcoming import Welcome, place_of, welcome
from visionvalley.visits import screens, sessions, tokens
from visionvalley.visits.screens import Screen, Shows
from visionvalley.visits.values import Actor, Kind

router = APIRouter(tags=["screens"])
KEPT = "private, max-age=86400"


class Waiting(BaseModel):
    """A code to show, as text and as a picture (SVG) of the page that takes it; `secret`: hand it in for a session."""

    code: str
    expires: str
    picture: str
    secret: str


class Claim(Sent):
    """The secret that came with a code."""

    secret: Secret


class Claimed(Answer):
    """Whether somebody typed the code. If so, the cookie holds the screen's session, and `location` is its place."""

    paired: bool
    csrf: str = ""


class NewScreen(Sent):
    """The code that a screen shows; what it is to be. `room`, `stand`: where it is, or which stand it shows."""

    code: Line
    name: Line
    shows: Shows = Shows.WELCOME
    room: Id = ""
    stand: Line = ""


class ScreenChange(Sent):
    """What is to change, seen in this version; the rest stays."""

    version: int
    name: Line | None = None
    shows: Shows | None = None
    room: Id | None = None
    stand: Line | None = None


@router.get("/welcome", summary="Say what a welcome screen shows")
def shown(reader: AnyReader, records: InRecords) -> Welcome:
    """Return visits of a day and more (to screens and the house), results, words in every language, the time."""
    return welcome(reader, records)


@router.get("/welcome/points/{name}", summary="Return the points behind the welcome", response_class=Response,
            responses={200: {"content": {"application/octet-stream": {}}}})  # fmt: skip
def points(name: Annotated[str, Path(max_length=64)], records: InRecords) -> Response:
    """Return 16-bit coordinates, three a point, as `background` of the welcome tells."""
    behind = backdrop(records)
    if behind is None or behind.name != name:
        raise BadInput("hall.not_found")
    return Response(behind.data, media_type="application/octet-stream", headers={"Cache-Control": KEPT})


@router.post("/pairings", status_code=201, summary="Ask for a code to show")
def begin(hall: InHall, request: Request) -> Waiting:
    """Make a code that pairs this browser as a screen: once, within ten minutes."""
    hall.limits.require("code address", address_of(request))
    made, secret = screens.begin(hall.records)
    drawn = picture(f"{origin(request)}/screens?code={made.code}")
    return Waiting(code=made.code, expires=made.expires, picture=drawn, secret=secret)


@router.post("/pairings/claim", summary="Become the screen that was paired")
def claim(sent: Claim, hall: InHall, request: Request, response: Response) -> Claimed:
    """Begin the session of a screen once its code was typed; the one that this browser had ends."""
    became = screens.claim(hall.records, sent.secret, request.headers.get("user-agent", ""))
    if became is None:
        return Claimed(paired=False)
    screen, token = became
    old = token_of(request)
    known = sessions.current(hall.records, old) if old else None
    if known:
        sessions.close(hall.records, Actor(known.kind, known.subject), known.id)
    put_cookie(response, hall, token, sessions.LASTS_S[Kind.SCREEN])
    return Claimed(paired=True, location=place_of(screen), csrf=tokens.bound(token, CSRF))


@router.get("/screens", summary="List the screens")
def every(reader: AnyReader, records: InRecords) -> list[Screen]:
    """Return all screens by name."""
    reader.require("screens")
    return list(screens.every(records))


@router.post("/screens", status_code=201, summary="Pair the screen that shows a code")
def pair(sent: NewScreen, reader: AnyReader, hall: InHall) -> Screen:
    """Make a screen of the browser that shows a code."""
    reader.require("screens")
    hall.limits.require("pair session", reader.actor.id)
    _require_stand(sent.shows, sent.stand)
    return screens.pair(
        hall.records, reader.actor, sent.code, sent.name, sent.shows, room=sent.room or None, stand=sent.stand
    )


@router.patch("/screens/{id}", summary="Change a screen")
def change(id: Id, sent: ScreenChange, reader: AnyReader, hall: InHall) -> Screen:
    """Change what a screen is, which nobody changed meanwhile; it follows at once."""
    reader.require("screens")
    _require_stand(sent.shows, sent.stand)
    changed = screens.change(hall.records, reader.actor, id, sent.version, **changes(sent))
    _tell(hall, id, place_of(changed))
    return changed


@router.delete("/screens/{id}", summary="Send a screen away")
def remove(id: Id, version: Version, reader: AnyReader, hall: InHall) -> Answer:
    """End a screen: its session opens nothing any more."""
    reader.require("screens")
    screens.remove(hall.records, reader.actor, id, version)
    _tell(hall, id, "/screen")
    return Answer()


def _tell(hall: Hall, id: str, place: str) -> None:
    """Tell a screen where it is to be now, and all that something changed."""
    hall.live.publish(f"screen.{id}", place)
    hall.live.publish("welcome", id)


def _require_stand(shows: Shows | None, stand: str | None) -> None:
    if stand:
        stands.stand(stand)
    elif shows is Shows.STAND and stand is not None:
        raise BadInput("hall.screen_without_stand")
