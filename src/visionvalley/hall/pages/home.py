# SPDX-License-Identifier: Apache-2.0
"""The first page."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from visionvalley.hall.reader import AnyReader, InRecords
from visionvalley.hall.rendering import page
from visionvalley.records import Wanted, find

router = APIRouter()
LATEST = 6


@router.get("/", response_class=HTMLResponse)
def home(request: Request, reader: AnyReader, records: InRecords) -> HTMLResponse:
    """Show where one is and what was measured last."""
    return page(request, reader, "home/home.html", runs=find(Wanted(limit=LATEST), records))
