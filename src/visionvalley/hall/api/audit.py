# SPDX-License-Identifier: Apache-2.0
"""The audit log, for an administrator."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from visionvalley.hall.api.forms import told
from visionvalley.hall.reader import AnyReader, InRecords
from visionvalley.visits import audit

router = APIRouter(tags=["audit"])
LARGEST = (1 << 31) - 1


class Told(BaseModel):
    """An entry: who did what to whom, when."""

    number: int
    at: str
    actor: str
    action: str
    subject: str
    details: dict[str, Any]


@router.get("/audit", summary="Read the audit log")
def entries(
    reader: AnyReader,
    records: InRecords,
    action: Annotated[str | None, Query(max_length=64)] = None,
    about: Annotated[str | None, Query(max_length=64)] = None,
    before: Annotated[int | None, Query(ge=0, le=LARGEST)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[Told]:
    """Return entries, the latest first; `before`: only those with a smaller number."""
    reader.require("audit")
    found = audit.entries(records, action=action or None, about=about or None, before=before, limit=limit)
    return [Told(**told(one, *Told.model_fields)) for one in found]
