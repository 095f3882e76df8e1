# SPDX-License-Identifier: Apache-2.0
"""Worker processes: warm, in turn, held to limits; a run that goes wrong has one error, and the next goes on."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from visionvalley.core import BadInput, text
from visionvalley.records import Records, Wanted, find, one
from visionvalley.runs.conditions import new_id
from visionvalley.runs.orders import Course, Limits, Order, Phase, Queue
from visionvalley.runs.workers import Workers

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module", autouse=True)
def _workers_find_the_tests():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
        yield


class Crew:
    """Workers, and what they told."""

    def __init__(self, folder, **about):
        self.told, self.waiting = [], set()
        self.workers = Workers(
            Records(folder / "records", patience_s=5.0), folder / "work", tell=self.told.append, threads=1,
            waited_for=lambda id: id not in self.waiting, applications="tests.jobs",
            **{"count": 1, "limits": Limits(1 << 30, seconds=20, file_bytes=4 << 20, open_files=200)} | about,
        )  # fmt: skip
        self.workers.start()

    def order(self, owner="guest:a", watched=True, **arguments):
        made = Order(new_id(), owner, "toy.run", arguments, watched=watched)
        self.workers.submit(made)
        return made.id

    def until(self, id, *phases):
        deadline = time.monotonic() + 60
        while self.workers.state(id).phase not in phases:
            assert time.monotonic() < deadline, self.workers.state(id)
            time.sleep(0.02)
        return self.workers.state(id)

    def over(self, id):
        return self.until(id, Phase.DONE, Phase.FAILED, Phase.CANCELLED)

    def run(self, **arguments):
        return self.over(self.order(**arguments))

    @property
    def records(self):
        return self.workers.records


@pytest.fixture(scope="module")
def crew(tmp_path_factory):
    made = Crew(tmp_path_factory.mktemp("crew"))
    yield made
    made.workers.close()
    assert not made.workers.work.exists()


def test_a_run_is_made_told_and_kept(crew):
    state = crew.run(seconds=0.6)
    assert state.phase is Phase.DONE
    assert [stage.id for stage in state.finished] == ["runs.read", "runs.simulate", "runs.write", "runs.record"]
    kept = one(state.id, crew.records)
    assert (kept.id, kept.owner, kept.verdict, kept.application) == (state.id, "guest:a", "pass", "toy.run")
    assert kept.results["measurements"][0]["value"] == 1e-3
    assert any(told.phase is Phase.WORKING and told.stage and told.stage.id == "runs.read" for told in crew.told)
    assert list(crew.workers.work.iterdir()) == []


def test_a_worker_gives_way_to_who_started_it(crew):
    """In a session of its own it would not, where Linux shares the CPUs among sessions (sched_autogroup)."""
    assert crew.run().phase is Phase.DONE
    (pid,) = crew.workers.ready
    assert os.getpriority(os.PRIO_PROCESS, pid) == 15
    assert os.getsid(pid) == os.getsid(0)
    assert os.getpgid(pid) == pid  # whatever it starts is ended with it


def test_a_warm_worker_makes_one_run_after_the_other(crew, tmp_path):
    for _ in range(2):
        assert crew.run(note=str(tmp_path / "note")).phase is Phase.DONE
    first, second = (json.loads(line)[1] for line in (tmp_path / "note").read_text().splitlines())
    assert first == second


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("bomb", "runs.too_much_memory"), ("crash", "runs.worker_ended"), ("wide", "runs.broken_off"),
        ("many", "runs.broken_off"), ("fault", "runs.broken_off"),
    ],
)  # fmt: skip
def test_what_nobody_should_do_is_one_clear_error_and_nothing_is_left(crew, tmp_path, kind, error):
    before = find(Wanted(), crew.records)
    state = crew.run(kind=kind, to=str(tmp_path / "wide"))
    assert (state.phase, state.error.message.id) == (Phase.FAILED, error)
    assert all(state.error.render())
    assert "secret" not in str(state.error)
    assert len(find(Wanted(), crew.records)) == len(before)
    assert list(crew.workers.work.iterdir()) == []
    assert crew.run().phase is Phase.DONE  # the next guest sees nothing of it


def test_a_killed_worker_is_told_and_another_takes_its_place(crew):
    killed = crew.order(seconds=30)
    crew.until(killed, Phase.WORKING)
    (pid,) = crew.workers.ready
    os.kill(pid, signal.SIGKILL)
    state = crew.over(killed)
    assert (state.phase, state.error.message.id) == (Phase.FAILED, "runs.worker_ended")
    assert "SIGKILL" in state.error.what
    assert crew.run().phase is Phase.DONE
    assert crew.workers.ready != (pid,)
    os.kill(*crew.workers.ready, signal.SIGKILL)  # while it has nothing to do: nobody notices
    assert crew.run().phase is Phase.DONE


def test_cancelling_stops_what_runs_and_what_waits(crew):
    running, waiting = crew.order(seconds=30), crew.order(seconds=30)
    crew.until(running, Phase.WORKING)
    assert crew.workers.state(waiting).place == 1
    crew.workers.cancel(waiting)
    assert crew.workers.state(waiting).phase is Phase.CANCELLED
    began = time.monotonic()
    crew.workers.cancel(running)
    assert crew.over(running).phase is Phase.CANCELLED
    assert time.monotonic() - began < 2
    assert find(Wanted(owner="guest:a"), crew.records)[0].id not in {running, waiting}


def test_a_run_that_nobody_waits_for_ends(crew):
    crew.workers.abandoned_s = 0.5
    left, kept = crew.order(seconds=30), crew.order(owner="guest:b", seconds=0.8, watched=False)
    crew.until(left, Phase.WORKING)
    crew.waiting |= {left, kept}
    assert crew.over(left).phase is Phase.CANCELLED
    assert crew.over(kept).phase is Phase.DONE
    crew.waiting.clear()


def test_guests_are_served_in_turn(crew, tmp_path):
    path = tmp_path / "note"
    note = str(path)
    first = crew.order(owner="guest:z", seconds=0.5)
    crew.until(first, Phase.WORKING)
    ids = [crew.order(owner=f"guest:{who}", note=note, who=who) for who in "aaabbc"]
    assert [crew.workers.state(one).place for one in ids] == [1, 4, 6, 2, 5, 3]
    with pytest.raises(BadInput) as caught:
        crew.order(owner="guest:a")
    assert caught.value.message.id == "runs.too_many_waiting"
    assert all(crew.over(one).phase is Phase.DONE for one in ids)
    assert [json.loads(line)[0] for line in path.read_text().splitlines()] == list("abcaba")


def test_a_run_that_takes_too_long_is_ended(tmp_path):
    crew = Crew(tmp_path, limits=Limits(seconds=0.5))
    try:
        state = crew.run(seconds=30)
        assert (state.phase, state.error.message.id) == (Phase.FAILED, "runs.took_too_long")
    finally:
        crew.workers.close()
    assert threading.active_count() < 20


def test_a_queue_that_is_full_says_so():
    queue = Queue(most=2)
    for owner in "ab":
        queue.put(Order(new_id(), owner, "toy.run"))
    with pytest.raises(BadInput) as caught:
        queue.put(Order(new_id(), "c", "toy.run"))
    assert caught.value.message.id == "runs.queue_full"
    assert [queue.take().owner, queue.take().owner, queue.take()] == ["a", "b", None]


def test_the_share_grows_by_steps_by_the_clock_and_never_says_that_all_is_done():
    course = Course({"runs.read": 1.0, "runs.write": 3.0})
    shares = [course.share(0.0)]
    course.begin(text("runs.read"), 4, 0.0)
    course.advance(2)
    shares.append(course.share(0.1))
    course.end()
    course.begin(text("runs.write"), None, 1.0)
    shares += [course.share(now) for now in (1.0, 2.5, 99.0)]
    course.end()
    shares.append(course.share(100.0))
    assert shares == pytest.approx([0.0, 0.125, 0.25, 0.625, 0.25 + 0.9 * 0.75, 0.99])
    assert Course({}).share(0.0) is None
