# SPDX-License-Identifier: Apache-2.0
"""How somebody reads: language, dark or light, size of text. Kept in cookies, the language of an account with it."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response

from visionvalley.hall.api.forms import Answer, Sent
from visionvalley.hall.reader import LANGUAGE, SIZE, THEME, AnyReader, InHall
from visionvalley.visits import accounts, delegations

router = APIRouter(tags=["preferences"])
YEAR_S = 365 * 86400


class Preferences(Sent):
    """What is to change; the rest stays. `theme` 'system' follows the device."""

    language: Literal["en", "zh", "fr", "ar", "pt", "sw"] | None = None
    theme: Literal["system", "light", "dark"] | None = None
    size: Literal["small", "middle", "large"] | None = None


@router.post("/preferences", summary="Choose language, theme or size of text")
def prefer(sent: Preferences, reader: AnyReader, hall: InHall, response: Response) -> Answer:
    """Remember how this reader reads."""
    for name, value in ((LANGUAGE, sent.language), (THEME, sent.theme), (SIZE, sent.size)):
        if value is not None:
            response.set_cookie(name, value, YEAR_S, path="/", samesite="lax", httponly=True, secure=hall.settings.lan)
    if sent.language and reader.account:
        accounts.choose_language(hall.records, reader.account.id, sent.language)
    if sent.language and reader.may("own visit"):
        delegations.choose_language(hall.records, reader.actor.id, sent.language)
    return Answer()


@router.delete("/preferences", summary="Forget what was chosen on this device")
def forget(response: Response) -> Answer:
    """Read as the device says again; what an account or a guest chose stays with it."""
    for name in (LANGUAGE, THEME, SIZE):
        response.delete_cookie(name, path="/")
    return Answer()
