# SPDX-License-Identifier: Apache-2.0
"""Personal data: everything that is known of a guest, its erasure, and how long it is kept.

Runs that a guest made have the owner that `owner_of` returns; they, their inputs that were uploaded and their artefacts
go with the guest. In the audit log a pseudonym takes their place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from visionvalley.records import Records, Wanted, erase, find
from visionvalley.visits import clock, database, programme, questions, rows
from visionvalley.visits import tables as t
from visionvalley.visits.audit import note, pseudonymise
from visionvalley.visits.plans import Visit
from visionvalley.visits.values import Actor, Kind

FREE_TEXTS = (  # where somebody of the house may have written a guest's name
    (t.questions, "text"),
    (t.questions, "answer"),
    (t.follow_ups, "text"),
    (t.programme, "title"),
    (t.programme, "note"),
    (t.visits, "title"),
)
GONE = "[…]"
SHORTEST_NAME = 4  # bytes; shorter ones are parts of other words
Told = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Erasure:
    """What went: questions that stay without their asker, questions erased, runs, files."""

    kept_questions: int
    erased_questions: int
    runs: int
    files: int


def owner_of(member: str) -> str:
    """Return whose the runs of a guest are."""
    return str(Actor(Kind.GUEST, member))


def export(records: Records, member: str) -> Told:
    """Return everything that is known of a guest, made of JSON values; raises BadInput where there is none."""
    with database.reading(records) as connection:
        me = rows.one(connection, t.members, member)
        delegation = rows.one(connection, t.delegations, me.delegation)
        visits = _rows(connection, t.visits, t.visits.c.delegation == delegation.id)
        told = {
            "member": dict(me._mapping),
            "delegation": dict(delegation._mapping),
            "organisation": _rows(connection, t.organisations, t.organisations.c.id == delegation.organisation),
            "visits": visits,
            "programme": _programme(connection, member, [one["id"] for one in visits]),
        }
        told |= {name: list(found) for name, found in _theirs(connection, member)}
        told["follow_ups"] = _rows(
            connection, t.follow_ups, t.follow_ups.c.question.in_([one["id"] for one in told["questions"]])
        )
        told["audit"] = _audit(connection, member)
    told["runs"] = [_run(one) for one in find(Wanted(owner=owner_of(member)), records)]
    return told


def lines(told: Mapping[str, Any]) -> Iterator[tuple[str, int, str, str]]:
    """Yield an export as lines of a table: what, its number, field, value."""
    for what, value in told.items():
        for number, row in enumerate(value if isinstance(value, list) else [value], 1):
            yield from ((what, number, field, "" if one is None else str(one)) for field, one in row.items())


def erase_member(
    records: Records, by: Actor, member: str, *, keep_questions: bool, uploads: Callable[[str], int] | None = None
) -> Erasure:
    """Erase a guest, so that nothing of them is left in the database's files nor among the artefacts.

    keep_questions  the texts of their questions stay for the next visitors, without a name; else they go, too
    uploads         erases files elsewhere of the owner that it is given and returns how many

    Raises BadInput where there is no such guest, and where others keep the database busy: what is left is gone the
    next time it is asked for.
    """
    owner = owner_of(member)
    with database.reading(records) as connection:
        rows.one(connection, t.members, member)
    brought = uploads(owner) if uploads else 0  # first: it stops what runs, which would be kept else
    runs = [one.id for one in find(Wanted(owner=owner), records)]
    gone = erase(runs, records) if runs else None
    files = (gone.files if gone else 0) + brought
    with database.writing(records) as connection:
        rows.alone(connection)
        me = rows.one(connection, t.members, member)
        kept, erased = questions.erase_of(connection, member, keep_questions)
        connection.execute(t.sessions.delete().where(t.sessions.c.kind == Kind.GUEST, t.sessions.c.subject == member))
        connection.execute(t.members.delete().where(t.members.c.id == member))
        _blacken(connection, me)
        known = _pseudonymised(connection, member)
        who = Actor(*known.split(":")) if by == Actor(Kind.GUEST, member) else by
        note(connection, who, "members.erase", known, questions="kept" if keep_questions else "erased")
    database.vacuum(records)
    return Erasure(kept, erased, gone.runs if gone else 0, files)


def overdue(records: Records, now: str | None = None) -> tuple[str, ...]:
    """Return the ids of guests whose last visit ended longer ago than it is kept."""
    at = now or clock.now()
    asked = select(t.members.c.id, t.visits).join(t.visits, t.visits.c.delegation == t.members.c.delegation)
    last: dict[str, str] = {}
    with database.reading(records) as connection:
        for row in connection.execute(asked):
            ends = clock.later(row.keep_days * 86400.0, row.ends)
            last[row[0]] = max(last.get(row[0], ""), ends)
    return tuple(sorted(member for member, ends in last.items() if ends <= at))


def prune(records: Records, by: Actor, now: str | None = None, **more: Any) -> int:
    """Erase all guests whose time is over, and keep their questions' texts; return how many."""
    found = overdue(records, now)
    for member in found:
        erase_member(records, by, member, keep_questions=True, **more)
    return len(found)


def keep_until(visit: Visit) -> str:
    """Return until when what is personal in a visit is kept."""
    return clock.later(visit.keep_days * 86400.0, visit.ends)


def _theirs(connection: Connection, member: str) -> Iterator[tuple[str, list[Told]]]:
    """Yield the rows that name a guest, of each table that can; secrets only as whether there are any."""
    for table in (t.consents, t.invitations, t.arrivals, t.questions):
        yield table.name, [_public(one) for one in _rows(connection, table, table.c.member == member)]
    theirs = (t.sessions.c.kind == Kind.GUEST) & (t.sessions.c.subject == member)
    yield "sessions", [_public(one) for one in _rows(connection, t.sessions, theirs)]


def _programme(connection: Connection, member: str, visits: list[str]) -> list[Told]:
    entries = programme.entries_of(connection, t.programme.c.visit.in_(visits))
    mine = [one for one in entries if not one.members or member in one.members]
    return [{name: getattr(one, name) for name in ("id", "visit", *programme.FIELDS)} for one in mine]


def _audit(connection: Connection, member: str) -> list[Told]:
    names = [f"{Kind.GUEST}:{member}", f"members:{member}"]
    return _rows(connection, t.audit, t.audit.c.actor.in_(names) | t.audit.c.subject.in_(names))


def _run(run: Any) -> Told:
    names = ("id", "application", "started", "verdict", "simulated")
    files = {"inputs": [one.name for one in run.inputs], "artefacts": [one.name for one in run.artefacts]}
    return {name: getattr(run, name) for name in names} | files


def _public(row: Told) -> Told:
    return {name: value for name, value in row.items() if name != "token"}


def _rows(connection: Connection, table: Any, which: Any) -> list[Told]:
    return [dict(row._mapping) for row in connection.execute(select(table).where(which))]


def _blacken(connection: Connection, me: Any) -> None:
    """Take a guest's name and address out of texts that others wrote about the visits of their delegation."""
    names = [one for one in (me.name, me.email) if len(one.encode()) >= SHORTEST_NAME]
    if not names:
        return
    pattern = re.compile("|".join(re.escape(one) for one in names), re.IGNORECASE)
    visits = list(connection.scalars(select(t.visits.c.id).where(t.visits.c.delegation == me.delegation)))
    for table, column in FREE_TEXTS:
        theirs = (table.c.id if table is t.visits else table.c.visit).in_(visits)
        for row, text in connection.execute(select(table.c.id, table.c[column]).where(theirs)).all():
            if pattern.search(text):
                black = pattern.sub(GONE, text)
                new = {column: black, "version": table.c.version + 1}
                connection.execute(table.update().where(table.c.id == row).values(new))


def _pseudonymised(connection: Connection, member: str) -> str:
    pseudonymise(connection, f"members:{member}")
    return pseudonymise(connection, f"{Kind.GUEST}:{member}")
