# SPDX-License-Identifier: Apache-2.0
"""Erasing runs, so that nothing of them is left in the database's files or beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from visionvalley.records import artefacts as files
from visionvalley.records.finding import AT_ONCE
from visionvalley.records.locking import locked
from visionvalley.records.place import Records, default_records


@dataclass(frozen=True, slots=True)
class Erased:
    """What went: runs, files that no other run holds, and how large they were."""

    runs: int
    files: int
    bytes: int


def erase(ids: Sequence[str], records: Records | None = None) -> Erased:
    """Erase the runs of these whole ids, and those of their files that no other run holds.

    The database is vacuumed: its files hold nothing of them any more. A process that is killed meanwhile leaves a
    list with which the next one goes on. Raises BadInput where others keep the database busy.
    """
    from visionvalley.records import database
    from visionvalley.records.faults import explained

    records = records or default_records()
    database.prepare(records)
    with explained(records), locked(records, alone=True):
        with files.announced(records) as folder:
            files.announce(folder, _files_of(records, ids), erasing=True)
            gone = _delete(records, ids)
            count, size = files.clear(records, everything=True)
        return Erased(gone, count, size)


def prune(records: Records | None = None, now: str | None = None) -> Erased:
    """Erase the runs whose time is over; `now` is ISO 8601, UTC."""
    return erase(overdue(records, now), records)


def overdue(records: Records | None = None, now: str | None = None) -> tuple[str, ...]:
    """Return the ids of runs that need not be kept any longer."""
    from sqlalchemy import select

    from visionvalley.records import database
    from visionvalley.records.tables import runs

    now = now or datetime.now(UTC).isoformat(timespec="seconds")
    with database.reading(records or default_records()) as connection:
        return tuple(connection.scalars(select(runs.c.id).where(runs.c.keep_until <= now)))


def _files_of(records: Records, ids: Sequence[str]) -> set[str]:
    from sqlalchemy import select

    from visionvalley.records import database
    from visionvalley.records.tables import artefacts

    found: set[str] = set()
    with database.reading(records) as connection:
        for some in _portions(ids):
            found |= set(connection.scalars(select(artefacts.c.sha256).where(artefacts.c.run.in_(some))))
    return found


def _delete(records: Records, ids: Sequence[str]) -> int:
    from visionvalley.records import database
    from visionvalley.records.tables import artefacts, inputs, runs

    with database.writing(records) as connection:
        gone = 0
        for some in _portions(ids):
            for table in (artefacts, inputs):
                connection.execute(table.delete().where(table.c.run.in_(some)))
            connection.execute(runs.update().where(runs.c.rerun_of.in_(some)).values(rerun_of=None))
            gone += connection.execute(runs.delete().where(runs.c.id.in_(some))).rowcount
        return gone


def _portions(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE)]
