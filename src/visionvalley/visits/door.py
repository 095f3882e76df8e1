# SPDX-License-Identifier: Apache-2.0
"""The door: a guest shows a code that changes each minute and is signed by the hall; it lets in once.

A code is the beginning of HMAC-SHA-256 (RFC 2104) over visit, member and minute, 40 bits in Crockford's base 32, after
the pattern of RFC 6238. The code of the last minute is taken, too: it may have been on its way.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from visionvalley.core import BadInput
from visionvalley.records import Records
from visionvalley.visits import calendar, clock, database
from visionvalley.visits import tables as t
from visionvalley.visits.audit import note
from visionvalley.visits.plans import Arrival, Member, Visit
from visionvalley.visits.values import Actor

STEP_S = 60
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # no I, L, O, U: they are misread
ALIKE = str.maketrans("ILO", "110")
BITS, EACH = 40, 5


@dataclass(frozen=True, slots=True)
class Code:
    """What a guest shows, and for how many more seconds it is good."""

    code: str
    left_s: int


@dataclass(frozen=True, slots=True)
class Welcome:
    """Who came in. `again`: they had come before."""

    member: Member
    visit: Visit
    at: str
    again: bool


def code(key: bytes, visit: str, member: str, at_s: float | None = None) -> Code:
    """Return the code of a guest at a time (seconds since 1970), now where None. `key`: the hall's, 32 bytes."""
    now_s = time.time() if at_s is None else at_s
    step = int(now_s // STEP_S)
    return Code(_signed(key, visit, member, step), int((step + 1) * STEP_S - now_s) + 1)


def arrive(records: Records, by: Actor, key: bytes, shown: str, at_s: float | None = None) -> Welcome:
    """Let in who shows a code; raises BadInput where it is wrong or too old, and where it was shown before."""
    now_s = time.time() if at_s is None else at_s
    written = _plain(shown)
    at = clock.later(0.0, _kept(now_s))
    visits = calendar.around(records, at)
    with database.writing(records) as connection:
        member, visit, step = _whose(connection, key, visits, written, int(now_s // STEP_S))
        theirs = (t.arrivals.c.member == member.id, t.arrivals.c.visit == visit.id)
        last = connection.scalar(select(func.max(t.arrivals.c.step)).where(t.arrivals.c.member == member.id))
        if last is not None and last >= step:
            raise BadInput("visits.code_used")
        first = connection.scalar(select(func.min(t.arrivals.c.at)).where(*theirs))
        connection.execute(t.arrivals.insert(), {"member": member.id, "step": step, "visit": visit.id, "at": at})
        note(connection, by, "door.arrive", f"members:{member.id}", visit=visit.id)
        return Welcome(member, visit, first or at, first is not None)


def arrivals(records: Records, visit: str) -> tuple[Arrival, ...]:
    """Return who came to a visit, and when first, in that order."""
    first = func.min(t.arrivals.c.at)
    asked = select(t.arrivals.c.member, first).where(t.arrivals.c.visit == visit).group_by(t.arrivals.c.member)
    with database.reading(records) as connection:
        found = connection.execute(asked.order_by(first, t.arrivals.c.member))
        return tuple(Arrival(member, visit, at) for member, at in found)


def _whose(
    connection: Connection, key: bytes, visits: tuple[Visit, ...], shown: str, now: int
) -> tuple[Member, Visit, int]:
    """Return whose code it is of those who are expected, and of which minute."""
    known = {visit.id: visit for visit in visits}
    asked = select(t.visits.c.id.label("visit"), t.members)
    asked = asked.join(t.members, t.members.c.delegation == t.visits.c.delegation)
    for row in connection.execute(asked.where(t.visits.c.id.in_(known))):
        for step in (now, now - 1):
            if hmac.compare_digest(_signed(key, row.visit, row.id, step), shown):
                values = {name: value for name, value in row._mapping.items() if name != "visit"}
                return Member(**values), known[row.visit], step
    raise BadInput("visits.code_wrong")


def _signed(key: bytes, visit: str, member: str, step: int) -> str:
    digest = hmac.new(key, f"door\n{visit}\n{member}\n{step}".encode(), hashlib.sha256).digest()
    number = int.from_bytes(digest[: BITS // 8], "big")
    return "".join(LETTERS[number >> shift & 31] for shift in range(BITS - EACH, -1, -EACH))


def _plain(shown: str) -> str:
    """Return what was typed without blanks and dashes, letters as they were meant."""
    plain = "".join(letter for letter in shown.upper() if letter.isalnum()).translate(ALIKE)
    return plain[: BITS // EACH + 1].encode("ascii", "replace").decode()


def _kept(moment_s: float) -> str:
    from datetime import UTC, datetime

    return clock.written(datetime.fromtimestamp(moment_s, UTC))
