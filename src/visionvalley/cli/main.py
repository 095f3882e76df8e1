# SPDX-License-Identifier: Apache-2.0
"""The command `valley`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any

import typer

from visionvalley.cli.compare import compare
from visionvalley.cli.demo import demo
from visionvalley.cli.doctor import doctor
from visionvalley.cli.hall import hall
from visionvalley.cli.inspect import inspect
from visionvalley.cli.rerun import rerun
from visionvalley.cli.runs import runs
from visionvalley.cli.samples import samples
from visionvalley.cli.warm import warm
from visionvalley.core import BadInput, Cancelled

VERBS: dict[str, Callable[..., Any]] = {
    "inspect": inspect,
    "compare": compare,
    "demo": demo,
    "hall": hall,
    "rerun": rerun,
    "samples": samples,
    "warm": warm,
    "doctor": doctor,
}
GROUPS: dict[str, typer.Typer] = {"runs": runs}
ERROR, INTERRUPTED = 2, 130

app = typer.Typer(
    name="valley",
    help="Open 3D machine vision: raw sensor data in; measured, judged, explained results out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _verb in VERBS.items():
    app.command(_name)(_verb)
for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"valley {version('visionvalley')}")
        raise typer.Exit


@app.callback()
def _valley(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; every error ends as one message and exit code 2."""
    try:
        app()
    except BadInput as error:
        _explain(error)
        sys.exit(ERROR)
    except (KeyboardInterrupt, Cancelled):
        typer.echo("stopped", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of our output went away, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ERROR)
    except OSError as error:
        _explain(BadInput("cli.system", reason=error.strerror or str(error), path=error.filename or "-"))
        sys.exit(ERROR)


def _explain(error: BadInput) -> None:
    from visionvalley.cli.terminal import show_error

    if "--json" in sys.argv:
        what, why, fix = error.render()
        typer.echo(json.dumps({"error": {"id": error.message.id, "what": what, "why": why, "fix": fix}}))
    else:
        show_error(error)
