# SPDX-License-Identifier: Apache-2.0
"""A welcome screen left alone: a simulated week in real Chromium, the hall killed and opened again in between.

    python -m bench.soak [DAYS]

Hall and page live by one simulated clock, which goes on by five minutes a step; the page's own second hand moves every
ten seconds of it. At each step the visit on the wall must be the one of that time; at the end heap, DOM nodes and
listeners are compared with those of the first day.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests import browser as browsers
from tests import welcome as guests

from visionvalley.hall import serving
from visionvalley.hall.settings import Hall
from visionvalley.records import Records
from visionvalley.visits import clock
from visionvalley.visits.plans import Activity

STEP_S, HAND_S = 300, 10
BEGIN = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
PATIENCE_S = 60
OUTAGE_STEPS = 48  # four hours, with the end of a visit and the begin of another
MORE_HEAP_BYTES, MORE_NODES = 1 << 20, 400
PAGE = """
window.soak = { at: %d, hands: [] };
Date.now = () => window.soak.at;
const real = window.setInterval;
window.setInterval = (call, each) => each === 1000 ? window.soak.hands.push(call) : real(call, each);
window.soak.go = (seconds) => { for (let s = 0; s < seconds; s += %d) {
  window.soak.at += %d; for (const hand of window.soak.hands) hand(); } };
"""
ENTRIES = ((Activity.TALK, "Opening", 0, 1800, "Nile room"), (Activity.STAND, "Inspection", 1800, 7200, "inspection"))


@dataclass(frozen=True, slots=True)
class Used:
    """What the page holds after its rubbish was thrown away."""

    heap_bytes: int
    nodes: int
    listeners: int
    documents: int


def main(days: float) -> None:
    """Live through the days, and say what was seen."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as made, browsers.opened(Path(made) / "profile") as browser:
        folder, port = Path(made), _free_port()
        (folder / "clock").write_text(clock.written(BEGIN))
        _live_by(folder / "clock")
        records = Records(folder / "records", patience_s=5.0)
        token, _ = guests.screen(records)
        visits = [_visit(records, folder, day, hour) for day in range(int(days) + 1) for hour in (8, 13)]
        hall = _open(folder, port)
        try:
            page = _page(browser, port, token)
            wrong, first, last, hall = _week(page, folder, visits, round(days * 86400 / STEP_S), hall, port)
        finally:
            hall.kill()
            hall.wait()
    steps = round(days * 86400 / STEP_S)
    print(f"{days:g} days, {steps} steps in {time.monotonic() - begun:.0f} s; wrong visit: {wrong}")
    print(f"first day {first}\nlast day  {last}")
    if wrong or last.heap_bytes - first.heap_bytes > MORE_HEAP_BYTES or last.nodes - first.nodes > MORE_NODES:
        raise SystemExit("the screen did not hold out")


def _week(
    page: Any, folder: Path, visits: list[Any], steps: int, hall: Any, port: int
) -> tuple[int, Used, Used, subprocess.Popen[bytes]]:
    """Go through the steps; return how often the visit was wrong, what was used, and the hall as it is open now."""
    wrong, first, killed = 0, None, steps // 2 - (steps // 2) % 288 + 130  # of a day: 10:50
    for step in range(1, steps + 1):
        at = clock.written(BEGIN + timedelta(seconds=step * STEP_S))
        (folder / "next").write_text(at)
        (folder / "next").replace(folder / "clock")
        page.evaluate(f"window.soak.go({STEP_S})")
        shown = page.evaluate("document.body.dataset.visit")
        expected = [one.id for one in visits if one.begins <= at < one.ends]
        if shown != (expected or [""])[0]:
            wrong += 1
            print(f"{at}: shows {shown!r}, expected {expected}")
        if step == min(288, steps // 2):
            first = _used(page)
        if step == killed:
            hall.send_signal(signal.SIGKILL)
            hall.wait()
        if step == killed + OUTAGE_STEPS:
            lost = not page.evaluate("document.getElementById('lost').hidden")
            hall = _open(folder, port)
            print(f"four hours without the hall: the sign was {'shown' if lost else 'NOT SHOWN'}")
            wrong += not lost
            _until(page, "document.getElementById('lost').hidden")
    last = _used(page)
    return wrong, first or last, last, hall


def _used(page: Any) -> Used:
    for _ in range(3):
        page.call("HeapProfiler.collectGarbage")
    heap, dom = page.call("Runtime.getHeapUsage"), page.call("Memory.getDOMCounters")
    return Used(round(heap["usedSize"]), dom["nodes"], dom["jsEventListeners"], dom["documents"])


def _until(page: Any, condition: str) -> None:
    """Let the page's second hand move until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not page.evaluate(f"window.soak.hands.forEach((hand) => hand()); Boolean({condition})"):
        if time.monotonic() > deadline:
            raise SystemExit(f"never: {condition}")
        page.evaluate("window.soak.at += 0")
        time.sleep(0.1)


def _visit(records: Records, folder: Path, day: int, hour: int) -> Any:
    """Plan a visit of four hours; times are told by the clock of that moment."""
    (folder / "clock").write_text(clock.written(BEGIN + timedelta(days=day, hours=hour)))
    made = guests.arrive(records, f"Delegation {day} {hour}", entries=ENTRIES, begins_s=0, ends_s=4 * 3600)
    (folder / "clock").write_text(clock.written(BEGIN))
    return made


def _page(browser: browsers.Browser, port: int, token: str) -> Any:
    url = f"http://127.0.0.1:{port}"
    browser.call("Storage.setCookies", cookies=[{"name": "valley_session", "value": token, "url": url}])
    script = PAGE % (round(BEGIN.timestamp() * 1000), HAND_S, HAND_S * 1000)
    page = browser.page(f"{url}/welcome", 1280, 720, before=script)
    page.wait("document.querySelector('#greeting h1')")
    return page


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _open(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Open a hall in a process of its own; return when it answers."""
    hall = subprocess.Popen([sys.executable, "-m", "bench.soak", "--serve", str(folder), str(port)])
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return hall
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _live_by(file: Path) -> None:
    """Have this process live by the simulated clock."""

    def now() -> str:
        return file.read_text()

    def later(seconds_s: float, since: str | None = None) -> str:
        return clock.written(datetime.fromisoformat(since or now()) + timedelta(seconds=seconds_s))

    clock.now, clock.later = now, later


def _serve(folder: Path, port: int) -> None:
    _live_by(folder / "clock")
    hall = Hall(Records(folder / "records", patience_s=5.0))
    serving.serve(hall, serving.bound(port, lan=False, exact=True), lambda _opened: None)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        _serve(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 7.0)
