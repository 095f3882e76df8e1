# SPDX-License-Identifier: Apache-2.0
"""The pages, made on the server, asked with GET only. One file an area."""

from visionvalley.hall.pages import account, administration, description, guest, home, stands, visits

AREAS = (home, stands, account, administration, description, visits, guest)
ROUTERS = tuple(area.router for area in AREAS)
