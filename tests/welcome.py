# SPDX-License-Identifier: Apache-2.0
"""Delegations and screens for tests of the welcome."""

from visionvalley.records import Records
from visionvalley.visits import calendar, clock, delegations, house, programme, screens, sessions
from visionvalley.visits.plans import Activity, Duty, Visit
from visionvalley.visits.screens import Shows
from visionvalley.visits.values import SYSTEM, Kind, Role

GUESTS = (
    ("Amina Diallo", "Ministre de l’Industrie", "fr", True),
    ("ليلى عبد الرحمن", "نائبة وزير الصناعة", "ar", True),
    ("Jean-Baptiste Nkurunziza", "Directeur général", "fr", True),
    ("Nobody May Know", "Secret", "en", False),
)
ENTRIES = (
    (Activity.ROOM, "Accueil et café", -1800, 600, "Nile room"),
    (Activity.STAND, "Inspection of a machined part", 600, 4200, "inspection"),
    (Activity.TALK, "Uncertainty, honestly", 4200, 7800, "Nile room"),
    (Activity.MEAL, "Lunch", 7800, 11400, "Garden"),
)


def screen(records: Records, name: str = "Entrance", room: str | None = None, stand: str = "") -> tuple[str, str]:
    """Pair a screen; return the value of its cookie and its id."""
    pairing, secret = screens.begin(records)
    made = screens.pair(records, SYSTEM, pairing.code, name, Shows.WELCOME, room=room, stand=stand)
    claimed = screens.claim(records, secret, "Test")
    assert claimed is not None
    return claimed[1], made.id


def arrive(
    records: Records, name: str = "Ministère de l’Industrie", guests=GUESTS, entries=ENTRIES, *, begins_s: int = -3600,
    ends_s: int = 6 * 3600, languages: str = "en sw", home: str = "Africa/Casablanca", zone: str = "Africa/Nairobi",
) -> Visit:  # fmt: skip
    """Make a visit around now with a programme; times are seconds from now."""
    host = house.add_staff(records, SYSTEM, Duty.HOST, "Ada Njeri", languages)
    at = clock.now()
    visit = calendar.receive(
        records, SYSTEM, name, zone, clock.later(begins_s, at), clock.later(ends_s, at), home_zone=home,
        organisation="Royaume du Maroc", country="MA", host=host.id,
    )  # fmt: skip
    for person, title, language, named in guests:
        delegations.add_member(records, SYSTEM, visit.delegation, person, language, title=title, named=named)
    rooms = {one.name: one.id for one in house.rooms(records)}
    for kind, title, begin_s, end_s, where in entries:
        if kind is not Activity.STAND and where not in rooms:
            rooms[where] = house.add_room(records, SYSTEM, where).id
        place = {"stand": where} if kind is Activity.STAND else {"room": rooms[where]}
        programme.add(records, SYSTEM, visit.id, kind, title, clock.later(begin_s, at), clock.later(end_s, at), **place)
    return visit


def session(records: Records, screen_id: str) -> str:
    """Begin another session of a screen."""
    return sessions.begin(records, Kind.SCREEN, screen_id, Role.SCREEN, "Test")[1]
