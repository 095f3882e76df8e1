# SPDX-License-Identifier: Apache-2.0
"""Passwords: Argon2id (RFC 9106) with the parameters that OWASP names for a small machine; never kept otherwise.

At most so many are worked on at the same time: each takes 19 MiB, and the hall must stay responsive.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from visionvalley.core import BadInput

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 12, 256  # characters
FEWEST_KINDS = 5  # different characters
AT_ONCE = BoundedSemaphore(2)


def require_strong(password: str, *known: str) -> None:
    """Raise BadInput for a password that is guessed soon; `known`: what everybody knows of its owner."""
    plain = _plain(password)
    if not SHORTEST <= len(plain) <= LONGEST:
        raise BadInput("visits.password_length", shortest=SHORTEST, longest=LONGEST)
    told = [part for one in known for part in _plain(one).lower().replace("@", " ").split() if len(part) > 3]
    rest = plain.lower()
    for part in told:
        rest = rest.replace(part, "")
    if len(set(rest)) < FEWEST_KINDS:
        raise BadInput("visits.password_weak")


def hashed(password: str) -> str:
    """Return what is kept of a password."""
    with AT_ONCE:
        return _hasher().hash(_plain(password))


def matches(password: str, kept: str | None) -> bool:
    """Whether it is the password; takes as long where none is kept, so that nobody learns who has an account."""
    from argon2.exceptions import InvalidHashError, VerificationError

    if len(password) > LONGEST:
        return False
    try:
        with AT_ONCE:
            return _hasher().verify(kept or _nobodys(), _plain(password)) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@cache
def _nobodys() -> str:
    return _hasher().hash("nobody")


def _plain(password: str) -> str:
    """Return the same text for the same keys on every keyboard (NIST SP 800-63B, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
