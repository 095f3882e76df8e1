# SPDX-License-Identifier: Apache-2.0
"""The tables of accounts, as `migrations` makes them (a test compares the two). Tokens and passwords only as hashes."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

accounts = Table(
    "accounts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("password", Text),
    Column("language", String(16)),
    Column("created", String(32), nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
)

account_links = Table(
    "account_links",
    metadata,
    Column("token", String(64), primary_key=True),
    Column("account", String(32), ForeignKey("accounts.id", ondelete="CASCADE")),
    Column("created", String(32), nullable=False),
    Column("expires", String(32), nullable=False),
    Column("used", String(32)),
    Index("account_links_by_account", "account"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token", String(64), primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("subject", String(32), nullable=False),
    Column("role", String(16), nullable=False),
    Column("device", Text, nullable=False),
    Column("created", String(32), nullable=False),
    Column("seen", String(32), nullable=False),
    Column("expires", String(32), nullable=False),
    Index("sessions_by_subject", "kind", "subject"),
    Index("sessions_by_expiry", "expires"),
)

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("at", String(32), nullable=False),
    Column("actor", String(48), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(48), nullable=False),
    Column("details", JSON, nullable=False),
    Index("audit_by_actor", "actor"),
    Index("audit_by_subject", "subject"),
    Index("audit_by_action", "action"),
)
