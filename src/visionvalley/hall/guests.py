# SPDX-License-Identifier: Apache-2.0
"""A guest who asks: which member of a delegation, in which visit; and the key that signs codes for the door."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from visionvalley.core import BadInput
from visionvalley.hall.reader import AnyReader, InRecords
from visionvalley.hall.settings import Hall
from visionvalley.visits import calendar, delegations
from visionvalley.visits.plans import Member, Visit

KEY, KEY_BYTES = "door.key", 32


@dataclass(frozen=True, slots=True)
class Guest:
    """A member of a delegation in a visit: the one that is now, else the next, else the last."""

    member: Member
    visit: Visit


def guest_of(reader: AnyReader, records: InRecords) -> Guest:
    """Return the guest who asks; raises BadInput where it is nobody, or somebody of the house."""
    reader.require("own visit")
    member = delegations.member(records, reader.actor.id)
    visit = calendar.of_member(records, member.id)
    if visit is None:
        raise BadInput("hall.not_found")
    return Guest(member, visit)


AGuest = Annotated[Guest, Depends(guest_of)]


def key_of(hall: Hall) -> bytes:
    """Return the key that signs codes for the door; made once, readable by the hall's owner only."""
    return _key(hall.folder / KEY)


@lru_cache(8)
def _key(file: Path) -> bytes:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = file.with_name(f"{KEY}.{secrets.token_hex(4)}")
    if not file.exists():
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(secrets.token_bytes(KEY_BYTES))
        try:
            os.link(made, file)
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return file.read_bytes()


def origin(request: Request) -> str:
    """Return how the hall is called in this request, such as https://192.168.1.7:8000."""
    return f"{request.url.scheme}://{request.headers.get('host', '')}"
