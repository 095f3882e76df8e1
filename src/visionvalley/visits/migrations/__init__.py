# SPDX-License-Identifier: Apache-2.0
"""How the tables of visits came to be as they are, step by step (Alembic), apart from those of runs."""
