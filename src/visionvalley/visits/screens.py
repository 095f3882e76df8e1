# SPDX-License-Identifier: Apache-2.0
"""Screens of the house: paired by a code that they show, told what to show, sent away.

A browser that wants to be a screen asks for a code and holds a secret; somebody of the house types the code, which
makes the screen; the browser hands in the secret and has its session. Both work once, and for ten minutes.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, select

from visionvalley.core import BadInput
from visionvalley.records import Records
from visionvalley.visits import clock, database, rows, sessions, tokens, written
from visionvalley.visits import tables as t
from visionvalley.visits.audit import note
from visionvalley.visits.values import Actor, Kind, Role

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # what nobody mistakes for another across a room
LENGTH = 6
LASTS_S = 600.0
MOST_OPEN = 500  # codes that wait to be typed


class Shows(StrEnum):
    """What a screen shows: the welcome, a stand for everybody to use, the answers that were published."""

    WELCOME = "welcome"
    STAND = "stand"
    ANSWERS = "answers"


@dataclass(frozen=True, slots=True)
class Screen:
    """A screen of the house.

    room   id of the room in which it hangs, or None
    stand  name of the stand at which it is, or that it shows; or empty
    """

    id: str
    name: str
    room: str | None
    stand: str
    shows: Shows
    created: str
    version: int


@dataclass(frozen=True, slots=True)
class Pairing:
    """A code that a browser shows until somebody types it."""

    code: str
    expires: str


def every(records: Records) -> tuple[Screen, ...]:
    """Return all screens by name."""
    asked = select(t.screens).order_by(func.lower(t.screens.c.name), t.screens.c.id)
    with database.reading(records) as connection:
        return tuple(map(_screen, connection.execute(asked)))


def one(records: Records, id: str) -> Screen | None:
    """Return a screen; None where there is none any more."""
    with database.reading(records) as connection:
        row = connection.execute(select(t.screens).where(t.screens.c.id == id)).first()
        return _screen(row) if row is not None else None


def begin(records: Records) -> tuple[Pairing, str]:
    """Return a new code and the secret of the browser that shows it; raises BadInput where too many wait."""
    token, at = tokens.new_token(), clock.now()
    with database.writing(records) as connection:
        rows.alone(connection)
        connection.execute(t.pairings.delete().where(t.pairings.c.expires <= at))
        known = set(connection.scalars(select(t.pairings.c.code)))
        if len(known) >= MOST_OPEN:
            raise BadInput("visits.too_many_codes", most=MOST_OPEN)
        made = Pairing(_code(known), clock.later(LASTS_S, at))
        row = {"token": tokens.kept(token), "code": made.code, "expires": made.expires, "screen": None}
        connection.execute(t.pairings.insert(), row)
    return made, token


def pair(
    records: Records, by: Actor, code: str, name: str, shows: Shows, *, room: str | None = None, stand: str = ""
) -> Screen:
    """Make a screen of the browser that shows a code; raises BadInput where none does, or the code was typed before."""
    values = _checked(name=name, shows=shows, room=room, stand=stand)
    with database.writing(records) as connection:
        rows.alone(connection)
        _require_known(connection, values)
        same = t.pairings.c.code == _plain(code)
        waiting = select(t.pairings).where(same, t.pairings.c.expires > clock.now(), t.pairings.c.screen.is_(None))
        if connection.execute(waiting).first() is None:
            raise BadInput("visits.no_code")
        made = _screen(rows.add(connection, by, t.screens, values | {"created": clock.now()}))
        connection.execute(t.pairings.update().where(same).values(screen=made.id))
        return made


def claim(records: Records, token: str, device: str = "") -> tuple[Screen, str] | None:
    """Return the screen that a browser became and the token of its session, once; None while nobody typed its code.

    Raises BadInput where the code has expired, or the session was begun before.
    """
    mine = t.pairings.c.token == tokens.kept(token)
    with database.writing(records) as connection:
        row = connection.execute(select(t.pairings).where(mine)).first()
        if row is None or row.expires <= clock.now():
            raise BadInput("visits.no_code")
        if row.screen is None:
            return None
        connection.execute(t.pairings.delete().where(mine))
        screen = _screen(rows.one(connection, t.screens, row.screen))
    _, session = sessions.begin(records, Kind.SCREEN, screen.id, Role.SCREEN, device)
    return screen, session


def change(records: Records, by: Actor, id: str, version: int, **values: Any) -> Screen:
    """Change name, room, stand or what a screen shows, seen in this version; raises BadInput where that is stale."""
    new = _checked(**values)
    with database.writing(records) as connection:
        _require_known(connection, new)
        return _screen(rows.change(connection, by, t.screens, id, version, new))


def remove(records: Records, by: Actor, id: str, version: int) -> None:
    """Send a screen away, seen in this version: its session ends at once."""
    with database.writing(records) as connection:
        rows.remove(connection, by, t.screens, id, version)
        theirs = (t.sessions.c.kind == Kind.SCREEN, t.sessions.c.subject == id)
        closed = connection.execute(t.sessions.delete().where(*theirs)).rowcount
        note(connection, by, "session.close", f"{Kind.SCREEN}:{id}", sessions=closed)


def seen(records: Records) -> dict[str, str]:
    """Return when each screen that has a session was last heard of, by its id."""
    screens = [one for one in sessions.every(records) if one.kind is Kind.SCREEN]
    return {one.subject: one.seen for one in reversed(screens)}


def _code(known: set[str]) -> str:
    while True:
        made = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        if made not in known:
            return made


def _plain(code: str) -> str:
    return "".join(letter for letter in code.upper() if letter in ALPHABET)


def _checked(**values: Any) -> dict[str, Any]:
    if "name" in values:
        values["name"] = written.line(values["name"], "name")
    if "stand" in values:
        values["stand"] = written.line(values["stand"], "stand", empty=True, longest=64)
    if "room" in values:
        values["room"] = values["room"] or None
    return values


def _require_known(connection: Connection, values: dict[str, Any]) -> None:
    if values.get("room"):
        rows.one(connection, t.rooms, values["room"])


def _screen(row: Any) -> Screen:
    return Screen(**dict(row._mapping) | {"shows": Shows(row.shows)})
