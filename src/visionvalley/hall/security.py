# SPDX-License-Identifier: Apache-2.0
"""What every request passes: the hall's own name (Host), its own pages (Origin, CSRF), a rate, a time; and what every
answer carries: a strict Content-Security-Policy and its kin.
"""

from __future__ import annotations

import asyncio
import hmac
from contextlib import AsyncExitStack
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from visionvalley.core import BadInput
from visionvalley.hall.bodies import limited
from visionvalley.hall.faults import API, answer, broken
from visionvalley.hall.reader import CSRF, SESSION
from visionvalley.hall.rendering import ASSETS, STATIC
from visionvalley.hall.settings import Hall
from visionvalley.records.database import HELD, Held
from visionvalley.visits import tokens

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "media-src": "'self'",
    "worker-src": "'self' blob:",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
ALWAYS = {
    "content-security-policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
}
FILES = (f"{STATIC}/", f"{ASSETS}/")
PAGES_AT_ONCE = 3  # more threads that want Python at the same time take twice as long for each
KEPT = {"static": "public, max-age=31536000, immutable", "assets": "public, max-age=3600"}


class Guard:
    """Stands before the hall: lets requests in, and dresses answers."""

    def __init__(self, app: ASGIApp, hall: Hall) -> None:
        self._app, self._hall = app, hall
        self._turns = asyncio.Semaphore(PAGES_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        begun, held, turn = False, Held(self._hall.records), AsyncExitStack()
        HELD.set(held)

        async def dressed(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                if held.connection is not None:
                    await run_in_threadpool(held.close)
                await turn.aclose()
                _dress(MutableHeaders(scope=message), scope)
            await send(message)

        try:
            _require_allowed(scope, self._hall)
            if _is_page(scope):
                await turn.enter_async_context(self._turns)
            await limited(self._app, scope, receive, dressed)
        except BadInput as error:
            await answer(Request(scope, receive), error)(scope, receive, dressed)
        except Exception as error:
            if begun:
                raise
            await broken(Request(scope, receive), error)(scope, receive, dressed)
        finally:
            held.close()
            await turn.aclose()


def _is_page(scope: Scope) -> bool:
    return scope["method"] == "GET" and not scope["path"].startswith((API, *FILES))


def _dress(headers: MutableHeaders, scope: Scope) -> None:
    for name, value in ALWAYS.items():
        headers.setdefault(name, value)
    if scope["path"].startswith(FILES):
        headers["cache-control"] = KEPT[scope["path"].split("/")[1]]
    else:
        headers.setdefault("cache-control", "no-store")


def _require_allowed(scope: Scope, hall: Hall) -> None:
    """Raise BadInput for a request that is not meant for this hall, comes from elsewhere, or comes too often."""
    headers = Headers(scope=scope)
    host = _name(headers.get("host", ""))
    if not hall.known_by(host):
        raise BadInput("hall.other_host", host=host[:80] or "-")
    if scope["path"].startswith(FILES):
        return
    token = cookie(headers, SESSION)
    change = scope["method"] not in SAFE
    address = scope["client"][0] if scope.get("client") else "?"
    kind = "write" if change else "read"
    hall.limits.require(f"{kind} address", address)
    if token:
        hall.limits.require(f"{kind} session", tokens.kept(token))
    if change:
        _require_own(headers, scope, token)


def _require_own(headers: Headers, scope: Scope, token: str) -> None:
    """Raise BadInput where another site's page asks for a change, or one of ours without its token."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
    here = f"{scope['scheme']}://{headers.get('host', '')}".lower()
    if (origin is not None and origin.lower() != here) or site not in {"same-origin", "none"}:
        raise BadInput("hall.other_origin")
    sent = headers.get("x-csrf-token", "")
    if token and not hmac.compare_digest(sent.encode(), tokens.bound(token, CSRF).encode()):
        raise BadInput("hall.no_csrf")


def cookie(headers: Headers, name: str) -> str:
    """Return a cookie of a request; empty where there is none."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def _name(host: str) -> str:
    """Return the name in a Host header, without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
