# SPDX-License-Identifier: Apache-2.0
"""What goes wrong, as an answer: the one error (id, what, why, fix) for the API, a page in the look for a browser."""

from __future__ import annotations

import logging
import secrets
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from visionvalley.core import BadInput, text
from visionvalley.hall import languages
from visionvalley.hall.reader import Reader, reader_of, stranger
from visionvalley.hall.rendering import page

API = "/api/"
UNUSABLE = 422
STATUS = MappingProxyType(  # the answer's status by the beginning of the error's id; the longest counts
    {
        "hall.sign_in": 401,
        "hall.forbidden": 403,
        "hall.other_origin": 403,
        "hall.no_csrf": 403,
        "hall.not_found": 404,
        "hall.no_topic": 404,
        "hall.no_such_method": 405,
        "hall.no_stand": 404,
        "hall.no_sample": 404,
        "hall.no_upload": 404,
        "hall.no_run": 404,
        "hall.no_file": 404,
        "hall.run_not_over": 409,
        "hall.sample_not_here": 409,
        "hall.uploads_full": 413,
        "hall.disk_full": 503,
        "runs.too_many_waiting": 409,
        "runs.queue_full": 503,
        "hall.too_often": 429,
        "hall.too_large": 413,
        "hall.too_slow": 408,
        "hall.other_host": 421,
        "hall.broken": 500,
        "records.": 503,
        "records.short_id": 404,
        "records.unknown": 404,
        "records.ambiguous": 404,
        "records.file_lost": 404,
        "visits.no_": 404,
        "visits.link_gone": 410,
        "visits.email_taken": 409,
        "visits.changed_meanwhile": 409,
        "visits.last_administrator": 409,
        "visits.disabled": 409,
        "visits.stale": 409,
        "visits.clash": 409,
        "visits.in_use": 409,
        "visits.room_taken": 409,
        "visits.code_used": 409,
        "visits.cannot_merge": 409,
        "visits.wrong_state": 409,
        "visits.wrong_password": 401,
    }
)
PLAIN = {404: "hall.not_found", 405: "hall.no_such_method", 413: "hall.too_large"}
REASONS = frozenset({"missing", "string_too_short", "string_too_long", "enum", "extra_forbidden", "json_invalid"})
log = logging.getLogger("visionvalley.hall")


class Problem(BaseModel):
    """The one error: what is wrong, why that matters, how to mend it."""

    id: str
    what: str
    why: str
    fix: str


PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem} for code in (400, 401, 403, 404, 405, 408, 409, 410, 413, 421, 422, 429, 500, 503)
}


def explain_faults(app: FastAPI) -> None:
    """Have every error answered in one form."""
    app.add_exception_handler(BadInput, _of_input)
    app.add_exception_handler(RequestValidationError, _of_request)
    app.add_exception_handler(HTTPException, _of_http)


def status_of(error: BadInput) -> int:
    """Return the status of an answer that tells an error."""
    found = [begin for begin in STATUS if error.message.id.startswith(begin)]
    return STATUS[max(found, key=len)] if found else UNUSABLE


def answer(request: Request, error: BadInput, reader: Reader | None = None) -> Response:
    """Return what is wrong, as JSON or as a page. Who has to sign in first comes back afterwards."""
    reader, status = reader or stranger(request), status_of(error)
    headers = {"Retry-After": str(error.message.parameters["seconds"])} if status == 429 else {}
    told = languages.explain(error, reader.language)
    if request.url.path.startswith(API):
        return JSONResponse(told, status, headers=headers)
    if error.message.id == "hall.sign_in" and request.method == "GET":
        return RedirectResponse(f"/sign-in?to={quote(_address(request), safe='/')}", 303)
    shown = page(request, reader, "error.html", status=status, error=told, code=status)
    shown.headers.update(headers)
    return shown


def _address(request: Request) -> str:
    """Return path and question of a request."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _of_input(request: Request, error: Exception) -> Response:
    if not isinstance(error, BadInput):
        raise error
    try:
        reader = reader_of(request)
    except BadInput:  # the database is what is wrong
        reader = stranger(request)
    return answer(request, error, reader)


def _of_request(request: Request, error: Exception) -> Response:
    """Tell the first thing that is wrong with what was sent."""
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    ours = first.get("ctx", {}).get("error")
    if isinstance(ours, BadInput):
        return _of_input(request, ours)
    kind, where = str(first.get("type")), [str(part) for part in first.get("loc", ()) if isinstance(part, str)]
    reason = text(f"hall.reason_{kind}") if kind in REASONS else str(first.get("msg"))
    return _of_input(request, BadInput("hall.bad_request", field=".".join(where[1:]) or "-", reason=reason))


def _of_http(request: Request, error: Exception) -> Response:
    code = error.status_code if isinstance(error, HTTPException) else 500
    return _of_input(request, BadInput(PLAIN.get(code, "hall.bad_body")))


def broken(request: Request, error: Exception) -> Response:
    """Tell that something broke, with a number under which the log has it; nothing of what is inside."""
    number = secrets.token_hex(4)
    log.error("fault %s at %s %s", number, request.method, request.url.path, exc_info=error)
    return answer(request, BadInput("hall.broken", number=number))
