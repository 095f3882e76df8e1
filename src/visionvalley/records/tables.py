# SPDX-License-Identifier: Apache-2.0
"""The tables, as `migrations` makes them (tests/test_records_database.py compares the two)."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("application", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("started", String(32), nullable=False),
    Column("keep_until", String(32)),
    Column("rerun_of", String(32)),
    Column("verdict", String(16)),
    Column("simulated", Boolean, nullable=False),
    *(
        Column(name, JSON, nullable=False)
        for name in ("arguments", "settings", "seeds", "versions", "machine", "seconds", "results")
    ),
    Index("runs_by_start", "started"),
    Index("runs_by_owner", "owner"),
)

inputs = Table(
    "inputs",
    metadata,
    Column("run", String(32), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("role", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Index("inputs_by_content", "sha256"),
)

artefacts = Table(
    "artefacts",
    metadata,
    Column("run", String(32), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Index("artefacts_by_content", "sha256"),
)
