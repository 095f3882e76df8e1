# SPDX-License-Identifier: Apache-2.0
"""The pages, made on the server, asked with GET only. One file an area."""

from visionvalley.hall.pages import account, administration, description, guest, home, stands, visits, welcome

AREAS = (home, stands, account, administration, description, visits, guest, welcome)
ROUTERS = tuple(area.router for area in AREAS)
