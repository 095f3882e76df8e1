# SPDX-License-Identifier: Apache-2.0
"""How the database came to its present tables, step by step (Alembic)."""
