# SPDX-License-Identifier: Apache-2.0
"""`valley inspect`: a scan against its drawing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.cli.keeping import KeepDays, KeepInputs, Owner
from visionvalley.cli.options import with_settings
from visionvalley.core import BadInput, Progress, Verdict, render, text

if TYPE_CHECKING:
    from visionvalley.runs.conducting import Keeping
    from visionvalley.runs.inspection import Request

Show = Callable[[bool, bool], None]  # as JSON, quiet: prints what came of it
EXIT = {None: 0, Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.CANNOT_SAY: 3}


@with_settings(Settings)
def inspect(
    settings: Settings,
    scans: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="SCAN...",
            help="Points or surface as measured: PLY, STL, E57, LAS, PCD, XYZ... Several, or a pattern such as "
            "'scans/*.ply', are inspected on all cores with one summary; stopped, the same command goes on from there",
        ),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option("--reference", "-r", help="Nominal surface: STEP, STL, 3MF, PLY, OBJ; else the recipe's part"),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", help="What is asked of the part's features: a TOML file")
    ] = None,
    new_recipe: Annotated[
        Path | None,
        typer.Option("--new-recipe", metavar="PART", help="Write a recipe for this part, to begin with, and stop"),
    ] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", help="Unit of the scan where its file carries none: mm, m, um, cm, in, ft")
    ] = None,
    reference_unit: Annotated[
        str | None, typer.Option("--reference-unit", help="Unit of the reference; the scan's where it is not given")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for the results (else SCAN-inspection, beside the scan)"),
    ] = None,
    order: Annotated[str, typer.Option("--order", help="Order that the part belongs to, for the report")] = "",
    part_id: Annotated[str, typer.Option("--part-id", help="Serial number of the part, for the report")] = "",
    sensor: Annotated[str, typer.Option("--sensor", help="What measured it, for the report")] = "",
    operator: Annotated[str, typer.Option("--operator", help="Who measured it, for the report")] = "",
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature", help="Of the part, degrees Celsius; with a recipe's expansion lengths are those at 20"
        ),
    ] = None,
    humidity: Annotated[float | None, typer.Option("--humidity", help="Relative, percent, for the report")] = None,
    owner: Owner = None,
    keep_days: KeepDays = None,
    keep_inputs: KeepInputs = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing; the exit code tells.")] = False,
) -> None:
    """Judge a scan by its deviations from the nominal surface, and its features by a recipe.

    The part is found in the scan without a start. Results: report.html, result.json, scene.glb and
    deviation.ply; `valley runs` keeps a record. Exit code: 0 pass (or nothing asked), 1 fail, 3 cannot
    say, 2 error.
    """
    from visionvalley.cli.compiling import FEATURES, SEARCHING, ready
    from visionvalley.cli.many import scans_of
    from visionvalley.cli.terminal import progress_bar

    silent = quiet or as_json
    unused = () if recipe is not None else FEATURES if new_recipe is None else SEARCHING + FEATURES
    ready("inspect", quiet=silent, without=unused)
    from visionvalley.applications.manufacturing.conditions import Conditions
    from visionvalley.io import carries_unit
    from visionvalley.runs.conducting import Keeping
    from visionvalley.runs.inspection import Request

    stated = Conditions(order, part_id, sensor, operator, temperature_c=temperature, humidity_percent=humidity)
    keeping = Keeping(owner, keep_days, keep_inputs)
    with progress_bar(quiet=silent) as progress:
        if new_recipe is not None:
            told = None if carries_unit(new_recipe) else reference_unit or unit
            code, show = _propose(new_recipe, told, output, progress)
        else:
            same = None if reference is None or carries_unit(reference) else unit
            requests = [
                Request(
                    one, reference, None if carries_unit(one) else unit, reference_unit or same, output, recipe, stated
                )
                for one in scans_of(scans or [])
            ]
            inspected = _many if len(requests) > 1 else _one
            code, show = inspected(requests, settings, progress, keeping)
    show(as_json, quiet)
    raise typer.Exit(code)


def _propose(part: Path, unit: str | None, output: Path | None, progress: Progress) -> tuple[int, Show]:
    from visionvalley.cli.terminal import say
    from visionvalley.runs.inspection import propose_recipe

    written = propose_recipe(part, unit, output, progress)
    told = render(text("terminal.recipe_written", path=written))
    return 0, lambda as_json, quiet: say(told, quiet=quiet or as_json)


def _one(requests: list[Request], settings: Settings, progress: Progress, keeping: Keeping) -> tuple[int, Show]:
    from visionvalley.cli.terminal import show_done
    from visionvalley.runs.inspection import inspect_files

    if not requests:
        raise BadInput("cli.no_scan")
    done = inspect_files(requests[0], settings, progress, keeping)
    return EXIT[done.report.verdict], lambda as_json, quiet: show_done(done, as_json=as_json, quiet=quiet)


def _many(requests: list[Request], settings: Settings, progress: Progress, keeping: Keeping) -> tuple[int, Show]:
    from visionvalley.cli.many import exit_code, results_json, show_many
    from visionvalley.runs.many import inspect_many

    folder = requests[0].output or requests[0].scan.parent / "inspections"
    many = inspect_many(requests, settings, folder, progress, keeping)

    def show(as_json: bool, quiet: bool) -> None:
        if as_json:
            typer.echo(results_json(many))
        elif not quiet:
            show_many(many)

    return exit_code(many), show
