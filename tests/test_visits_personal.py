# SPDX-License-Identifier: Apache-2.0
"""Personal data: what is known is told whole, what is erased is nowhere in the files, what is old goes by itself."""

import json
import sqlite3
from pathlib import Path

import pytest

from visionvalley.core import BadInput
from visionvalley.records import InputFile, Records, RunRecord, keep
from visionvalley.records import one as one_run
from visionvalley.visits import (
    accounts,
    audit,
    calendar,
    clock,
    database,
    delegations,
    door,
    follow_up,
    invitations,
    personal,
    programme,
    questions,
    sessions,
)  # fmt: skip
from visionvalley.visits.exchange import State
from visionvalley.visits.plans import Activity
from visionvalley.visits.tables import metadata
from visionvalley.visits.values import SYSTEM, Actor, Kind, Role

KEY = bytes(range(32))
BY = SYSTEM
NAME, EMAIL, TITLE = "Zubeda Unforgettable", "zubeda@unforgettable.example", "Waziri Asiyesahaulika"
QUESTION, UPLOAD = "Je, printa ya kwanza ni ipi?", b"solid unforgettable upload of hers"


@pytest.fixture
def records(tmp_path) -> Records:
    return Records(tmp_path / "kept", patience_s=5.0)


def files_of(records: Records) -> bytes:
    return b"".join(path.read_bytes() for path in Path(records.folder).rglob("*") if path.is_file())


def a_guest(records: Records, tmp_path: Path):
    """Return visit, guest and run: one who did all that a guest can do."""
    host = accounts.accept(records, accounts.first_link(records), "slow lantern over harbour", "a@example.org", "Ada")
    of = delegations.add(records, BY, "Kenya")
    times = clock.later(-3600), clock.later(3600)
    visit = calendar.add(records, BY, of.id, f"Visit of {NAME}", "UTC", *times, keep_days=30)
    guest = delegations.add_member(records, BY, of.id, NAME, "sw", title=TITLE, email=EMAIL, named=True)
    programme.add(records, BY, visit.id, Activity.TALK, f"Talk by {NAME}", *times, members=(guest.id,), note=EMAIL)
    invitations.follow(records, invitations.invite(records, BY, visit.id, guest.id, reusable=True)[1])
    sessions.begin(records, Kind.GUEST, guest.id, Role.GUEST, "Zubedas Telefon")
    door.arrive(records, BY, KEY, door.code(KEY, visit.id, guest.id).code)
    asked = questions.ask(records, visit.id, guest.id, "printing", QUESTION, "sw", "k")
    questions.answer(records, BY, asked.id, 1, f"Dear {NAME.upper()}, the first.", "en")
    follow_up.add(records, BY, visit.id, f"Write to {EMAIL}", host.id, "2027-01-01", asked.id)
    made = tmp_path / "scan.stl"
    made.write_bytes(UPLOAD)
    run = RunRecord(
        "0123456789abcdef", "manufacturing.inspection", {}, {}, (InputFile("scan", "zubeda.stl", "/x", "0" * 64, 3),),
        clock.now(), personal.owner_of(guest.id),
    )  # fmt: skip
    keep(run, {"scan.stl": made}, records)
    made.unlink()
    return visit, guest, run


def test_a_guest_is_told_everything_that_is_known(records, tmp_path):
    visit, guest, run = a_guest(records, tmp_path)
    told = personal.export(records, guest.id)
    assert json.loads(json.dumps(told)) == told
    assert {name: len(found) for name, found in told.items() if isinstance(found, list)} == {
        "organisation": 0, "visits": 1, "programme": 1, "consents": 1, "invitations": 1, "arrivals": 1, "questions": 1,
        "sessions": 1, "follow_ups": 1, "audit": len(told["audit"]), "runs": 1,
    }  # fmt: skip
    assert (told["member"]["name"], told["questions"][0]["text"], told["runs"][0]["id"]) == (NAME, QUESTION, run.id)
    assert told["runs"][0]["artefacts"] == ["scan.stl"]
    assert {"invitation.make", "invitation.follow", "door.arrive", "session.begin", "questions.add"} <= {
        entry["action"] for entry in told["audit"]
    }
    assert "token" not in json.dumps(told)
    lines = list(personal.lines(told))
    assert ("member", 1, "name", NAME) in lines
    assert ("visits", 1, "id", visit.id) in lines


def test_every_table_that_names_a_guest_is_told_and_erased():
    """A new table that refers to members must be thought of here."""
    naming = {
        table.name
        for table in metadata.sorted_tables
        for key in table.foreign_keys
        if key.column.table.name == "members"
    }
    assert naming == {"consents", "programme_members", "invitations", "arrivals", "questions"}


@pytest.mark.parametrize("keep_questions", [True, False])
def test_of_a_guest_who_is_erased_nothing_is_left_in_the_files(records, tmp_path, keep_questions):
    visit, guest, run = a_guest(records, tmp_path)
    traces = [NAME, NAME.upper(), EMAIL, TITLE, guest.id, "zubeda.stl", "Zubedas Telefon", UPLOAD.decode()]
    before = files_of(records)
    assert [one for one in traces if one.encode() not in before] == []
    gone = personal.erase_member(records, Actor(Kind.GUEST, guest.id), guest.id, keep_questions=keep_questions)
    after = files_of(records)
    assert [one for one in traces if one.encode() in after] == []
    assert (QUESTION.encode() in after) is keep_questions
    assert (gone.kept_questions, gone.erased_questions, gone.runs, gone.files) == (
        int(keep_questions), int(not keep_questions), 1, 1,
    )  # fmt: skip
    with pytest.raises(BadInput):
        one_run(run.id, records)
    names = {name for entry in audit.entries(records) for name in (entry.actor, entry.subject)}
    assert {one.partition(":")[0] for one in names if "erased" in one} == {"erased"}
    assert audit.entries(records, action="members.erase")[0].actor.startswith("erased:")
    assert [one.text for one in follow_up.of_visit(records, visit.id)] == ["Write to […]"]
    with pytest.raises(BadInput) as again:
        personal.erase_member(records, BY, guest.id, keep_questions=True)
    assert again.value.message.id == "visits.no_row"
    assert sqlite3.connect(records.file).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_short_name_in_another_script_goes_from_texts_too(records):
    of = delegations.add(records, BY, "中国")
    calendar.add(records, BY, of.id, "欢迎李明先生", "Asia/Shanghai", clock.later(-9), clock.later(9))
    guest = delegations.add_member(records, BY, of.id, "李明", "zh")
    personal.erase_member(records, BY, guest.id, keep_questions=False)
    assert "李明".encode() not in files_of(records)
    assert calendar.every(records)[0].title == "欢迎[…]先生"


def test_a_merged_question_of_another_guest_takes_over_the_answer(records):
    of = delegations.add(records, BY, "Kenya")
    visit = calendar.add(records, BY, of.id, "x", "UTC", clock.later(-9), clock.later(9))
    one, two = (delegations.add_member(records, BY, of.id, name, "sw") for name in ("Wanjiru", "Akinyi"))
    first, second = (questions.ask(records, visit.id, g.id, "printing", f"Q {g.name}", "sw", "k") for g in (one, two))
    questions.merge(records, BY, second.id, 1, first.id)
    questions.publish(records, BY, questions.answer(records, BY, first.id, 1, "Yes", "en").id, 2)
    personal.erase_member(records, BY, one.id, keep_questions=False)
    (thread,) = questions.board(records, visit.id)
    assert (thread.question.id, thread.question.state, thread.question.answer) == (second.id, State.PUBLISHED, "Yes")
    assert [each.text for each in questions.published(records, "printing")] == ["Q Akinyi"]


def test_what_is_personal_goes_when_its_time_is_over(records, tmp_path):
    visit, guest, _ = a_guest(records, tmp_path)
    ends = personal.keep_until(visit)
    assert personal.overdue(records, clock.later(-1, ends)) == ()
    assert personal.overdue(records, ends) == (guest.id,)
    again = calendar.add(
        records, BY, visit.delegation, "y", "UTC", clock.later(90000), clock.later(93600), keep_days=30
    )
    assert personal.overdue(records, ends) == ()
    assert personal.prune(records, BY, personal.keep_until(again)) == 1
    assert NAME.encode() not in files_of(records)
    assert delegations.members(records, visit.delegation) == ()


def test_files_elsewhere_go_with_their_owner(records, tmp_path):
    _, guest, _ = a_guest(records, tmp_path)
    asked = []
    done = personal.erase_member(records, BY, guest.id, keep_questions=True, uploads=lambda o: asked.append(o) or 2)
    assert (asked, done.files) == ([f"guest:{guest.id}"], 3)


def test_a_database_of_before_visits_is_brought_up_to_date(records):
    accounts.invite(records, BY, "bo@example.org", "Bo", Role.HOST)
    with database.writing(records) as connection:
        for table in reversed(metadata.sorted_tables):
            if table.name not in {"accounts", "account_links", "sessions", "audit"}:
                table.drop(connection)
        connection.exec_driver_sql("UPDATE visits_version SET version_num = '0001'")
    database._prepared.cache_clear()
    assert calendar.every(records) == ()
    assert [one.name for one in accounts.every(records)] == ["Bo"]
