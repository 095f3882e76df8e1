# SPDX-License-Identifier: Apache-2.0
"""Visits and their programmes: clashes of person, room and stand, the nearest free time, stale changes."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.refusals import refusal, refused

from visionvalley.core import BadInput
from visionvalley.visits import accounts, calendar, clashes, delegations, house, programme
from visionvalley.visits.clashes import Taken
from visionvalley.visits.plans import Activity, Duty
from visionvalley.visits.values import Actor, Kind, Role

BY = Actor(Kind.ACCOUNT, "0123456789abcdef")
ZONE = "Africa/Nairobi"


def a_visit(records, name="Kenya", begins="2026-11-25T08:00", ends="2026-11-25T18:00", zone=ZONE):
    of = delegations.add(records, BY, name)
    return calendar.add(records, BY, of.id, f"Visit of {name}", zone, begins, ends)


def at(hours: str) -> str:
    return f"2026-11-25T{hours}"


def add(records, visit, begins, ends, kind=Activity.TALK, title="Talk", **more):
    return programme.add(records, BY, visit.id, kind, title, at(begins), at(ends), **more)


def test_times_are_meant_in_the_visits_time_zone(records):
    visit = a_visit(records)
    assert (visit.begins, visit.ends) == ("2026-11-25T05:00:00+00:00", "2026-11-25T15:00:00+00:00")
    made = add(records, visit, "09:00", "09:30")
    assert made.begins == "2026-11-25T06:00:00+00:00"
    same = programme.add(records, BY, visit.id, Activity.MEAL, "Lunch", "2026-11-25T10:00Z", "2026-11-25T12:00+00:00")
    assert (same.begins, same.ends) == ("2026-11-25T10:00:00+00:00", "2026-11-25T12:00:00+00:00")
    assert programme.of_visit(records, visit.id) == (made, same)
    assert calendar.one(records, visit.id) == visit


def test_an_hour_that_clocks_skip_is_refused_and_one_that_comes_twice_is_the_first(light):
    of = delegations.add(light, BY, "France")
    error = refusal(calendar.add, light, BY, of.id, "x", "Europe/Paris", "2026-03-29T02:30", "2026-03-29T09:00")
    assert error == "visits.skipped_time"
    twice = calendar.add(light, BY, of.id, "x", "Europe/Paris", "2026-10-25T02:30", "2026-10-25T09:00")
    assert twice.begins == "2026-10-25T00:30:00+00:00"


@pytest.mark.parametrize(
    ("values", "id"),
    [
        ({"zone": "Europe/Atlantis"}, "visits.bad_zone"),
        ({"zone": "../../etc/passwd"}, "visits.bad_zone"),
        ({"begins": "soon"}, "visits.bad_time"),
        ({"begins": at("19:00")}, "visits.bad_length"),
        ({"ends": "2027-11-25T18:00"}, "visits.bad_length"),
        ({"title": " "}, "visits.bad_text"),
        ({"title": "a\x00b"}, "visits.bad_text"),
        ({"keep_days": 0}, "visits.bad_keep_days"),
        ({"host": "nobody"}, "visits.no_row"),
    ],
)
def test_what_cannot_be_a_visit_is_refused(light, values, id):
    visit = a_visit(light)
    assert refusal(calendar.change, light, BY, visit.id, visit.version, **values) == id
    assert calendar.one(light, visit.id) == visit


def test_a_room_a_stand_and_a_person_are_in_one_place_at_a_time(records):
    kenya, brazil = a_visit(records), a_visit(records, "Brazil", zone="UTC", begins=at("05:00"), ends=at("15:00"))
    room, ada = house.add_room(records, BY, "Blue"), house.add_staff(records, BY, Duty.GUIDE, "Ada")
    guest = delegations.add_member(records, BY, brazil.delegation, "Bia", "pt")
    first = add(records, kenya, "09:00", "10:00", title="Keynote", room=room.id, staff=(ada.id,))
    add(records, kenya, "10:00", "11:00", Activity.STAND, title="Parts", stand="manufacturing")
    error = refused(programme.add, records, BY, brazil.id, Activity.TALK, "x", at("06:30"), at("06:45"), room=room.id)
    assert error.what == "Blue is taken: 'Keynote' is from 06:00 to 07:00"
    assert "begin at 07:00" in error.fix
    error = refused(
        programme.add, records, BY, brazil.id, Activity.TALK, "x", at("06:00"), at("06:15"), staff=(ada.id,)
    )
    assert error.what.startswith("Ada is taken")
    assert "begin at 05:45" in error.fix
    stand = {"stand": "manufacturing", "members": (guest.id,)}
    error = refused(programme.add, records, BY, brazil.id, Activity.STAND, "x", at("07:59"), at("08:59"), **stand)
    assert error.what.startswith("the stand manufacturing is taken")
    alone = programme.add(records, BY, brazil.id, Activity.ROOM, "x", at("06:00"), at("07:00"), members=(guest.id,))
    error = refused(programme.add, records, BY, brazil.id, Activity.MEAL, "Lunch", at("06:59"), at("08:00"))
    assert error.what.startswith("Bia is taken")
    assert refusal(programme.change, records, BY, first.id, 1, begins=at("04:00")) == "visits.outside_visit"
    assert refusal(house.remove_room, records, BY, room.id, 1) == "visits.in_use"
    assert programme.of_visit(records, brazil.id) == (alone,)
    assert {one.id for one in programme.of_member(records, brazil.id, guest.id)} == {alone.id}
    assert programme.of_member(records, brazil.id, "another") == ()


def test_an_entry_is_not_in_its_own_way_and_the_whole_delegation_is_in_one_place(light):
    visit = a_visit(light)
    first = add(light, visit, "09:00", "10:00")
    assert "the delegation is taken" in refused(add, light, visit, "09:30", "10:30").what
    moved = programme.change(light, BY, first.id, 1, begins=at("09:30"), ends=at("10:30"))
    assert moved.version == 2
    assert programme.change(light, BY, first.id, 2, title="Talk").version == 2
    full = add(light, visit, "10:30", "18:00")
    early = programme.change(light, BY, first.id, 2, begins=at("08:00"))
    assert refusal(programme.change, light, BY, full.id, 1, begins=at("09:00")) == "visits.clash_always"
    assert early.version == 3
    assert refusal(calendar.change, light, BY, visit.id, 1, ends=at("17:00")) == "visits.outside_visit"


def test_a_stale_change_is_refused_and_told_what_changed(records):
    visit = a_visit(records)
    ada = accounts.accept(records, accounts.first_link(records), "slow lantern over harbour", "a@example.org", "Ada")
    entry = add(records, visit, "09:00", "10:00")
    programme.change(records, Actor(Kind.ACCOUNT, ada.id), entry.id, 1, ends=at("10:30"), note="Bring badges")
    error = refused(programme.change, records, BY, entry.id, 1, title="Mine", begins=at("09:15"))
    assert error.message.id == "visits.stale"
    assert error.what == "Ada changed this meanwhile: end is now 2026-11-25 10:30; note is now Bring badges"
    assert refusal(programme.remove, records, BY, entry.id, 1) == "visits.stale"
    kept = programme.of_visit(records, visit.id)
    assert [(one.title, one.note, one.version) for one in kept] == [("Talk", "Bring badges", 2)]
    programme.remove(records, BY, entry.id, 2)
    assert refusal(programme.change, records, BY, entry.id, 2, title="Mine") == "visits.no_row"


def at_once(count, work) -> list:
    """Run work(0), work(1) … in threads that begin together; return their results or errors."""
    barrier, results = threading.Barrier(count), [None] * count

    def one(number):
        barrier.wait()
        try:
            results[number] = work(number)
        except BadInput as error:
            results[number] = error

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return results


def test_of_many_who_want_one_room_at_once_one_gets_it(records):
    visits = [a_visit(records, f"D{n}") for n in range(6)]
    room = house.add_room(records, BY, "Blue")
    done = at_once(6, lambda n: add(records, visits[n], "09:00", "10:00", room=room.id))
    refusals = [one.message.id for one in done if isinstance(one, BadInput)]
    assert refusals == ["visits.clash"] * 5


def test_of_many_who_change_one_entry_at_once_none_is_lost_unseen(records):
    """Each retries until its own mark is in: the result has all of them, each once."""
    visit = a_visit(records)
    entry = add(records, visit, "09:00", "10:00")

    def mark(number):
        while True:
            seen = programme.of_visit(records, visit.id)[0]
            try:
                return programme.change(records, BY, entry.id, seen.version, note=f"{seen.note} {number}")
            except BadInput as error:
                if error.message.id != "visits.stale":
                    raise

    at_once(5, mark)
    kept = programme.of_visit(records, visit.id)[0]
    assert sorted(kept.note.split()) == list("01234")
    assert kept.version == 6


needs = st.frozensets(st.sampled_from(["room:a", "room:b", "staff:c", "stand:d"]), min_size=1)
taken = st.builds(
    lambda e, b, n, w: Taken(str(e), b, b + n, w), st.integers(0, 9), st.integers(0, 30), st.integers(1, 9), needs
)


@given(taken, st.lists(taken, max_size=8))
def test_the_nearest_free_time_is_what_trying_each_minute_finds(wanted, others):
    def free(begin):
        moved = Taken(wanted.entry, begin, begin + wanted.end_s - wanted.begin_s, wanted.needs)
        mine = set(range(begin, moved.end_s))
        rivals = [one for one in others if one.entry != moved.entry and one.needs & moved.needs]
        return not any(mine & set(range(one.begin_s, one.end_s)) for one in rivals)

    assert (clashes.clash(wanted, others) is None) == free(wanted.begin_s)
    last = 40 - (wanted.end_s - wanted.begin_s)
    tried = [begin for begin in range(last + 1) if free(begin)]
    best = min(tried, key=lambda begin: (abs(begin - wanted.begin_s), -begin), default=None)
    assert clashes.nearest_free(wanted, others, 0, 40) == best


def test_visits_are_found_by_the_clock(light):
    kenya = a_visit(light)
    late = a_visit(light, "Brazil", begins=at("12:00"), ends=at("20:00"))
    guest = delegations.add_member(light, BY, kenya.delegation, "Wanjiru", "sw")
    again = calendar.add(light, BY, kenya.delegation, "Again", ZONE, "2026-12-01T08:00", "2026-12-01T09:00")
    assert calendar.current(light, "2026-11-25T05:00:00+00:00") == (kenya,)
    assert calendar.current(light, "2026-11-25T12:00:00+00:00") == (late, kenya)
    assert calendar.current(light, "2026-11-25T18:00:00+00:00") == ()
    assert calendar.around(light, "2026-11-26T00:00:00+00:00") == (kenya, late)
    days = [f"2026-{day}T16:00:00+00:00" for day in ("11-24", "11-25", "12-02")]
    assert [calendar.of_member(light, guest.id, day) for day in days] == [kenya, again, again]
    assert calendar.every(light) == (again, late, kenya)


def test_a_visit_that_was_planned_can_be_removed_with_its_programme(light):
    visit = a_visit(light)
    add(light, visit, "09:00", "10:00")
    calendar.remove(light, BY, visit.id, 1)
    assert (calendar.every(light), programme.of_visit(light, visit.id)) == ((), ())


def test_members_rooms_and_staff_are_kept_as_written(light):
    of = delegations.add(light, BY, "中国代表团", delegations.add_organisation(light, BY, "部", "cn").id)
    ali = delegations.add_member(light, BY, of.id, "  ليلى  العلي ", "ar", title="وزيرة", named=True)
    assert (ali.name, ali.title, ali.named) == ("ليلى العلي", "وزيرة", True)
    changed = delegations.change_member(light, BY, ali.id, 1, named=False, email="L@Example.org")
    assert (changed.version, changed.email) == (2, "l@example.org")
    assert delegations.consent(light, ali.id, True).version == 3
    assert delegations.members(light, of.id) == (delegations.member(light, ali.id),)
    assert delegations.organisations(light)[0].country == "CN"
    assert refusal(house.add_room, light, BY, house.add_room(light, BY, "Blue", 12).name) == "visits.room_taken"
    assert refusal(house.add_staff, light, BY, Duty.HOST, "Ada", account="none") == "visits.no_account"
    assert refusal(delegations.add_member, light, BY, of.id, "x", "english please") == "visits.bad_language"
    assert house.add_staff(light, BY, Duty.INTERPRETER, "Bo", "fr  ar").languages == "fr ar"


def test_an_account_of_the_house_can_be_one_of_its_staff(light):
    account, _ = accounts.invite(light, BY, "bo@example.org", "Bo", Role.HOST)
    one = house.add_staff(light, BY, Duty.HOST, "Bo", account=account.id)
    assert house.change_staff(light, BY, one.id, 1, account="").account is None
    assert [each.name for each in house.staff(light)] == ["Bo"]
