# SPDX-License-Identifier: Apache-2.0
"""Pages of screens: the welcome, the answers that were published, pairing, and the list of screens for the house."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from visionvalley.hall import stands
from visionvalley.hall.api.stands import spoken
from visionvalley.hall.reader import AnyReader, InRecords
from visionvalley.hall.rendering import page, static_version
from visionvalley.hall.welcoming import place_of
from visionvalley.visits import house, questions, screens
from visionvalley.visits.screens import Shows
from visionvalley.visits.values import Role

router = APIRouter()
ANSWERS = 12


@router.get("/welcome", response_class=HTMLResponse)
def welcome(request: Request, reader: AnyReader) -> Response:
    """Greet, on a wall; whatever is shown comes by the API."""
    return page(request, reader, "welcome/welcome.html", version=static_version())


@router.get("/welcome/answers", response_class=HTMLResponse)
def answers(request: Request, reader: AnyReader, records: InRecords) -> Response:
    """Show what was answered and published, on a wall: of the stand at which the screen is, else of all."""
    screen = screens.one(records, reader.actor.id) if reader.role is Role.SCREEN else None
    stand = screen.stand if screen and screen.stand else None
    published = questions.published(records, stand, limit=ANSWERS)
    titles = {one.name: spoken(one.title, reader.language) for one in stands.stands()}
    return page(request, reader, "welcome/answers.html", published=published, titles=titles)


@router.get("/screen", response_class=HTMLResponse)
def become(request: Request, reader: AnyReader, records: InRecords) -> Response:
    """Show the code by which somebody of the house makes this browser a screen; lead a screen to its place."""
    screen = screens.one(records, reader.actor.id) if reader.role is Role.SCREEN else None
    return RedirectResponse(place_of(screen), 303) if screen else page(request, reader, "welcome/pairing.html")


@router.get("/keeper.js", response_class=Response)
def keeper() -> Response:
    """Return the service worker of the wall: at the root, so that it may keep pages; asked for anew each time."""
    script = (files("visionvalley.hall") / "static" / "keeper.js").read_bytes()
    return Response(script, media_type="text/javascript")


@router.get("/screens", response_class=HTMLResponse)
def every(
    request: Request, reader: AnyReader, records: InRecords, code: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    """List the screens of the house, and pair one; a phone that reads a screen's picture brings its code along."""
    reader.require("screens")
    values: dict[str, Any] = {
        "screens": screens.every(records),
        "seen": screens.seen(records),
        "rooms": house.rooms(records),
        "stands": [(one.name, spoken(one.title, reader.language)) for one in stands.stands()],
        "kinds": list(Shows),
        "code": code,
    }
    return page(request, reader, "welcome/screens.html", **values)
