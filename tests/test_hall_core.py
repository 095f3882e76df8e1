# SPDX-License-Identifier: Apache-2.0
"""The hall over the network: who may come in, what a change needs, the one error, languages, live updates, limits."""

import asyncio
import json
import socket
import sqlite3
import threading
import time

import pytest
from tests import hall as halls

from visionvalley.core import BadInput, text
from visionvalley.core.messages import catalogue
from visionvalley.hall import bodies, languages
from visionvalley.hall.faults import status_of
from visionvalley.hall.limits import Limits, Rate
from visionvalley.hall.live import Live
from visionvalley.hall.rights import RIGHTS
from visionvalley.visits import accounts, audit, sessions
from visionvalley.visits.values import Kind, Role


@pytest.fixture
def ada(here):
    return here.person()


def problem(answer, status: int) -> str:
    """Return the id of the one error that an answer tells."""
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert told.keys() == {"id", "what", "why", "fix"}
    assert all(told.values())
    return told["id"]


def test_the_first_page_is_there_for_everybody(here):
    answer = here.visitor().get("/")
    assert answer.status_code == 200
    assert '<html lang="en" dir="ltr"' in answer.text
    assert "set-cookie" not in answer.headers


def test_every_answer_is_dressed(here):
    for path in (
        "/",
        "/nowhere",
        "/static-nowhere",
        "/assets",
        "/api/v1/session",
        "/api/v1/nowhere",
        "/assets/fonts.css",
    ):
        headers = here.visitor().get(path).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "server" not in headers
    assert here.visitor().get("/").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:{port}", 200), ("127.0.0.1:{port}", 200), ("[::1]:{port}", 200), ("LOCALHOST", 200),
        ("evil.example", 421), ("localhost.evil.example:{port}", 421), ("192.168.1.7:{port}", 421), ("", 421),
        ("[::1", 421),
    ],
)  # fmt: skip
def test_only_who_calls_the_hall_by_its_name_is_answered(here, host, status):
    port = here.url.rpartition(":")[2]
    answer = here.visitor().get("/api/v1/session", headers={"Host": host.format(port=port)})
    assert answer.status_code == status
    if status != 200:
        assert problem(answer, 421) == "hall.other_host"


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, None),
        ({"Origin": "{url}"}, None),
        ({"Origin": "https://evil.example"}, "hall.other_origin"),
        ({"Origin": "null"}, "hall.other_origin"),
        ({"Origin": "{url}.evil.example"}, "hall.other_origin"),
        ({"Sec-Fetch-Site": "cross-site"}, "hall.other_origin"),
        ({"Sec-Fetch-Site": "same-site"}, "hall.other_origin"),
        ({"X-CSRF-Token": ""}, "hall.no_csrf"),
        ({"X-CSRF-Token": "0" * 64}, "hall.no_csrf"),
        ({"X-CSRF-Token": "\u00e9"}, "hall.no_csrf"),
    ],
)
def test_a_change_comes_from_the_halls_own_pages(here, ada, headers, told):
    sent = {name: value.format(url=here.url).encode() for name, value in headers.items()}
    answer = ada.call("POST", "/preferences", {"size": "large"}, **sent)
    assert answer.status_code == (200 if told is None else 403)
    if told:
        assert problem(answer, 403) == told


def test_the_csrf_token_of_one_session_is_none_of_another(here, ada):
    other = here.person(name="Bo")
    assert problem(ada.call("POST", "/preferences", {}, **{"X-CSRF-Token": other.csrf}), 403) == "hall.no_csrf"


def test_sign_in_goes_where_one_wanted_and_never_elsewhere(here):
    here.account()
    wanted = here.visitor().get("/account", follow_redirects=False)
    assert (wanted.status_code, wanted.headers["location"]) == (303, "/sign-in?to=/account")
    for to, leads in (("/account", "/account"), ("//evil.example", "/"), ("/\\evil.example", "/"), ("https://x", "/")):
        visitor = here.visitor()
        sent = {"email": "ADA@example.org", "password": halls.PASSWORD, "to": to}
        answer = visitor.call("POST", "/session", sent)
        assert answer.json()["location"] == leads
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        visitor.csrf = answer.json()["csrf"]
        assert visitor.get("/api/v1/session").json()["name"] == "Ada"
        assert visitor.call("DELETE", "/session").status_code == 200
        assert visitor.get("/api/v1/session").json()["role"] == ""


def test_a_session_that_was_stolen_ends_when_its_owner_signs_out(here):
    person = here.person()
    thief = here.holding(person.cookies["valley_session"])
    assert person.call("DELETE", "/session").status_code == 200
    assert problem(thief.get("/api/v1/account/sessions"), 401) == "hall.sign_in"


def test_a_link_makes_an_account_once(here, ada):
    made = ada.call("POST", "/accounts", {"email": "cy@example.org", "name": "Cy", "role": "guide", "language": "fr"})
    assert made.status_code == 201
    link = made.json()["link"]
    guest = here.visitor()
    shown = guest.get(link)
    assert "Cy" in shown.text
    assert "cy@example.org" in shown.text
    sent = {"token": link.rpartition("/")[2], "password": "another walk in the rain"}
    assert problem(guest.call("POST", "/links", sent | {"password": "short"}), 422) == "visits.password_length"
    assert guest.call("POST", "/links", sent).json()["location"] == "/"
    assert '<html lang="fr"' in guest.get("/account").text
    assert guest.get(link).status_code == 410
    assert problem(here.visitor().call("POST", "/links", sent), 410) == "visits.link_gone"


@pytest.mark.parametrize(
    ("method", "path", "body", "action"),
    [
        ("GET", "/accounts", None, "accounts"),
        ("POST", "/accounts", {"email": "x@example.org", "name": "X", "role": "host"}, "accounts"),
        ("GET", "/accounts/0", None, "accounts"),
        ("PATCH", "/accounts/0", {"version": 1}, "accounts"),
        ("POST", "/accounts/0/link", None, "accounts"),
        ("GET", "/sessions", None, "sessions"),
        ("GET", "/audit", None, "audit"),
        ("GET", "/translations", None, "translations"),
        ("GET", "/account/sessions", None, "own sessions"),
        ("PUT", "/account/password", {"old": "x", "new": "y"}, "own account"),
    ],
)
def test_everybody_may_what_the_table_says_and_no_more(here, method, path, body, action):
    assert problem(here.visitor().call(method, path, body), 401) == "hall.sign_in"
    for role in (Role.HOST, Role.GUIDE, Role.ADMINISTRATOR):
        answer = here.person(role, role.title()).call(method, path, body)
        assert (answer.status_code in {401, 403} and answer.json()["id"] == "hall.forbidden") != (
            role in RIGHTS[action]
        )


@pytest.mark.parametrize("path", ["accounts", "sessions", "audit", "translations"])
def test_pages_of_administration_are_for_administrators(here, ada, path):
    assert ada.get(f"/administration/{path}").status_code == 200
    refused = here.person(Role.HOST, "Host").get(f"/administration/{path}")
    assert refused.status_code == 403
    assert "your role does not allow this" in refused.text
    assert here.visitor().get(f"/administration/{path}", follow_redirects=False).status_code == 303


def test_somebody_ends_their_own_sessions_and_an_administrator_any(here, ada):
    host, guide = here.person(Role.HOST, "Hal"), here.person(Role.GUIDE, "Gus")
    other = sessions.of(here.hall.records, Kind.ACCOUNT, here.account(Role.GUIDE, "Gus").id)[0].id
    assert problem(host.call("DELETE", f"/sessions/{other}"), 404) == "visits.no_session"
    assert guide.get("/account").status_code == 200
    assert ada.call("DELETE", f"/sessions/{other}").status_code == 200
    assert guide.get("/account", follow_redirects=False).status_code == 303


def test_two_administrators_change_one_account_and_nothing_vanishes(here, ada):
    other = here.person(Role.ADMINISTRATOR, "Eve")
    seen = ada.get(f"/api/v1/accounts/{here.account(Role.HOST, 'Hugo').id}").json()
    path = f"/accounts/{seen['id']}"
    assert ada.call("PATCH", path, {"version": seen["version"], "role": "guide"}).json()["role"] == "guide"
    late = other.call("PATCH", path, {"version": seen["version"], "disabled": True})
    assert problem(late, 409) == "visits.changed_meanwhile"
    assert other.get(f"/api/v1{path}").json()["disabled"] is False


def test_a_new_password_begins_a_new_session_and_ends_the_others(here):
    first, second = here.person(Role.HOST, "Pam"), here.person(Role.HOST, "Pam")
    sent = {"old": halls.PASSWORD, "new": "another walk in the rain"}
    answer = first.call("PUT", "/account/password", sent)
    assert answer.json()["location"] == "/account"
    assert first.get("/account").status_code == 200
    assert second.get("/account", follow_redirects=False).status_code == 303


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{", "hall.bad_request"),
        (b"\xff\xfe", "hall.bad_request"),
        (b"[]", "hall.bad_request"),
        (b'{"email": 1, "password": "x"}', "hall.bad_request"),
        (b'{"email": "\\ud800@x", "password": "x"}', "hall.bad_request"),
        (b'{"email": "a\\u0000@x", "password": "x"}', "hall.bad_characters"),
        (b'{"email": "a@x", "password": "x", "more": 1}', "hall.bad_request"),
        (b'{"email": "a@x", "password": "\\u0000"}', "visits.wrong_password"),
    ],
)
def test_what_is_not_understood_is_told(here, body, told):
    answer = here.visitor().post("/api/v1/session", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {401, 422}
    assert problem(answer, answer.status_code) == told


def test_a_body_that_is_too_large_is_refused(here):
    sent = b'{"email": "' + b"a" * (2 << 20) + b'"}'
    headers = {"Content-Type": "application/json"}
    assert problem(here.visitor().post("/api/v1/session", content=sent, headers=headers), 413) == "hall.too_large"
    chunks = (sent[at : at + 65536] for at in range(0, len(sent), 65536))
    assert problem(here.visitor().post("/api/v1/session", content=chunks, headers=headers), 413) == "hall.too_large"


def test_a_body_that_stands_still_is_not_waited_for(here, monkeypatch):
    monkeypatch.setattr(bodies.limited, "__defaults__", (0.2,))
    host, _, port = here.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as slow:
        head = f"POST /api/v1/session HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        slow.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        answer = ""
        while "hall.too_slow" not in answer and (piece := slow.recv(4096).decode()):
            answer += piece
    assert answer.startswith("HTTP/1.1 408 ")
    assert "hall.too_slow" in answer


def test_who_is_signed_out_hears_no_more(tmp_path):
    with halls.opened(tmp_path, live=Live(beat_s=0.2)) as opened:
        person, end = opened.person(), time.monotonic() + 20
        with opened.holding(person.cookies["valley_session"]).stream("GET", "/api/v1/live?topic=hall.clock") as answer:
            lines = answer.iter_lines()
            assert any(line == "event: beat" for line in lines)
            assert person.call("DELETE", "/session").status_code == 200
            assert all(time.monotonic() < end for _ in lines)


def test_what_is_not_there_is_told_in_both_forms(here):
    assert problem(here.visitor().get("/api/v1/nowhere"), 404) == "hall.not_found"
    assert problem(here.visitor().call("PUT", "/session", {}), 405) == "hall.no_such_method"
    page = here.visitor().get("/nowhere", headers={"Accept-Language": "fr;q=0.9, sw"})
    assert page.status_code == 404
    assert '<html lang="sw"' in page.text


def test_a_fault_of_ours_has_a_number_and_shows_nothing_inside(here, ada, monkeypatch, caplog):
    def broken(*_, **__):
        raise ZeroDivisionError("secret inside")

    monkeypatch.setattr(audit, "entries", broken)
    answer = ada.get("/api/v1/audit")
    assert problem(answer, 500) == "hall.broken"
    assert "secret" not in answer.text
    page = ada.get("/administration/audit")
    assert page.status_code == 500
    assert "something broke in the hall" in page.text
    assert "content-security-policy" in page.headers
    number = answer.json()["why"].split()[-1]
    assert f"fault {number} at GET /api/v1/audit" in caplog.text


def test_a_request_has_one_connection_and_leaves_none(tmp_path):
    from sqlalchemy import event

    from visionvalley.records import database

    with halls.opened(tmp_path) as opened:
        person, now, begun = opened.person(), [0], [0]

        def counted(step):
            def count(*_):
                now[0] += step
                begun[0] += max(step, 0)

            return count

        makes = database.engine(opened.hall.records)
        event.listen(makes, "connect", counted(1))
        event.listen(makes, "close", counted(-1))
        assert person.get("/account").status_code == 200
        assert (now[0], begun[0]) == (0, 1)
        assert problem(person.call("POST", "/accounts", {"email": "?", "name": "?", "role": "host"}), 422)
        assert now[0] == 0


def test_who_asks_within_a_transaction_has_a_connection_of_their_own(tmp_path):
    from visionvalley.records import Records, database

    records = Records(tmp_path)
    held = database.Held(records)
    token = database.HELD.set(held)
    try:
        with database.reading(records) as outer, database.reading(records) as inner:
            assert outer is not inner
        with database.writing(records) as again:
            assert again is outer
        with pytest.raises(ZeroDivisionError), database.reading(records) as broken:
            1 / 0  # noqa: B018
        assert broken.closed
        held.close()
        with database.reading(records) as later:
            assert held.connection is None
        assert later.closed
    finally:
        database.HELD.reset(token)


def test_a_locked_or_lost_database_is_one_clear_page(tmp_path):
    from visionvalley.records import Records

    with halls.opened(tmp_path, records=Records(tmp_path / "records", patience_s=0.2)) as opened:
        person = opened.person()
        other = sqlite3.connect(opened.hall.records.file, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        sent = {"email": "ada@example.org", "password": "wrong"}
        assert problem(opened.visitor().call("POST", "/session", sent), 503) == "records.locked"
        other.execute("ROLLBACK")
        other.close()
        assert person.get("/account").status_code == 200
        content = opened.hall.records.file.read_bytes()
        opened.hall.records.file.write_bytes(b"no database" * 1000)
        for file in opened.hall.records.folder.glob("records.sqlite-*"):
            file.unlink()
        page = person.get("/account")
        assert page.status_code == 503
        assert "restore it from a backup" in page.text
        opened.hall.records.file.write_bytes(content)
        assert person.get("/account").status_code == 200


def test_passwords_cannot_be_tried_for_long(here):
    here.account()
    told = [here.visitor().call("POST", "/session", {"email": "ada@example.org", "password": "x"}) for _ in range(9)]
    assert [one.status_code for one in told] == [401] * 8 + [429]
    assert problem(told[-1], 429) == "hall.too_often"
    assert 1 <= int(told[-1].headers["retry-after"]) <= 31
    right = {"email": "ada@example.org", "password": halls.PASSWORD}
    assert here.visitor().call("POST", "/session", right).status_code == 429


def test_a_bucket_fills_with_time():
    now = [0.0]
    limits = Limits({"x": Rate(2, 0.5)}, clock=lambda: now[0])
    assert [limits.take("x", "a") for _ in range(3)] == [0.0, 0.0, 2.0]
    assert limits.take("x", "b") == 0.0
    now[0] = 2.0
    assert [limits.take("x", "a") for _ in range(2)] == [0.0, 2.0]
    now[0] = 1e9
    assert [limits.take("x", "a") for _ in range(3)] == [0.0, 0.0, 2.0]


def test_who_asks_too_often_waits_and_nobody_else(here, ada):
    here.hall.limits.rates["read session"] = Rate(3, 0.1)
    try:
        assert [ada.get("/api/v1/session").status_code for _ in range(4)] == [200, 200, 200, 429]
        assert here.person(Role.HOST, "Hal").get("/api/v1/session").status_code == 200
        assert ada.get("/assets/fonts.css").status_code == 200
    finally:
        here.hall.limits.rates["read session"] = Rate(200, 20.0)


def test_a_reader_chooses_how_to_read(here, ada):
    answer = ada.call("POST", "/preferences", {"language": "ar", "theme": "dark", "size": "large"})
    assert answer.status_code == 200
    assert '<html lang="ar" dir="rtl" data-size="large" data-theme="dark">' in ada.get("/").text
    assert '<html lang="ar"' in here.person().get("/").text, "the account remembers it"
    assert ada.call("POST", "/preferences", {"language": "en", "theme": "system"}).status_code == 200
    assert '<html lang="en" dir="ltr" data-size="large">' in ada.get("/").text
    assert problem(ada.call("POST", "/preferences", {"language": "xx"}), 422) == "hall.bad_request"


@pytest.mark.parametrize(
    ("accepted", "code"),
    [
        ("", "en"), ("fr", "fr"), ("zh-Hans-CN,zh;q=0.9", "zh"), ("de, sw;q=0.2, pt-BR;q=0.8", "pt"),
        ("fr;q=0, ar", "ar"), ("*", "en"), ("fr;q=x", "en"), (";;,,", "en"), ("FR", "fr"),
    ],
)  # fmt: skip
def test_the_reader_s_language_is_found(accepted, code):
    assert languages.chosen(None, "xx", accepted=accepted) == code
    assert languages.chosen("sw", "fr", accepted=accepted) == "sw"


def test_numbers_and_dates_are_written_as_the_language_does_with_latin_digits():
    said = {code: languages.number(1234567.891, code, 2) for code in languages.LANGUAGES}
    assert said["en"] == "1,234,567.89"
    assert said["fr"] == "1\u202f234\u202f567,89"
    assert said["pt"] == "1\xa0234\xa0567,89"
    moment = "2026-11-24T18:05:00+00:00"
    for code in languages.LANGUAGES:
        written = f"{said[code]} {languages.when(moment, code, 'Africa/Nairobi')} {languages.day(moment, code)}"
        assert all(letter in "0123456789" for letter in written if letter.isdigit()), (code, written)
    assert languages.clock(moment, "fr", "Africa/Nairobi") == "21:05"
    assert languages.day("2026-11-24T23:05:00+00:00", "en", "Asia/Shanghai") == "25 November 2026"


def test_an_error_is_told_in_the_reader_s_language_with_its_values(here, monkeypatch):
    error = BadInput("hall.bad_request", field="x", reason=text("hall.reason_missing"))
    assert languages.explain(error, "en")["what"] == "x cannot be used: it is missing"
    for code in languages.LANGUAGES:
        assert "x" in languages.explain(error, code)["what"]


def test_every_error_of_the_hall_has_a_status_that_the_api_declares():
    for name, parts in catalogue().items():
        if "what" in parts:
            error = BadInput(name)
            assert status_of(error) in {401, 403, 404, 405, 408, 409, 410, 413, 421, 422, 429, 500, 503}


async def _heard(live: Live, topics, last_id="", count=1, during=lambda: None):
    stream = live.stream(topics, last_id)
    assert (await anext(stream)).startswith(b"retry: ")
    during()
    found = [await asyncio.wait_for(anext(stream), 5) for _ in range(count)]
    await stream.aclose()
    return found


def test_a_topic_tells_its_last_value_and_what_was_missed():
    live = Live()
    for n in range(3):
        live.publish("a", n)
        live.publish("b", -n)
    last = asyncio.run(_heard(live, ["a"]))
    assert json.loads(last[0].split(b"data: ")[1]) == {"topic": "a", "value": 2}
    id_of_last = last[0].split(b"\n")[0].removeprefix(b"id: ").decode()
    live.publish("a", 3)
    live.publish("b", 9)
    live.publish("a", 4)
    missed = asyncio.run(_heard(live, ["a"], id_of_last, 2))
    assert [json.loads(one.split(b"data: ")[1])["value"] for one in missed] == [3, 4]
    for unknown in ("", "other-1", f"{id_of_last}x", "-5", "\u0663"):
        again = asyncio.run(_heard(live, ["a", "b"], unknown, 2))
        assert {json.loads(one.split(b"data: ")[1])["topic"] for one in again} == {"a", "b"}
    assert live.listening == 0


def test_many_threads_publish_and_every_listener_hears_all_in_order():
    live = Live()

    def publish():
        for thread in (threading.Thread(target=lambda: [live.publish("a", 0) for _ in range(20)]) for _ in range(5)):
            thread.start()

    heard = asyncio.run(_heard(live, ["a"], "", 100, publish))
    numbers = [int(one.split(b"\n")[0].rpartition(b"-")[2]) for one in heard]
    assert sorted(numbers) == list(range(1, 101))


def test_who_listens_is_told_that_the_hall_is_there():
    assert asyncio.run(_heard(Live(beat_s=0.05), ["a"], count=2)) == [b"event: beat\ndata: {}\n\n"] * 2


def test_live_updates_come_over_the_network_and_unknown_topics_are_refused(here):
    assert problem(here.visitor().get("/api/v1/live?topic=nothing"), 404) == "hall.no_topic"
    assert problem(here.visitor().get("/api/v1/live"), 422) == "hall.bad_request"
    here.hall.live.publish("hall.clock", "now")
    with here.visitor().stream("GET", "/api/v1/live?topic=hall.clock") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(line for line in lines if line.startswith("data: ")) == 'data: {"topic":"hall.clock","value":"now"}'


def test_the_audit_log_says_who_did_what(here, ada):
    made = ada.call("POST", "/accounts", {"email": "zoe@example.org", "name": "Zoe", "role": "host"}).json()["account"]
    told = ada.get("/api/v1/audit?action=account.invite&limit=1").json()[0]
    assert (told["actor"], told["subject"]) == (f"account:{here.account().id}", f"account:{made['id']}")
    assert told["details"] == {"role": "host"}
    assert "zoe" not in json.dumps(ada.get("/api/v1/audit").json()).lower()
    assert len(accounts.every(here.hall.records)) >= 2
