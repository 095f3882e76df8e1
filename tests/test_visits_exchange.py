# SPDX-License-Identifier: Apache-2.0
"""Invitations, the door, questions and follow-up, in SQLite and in PostgreSQL; a hall that is killed meanwhile."""

import signal
import subprocess
import sys
import threading
import time

import pytest
from tests.refusals import refusal

from visionvalley.core import BadInput
from visionvalley.visits import (
    accounts,
    audit,
    calendar,
    clock,
    delegations,
    door,
    follow_up,
    invitations,
    questions,
    sessions,
)  # fmt: skip
from visionvalley.visits.exchange import State
from visionvalley.visits.values import SYSTEM, Actor, Kind, Role

KEY = bytes(range(32))
BY = SYSTEM


def a_visit(records, name="Kenya", guests=("Wanjiru",), begins_s=-3600, ends_s=3600):
    of = delegations.add(records, BY, name)
    visit = calendar.add(records, BY, of.id, name, "UTC", clock.later(begins_s), clock.later(ends_s))
    return visit, [delegations.add_member(records, BY, of.id, guest, "sw") for guest in guests]


def ask(records, visit, guest, text="Why?", key=None, stand="manufacturing"):
    return questions.ask(records, visit.id, guest.id, stand, text, "sw", key or text)


# ---- invitations
def test_an_invitation_opens_a_visit_once_or_until_it_expires(records, monkeypatch):
    visit, (guest,) = a_visit(records)
    once, token = invitations.invite(records, BY, visit.id, guest.id)
    assert invitations.look(records, token) == invitations.look(records, token) == (guest, visit)
    assert invitations.follow(records, token) == (guest, visit)
    assert refusal(invitations.follow, records, token) == "visits.link_gone"
    often, newer = invitations.invite(records, BY, visit.id, guest.id, reusable=True)
    assert [invitations.follow(records, newer)[0] for _ in range(3)] == [guest] * 3
    assert [one.id for one in invitations.of_visit(records, visit.id)] == [often.id]
    sessions.begin(records, Kind.GUEST, guest.id, Role.GUEST)
    invitations.revoke(records, BY, often.id)
    assert refusal(invitations.look, records, newer) == "visits.link_gone"
    assert sessions.of(records, Kind.GUEST, guest.id) == ()
    _, last = invitations.invite(records, BY, visit.id, guest.id, reusable=True)
    late = clock.later(invitations.AFTER_S + 1, visit.ends)
    monkeypatch.setattr(clock, "now", lambda: late)
    assert refusal(invitations.follow, records, last) == "visits.link_gone"
    assert refusal(invitations.invite, records, BY, visit.id, guest.id) == "visits.visit_over"
    assert once.used is None


def test_a_link_is_kept_as_a_hash_and_is_of_its_own_delegation(light):
    visit, (guest,) = a_visit(light)
    _, (stranger,) = a_visit(light, "Brazil", ("Bia",))
    _, token = invitations.invite(light, BY, visit.id, guest.id)
    assert all(token.encode() not in path.read_bytes() for path in light.folder.rglob("*") if path.is_file())
    assert refusal(invitations.invite, light, BY, visit.id, stranger.id) == "visits.other_delegation"
    for wrong in ("", "x", "\ud800", token[:-1]):
        assert refusal(invitations.follow, light, wrong) == "visits.link_gone"


def test_of_many_who_follow_one_link_at_once_one_comes_in(records):
    visit, (guest,) = a_visit(records)
    _, token = invitations.invite(records, BY, visit.id, guest.id)
    done = []

    def follow():
        try:
            done.append(invitations.follow(records, token)[0])
        except BadInput as error:
            done.append(error.message.id)

    threads = [threading.Thread(target=follow) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(map(str, done)) == sorted([str(guest), *["visits.link_gone"] * 5])


# ---- the door
def test_a_code_lets_in_once_and_for_two_minutes_at_most(records):
    visit, (wanjiru, ali) = a_visit(records, guests=("Wanjiru", "Ali"))
    now = time.time() // 60 * 60 + 10
    shown = door.code(KEY, visit.id, wanjiru.id, now)
    assert (len(shown.code), shown.left_s) == (8, 51)
    came = door.arrive(records, BY, KEY, f" {shown.code[:4].lower()}-{shown.code[4:]} ", now)
    assert (came.member, came.visit, came.again) == (wanjiru, visit, False)
    assert refusal(door.arrive, records, BY, KEY, shown.code, now) == "visits.code_used"
    later = door.code(KEY, visit.id, wanjiru.id, now + 60)
    assert later.code != shown.code
    assert door.arrive(records, BY, KEY, later.code, now + 60).again
    assert refusal(door.arrive, records, BY, KEY, shown.code, now + 60) == "visits.code_used"
    his = door.code(KEY, visit.id, ali.id, now).code
    for moment in (now - 61, now + 120):
        assert refusal(door.arrive, records, BY, KEY, his, moment) == "visits.code_wrong"
    assert door.arrive(records, BY, KEY, his, now + 109).member == ali
    assert [one.member for one in door.arrivals(records, visit.id)] == [wanjiru.id, ali.id]


def test_a_code_that_the_hall_did_not_sign_lets_nobody_in(light):
    visit, (guest,) = a_visit(light)
    other, (late,) = a_visit(light, "Brazil", ("Bia",), 3 * 86400, 4 * 86400)
    now = time.time()
    good = door.code(KEY, visit.id, guest.id, now).code
    wrong = {good[:-1] + ("0" if good[-1] != "0" else "1"), door.code(b"x" * 32, visit.id, guest.id, now).code}
    for shown in (*wrong, good[:-1], good + "0", "", "٣٣٣٣٣٣٣٣", door.code(KEY, other.id, late.id, now).code):
        assert refusal(door.arrive, light, BY, KEY, shown, now) == "visits.code_wrong"
    assert door.arrivals(light, visit.id) == ()


# ---- questions
def test_a_question_goes_from_the_queue_to_the_stand(records):
    ada = accounts.accept(records, accounts.first_link(records), "slow lantern over harbour", "a@example.org", "Ada")
    host = Actor(Kind.ACCOUNT, ada.id)
    visit, (guest,) = a_visit(records)
    asked = questions.ask(records, visit.id, guest.id, "manufacturing", " Kwa nini?\n ", "sw", "k1")
    assert (asked.state, asked.text, asked.member) == (State.QUEUED, "Kwa nini?", guest.id)
    assert refusal(questions.publish, records, host, asked.id, 1) == "visits.wrong_state"
    answered = questions.answer(records, host, asked.id, 1, "Because.", "en")
    assert (answered.state, answered.answered_by) == (State.ANSWERED, ada.id)
    assert questions.published(records, "manufacturing") == ()
    public = questions.publish(records, host, asked.id, 2)
    shown = questions.published(records, "manufacturing")
    assert [(one.text, one.language, one.answer, one.answer_language) for one in shown] == [
        ("Kwa nini?", "sw", "Because.", "en")
    ]
    assert questions.published(records, "printing") == ()
    assert questions.published(records, None) == shown
    again = questions.answer(records, host, asked.id, public.version, "Because of it.", "en")
    assert (again.state, again.published) == (State.ANSWERED, None)
    assert questions.published(records, "manufacturing") == ()
    assert refusal(questions.withdraw, records, host, asked.id, 4) == "visits.wrong_state"
    rejected = questions.reject(records, host, asked.id, 4)
    assert questions.restore(records, host, asked.id, rejected.version).state is State.QUEUED
    assert refusal(questions.answer, records, host, asked.id, 2, "x", "en") == "visits.stale"
    assert {entry.action for entry in audit.entries(records, about=f"questions:{asked.id}")} == {
        "questions.add",
        "questions.change",
    }


def test_merging_keeps_who_asked(records):
    visit, (a, b, c) = a_visit(records, guests=("Aisha", "Bia", "Chen"))
    one, two, three = (ask(records, visit, guest, f"Q{n}") for n, guest in enumerate((a, b, c)))
    questions.merge(records, BY, two.id, 1, one.id)
    assert refusal(questions.merge, records, BY, three.id, 1, two.id) == "visits.cannot_merge"
    assert refusal(questions.merge, records, BY, three.id, 1, three.id) == "visits.cannot_merge"
    questions.merge(records, BY, one.id, 1, three.id)
    (thread,) = questions.board(records, visit.id)
    assert (thread.question.id, set(thread.askers)) == (three.id, {a.id, b.id, c.id})
    assert {each.id for each in thread.merged} == {one.id, two.id}
    questions.answer(records, BY, three.id, 1, "Yes", "en")
    ((mine, head),) = questions.of_member(records, a.id)
    assert (mine.text, mine.state, head.answer) == ("Q0", State.MERGED, "Yes")
    questions.restore(records, BY, two.id, 3)
    assert len(questions.board(records, visit.id)) == 2


def test_a_question_that_is_sent_twice_is_kept_once(records):
    visit, (guest,) = a_visit(records)
    done = []
    threads = [threading.Thread(target=lambda: done.append(ask(records, visit, guest).id)) for _ in range(5)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(done) == 5
    assert len(set(done)) == len(questions.board(records, visit.id)) == 1


@pytest.mark.parametrize("text", ["", " \n ", "x" * 1001, "a\x07", "\ud800"])
def test_what_is_no_question_is_refused(light, text):
    visit, (guest,) = a_visit(light)
    _, (stranger,) = a_visit(light, "Brazil", ("Bia",))
    assert refusal(ask, light, visit, guest, text, "k") == "visits.bad_text"
    assert refusal(ask, light, visit, stranger) == "visits.other_delegation"
    assert questions.board(light, visit.id) == ()


def test_a_guest_cannot_flood_the_board(light, monkeypatch):
    monkeypatch.setattr(questions, "MOST", 3)
    visit, (guest,) = a_visit(light)
    for n in range(3):
        ask(light, visit, guest, f"Q{n}")
    assert refusal(ask, light, visit, guest, "Q3") == "visits.too_many_questions"


ASKER = """
import sys
from pathlib import Path
from visionvalley.records import Records
from visionvalley.visits import questions
records = Records(Path(sys.argv[1]))
for n in range(10_000):
    name = f"Question {sys.argv[4]} {n}?"
    kept = questions.ask(records, sys.argv[2], sys.argv[3], "printing", name, "en", name)
    print(kept.text, flush=True)
"""


def test_what_was_accepted_is_kept_by_a_hall_that_is_killed(light, monkeypatch):
    """Two writers are killed (kill -9) in the midst; all that they had been told to be kept is there, whole."""
    visit, guests = a_visit(light, guests=("Aisha", "Bia"))
    code = ASKER.replace("questions.ask", "setattr(questions, 'MOST', 10**6) or questions.ask")
    words = [[sys.executable, "-c", code, str(light.folder), visit.id, one.id, str(n)] for n, one in enumerate(guests)]
    writers = [subprocess.Popen(each, stdout=subprocess.PIPE, text=True) for each in words]
    told = [[each.stdout.readline().strip() for _ in range(4)] for each in writers]
    for each in writers:
        each.send_signal(signal.SIGKILL)
    told = [*told[0], *told[1], *(line.strip() for each in writers for line in each.stdout if line.endswith("\n"))]
    for each in writers:
        each.wait()
        each.stdout.close()
    kept = [thread.question.text for thread in questions.board(light, visit.id)]
    assert set(told) <= set(kept)
    assert len(kept) == len(set(kept)) <= len(told) + 2
    assert all(text.endswith("?") for text in kept)


# ---- follow-up
def test_what_is_to_follow_has_an_owner_and_a_day(records):
    ada = accounts.accept(records, accounts.first_link(records), "slow lantern over harbour", "a@example.org", "Ada")
    visit, (guest,) = a_visit(records)
    asked = ask(records, visit, guest)
    late = follow_up.add(records, BY, visit.id, "Send the data sheet", ada.id, "2026-12-24")
    soon = follow_up.add(records, BY, visit.id, "Call back", ada.id, "2026-12-01", asked.id)
    assert follow_up.of_visit(records, visit.id) == follow_up.of_owner(records, ada.id) == (soon, late)
    done = follow_up.change(records, BY, soon.id, 1, done=True)
    assert done.done
    assert follow_up.change(records, BY, soon.id, 2, done=True) == done
    assert follow_up.of_owner(records, ada.id) == (late,)
    assert follow_up.change(records, BY, soon.id, 2, done=False, due="2026-12-31").done is None
    assert refusal(follow_up.change, records, BY, soon.id, 2, text="x") == "visits.stale"
    assert refusal(follow_up.add, records, BY, visit.id, "x", "nobody", "2026-12-01") == "visits.no_account"
    assert refusal(follow_up.add, records, BY, visit.id, "x", ada.id, "tomorrow") == "visits.bad_time"
    follow_up.remove(records, BY, late.id, 1)
    assert [one.id for one in follow_up.of_visit(records, visit.id)] == [soon.id]
