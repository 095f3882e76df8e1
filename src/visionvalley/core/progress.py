# SPDX-License-Identifier: Apache-2.0
"""How long work tells what it does, and hears that it should stop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from visionvalley.core.messages import Text, text


class Progress(Protocol):
    """What shows progress: a bar, a page, or nothing. Any method may raise Cancelled."""

    def begin(self, stage: Text, steps: int | None) -> None:
        """A stage starts; `steps` is None where its length is not known."""

    def advance(self, steps: int = 1) -> None:
        """So many more steps of the stage are done."""

    def end(self) -> None:
        """The stage is done."""


class Silent:
    """Shows nothing."""

    def begin(self, stage: Text, steps: int | None) -> None:
        """Show nothing."""

    def advance(self, steps: int = 1) -> None:
        """Show nothing."""

    def end(self) -> None:
        """Show nothing."""


SILENT = Silent()


@contextmanager
def stage(progress: Progress, id: str, /, steps: int | None = None, **parameters: object) -> Iterator[Progress]:
    """Show one stage of a recipe, named by its message id, from its begin to its end."""
    progress.begin(text(id, **parameters), steps)
    yield progress
    progress.end()
