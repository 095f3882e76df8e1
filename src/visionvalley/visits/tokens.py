# SPDX-License-Identifier: Apache-2.0
"""Secrets that are handed out once and kept as their SHA-256: whoever reads the database can use none of them."""

from __future__ import annotations

import hashlib
import hmac
import secrets

BYTES = 32


def new_token() -> str:
    """Return 256 random bits, fit for an address."""
    return secrets.token_urlsafe(BYTES)


def new_id() -> str:
    """Return a new id of a row; it is no secret."""
    return secrets.token_hex(8)


def kept(token: str) -> str:
    """Return what is kept of a token. It has 256 random bits: a fast hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def bound(token: str, purpose: str) -> str:
    """Return a second secret that belongs to a token, such as the one that a page sends back (CSRF)."""
    return hmac.new(token.encode(), purpose.encode(), hashlib.sha256).hexdigest()
