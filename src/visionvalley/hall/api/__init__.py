# SPDX-License-Identifier: Apache-2.0
"""The REST API under /api/v1: everything that pages do. One file an area."""

from visionvalley.hall.api import (
    accounts,
    audit,
    door,
    follow_ups,
    guest,
    house,
    invitations,
    live,
    papers,
    preferences,
    programme,
    questions,
    runs,
    screens,
    session,
    sessions,
    stands,
    translations,
    uploads,
    visits,
)  # fmt: skip

AREAS = (
    session, accounts, sessions, audit, translations, preferences, live, visits, house, programme, invitations, door,
    guest, questions, follow_ups, papers, stands, runs, uploads,
    screens,
)  # fmt: skip
ROUTERS = tuple(area.router for area in AREAS)
