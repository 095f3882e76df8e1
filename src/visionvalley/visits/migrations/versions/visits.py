# SPDX-License-Identifier: Apache-2.0
"""Delegations and their members, the house's people and rooms, visits with their programme, questions, follow-up."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = (
    "follow_ups", "questions", "arrivals", "invitations", "programme_members", "programme_staff", "programme",
    "visits", "rooms", "staff", "consents", "members", "delegations", "organisations",
)  # fmt: skip


def upgrade() -> None:
    """Make the tables of visits."""
    _make_delegations()
    _make_house()
    _make_visits()
    _make_programme()
    _make_door()
    _make_exchange()


def _id(name: str = "id") -> sa.Column[str]:
    return sa.Column(name, sa.String(32), primary_key=True)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _times(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(32), nullable=False) for name in names]


def _version() -> sa.Column[int]:
    return sa.Column("version", sa.Integer, nullable=False)


def _of(name: str, other: str, gone: str = "CASCADE", primary: bool = False) -> sa.Column[str]:
    """Return a column that names a row of another table: what goes with it (CASCADE) or forgets it (SET NULL)."""
    key = sa.ForeignKey(f"{other}.id", ondelete=gone)
    return sa.Column(name, sa.String(32), key, nullable=gone != "CASCADE", primary_key=primary)


def _index(table: str, name: str, *columns: str, unique: bool = False) -> None:
    op.create_index(f"{table}_by_{name}", table, list(columns), unique=unique)


def _make_delegations() -> None:
    country = sa.Column("country", sa.String(2), nullable=False)
    op.create_table("organisations", _id(), *_texts("name"), country, _version())
    op.create_table("delegations", _id(), *_texts("name"), _of("organisation", "organisations", "SET NULL"), _version())
    op.create_table(
        "members",
        _id(),
        _of("delegation", "delegations"),
        *_texts("name", "title", "email"),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("named", sa.Boolean, nullable=False),
        *_times("created"),
        _version(),
    )
    _index("members", "delegation", "delegation")
    op.create_table(
        "consents",
        sa.Column("number", sa.Integer, primary_key=True),
        _of("member", "members"),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("given", sa.Boolean, nullable=False),
        *_times("at"),
    )
    _index("consents", "member", "member")


def _make_house() -> None:
    kind = sa.Column("kind", sa.String(16), nullable=False)
    op.create_table(
        "staff", _id(), kind, *_texts("name", "languages"), _of("account", "accounts", "SET NULL"), _version()
    )
    op.create_table(
        "rooms",
        _id(),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("seats", sa.Integer),
        _version(),
    )


def _make_visits() -> None:
    op.create_table(
        "visits",
        _id(),
        _of("delegation", "delegations"),
        *_texts("title", "zone", "home_zone"),
        *_times("begins", "ends"),
        _of("host", "staff", "SET NULL"),
        sa.Column("keep_days", sa.Integer, nullable=False),
        *_times("created"),
        _version(),
    )
    _index("visits", "time", "begins", "ends")
    _index("visits", "delegation", "delegation")


def _make_programme() -> None:
    op.create_table(
        "programme",
        _id(),
        _of("visit", "visits"),
        sa.Column("kind", sa.String(16), nullable=False),
        *_texts("title"),
        sa.Column("stand", sa.String(64), nullable=False),
        _of("room", "rooms", "SET NULL"),
        *_times("begins", "ends"),
        *_texts("note"),
        _version(),
    )
    _index("programme", "visit", "visit")
    _index("programme", "time", "begins", "ends")
    for people in ("staff", "members"):
        table = f"programme_{people}"
        op.create_table(table, _of("entry", "programme", primary=True), _of("person", people, primary=True))
        _index(table, "person", "person")


def _make_door() -> None:
    op.create_table(
        "invitations",
        sa.Column("token", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        _of("visit", "visits"),
        _of("member", "members"),
        sa.Column("reusable", sa.Boolean, nullable=False),
        *_times("created", "expires"),
        sa.Column("used", sa.String(32)),
    )
    _index("invitations", "visit", "visit")
    _index("invitations", "member", "member")
    op.create_table(
        "arrivals",
        _of("member", "members", primary=True),
        sa.Column("step", sa.BigInteger, primary_key=True, autoincrement=False),
        _of("visit", "visits"),
        *_times("at"),
    )
    _index("arrivals", "visit", "visit")


def _make_exchange() -> None:
    op.create_table(
        "questions",
        _id(),
        _of("visit", "visits"),
        sa.Column("stand", sa.String(64), nullable=False),
        _of("member", "members", "SET NULL"),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        *_texts("text"),
        *_times("asked"),
        sa.Column("state", sa.String(16), nullable=False),
        _of("merged_into", "questions", "SET NULL"),
        *_texts("answer"),
        sa.Column("answer_language", sa.String(16), nullable=False),
        _of("answered_by", "accounts", "SET NULL"),
        *(sa.Column(name, sa.String(32)) for name in ("answered", "published")),
        _version(),
    )
    _index("questions", "key", "member", "key", unique=True)
    _index("questions", "visit", "visit")
    _index("questions", "stand", "stand", "state")
    _index("questions", "head", "merged_into")
    op.create_table(
        "follow_ups",
        _id(),
        _of("visit", "visits"),
        _of("question", "questions", "SET NULL"),
        *_texts("text"),
        _of("owner", "accounts", "SET NULL"),
        sa.Column("due", sa.String(10), nullable=False),
        sa.Column("done", sa.String(32)),
        _version(),
    )
    _index("follow_ups", "visit", "visit")
    _index("follow_ups", "owner", "owner")


def downgrade() -> None:
    """Drop the tables of visits."""
    for table in TABLES:
        op.drop_table(table)
