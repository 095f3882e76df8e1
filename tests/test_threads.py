# SPDX-License-Identifier: Apache-2.0
"""Workers on plain threads: every piece once, the same bits on any number of threads, safe for many callers."""

import threading

import pytest

import toy_kernels
from visionvalley.kernels import threads
from visionvalley.kernels.threads import available, each_thread, set_threads


@pytest.fixture(autouse=True)
def _restored():
    before = threads.threads()
    yield
    set_threads(before)


def pieces_taken(pieces: int) -> list[int]:
    """Return every piece that some worker took."""
    taken, lock = [], threading.Lock()

    def worker(counter):
        while True:
            with lock:
                piece = int(counter[0])
                counter[0] += 1
            if piece >= pieces:
                return
            taken.append(piece)

    each_thread(worker, pieces)
    return sorted(taken)


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("pieces", [0, 1, 2, 3, 100])
def test_every_piece_is_taken_once(count, pieces):
    set_threads(count)
    assert pieces_taken(pieces) == list(range(pieces))


def test_there_are_never_more_workers_than_pieces_or_threads():
    set_threads(4)
    for pieces, most in ((0, 1), (1, 1), (3, 3), (50, 4)):
        calls = []
        each_thread(lambda counter: calls.append(threading.get_ident()), pieces)  # noqa: B023
        assert 1 <= len(calls) <= most


@pytest.mark.parametrize("failing", ["caller", "helper"])
def test_an_error_of_any_worker_reaches_the_caller(failing):
    set_threads(2)
    here, started = threading.get_ident(), threading.Event()

    def worker(counter):
        mine = "caller" if threading.get_ident() == here else "helper"
        if mine == "helper":
            started.set()
        else:
            assert started.wait(10)
        if mine == failing:
            raise ArithmeticError(mine)

    with pytest.raises(ArithmeticError, match=failing):
        each_thread(worker, 2)


def test_a_caller_does_not_wait_for_helpers_that_never_began():
    set_threads(2)
    hold, begun = threading.Event(), threading.Event()

    def slow(counter):
        begun.set()
        assert hold.wait(20)

    blockers = [threading.Thread(target=each_thread, args=(slow, 2)) for _ in range(3)]
    for blocker in blockers:
        blocker.start()
    assert begun.wait(10)
    done = threading.Thread(target=each_thread, args=(lambda counter: None, 2))
    done.start()
    done.join(10)
    alive = done.is_alive()
    hold.set()
    for blocker in blockers:
        blocker.join(20)
    assert not alive


@pytest.mark.parametrize(
    ("written", "cpus"), [("max 100000", None), ("150000 100000", 2), ("20000 100000", 1), ("?", None)]
)
def test_a_containers_grant_of_cpu_time_is_kept(tmp_path, monkeypatch, written, cpus):
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda process: set(range(64)))
    file = tmp_path / "cpu.max"
    file.write_text(written)
    assert available(file) == (cpus or 64)
    assert available(tmp_path / "absent") == 64


@pytest.mark.parametrize("written", ["two", "0", "-1", "1.5"])
def test_a_number_of_threads_that_is_none_is_refused(monkeypatch, written):
    monkeypatch.setenv("VALLEY_THREADS", written)
    with pytest.raises(ValueError, match="VALLEY_THREADS"):
        threads._wanted()


def test_many_callers_at_once_on_1_2_and_4_threads_get_the_same_bits(tmp_path):
    toy_kernels.plant(tmp_path)
    code = (
        "import threading, numpy as np\n"
        "from visionvalley.kernels.threads import each_thread, set_threads\n"
        "from visionvalley.kernels.toy import scale_worker, tenfold\n"
        "numbers = np.random.default_rng(1).normal(size=20_001)\n"
        "found = []\n"
        "def call(caller):\n"
        "    for turn in range(30):\n"
        "        out = np.zeros_like(numbers)\n"
        "        each_thread(scale_worker, 201, numbers, out)\n"
        "        found.append((out == 2 * numbers).all() and tenfold(float(caller)) == 10 * caller)\n"
        "        if caller == 0: set_threads((1, 2, 4)[turn % 3])\n"
        "callers = [threading.Thread(target=call, args=(i,)) for i in range(8)]\n"
        "for c in callers: c.start()\n"
        "for c in callers: c.join()\n"
        "print(len(found), all(found))\n"
    )
    assert toy_kernels.run(tmp_path, code) == "240 True"
