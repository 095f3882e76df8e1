# SPDX-License-Identifier: Apache-2.0
"""The first page."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from visionvalley.hall.pages.stands import overview, words
from visionvalley.hall.reader import AnyReader, InHall
from visionvalley.hall.rendering import page

router = APIRouter()


@router.get("/", response_class=HTMLResponse)
def home(request: Request, reader: AnyReader, hall: InHall) -> HTMLResponse:
    """Show where one is, the stands, and what was measured last."""
    return page(request, reader, "home/home.html", **overview(hall), **words(reader))
