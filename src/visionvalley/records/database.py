# SPDX-License-Identifier: Apache-2.0
"""The connection to the database: SQLite in write-ahead mode, or PostgreSQL; its tables are brought up to date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, inspect
from sqlalchemy import text as statement
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from visionvalley.core import BadInput
from visionvalley.records.faults import explained, place
from visionvalley.records.locking import locked
from visionvalley.records.place import Records

KNOWN = ("0001",)  # every step of `migrations`, the newest last
MIGRATING, CHANGING = 0x56616C6C, 0x56616C6D  # PostgreSQL: locks of who migrates, of who changes rows
EACH_CONNECTION = ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")


@dataclass(frozen=True, slots=True)
class Chain:
    """The steps that lead to tables: where they lie, which table keeps their version, their names, the newest last."""

    script: str
    version_table: str
    known: tuple[str, ...]


RUNS = Chain("visionvalley.records:migrations", "alembic_version", KNOWN)


@dataclass(slots=True, eq=False)
class Held:
    """A connection that is used again for everything that one request asks; nobody holds it afterwards.

    Whoever asks while it is in use, in another thread or within a transaction, gets a connection of their own.
    """

    records: Records
    connection: Connection | None = None
    over: bool = False
    in_use: Lock = field(default_factory=Lock)

    def close(self) -> None:
        """Give it back; from now on each transaction has its own connection again."""
        self.over = True
        with self.in_use:
            self.drop()

    def drop(self) -> None:
        """Close the connection: the next transaction opens another."""
        found, self.connection = self.connection, None
        if found is not None:
            found.close()


HELD: ContextVar[Held | None] = ContextVar("held", default=None)


@contextmanager
def reading(records: Records) -> Iterator[Connection]:
    """Give a connection to read from.

    Raises BadInput where the database cannot be used: unreachable, locked, of a newer version, damaged.
    """
    prepare(records)
    with opened(records) as connection:
        yield connection


@contextmanager
def writing(records: Records) -> Iterator[Connection]:
    """Give a connection whose changes are kept when all went well, and else not at all; raises as `reading`."""
    prepare(records)
    with opened(records, writing=True) as connection:
        yield connection


@contextmanager
def opened(records: Records, *, writing: bool = False) -> Iterator[Connection]:
    """Give a connection to tables that `prepare` has seen; raises as `reading`."""
    with explained(records), _in_line(records, writing), _connected(records) as connection:
        connection.execution_options(writing=writing)
        with connection.begin():
            if records.database and writing:
                connection.execute(statement("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": CHANGING})
            yield connection


@contextmanager
def _in_line(records: Records, writing: bool) -> Iterator[None]:
    """Let one writer of this process after the other come to SQLite, which has those who wait sleep and wakes none."""
    if records.database or not writing:
        yield
        return
    line = _line(records)
    mine = line.acquire(timeout=records.patience_s)
    try:
        yield
    finally:
        if mine:
            line.release()


@lru_cache(16)
def _line(_: Records) -> Lock:
    return Lock()


@contextmanager
def _connected(records: Records) -> Iterator[Connection]:
    """Give the connection that a request holds (see `Held`), else one of one's own."""
    held = HELD.get()
    if held is None or held.over or held.records != records or not held.in_use.acquire(blocking=False):
        with engine(records).connect() as connection:
            yield connection
        return
    try:
        held.connection = (held.connection or engine(records).connect()).execution_options(writing=False)
        yield held.connection
    except BaseException:
        held.drop()
        raise
    finally:
        held.in_use.release()


def settle(records: Records) -> None:
    """Wait until no change is under way, also those that a server still works on for a client that was killed."""
    if records.database:
        with reading(records) as connection:
            connection.execute(statement("SELECT pg_advisory_xact_lock(:key)"), {"key": CHANGING})


@lru_cache(16)
def engine(records: Records) -> Engine:
    """Return what makes connections; none is held back, so a process may fork."""
    with explained(records):
        if not records.database:
            return _sqlite(records)
        try:
            url = _postgresql(records.database)
            options = f"-c lock_timeout={round(records.patience_s * 1e3)}"
            seconds = max(2, round(records.patience_s))
            return create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": seconds, "options": options})
        except (ModuleNotFoundError, NoSuchModuleError) as error:
            raise BadInput("records.no_driver", place=place(records)) from error


def _postgresql(written: str) -> Any:
    from sqlalchemy.engine import make_url

    try:
        url = make_url(written)
    except ArgumentError as error:
        raise BadInput("records.bad_url") from error
    if url.drivername not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise BadInput("records.bad_url")
    return url.set(drivername="postgresql+psycopg")


def _sqlite(records: Records) -> Engine:
    from sqlalchemy.engine import URL

    url = URL.create("sqlite", database=str(records.file))
    made = create_engine(url, poolclass=NullPool, connect_args={"timeout": records.patience_s})

    @event.listens_for(made, "connect")
    def _open(raw: Any, _: Any) -> None:
        raw.isolation_level = None  # transactions begin where we say
        for pragma in EACH_CONNECTION:
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(made, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writing")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return made


def prepare(records: Records, chain: Chain = RUNS) -> None:
    """Make folder and tables where they are not there, and bring older tables up to date."""
    with explained(records):
        for folder in (records.folder, records.artefacts, records.pending):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _version(records, chain) != chain.known[-1]:
            _migrate(records, chain)


def _version(records: Records, chain: Chain) -> str | None:
    """Return the version of the tables, None where there are none; raise BadInput for one that we do not know."""
    if not records.database and not records.file.exists():
        return None
    with _connected(records) as connection, connection.begin():
        if not inspect(connection).has_table(chain.version_table):
            return None
        found = connection.scalar(statement(f"SELECT version_num FROM {chain.version_table}"))  # noqa: S608  # ours
    if found is not None and found not in chain.known:
        raise BadInput("records.newer", place=place(records), found=found, known=chain.known[-1])
    return None if found is None else str(found)


def _migrate(records: Records, chain: Chain) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", chain.script)
    with locked(records, alone=True, name="migrating"), engine(records).connect() as connection:
        if not records.database:
            connection.connection.driver_connection.execute("PRAGMA journal_mode=WAL")  # type: ignore[union-attr]
        connection.execution_options(writing=True)
        with connection.begin():
            if records.database:
                connection.execute(statement("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATING})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def vacuum(records: Records, *tables: str) -> None:
    """Write the database anew, so that its files hold nothing of what was deleted.

    tables  those of other rooms that PostgreSQL writes anew besides ours; SQLite does so with all

    PostgreSQL's own log (WAL) and backups keep it until the server recycles them. Raises BadInput where others
    read for longer than patience allows.
    """
    with explained(records), engine(records).connect() as connection:
        if records.database:
            _vacuum_postgresql(connection, ("runs", "inputs", "artefacts", *tables))
        elif not _vacuum_sqlite(connection.connection.driver_connection, records.patience_s):
            raise BadInput("records.locked", place=place(records), reason="VACUUM")


def _vacuum_postgresql(connection: Connection, tables: Sequence[str]) -> None:
    raw: Any = connection.connection.driver_connection
    raw.rollback()
    raw.autocommit = True
    raw.execute(f"VACUUM (FULL, ANALYZE) {', '.join(tables)}")


def _vacuum_sqlite(raw: Any, patience_s: float) -> bool:
    """Vacuum, and empty the write-ahead log; say whether nobody read from it meanwhile."""
    import time

    raw.execute("VACUUM")
    end = time.monotonic() + patience_s
    while raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if time.monotonic() >= end:
            return False
        time.sleep(0.05)
    return True
