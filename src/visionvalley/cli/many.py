# SPDX-License-Identifier: Apache-2.0
"""Many scans on the command line: which files are meant, and what is printed of them."""

from __future__ import annotations

import glob
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from visionvalley.core import BadInput, Verdict, render, text

if TYPE_CHECKING:
    from rich.console import Console

    from visionvalley.runs.many import Many

MOST_ROWS = 40


def scans_of(given: list[Path]) -> list[Path]:
    """Return the files that are meant: of a pattern such as 'scans/*.ply' those that fit, by their numbers."""
    found: list[Path] = []
    for one in given:
        if one.exists() or not glob.has_magic(str(one)):
            found.append(one)
            continue
        fitting = [Path(name) for name in glob.glob(str(one), recursive=True)]  # noqa: PTH207 (absolute patterns too)
        if not fitting:
            raise BadInput("cli.no_such_scans", pattern=one)
        found += sorted(fitting, key=_by_number)
    return list(dict.fromkeys(found))


def _by_number(path: Path) -> list[tuple[int, int | str]]:
    """Return a key that puts scan2 before scan10."""
    parts = re.split(r"(\d+)", str(path))
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]


def exit_code(many: Many) -> int:
    """Return 130 where it was stopped, 2 where a scan could not be inspected, else as the verdict on all asks."""
    from visionvalley.cli.inspect import EXIT
    from visionvalley.report.summary import whole_verdict

    if many.cancelled:
        return 130
    return 2 if any(one.error is not None for one in many.parts) else EXIT[whole_verdict(many.parts)]


def results_json(many: Many) -> str:
    """Return the result of each scan, or its error, as JSON."""
    told = []
    for one in many.parts:
        path = many.folder / one.folder / "result.json"
        if one.error is not None:
            what, why, fix = one.error.render()
            told.append({"scan": one.scan, "error": {"id": one.error.message.id, "what": what, "why": why, "fix": fix}})
        else:
            told.append({"scan": one.scan, "result": json.loads(path.read_text(encoding="utf-8"))})
    return json.dumps({"parts": told, "cancelled": many.cancelled}, ensure_ascii=False)


def show_many(many: Many) -> None:
    """Print how many parts passed, those that did not, and where the summary lies."""
    from visionvalley.cli.terminal import SIGNS, console_of, signed
    from visionvalley.report.summary import counted, whole_verdict

    console = console_of()
    counts, failed = counted(many.parts)
    names = {"passed": counts[Verdict.PASS], "failed": counts[Verdict.FAIL], "unsure": counts[Verdict.CANNOT_SAY]}
    told = render(text("terminal.many", count=len(many.parts), refused=failed, **names))
    console.print()
    console.print(signed(SIGNS[whole_verdict(many.parts)], told, "bold"))
    _tell_open(many, console)
    if many.resumed:
        console.print(signed(("·", ""), render(text("terminal.resumed", count=many.resumed))))
    if many.cancelled:
        console.print(signed(SIGNS[Verdict.CANNOT_SAY], render(text("terminal.cancelled"))))
    console.print(signed(("→", "cyan"), str((many.folder / "summary.html").absolute())), soft_wrap=True)


def _tell_open(many: Many, console: Console) -> None:
    """Print the parts that did not pass, and why."""
    from visionvalley.cli.terminal import SIGNS, signed, table_of

    made, rows = table_of(("terminal.scan", "left"), ("", "left"), ("terminal.not_passed", "left")), 0
    for part in many.parts:
        verdict = Verdict.FAIL if part.result is None else part.result[0].verdict
        if verdict in (Verdict.PASS, None):
            continue
        rows += 1
        features = () if part.result is None else part.result[0].features
        names = [one.name for one in features if one.verdict in (Verdict.FAIL, Verdict.CANNOT_SAY)]
        if rows <= MOST_ROWS:
            made.add_row(part.scan, signed(SIGNS[verdict], ""), part.error.what if part.error else ", ".join(names))
    if rows:
        console.print(made)
    if rows > MOST_ROWS:
        console.print(render(text("terminal.left_out", count=rows - MOST_ROWS)))
