# SPDX-License-Identifier: Apache-2.0
"""What a welcome screen is told: visits of a day and more, so that it goes on alone; words, results, the time.

Persons are named only where they agreed, and visits are told only to screens of the house and to its people.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

from babel.dates import get_timezone_location
from pydantic import BaseModel

from visionvalley.core import BadInput
from visionvalley.hall import languages, results, stands
from visionvalley.hall.api.stands import Latest, latest_of, spoken
from visionvalley.hall.backdrop import backdrop
from visionvalley.hall.reader import Reader
from visionvalley.hall.rendering import static_version
from visionvalley.records import Records
from visionvalley.visits import calendar, clock, delegations, house, programme, screens
from visionvalley.visits.plans import Entry, Visit
from visionvalley.visits.screens import Screen, Shows
from visionvalley.visits.values import Role

AHEAD_S = 36 * 3600.0
TILES = 3


def _(english: str) -> str:
    return english


WORDS = {
    "welcome": _("A warm welcome"),
    "idea": _("Measured, judged, explained."),
    "more idea": _(
        "See machine vision in three dimensions at work, on real parts and on your own, with an uncertainty on every "
        "number."
    ),
    "now": _("Now"),
    "next": _("Coming up"),
    "until": _("until %(time)s"),
    "over": _("The programme of today is over."),
    "coming": _("Next visit"),
    "lost": _("No connection"),
    "more": _("and %(count)s more"),
    "simulated": _("simulated"),
    "pass": _("pass"),
    "fail": _("fail"),
    "cannot say": _("cannot say"),
}  # fmt: skip


class Spoken(BaseModel):
    """A language: its tag for browsers, what numbers and times are written by, its direction, words of the screen."""

    tag: str
    locale: str
    direction: Literal["ltr", "rtl"]
    words: dict[str, str]


class Guest(BaseModel):
    """Somebody who agreed to be greeted by name."""

    name: str
    title: str


class Point(BaseModel):
    """One entry of a programme. `here`: it is where this screen is."""

    begins: str
    ends: str
    title: str
    where: str
    here: bool


class Visiting(BaseModel):
    """A visit.

    languages    of the guests, the most spoken first, the host's own last
    here, home   names of the places by whose clocks the house and the guests live, by language
    """

    id: str
    begins: str
    ends: str
    delegation: str
    organisation: str
    languages: list[str]
    guests: list[Guest]
    zone: str
    home_zone: str
    here: dict[str, str]
    home: dict[str, str]
    programme: list[Point]


class Coming(BaseModel):
    """When the next visit begins, without a name."""

    begins: str
    zone: str


class Background(BaseModel):
    """The points behind it all. `address`: 16 bits a coordinate, x right, y up, z towards who looks."""

    address: str
    credit: str


class Welcome(BaseModel):
    """All that a welcome screen shows.

    now       of the hall's clock, by which a screen corrects its own
    version   of the hall's pages: where it changes, a screen loads its page again
    location  where this screen is to be; empty: nobody knows this browser as a screen
    """

    now: str
    version: str
    location: str
    languages: dict[str, Spoken]
    house: list[str]
    visits: list[Visiting]
    coming: Coming | None
    latest: list[dict[str, Latest]]
    background: Background | None


def welcome(reader: Reader, records: Records) -> Welcome:
    """Return what this reader's screen shows."""
    screen = screens.one(records, reader.actor.id) if reader.role is Role.SCREEN else None
    visits = _visits(records, screen) if reader.may("see welcome") else []
    behind = backdrop(records)
    return Welcome(
        now=clock.now(),
        version=static_version(),
        location=place_of(screen) if screen else "",
        languages={code: _spoken(code) for code in languages.LANGUAGES},
        house=list(languages.LANGUAGES),
        visits=visits,
        coming=_coming(records) if reader.may("see welcome") else None,
        latest=_latest(records),
        background=Background(address=f"/api/v1/welcome/points/{behind.name}", credit=behind.credit)
        if behind
        else None,
    )


def place_of(screen: Screen) -> str:
    """Return the address of what a screen shows."""
    if screen.shows is Shows.STAND:
        return f"/stands/{screen.stand}" if screen.stand else "/stands"
    return "/welcome" if screen.shows is Shows.WELCOME else "/welcome/answers"


def _spoken(code: str) -> Spoken:
    one, told = languages.LANGUAGES[code], languages.translations(code)
    direction: Literal["ltr", "rtl"] = "rtl" if one.direction == "rtl" else "ltr"
    words = {name: str(told.gettext(english)) for name, english in WORDS.items()}
    return Spoken(tag=one.tag, locale=one.locale.replace("_", "-"), direction=direction, words=words)


def _visits(records: Records, screen: Screen | None) -> list[Visiting]:
    names = {one.id: one.name for one in delegations.organisations(records)}
    places, staff = house.names(records), {one.id: one.languages for one in house.staff(records)}
    found = []
    for visit in calendar.around(records, margin_s=AHEAD_S):
        if visit.ends > clock.now():
            own = staff.get(visit.host or "", "").split()
            found.append(_visit(records, visit, names, places, own, screen))
    return found


def _visit(
    records: Records, visit: Visit, names: dict[str, str], places: dict[str, str], host: list[str],
    screen: Screen | None,
) -> Visiting:  # fmt: skip
    of = delegations.one(records, visit.delegation)
    members = delegations.members(records, visit.delegation)
    greeted = greeting_languages([one.language for one in members], host)
    return Visiting(
        id=visit.id,
        begins=visit.begins,
        ends=visit.ends,
        delegation=of.name,
        organisation=names.get(of.organisation or "", ""),
        languages=greeted,
        guests=[Guest(name=one.name, title=one.title) for one in members if one.named],
        zone=visit.zone,
        home_zone=visit.home_zone,
        here=_places(visit.zone),
        home=_places(visit.home_zone),
        programme=[_point(one, places, screen, greeted[0]) for one in programme.of_visit(records, visit.id)],
    )


def greeting_languages(guests: list[str], host: list[str]) -> list[str]:
    """Return the languages of a greeting: the guests', the most spoken first; the host's own last."""
    own = next((code for code in host if code in languages.LANGUAGES), languages.DEFAULT)
    spoken = [code for code, _n in Counter(guests).most_common() if code in languages.LANGUAGES and code != own]
    return [*spoken, own]


def _places(zone: str) -> dict[str, str]:
    """Return the city of a time zone in each language."""
    return {
        code: get_timezone_location(zone, locale=one.locale, return_city=True)
        for code, one in languages.LANGUAGES.items()
    }


def _point(entry: Entry, places: dict[str, str], screen: Screen | None, code: str) -> Point:
    titles = {one.name: one.title for one in stands.stands()}
    where = places.get(entry.room or "", "") or spoken(titles.get(entry.stand, entry.stand), code)
    at_room = screen is not None and screen.room is not None and screen.room == entry.room
    at_stand = screen is not None and bool(screen.stand) and screen.stand == entry.stand
    return Point(begins=entry.begins, ends=entry.ends, title=entry.title, where=where, here=at_room or at_stand)


def _coming(records: Records) -> Coming | None:
    now = clock.now()
    ahead = [one for one in calendar.every(records) if one.begins > now]
    return Coming(begins=ahead[-1].begins, zone=ahead[-1].zone) if ahead else None


def _latest(records: Records) -> list[dict[str, Latest]]:
    """Return the stands' latest results, each by language."""
    try:
        found = results.latest(records, limit=TILES)
    except BadInput:
        return []
    return [{code: latest_of(one, code) for code in languages.LANGUAGES} for one in found]
