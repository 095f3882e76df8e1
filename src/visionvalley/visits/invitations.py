# SPDX-License-Identifier: Apache-2.0
"""Invitations: links that let a guest in without a password. Only the hash of a link's token is kept."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, or_, select

from visionvalley.core import BadInput
from visionvalley.records import Records
from visionvalley.visits import clock, database, rows, tokens
from visionvalley.visits import tables as t
from visionvalley.visits.audit import note
from visionvalley.visits.plans import Invitation, Member, Visit
from visionvalley.visits.values import Actor, Kind

AFTER_S = 2 * 86400.0  # a link opens a visit until so long after its end


def of_visit(records: Records, visit: str) -> tuple[Invitation, ...]:
    """Return the invitations to a visit, the latest first."""
    with database.reading(records) as connection:
        asked = select(t.invitations).where(t.invitations.c.visit == visit)
        found = connection.execute(asked.order_by(t.invitations.c.created.desc(), t.invitations.c.id))
        return tuple(map(_invitation, found))


def invite(
    records: Records, by: Actor, visit: str, member: str, *, reusable: bool = False, expires: str | None = None
) -> tuple[Invitation, str]:
    """Invite a member; return the invitation, and the token of its link: it is not kept anywhere. Older links end.

    reusable  the member may follow it on several devices, until it expires; else it opens the visit once
    expires   until when; two days after the visit where None

    Raises BadInput for a member of another delegation, and where the time is over already.
    """
    token = tokens.new_token()
    with database.writing(records) as connection:
        theirs = rows.one(connection, t.visits, visit)
        if rows.one(connection, t.members, member).delegation != theirs.delegation:
            raise BadInput("visits.other_delegation")
        ends = expires or clock.later(AFTER_S, theirs.ends)
        if ends <= clock.now():
            raise BadInput("visits.visit_over")
        old = t.invitations.delete().where(t.invitations.c.visit == visit, t.invitations.c.member == member)
        connection.execute(old)
        made = Invitation(tokens.new_id(), visit, member, reusable, clock.now(), ends, None)
        row = {name: getattr(made, name) for name in made.__slots__}
        connection.execute(t.invitations.insert(), row | {"token": tokens.kept(token)})
        note(connection, by, "invitation.make", f"members:{member}", visit=visit, reusable=reusable)
    return made, token


def revoke(records: Records, by: Actor, id: str) -> None:
    """End an invitation, and the sessions that it began; raises BadInput where there is none."""
    with database.writing(records) as connection:
        row = connection.execute(select(t.invitations).where(t.invitations.c.id == id)).first()
        if row is None:
            raise BadInput("visits.link_gone")
        connection.execute(t.invitations.delete().where(t.invitations.c.id == id))
        theirs = (t.sessions.c.kind == Kind.GUEST, t.sessions.c.subject == row.member)
        connection.execute(t.sessions.delete().where(*theirs))
        note(connection, by, "invitation.revoke", f"members:{row.member}", visit=row.visit)


def look(records: Records, token: str) -> tuple[Member, Visit]:
    """Return whom a link invites to what, without following it; raises BadInput where it opens nothing."""
    with database.reading(records) as connection:
        row = connection.execute(select(t.invitations).where(*_open(token))).first()
        return _known(connection, row)


def follow(records: Records, token: str) -> tuple[Member, Visit]:
    """Follow a link: once, or, where it is reusable, again; raises BadInput where it opens nothing any more."""
    with database.writing(records) as connection:
        row = connection.execute(select(t.invitations).where(*_open(token))).first()
        used = t.invitations.update().where(*_open(token)).values(used=clock.now())
        if row is None or not connection.execute(used).rowcount:
            raise BadInput("visits.link_gone")
        note(connection, Actor(Kind.GUEST, row.member), "invitation.follow", f"members:{row.member}", visit=row.visit)
        return _known(connection, row)


def _open(token: str) -> tuple[Any, ...]:
    table = t.invitations.c
    return table.token == tokens.kept(token), table.expires > clock.now(), or_(table.reusable, table.used.is_(None))


def _known(connection: Any, row: Row[Any] | None) -> tuple[Member, Visit]:
    if row is None:
        raise BadInput("visits.link_gone")
    member, visit = rows.one(connection, t.members, row.member), rows.one(connection, t.visits, row.visit)
    return Member(**member._mapping), Visit(**visit._mapping)


def _invitation(row: Row[Any]) -> Invitation:
    return Invitation(**{name: value for name, value in row._mapping.items() if name != "token"})
