# SPDX-License-Identifier: Apache-2.0
"""Who may do what: one table, from an action to the roles that may."""

from __future__ import annotations

from types import MappingProxyType

from visionvalley.visits.values import STAFF, Role

ADMINISTRATOR = frozenset({Role.ADMINISTRATOR})
HOSTS = frozenset({Role.ADMINISTRATOR, Role.HOST})
HOUSE = frozenset(STAFF)
PEOPLE = HOUSE | {Role.GUEST}
EVERYONE = frozenset({*Role, None})  # None: nobody signed in

RIGHTS = MappingProxyType(
    {
        "own account": HOUSE,
        "own sessions": PEOPLE,
        "accounts": ADMINISTRATOR,
        "audit": ADMINISTRATOR,
        "sessions": ADMINISTRATOR,
        "translations": ADMINISTRATOR,
        "see visits": HOUSE,
        "visits": HOSTS,
        "door": HOUSE,
        "answer": HOUSE,
        "publish": HOSTS,
        "personal data": HOSTS,
        "retention": ADMINISTRATOR,
        "screens": HOSTS,
        "see welcome": HOUSE | {Role.SCREEN},
        "own visit": frozenset({Role.GUEST}),
        "run samples": EVERYONE,
        "run own files": PEOPLE,
        "all runs": ADMINISTRATOR,
        "stop all runs": HOUSE,
        "tour": HOUSE,
    }
)
