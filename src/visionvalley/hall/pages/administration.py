# SPDX-License-Identifier: Apache-2.0
"""What an administrator looks after: accounts, sessions, the audit log, translations."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from visionvalley.hall import languages
from visionvalley.hall.reader import AnyReader, InRecords
from visionvalley.hall.rendering import page
from visionvalley.visits import accounts, audit, sessions
from visionvalley.visits.values import STAFF, Kind

router = APIRouter(prefix="/administration")
ENTRIES = 50
LARGEST = (1 << 31) - 1


@router.get("/accounts", response_class=HTMLResponse)
def of_accounts(request: Request, reader: AnyReader, records: InRecords) -> Response:
    """Show the accounts of the house, and invite somebody."""
    reader.require("accounts")
    return page(request, reader, "administration/accounts.html", accounts=accounts.every(records), roles=STAFF)


@router.get("/sessions", response_class=HTMLResponse)
def of_sessions(request: Request, reader: AnyReader, records: InRecords) -> Response:
    """Show who is signed in, on which device."""
    reader.require("sessions")
    names = {one.id: one.name for one in accounts.every(records)}
    found = sessions.every(records)
    return page(request, reader, "administration/sessions.html", sessions=found, names=names, house=Kind.ACCOUNT)


@router.get("/audit", response_class=HTMLResponse)
def of_audit(
    request: Request,
    reader: AnyReader,
    records: InRecords,
    action: Annotated[str, Query(max_length=64)] = "",
    before: Annotated[int | None, Query(ge=0, le=LARGEST)] = None,
) -> Response:
    """Show who did what."""
    reader.require("audit")
    found = audit.entries(records, action=action or None, before=before, limit=ENTRIES + 1)
    names = {f"account:{one.id}": one.name for one in accounts.every(records)}
    more = found[ENTRIES - 1].number if len(found) > ENTRIES else None
    shown: dict[str, Any] = {"entries": found[:ENTRIES], "names": names, "more": more, "action": action}
    return page(request, reader, "administration/audit.html", **shown)


@router.get("/translations", response_class=HTMLResponse)
def of_translations(request: Request, reader: AnyReader) -> Response:
    """Show how far each language is, and that what nobody signed is a draft."""
    reader.require("translations")
    return page(request, reader, "administration/translations.html", signed=languages.signed())
