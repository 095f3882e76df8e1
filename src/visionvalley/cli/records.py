# SPDX-License-Identifier: Apache-2.0
"""How recorded runs look in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from visionvalley.cli.terminal import ACCENT, SIGNS, console_of, signed, table_of
from visionvalley.core import BadInput, Measurement, Verdict, render, text
from visionvalley.records import RunRecord, artefact_path
from visionvalley.records.artefacts import path_of
from visionvalley.records.place import default_records

SHOWN = 8  # digits of an id in a list: enough to name a run by


def show_runs(found: tuple[RunRecord, ...]) -> None:
    """Print a line a run: id, when, what, verdict, what was read; the owner where there are several."""
    console = console_of()
    if not found:
        console.print(render(text("runs.none_found", folder=default_records().folder)))
        return
    several = len({run.owner for run in found}) > 1
    made = table_of(*((f"runs.column_{name}", "left") for name in ("id", "when", "what", "verdict", "inputs")))
    if several:
        made.add_column(render(text("runs.column_owner")), overflow="ellipsis", no_wrap=True)
    for column in made.columns[:4]:
        column.no_wrap = True
    for run in found:
        row = [run.id[:SHOWN], _when(run.started), run.application.rpartition(".")[2], _verdict(run), _inputs(run)]
        made.add_row(*row, *([run.owner] if several else []))
    console.print(made)


def show_run(run: RunRecord) -> None:
    """Print everything of a run in groups; hashes whole, each on a line that can be copied."""
    console = console_of()
    mark = f" {render(text('runs.simulated'))}" if run.simulated else ""
    console.print(signed((f"{run.id}", ACCENT), f" {run.application}  {_verdict(run)}{mark}"))
    until = render(text("runs.for_ever")) if run.keep_until is None else _when(run.keep_until)
    about = {"started": _when(run.started), "owner": run.owner, "kept until": until}
    if run.rerun_of:
        about["repeats"] = run.rerun_of
    _group("", about)
    _group("runs.group_results", _results(run))
    _group("runs.group_inputs", {one.role: f"{one.path}\n{one.sha256}" for one in run.inputs})
    groups = {"settings": run.settings, "arguments": run.arguments, "seeds": run.seeds}
    for name, values in (groups | {"versions": run.versions, "machine": run.machine}).items():
        _group(f"runs.group_{name}", {key: _plain(value) for key, value in values.items()})
    _group("runs.group_seconds", {_stage(key): f"{value:.2f} s" for key, value in run.seconds.items()})
    _group("runs.group_files", {one.name: _place(run, one.name) for one in run.artefacts})


def _group(heading: str, rows: Mapping[str, str]) -> None:
    console = console_of()
    if not rows:
        return
    if heading:
        console.print(render(text(heading)), style=ACCENT)
    width = min(28, max(map(len, rows)))
    for name, value in rows.items():
        for n, line in enumerate(value.splitlines() or [""]):
            console.print(f"  {'' if n else name:<{width}}  {line}", soft_wrap=True)


def _results(run: RunRecord) -> dict[str, str]:
    """Return every measured value with its uncertainty and, where it was judged, its verdict."""
    from visionvalley.report.markup import Words
    from visionvalley.report.numbers import write

    words, found = Words(), {}
    judged = [(one["measured"], one["verdict"]) for one in run.results.get("features", ())]
    names = {measured["name"] for measured, _ in judged}
    rest = [(one, None) for one in run.results.get("measurements", ()) if one["name"] not in names]
    for measured, verdict in (*judged, *rest):
        value = write(_measurement(measured))
        found[words.plain_name(measured["name"])] = f"{value}  {_signs(verdict)}".rstrip()
    return found


def _measurement(one: Mapping[str, Any]) -> Measurement:
    interval = tuple(one["interval_95"])
    return Measurement(one["name"], one["value"], one["standard_uncertainty"], one["unit"], interval)


def _signs(verdict: str | None) -> str:
    return "" if verdict is None else f"{SIGNS[Verdict(verdict)][0]} {verdict}"


def _verdict(run: RunRecord) -> str:
    sign = SIGNS[Verdict(run.verdict) if run.verdict else None][0]
    return f"{sign} {run.verdict or render(text('runs.not_judged'))}"


def _inputs(run: RunRecord) -> str:
    names = [one.name for one in run.inputs]
    said = ", ".join(names) if len(names) <= 2 else render(text("runs.and_more", first=names[0], more=len(names) - 1))
    return " ".join(filter(None, (render(text("runs.simulated")) if run.simulated else "", said))) or "–"


def _when(iso: str) -> str:
    """Return a time in the reader's zone."""
    return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M")


def _stage(id: str) -> str:
    try:
        return render(text(id))
    except KeyError:
        return id


def _plain(value: Any) -> str:
    return "–" if value is None else str(value)


def _place(run: RunRecord, name: str) -> str:
    kept = next(one for one in run.artefacts if one.name == name)
    try:
        return str(Path(artefact_path(kept)))
    except BadInput:
        return f"{render(text('runs.lost'))} {path_of(default_records(), kept.sha256)}"
