# SPDX-License-Identifier: Apache-2.0
"""The programme of a visit: entries with times, a stand or room, and people; who or what is taken twice is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from visionvalley.core import BadInput, Text, text
from visionvalley.records import Records
from visionvalley.visits import clashes, database, rows, written
from visionvalley.visits import tables as t
from visionvalley.visits.calendar import outside_visit
from visionvalley.visits.plans import Activity, Entry, Visit
from visionvalley.visits.values import Actor

FIELDS = ("kind", "title", "stand", "room", "begins", "ends", "note")
PEOPLE = {"staff": t.programme_staff, "members": t.programme_members}
MARGIN_S = 86400  # entries of other visits that are looked at for the nearest free time


def of_visit(records: Records, visit: str) -> tuple[Entry, ...]:
    """Return the entries of a visit in their order."""
    with database.reading(records) as connection:
        return entries_of(connection, t.programme.c.visit == visit)


def beside(records: Records, visit: str) -> tuple[Entry, ...]:
    """Return the entries of other visits that are in the house at the same time."""
    with database.reading(records) as connection:
        this = rows.one(connection, t.visits, visit)
        same = (t.programme.c.begins < this.ends) & (t.programme.c.ends > this.begins)
        return entries_of(connection, same & (t.programme.c.visit != visit))


def one(records: Records, id: str) -> Entry:
    """Return an entry; raises BadInput where there is none."""
    with database.reading(records) as connection:
        return _one(connection, id)


def of_member(records: Records, visit: str, member: str) -> tuple[Entry, ...]:
    """Return the entries of a visit that are for a guest: those of the whole delegation, and their own."""
    return tuple(one for one in of_visit(records, visit) if not one.members or member in one.members)


def add(
    records: Records,
    by: Actor,
    visit: str,
    kind: Activity,
    title: str,
    begins: str,
    ends: str,
    **more: Any,
) -> Entry:
    """Add an entry; times without an offset are meant in the visit's time zone.

    more  of stand, room, note, staff, members as in `Entry`

    Raises BadInput where it lies outside the visit, and where a person, the room or the stand is taken: the error
    names what is, by what, and the nearest time when all are free.
    """
    blank: dict[str, Any] = {"stand": "", "room": None, "note": "", "staff": (), "members": ()}
    values = blank | {"kind": kind, "title": title, "begins": begins, "ends": ends} | more
    with database.writing(records) as connection:
        rows.alone(connection)
        theirs = Visit(**rows.one(connection, t.visits, visit)._mapping)
        wanted = _wanted(connection, theirs, Entry(id="", visit=visit, version=1, **values))
        made = rows.add(connection, by, t.programme, _columns(wanted))
        _set_people(connection, made.id, wanted)
        return replace(wanted, id=made.id)


def change(records: Records, by: Actor, id: str, version: int, **values: Any) -> Entry:
    """Change an entry seen in this version; raises as `add`, and where somebody else changed it meanwhile."""
    with database.writing(records) as connection:
        rows.alone(connection)
        old = _one(connection, id)
        theirs = Visit(**rows.one(connection, t.visits, old.visit)._mapping)
        if old.version != version:
            rows.change(connection, by, t.programme, id, version, {})  # says who changed what
        new = _wanted(connection, theirs, replace(old, **values))
        changed = {name: getattr(new, name) != getattr(old, name) for name in PEOPLE}
        rows.change(connection, by, t.programme, id, version, _columns(new), **changed)
        _set_people(connection, id, new)
        return _one(connection, id)


def remove(records: Records, by: Actor, id: str, version: int) -> None:
    """Remove an entry seen in this version; raises BadInput where somebody else changed it meanwhile."""
    with database.writing(records) as connection:
        rows.remove(connection, by, t.programme, id, version)


def _one(connection: Connection, id: str) -> Entry:
    rows.one(connection, t.programme, id)
    return entries_of(connection, t.programme.c.id == id)[0]


def entries_of(connection: Connection, which: Any) -> tuple[Entry, ...]:
    """Return entries in their order, with their people."""
    asked = select(t.programme).where(which).order_by(t.programme.c.begins, t.programme.c.ends, t.programme.c.id)
    found = connection.execute(asked).all()
    people = {name: _people(connection, table, which) for name, table in PEOPLE.items()}
    return tuple(_entry(row, people) for row in found)


def _people(connection: Connection, table: Any, which: Any) -> dict[str, tuple[str, ...]]:
    """Return the people of each entry."""
    asked = select(table.c.entry, table.c.person).join(t.programme, t.programme.c.id == table.c.entry).where(which)
    found: dict[str, tuple[str, ...]] = {}
    for entry, person in connection.execute(asked.order_by(table.c.person)):
        found[entry] = (*found.get(entry, ()), person)
    return found


def _entry(row: Row[Any], people: dict[str, dict[str, tuple[str, ...]]]) -> Entry:
    more = {name: theirs.get(row.id, ()) for name, theirs in people.items()}
    return Entry(**dict(row._mapping) | {"kind": Activity(row.kind)} | more)


def _columns(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in ("visit", *FIELDS)}


def _set_people(connection: Connection, id: str, entry: Entry) -> None:
    for name, table in PEOPLE.items():
        connection.execute(table.delete().where(table.c.entry == id))
        if people := getattr(entry, name):
            connection.execute(table.insert(), [{"entry": id, "person": one} for one in people])


def _wanted(connection: Connection, visit: Visit, entry: Entry) -> Entry:
    """Return an entry whose fields are as they are kept; raises BadInput where it cannot be."""
    checked = replace(
        entry,
        title=written.line(entry.title, "title"),
        stand=written.line(entry.stand, "stand", empty=True, longest=64),
        room=entry.room or None,
        note=written.paragraphs(entry.note, "note", empty=True),
        begins=written.moment(entry.begins, visit.zone),
        ends=written.moment(entry.ends, visit.zone),
        staff=tuple(sorted(set(entry.staff))),
        members=tuple(sorted(set(entry.members))),
    )
    if checked.begins >= checked.ends or checked.begins < visit.begins or checked.ends > visit.ends:
        raise outside_visit(visit, checked.title)
    _require_known(connection, visit, checked)
    _require_free(connection, visit, checked)
    return checked


def _require_known(connection: Connection, visit: Visit, entry: Entry) -> None:
    if entry.room:
        rows.one(connection, t.rooms, entry.room)
    for person in entry.staff:
        rows.one(connection, t.staff, person)
    theirs = connection.scalars(select(t.members.c.id).where(t.members.c.delegation == visit.delegation))
    if not set(entry.members) <= set(theirs):
        raise BadInput("visits.no_row", kind=text("visits.kind_members"))


def _require_free(connection: Connection, visit: Visit, entry: Entry) -> None:
    """Raise BadInput where somebody or something that an entry needs is taken."""
    begin_s, end_s = _seconds(visit.begins) - MARGIN_S, _seconds(visit.ends) + MARGIN_S
    window = (t.programme.c.ends > _kept(begin_s), t.programme.c.begins < _kept(end_s))
    known = entries_of(connection, window[0] & window[1])
    delegations = _delegations(connection, {one.visit for one in known} | {visit.id})
    others = [_taken(one, delegations) for one in known]
    wanted = _taken(entry, delegations)
    found = clashes.clash(wanted, others)
    if found is None:
        return
    free = clashes.nearest_free(wanted, others, _seconds(visit.begins), _seconds(visit.ends))
    other = next(one for one in known if one.id == found.other.entry)
    told = {
        "who": _who(connection, found.need),
        "title": other.title,
        "begins": written.local(other.begins, visit.zone, entry.begins),
        "ends": written.local(other.ends, visit.zone, entry.begins),
    }
    if free is None:
        raise BadInput("visits.clash_always", **told)
    raise BadInput("visits.clash", **told, free=written.local(_kept(free), visit.zone, entry.begins))


def _delegations(connection: Connection, visits: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the members of the delegation of each visit."""
    asked = select(t.visits.c.id, t.members.c.id).join(t.members, t.members.c.delegation == t.visits.c.delegation)
    found: dict[str, tuple[str, ...]] = {}
    for visit, member in connection.execute(asked.where(t.visits.c.id.in_(list(visits)))):
        found[visit] = (*found.get(visit, ()), member)
    return found


def _taken(entry: Entry, delegations: dict[str, tuple[str, ...]]) -> clashes.Taken:
    guests: Sequence[str] = entry.members or delegations.get(entry.visit, ())
    needs = {f"members:{one}" for one in guests} | {f"staff:{one}" for one in entry.staff}
    needs |= {f"delegation:{entry.visit}"} if not entry.members else set()
    needs |= {f"rooms:{entry.room}"} if entry.room else set()
    needs |= {f"stand:{entry.stand}"} if entry.stand else set()
    return clashes.Taken(entry.id, _seconds(entry.begins), _seconds(entry.ends), frozenset(needs))


def _who(connection: Connection, need: str) -> str | Text:
    """Return the name of what is taken."""
    kind, _, named = need.partition(":")
    if kind == "stand":
        return text("visits.the_stand", stand=named)
    if kind == "delegation":
        return text("visits.the_delegation")
    table = {"members": t.members, "staff": t.staff, "rooms": t.rooms}[kind]
    return str(rows.one(connection, table, named).name)


def _seconds(kept: str) -> int:
    return int(datetime.fromisoformat(kept).timestamp())


def _kept(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
