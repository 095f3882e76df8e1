# SPDX-License-Identifier: Apache-2.0
"""Keeping a run: its files first, then its row. Who reads the row finds the files."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from visionvalley.core import BadInput
from visionvalley.records import artefacts as files
from visionvalley.records.locking import locked
from visionvalley.records.place import Records, default_records
from visionvalley.records.values import Artefact, RunRecord

COLUMNS = (
    "id", "application", "owner", "started", "keep_until", "rerun_of", "verdict", "simulated",
    "arguments", "settings", "seeds", "versions", "machine", "seconds", "results",
)  # fmt: skip


def keep(run: RunRecord, artefacts: Mapping[str, Path], records: Records | None = None) -> str:
    """Keep a run and copies of its files, by their names in the run's folder; return its id.

    Whole or not at all, whatever ends the process. Raises BadInput where it cannot be kept: the database is locked,
    unreachable or of a newer version, the folder read-only, the disk full.
    """
    from visionvalley.records import database
    from visionvalley.records.faults import explained

    records = records or default_records()
    database.prepare(records)
    try:
        with explained(records):
            files.sweep(records)
            with locked(records, alone=False), files.announced(records) as folder:
                kept = files.store(records, folder, artefacts)
                _insert(records, run, kept)
    except BadInput:
        with suppress(BadInput, OSError):
            files.sweep(records)
        raise
    return run.id


def _insert(records: Records, run: RunRecord, kept: tuple[Artefact, ...]) -> None:
    from visionvalley.records import database, tables

    row: dict[str, Any] = {name: _plain(getattr(run, name)) for name in COLUMNS}
    with database.writing(records) as connection:
        connection.execute(tables.runs.insert(), row)
        read, made = [asdict(one) for one in run.inputs], [asdict(one) for one in kept]
        for table, some in ((tables.inputs, read), (tables.artefacts, made)):
            if some:
                connection.execute(
                    table.insert(), [{"run": run.id, "position": n, **one} for n, one in enumerate(some)]
                )


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value
