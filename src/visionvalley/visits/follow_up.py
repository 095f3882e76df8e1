# SPDX-License-Identifier: Apache-2.0
"""What is to follow after a visit: what, who does it, by when, whether it is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, select

from visionvalley.core import BadInput, text
from visionvalley.records import Records
from visionvalley.visits import clock, database, rows, written
from visionvalley.visits import tables as t
from visionvalley.visits.exchange import FollowUp
from visionvalley.visits.values import Actor

FIELDS = ("text", "owner", "due", "done")


def of_visit(records: Records, visit: str) -> tuple[FollowUp, ...]:
    """Return what is to follow a visit, what is due first first."""
    return _found(records, t.follow_ups.c.visit == visit)


def of_owner(records: Records, owner: str) -> tuple[FollowUp, ...]:
    """Return what somebody has still to do, what is due first first."""
    return _found(records, (t.follow_ups.c.owner == owner) & t.follow_ups.c.done.is_(None))


def add(
    records: Records, by: Actor, visit: str, what: str, owner: str, due: str, question: str | None = None
) -> FollowUp:
    """Add something to be done by the account `owner` until the date `due`; raises BadInput for an unknown account."""
    values: dict[str, Any] = {"text": written.paragraphs(what, "text"), "owner": owner, "due": written.day(due)}
    with database.writing(records) as connection:
        rows.one(connection, t.visits, visit)
        _require_owner(connection, owner)
        if question and rows.one(connection, t.questions, question).visit != visit:
            raise BadInput("visits.no_row", kind=text("visits.kind_questions"))
        more = {"visit": visit, "question": question or None, "done": None}
        return FollowUp(**rows.add(connection, by, t.follow_ups, values | more)._mapping)


def change(records: Records, by: Actor, id: str, version: int, **values: Any) -> FollowUp:
    """Change text, owner, due date or whether it is done, seen in this version; raises BadInput where that is stale."""
    checks: dict[str, Callable[[Any], Any]] = {
        "text": lambda value: written.paragraphs(value, "text"),
        "owner": str,
        "due": written.day,
        "done": lambda value: clock.now() if value else None,
    }
    new = {name: checks[name](values[name]) for name in FIELDS if name in values}
    with database.writing(records) as connection:
        if "owner" in new:
            _require_owner(connection, new["owner"] or "")
        if new.get("done"):
            new["done"] = rows.one(connection, t.follow_ups, id).done or new["done"]
        return FollowUp(**rows.change(connection, by, t.follow_ups, id, version, new)._mapping)


def remove(records: Records, by: Actor, id: str, version: int) -> None:
    """Remove something that is not to be done any more; raises BadInput where it is stale."""
    with database.writing(records) as connection:
        rows.remove(connection, by, t.follow_ups, id, version)


def _require_owner(connection: Connection, owner: str) -> None:
    asked = select(t.accounts.c.id).where(t.accounts.c.id == owner, t.accounts.c.disabled.is_(False))
    if connection.scalar(asked) is None:
        raise BadInput("visits.no_account")


def _found(records: Records, which: Any) -> tuple[FollowUp, ...]:
    asked = select(t.follow_ups).where(which).order_by(t.follow_ups.c.due, t.follow_ups.c.id)
    with database.reading(records) as connection:
        return tuple(FollowUp(**row._mapping) for row in connection.execute(asked))
