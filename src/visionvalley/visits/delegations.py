# SPDX-License-Identifier: Apache-2.0
"""Organisations, delegations and their members: who comes, in which language, and who agreed to be named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, func, select

from visionvalley.core import BadInput
from visionvalley.records import Records
from visionvalley.visits import clock, database, rows, written
from visionvalley.visits import tables as t
from visionvalley.visits.plans import Delegation, Member, Organisation
from visionvalley.visits.values import Actor

NAMED = "named"  # the purpose of a consent: screens greet a guest by name
MOST_MEMBERS = 500


def every(records: Records) -> tuple[Delegation, ...]:
    """Return all delegations by name."""
    with database.reading(records) as connection:
        found = connection.execute(select(t.delegations).order_by(func.lower(t.delegations.c.name), t.delegations.c.id))
        return tuple(Delegation(**row._mapping) for row in found)


def organisations(records: Records) -> tuple[Organisation, ...]:
    """Return all organisations by name."""
    asked = select(t.organisations).order_by(func.lower(t.organisations.c.name), t.organisations.c.id)
    with database.reading(records) as connection:
        return tuple(Organisation(**row._mapping) for row in connection.execute(asked))


def one(records: Records, id: str) -> Delegation:
    """Return a delegation; raises BadInput where there is none."""
    with database.reading(records) as connection:
        return Delegation(**rows.one(connection, t.delegations, id)._mapping)


def add_organisation(records: Records, by: Actor, name: str, country: str = "") -> Organisation:
    """Add an organisation; `country`: two letters, or empty."""
    values = {"name": written.line(name, "name"), "country": written.country(country)}
    with database.writing(records) as connection:
        return Organisation(**rows.add(connection, by, t.organisations, values)._mapping)


def change_organisation(records: Records, by: Actor, id: str, version: int, **values: Any) -> Organisation:
    """Change name or country of an organisation seen in this version; raises BadInput where that is stale."""
    checks: dict[str, Callable[[Any], Any]] = {
        "name": lambda value: written.line(value, "name"),
        "country": written.country,
    }
    new = {name: checks[name](value) for name, value in values.items()}
    with database.writing(records) as connection:
        return Organisation(**rows.change(connection, by, t.organisations, id, version, new)._mapping)


def add(records: Records, by: Actor, name: str, organisation: str | None = None) -> Delegation:
    """Add a delegation of an organisation, or of none."""
    values = {"name": written.line(name, "name"), "organisation": organisation or None}
    with database.writing(records) as connection:
        if organisation:
            rows.one(connection, t.organisations, organisation)
        return Delegation(**rows.add(connection, by, t.delegations, values)._mapping)


def change(records: Records, by: Actor, id: str, version: int, **values: Any) -> Delegation:
    """Change name or organisation of a delegation seen in this version; raises BadInput where that is stale."""
    if "name" in values:
        values["name"] = written.line(values["name"], "name")
    with database.writing(records) as connection:
        if values.get("organisation"):
            rows.one(connection, t.organisations, values["organisation"])
        return Delegation(**rows.change(connection, by, t.delegations, id, version, values)._mapping)


def members(records: Records, delegation: str) -> tuple[Member, ...]:
    """Return the members of a delegation in the order in which they were added."""
    with database.reading(records) as connection:
        return members_of(connection, delegation)


def members_of(connection: Connection, delegation: str) -> tuple[Member, ...]:
    """Return the members of a delegation in the order in which they were added."""
    asked = select(t.members).where(t.members.c.delegation == delegation)
    found = connection.execute(asked.order_by(t.members.c.created, func.lower(t.members.c.name), t.members.c.id))
    return tuple(Member(**row._mapping) for row in found)


def member(records: Records, id: str) -> Member:
    """Return a member; raises BadInput where there is none."""
    with database.reading(records) as connection:
        return Member(**rows.one(connection, t.members, id)._mapping)


def add_member(
    records: Records,
    by: Actor,
    delegation: str,
    name: str,
    language: str,
    *,
    title: str = "",
    email: str = "",
    named: bool = False,
) -> Member:
    """Add a member to a delegation; `named`: they agreed that screens greet them by name."""
    values = _checked(name=name, language=language, title=title, email=email, named=named)
    with database.writing(records) as connection:
        rows.alone(connection)
        rows.one(connection, t.delegations, delegation)
        if (connection.scalar(select(func.count()).where(t.members.c.delegation == delegation)) or 0) >= MOST_MEMBERS:
            raise BadInput("visits.too_many_members", most=MOST_MEMBERS)
        made = rows.add(connection, by, t.members, values | {"delegation": delegation, "created": clock.now()})
        _note_consent(connection, made.id, named)
        return Member(**made._mapping)


def change_member(records: Records, by: Actor, id: str, version: int, **values: Any) -> Member:
    """Change name, title, e-mail, language or consent of a member seen in this version; raises where that is stale."""
    new = _checked(**values)
    with database.writing(records) as connection:
        old = rows.one(connection, t.members, id)
        changed = rows.change(connection, by, t.members, id, version, new)
        if changed.named != old.named:
            _note_consent(connection, id, changed.named)
        return Member(**changed._mapping)


def consent(records: Records, member: str, named: bool) -> Member:
    """Note that a guest agrees, or no longer, to be greeted by name. Their word counts whatever version was seen."""
    with database.writing(records) as connection:
        old = rows.one(connection, t.members, member)
        by = Actor("guest", member)
        changed = rows.change(connection, by, t.members, member, old.version, {"named": named})
        if changed.named != old.named:
            _note_consent(connection, member, named)
        return Member(**changed._mapping)


def choose_language(records: Records, member: str, language: str) -> None:
    """Remember in which language a guest reads."""
    new = {"language": written.language(language)}
    with database.writing(records) as connection:
        old = rows.one(connection, t.members, member)
        rows.change(connection, Actor("guest", member), t.members, member, old.version, new)


def _note_consent(connection: Connection, member: str, given: bool) -> None:
    row = {"member": member, "purpose": NAMED, "given": given, "at": clock.now()}
    connection.execute(t.consents.insert(), row)


def _checked(**values: Any) -> dict[str, Any]:
    checks: dict[str, Callable[[Any], Any]] = {
        "name": lambda value: written.line(value, "name"),
        "title": lambda value: written.line(value, "title", empty=True),
        "email": written.email,
        "language": written.language,
        "named": bool,
    }
    return {name: checks[name](value) for name, value in values.items()}
