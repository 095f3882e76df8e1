# SPDX-License-Identifier: Apache-2.0
"""The description of the API, as a page; made from the same OpenAPI that programs read, without any other host."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from visionvalley.hall.reader import AnyReader
from visionvalley.hall.rendering import page

router = APIRouter()


@router.get("/api", response_class=HTMLResponse)
def description(request: Request, reader: AnyReader) -> HTMLResponse:
    """List what the API can do."""
    areas: dict[str, list[tuple[str, str, str]]] = {}
    for path, methods in request.app.openapi()["paths"].items():
        for method, about in methods.items():
            areas.setdefault(about.get("tags", ["-"])[0], []).append((method.upper(), path, about.get("summary", "")))
    return page(request, reader, "home/description.html", areas=areas)
