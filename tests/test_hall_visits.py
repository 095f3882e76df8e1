# SPDX-License-Identifier: Apache-2.0
"""Visits over the API: who may do what, a visit from its plan to what follows, papers, a guest's own data."""

import asyncio
import csv
import io

import icalendar
import pypdf
import pytest
from tests import visits as visiting

from visionvalley.hall import keeping
from visionvalley.hall.guests import key_of
from visionvalley.hall.papers import lists
from visionvalley.hall.rights import RIGHTS
from visionvalley.visits import delegations, door, personal, questions
from visionvalley.visits.values import SYSTEM, Role


@pytest.fixture(scope="module")
def kenya(here):
    return visiting.arrive(here.hall.records)


@pytest.fixture(scope="module")
def ada(here):
    return here.person()


def guest_of(here, member):
    return here.holding(visiting.guest_session(here.hall.records, member))


def done(answer, status=200):
    assert answer.status_code == status, answer.text
    return answer.json()


def problem(answer, status) -> str:
    told = done(answer, status)
    assert all(told[part] for part in ("what", "why", "fix"))
    return told["id"]


def test_a_visit_from_its_plan_to_what_follows(here, ada):
    """Everything that pages do, done by the API alone."""
    plan = {"name": "Brasil", "organisation": "UnB", "country": "br", "zone": "America/Sao_Paulo",
            "begins": "2031-03-01T09:00", "ends": "2031-03-01T17:00", "home_zone": ""}  # fmt: skip
    visit = done(ada.call("POST", "/visits", plan), 201)["visit"]
    assert (visit["begins"], visit["home_zone"]) == ("2031-03-01T12:00:00+00:00", "America/Sao_Paulo")
    at = f"/visits/{visit['id']}"
    bia = done(ada.call("POST", f"{at}/members", {"name": "Bia", "language": "pt"}), 201)
    room = done(ada.call("POST", "/rooms", {"name": "Blue", "seats": 12}), 201)
    guide = done(ada.call("POST", "/staff", {"kind": "guide", "name": "Gabi", "languages": "pt"}), 201)
    times = {"begins": "2031-03-01T09:00", "ends": "2031-03-01T10:00"}
    talk = {"kind": "talk", "title": "Olá", "room": room["id"], "staff": [guide["id"]], **times}
    entry = done(ada.call("POST", f"{at}/programme", talk), 201)["entry"]
    clash = ada.call("POST", f"{at}/programme", talk | {"title": "Again", "members": [bia["id"]]})
    assert problem(clash, 409) == "visits.clash"
    assert "10:00" in clash.json()["fix"]
    changed = {"version": 1, "title": "Bom dia"}
    done(ada.call("PATCH", f"/programme/{entry['id']}", changed))
    stale = ada.call("PATCH", f"/programme/{entry['id']}", {"version": 1, "note": "x"})
    assert problem(stale, 409) == "visits.stale"
    assert "Ada changed this meanwhile: title is now Bom dia" in stale.json()["what"]
    invited = done(ada.call("POST", f"{at}/invitations", {"member": bia["id"]}), 201)
    assert invited["picture"].startswith("<svg")
    phone = here.visitor()
    assert "Bem-vind" in phone.get(invited["link"]).text or "Bia" in phone.get(invited["link"]).text
    welcomed = phone.call("POST", "/guest", {"token": invited["link"].rpartition("/")[2]})
    phone.csrf = done(welcomed)["csrf"]
    assert done(phone.call("GET", "/guest"))["member"]["name"] == "Bia"
    assert [one["title"] for one in done(phone.call("GET", "/guest/programme"))] == ["Bom dia"]
    asked = done(phone.call("POST", "/guest/questions", {"text": "Por quê?", "stand": "x", "key": "k" * 8}), 201)
    assert done(phone.call("POST", "/guest/questions", {"text": "Por quê?", "key": "k" * 8}), 201) == asked
    one = f"/questions/{asked['question']['id']}"
    assert asked["question"]["language"] == "pt"
    assert problem(ada.call("POST", f"{one}/publish", {"version": 1}), 409) == "visits.wrong_state"
    done(ada.call("POST", f"{one}/answer", {"version": 1, "answer": "Porque sim.", "language": "pt"}))
    done(ada.call("POST", f"{one}/publish", {"version": 2}))
    shown = done(here.visitor().call("GET", "/answers?stand=x"))
    assert [(each["text"], each["answer"]) for each in shown] == [("Por quê?", "Porque sim.")]
    assert "member" not in shown[0]
    assert done(phone.call("GET", "/guest/questions"))[0]["answer"] == "Porque sim."
    todo = {"text": "Send it", "owner": here.account().id, "due": "2031-04-01", "question": asked["question"]["id"]}
    task = done(ada.call("POST", f"{at}/follow-ups", todo), 201)
    assert done(ada.call("PATCH", f"/follow-ups/{task['id']}", {"version": 1, "done": True}))["done"]
    assert problem(ada.call("DELETE", f"{at}?version=1"), 409) == "visits.in_use"


def test_a_guest_comes_in_by_a_code_once(here, ada, kenya):
    guest, member = guest_of(here, kenya.guests["fr"]), kenya.guests["fr"]
    shown = done(guest.call("GET", "/guest/code"))
    assert 0 < shown["left_s"] <= 61
    came = done(ada.call("POST", "/door", {"code": shown["code"]}))
    assert (came["name"], came["again"]) == (member.name, False)
    assert problem(ada.call("POST", "/door", {"code": shown["code"]}), 409) == "visits.code_used"
    assert problem(ada.call("POST", "/door", {"code": "00000000"}), 422) == "visits.code_wrong"
    assert member.id in [one["member"] for one in done(ada.call("GET", f"/visits/{kenya.visit.id}/arrivals"))]
    assert f'value="{shown["code"]}"' in ada.get(f"/door?code={shown['code']}").text
    assert (here.hall.folder / "door.key").stat().st_mode & 0o777 == 0o600


def test_who_may_do_what(here, kenya):
    """Each role against each area; a guest sees nothing of the house, a guide changes nothing, nobody is sent away."""
    visit, member = kenya.visit.id, kenya.guests["en"]
    calls = {
        "see visits": ("GET", f"/visits/{visit}", None),
        "visits": ("POST", "/rooms", {"name": ""}),
        "door": ("POST", "/door", {"code": "x"}),
        "answer": ("POST", "/questions/none/answer", {"version": 1, "answer": "x", "language": "en"}),
        "publish": ("POST", "/questions/none/reject", {"version": 1}),
        "personal data": ("DELETE", "/members/none", None),
        "retention": ("POST", "/retention", None),
        "own visit": ("GET", "/guest", None),
    }
    people = {role: here.person(role, role) for role in (Role.ADMINISTRATOR, Role.HOST, Role.GUIDE)}
    people |= {Role.GUEST: guest_of(here, member), None: here.visitor()}
    for action, (method, path, sent) in calls.items():
        for role, person in people.items():
            allowed = person.call(method, path, sent).status_code not in {401, 403}
            assert allowed is (role in RIGHTS[action]), (action, role)


def test_a_guest_sees_only_their_own(here, kenya):
    guest, other = guest_of(here, kenya.guests["ar"]), kenya.guests["zh"]
    kept = questions.ask(here.hall.records, kenya.visit.id, other.id, "x", "谁？", "zh", "other-key")
    assert "谁" not in guest.get("/api/v1/guest/questions").text + guest.get("/my/questions").text
    assert "谁" not in guest.get("/api/v1/guest/data.json").text
    assert problem(guest.call("GET", f"/visits/{kenya.visit.id}/questions"), 403) == "hall.forbidden"
    for topic in (f"guest.{other.id}", f"board.{kenya.visit.id}", f"door.{kenya.visit.id}"):
        assert problem(guest.call("GET", f"/live?topic={topic}"), 403) == "hall.forbidden"
    assert here.hall.live.last(f"board.{kenya.visit.id}") is None or kept.text not in str(here.hall.live._last)


def test_papers(here, ada, kenya):
    at, records = f"/api/v1/visits/{kenya.visit.id}", here.hall.records
    delegations.add_member(records, SYSTEM, kenya.visit.delegation, "=cmd()", "sw")
    calendar = icalendar.Calendar.from_ical(ada.get(f"{at}/programme.ics").content)
    events = calendar.walk("VEVENT")
    assert [str(one["SUMMARY"]) for one in events][:2] == ["Welcome", "Inspection of parts"]
    assert str(events[0]["DTSTART"].dt.tzinfo) == "Africa/Nairobi"
    rows = list(csv.DictReader(io.StringIO(ada.get(f"{at}/guests.csv").content.decode("utf-8-sig"))))
    assert {"ليلى عبد الرحمن", "李明", "'=cmd()"} <= {one["name"] for one in rows}
    badges = pypdf.PdfReader(io.BytesIO(ada.get(f"{at}/badges.pdf").content))
    told = badges.pages[0].extract_text()
    assert "Wanjiru Kamau" in told
    assert "李明" in told
    fonts = {str(one.get_object()["/BaseFont"]) for one in badges.pages[0]["/Resources"]["/Font"].values()}
    assert any("Arabic" in name for name in fonts)
    assert any("SC" in name for name in fonts)
    guest = guest_of(here, kenya.guests["ar"])
    paper = guest.get("/api/v1/guest/programme.pdf")
    assert "filename*=UTF-8''Ministry" in paper.headers["content-disposition"]
    assert len(pypdf.PdfReader(io.BytesIO(paper.content)).pages) == 1
    assert len(icalendar.Calendar.from_ical(guest.get("/api/v1/guest/programme.ics").content).walk("VEVENT")) == 4


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx"])
def test_no_cell_of_a_list_is_a_formula(cell):
    assert lists.plain(cell) == f"'{cell}"
    assert lists.plain("Ada") == "Ada"


def test_a_guest_takes_their_data_along_and_goes(here, kenya):
    records = here.hall.records
    member = delegations.add_member(
        records, SYSTEM, kenya.visit.delegation, "Farida Forgotten", "fr", email="f@forgotten.example"
    )
    guest = guest_of(here, member)
    done(guest.call("POST", "/guest/questions", {"text": "Ma question", "key": "abcdefgh"}), 201)
    assert done(guest.call("PUT", "/guest/consent", {"named": True}))["named"]
    told = guest.get("/api/v1/guest/data.json").json()
    assert (told["member"]["email"], len(told["consents"]), told["questions"][0]["text"]) == (
        "f@forgotten.example", 2, "Ma question",
    )  # fmt: skip
    assert "Farida Forgotten" in guest.get("/api/v1/guest/data.csv").text
    assert done(guest.call("DELETE", "/guest?questions=erase"))["location"] == "/goodbye"
    assert guest.get("/api/v1/session").json()["role"] == ""
    content = b"".join(one.read_bytes() for one in records.folder.rglob("*") if one.is_file())
    assert [
        one for one in (b"Farida", b"forgotten.example", member.id.encode(), b"Ma question") if one in content
    ] == []
    assert b"Wanjiru Kamau" in content


def test_two_halls_of_one_folder_sign_with_one_key(here):
    assert len(key_of(here.hall)) == 32
    again = type(here.hall)(here.hall.records)
    assert key_of(again) == key_of(here.hall)
    assert door.code(key_of(again), "v", "m", 0).code == door.code(key_of(here.hall), "v", "m", 0).code


def test_an_open_hall_erases_whose_time_is_over(here, monkeypatch):
    records = here.hall.records
    old = visiting.arrive(records, "Long ago")
    late = personal.keep_until(old.visit)
    monkeypatch.setattr(personal.clock, "now", lambda: late)

    async def look():
        async with keeping.looking(here.hall, first_s=0.0, each_s=0.05):
            while delegations.members(records, old.visit.delegation):
                await asyncio.sleep(0.02)

    asyncio.run(asyncio.wait_for(look(), 60))
    assert questions.board(records, old.visit.id) == ()
