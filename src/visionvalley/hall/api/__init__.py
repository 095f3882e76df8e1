# SPDX-License-Identifier: Apache-2.0
"""The REST API under /api/v1: everything that pages do. One file an area."""

from visionvalley.hall.api import accounts, audit, live, preferences, session, sessions, translations

AREAS = (session, accounts, sessions, audit, translations, preferences, live)
ROUTERS = tuple(area.router for area in AREAS)
