# SPDX-License-Identifier: Apache-2.0
"""Signing in, following a link, one's own account."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from visionvalley.hall.api.forms import local
from visionvalley.hall.api.session import address_of
from visionvalley.hall.reader import AnyReader, InHall, InRecords
from visionvalley.hall.rendering import page
from visionvalley.visits import accounts, sessions
from visionvalley.visits.passwords import SHORTEST

router = APIRouter()


@router.get("/sign-in", response_class=HTMLResponse)
def sign_in_page(request: Request, reader: AnyReader, to: Annotated[str, Query(max_length=500)] = "/") -> Response:
    """Ask for address and password."""
    if reader.session:
        return RedirectResponse(local(to), 303)
    return page(request, reader, "account/sign_in.html", to=local(to))


@router.get("/link/{token}", response_class=HTMLResponse)
def link(request: Request, token: str, reader: AnyReader, hall: InHall) -> Response:
    """Ask for the password that a link sets."""
    hall.limits.require("link address", address_of(request))
    opened = accounts.link(hall.records, token)
    return page(request, reader, "account/link.html", token=token, account=opened.account, shortest=SHORTEST)


@router.get("/account", response_class=HTMLResponse)
def account(request: Request, reader: AnyReader, records: InRecords) -> Response:
    """Show one's own account."""
    reader.require("own sessions")
    own = sessions.of(records, reader.session.kind, reader.session.subject) if reader.session else ()
    return page(request, reader, "account/account.html", sessions=own, shortest=SHORTEST)
