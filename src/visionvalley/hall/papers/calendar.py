# SPDX-License-Identifier: Apache-2.0
"""A programme as a calendar (iCalendar, RFC 5545), with the time zone's rules in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from visionvalley.visits.plans import Entry, Visit


def written(visit: Visit, entries: Iterable[Entry], places: Mapping[str, str]) -> bytes:
    """Return the calendar of a visit.

    places  names of the rooms by their ids
    """
    calendar = Calendar()
    for name, value in (("prodid", "-//Vision Valley//hall//EN"), ("version", "2.0"), ("x-wr-calname", visit.title)):
        calendar.add(name, value)
    for entry in entries:
        calendar.add_component(_event(visit, entry, places))
    calendar.add_missing_timezones()
    made: bytes = calendar.to_ical()
    return made


def _event(visit: Visit, entry: Entry, places: Mapping[str, str]) -> Event:
    event, zone = Event(), ZoneInfo(visit.zone)
    event.add("uid", f"{entry.id}@visionvalley")
    event.add("dtstamp", datetime.fromisoformat(visit.created))
    event.add("sequence", entry.version - 1)
    event.add("summary", entry.title)
    event.add("dtstart", datetime.fromisoformat(entry.begins).astimezone(zone))
    event.add("dtend", datetime.fromisoformat(entry.ends).astimezone(zone))
    where = " · ".join(filter(None, (places.get(entry.room or "", ""), entry.stand)))
    for name, value in (("location", where), ("description", entry.note)):
        if value:
            event.add(name, value)
    return event
