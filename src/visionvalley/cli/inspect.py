# SPDX-License-Identifier: Apache-2.0
"""`valley inspect`: a scan against its drawing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.cli.keeping import KeepDays, KeepInputs, Owner
from visionvalley.cli.options import with_settings
from visionvalley.core import Verdict

EXIT = {None: 0, Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.CANNOT_SAY: 3}


@with_settings(Settings)
def inspect(
    scans: Annotated[
        list[Path],
        typer.Argument(
            metavar="SCAN...",
            help="Points or surface as measured: PLY, STL, E57, LAS, PCD, XYZ... Several, or a pattern such as "
            "'scans/*.ply', are inspected on all cores with one summary; stopped, the same command goes on from there",
        ),
    ],
    reference: Annotated[Path, typer.Option("--reference", "-r", help="Nominal surface: STEP, STL, 3MF, PLY, OBJ")],
    settings: Settings,
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
    owner: Owner = None,
    keep_days: KeepDays = None,
    keep_inputs: KeepInputs = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing; the exit code tells.")] = False,
) -> None:
    """Judge a scan by its deviations from the nominal surface.

    The part is found in the scan without a start. Results: report.html, result.json, scene.glb and
    deviation.ply; `valley runs` keeps a record. Exit code: 0 pass (or nothing asked), 1 fail, 3 cannot
    say, 2 error.
    """
    from visionvalley.cli.compiling import ready
    from visionvalley.cli.terminal import progress_bar, show_record, show_report

    ready("inspect", quiet=quiet or as_json)
    from visionvalley.cli.many import exit_code, results_json, scans_of, show_many
    from visionvalley.io import carries_unit
    from visionvalley.runs.conducting import Keeping
    from visionvalley.runs.inspection import Request, inspect_files

    same = None if carries_unit(reference) else unit
    requests = [
        Request(scan, reference, None if carries_unit(scan) else unit, reference_unit or same, output)
        for scan in scans_of(scans)
    ]
    if len(requests) > 1:
        from visionvalley.runs.many import inspect_many

        folder = output or requests[0].scan.parent / "inspections"
        with progress_bar(quiet=quiet or as_json) as progress:
            many = inspect_many(requests, settings, folder, progress, Keeping(owner, keep_days, keep_inputs))
        if as_json:
            typer.echo(results_json(many))
        elif not quiet:
            show_many(many)
        raise typer.Exit(exit_code(many))
    request = requests[0]
    with progress_bar(quiet=quiet or as_json) as progress:
        done = inspect_files(request, settings, progress, Keeping(owner, keep_days, keep_inputs))
    if as_json:
        typer.echo((done.folder / "result.json").read_text(encoding="utf-8"))
    elif not quiet:
        show_report(done.report, done.folder)
    show_record(done, quiet=quiet or as_json)
    raise typer.Exit(EXIT[done.report.verdict])
