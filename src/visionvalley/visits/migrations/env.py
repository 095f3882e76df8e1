# SPDX-License-Identifier: Apache-2.0
"""What Alembic runs: migrations on the connection that `records.database` gives, with a version table of their own."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table="visits_version")
with context.begin_transaction():
    context.run_migrations()
