# SPDX-License-Identifier: Apache-2.0
"""Finding runs and their files."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visionvalley.core import BadInput
from visionvalley.records.artefacts import path_of, sweep
from visionvalley.records.place import Records, default_records
from visionvalley.records.values import Artefact, InputFile, RunRecord, Wanted

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

LEAST_PREFIX = 4
HASH = re.compile(r"[0-9a-f]{6,64}")
AT_ONCE = 500  # values in one question


def find(wanted: Wanted = Wanted(), records: Records | None = None) -> tuple[RunRecord, ...]:
    """Return the runs that are wanted, the latest first; raises BadInput where the database cannot be read."""
    from sqlalchemy import select

    from visionvalley.records import database, tables

    records = records or default_records()
    order = tables.runs.c.started.desc(), tables.runs.c.number.desc()
    asked = select(tables.runs).where(*_conditions(wanted)).order_by(*order).limit(wanted.limit)
    database.prepare(records)
    sweep(records)
    with database.opened(records) as connection:
        return _filled(connection, [dict(row._mapping) for row in connection.execute(asked)])


def state(records: Records) -> tuple[str, int]:
    """Return what is another wherever other runs are there: the id of the latest, and how many there are."""
    from sqlalchemy import func, select

    from visionvalley.records import database, tables

    c = tables.runs.c
    with database.reading(records) as connection:
        latest = connection.scalar(select(c.id).order_by(c.number.desc()).limit(1))
        return latest or "", connection.scalar(select(func.count(c.number))) or 0


def one(id: str, records: Records | None = None) -> RunRecord:
    """Return the run of an id, or of the beginning of one; raises BadInput where there is none, or several."""
    from sqlalchemy import select

    from visionvalley.records import database, tables

    records, begin = records or default_records(), id.strip().lower()
    if len(begin) < LEAST_PREFIX:
        raise BadInput("records.short_id", id=id, least=LEAST_PREFIX)
    asked = select(tables.runs).where(tables.runs.c.id.startswith(begin, autoescape=True)).limit(10)
    with database.reading(records) as connection:
        found = _filled(connection, [dict(row._mapping) for row in connection.execute(asked)])
    if not found:
        raise BadInput("records.unknown", id=id)
    if len(found) > 1:
        raise BadInput("records.ambiguous", id=id, ids=", ".join(sorted(run.id for run in found)))
    return found[0]


def artefact_path(artefact: Artefact, records: Records | None = None) -> Path:
    """Return where a file of a run is kept; raises BadInput where somebody took it away."""
    records = records or default_records()
    path = path_of(records, artefact.sha256)
    if not path.is_file():
        raise BadInput("records.file_lost", name=artefact.name, path=path)
    return path


def held(records: Records, names: Collection[str]) -> set[str]:
    """Return those SHA-256 of files that some run holds."""
    from sqlalchemy import select

    from visionvalley.records import database, tables

    ordered, sha256, found = sorted(names), tables.artefacts.c.sha256, set()
    with database.reading(records) as connection:
        for start in range(0, len(ordered), AT_ONCE):
            some = ordered[start : start + AT_ONCE]
            found |= set(connection.scalars(select(sha256).where(sha256.in_(some)).distinct()))
    return found


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    from sqlalchemy import or_

    from visionvalley.records.tables import runs

    asked: list[ColumnElement[bool]] = []
    if wanted.application is not None:
        inside = runs.c.application.startswith(f"{wanted.application}.", autoescape=True)
        asked.append(or_(runs.c.application == wanted.application, inside))
    if wanted.verdict is not None:
        asked.append(runs.c.verdict.is_(None) if wanted.verdict == "none" else runs.c.verdict == wanted.verdict)
    if wanted.owner is not None:
        asked.append(runs.c.owner == wanted.owner)
    if wanted.input is not None:
        asked.append(_read(wanted.input))
    if wanted.since is not None:
        asked.append(runs.c.started >= wanted.since)
    if wanted.until is not None:
        asked.append(runs.c.started <= wanted.until)
    return asked


def _read(named: str) -> ColumnElement[bool]:
    """Return the condition that a run read a file of this name or content."""
    from sqlalchemy import or_, select

    from visionvalley.records.tables import inputs, runs

    matching: list[ColumnElement[bool]] = [inputs.c.name.icontains(named, autoescape=True)]
    if HASH.fullmatch(named.lower()):
        matching.append(inputs.c.sha256.startswith(named.lower()))
    return runs.c.id.in_(select(inputs.c.run).where(or_(*matching)))


def _filled(connection: Connection, rows: list[dict[str, Any]]) -> tuple[RunRecord, ...]:
    """Return the runs of these rows with their inputs and artefacts."""
    from visionvalley.records.tables import artefacts, inputs

    ids = [row["id"] for row in rows]
    read, made = (_of_runs(connection, table, ids) for table in (inputs, artefacts))
    return tuple(
        RunRecord(
            **{name: value for name, value in row.items() if name != "number"},
            inputs=tuple(InputFile(**each) for each in read.get(row["id"], ())),
            artefacts=tuple(Artefact(**each) for each in made.get(row["id"], ())),
        )
        for row in rows
    )


def _of_runs(connection: Connection, table: Any, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    from sqlalchemy import select

    found: dict[str, list[dict[str, Any]]] = {}
    for start in range(0, len(ids), AT_ONCE):
        asked = select(table).where(table.c.run.in_(ids[start : start + AT_ONCE])).order_by(table.c.position)
        for row in connection.execute(asked):
            values = {name: value for name, value in row._mapping.items() if name not in {"run", "position"}}
            found.setdefault(row.run, []).append(values)
    return found
