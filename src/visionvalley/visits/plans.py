# SPDX-License-Identifier: Apache-2.0
"""What is kept of delegations, of the house's people and rooms, of visits and their programme.

Times are ISO 8601, UTC; `zone` is a name of the IANA time zone database. `version` counts the changes of a row: who
changes it says which one was seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Duty(StrEnum):
    """What somebody of the house does in a visit."""

    HOST = "host"
    GUIDE = "guide"
    INTERPRETER = "interpreter"


class Activity(StrEnum):
    """What happens in an entry of a programme."""

    STAND = "stand"
    TALK = "talk"
    MEAL = "meal"
    ROOM = "room"


@dataclass(frozen=True, slots=True)
class Organisation:
    """Where guests come from. `country`: two letters (ISO 3166-1), or empty."""

    id: str
    name: str
    country: str
    version: int


@dataclass(frozen=True, slots=True)
class Delegation:
    """People who come together. `organisation`: its id, or None."""

    id: str
    name: str
    organisation: str | None
    version: int


@dataclass(frozen=True, slots=True)
class Member:
    """A guest: a member of a delegation.

    title     what they are, such as 'Minister of Industry'
    language  code of the language they read
    named     whether they agreed that screens greet them by name
    """

    id: str
    delegation: str
    name: str
    title: str
    email: str
    language: str
    named: bool
    created: str
    version: int


@dataclass(frozen=True, slots=True)
class Staff:
    """Somebody of the house in a visit. `languages`: codes, with blanks between; `account`: its id, or None."""

    id: str
    kind: Duty
    name: str
    languages: str
    account: str | None
    version: int


@dataclass(frozen=True, slots=True)
class Room:
    """A room of the house. `seats`: None where nobody counted."""

    id: str
    name: str
    seats: int | None
    version: int


@dataclass(frozen=True, slots=True)
class Visit:
    """A delegation in the house.

    zone, home_zone  of the hall, and of where the guests come from
    host             id of one of the staff, or None
    keep_days        so many days after its end what is personal is erased
    """

    id: str
    delegation: str
    title: str
    zone: str
    home_zone: str
    begins: str
    ends: str
    host: str | None
    keep_days: int
    created: str
    version: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a programme.

    stand    name of the stand, or empty
    room     id of the room, or None
    staff    ids of who is needed of the house
    members  ids of the guests that it is for; empty: the whole delegation
    """

    id: str
    visit: str
    kind: Activity
    title: str
    stand: str
    room: str | None
    begins: str
    ends: str
    note: str
    version: int
    staff: tuple[str, ...] = ()
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link that opens a visit for one member: once, or, `reusable`, until it expires. `used`: when first."""

    id: str
    visit: str
    member: str
    reusable: bool
    created: str
    expires: str
    used: str | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A member at the door. `at`: the first time that day was seen."""

    member: str
    visit: str
    at: str
