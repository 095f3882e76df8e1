# SPDX-License-Identifier: Apache-2.0
"""What people write, checked: lines, paragraphs, addresses, languages, and times in a time zone."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from visionvalley.core import BadInput, Text, text
from visionvalley.visits import clock
from visionvalley.visits.accounts import EMAIL

LINE, PARAGRAPHS = 200, 4000  # characters
LANGUAGES = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
COUNTRY = re.compile(r"[A-Z]{2}")
HIDDEN = frozenset({"Cc", "Cs", "Co", "Cn"})  # what cannot be shown; marks of direction (Cf) belong to Arabic texts


def line(value: str, field: str, *, empty: bool = False, longest: int = LINE) -> str:
    """Return one line with single blanks; raises BadInput where it is empty, too long or cannot be shown."""
    return _checked(" ".join(value.split()), field, empty, longest)


def paragraphs(value: str, field: str, *, empty: bool = False, longest: int = PARAGRAPHS) -> str:
    """Return lines without blanks at their ends; raises as `line`."""
    lines = (" ".join(one.split()) for one in value.strip().splitlines())
    return _checked("\n".join(lines), field, empty, longest)


def email(value: str) -> str:
    """Return an e-mail address in small letters, or nothing; raises BadInput where it is none."""
    plain = value.strip().lower()
    if plain and (len(plain) > LINE or not EMAIL.fullmatch(plain)):
        raise BadInput("visits.bad_email")
    return plain


def language(value: str) -> str:
    """Return the code of a language; raises BadInput where it is none."""
    if not LANGUAGES.fullmatch(value) or len(value) > 16:
        raise BadInput("visits.bad_language", language=value[:40])
    return value


def country(value: str) -> str:
    """Return a country's two letters, or nothing; raises BadInput for anything else."""
    plain = value.strip().upper()
    if plain and not COUNTRY.fullmatch(plain):
        raise BadInput("visits.bad_country")
    return plain


def zone(value: str) -> str:
    """Return the name of a time zone; raises BadInput where there is none of this name."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput("visits.bad_zone", zone=value[:60]) from error
    return value


def moment(value: str, zone: str) -> str:
    """Return a time as it is kept; one without an offset is meant in a time zone.

    Raises BadInput where it is no time, and where clocks skip it (the hour that summer time takes). Of an hour that
    comes twice, the first is meant.
    """
    try:
        told = datetime.fromisoformat(value)
    except ValueError as error:
        raise BadInput("visits.bad_time", time=value[:60]) from error
    if told.tzinfo is None:
        told = told.replace(tzinfo=ZoneInfo(zone))
        if told.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) != told.replace(tzinfo=None):
            raise BadInput("visits.skipped_time", time=value[:60], zone=zone)
    try:
        return clock.written(told)
    except OverflowError as error:
        raise BadInput("visits.bad_time", time=value[:60]) from error


def day(value: str) -> str:
    """Return a date, ISO 8601; raises BadInput where it is none."""
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError as error:
        raise BadInput("visits.bad_time", time=value[:60]) from error


def local(kept: str, zone: str, beside: str = "") -> str:
    """Return hour and minute of a time in a zone, with its day where `beside` is of another one."""
    told = datetime.fromisoformat(kept).astimezone(ZoneInfo(zone))
    same = beside and datetime.fromisoformat(beside).astimezone(ZoneInfo(zone)).date() == told.date()
    return told.strftime("%H:%M" if same else "%Y-%m-%d %H:%M")


def _checked(plain: str, field: str, empty: bool, longest: int) -> str:
    hidden = any(unicodedata.category(letter) in HIDDEN and letter != "\n" for letter in plain)
    if hidden or len(plain) > longest or not (plain or empty):
        raise BadInput("visits.bad_text", field=_named(field), longest=longest)
    return plain


def _named(field: str) -> Text:
    return text(f"visits.field_{field}")
