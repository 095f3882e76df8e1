# SPDX-License-Identifier: Apache-2.0
"""The tables of accounts and of visits, as `migrations` makes them (a test compares the two).

Tokens and passwords are kept as hashes only.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text

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

organisations = Table(
    "organisations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("country", String(2), nullable=False),
    Column("version", Integer, nullable=False),
)

delegations = Table(
    "delegations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("organisation", String(32), ForeignKey("organisations.id", ondelete="SET NULL")),
    Column("version", Integer, nullable=False),
)

members = Table(
    "members",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("delegation", String(32), ForeignKey("delegations.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("language", String(16), nullable=False),
    Column("named", Boolean, nullable=False),
    Column("created", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Index("members_by_delegation", "delegation"),
)

consents = Table(
    "consents",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("member", String(32), ForeignKey("members.id", ondelete="CASCADE"), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("given", Boolean, nullable=False),
    Column("at", String(32), nullable=False),
    Index("consents_by_member", "member"),
)

staff = Table(
    "staff",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("languages", Text, nullable=False),
    Column("account", String(32), ForeignKey("accounts.id", ondelete="SET NULL")),
    Column("version", Integer, nullable=False),
)

rooms = Table(
    "rooms",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("seats", Integer),
    Column("version", Integer, nullable=False),
)

visits = Table(
    "visits",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("delegation", String(32), ForeignKey("delegations.id", ondelete="CASCADE"), nullable=False),
    Column("title", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("home_zone", Text, nullable=False),
    Column("begins", String(32), nullable=False),
    Column("ends", String(32), nullable=False),
    Column("host", String(32), ForeignKey("staff.id", ondelete="SET NULL")),
    Column("keep_days", Integer, nullable=False),
    Column("created", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Index("visits_by_time", "begins", "ends"),
    Index("visits_by_delegation", "delegation"),
)

programme = Table(
    "programme",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("visit", String(32), ForeignKey("visits.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("title", Text, nullable=False),
    Column("stand", String(64), nullable=False),
    Column("room", String(32), ForeignKey("rooms.id", ondelete="SET NULL")),
    Column("begins", String(32), nullable=False),
    Column("ends", String(32), nullable=False),
    Column("note", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Index("programme_by_visit", "visit"),
    Index("programme_by_time", "begins", "ends"),
)

programme_staff = Table(
    "programme_staff",
    metadata,
    Column("entry", String(32), ForeignKey("programme.id", ondelete="CASCADE"), primary_key=True),
    Column("person", String(32), ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True),
    Index("programme_staff_by_person", "person"),
)

programme_members = Table(
    "programme_members",
    metadata,
    Column("entry", String(32), ForeignKey("programme.id", ondelete="CASCADE"), primary_key=True),
    Column("person", String(32), ForeignKey("members.id", ondelete="CASCADE"), primary_key=True),
    Index("programme_members_by_person", "person"),
)

invitations = Table(
    "invitations",
    metadata,
    Column("token", String(64), primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("visit", String(32), ForeignKey("visits.id", ondelete="CASCADE"), nullable=False),
    Column("member", String(32), ForeignKey("members.id", ondelete="CASCADE"), nullable=False),
    Column("reusable", Boolean, nullable=False),
    Column("created", String(32), nullable=False),
    Column("expires", String(32), nullable=False),
    Column("used", String(32)),
    Index("invitations_by_visit", "visit"),
    Index("invitations_by_member", "member"),
)

arrivals = Table(
    "arrivals",
    metadata,
    Column("member", String(32), ForeignKey("members.id", ondelete="CASCADE"), primary_key=True),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("visit", String(32), ForeignKey("visits.id", ondelete="CASCADE"), nullable=False),
    Column("at", String(32), nullable=False),
    Index("arrivals_by_visit", "visit"),
)

questions = Table(
    "questions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("visit", String(32), ForeignKey("visits.id", ondelete="CASCADE"), nullable=False),
    Column("stand", String(64), nullable=False),
    Column("member", String(32), ForeignKey("members.id", ondelete="SET NULL")),
    Column("key", String(64), nullable=False),
    Column("language", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("asked", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("merged_into", String(32), ForeignKey("questions.id", ondelete="SET NULL")),
    Column("answer", Text, nullable=False),
    Column("answer_language", String(16), nullable=False),
    Column("answered_by", String(32), ForeignKey("accounts.id", ondelete="SET NULL")),
    Column("answered", String(32)),
    Column("published", String(32)),
    Column("version", Integer, nullable=False),
    Index("questions_by_key", "member", "key", unique=True),
    Index("questions_by_visit", "visit"),
    Index("questions_by_stand", "stand", "state"),
    Index("questions_by_head", "merged_into"),
)

follow_ups = Table(
    "follow_ups",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("visit", String(32), ForeignKey("visits.id", ondelete="CASCADE"), nullable=False),
    Column("question", String(32), ForeignKey("questions.id", ondelete="SET NULL")),
    Column("text", Text, nullable=False),
    Column("owner", String(32), ForeignKey("accounts.id", ondelete="SET NULL")),
    Column("due", String(10), nullable=False),
    Column("done", String(32)),
    Column("version", Integer, nullable=False),
    Index("follow_ups_by_visit", "visit"),
    Index("follow_ups_by_owner", "owner"),
)

screens = Table(
    "screens",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("room", String(32), ForeignKey("rooms.id", ondelete="SET NULL")),
    Column("stand", String(64), nullable=False),
    Column("shows", String(16), nullable=False),
    Column("created", String(32), nullable=False),
    Column("version", Integer, nullable=False),
)

pairings = Table(
    "pairings",
    metadata,
    Column("token", String(64), primary_key=True),
    Column("code", String(8), nullable=False, unique=True),
    Column("expires", String(32), nullable=False),
    Column("screen", String(32), ForeignKey("screens.id", ondelete="CASCADE")),
)
