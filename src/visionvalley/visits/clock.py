# SPDX-License-Identifier: Apache-2.0
"""Times as they are kept: ISO 8601, UTC, to the second, so that they compare as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def now() -> str:
    """Return the present time."""
    return written(datetime.now(UTC))


def later(seconds_s: float, since: str | None = None) -> str:
    """Return the time some seconds after `since`, or after now; negative: before."""
    begin = datetime.fromisoformat(since) if since else datetime.now(UTC)
    return written(begin + timedelta(seconds=seconds_s))


def written(moment: datetime) -> str:
    """Return a moment, which knows its zone, as it is kept."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")
