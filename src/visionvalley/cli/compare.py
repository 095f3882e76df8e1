# SPDX-License-Identifier: Apache-2.0
"""`valley compare`: two scans of one part, before and after."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from visionvalley.applications.manufacturing.settings import ComparisonSettings
from visionvalley.cli.keeping import KeepDays, KeepInputs, Owner
from visionvalley.cli.options import with_settings


@with_settings(ComparisonSettings)
def compare(
    settings: ComparisonSettings,
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="The earlier scan: PLY, STL, E57, LAS, PCD, XYZ...")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="The later scan")],
    reference: Annotated[
        Path | None,
        typer.Option("--reference", "-r", help="Nominal surface: both scans are laid on it first, and it tells inside"),
    ] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", help="Unit of the scans where their files carry none: mm, m, um, cm, in, ft")
    ] = None,
    reference_unit: Annotated[
        str | None, typer.Option("--reference-unit", help="Unit of the reference; the scans' where it is not given")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for the results (else AFTER-comparison, beside the later scan)"),
    ] = None,
    owner: Owner = None,
    keep_days: KeepDays = None,
    keep_inputs: KeepInputs = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing; the exit code tells.")] = False,
) -> None:
    """Show what changed between two scans of one part, and how small a change could be seen at each place.

    The scans are registered on what did not change. Results as of `valley inspect`; deviation.ply holds the change and
    its level of detection a point. Exit code: 0 pass (or nothing asked), 1 fail, 3 cannot say, 2 error.
    """
    from visionvalley.cli.compiling import FEATURES, ready
    from visionvalley.cli.inspect import EXIT
    from visionvalley.cli.terminal import progress_bar, show_done

    silent = quiet or as_json
    ready("compare", quiet=silent, without=FEATURES)
    from visionvalley.io import carries_unit
    from visionvalley.runs.comparison import Request, compare_files
    from visionvalley.runs.conducting import Keeping

    def told(path: Path) -> str | None:
        return None if carries_unit(path) else unit

    of_reference = reference_unit or (None if reference is None else told(reference))
    request = Request(before, after, reference, told(before), told(after), of_reference, output)
    with progress_bar(quiet=silent) as progress:
        done = compare_files(request, settings, progress, Keeping(owner, keep_days, keep_inputs))
    show_done(done, as_json=as_json, quiet=quiet)
    raise typer.Exit(EXIT[done.report.verdict])
