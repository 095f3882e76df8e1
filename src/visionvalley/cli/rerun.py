# SPDX-License-Identifier: Apache-2.0
"""`valley rerun`: a run again, and whether it gives the same numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from visionvalley.cli.keeping import KeepDays, KeepInputs, Owner

if TYPE_CHECKING:
    from visionvalley.runs.again import Rerun

SHOWN = 8


def rerun(
    id: Annotated[str, typer.Argument(help="Id of the run, or the beginning of it")],
    inputs: Annotated[
        Path | None, typer.Option("--inputs", help="Folder in which inputs are looked for by name and content")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the new results; else only the record keeps them")
    ] = None,
    owner: Owner = None,
    keep_days: KeepDays = None,
    keep_inputs: KeepInputs = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON, nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing; the exit code tells.")] = False,
) -> None:
    """Make a run again, from the same inputs with the same settings, and compare every number.

    Exit code: 0 the same bits, or within the bound where versions or target differ; 1 different; 2 error: an input
    changed or is missing.
    """
    from visionvalley.cli.compiling import ready
    from visionvalley.cli.terminal import progress_bar, show_record

    ready("rerun", quiet=quiet or as_json)
    from visionvalley.runs.again import Outcome
    from visionvalley.runs.again import rerun as again
    from visionvalley.runs.conducting import Keeping

    with progress_bar(quiet=quiet or as_json) as progress:
        found = again(id, output, inputs, progress, Keeping(owner, keep_days, keep_inputs))
    if as_json:
        typer.echo(json.dumps(_as_json(found), indent=1))
    elif not quiet:
        _show(found)
    show_record(found.done, quiet=quiet or as_json)
    raise typer.Exit(1 if found.outcome is Outcome.DIFFERENT else 0)


def _as_json(found: Rerun) -> dict[str, Any]:
    apart = [{"place": one.place, "then": one.then, "now": one.now} for one in found.likeness.differences]
    return {
        "run": found.original.id,
        "rerun": found.done.id,
        "outcome": found.outcome.value,
        "numbers": found.likeness.numbers,
        "differences": apart,
        "changed": {name: {"then": then, "now": now} for name, (then, now) in found.changed.items()},
        "moved": {role: str(path) for role, path in found.moved.items()},
        "copies": list(found.copies),
    }


def _show(found: Rerun) -> None:
    from visionvalley.cli.terminal import SIGNS, console_of, signed
    from visionvalley.core import Verdict, render, text
    from visionvalley.runs.again import Outcome

    console, apart = console_of(), found.likeness.differences
    sign = {Outcome.SAME: Verdict.PASS, Outcome.WITHIN: Verdict.PASS, Outcome.DIFFERENT: Verdict.FAIL}
    name = found.outcome.name.lower()
    said = text(f"rerun.{name}", id=found.original.id, numbers=found.likeness.numbers, differences=len(apart))
    console.print(signed(SIGNS[sign[found.outcome]], render(said), "bold"))
    for what, (then, now) in found.changed.items():
        console.print(f"  {render(text('rerun.changed', name=what, then=then, now=now))}")
    for role, path in found.moved.items():
        console.print(f"  {render(text('rerun.moved', role=role, path=path))}", soft_wrap=True)
    if found.copies:
        console.print(f"  {render(text('rerun.copies', roles=', '.join(found.copies)))}")
    for one in sorted(apart, key=lambda one: -one.relative)[:SHOWN]:
        console.print(f"  {render(text('rerun.apart', place=one.place, then=one.then, now=one.now))}", soft_wrap=True)
    if len(apart) > SHOWN:
        console.print(f"  {render(text('rerun.more', count=len(apart) - SHOWN))}")
