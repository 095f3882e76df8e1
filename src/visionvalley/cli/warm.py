# SPDX-License-Identifier: Apache-2.0
"""`valley warm`: compile ahead of use."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def warm(
    verb: Annotated[
        str | None, typer.Argument(help="Compile what this verb needs; everything if none is named")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing.")] = False,
) -> None:
    """Compile all kernels now, in parallel, so that no verb has to wait later."""
    from time import perf_counter

    from visionvalley.cli.compiling import KERNELS, compile_missing
    from visionvalley.core import BadInput, render, text
    from visionvalley.kernels import store

    if verb is not None and verb not in KERNELS:
        raise BadInput("warm.no_such_verb", verb=verb, verbs=", ".join(KERNELS))
    began = perf_counter()
    seconds = compile_missing(store.missing(KERNELS[verb] if verb else None), quiet=quiet or as_json)
    if as_json:
        typer.echo(json.dumps({"compiled_s": seconds, "wall_s": round(perf_counter() - began, 3)}))
    elif not quiet:
        took = text("warm.compiled", kernels=len(seconds), seconds=f"{perf_counter() - began:.0f}")
        typer.echo(render(took if seconds else text("warm.nothing_to_do")))
