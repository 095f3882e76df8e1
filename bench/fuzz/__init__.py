# SPDX-License-Identifier: Apache-2.0
"""Damaged files for every reader: each is either read or refused with BadInput, and nothing else happens."""
