# SPDX-License-Identifier: Apache-2.0
"""`valley hall`: open the exhibition hall in the browser."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from visionvalley.hall.serving import Opened
    from visionvalley.hall.settings import Hall

PORT = 8000
NEEDED = ("fastapi", "uvicorn", "jinja2", "babel", "argon2", "cryptography")


def hall(
    port: Annotated[
        int | None, typer.Option("--port", "-p", help="Listen here; else at 8000, or the next free port.")
    ] = None,
    lan: Annotated[bool, typer.Option("--lan", help="Let guests' devices in the same network come, by TLS.")] = False,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the browser.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Run the demonstrations beside it, if nothing ran yet.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the addresses only.")] = False,
) -> None:
    """Open the hall: results, stands and visits in the browser, on this machine only unless --lan."""
    from visionvalley.cli.compiling import ready
    from visionvalley.core import BadInput

    missing = next((name for name in NEEDED if importlib.util.find_spec(name) is None), None)
    if missing:
        raise BadInput("hall.no_extra", missing=missing)
    if port is not None and not 1 <= port <= 65535:
        raise BadInput("hall.bad_port", port=port)
    ready("hall", quiet=quiet)  # once, before its workers and the demonstrations each would
    _open(port, lan=lan, open_browser=open_browser, demo=demo, quiet=quiet)


def _open(port: int | None, *, lan: bool, open_browser: bool, demo: bool, quiet: bool) -> None:
    from visionvalley.cli.beside import demonstrate_beside
    from visionvalley.cli.terminal import say
    from visionvalley.core import render, text
    from visionvalley.hall.serving import bound, made_for, serve
    from visionvalley.records import default_records

    at = bound(port or PORT, lan=lan, exact=port is not None)
    made, keys = made_for(default_records(), lan=lan)

    def opened(found: Opened) -> None:
        if port is None and found.port != PORT:
            say(render(text("hall.other_port", port=PORT)), quiet)
        _tell(made, found, quiet=quiet)
        if demo:
            demonstrate_beside(made.records)
        if open_browser:
            import webbrowser

            webbrowser.open(found.first or found.addresses[0])

    serve(made, at, opened, keys)


def _tell(hall: Hall, found: Opened, *, quiet: bool) -> None:
    """Print where the hall is, and who may become its administrator."""
    from visionvalley.cli.terminal import ACCENT, console_of, signed
    from visionvalley.core import render, text

    console = console_of()
    if not quiet:
        console.print(signed(("✓", "green"), render(text("hall.open")), "bold"))
    for address in found.addresses:
        console.print(f"  {address}", style=ACCENT, soft_wrap=True)
    if hall.fingerprint:
        console.print(render(text("hall.fingerprint", fingerprint=hall.fingerprint)), soft_wrap=True)
    if found.first:
        console.print(render(text("hall.first")), soft_wrap=True)
        console.print(f"  {found.first}", style=ACCENT, soft_wrap=True)
    if not quiet:
        console.print(render(text("hall.close")), style="dim")
