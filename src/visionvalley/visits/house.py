# SPDX-License-Identifier: Apache-2.0
"""The house in visits: its rooms, and its hosts, guides and interpreters."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.exc import IntegrityError

from visionvalley.core import BadInput
from visionvalley.records import Records
from visionvalley.visits import database, rows, written
from visionvalley.visits import tables as t
from visionvalley.visits.plans import Duty, Room, Staff
from visionvalley.visits.values import Actor

MOST_SEATS = 100_000


def rooms(records: Records) -> tuple[Room, ...]:
    """Return all rooms by name."""
    with database.reading(records) as connection:
        found = connection.execute(select(t.rooms).order_by(func.lower(t.rooms.c.name), t.rooms.c.id))
        return tuple(Room(**row._mapping) for row in found)


def names(records: Records) -> dict[str, str]:
    """Return the names of rooms and of the staff by their ids."""
    return {one.id: one.name for one in rooms(records)} | {one.id: one.name for one in staff(records)}


def add_room(records: Records, by: Actor, name: str, seats: int | None = None) -> Room:
    """Add a room; raises BadInput where there is one of this name."""
    values = _room(name=name, seats=seats)
    with database.writing(records) as connection:
        try:
            return Room(**rows.add(connection, by, t.rooms, values)._mapping)
        except IntegrityError as error:
            raise BadInput("visits.room_taken", name=values["name"]) from error


def change_room(records: Records, by: Actor, id: str, version: int, **values: Any) -> Room:
    """Change name or seats of a room seen in this version; raises BadInput where that is stale, or the name taken."""
    new = _room(**values)
    with database.writing(records) as connection:
        try:
            return Room(**rows.change(connection, by, t.rooms, id, version, new)._mapping)
        except IntegrityError as error:
            raise BadInput("visits.room_taken", name=new.get("name", "")) from error


def remove_room(records: Records, by: Actor, id: str, version: int) -> None:
    """Remove a room that no programme needs; raises BadInput where one does."""
    with database.writing(records) as connection:
        rows.alone(connection)
        if connection.scalar(select(func.count()).where(t.programme.c.room == id)):
            raise BadInput("visits.in_use")
        rows.remove(connection, by, t.rooms, id, version)


def staff(records: Records) -> tuple[Staff, ...]:
    """Return hosts, guides and interpreters by name."""
    with database.reading(records) as connection:
        found = connection.execute(select(t.staff).order_by(func.lower(t.staff.c.name), t.staff.c.id))
        return tuple(map(staff_of, found))


def add_staff(
    records: Records, by: Actor, kind: Duty, name: str, languages: str = "", account: str | None = None
) -> Staff:
    """Add somebody of the house.

    languages  codes with blanks between
    account    of the hall, where they have one

    Raises BadInput for an account that is not there.
    """
    values = _staff(kind=kind, name=name, languages=languages, account=account)
    with database.writing(records) as connection:
        _require_account(connection, values)
        return staff_of(rows.add(connection, by, t.staff, values))


def change_staff(records: Records, by: Actor, id: str, version: int, **values: Any) -> Staff:
    """Change kind, name, languages or account of one seen in this version; raises BadInput where that is stale."""
    new = _staff(**values)
    with database.writing(records) as connection:
        _require_account(connection, new)
        return staff_of(rows.change(connection, by, t.staff, id, version, new))


def remove_staff(records: Records, by: Actor, id: str, version: int) -> None:
    """Remove somebody whom no programme needs; raises BadInput where one does."""
    with database.writing(records) as connection:
        rows.alone(connection)
        if connection.scalar(select(func.count()).where(t.programme_staff.c.person == id)):
            raise BadInput("visits.in_use")
        rows.remove(connection, by, t.staff, id, version)


def staff_of(row: Row[Any]) -> Staff:
    """Return one of the staff from a row."""
    return Staff(**dict(row._mapping) | {"kind": Duty(row.kind)})


def _room(**values: Any) -> dict[str, Any]:
    if "name" in values:
        values["name"] = written.line(values["name"], "name")
    if values.get("seats") is not None and not 0 < values["seats"] <= MOST_SEATS:
        raise BadInput("visits.bad_seats", most=MOST_SEATS)
    return values


def _staff(**values: Any) -> dict[str, Any]:
    if "name" in values:
        values["name"] = written.line(values["name"], "name")
    if "languages" in values:
        values["languages"] = " ".join(map(written.language, values["languages"].split()[:12]))
    return values | ({"account": values["account"] or None} if "account" in values else {})


def _require_account(connection: Connection, values: dict[str, Any]) -> None:
    account = values.get("account")
    if account and connection.scalar(select(t.accounts.c.id).where(t.accounts.c.id == account)) is None:
        raise BadInput("visits.no_account")
