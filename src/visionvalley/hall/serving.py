# SPDX-License-Identifier: Apache-2.0
"""Opening the hall: its port, its certificate, the first administrator's link, until somebody closes it."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from visionvalley.core import BadInput
from visionvalley.hall.app import create_app
from visionvalley.hall.certificate import certificate_for
from visionvalley.hall.connections import Connection, room
from visionvalley.hall.settings import Hall, HallSettings
from visionvalley.records import Records
from visionvalley.visits import accounts, database

LOCAL, EVERYWHERE = "127.0.0.1", ""
TRIED = 20  # ports after the first
WAITING = 512  # connections that wait to be taken
KEPT_OPEN_S = 20
GONE_S = 60  # a device that takes nothing for so long has gone
CLOSING_S = 3


@dataclass(frozen=True, slots=True)
class Opened:
    """Where the hall is: addresses to open, and the link that makes the first administrator where there is none."""

    addresses: tuple[str, ...]
    first: str | None
    port: int


def bound(port: int, *, lan: bool, exact: bool) -> socket.socket:
    """Return a socket at a port, or, unless `exact`, at the next one that is free.

    Raises BadInput where none is.
    """
    for one in range(port, min(port + (1 if exact else TRIED), 65536)):
        try:
            return _socket(one, lan=lan)
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise
    raise BadInput("hall.port_taken", port=port, other=port + 1 if port < 65535 else 8000)


def _socket(port: int, *, lan: bool) -> socket.socket:
    family = socket.AF_INET6 if lan and socket.has_dualstack_ipv6() else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle on: 40 ms
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE_S * 1000)
        if family is socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind((EVERYWHERE if lan else LOCAL, port))
        made.listen(WAITING)
    except OSError:
        made.close()
        raise
    return made


def made_for(records: Records, *, lan: bool) -> tuple[Hall, tuple[Path, Path] | None]:
    """Return a hall and, where guests' devices may come, the files of its certificate and of that one's key.

    Raises BadInput where the database cannot be used, or the certificate cannot be written.
    """
    database.prepare(records)
    settings = HallSettings(lan=lan)
    hall = Hall(records, settings)
    if not lan:
        return hall, None
    certificate, key, print_of_it = certificate_for(names_of(hall), hall.folder)
    return Hall(records, settings, fingerprint=print_of_it), (certificate, key)


def serve(
    hall: Hall, at: socket.socket, opened: Callable[[Opened], None], keys: tuple[Path, Path] | None = None
) -> None:
    """Keep the hall open until a signal ends it; `opened` is told where it is once it answers."""
    port = at.getsockname()[1]
    first = accounts.first_link(hall.records)
    addresses = tuple(f"{hall.settings.scheme}://{name}:{port}" for name in names_of(hall))
    config = configured(hall, keys)

    def begun() -> None:
        opened(Opened(addresses, first and f"{addresses[0]}/link/{first}", port))
        hall.running.start()

    _Server(config, begun).run([at])


def configured(hall: Hall, keys: tuple[Path, Path] | None = None) -> uvicorn.Config:
    """Return what a server of this hall needs; `keys`: files of its certificate and of the certificate's key."""
    certificate, key = (str(one) for one in keys) if keys else (None, None)
    return uvicorn.Config(
        create_app(hall),
        http=Connection,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEPT_OPEN_S,
        timeout_graceful_shutdown=CLOSING_S,
        ws="none",
        limit_concurrency=room(),
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )


def names_of(hall: Hall) -> tuple[str, ...]:
    """Return the names at which the hall is found, the best to tell guests first."""
    return (*addresses_of_machine(), "localhost") if hall.settings.lan else ("localhost",)


def addresses_of_machine() -> tuple[str, ...]:
    """Return this machine's addresses in its networks; no packet is sent."""
    found = []
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((target, 9))
                name = probe.getsockname()[0]
                found.append(f"[{name}]" if family is socket.AF_INET6 else name)
        except OSError:
            continue
    return tuple(found)


class _Server(uvicorn.Server):
    """Says when it answers, and ends what browsers listen to when it closes."""

    def __init__(self, config: uvicorn.Config, opened: Callable[[], None]) -> None:
        super().__init__(config)
        self._opened = opened

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        if self.started:
            self._opened()
