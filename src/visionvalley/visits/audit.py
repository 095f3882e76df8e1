# SPDX-License-Identifier: Apache-2.0
"""The audit log: who did what, when. It only grows; who is erased from the hall stands there as a pseudonym."""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import Connection, func, or_, select

from visionvalley.records import Records
from visionvalley.visits import clock, database
from visionvalley.visits.tables import audit
from visionvalley.visits.values import Actor, Entry

ERASED = "erased"


def note(connection: Connection, actor: Actor, action: str, subject: str = "", **details: Any) -> None:
    """Write down, in the transaction of the change itself, that `actor` did `action`, such as 'account.invite'.

    subject  whom or what it was done to, as 'kind:id'
    details  JSON values, nothing personal: this log is never erased
    """
    row = {"at": clock.now(), "actor": str(actor), "action": action, "subject": subject, "details": details}
    connection.execute(audit.insert(), row)


def entries(
    records: Records,
    *,
    action: str | None = None,
    about: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> tuple[Entry, ...]:
    """Return entries, the latest first.

    action  only this one, or those of a room: 'account' for 'account.invite'
    about   'kind:id' of who acted or was acted upon
    before  only those with a smaller number: the next page
    """
    asked = select(audit).order_by(audit.c.number.desc()).limit(limit)
    if action:
        asked = asked.where(or_(audit.c.action == action, audit.c.action.startswith(f"{action}.", autoescape=True)))
    if about:
        asked = asked.where(or_(audit.c.actor == about, audit.c.subject == about))
    if before is not None:
        asked = asked.where(audit.c.number < before)
    with database.reading(records) as connection:
        return tuple(Entry(**row._mapping) for row in connection.execute(asked))


def newest(records: Records) -> int:
    """Return the number of the latest entry that tells of more than somebody's session; 0 where there is none."""
    asked = select(func.max(audit.c.number)).where(audit.c.action.not_like("session.%"))
    with database.reading(records) as connection:
        return connection.scalar(asked) or 0


def pseudonymise(connection: Connection, name: str) -> str:
    """Replace 'kind:id' everywhere by one pseudonym that leads nowhere; return it."""
    pseudonym = f"{ERASED}:{secrets.token_hex(8)}"
    for column in (audit.c.actor, audit.c.subject):
        connection.execute(audit.update().where(column == name).values({column.name: pseudonym}))
    return pseudonym
