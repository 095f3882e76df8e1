# SPDX-License-Identifier: Apache-2.0
"""What every part of the API shares: what is sent is checked strictly, and what a form is answered."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from visionvalley.core import BadInput

LINE, PARAGRAPHS = 200, 4000  # characters


def _no_controls(value: str) -> str:
    if any(ord(letter) < 32 and letter not in "\n\t" for letter in value):
        raise BadInput("hall.bad_characters")
    return value


Line = Annotated[str, StringConstraints(max_length=LINE, strip_whitespace=True), AfterValidator(_no_controls)]
Paragraphs = Annotated[str, StringConstraints(max_length=PARAGRAPHS), AfterValidator(_no_controls)]
Secret = Annotated[str, Field(max_length=300)]
Id = Annotated[str, Field(max_length=64)]


class Sent(BaseModel):
    """What somebody sends: nothing that was not asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """What a change answers: where a browser goes now; empty: it stays and loads the page again."""

    location: str = ""


def local(address: str, otherwise: str = "/") -> str:
    """Return an address of this hall, or `otherwise` where it would lead elsewhere."""
    inside = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if inside and "\\" not in address else otherwise


def told(value: Any, *names: str) -> dict[str, Any]:
    """Return attributes of a value by name, for a model."""
    return {name: getattr(value, name) for name in names}
