# SPDX-License-Identifier: Apache-2.0
"""Rows that several people change: each change says which version was seen, and a stale one is told what changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, Table, select
from sqlalchemy import text as statement

from visionvalley.core import BadInput, Text, text
from visionvalley.visits import tokens, written
from visionvalley.visits.audit import note
from visionvalley.visits.tables import accounts, audit, visits
from visionvalley.visits.values import Actor

ONE_AT_A_TIME = 0x56616C6E  # PostgreSQL: lock of who changes a programme
IDS = frozenset({"room", "host", "organisation", "owner", "question", "account"})  # they tell nobody anything
TIMES = frozenset({"begins", "ends"})
LONGEST = 200  # characters of a value that a stale change is told


def one(connection: Connection, table: Table, id: str) -> Row[Any]:
    """Return a row by its id; raises BadInput where there is none."""
    row = connection.execute(select(table).where(table.c.id == id)).first()
    if row is None:
        raise BadInput("visits.no_row", kind=_kind(table))
    return row


def add(connection: Connection, by: Actor, table: Table, values: Mapping[str, Any]) -> Row[Any]:
    """Add a row with an id of its own and write that down; return it."""
    made = tokens.new_id()
    connection.execute(table.insert(), dict(values) | {"id": made, "version": 1})
    note(connection, by, f"{table.name}.add", f"{table.name}:{made}")
    return one(connection, table, made)


def change(
    connection: Connection, by: Actor, table: Table, id: str, version: int, values: Mapping[str, Any], **more: bool
) -> Row[Any]:
    """Change a row that was seen in this version, and write down which of its fields; return it.

    more  whether things that lie in other tables change with it, by name

    Raises BadInput where it is gone, or where somebody changed it meanwhile: the error says who, and what to.
    """
    old = one(connection, table, id)
    if old.version != version:
        raise BadInput("visits.stale", **_meanwhile(connection, table, old, version))
    fields = [name for name, value in values.items() if getattr(old, name) != value]
    fields += [name for name, changed in more.items() if changed]
    if not fields:
        return old
    connection.execute(table.update().where(table.c.id == id).values(**values, version=version + 1))
    note(connection, by, f"{table.name}.change", f"{table.name}:{id}", version=version + 1, fields=fields)
    return one(connection, table, id)


def remove(connection: Connection, by: Actor, table: Table, id: str, version: int) -> None:
    """Delete a row that was seen in this version; raises as `change`."""
    old = one(connection, table, id)
    if old.version != version:
        raise BadInput("visits.stale", **_meanwhile(connection, table, old, version))
    connection.execute(table.delete().where(table.c.id == id))
    note(connection, by, f"{table.name}.remove", f"{table.name}:{id}")


def alone(connection: Connection) -> None:
    """Let nobody else who calls this change anything until the transaction ends (SQLite has one writer anyway)."""
    if connection.dialect.name == "postgresql":
        connection.execute(statement("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})


def _meanwhile(connection: Connection, table: Table, now: Row[Any], seen: int) -> dict[str, Any]:
    """Return who changed a row since a version, and its fields that they changed as they are now."""
    asked = select(audit).where(audit.c.subject == f"{table.name}:{now.id}", audit.c.action == f"{table.name}.change")
    since = [one for one in connection.execute(asked.order_by(audit.c.number)) if one.details["version"] > seen]
    fields = dict.fromkeys(name for one in since for name in one.details["fields"])
    names = [_name(connection, one.actor) for one in since[-1:]]
    zone = getattr(now, "zone", None) or connection.scalar(select(visits.c.zone).where(visits.c.id == _visit(now)))
    return {"who": (names or ["-"])[0], "changes": _told([_field(now, name, zone or "UTC") for name in fields])}


def _visit(now: Row[Any]) -> str:
    return str(getattr(now, "visit", ""))


def _field(now: Row[Any], name: str, zone: str) -> Text:
    value = now._mapping.get(name)
    label = text(f"visits.field_{name}")
    if value is None or name in IDS:
        return text("visits.changed_field", field=label)
    shown = written.local(value, zone) if name in TIMES else str(value)[:LONGEST]
    return text("visits.changed_to", field=label, value=shown)


def _told(changes: list[Text]) -> Text | str:
    if not changes:
        return "-"
    told = changes[0]
    for each in changes[1:]:
        told = text("visits.and_also", first=told, second=each)
    return told


def _name(connection: Connection, actor: str) -> str:
    kind, _, named = actor.partition(":")
    found = connection.scalar(select(accounts.c.name).where(accounts.c.id == named)) if kind == "account" else None
    return found or kind


def _kind(table: Table) -> Text:
    return text(f"visits.kind_{table.name}")
