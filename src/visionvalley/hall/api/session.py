# SPDX-License-Identifier: Apache-2.0
"""Signing in and out, and the links that set a password."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from visionvalley.hall.api.forms import Answer, Line, Secret, Sent, local
from visionvalley.hall.reader import CSRF, SESSION, AnyReader, InHall, token_of
from visionvalley.hall.settings import Hall
from visionvalley.visits import accounts, sessions, tokens
from visionvalley.visits.values import Account, Actor, Kind

router = APIRouter(tags=["session"])


class SignIn(Sent):
    """Address and password; `to`: where to go afterwards."""

    email: Line
    password: Secret
    to: Line = "/"


class Accept(Sent):
    """What a link asks for: a password; of the first administrator also address and name."""

    token: Secret
    password: Secret
    email: Line = ""
    name: Line = ""


class SignedIn(Answer):
    """The cookie holds the session; `csrf` goes with every change, as X-CSRF-Token."""

    csrf: str


class Who(Answer):
    """Who is signed in; role is empty where nobody is."""

    kind: str = ""
    role: str = ""
    name: str = ""
    language: str
    csrf: str


@router.get("/session", summary="Say who is signed in")
def who(reader: AnyReader) -> Who:
    """Return who this browser is."""
    kind = reader.session.kind if reader.session else ""
    name = reader.account.name if reader.account else ""
    return Who(kind=kind, role=reader.role or "", name=name, language=reader.language, csrf=reader.csrf)


@router.post("/session", summary="Sign in")
def sign_in(sent: SignIn, hall: InHall, request: Request, response: Response) -> SignedIn:
    """Begin a session by address and password."""
    hall.limits.require("sign in address", address_of(request))
    hall.limits.require("sign in account", sent.email.lower())
    account = accounts.check(hall.records, sent.email, sent.password)
    return begin(hall, account, request, response, local(sent.to))


@router.delete("/session", summary="Sign out")
def sign_out(reader: AnyReader, hall: InHall, response: Response) -> Answer:
    """End this session."""
    if reader.session:
        sessions.close(hall.records, reader.actor, reader.session.id)
    response.delete_cookie(SESSION, path="/")
    return Answer(location="/")


@router.post("/links", summary="Set the password that a link asks for, and sign in")
def accept(sent: Accept, hall: InHall, request: Request, response: Response) -> SignedIn:
    """Follow a link, once."""
    hall.limits.require("link address", address_of(request))
    account = accounts.accept(hall.records, sent.token, sent.password, sent.email, sent.name)
    return begin(hall, account, request, response, "/")


def begin(hall: Hall, account: Account, request: Request, response: Response, to: str) -> SignedIn:
    """Begin the session of an account; the one that this browser had ends."""
    old = token_of(request)
    known = sessions.current(hall.records, old) if old else None
    if known:
        sessions.close(hall.records, Actor(known.kind, known.subject), known.id)
    device = request.headers.get("user-agent", "")
    _, token = sessions.begin(hall.records, Kind.ACCOUNT, account.id, account.role, device)
    put_cookie(response, hall, token, sessions.LASTS_S[Kind.ACCOUNT])
    return SignedIn(location=to, csrf=tokens.bound(token, CSRF))


def put_cookie(response: Response, hall: Hall, token: str, lasts_s: float) -> None:
    """Give a browser the secret of its session: no script reads it, no other site sends it."""
    response.set_cookie(
        SESSION, token, max_age=round(lasts_s), path="/", httponly=True, samesite="lax", secure=hall.settings.lan
    )


def address_of(request: Request) -> str:
    """Return the address that a request came from."""
    return request.client.host if request.client else "?"
