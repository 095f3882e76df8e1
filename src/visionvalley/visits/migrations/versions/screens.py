# SPDX-License-Identifier: Apache-2.0
"""Screens of the house, and the codes by which they are paired."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables of screens."""
    op.create_table(
        "screens",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("room", sa.String(32), sa.ForeignKey("rooms.id", ondelete="SET NULL")),
        sa.Column("stand", sa.String(64), nullable=False),
        sa.Column("shows", sa.String(16), nullable=False),
        sa.Column("created", sa.String(32), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "pairings",
        sa.Column("token", sa.String(64), primary_key=True),
        sa.Column("code", sa.String(8), nullable=False, unique=True),
        sa.Column("expires", sa.String(32), nullable=False),
        sa.Column("screen", sa.String(32), sa.ForeignKey("screens.id", ondelete="CASCADE")),
    )


def downgrade() -> None:
    """Drop the tables of screens."""
    for table in ("pairings", "screens"):
        op.drop_table(table)
