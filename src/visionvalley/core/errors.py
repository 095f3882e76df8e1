# SPDX-License-Identifier: Apache-2.0
"""The one error of the project: what is wrong, why that matters, how to mend it."""

from __future__ import annotations

from typing import Any

from visionvalley.core.messages import render, text


class BadInput(ValueError):
    """Input that cannot be used, said in the same words in Python, on the command line and the web.

    raise BadInput("io.unit_missing", path="scan.stl", format="STL")
    """

    def __init__(self, id: str, /, **parameters: Any) -> None:
        self.message = text(id, **parameters)
        super().__init__(id, parameters)

    def render(self, language: str = "en") -> tuple[str, str, str]:
        """Return what, why and fix in one language."""
        what, why, fix = (render(self.message, language, part) for part in ("what", "why", "fix"))
        return what, why, fix

    @property
    def what(self) -> str:
        """What is wrong, in English."""
        return render(self.message, part="what")

    @property
    def why(self) -> str:
        """Why it cannot be used, in English."""
        return render(self.message, part="why")

    @property
    def fix(self) -> str:
        """What to do about it, in English."""
        return render(self.message, part="fix")

    def __str__(self) -> str:
        return "\n".join(self.render())

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.message.id, dict(self.message.parameters))


def _restore(id: str, parameters: dict[str, Any]) -> BadInput:
    return BadInput(id, **parameters)


class Cancelled(Exception):
    """Somebody asked for the work to stop; nothing is wrong."""
