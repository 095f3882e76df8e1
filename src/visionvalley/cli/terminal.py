# SPDX-License-Identifier: Apache-2.0
"""What people see in the terminal: progress, errors, one table of results. At most 80 columns, one accent, no emoji."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import typer

from visionvalley.core import SILENT, BadInput, Progress, Report, Text, Verdict, render, text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import ProgressColumn, Task, TaskID
    from rich.table import Table
    from rich.text import Text as Line

    from visionvalley.core import Feature, Measurement
    from visionvalley.runs.conducting import Done
    from visionvalley.runs.demo import Demonstrated

COLUMNS = 80
ACCENT = "cyan"
SIGNS = {Verdict.PASS: ("✓", "green"), Verdict.FAIL: ("✕", "red"), Verdict.CANNOT_SAY: ("?", "yellow"), None: ("–", "")}
FILES = ("report.pdf", "result.json", "results.csv", "results.dfq", "results.qif", "scene.glb", "deviation.ply")
WORTH_A_LINE_S = 0.05  # a stage that took less is not told


def say(line: str, quiet: bool) -> None:
    """Print one line, unless nothing is to be printed."""
    if not quiet:
        console_of().print(line)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Progress]:
    """Yield what shows the stages of work on stderr: bars on a terminal, else one line a stage; nothing if quiet."""
    console = console_of(stderr=True)
    if quiet:
        yield SILENT
    elif not console.is_terminal or console.is_dumb_terminal:
        yield Lines(console)
    else:
        with _bars(console) as bars:
            yield Stages(bars)


class Lines:
    """Tells each stage in a line, where bars cannot be drawn."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def begin(self, stage: Text, steps: int | None) -> None:
        """Tell the stage."""
        self._console.print(render(stage), soft_wrap=True)

    def advance(self, steps: int = 1) -> None:
        """Tell nothing."""

    def end(self) -> None:
        """Tell nothing."""


class Stages:
    """Shows a bar for each stage that runs, the inner ones below the outer; a stage that is done leaves a line."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._running: list[tuple[TaskID, Text, float]] = []

    def begin(self, stage: Text, steps: int | None) -> None:
        """Add a bar; of unknown length without steps."""
        description = "  " * len(self._running) + render(stage)
        self._running.append((self._bars.add_task(description, total=steps), stage, perf_counter()))

    def advance(self, steps: int = 1) -> None:
        """Move the innermost bar."""
        if self._running:
            self._bars.advance(self._running[-1][0], steps)

    def end(self) -> None:
        """Take the innermost bar away; tell how long an outermost stage took."""
        task, stage, began = self._running.pop()
        self._bars.remove_task(task)
        took = perf_counter() - began
        if not self._running and took >= WORTH_A_LINE_S:
            done = render(text("terminal.done", stage=stage, seconds=f"{took:.1f}"))
            self._bars.console.print(signed(SIGNS[Verdict.PASS], done))


def show_error(error: BadInput) -> None:
    """Print what is wrong, why that matters and what to do, on stderr."""
    from rich.table import Table

    what, why, fix = error.render()
    console = console_of(stderr=True)
    lines = Table.grid(padding=(0, 1, 0, 0))
    lines.add_row(_styled("✕", "red"), _styled(what, "bold"))
    lines.add_row("", why)
    lines.add_row(_styled("→", ACCENT), fix)
    console.print(lines)


def show_report(report: Report, folder: Path) -> None:
    """Print the verdict, one table of what was measured, what a reader must know, and where the report lies."""
    from visionvalley.report.markup import Words
    from visionvalley.report.phrases import coverage, verdict_reason, verdict_word

    words, console = Words(), console_of()
    console.print()
    console.print(signed(SIGNS[report.verdict], verdict_word(report.verdict, words), "bold"))
    console.print(verdict_reason(report.verdict, words))
    console.print()
    if report.measurements:
        console.print(_measured(report))
        console.print(coverage(report.measurements, words), style="dim")
    else:
        console.print(render(text("terminal.no_measurement")))
    _tell_notes(console, report)
    _tell_place(console, folder)


def show_demo(found: Demonstrated) -> None:
    """Print how well each scan was registered, then the report."""
    console = console_of()
    console.print()
    if not found.names:
        console.print(signed(SIGNS[Verdict.CANNOT_SAY], render(text("terminal.demo_simulated"))))
    else:
        console.print(render(text("terminal.to_model_heading")))
        console.print(_displacements(found))
        together = _millimetres(found.together_m)
        console.print(render(text("terminal.together", value=together)))
    console.print(render(text("terminal.time", whole=_time(sum(found.done.seconds.values())))))
    show_report(found.done.report, found.done.folder)


def show_done(done: Done, *, as_json: bool = False, quiet: bool = False) -> None:
    """Print what a run found, or its result as JSON and nothing else, and under which id it is recorded."""
    if as_json:
        typer.echo((done.folder / "result.json").read_text(encoding="utf-8"))
    elif not quiet:
        show_report(done.report, done.folder)
    show_record(done, quiet=quiet or as_json)


def show_record(done: Done, quiet: bool) -> None:
    """Print under which id a run is recorded; where it is not, print why on stderr, even where little is said."""
    if done.not_recorded is not None:
        what, _, fix = done.not_recorded.render()
        console = console_of(stderr=True)
        console.print(signed(SIGNS[Verdict.CANNOT_SAY], render(text("terminal.not_recorded", what=what))))
        console.print(f"  → {fix}")
    elif not quiet:
        console_of().print(f"  {render(text('terminal.recorded', id=done.id))}")


def console_of(*, stderr: bool = False) -> Console:
    """Return what prints at most 80 columns."""
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False, emoji=False, markup=False)
    console.width = min(COLUMNS, console.width)
    return console


def _bars(console: Console) -> Bars:
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars
    from rich.table import Column

    name = TextColumn("{task.description}", markup=False, table_column=Column(max_width=46, no_wrap=True))
    bar = BarColumn(bar_width=18, style="dim", complete_style=ACCENT, finished_style=ACCENT, pulse_style=ACCENT)
    return Bars(name, bar, _time_column(), console=console, transient=True)


def _time_column() -> ProgressColumn:
    from rich.progress import ProgressColumn
    from rich.text import Text as Line

    class TimeColumn(ProgressColumn):
        """How long is left; how long it has taken where that cannot be told."""

        max_refresh = 0.5

        def render(self, task: Task) -> Line:
            left = task.time_remaining if task.total else None
            if left is None:
                return Line(_time(task.elapsed or 0.0))
            return Line(render(text("terminal.left", time=_time(left))))

    return TimeColumn()


def _time(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return render(text("terminal.seconds", seconds=whole))
    return render(text("terminal.minutes", minutes=whole // 60, seconds=whole % 60))


def _styled(written: str, style: str) -> Line:
    from rich.text import Text as Line

    return Line(written, style)


def signed(sign: tuple[str, str], written: str, style: str = "") -> Line:
    """Return a line that begins with a sign in its colour."""
    from rich.text import Text as Line

    return Line.assemble(sign, " ", (written, style))


def table_of(*columns: tuple[str, str]) -> Table:
    """Return an empty table of columns (heading, 'left' or 'right')."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, pad_edge=False, header_style=ACCENT)
    for heading, side in columns:
        made.add_column(render(text(heading)) if heading else "", justify="right" if side == "right" else "left")
    return made


def _measured(report: Report) -> Table:
    """Return the table of measurements, each with its tolerance and verdict where it is judged."""
    from visionvalley.report.markup import Words

    words = Words()
    judged = {id(one.measured): one for one in report.features if one.tolerance or one.verdict}
    rest = [one.measured for one in report.features if not any(one.measured is each for each in report.measurements)]
    columns = [("terminal.measured", "left"), ("terminal.value", "right")]
    if judged:
        columns += [("terminal.allowed", "left"), ("", "left")]
    made = table_of(*columns)
    for one in (*report.measurements, *rest):
        feature = judged.get(id(one))
        row = [words.plain_name(one.name), _value(one, words.plain("simulated"))]
        made.add_row(*row, *(_judgement(feature) if judged else ()))
    return made


def _value(measured: Measurement, simulated: str) -> str:
    from visionvalley.report.numbers import write

    return f"{write(measured)}{f' ({simulated})' if measured.simulated else ''}"


def _judgement(feature: Feature | None) -> tuple[str, str | Line]:
    from visionvalley.report.markup import Words
    from visionvalley.report.phrases import allowed

    if feature is None:
        return "", ""
    sign, style = SIGNS[feature.verdict]
    return allowed(feature.tolerance, Words()), _styled(sign, style)


def _displacements(found: Demonstrated) -> Table:
    made = table_of(("terminal.scan", "left"), ("terminal.scan_to_model", "right"))
    for name, displacement_m in zip(found.names, found.to_model_m, strict=True):
        made.add_row(name, _millimetres(displacement_m))
    return made


def _millimetres(value_m: float) -> str:
    from visionvalley.report.numbers import fixed

    return f"{fixed(value_m * 1e3, 3)} mm"


def _tell_notes(console: Console, report: Report) -> None:
    from rich.table import Table

    if not report.notes:
        return
    lines = Table.grid(padding=(0, 1, 0, 0))
    for note in report.notes:
        lines.add_row("·", render(note))
    console.print()
    console.print(lines)


def _tell_place(console: Console, folder: Path) -> None:
    """Print where the report lies, in one line that a terminal can copy, however long."""
    place = folder.absolute() / "report.html"
    others = [name for name in FILES if (folder / name).exists()]
    console.print()
    console.print(signed(("→", ACCENT), str(place), ACCENT), soft_wrap=True)
    if others:
        console.print(f"  {render(text('terminal.also', files=', '.join(others)))}")
    sys.stdout.flush()
