# SPDX-License-Identifier: Apache-2.0
"""Stands by the API: what they say, a live run and its files, guests' own files, who may see what, what is refused."""

import io
import json
import threading
import time
import zipfile
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from tests import visits as visiting

from visionvalley.core import Mesh
from visionvalley.hall import results, stands
from visionvalley.hall.pages import stands as pages
from visionvalley.hall.running import PUBLIC
from visionvalley.hall.security import PAGES_AT_ONCE
from visionvalley.hall.uploads import DAY_S, Uploads
from visionvalley.io.stl import write
from visionvalley.records import Wanted, database, erase, find, keep
from visionvalley.records.tables import runs
from visionvalley.runs.table import APPLICATIONS
from visionvalley.samples.simulated import DENT_M
from visionvalley.visits.values import Role

TETRAHEDRON = Mesh(
    np.array([[0, 0, 0], [0.03, 0, 0], [0, 0.02, 0], [0, 0, 0.01]]),
    np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]),
)
WORKERS = 1
SAMPLE = {"stand": "inspection", "sample": "block"}


@pytest.fixture(scope="module")
def made(here):
    """A run on the simulated sample, by somebody whom nobody knows."""
    return finished(here.visitor(), SAMPLE)


@pytest.fixture(scope="module")
def ada(here):
    return here.person()


def finished(person, asked) -> dict:
    """Begin a run and wait until it is over; return its last state."""
    begun = person.call("POST", "/runs", asked)
    assert begun.status_code == 202, begun.text
    deadline = time.monotonic() + 120
    while True:
        state = person.call("GET", f"/runs/{begun.json()['id']}").json()
        if state["phase"] in ("done", "failed", "cancelled"):
            return state
        assert time.monotonic() < deadline
        time.sleep(0.1)


def bring(person, name, data, status=201):
    headers = {"X-CSRF-Token": person.csrf, "Content-Type": "application/octet-stream"}
    answer = person.post("/api/v1/uploads", params={"name": name}, content=data, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def stl(tmp_path, mesh=TETRAHEDRON) -> bytes:
    write(tmp_path / "part.stl", mesh, "mm")
    return (tmp_path / "part.stl").read_bytes()


def test_every_stand_is_whole_and_its_application_is_there():
    assert stands.stands()
    for one in stands.stands():
        assert one.applications <= APPLICATIONS.keys()
        assert len(one.sentence) < 160, "one sentence for a minister"
        assert 1 <= one.sentence.count(".") <= 2
        assert one.page
        assert all(step.source for step in one.method)
        assert one.samples
        for sample in one.samples:
            stands.checked(APPLICATIONS[sample.application], sample.settings)
            assert not sample.files or (sample.licence and sample.source)
        assert {step.at for step in one.tour} <= {"answer", "numbers", "turn", "run", "own"}


def test_a_stand_stands_for_each_application_and_one_sample_is_always_there():
    shown = {name for one in stands.stands() for name in one.applications}
    assert shown == APPLICATIONS.keys()
    assert any(sample.simulated and not sample.files for one in stands.stands() for sample in one.samples)


def test_a_form_is_made_of_the_settings_in_millimetres():
    fields = {one.name: one for one in stands.form(APPLICATIONS["manufacturing.inspection"])}
    tolerance, alignment = fields["tolerance_m"], fields["alignment"]
    assert (tolerance.unit, tolerance.factor, tolerance.kind, tolerance.default) == ("mm", 1e3, "number", None)
    assert tolerance.high == 1e6
    assert (alignment.kind, alignment.choices) == ("choice", ("zone", "least-squares"))


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"stand": "nowhere", "sample": "block"}, "hall.no_stand"),
        ({"stand": "inspection", "sample": "nothing"}, "hall.no_sample"),
        ({"stand": "inspection"}, "hall.sample_or_files"),
        ({**SAMPLE, "files": {"scan": "0" * 16}}, "hall.sample_or_files"),
        ({**SAMPLE, "settings": {"tolerance_m": 1e-3}}, "hall.settings_fixed"),
        ({"stand": "inspection", "files": {"scan": "0" * 16}}, "hall.role_missing"),
        ({"stand": "inspection", "files": {"scan": "0" * 16, "reference": "../../etc"}}, "hall.no_upload"),
        ({"stand": "inspection", "files": {"scan": "0" * 16, "spy": "0" * 16}}, "hall.role_unknown"),
        ({"stand": "inspection", "files": {"scan": "x"}, "units": {"scan": "parsec"}}, "hall.bad_request"),
    ],
)
def test_what_cannot_be_run_is_one_clear_error(ada, asked, error):
    answer = ada.call("POST", "/runs", asked)
    assert (answer.json()["id"], answer.status_code >= 400) == (error, True)


def test_a_live_run_is_told_step_by_step_and_kept(here, made):
    assert (made["phase"], made["share"]) == ("done", 1.0)
    assert len(made["finished"]) >= 6
    (run,) = find(Wanted(owner=PUBLIC), here.hall.records)
    assert run.id == made["id"]
    assert run.keep_until
    result = here.visitor().call("GET", f"/runs/{run.id}/result").json()
    assert (result["verdict"], result["simulated"], result["stand"]) == (run.verdict, True, "inspection")
    assert result["pictures"] == ["main", "front", "right", "back", "left", "top", "bottom"]
    assert all("±" in one["text"] or "+" in one["text"] for one in result["numbers"])


def test_events_tell_a_run_to_whoever_listens(here, made):
    assert here.hall.live.last(f"runs.{made['id']}")["phase"] == "done"
    with here.visitor().stream("GET", f"/api/v1/runs/{made['id']}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        line = next(one for one in answer.iter_lines() if one.startswith("data:"))
        value = json.loads(line.removeprefix("data:"))["value"]
        assert value["finished"][0].keys() == {"en", "zh", "fr", "ar", "pt", "sw"}
        threading.Thread(target=here.hall.live.close).start()
        answer.close()
    here.hall.live._closed = False


def test_files_have_their_types_and_nothing_runs_outside_of_a_sandbox(here, made):
    visitor, base = here.visitor(), f"/api/v1/runs/{made['id']}"
    for one in visitor.get(f"{base}/result").json()["files"]:
        answer = visitor.get(f"{base}/files/{one['name']}")
        assert answer.headers["content-type"] == results.type_of(one["name"])
        assert answer.headers["content-security-policy"].startswith("sandbox")
        assert "allow-same-origin" not in answer.headers["content-security-policy"]
        assert ("attachment" in answer.headers.get("content-disposition", "")) == (one["name"] != "report.html")
        assert len(answer.content) == one["bytes"]
    picture = visitor.get(f"{base}/pictures/main")
    assert picture.content.startswith(b"\x89PNG")
    header = visitor.get(f"{base}/scene").json()
    assert header["format"] == "visionvalley-scene/2"
    assert len(visitor.get(f"{base}/scene/data").content) > 1000
    with zipfile.ZipFile(io.BytesIO(visitor.get(f"{base}/all.zip").content)) as archive:
        assert {"report.html", "result.json", "record.json"} <= set(archive.namelist())
    assert list(here.hall.folder.glob("all-*")) == []
    for name in ("..%2Frecords.sqlite", "nothing.txt", "%2Fetc%2Fpasswd"):
        assert visitor.get(f"{base}/files/{name}").status_code == 404


def test_the_latest_results_are_living_pictures(here, made):
    (latest,) = here.visitor().call("GET", "/stands/latest").json()
    assert (latest["run"], latest["stand"], latest["simulated"]) == (made["id"], "inspection", True)
    assert len(latest["numbers"]) == 3
    assert here.visitor().get(latest["picture"]).headers["content-type"] == "image/png"


def test_what_was_measured_last_is_looked_for_once_until_something_changes(here, made, monkeypatch):
    looked, public = [], results._public
    monkeypatch.setattr(results, "_public", lambda *which: looked.append(which) or public(*which))
    results._latest.cache_clear()
    guests = [threading.Thread(target=here.visitor().get, args=("/stands",)) for _ in range(6)]
    for guest in guests:
        guest.start()
    for guest in guests:
        guest.join()
    assert len(looked) == 1
    newer = replace(find(Wanted(limit=1), here.hall.records)[0], id="0" * 11 + "f", artefacts=(), owner=PUBLIC)
    keep(newer, {}, here.hall.records)  # its files are not there: the one before is shown
    assert made["id"] in here.visitor().get("/stands").text
    assert len(looked) == 2
    erase([newer.id], here.hall.records)


def test_pages_are_made_a_few_at_a_time_and_calls_do_not_wait_for_them(here, monkeypatch):
    busy, most, overview, hold = [], [], pages.overview, threading.Event()

    def slow(hall):
        busy.append(1)
        most.append(len(busy))
        hold.wait(20)
        busy.pop()
        return overview(hall)

    monkeypatch.setattr(pages, "overview", slow)
    answers = []
    guests = [threading.Thread(target=lambda one=here.visitor(): answers.append(one.get("/stands"))) for _ in range(9)]
    for guest in guests:
        guest.start()
    deadline = time.monotonic() + 20
    while len(busy) < PAGES_AT_ONCE and time.monotonic() < deadline:
        time.sleep(0.01)
    assert here.visitor().call("GET", "/session").status_code == 200
    hold.set()
    for guest in guests:
        guest.join()
    assert [one.status_code for one in answers] == [200] * 9
    assert max(most) == PAGES_AT_ONCE
    for path in ("/nowhere", "/my", "/stands/nothing", "/stands/inspection/runs/none") * 2:  # errors hand their turn on
        assert here.visitor().get(path, follow_redirects=False).status_code != 200
    assert here.visitor().get("/").status_code == 200


def test_somebody_runs_a_file_of_their_own_which_nobody_else_sees(here, ada, tmp_path):
    bo = here.person(Role.HOST, "Bo")
    one = bring(bo, "my part.stl", stl(tmp_path))
    asked = {"stand": "inspection", "files": {"scan": one["id"], "reference": one["id"]},
             "units": {"scan": "mm", "reference": "mm"}, "settings": {"tolerance_m": 1e-4}}  # fmt: skip
    assert ada.call("POST", "/runs", asked).json()["id"] == "hall.no_upload"
    state = finished(bo, asked)
    assert state["phase"] == "done", state
    run = f"/runs/{state['id']}"
    assert bo.call("GET", f"{run}/result").json()["verdict"] == "pass"
    cy = here.person(Role.GUIDE, "Cy")
    for person in (cy, here.visitor()):
        assert person.call("GET", run).status_code in (403, 404) or person.call("GET", run).json()["phase"] != "done"
        for path in ("/result", "/scene", "/all.zip", "/pictures/main", "/files/report.html"):
            assert person.call("GET", run + path).json()["id"] in ("hall.no_run",), path
        assert person.call("DELETE", run).status_code in (401, 403, 404)
    assert all(each["run"] != state["id"] for each in ada.call("GET", "/stands/latest").json())
    assert bo.call("DELETE", run).status_code == 200
    assert bo.call("GET", f"{run}/result").json()["id"] == "hall.no_run"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("../../etc/passwd.stl", "hall.bad_file_name"), ("..\\x.stl", "hall.bad_file_name"),
        ("a\x00.stl", "hall.bad_file_name"), (" .stl ", "hall.bad_file_name"), ("run.exe", "hall.wrong_type"),
        ("page.html", "hall.wrong_type"), ("part", "hall.wrong_type"), ("..", "hall.bad_file_name"),
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_and_other_types_are_refused(here, ada, name, error):
    assert bring(ada, name, b"solid", 422)["id"] == error
    assert list(here.hall.running.uploads.folder.rglob("*passwd*")) == []


def test_what_is_too_large_or_empty_leaves_nothing(here, ada):
    running = here.hall.running
    before, running.uploads = running.uploads, replace(running.uploads, largest=1000)
    try:
        assert bring(ada, "part.stl", b"x" * 1001, 413)["id"] == "hall.too_large"
        assert bring(ada, "part.stl", iter([b"x" * 600] * 3), 413)["id"] == "hall.too_large"  # its length untold
        assert bring(ada, "part.stl", b"", 422)["id"] == "hall.empty_upload"
        running.uploads = replace(before, most_each=1)
        bring(ada, "part.stl", b"x")
        assert bring(ada, "part.stl", b"x", 413)["id"] == "hall.uploads_full"
    finally:
        running.uploads = before
    (left,) = ada.call("GET", "/uploads").json()
    assert left["bytes"] == 1
    assert ada.call("DELETE", f"/uploads/{left['id']}").status_code == 200
    assert [one for one in before.folder.rglob("*") if one.is_file()] == [] or ada.call("GET", "/uploads").json() == []


def bomb() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("3D/3dmodel.model", b"0" * (300 << 20))
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("bomb.3mf", bomb, "io.bomb"),
        ("lies.stl", lambda: b"\0" * 80 + (4_000_000_000).to_bytes(4, "little") + b"\0" * 50, "io."),
        ("picture.ply", lambda: b"\x89PNG\r\n\x1a\n" + b"\0" * 200, "io."),
        ("nothing.obj", lambda: b"f 1 2 99999999999\n", "io."),
    ],
)
def test_hostile_files_are_refused_with_the_one_error(here, ada, tmp_path, name, data, error):
    part, scan = bring(ada, "part.stl", stl(tmp_path)), bring(ada, name, data())
    asked = {"stand": "inspection", "files": {"scan": scan["id"], "reference": part["id"]},
             "units": {"scan": "mm", "reference": "mm"} if name != "bomb.3mf" else {"reference": "mm"}}  # fmt: skip
    state = finished(ada, asked)
    assert state["phase"] == "failed"
    assert state["error"]["id"].startswith(error), state["error"]
    assert str(here.hall.records.folder) not in state["error"]["what"]
    assert ada.call("GET", f"/runs/{state['id']}/result").json()["id"] == state["error"]["id"]


def test_nobody_unknown_brings_files(here):
    visitor = here.visitor()
    answer = visitor.post("/api/v1/uploads", params={"name": "part.stl"}, content=b"x")
    assert (answer.status_code, answer.json()["id"]) == (401, "hall.sign_in")


def test_files_go_when_their_days_are_over_and_with_their_owner(tmp_path):
    async def pieces():
        yield b"abc"

    import asyncio

    uploads = Uploads(tmp_path / "uploads", days=1)
    old, kept = (asyncio.run(uploads.receive("guest:a", f"{n}.stl", pieces())) for n in range(2))
    assert uploads.path("guest:a", old.id).read_bytes() == b"abc"
    about = uploads.path("guest:a", old.id).parent.with_suffix(".json")
    about.write_text(json.dumps(json.loads(about.read_text()) | {"until": time.time() - DAY_S}))
    uploads.prune()
    assert [one.id for one in uploads.every("guest:a")] == [kept.id]
    assert uploads.erase("guest:b") == 0
    assert uploads.erase("guest:a") == 1
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []


def own(here, person, tmp_path, *names):
    """Bring files and run on them: the first is the scan, the last the reference; return their ids and the run's."""
    files = [bring(person, name, stl(tmp_path))["id"] for name in names]
    asked = {"stand": "inspection", "files": {"scan": files[0], "reference": files[-1]},
             "units": {"scan": "mm", "reference": "mm"}}  # fmt: skip
    return files, finished(person, asked)["id"]


def left(here, person, name):
    """Return how many files of a person there are, runs, and traces of a file's name."""
    owner = f"account:{here.account(Role.GUIDE, name).id}"
    return (
        len(person.call("GET", "/uploads").json()),
        len(find(Wanted(owner=owner), here.hall.records)),
        len(list(here.hall.records.folder.rglob(f"{name}*"))),
    )


def test_files_go_with_their_run_and_a_run_with_its_files(here, tmp_path):
    dan = here.person(Role.GUIDE, "Dan")
    (scan, _), run = own(here, dan, tmp_path, "Dan scan.stl", "Dan part.stl")
    assert left(here, dan, "Dan")[:2] == (2, 1)
    (record,) = [one for one in find(Wanted(limit=5), here.hall.records) if one.id == run]
    ends = min(one["until"] for one in dan.call("GET", "/uploads").json())
    assert abs(datetime.fromisoformat(record.keep_until).timestamp() - ends) < 60
    assert dan.call("DELETE", f"/uploads/{scan}").status_code == 200
    assert left(here, dan, "Dan")[:2] == (0, 0)  # the reference was brought for that run
    own(here, dan, tmp_path, "Dan again.stl")
    (second,), run = own(here, dan, tmp_path, "Dan other.stl")
    assert dan.call("DELETE", f"/runs/{run}").status_code == 200
    assert left(here, dan, "Dan")[:2] == (1, 1)  # the other run and its file stay
    assert second not in [one["id"] for one in dan.call("GET", "/uploads").json()]


def test_what_is_over_its_days_goes_together(here, tmp_path):
    running, eve = here.hall.running, here.person(Role.GUIDE, "Eve")
    (old,), _ = own(here, eve, tmp_path, "Eve old.stl")
    _, run = own(here, eve, tmp_path, "Eve new.stl")
    owner = f"account:{here.account(Role.GUIDE, 'Eve').id}"
    about = running.uploads.path(owner, old).parent.with_suffix(".json")
    about.write_text(json.dumps(json.loads(about.read_text()) | {"until": time.time() - 1}))
    running.prune()
    assert left(here, eve, "Eve")[:2] == (1, 1)  # the run held a copy of the file
    with database.writing(here.hall.records) as connection:
        connection.execute(runs.update().where(runs.c.id == run).values(keep_until="2026-01-01T00:00:00+00:00"))
    running.prune()
    assert left(here, eve, "Eve") == (0, 0, 0)


def test_a_comparison_is_shown_without_any_data(here):
    state = finished(here.visitor(), {"stand": "comparison", "sample": "dent"})
    assert state["phase"] == "done", state
    told = here.visitor().get(f"/api/v1/runs/{state['id']}/result", headers={"Accept-Language": "fr"}).json()
    assert (told["simulated"], told["verdict"], told["stand"]) == (True, "fail", "comparison")
    (dent,) = told["features"]
    assert dent["measured"]["name"] == "Zone 1"
    low, high = dent["measured"]["interval_95"]
    assert low < DENT_M < high
    page = here.visitor().get("/stands/comparison").text
    assert 'class="simulated"' in page
    assert "−0.25 mm" in page


def test_a_guest_who_is_erased_leaves_neither_files_nor_runs(here, tmp_path):
    member = visiting.arrive(here.hall.records).guests["en"]
    guest = here.holding(visiting.guest_session(here.hall.records, member))
    one = bring(guest, "secret shape.stl", stl(tmp_path))
    asked = {"stand": "inspection", "files": {"scan": one["id"], "reference": one["id"]},
             "units": {"scan": "mm", "reference": "mm"}}  # fmt: skip
    kept = finished(guest, asked)["id"]
    guest.call("POST", "/runs", asked)  # is under way while its guest goes
    owner = f"guest:{member.id}"
    assert [run.id for run in find(Wanted(owner=owner), here.hall.records)] == [kept]
    told = here.person().call("DELETE", f"/members/{member.id}")
    assert told.status_code == 200, told.text
    assert find(Wanted(owner=owner), here.hall.records) == ()
    assert here.hall.running.uploads.every(owner) == ()
    assert list(here.hall.records.folder.rglob("secret*")) == []
    assert here.hall.running.workers.of(owner) == ()


def test_a_run_is_stopped_by_who_began_it_and_by_the_house(here, ada):
    begun = here.visitor().call("POST", "/runs", SAMPLE).json()
    cy = here.person(Role.GUIDE, "Cy")
    assert cy.call("DELETE", f"/runs/{begun['id']}").status_code == 200
    deadline = time.monotonic() + 20
    while (phase := ada.call("GET", f"/runs/{begun['id']}").json()["phase"]) != "cancelled":
        assert phase in ("waiting", "working")
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_tour_is_for_guides(here):
    cy = here.person(Role.GUIDE, "Cy")
    assert cy.get("/tour", follow_redirects=False).headers["location"] == "/stands/inspection?tour=1"
    assert 'class="tour"' in cy.get("/stands/inspection?tour=1").text
    assert 'class="tour"' not in here.visitor().get("/stands/inspection?tour=1").text
    assert here.visitor().get("/tour", follow_redirects=False).headers["location"].startswith("/sign-in")
