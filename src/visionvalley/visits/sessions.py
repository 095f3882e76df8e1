# SPDX-License-Identifier: Apache-2.0
"""Sessions: who is signed in on which device: accounts, guests, screens. The cookie's token is kept hashed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from visionvalley.core import BadInput
from visionvalley.records import Records
from visionvalley.visits import clock, database, tokens
from visionvalley.visits.audit import note
from visionvalley.visits.tables import accounts, sessions
from visionvalley.visits.values import Actor, Kind, Role, Session

LASTS_S = {Kind.ACCOUNT: 7 * 86400.0, Kind.GUEST: 2 * 86400.0, Kind.SCREEN: 400 * 86400.0}
IDLE_S = {Kind.ACCOUNT: 12 * 3600.0, Kind.GUEST: 86400.0, Kind.SCREEN: 60 * 86400.0}
SEEN_EACH_S = 60.0  # a reader's page must not wait for a write each time
LONGEST_DEVICE = 200


def begin(
    records: Records, kind: Kind, subject: str, role: Role, device: str = "", *, lasts_s: float | None = None
) -> tuple[Session, str]:
    """Begin a session; return it and the token for the cookie. Sessions that are over are dropped on the way.

    lasts_s  until it ends in any case; by kind where None
    """
    at, token = clock.now(), tokens.new_token()
    made = Session(
        tokens.new_id(), kind, subject, role, _printable(device), at, at, clock.later(lasts_s or LASTS_S[kind])
    )
    row = {name: getattr(made, name) for name in made.__slots__}
    with database.writing(records) as connection:
        connection.execute(sessions.delete().where(sessions.c.expires <= at))
        connection.execute(sessions.insert(), row | {"token": tokens.kept(token)})
        note(connection, Actor(kind, subject), "session.begin", f"{kind}:{subject}")
    return made, token


def current(records: Records, token: str) -> Session | None:
    """Return the session of a cookie's token; None where it is over, closed, or its account is disabled."""
    with database.reading(records) as connection:
        row = connection.execute(select(sessions).where(sessions.c.token == tokens.kept(token))).first()
        if row is None or _over(row):
            return None
        if row.kind == Kind.ACCOUNT:
            asked = select(accounts.c.id).where(accounts.c.id == row.subject, accounts.c.disabled.is_(False))
            if connection.scalar(asked) is None:
                return None
    if row.seen < clock.later(-SEEN_EACH_S):
        with database.writing(records) as connection:
            connection.execute(sessions.update().where(sessions.c.id == row.id).values(seen=clock.now()))
    return _session(row)


def of(records: Records, kind: Kind, subject: str) -> tuple[Session, ...]:
    """Return the sessions of somebody, the latest first."""
    asked = select(sessions).where(sessions.c.kind == kind, sessions.c.subject == subject)
    return _found(records, asked)


def every(records: Records) -> tuple[Session, ...]:
    """Return all sessions that are not over, the latest first."""
    return _found(records, select(sessions))


def close(records: Records, by: Actor, id: str, *, owner: str | None = None) -> Session:
    """Close one session, of this subject where `owner` is given; raises BadInput where there is none."""
    with database.writing(records) as connection:
        row = connection.execute(select(sessions).where(sessions.c.id == id)).first()
        if row is None or owner not in (None, row.subject):
            raise BadInput("visits.no_session")
        connection.execute(sessions.delete().where(sessions.c.id == id))
        note(connection, by, "session.close", f"{row.kind}:{row.subject}")
        return _session(row)


def close_all(records: Records, by: Actor, kind: Kind, subject: str, *, but: str = "") -> int:
    """Close all sessions of somebody, but one; return how many."""
    theirs = (sessions.c.kind == kind, sessions.c.subject == subject, sessions.c.id != but)
    with database.writing(records) as connection:
        closed = connection.execute(sessions.delete().where(*theirs)).rowcount
        note(connection, by, "session.close", f"{kind}:{subject}", sessions=closed)
        return closed


def _found(records: Records, asked: Any) -> tuple[Session, ...]:
    with database.reading(records) as connection:
        rows = connection.execute(asked.order_by(sessions.c.seen.desc(), sessions.c.id)).all()
    return tuple(_session(row) for row in rows if not _over(row))


def _over(row: Row[Any]) -> bool:
    return bool(row.expires <= clock.now() or row.seen <= clock.later(-IDLE_S[Kind(row.kind)]))


def _session(row: Row[Any]) -> Session:
    return Session(
        row.id, Kind(row.kind), row.subject, Role(row.role), row.device, row.created, row.seen, row.expires
    )  # fmt: skip


def _printable(device: str) -> str:
    return "".join(letter for letter in device if letter.isprintable())[:LONGEST_DEVICE]
