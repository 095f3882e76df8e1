# SPDX-License-Identifier: Apache-2.0
"""The pages, made on the server, asked with GET only. One file an area."""

from visionvalley.hall.pages import account, administration, description, home

AREAS = (home, account, administration, description)
ROUTERS = tuple(area.router for area in AREAS)
