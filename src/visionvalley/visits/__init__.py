# SPDX-License-Identifier: Apache-2.0
"""Who keeps the hall and who comes to it: accounts, sessions, the audit log, visits. Imports no database library."""
