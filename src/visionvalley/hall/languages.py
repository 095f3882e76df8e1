# SPDX-License-Identifier: Apache-2.0
"""The languages of the hall: catalogues read at the start, plural rules, the reader's language, numbers and dates.

English is the text in the source. Each other language lies in `locales/<code>/LC_MESSAGES/*.po`; a message of the
core ('io.unit_missing', what / why / fix) stands there under its context 'io.unit_missing.what'. A translation that a
speaker has looked at carries a comment '# signed: name, date'; all others are drafts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from types import MappingProxyType
from typing import Any

from babel import Locale
from babel.dates import format_date, format_time, get_timezone
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import Translations

from visionvalley.core import BadInput, Text, text
from visionvalley.core.messages import catalogue, part_within

SIGNED = "signed:"
OF_KINDS = frozenset({"kind", "kinds", "things", "shape", "got", "construct"})  # parameters; others may be people's own
COUNTED = re.compile(r"(.+?)([ -]\d+)")


@dataclass(frozen=True, slots=True)
class Language:
    """A language: its code here, its name in itself, its tag for browsers, its direction, what Babel calls it."""

    code: str
    name: str
    tag: str
    direction: str
    locale: str


LANGUAGES = MappingProxyType(
    {
        one.code: one
        for one in (
            Language("en", "English", "en", "ltr", "en_GB"),
            Language("zh", "中文", "zh-Hans", "ltr", "zh_Hans_CN"),
            Language("fr", "Français", "fr", "ltr", "fr_FR"),
            Language("ar", "العربية", "ar", "rtl", "ar_EG"),
            Language("pt", "Português", "pt", "ltr", "pt_PT"),
            Language("sw", "Kiswahili", "sw", "ltr", "sw_KE"),
        )
    }
)
DEFAULT = "en"


@dataclass(frozen=True, slots=True)
class Signed:
    """How far a language is: all texts, those translated, and those that a speaker has signed."""

    language: Language
    texts: int
    translated: int
    signed: int


def chosen(*wishes: str | None, accepted: str = "") -> str:
    """Return the first wish that we have, else what a browser accepts (RFC 9110, 12.5.4), else English."""
    for wish in wishes:
        if wish in LANGUAGES:
            return str(wish)
    return next((code for code in _accepted(accepted) if code in LANGUAGES), DEFAULT)


def _accepted(header: str) -> Iterable[str]:
    """Yield the languages of an Accept-Language header, the most wanted first."""
    wanted = []
    for position, part in enumerate(header[:500].split(",")):
        tag, _, rest = part.strip().partition(";")
        quality = rest.strip().removeprefix("q=") or "1"
        try:
            weight = float(quality)
        except ValueError:
            continue
        if weight > 0:
            wanted.append((-weight, position, tag.strip().lower().partition("-")[0]))
    return [code for _, _, code in sorted(wanted)]


def drafts(code: str) -> Catalog:
    """Return everything translated into a language, read from its files."""
    whole = Catalog(locale=LANGUAGES[code].locale, fuzzy=False)
    folder = files("visionvalley.hall") / "locales" / code / "LC_MESSAGES"
    for file in sorted(folder.iterdir(), key=lambda one: one.name) if folder.is_dir() else ():
        if file.name.endswith(".po"):
            with file.open("rb") as opened:
                for message in read_po(opened, locale=LANGUAGES[code].locale):
                    if message.id and message.string:
                        whole[message.id] = message
    return whole


@lru_cache
def translations(code: str) -> Translations:
    """Return the texts of a language, compiled in memory."""
    written = BytesIO()
    write_mo(written, drafts(code))
    written.seek(0)
    return Translations(written)


def warm() -> None:
    """Read all languages now, and how each writes dates and numbers, so that no reader waits."""
    for code in LANGUAGES:
        translations(code)
        when(datetime.now(UTC), code)
        number(0.5, code)


def signed() -> list[Signed]:
    """Return how far each language is but English."""
    from visionvalley.hall.texts import every_text

    texts, found = set(every_text()), []
    for code in LANGUAGES:
        if code != DEFAULT:
            known = [one for one in drafts(code) if one.id and (one.context, _first(one.id)) in texts]
            ours = [one for one in known if _full(one.string)]
            by_speaker = sum(any(note.startswith(SIGNED) for note in one.user_comments) for one in ours)
            found.append(Signed(LANGUAGES[code], len(texts), len(ours), by_speaker))
    return found


def _first(id: Any) -> str:
    return str(id if isinstance(id, str) else id[0])


def _full(string: Any) -> bool:
    return all(string) if isinstance(string, (tuple, list)) else bool(string)


def say(message: Text, code: str, part: str = "text") -> str:
    """Return the words of a message in a language, in English where there are none yet."""
    words = catalogue()[message.id][part]
    if code != DEFAULT:
        words = str(translations(code).pgettext(f"{message.id}.{part}", words)) or words
    return words.format(**{name: _told(name, value, code) for name, value in message.parameters.items()})


def _told(name: str, value: Any, code: str) -> Any:
    """Return a parameter of a message as its words tell it."""
    if isinstance(value, Text):
        return say(value, code, part_within(value, name))
    if name in OF_KINDS and isinstance(value, str):
        return ", ".join(word(one, code) for one in value.split(", "))
    return value


def word(name: str, code: str) -> str:
    """Return what a kind of thing is called, such as 'flatness of plane-1', part by part; unknown names stay."""
    if known := _word(name, code):
        return known
    what, of, where = name.partition(" of ")
    if of and (known := _word(what, code)):
        return say(text("words.of", what=known, where=word(where, code)), code)
    counted = COUNTED.fullmatch(name)
    known = _word(counted[1], code) if counted else ""
    return f"{known}{counted[2]}" if counted and known else name


def _word(name: str, code: str) -> str:
    known = f"words.{name.lower().replace(' ', '_').replace('-', '_')}"
    return say(text(known), code) if known in catalogue() and known != "words.of" else ""


def explain(error: BadInput, code: str) -> dict[str, str]:
    """Return id, what, why and fix of an error in a language."""
    return {"id": error.message.id} | {part: say(error.message, code, part) for part in ("what", "why", "fix")}


def number(value: float, code: str, digits: int | None = None) -> str:
    """Write a number as the language does, in Latin digits; `digits` after the decimal sign."""
    pattern = None if digits is None else "#,##0" + ("." + "0" * digits if digits else "")
    return format_decimal(value, format=pattern, locale=LANGUAGES[code].locale, numbering_system="latn")


def day(moment: str | datetime | date, code: str, zone: str = "UTC", form: str = "long") -> str:
    """Write the day of a moment, as kept (ISO 8601, UTC), in a time zone."""
    moment = _moment(moment, zone) if isinstance(moment, (str, datetime)) else moment
    return format_date(moment, format=form, locale=LANGUAGES[code].locale)


def clock(moment: str | datetime, code: str, zone: str = "UTC", form: str = "short") -> str:
    """Write the time of a moment, as kept, in a time zone."""
    return format_time(_moment(moment, zone), format=form, locale=LANGUAGES[code].locale)


def when(moment: str | datetime, code: str, zone: str = "UTC", form: str = "medium") -> str:
    """Write day and time of a moment, as kept, in a time zone, to the minute."""
    joined = str(Locale.parse(LANGUAGES[code].locale).datetime_formats["medium"])
    return (
        joined.replace("{0}", clock(moment, code, zone)).replace("{1}", day(moment, code, zone, form)).replace("'", "")
    )


def _moment(moment: str | datetime, zone: str) -> datetime:
    told = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return told.astimezone(get_timezone(zone))
