# SPDX-License-Identifier: Apache-2.0
"""Accounts, links, sessions and the audit log, in SQLite and in PostgreSQL."""

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text as statement
from tests.refusals import refusal

from visionvalley.core import BadInput
from visionvalley.records import Records
from visionvalley.records import database as of_runs
from visionvalley.visits import accounts, audit, clock, database, passwords, sessions, tables, tokens
from visionvalley.visits.values import SYSTEM, Actor, Kind, Role

PASSWORD = "slow lantern over harbour"
BY = Actor(Kind.ACCOUNT, "0123456789abcdef")


def administrator(records: Records):
    return accounts.accept(records, accounts.first_link(records), PASSWORD, "Ada@Example.org", "Ada  Lovelace")


def files_of(records: Records) -> bytes:
    return b"".join(path.read_bytes() for path in Path(records.folder).rglob("*") if path.is_file())


def test_the_migrations_make_the_tables_that_the_program_knows(records):
    database.prepare(records)
    with database.reading(records) as connection:
        ours = {table.name for table in tables.metadata.sorted_tables}
        options = {"include_name": lambda name, kind, _: kind != "table" or name in ours}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, tables.metadata) == []
    config = Config()
    config.set_main_option("script_location", database.VISITS.script)
    steps = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(steps)) == database.KNOWN
    assert of_runs._version(records, of_runs.RUNS) == of_runs.KNOWN[-1]


def test_a_newer_database_is_left_alone(light):
    with database.writing(light) as connection:
        connection.execute(statement("UPDATE visits_version SET version_num = '9999'"))
    database._prepared.cache_clear()
    assert refusal(accounts.every, light) == "records.newer"


def test_a_database_that_was_taken_away_is_made_again(light):
    assert accounts.every(light) == ()
    for file in light.folder.glob("records.sqlite*"):
        file.unlink()
    assert accounts.every(light) == ()


def test_the_first_administrator_comes_by_a_link_that_works_once(records):
    older, token = accounts.first_link(records), accounts.first_link(records)
    assert accounts.link(records, token).account is None
    made = accounts.accept(records, token, PASSWORD, "Ada@Example.org ", "Ada  Lovelace")
    assert (made.email, made.name, made.role, made.ready) == (
        "ada@example.org", "Ada Lovelace", Role.ADMINISTRATOR, True
    )  # fmt: skip
    for gone in (older, token, "no token", "\ud800", ""):
        assert refusal(accounts.accept, records, gone, PASSWORD, "eve@example.org", "Eve") == "visits.link_gone"
    assert accounts.first_link(records) is None
    assert accounts.check(records, "ADA@example.org", PASSWORD).id == made.id


def test_an_invited_account_waits_for_its_password(records):
    made, token = accounts.invite(records, BY, "bo@example.org", "Bo", Role.HOST, "sw")
    assert not made.ready
    assert refusal(accounts.check, records, "bo@example.org", "") == "visits.wrong_password"
    assert accounts.link(records, token).account == made
    newer = accounts.renew_link(records, BY, made.id)
    assert refusal(accounts.accept, records, token, PASSWORD) == "visits.link_gone"
    ready = accounts.accept(records, newer, PASSWORD, "ignored@example.org", "Ignored")
    assert (ready.id, ready.name, ready.role, ready.language, ready.ready) == (made.id, "Bo", Role.HOST, "sw", True)


def test_a_link_is_over_when_its_time_is(light, monkeypatch):
    _, token = accounts.invite(light, BY, "bo@example.org", "Bo", Role.HOST)
    late = clock.later(accounts.LINK_S + 1)
    monkeypatch.setattr(clock, "now", lambda: late)
    assert refusal(accounts.link, light, token) == "visits.link_gone"


def test_of_many_who_follow_one_link_at_once_one_comes_in(light):
    token, done = accounts.first_link(light), []

    def follow(n: int) -> None:
        try:
            done.append(accounts.accept(light, token, PASSWORD, f"n{n}@example.org", f"N{n}").id)
        except BadInput as error:
            done.append(error.message.id)

    threads = [threading.Thread(target=follow, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done)[1:] == ["visits.link_gone"] * 5
    assert len(accounts.every(light)) == 1


def test_an_address_has_one_account(records):
    administrator(records)
    assert refusal(accounts.invite, records, BY, "ADA@example.org", "A", Role.GUIDE) == "visits.email_taken"
    assert len(accounts.every(records)) == 1


@pytest.mark.parametrize(
    ("email", "name", "role", "message"),
    [
        ("nobody", "A", Role.HOST, "bad_email"),
        ("a b@example.org", "A", Role.HOST, "bad_email"),
        ("a" * 250 + "@example.org", "A", Role.HOST, "bad_email"),
        ("a@example.org", " ", Role.HOST, "bad_name"),
        ("a@example.org", "A\u202eB", Role.HOST, "bad_name"),
        ("a@example.org", "A" * 121, Role.HOST, "bad_name"),
        ("a@example.org", "A", Role.GUEST, "bad_role"),
        ("a@example.org", "A", Role.SCREEN, "bad_role"),
    ],
)
def test_an_invitation_that_cannot_be_is_refused(light, email, name, role, message):
    assert refusal(accounts.invite, light, BY, email, name, role) == f"visits.{message}"
    assert accounts.every(light) == ()


@pytest.mark.parametrize(
    ("password", "message"),
    [("short", "length"), ("x" * 257, "length"), ("aaaaaaaaaaaaaaaa", "weak"), ("lovelaceLovelace", "weak")],
)
def test_a_password_that_is_guessed_soon_is_refused(password, message):
    known = ("ada@example.org", "Ada Lovelace")
    assert refusal(passwords.require_strong, password, *known) == f"visits.password_{message}"


def test_passwords_are_hashed_by_argon2_and_the_same_on_every_keyboard():
    kept = passwords.hashed("Ångström na\u00efve \ufb01ve")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.matches("A\u030angstro\u0308m nai\u0308ve five", kept)
    assert not passwords.matches("Angstrom naive five", kept)
    assert not passwords.matches("anything", None)
    assert not passwords.matches("anything", "no hash")


def test_wrong_address_and_wrong_password_are_told_alike(records):
    made = administrator(records)
    told = {
        refusal(accounts.check, records, *pair) for pair in (("ada@example.org", "x"), ("eve@example.org", PASSWORD))
    }
    assert told == {"visits.wrong_password"}
    assert [entry.subject for entry in audit.entries(records, action="account.refuse")] == ["", f"account:{made.id}"]


def test_the_last_administrator_stays(records):
    ada = administrator(records)
    bo, _ = accounts.invite(records, BY, "bo@example.org", "Bo", Role.ADMINISTRATOR)  # has no password yet
    for values in ({"disabled": True}, {"role": Role.HOST}):
        assert refusal(accounts.change, records, BY, ada.id, ada.version, **values) == "visits.last_administrator"
    assert accounts.one(records, ada.id) == ada
    accounts.accept(records, accounts.renew_link(records, BY, bo.id), PASSWORD)
    assert accounts.change(records, BY, ada.id, ada.version, role=Role.HOST).role is Role.HOST


def test_nobodys_change_vanishes(records):
    ada = administrator(records)
    seen = accounts.one(records, ada.id).version
    assert accounts.change(records, BY, ada.id, seen, name="Ada King").version == seen + 1
    assert refusal(accounts.change, records, BY, ada.id, seen, name="Augusta") == "visits.changed_meanwhile"
    assert accounts.one(records, ada.id).name == "Ada King"


def test_a_disabled_account_is_out_at_once(records):
    administrator(records)
    bo, token = accounts.invite(records, BY, "bo@example.org", "Bo", Role.HOST)
    bo = accounts.accept(records, token, PASSWORD)
    _, cookie = sessions.begin(records, Kind.ACCOUNT, bo.id, bo.role)
    assert sessions.current(records, cookie)
    bo = accounts.change(records, BY, bo.id, bo.version, disabled=True)
    assert sessions.current(records, cookie) is None
    assert refusal(accounts.check, records, "bo@example.org", PASSWORD) == "visits.wrong_password"
    assert refusal(accounts.renew_link, records, BY, bo.id) == "visits.disabled"


def test_a_new_password_closes_every_session(records):
    ada = administrator(records)
    cookies = [sessions.begin(records, Kind.ACCOUNT, ada.id, ada.role, "Phone\n")[1] for _ in range(2)]
    assert refusal(accounts.set_password, records, ada.id, "wrong", PASSWORD) == "visits.wrong_old_password"
    accounts.set_password(records, ada.id, PASSWORD, "another walk in the rain")
    assert [sessions.current(records, one) for one in cookies] == [None, None]
    assert accounts.check(records, ada.email, "another walk in the rain").id == ada.id


def test_a_session_ends_by_time_by_rest_and_by_hand(records, monkeypatch):
    made, cookie = sessions.begin(records, Kind.GUEST, "m1", Role.GUEST, "Phone\x00", lasts_s=3600)
    assert sessions.current(records, cookie) == made
    assert made.device == "Phone"
    other, _ = sessions.begin(records, Kind.GUEST, "m1", Role.GUEST)
    assert refusal(sessions.close, records, BY, other.id, owner="m2") == "visits.no_session"
    assert sessions.close(records, BY, other.id, owner="m1").id == other.id
    assert [one.id for one in sessions.of(records, Kind.GUEST, "m1")] == [made.id]
    late = clock.later(3601)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: late)
        assert sessions.current(records, cookie) is None
        assert sessions.every(records) == ()
    assert sessions.close_all(records, BY, Kind.GUEST, "m1") == 1
    assert sessions.current(records, cookie) is None


def test_rest_ends_a_session_and_a_page_now_and_then_keeps_it(light, monkeypatch):
    _, cookie = sessions.begin(light, Kind.SCREEN, "s1", Role.SCREEN)
    begin = clock.now()
    idle_s = sessions.IDLE_S[Kind.SCREEN]
    real = clock.later
    for passed_s, there in ((0.9, True), (1.8, True), (2.9, False)):
        at = real(passed_s * idle_s, begin)
        monkeypatch.setattr(clock, "now", lambda at=at: at)
        monkeypatch.setattr(clock, "later", lambda seconds_s, since=None, at=at: real(seconds_s, since or at))
        assert (sessions.current(light, cookie) is not None) is there


def test_nothing_secret_lies_in_the_files(light):
    token = accounts.first_link(light)
    ada = accounts.accept(light, token, PASSWORD, "ada@example.org", "Ada Lovelace")
    _, cookie = sessions.begin(light, Kind.ACCOUNT, ada.id, ada.role)
    content = files_of(light)
    assert b"ada@example.org" in content
    assert [secret for secret in (PASSWORD, token, cookie) if secret.encode() in content] == []


def test_the_audit_log_only_grows(records):
    administrator(records)
    before = audit.entries(records)
    for command in ("DELETE FROM audit", "UPDATE audit SET action = 'x'", "UPDATE audit SET at = 'x', actor = 'y'"):
        with pytest.raises(BadInput), database.writing(records) as connection:
            connection.execute(statement(command))
    assert audit.entries(records) == before
    assert before


def test_who_is_erased_is_a_pseudonym_in_the_audit_log(records):
    ada = administrator(records)
    accounts.invite(records, Actor(Kind.ACCOUNT, ada.id), "bo@example.org", "Bo", Role.HOST)
    with database.writing(records) as connection:
        pseudonym = audit.pseudonymise(connection, f"account:{ada.id}")
    names = {name for entry in audit.entries(records) for name in (entry.actor, entry.subject)}
    assert pseudonym in names
    assert f"account:{ada.id}" not in names
    assert {entry.action for entry in audit.entries(records, about=pseudonym)} == {"account.accept", "account.invite"}


def test_the_audit_log_is_read_by_pages_and_by_action(light):
    with database.writing(light) as connection:
        for n in range(7):
            audit.note(connection, SYSTEM, "room.try" if n % 2 else "roof.try", f"x:{n}", n=n)
    first = audit.entries(light, limit=3)
    rest = audit.entries(light, before=first[-1].number)
    assert [entry.details["n"] for entry in (*first, *rest)] == [6, 5, 4, 3, 2, 1, 0]
    assert [entry.details["n"] for entry in audit.entries(light, action="room")] == [5, 3, 1]


def test_a_second_secret_belongs_to_its_token():
    token = tokens.new_token()
    assert tokens.bound(token, "csrf") == tokens.bound(token, "csrf")
    assert (
        len({tokens.bound(token, "csrf"), tokens.bound(token, "other"), tokens.bound(tokens.new_token(), "csrf")}) == 3
    )


def test_the_database_is_vacuumed_with_the_tables_of_both_rooms(records):
    made, _ = accounts.invite(records, BY, "unforgettable@example.org", "Bo", Role.HOST)
    with database.writing(records) as connection:
        connection.execute(tables.accounts.delete().where(tables.accounts.c.id == made.id))
    database.vacuum(records)
    if not records.database:
        assert b"unforgettable" not in files_of(records)
