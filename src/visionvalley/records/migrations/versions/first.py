# SPDX-License-Identifier: Apache-2.0
"""Runs, what they read, and what they made."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

VALUES = ("arguments", "settings", "seeds", "versions", "machine", "seconds", "results")


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "runs",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("application", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("started", sa.String(32), nullable=False),
        sa.Column("keep_until", sa.String(32)),
        sa.Column("rerun_of", sa.String(32)),
        sa.Column("verdict", sa.String(16)),
        sa.Column("simulated", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.JSON, nullable=False) for name in VALUES),
    )
    op.create_index("runs_by_start", "runs", ["started"])
    op.create_index("runs_by_owner", "runs", ["owner"])
    _files("inputs", "role", "name", "path")
    _files("artefacts", "name")


def _files(table: str, *texts: str) -> None:
    """Make a table of files that belong to runs."""
    op.create_table(
        table,
        sa.Column("run", sa.String(32), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
    )
    op.create_index(f"{table}_by_content", table, ["sha256"])


def downgrade() -> None:
    """Drop everything."""
    for table in ("artefacts", "inputs", "runs"):
        op.drop_table(table)
