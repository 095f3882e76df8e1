# SPDX-License-Identifier: Apache-2.0
"""What is kept of accounts and sessions, and who acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """What somebody is in the hall."""

    ADMINISTRATOR = "administrator"
    HOST = "host"
    GUIDE = "guide"
    GUEST = "guest"
    SCREEN = "screen"


class Kind(StrEnum):
    """Whose session it is: of an account, of a member of a delegation, of a screen."""

    ACCOUNT = "account"
    GUEST = "guest"
    SCREEN = "screen"


STAFF = (Role.ADMINISTRATOR, Role.HOST, Role.GUIDE)  # the roles that an account can have


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody of the house. `version` counts changes: who changes says which one was seen.

    ready     whether a password was set
    language  which one was chosen; None: none was
    """

    id: str
    email: str
    name: str
    role: Role
    ready: bool
    language: str | None
    created: str
    disabled: bool
    version: int


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody, or a screen, on one device.

    id       says which session it is, and opens nothing
    subject  id of an account, a member or a screen, by `kind`
    device   what the browser called itself
    seen     when it last asked for something, to the minute
    """

    id: str
    kind: Kind
    subject: str
    role: Role
    device: str
    created: str
    seen: str
    expires: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a kind of session and the id of its subject; `SYSTEM` is the program itself."""

    kind: str
    id: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}" if self.id else self.kind


SYSTEM = Actor("system")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit log. It names people by their ids only; `details` holds nothing personal."""

    number: int
    at: str
    actor: str
    action: str
    subject: str
    details: Mapping[str, Any]
