# SPDX-License-Identifier: Apache-2.0
"""A programme as a picture: time downwards, a column for each place or person; what others take there is shown, too.

Lines are steps of five minutes from a full hour on; the stylesheet places `data-from`, `data-to` and `data-column`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from visionvalley.visits.plans import Entry, Visit

STEP = timedelta(minutes=5)
LINES = 288  # steps of a day, as many as the stylesheet knows
COLUMNS = 24
NOWHERE = " "  # the columns of what has no place


@dataclass(frozen=True, slots=True)
class Block:
    """An entry in a column. `other`: of another visit; it is not to be changed here."""

    entry: Entry
    column: int
    first: int
    last: int
    other: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """A day: its columns by name, kept entries as blocks, full hours as lines (line, time as kept)."""

    day: date
    noon: str
    columns: tuple[str, ...]
    blocks: tuple[Block, ...]
    hours: tuple[tuple[int, str], ...]
    last: int


def timelines(
    visit: Visit, entries: Sequence[Entry], others: Sequence[Entry], names: Mapping[str, str], by: str
) -> list[Timeline]:
    """Return a picture of each day of a visit on which something happens.

    by  'place': columns are rooms and stands; 'person': the people of the house
    """
    zone = ZoneInfo(visit.zone)
    days = sorted({_local(one.begins, zone).date() for one in entries})
    return [_day(day, zone, entries, others, names, by) for day in days]


def _day(
    day: date, zone: ZoneInfo, entries: Sequence[Entry], others: Sequence[Entry], names: Mapping[str, str], by: str
) -> Timeline:
    ours = [one for one in entries if _local(one.begins, zone).date() == day]
    lanes = _lanes([one for one in ours if not _keys(one, by)])
    placed = {one.id: _keys(one, by) or (lanes[one.id],) for one in ours}
    keys = list(dict.fromkeys(key for one in ours for key in placed[one.id]))[:COLUMNS]
    begin = min(_local(one.begins, zone) for one in ours).replace(minute=0, second=0)
    end = max(_local(one.ends, zone) for one in ours)
    placed |= {one.id: _keys(one, by) for one in others}
    blocks = [
        Block(one, keys.index(key) + 2, _line(one.begins, begin, zone), _line(one.ends, begin, zone, up=True), other)
        for some, other in ((others, True), (ours, False))
        for one in some
        for key in placed[one.id]
        if key in keys and _local(one.begins, zone) < end and _local(one.ends, zone) > begin
    ]
    hours = min(24, -(-(end - begin) // timedelta(hours=1)))
    marks = [(1 + 12 * n, (begin + timedelta(hours=n)).isoformat()) for n in range(hours)]
    shown = tuple(names.get(key, key.strip()) for key in keys)
    last = 12 * hours + 1
    fitting = [Block(one.entry, one.column, one.first, min(one.last, last), one.other) for one in blocks]
    return Timeline(day, begin.replace(hour=12).isoformat(), shown, tuple(fitting), tuple(marks), last)


def _keys(entry: Entry, by: str) -> tuple[str, ...]:
    """Return the columns in which an entry stands; none where it has no place, or nobody of the house."""
    return entry.staff if by == "person" else tuple(filter(None, (entry.room, entry.stand)))


def _lanes(entries: Sequence[Entry]) -> dict[str, str]:
    """Return columns without a name for entries that have none, so that none lies over another."""
    ends: list[str] = []
    lanes = {}
    for one in entries:
        lane = next((n for n, end in enumerate(ends) if end <= one.begins), len(ends))
        ends[lane : lane + 1] = [one.ends]
        lanes[one.id] = NOWHERE * (lane + 1)
    return lanes


def _line(kept: str, begin: datetime, zone: ZoneInfo, *, up: bool = False) -> int:
    passed = _local(kept, zone) - begin
    steps = -(-passed // STEP) if up else passed // STEP
    return 1 + max(0, min(LINES, steps))


def _local(kept: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(kept).astimezone(zone)
