# SPDX-License-Identifier: Apache-2.0
"""A delegation for tests of the hall: a visit that is in the house now, its programme, its guests."""

from dataclasses import dataclass

from visionvalley.records import Records
from visionvalley.visits import calendar, clock, delegations, house, invitations, programme, sessions
from visionvalley.visits.plans import Activity, Duty, Member, Visit
from visionvalley.visits.values import SYSTEM, Kind, Role

GUESTS = (
    ("Wanjiru Kamau", "Cabinet Secretary for Industry", "en"),
    ("Amina Diallo", "Directrice générale", "fr"),
    ("ليلى عبد الرحمن", "وزيرة الصناعة", "ar"),
    ("李明", "工业部副部长", "zh"),
)


@dataclass(frozen=True)
class Delegation:
    """A visit and its guests, by their language."""

    visit: Visit
    guests: dict[str, Member]


def arrive(records: Records, name: str = "Ministry of Industry") -> Delegation:
    """Make a visit that began an hour ago, with a programme and guests."""
    begins = clock.later(-3600)[:13] + ":00:00+00:00"
    visit = calendar.receive(
        records, SYSTEM, name, "Africa/Nairobi", begins, clock.later(9 * 3600, begins), title=f"{name}, Nairobi",
        organisation="Republic of Kenya", country="KE", home_zone="Africa/Nairobi",
    )  # fmt: skip
    made = [delegations.add_member(records, SYSTEM, visit.delegation, n, code, title=t) for n, t, code in GUESTS]
    room = house.add_room(records, SYSTEM, f"Nile room {visit.id[:4]}", 40).id
    staff = (house.add_staff(records, SYSTEM, Duty.GUIDE, "Ada Njeri", "en fr").id,)
    interpreter = house.add_staff(records, SYSTEM, Duty.INTERPRETER, "Bo Li", "zh ar").id
    at_stand = {"stand": f"inspection-{visit.id[:4]}", "staff": (*staff, interpreter)}
    for kind, title, begin_s, end_s, more in (
        (Activity.ROOM, "Welcome", 0, 1800, {"room": room, "staff": staff}),
        (Activity.STAND, "Inspection of parts", 1800, 7200, at_stand),
        (Activity.TALK, "Uncertainty, honestly", 7200, 10800, {"room": room, "note": "Bring your drawings."}),
        (Activity.MEAL, "Lunch", 10800, 14400, {"room": room}),
    ):  # fmt: skip
        times = clock.later(begin_s, begins), clock.later(end_s, begins)
        programme.add(records, SYSTEM, visit.id, kind, title, *times, **more)
    return Delegation(visit, {one.language: one for one in made})


def guest_session(records: Records, member: Member) -> str:
    """Begin the session of a guest; return the cookie's value."""
    return sessions.begin(records, Kind.GUEST, member.id, Role.GUEST, "Test")[1]


def invitation(records: Records, visit: Visit, member: Member, *, reusable: bool = False) -> str:
    """Return the token of an invitation."""
    return invitations.invite(records, SYSTEM, visit.id, member.id, reusable=reusable)[1]
