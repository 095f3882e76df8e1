# SPDX-License-Identifier: Apache-2.0
"""Screens and what they are told: pairing by a code, names only with consent, whose languages, who sees visits."""

import numpy as np
import pytest
from tests import welcome as guests

from visionvalley.core import BadInput
from visionvalley.hall.backdrop import _column, backdrop
from visionvalley.hall.changes import _seen
from visionvalley.hall.welcoming import greeting_languages
from visionvalley.report.embed import Embedded
from visionvalley.visits import clock, house, screens, sessions
from visionvalley.visits.screens import ALPHABET, Shows
from visionvalley.visits.values import SYSTEM, Kind, Role


@pytest.fixture(scope="module")
def visit(here):
    return guests.arrive(here.hall.records)


def refused(id, call, *arguments, **more):
    with pytest.raises(BadInput) as caught:
        call(*arguments, **more)
    assert caught.value.message.id == id


def test_a_browser_becomes_a_screen_by_its_code_once(here):
    ada, wall = here.person(), here.visitor()
    waiting = wall.call("POST", "/pairings").json()
    assert len(waiting["code"]) == 6
    assert set(waiting["code"]) <= set(ALPHABET)
    assert "<svg" in waiting["picture"]
    assert wall.call("POST", "/pairings/claim", {"secret": waiting["secret"]}).json()["paired"] is False
    typed = waiting["code"].lower()[:3] + " - " + waiting["code"][3:]
    made = ada.call("POST", "/screens", {"code": typed, "name": "Entrance"})
    assert made.status_code == 201, made.text
    again = ada.call("POST", "/screens", {"code": typed, "name": "Thief"})
    assert (again.status_code, again.json()["id"]) == (404, "visits.no_code")
    claimed = wall.call("POST", "/pairings/claim", {"secret": waiting["secret"]}).json()
    assert (claimed["paired"], claimed["location"]) == (True, "/welcome")
    wall.csrf = claimed["csrf"]
    assert wall.call("GET", "/session").json()["role"] == "screen"
    other = here.visitor().call("POST", "/pairings/claim", {"secret": waiting["secret"]})
    assert other.json()["id"] == "visits.no_code"
    assert ada.get("/screens").text.count("Entrance") >= 1
    path = f"/screens/{made.json()['id']}"
    moved = ada.call("PATCH", path, {"version": 1, "shows": "answers"}).json()
    assert wall.call("GET", "/welcome").json()["location"] == "/welcome/answers"
    assert wall.get("/welcome/answers").status_code == 200
    assert ada.call("DELETE", f"{path}?version={moved['version']}").status_code == 200
    assert wall.call("GET", "/session").json()["role"] == ""


def test_a_code_expires_and_nobody_guesses_it(here, monkeypatch):
    records = here.hall.records
    pairing, secret = screens.begin(records)
    late = clock.later(screens.LASTS_S)
    with monkeypatch.context() as patched:
        patched.setattr(clock, "now", lambda: late)
        refused("visits.no_code", screens.pair, records, SYSTEM, pairing.code, "Late", Shows.WELCOME)
        refused("visits.no_code", screens.claim, records, secret)
    refused("visits.no_code", screens.pair, records, SYSTEM, "", "None", Shows.WELCOME)
    refused("visits.no_code", screens.claim, records, "guess")
    host = here.person(Role.HOST, "Bo")
    sent = {"code": "AAAAAA", "name": "x"}
    assert 429 in {host.call("POST", "/screens", sent).status_code for _ in range(12)}
    assert 429 in {here.visitor().call("POST", "/pairings").status_code for _ in range(22)}


def test_only_hosts_pair_and_a_stand_needs_its_name(here):
    pairing, _ = screens.begin(here.hall.records)
    sent = {"code": pairing.code, "name": "Stand", "shows": "stand"}
    assert here.person(Role.GUIDE, "Gu").call("POST", "/screens", sent).status_code == 403
    assert here.visitor().call("GET", "/screens").status_code == 401
    ada = here.person()
    assert ada.call("POST", "/screens", sent).json()["id"] == "hall.screen_without_stand"
    assert ada.call("POST", "/screens", sent | {"stand": "nowhere"}).json()["id"] == "hall.no_stand"
    assert ada.call("POST", "/screens", sent | {"stand": "inspection"}).status_code == 201


def test_a_removed_screen_has_no_session_left(here):
    records = here.hall.records
    token, gone = guests.screen(records, "Gone")
    assert sessions.current(records, token).role is Role.SCREEN
    assert gone in screens.seen(records)
    screens.remove(records, SYSTEM, gone, 1)
    assert sessions.current(records, token) is None
    assert sessions.of(records, Kind.SCREEN, gone) == ()


def test_persons_are_named_only_with_consent_and_visits_told_only_to_the_house(here, visit):
    token, _ = guests.screen(here.hall.records, "Hall")
    told = here.holding(token).call("GET", "/welcome").json()
    (shown,) = [one for one in told["visits"] if one["id"] == visit.id]
    assert {one["name"] for one in shown["guests"]} == {one[0] for one in guests.GUESTS if one[3]}
    assert "Nobody May Know" not in str(told)
    assert shown["languages"] == ["fr", "ar", "en"]
    assert shown["home"]["fr"] == "Casablanca"
    assert [one["title"] for one in shown["programme"]] == [one[1] for one in guests.ENTRIES]
    assert told["languages"]["ar"]["direction"] == "rtl"
    stranger = here.visitor().call("GET", "/welcome").json()
    assert (stranger["visits"], stranger["coming"], stranger["location"]) == ([], None, "")
    assert "Maroc" not in str(stranger)


def test_an_entry_is_here_where_the_screen_is(here, visit):
    records = here.hall.records
    room = next(one.id for one in house.rooms(records) if one.name == "Nile room")
    for more, expected in (
        ({"room": room}, [True, False, True, False]),
        ({"stand": "inspection"}, [False, True, False, False]),
    ):
        token, _ = guests.screen(records, "There", **more)
        told = here.holding(token).call("GET", "/welcome").json()
        (shown,) = [one for one in told["visits"] if one["id"] == visit.id]
        assert [one["here"] for one in shown["programme"]] == expected


@pytest.mark.parametrize(
    ("spoken", "host", "greeted"),
    [
        (["fr", "ar", "fr", "en"], ["en", "sw"], ["fr", "ar", "en"]),
        ([], [], ["en"]),
        (["sw", "sw"], ["sw"], ["sw"]),
        (["zh", "xx"], ["yy", "pt"], ["zh", "pt"]),
    ],
)
def test_the_guests_are_greeted_first_and_the_host_last(spoken, host, greeted):
    assert greeting_languages(spoken, host) == greeted


def test_a_column_is_read_as_the_report_wrote_it():
    made, numbers = Embedded({}), np.array([5, 16383, 0, 7, 7, 12000])
    at = made.add(numbers, 2)
    assert _column(np.frombuffer(made.buffer(), np.uint8), at, len(numbers)).tolist() == numbers.tolist()


def test_points_are_sent_in_16_bits(here):
    behind = backdrop(here.hall.records)
    if behind is None:
        pytest.skip("NO SAMPLE: no points on this machine")
    answer = here.visitor().get(f"/api/v1/welcome/points/{behind.name}")
    points = np.frombuffer(answer.content, "<i2").reshape(-1, 3)
    assert 1000 < len(points) <= 24_000
    assert np.abs(points.astype(int)).max() > 30_000
    assert here.visitor().get("/api/v1/welcome/points/other").status_code == 404


def test_whatever_changes_is_told(here, visit):
    before = _seen(here.hall.records)
    sessions.begin(here.hall.records, Kind.SCREEN, "none", Role.SCREEN)
    assert _seen(here.hall.records) == before
    house.add_room(here.hall.records, SYSTEM, "Another room")
    assert _seen(here.hall.records) != before
