# SPDX-License-Identifier: Apache-2.0
"""How far the translations are, for an administrator."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from visionvalley.hall import languages
from visionvalley.hall.reader import AnyReader

router = APIRouter(tags=["translations"])


class Told(BaseModel):
    """A language: all texts, those that are translated, and those that a speaker has signed; the rest are drafts."""

    language: str
    texts: int
    translated: int
    signed: int


@router.get("/translations", summary="Say how far the translations are")
def every(reader: AnyReader) -> list[Told]:
    """Return each language but English, from which the others are translated."""
    reader.require("translations")
    return [
        Told(language=one.language.code, texts=one.texts, translated=one.translated, signed=one.signed)
        for one in languages.signed()
    ]
