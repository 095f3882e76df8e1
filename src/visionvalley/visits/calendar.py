# SPDX-License-Identifier: Apache-2.0
"""Visits by the clock: made, changed, found."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from visionvalley.core import BadInput
from visionvalley.records import Records
from visionvalley.visits import clock, database, rows, written
from visionvalley.visits import tables as t
from visionvalley.visits.plans import Visit
from visionvalley.visits.values import Actor

LONGEST = timedelta(days=31)
KEEP_DAYS, MOST_KEEP_DAYS = 90, 3650
FIELDS = ("title", "zone", "home_zone", "begins", "ends", "host", "keep_days")


def every(records: Records) -> tuple[Visit, ...]:
    """Return all visits, the latest first."""
    with database.reading(records) as connection:
        found = connection.execute(select(t.visits).order_by(t.visits.c.begins.desc(), t.visits.c.id))
        return tuple(Visit(**row._mapping) for row in found)


def one(records: Records, id: str) -> Visit:
    """Return a visit; raises BadInput where there is none."""
    with database.reading(records) as connection:
        return Visit(**rows.one(connection, t.visits, id)._mapping)


def current(records: Records, at: str | None = None) -> tuple[Visit, ...]:
    """Return the visits that are in the house at a time, now where None, the one that began last first."""
    at = at or clock.now()
    asked = select(t.visits).where(t.visits.c.begins <= at, t.visits.c.ends > at)
    with database.reading(records) as connection:
        found = connection.execute(asked.order_by(t.visits.c.begins.desc(), t.visits.c.id))
        return tuple(Visit(**row._mapping) for row in found)


def around(records: Records, at: str | None = None, *, margin_s: float = 86400.0) -> tuple[Visit, ...]:
    """Return the visits that are in the house within a margin before or after a time, in their order."""
    at = at or clock.now()
    begun, not_ended = clock.later(margin_s, at), clock.later(-margin_s, at)
    asked = select(t.visits).where(t.visits.c.begins <= begun, t.visits.c.ends > not_ended)
    with database.reading(records) as connection:
        found = connection.execute(asked.order_by(t.visits.c.begins, t.visits.c.id))
        return tuple(Visit(**row._mapping) for row in found)


def of_member(records: Records, member: str, at: str | None = None) -> Visit | None:
    """Return the visit of a guest that is now, else the next, else the last one; None where there is none."""
    at = at or clock.now()
    asked = select(t.visits).join(t.members, t.members.c.delegation == t.visits.c.delegation)
    with database.reading(records) as connection:
        found = connection.execute(asked.where(t.members.c.id == member).order_by(t.visits.c.begins))
        theirs = [Visit(**row._mapping) for row in found]
    return next((one for one in theirs if one.ends > at), theirs[-1] if theirs else None)


def add(
    records: Records,
    by: Actor,
    delegation: str,
    title: str,
    zone: str,
    begins: str,
    ends: str,
    *,
    home_zone: str = "",
    host: str | None = None,
    keep_days: int = KEEP_DAYS,
) -> Visit:
    """Add a visit of a delegation; times without an offset are meant in `zone`.

    Raises BadInput for a zone or time that is none, an end before its begin, and more than a month.
    """
    values = {"title": title, "zone": zone, "home_zone": home_zone, "begins": begins, "ends": ends, "host": host}
    with database.writing(records) as connection:
        rows.one(connection, t.delegations, delegation)
        return _add(connection, by, delegation, values | {"keep_days": keep_days})


def receive(
    records: Records, by: Actor, name: str, zone: str, begins: str, ends: str, *, organisation: str = "",
    country: str = "", **more: Any,
) -> Visit:  # fmt: skip
    """Add a visit, its delegation and, where it has a name, its organisation: all of them, or nothing.

    more  of title, home_zone, host, keep_days as in `add`; the title is the delegation's name unless it has its own

    Raises as `add`.
    """
    values = {"title": name, "zone": zone, "home_zone": "", "begins": begins, "ends": ends, "host": None}
    with database.writing(records) as connection:
        of = {"name": written.line(name, "name"), "organisation": None}
        if organisation.strip():
            told = {"name": written.line(organisation, "organisation"), "country": written.country(country)}
            of["organisation"] = rows.add(connection, by, t.organisations, told).id
        made = rows.add(connection, by, t.delegations, of)
        return _add(connection, by, made.id, values | {"keep_days": KEEP_DAYS} | more)


def _add(connection: Connection, by: Actor, delegation: str, values: dict[str, Any]) -> Visit:
    new = _checked(connection, values, values["zone"])
    made = rows.add(connection, by, t.visits, new | {"delegation": delegation, "created": clock.now()})
    return Visit(**made._mapping)


def change(records: Records, by: Actor, id: str, version: int, **values: Any) -> Visit:
    """Change a visit seen in this version; raises as `add`, where that is stale, and where entries would lie outside.

    values  of title, zone, home_zone, begins, ends, host, keep_days
    """
    with database.writing(records) as connection:
        rows.alone(connection)
        old = rows.one(connection, t.visits, id)
        new = _checked(connection, {name: values[name] for name in FIELDS if name in values}, old.zone, old)
        changed = Visit(**rows.change(connection, by, t.visits, id, version, new)._mapping)
        _require_inside(connection, changed)
        return changed


def remove(records: Records, by: Actor, id: str, version: int) -> None:
    """Remove a visit that was planned, with its programme; raises BadInput where it is stale, or guests asked in it."""
    with database.writing(records) as connection:
        rows.alone(connection)
        if connection.scalar(select(func.count()).where(t.questions.c.visit == id)):
            raise BadInput("visits.in_use")
        rows.remove(connection, by, t.visits, id, version)


def _checked(connection: Connection, values: dict[str, Any], zone: str, old: Any = None) -> dict[str, Any]:
    if "title" in values:
        values["title"] = written.line(values["title"], "title")
    zone = values["zone"] = written.zone(values.get("zone", zone))
    if "home_zone" in values:
        values["home_zone"] = written.zone(values["home_zone"] or zone)
    for name in ("begins", "ends"):
        if name in values:
            values[name] = written.moment(values[name], zone)
    _require_length(values.get("begins") or old.begins, values.get("ends") or old.ends)
    if "host" in values:
        values["host"] = values["host"] or None
        if values["host"]:
            rows.one(connection, t.staff, values["host"])
    if not 1 <= values.get("keep_days", KEEP_DAYS) <= MOST_KEEP_DAYS:
        raise BadInput("visits.bad_keep_days", most=MOST_KEEP_DAYS)
    return values


def _require_length(begins: str, ends: str) -> None:
    length = datetime.fromisoformat(ends) - datetime.fromisoformat(begins)
    if not timedelta(0) < length <= LONGEST:
        raise BadInput("visits.bad_length", days=LONGEST.days)


def _require_inside(connection: Connection, visit: Visit) -> None:
    outside = (t.programme.c.begins < visit.begins) | (t.programme.c.ends > visit.ends)
    asked = select(t.programme).where(t.programme.c.visit == visit.id, outside).order_by(t.programme.c.begins)
    row = connection.execute(asked).first()
    if row is not None:
        raise outside_visit(visit, row.title)


def outside_visit(visit: Visit, title: str) -> BadInput:
    """Return the error that says that an entry would lie outside its visit."""
    begins, ends = written.local(visit.begins, visit.zone), written.local(visit.ends, visit.zone)
    return BadInput("visits.outside_visit", title=title, begins=begins, ends=ends)
