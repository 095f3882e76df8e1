# SPDX-License-Identifier: Apache-2.0
"""The connection of this room to the database of records: its own tables, in steps of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from sqlalchemy import Connection

from visionvalley.records import Records
from visionvalley.records import database as shared

KNOWN = ("0001", "0002", "0003")  # every step of `migrations`, the newest last
VISITS = shared.Chain("visionvalley.visits:migrations", "visits_version", KNOWN)


@contextmanager
def reading(records: Records) -> Iterator[Connection]:
    """Give a connection to read from; raises BadInput where the database cannot be used."""
    prepare(records)
    with shared.opened(records) as connection:
        yield connection


@contextmanager
def writing(records: Records) -> Iterator[Connection]:
    """Give a connection whose changes are kept when all went well, and else not at all; raises as `reading`."""
    prepare(records)
    with shared.opened(records, writing=True) as connection:
        yield connection


def prepare(records: Records) -> None:
    """Make or renew the tables of runs and of this room where they are not as this program knows them."""
    if not records.database and not records.file.exists():
        _prepared.cache_clear()
    _prepared(records)


@lru_cache(16)
def _prepared(records: Records) -> None:
    """Look once in a process: a question of a page must not begin with two others."""
    shared.prepare(records)
    shared.prepare(records, VISITS)


def vacuum(records: Records) -> None:
    """Write the database anew, so that its files hold nothing of what was deleted; raises as `records`'."""
    from visionvalley.visits.tables import metadata

    prepare(records)
    shared.vacuum(records, *(table.name for table in metadata.sorted_tables))
