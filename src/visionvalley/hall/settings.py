# SPDX-License-Identifier: Apache-2.0
"""What a hall is asked when it starts, and what it holds while it is open."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, field
from pathlib import Path

from visionvalley.hall.limits import Limits
from visionvalley.hall.live import Live
from visionvalley.hall.running import Running
from visionvalley.records import Records

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class HallSettings:
    """Where the hall listens.

    lan     guests' devices may come, by TLS; else only this machine
    names   further names by which the hall is called
    """

    port: int = 8000
    lan: bool = False
    names: frozenset[str] = frozenset()

    @property
    def scheme(self) -> str:
        """How the hall is spoken to."""
        return "https" if self.lan else "http"


@dataclass(frozen=True, slots=True, eq=False)
class Hall:
    """An open hall: where its records lie, who may ask how often, who listens.

    fingerprint  SHA-256 of the certificate where there is one
    """

    records: Records
    settings: HallSettings = HallSettings()
    live: Live = field(default_factory=Live)
    limits: Limits = field(default_factory=Limits)
    fingerprint: str = ""
    running: Running = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "running", Running(self.records, self.live))

    @property
    def folder(self) -> Path:
        """Where the hall keeps what is its own, such as its certificate."""
        return self.records.folder / "hall"

    def known_by(self, name: str) -> bool:
        """Whether the hall is called by this name; whoever points another name at it is refused (DNS rebinding)."""
        if name in LOCAL_NAMES or name in self.settings.names:
            return True
        if not self.settings.lan:
            return False
        host = socket.gethostname().lower()
        return name in {host, f"{host}.local"} or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False
