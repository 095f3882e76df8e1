# SPDX-License-Identifier: Apache-2.0
"""The guests of a visit as a table (CSV, RFC 4180) that spreadsheets open in UTF-8 and take no formula from."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping

from visionvalley.visits.plans import Member

HEAD = ("name", "title", "language", "e-mail", "may be named", "arrived")
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def written(members: Iterable[Member], arrived: Mapping[str, str]) -> str:
    """Return the list; `arrived`: when, by a member's id."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(HEAD)
    for one in members:
        named = "yes" if one.named else "no"
        cells = (one.name, one.title, one.language, one.email, named, arrived.get(one.id, ""))
        writer.writerow([plain(cell) for cell in cells])
    return "\ufeff" + lines.getvalue()


def plain(cell: str) -> str:
    """Return a cell that no spreadsheet reads as a formula."""
    return f"'{cell}" if cell.startswith(FORMULAS) else cell
