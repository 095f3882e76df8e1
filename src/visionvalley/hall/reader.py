# SPDX-License-Identifier: Apache-2.0
"""Who asks: the session behind a request, what that person may do, and how they read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from visionvalley.core import BadInput
from visionvalley.hall import languages
from visionvalley.hall.rights import RIGHTS
from visionvalley.hall.settings import Hall
from visionvalley.records import Records
from visionvalley.visits import accounts, sessions, tokens
from visionvalley.visits.values import Account, Actor, Kind, Role, Session

SESSION, LANGUAGE, THEME, SIZE = "valley_session", "valley_language", "valley_theme", "valley_size"
THEMES, SIZES = ("light", "dark"), ("small", "middle", "large")
CSRF = "csrf"


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who asks for a page or calls the API.

    session   None: nobody knows who it is
    account   of the house; None for guests and screens
    language  code of the language to answer in
    theme     'light', 'dark', or '' as the system says
    size      of text: 'small', 'middle', 'large'
    csrf      what this browser must send back with a change
    """

    session: Session | None = None
    account: Account | None = None
    language: str = languages.DEFAULT
    theme: str = ""
    size: str = "middle"
    csrf: str = ""

    @property
    def role(self) -> Role | None:
        """The role; None where nobody is signed in."""
        return self.session.role if self.session else None

    @property
    def actor(self) -> Actor:
        """Who the audit log names."""
        return Actor(self.session.kind, self.session.subject) if self.session else Actor("nobody")

    def may(self, action: str) -> bool:
        """Whether the table of rights lets this role do something."""
        return self.role in RIGHTS[action]

    def require(self, action: str) -> None:
        """Raise BadInput where the reader may not do something: nobody signed in, or another role."""
        if not self.may(action):
            raise BadInput("hall.forbidden" if self.session else "hall.sign_in")


def hall_of(request: Request) -> Hall:
    """Return the hall that a request came to."""
    return cast(Hall, request.app.state.hall)


def records_of(request: Request) -> Records:
    """Return where the hall's records lie."""
    return hall_of(request).records


def token_of(request: Request) -> str:
    """Return the secret of the session's cookie; empty where there is none."""
    return request.cookies.get(SESSION, "")


def stranger(request: Request) -> Reader:
    """Return a reader without looking into the database, such as for a page that says that it cannot be reached."""
    return _reader(request, None, None)


def reader_of(request: Request) -> Reader:
    """Return who asks; looked up once for a request."""
    known: Reader | None = getattr(request.state, "reader", None)
    if known is None:
        records, token = records_of(request), token_of(request)
        session = sessions.current(records, token) if token else None
        account = accounts.one(records, session.subject) if session and session.kind is Kind.ACCOUNT else None
        known = request.state.reader = _reader(request, session, account)
    return known


def _reader(request: Request, session: Session | None, account: Account | None) -> Reader:
    cookies, token = request.cookies, token_of(request)
    theme, size = cookies.get(THEME, ""), cookies.get(SIZE, "")
    accepted = request.headers.get("accept-language", "")
    return Reader(
        session,
        account,
        languages.chosen(account.language if account else None, cookies.get(LANGUAGE), accepted=accepted),
        theme if theme in THEMES else "",
        size if size in SIZES else "middle",
        tokens.bound(token, CSRF) if token else "",
    )


async def _hall(request: Request) -> Hall:
    """Give the hall; asynchronous, for what does not wait needs no thread."""
    return hall_of(request)


async def _records(request: Request) -> Records:
    return records_of(request)


AnyReader = Annotated[Reader, Depends(reader_of)]
InRecords = Annotated[Records, Depends(_records)]
InHall = Annotated[Hall, Depends(_hall)]
