# SPDX-License-Identifier: Apache-2.0
"""`valley samples`: what public sensor data there are, and where they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from visionvalley.samples import Sample

HERE, PUBLIC, NOT_PUBLIC = "✓", "↓", "✕"


def samples(
    name: Annotated[str | None, typer.Argument(help="Find this sample, download it if it must be, say where")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never ask the network.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """List the samples with their size and licence, or find one and print its folder."""
    from visionvalley.samples import list_samples

    if name is None:
        table = list_samples()
        if as_json:
            typer.echo(json.dumps([_as_json(one) for one in table], indent=1))
        else:
            _show(table)
        return
    place = _found(name, offline=offline, quiet=quiet or as_json)
    typer.echo(json.dumps({"name": name, "path": place}) if as_json else place)


def _found(name: str, *, offline: bool, quiet: bool) -> str:
    from visionvalley.cli.terminal import progress_bar
    from visionvalley.samples import find

    with progress_bar(quiet=quiet) as progress:
        return str(find(name, offline=offline, progress=progress))


def _as_json(one: Sample) -> dict[str, object]:
    return {
        "name": one.name,
        "description": str(one.description),
        "bytes": one.bytes,
        "licence": one.licence,
        "public": one.complete,
        "here": None if one.here is None else str(one.here),
    }


def _show(table: tuple[Sample, ...]) -> None:
    """Print one table that fits 80 columns, and what its signs mean."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from visionvalley.core import text

    lines = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("here", "name", "description", "size", "licence"):
        folds = column in ("description", "licence")
        heading = "" if column == "here" else str(text(f"samples.column_{column}"))
        lines.add_column(heading, justify="right" if column == "size" else "left", no_wrap=not folds, overflow="fold")
    for one in table:
        sign = HERE if one.here else PUBLIC if one.complete else NOT_PUBLIC
        lines.add_row(sign, one.name, str(one.description), _size(one.bytes), one.licence)
    console = Console(highlight=False)
    console.print(lines)
    console.print(str(text("samples.legend")))


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
