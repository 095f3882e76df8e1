# SPDX-License-Identifier: Apache-2.0
"""Accounts, links to them, sessions, and the audit log, which nobody can delete from."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEPT = ("number", "at", "action", "details")  # of an entry of the audit log: what can never change
SQLITE = (
    "CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit "
    "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
    f"CREATE TRIGGER audit_is_true BEFORE UPDATE OF {', '.join(KEPT)} ON audit "
    "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
)
POSTGRESQL = (
    "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$",
    "CREATE TRIGGER audit_is_kept BEFORE DELETE OR TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
    f"CREATE TRIGGER audit_is_true BEFORE UPDATE OF {', '.join(KEPT)} ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
)


def upgrade() -> None:
    """Make the first tables."""
    _make_accounts()
    _make_sessions()
    _make_audit()


def _make_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("email", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("password", sa.Text),
        sa.Column("language", sa.String(16)),
        sa.Column("created", sa.String(32), nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "account_links",
        sa.Column("token", sa.String(64), primary_key=True),
        sa.Column("account", sa.String(32), sa.ForeignKey("accounts.id", ondelete="CASCADE")),
        *(sa.Column(name, sa.String(32), nullable=False) for name in ("created", "expires")),
        sa.Column("used", sa.String(32)),
    )
    op.create_index("account_links_by_account", "account_links", ["account"])


def _make_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("token", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("device", sa.Text, nullable=False),
        *(sa.Column(name, sa.String(32), nullable=False) for name in ("created", "seen", "expires")),
    )
    op.create_index("sessions_by_subject", "sessions", ["kind", "subject"])
    op.create_index("sessions_by_expiry", "sessions", ["expires"])


def _make_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(48), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(48), nullable=False),
        sa.Column("details", sa.JSON, nullable=False),
    )
    for name in ("actor", "subject", "action"):
        op.create_index(f"audit_by_{name}", "audit", [name])
    for command in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(command)


def downgrade() -> None:
    """Drop everything."""
    for table in ("audit", "sessions", "account_links", "accounts"):
        op.drop_table(table)
