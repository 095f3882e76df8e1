# SPDX-License-Identifier: Apache-2.0
"""`valley runs`: list, show, export, prune and erase what was recorded."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from visionvalley.cli.times import moment

if TYPE_CHECKING:
    from visionvalley.records import Erased, RunRecord

runs = typer.Typer(
    help="List what was recorded, the latest first; show, export, prune or erase it.", invoke_without_command=True
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, nothing else.")]
Id = Annotated[str, typer.Argument(help="Id of the run, or the beginning of it")]
OwnerOnly = Annotated[str | None, typer.Option("--owner", help="Only runs of this owner")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@runs.callback()
def list_runs(
    context: typer.Context,
    application: Annotated[
        str | None, typer.Option("--application", help="Only this: manufacturing, manufacturing.inspection")
    ] = None,
    verdict: Annotated[str | None, typer.Option("--verdict", help="Only pass, fail, 'cannot say', or none")] = None,
    owner: OwnerOnly = None,
    input: Annotated[
        str | None, typer.Option("--input", help="Only runs that read a file of this name (a part of it) or SHA-256")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", help="From this day or time on: 2026-11-24, 7d")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Up to this day or time, inclusive")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The latest so many")] = 20,
    as_json: Json = False,
) -> None:
    """List what was recorded, the latest first; show, export, prune or erase it."""
    if context.invoked_subcommand is not None:
        return
    from visionvalley.cli.records import show_runs
    from visionvalley.records import Wanted, find

    days = moment(since), moment(until, end=True)
    found = find(Wanted(application, verdict, owner, input, *days, limit))
    if as_json:
        typer.echo(json.dumps([asdict(run) for run in found], indent=1))
    else:
        show_runs(found)


@runs.command("show")
def show(id: Id, as_json: Json = False) -> None:
    """Show all that is known of a run, and where its files are kept."""
    from visionvalley.cli.records import show_run
    from visionvalley.records import one

    run = one(id)
    if as_json:
        typer.echo(json.dumps(asdict(run), indent=1))
    else:
        show_run(run)


@runs.command("export")
def export(
    id: Id,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new folder, or a .zip or .json file (else run-ID)")
    ] = None,
) -> None:
    """Write a run's files and its record into a folder or a zip file, or the record alone as JSON."""
    from visionvalley.records import one
    from visionvalley.runs.exporting import export_run

    run = one(id)
    typer.echo(export_run(run, output or Path(f"run-{run.id}")))


@runs.command("prune")
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which.")] = False, as_json: Json = False
) -> None:
    """Erase the runs whose time is over (`--keep-days`)."""
    from visionvalley.records.erasing import erase, overdue

    ids = overdue()
    if dry_run:
        typer.echo(json.dumps({"overdue": ids}) if as_json else "\n".join(ids), nl=bool(ids) or as_json)
    else:
        _tell(erase(ids), as_json=as_json)


@runs.command("erase")
def erase_runs(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of runs, or the beginnings of them")] = None,
    owner: Annotated[str | None, typer.Option("--owner", help="Everything of this owner")] = None,
    input: Annotated[
        str | None, typer.Option("--input", help="Every run that read the content of this SHA-256, or of this file")
    ] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Erase runs for good: rows, results, reports and kept inputs that no other run holds.

    The database's files are written anew, so that nothing is left in them. Your own files (the inputs where they
    lie, the folders of results) are not touched.
    """
    from visionvalley.core import BadInput
    from visionvalley.records import erase

    if sum((bool(ids), owner is not None, input is not None)) != 1:
        raise BadInput("runs.erase_what")
    found = _named(ids or [], owner, input)
    if found and not yes:
        _ask(found)
    _tell(erase([run.id for run in found]), as_json=as_json)


def _named(ids: list[str], owner: str | None, content: str | None) -> tuple[RunRecord, ...]:
    from visionvalley.records import Wanted, find, one

    if content is not None:
        sha256 = _sha256(content)
        found = find(Wanted(input=sha256))
        return tuple(run for run in found if any(each.sha256 == sha256 for each in run.inputs))
    return find(Wanted(owner=owner)) if owner is not None else tuple(one(each) for each in ids)


def _sha256(content: str) -> str:
    """Return the SHA-256 that is written, or that of the file that is named."""
    from visionvalley.core import BadInput
    from visionvalley.records.artefacts import SHA256, digest_of

    if SHA256.fullmatch(content.lower()):
        return content.lower()
    if not Path(content).is_file():
        raise BadInput("runs.no_content", written=content)
    return digest_of(Path(content))[0]


def _ask(found: tuple[RunRecord, ...]) -> None:
    import sys

    from visionvalley.cli.records import show_runs
    from visionvalley.core import BadInput, render, text

    if not sys.stdin.isatty():
        raise BadInput("runs.ask", count=len(found))
    show_runs(found)
    typer.confirm(render(text("runs.sure", count=len(found))), abort=True)


def _tell(erased: Erased, *, as_json: bool) -> None:
    from visionvalley.core import render, text

    about: dict[str, Any] = asdict(erased)
    megabytes = f"{erased.bytes / 1e6:.1f}"
    said = text("runs.erased", runs=erased.runs, files=erased.files, megabytes=megabytes)
    typer.echo(json.dumps(about) if as_json else render(said))
