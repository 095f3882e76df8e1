# SPDX-License-Identifier: Apache-2.0
"""What a run tells of itself, as the report reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class InputFile(Protocol):
    """A file that a run read: its role ('scan'), name, hash and size."""

    @property
    def role(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def bytes(self) -> int: ...


class Conditions(Protocol):
    """What is needed to make the same run again: see `runs.conditions`."""

    @property
    def id(self) -> str: ...
    @property
    def started(self) -> str: ...
    @property
    def inputs(self) -> Sequence[InputFile]: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...
    @property
    def versions(self) -> Mapping[str, str]: ...
    @property
    def machine(self) -> Mapping[str, Any]: ...
    @property
    def seconds(self) -> Mapping[str, float]: ...
