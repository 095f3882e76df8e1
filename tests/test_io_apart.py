# SPDX-License-Identifier: Apache-2.0
"""A library that crashes, hangs or fills the memory harms the process that reads one file, and nothing else."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from visionvalley.core import BadInput
from visionvalley.io import apart

READ, PIECES = "hostile:read", "hostile:pieces"


@pytest.fixture(autouse=True)
def reader(monkeypatch):
    here = str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))
    yield
    apart.end()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "bad.step"
    path.write_bytes(b"anything")
    return path


def processes(file):
    return apart.call(file, READ, "processes").tolist()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("crash", "io.crashed"),
        ("leave", "io.crashed"),
        ("hang", "io.took_too_long"),
        ("fill", "io.took_too_long"),
        ("complain", "io.refused_by_library"),
        ("refuse", "io.truncated"),
    ],
)
def test_whatever_the_library_does_is_one_clear_error_and_the_next_file_is_read(how, message, file):
    server = processes(file)[0]
    with pytest.raises(BadInput) as raised:
        apart.call(file, READ, how, memory_bytes=1 << 28, time_s=0.5)
    assert raised.value.message.id == message
    assert raised.value.message.parameters["path"] == file
    assert "{" not in "".join(raised.value.render())
    assert processes(file)[0] == server


def test_what_it_says_and_raises_comes_through_as_it_was(file):
    with pytest.raises(BadInput, match="7 points are announced, 3 are there"):
        apart.call(file, READ, "refuse")
    with pytest.raises(BadInput, match="STEP file: the library says no"):
        apart.call(file, READ, "complain")
    np.testing.assert_array_equal(apart.call(file, READ, "talk"), np.arange(5.0))


def test_every_file_meets_a_fresh_copy_of_what_was_loaded_once(file):
    (server, first, seen), (again, second, seen_again) = processes(file), processes(file)
    assert server == again
    assert len({server, first, second, os.getpid()}) == 4
    assert seen == seen_again == 2


def test_a_relative_path_is_of_the_folder_where_the_caller_is_now(file, monkeypatch):
    processes(file)
    monkeypatch.chdir(file.parent)
    np.testing.assert_array_equal(apart.call(Path(file.name), READ, "fine"), np.arange(5.0))
    with pytest.raises(BadInput) as raised:
        apart.call(Path(file.name), READ, "refuse")
    assert raised.value.message.parameters["path"] == Path(file.name)


def test_threads_read_at_the_same_time(file):
    with ThreadPoolExecutor(4) as pool:
        hanging = pool.submit(apart.call, file, READ, "hang", time_s=2)
        assert len(set(map(str, pool.map(lambda _: processes(file), range(6))))) == 6
        assert not hanging.done()
        with pytest.raises(BadInput, match="time"):
            hanging.result()


def test_a_server_that_has_ended_is_replaced(file):
    server = processes(file)[0]
    os.kill(server, signal.SIGKILL)
    assert processes(file)[0] != server


def test_no_process_stays_behind(file):
    code = f"from pathlib import Path; from visionvalley.io import apart; p = Path({str(file)!r})\n"
    code += f"print(int(apart.call(p, {READ!r}, 'processes')[0]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    deadline = time.monotonic() + 5
    while Path(f"/proc/{int(done.stdout)}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path(f"/proc/{int(done.stdout)}").exists()
    assert done.stderr == ""


def test_a_server_ends_when_whom_it_serves_was_killed(file):
    code = f"import os; from pathlib import Path; from visionvalley.io import apart; p = Path({str(file)!r})\n"
    code += f"print(int(apart.call(p, {READ!r}, 'processes')[0]), flush=True); os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    deadline = time.monotonic() + 5
    while Path(f"/proc/{int(done.stdout)}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path(f"/proc/{int(done.stdout)}").exists()


WHOLE = np.tile(np.arange(5), 3).tobytes()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("crash", "io.crashed"),
        ("fine", "io.crashed"),  # it just ends, with fewer bytes than were asked for
        ("hang", "io.took_too_long"),
        ("complain", "io.refused_by_library"),
        ("refuse", "io.truncated"),
    ],
)
def test_a_stream_gives_what_came_before_and_says_why_no_more_does(how, message, file):
    with apart.stream(file, PIECES, how, time_s=0.5) as bytes_of:
        assert bytes_of(7) + bytes_of(len(WHOLE) - 7) == WHOLE
        with pytest.raises(BadInput) as raised:
            bytes_of(1)
        assert raised.value.message.id == message
    with apart.stream(file, PIECES, "fine") as bytes_of:
        assert bytes_of(len(WHOLE)) == WHOLE


def test_a_stream_of_more_than_a_pipe_holds_comes_whole(file):
    with apart.stream(file, PIECES, "fine", 1 << 20) as bytes_of:
        assert bytes_of(24 << 20) == np.tile(np.arange(1 << 20), 3).tobytes()


def test_whoever_leaves_a_stream_early_need_not_wait(file):
    began = time.monotonic()
    for how in ("hang", "fine"):
        with apart.stream(file, PIECES, how, 1 << 20, time_s=60) as bytes_of:
            bytes_of(3)
        with pytest.raises(ZeroDivisionError), apart.stream(file, PIECES, how) as bytes_of:
            assert len(bytes_of(3)) / 0
    assert time.monotonic() - began < 30
    with apart.stream(file, PIECES, "fine") as bytes_of:
        assert bytes_of(len(WHOLE)) == WHOLE
