# SPDX-License-Identifier: Apache-2.0
"""Days and times as people write them: 2026-11-24, 2026-11-24T15:30, 7d (days ago), 3h (hours ago)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from visionvalley.core import BadInput

AGO = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
DAY = re.compile(r"\d{4}-\d\d-\d\d")


def moment(written: str | None, *, end: bool = False, now: datetime | None = None) -> str | None:
    """Return a written time as ISO 8601 in UTC, to the second; local time where no zone stands.

    end  a day means its last second
    """
    if written is None:
        return None
    ago = re.fullmatch(r"(\d{1,5})([hdw])( ago)?", written.strip())
    try:
        if ago:
            when = (now or datetime.now(UTC)) - int(ago[1]) * AGO[ago[2]]
        else:
            when = datetime.fromisoformat(written.strip()).astimezone()
            if end and DAY.fullmatch(written.strip()):
                when += timedelta(days=1, seconds=-1)
        return when.astimezone(UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        raise BadInput("cli.bad_time", written=written) from None
