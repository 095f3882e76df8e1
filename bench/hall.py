# SPDX-License-Identifier: Apache-2.0
"""Fill the hall with a delegation of 200 guests, and kill it while they write; count what was lost.

    python -m bench.hall                        # five minutes of guests; about seven in all
    python -m bench.hall --minutes 1 --guests 50

A real `valley hall` in a process of its own, with a fresh folder; the guests are here, each with a connection of their
own and one for live updates. Times are those of the guests, from asking to the last byte. The exit code is 1 where
something was slower than asked, refused, or lost.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from visionvalley.records import Records
from visionvalley.visits import accounts, calendar, clock, database, delegations, house, invitations, programme, tables
from visionvalley.visits.plans import Activity, Entry, Visit
from visionvalley.visits.sessions import begin as begin_session
from visionvalley.visits.values import SYSTEM, Kind, Role

ROOT = Path(__file__).parent.parent
START = "import sys; from visionvalley.cli.main import main; sys.argv[0] = 'valley'; main()"
HEAD = f"{'what':<62}{'count':>7}{'p50, ms':>9}{'p95, ms':>9}{'max, ms':>9}{'errors':>8}  asked"
PAGES = ("/my", "/my/code", "/my/questions", "/ask", "/stands", "/stands/inspection")
LANGUAGES = ("en", "fr", "ar", "zh", "pt", "sw")
ARRIVE_S, LET_IN_S, EACH_S = 2.0, 12.0, 10.0
QUESTIONS_PER_MINUTE = 50.0
TOGETHER = 2  # runs that compute at once
WRITERS, WRITE_S, ROUNDS = 20, 4.0, 25
CUT = "cut off"
TRUST = ssl.create_default_context()


@dataclass(slots=True)
class Row:
    """What was measured of one thing: seconds of each answer, and what went wrong; `asked_s`: of the 95th percent."""

    name: str
    asked_s: float = math.inf
    asked: str = ""
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def at(self, share: float) -> float:
        """Return the time within which so many were answered (nearest rank), seconds."""
        ordered = sorted(self.seconds) or [math.nan]
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    @property
    def reached(self) -> bool:
        """Whether all is as asked."""
        return bool(self.seconds) and not self.errors and self.at(0.95) < self.asked_s

    def line(self) -> str:
        """Write one line of the table."""
        times = "".join(f"{self.at(share) * 1e3:>9.0f}" for share in (0.5, 0.95, 1.0))
        asked = self.asked or (f"p95 < {self.asked_s * 1e3:.0f} ms" if self.asked_s < math.inf else "no error")
        mark = "yes" if self.reached else "NO"
        return f"{self.name:<62}{len(self.seconds):>7}{times}{len(self.errors):>8}  {asked}: {mark}"


@dataclass(slots=True, eq=False)
class Browser:
    """Somebody's browser, with connections of its own."""

    client: httpx.AsyncClient
    member: str = ""
    csrf: str = ""

    async def call(self, method: str, path: str, json: Any = None) -> httpx.Response:
        """Do what form.js does."""
        return await self.client.request(method, path, json=json, headers={"X-CSRF-Token": self.csrf})

    async def ask(self, row: Row, method: str, path: str, json: Any = None, due: int = 200) -> httpx.Response | None:
        """Ask and note how long the answer took; None where none came, or with another status than is due."""
        begun = time.perf_counter()
        try:
            answer = await self.call(method, path, json)
        except httpx.HTTPError as error:
            row.errors.append(f"{CUT}: {method} {path} ({type(error).__name__})")
            return None
        row.seconds.append(time.perf_counter() - begun)
        if answer.status_code != due:
            row.errors.append(f"{method} {path}: {answer.status_code} {answer.text[:120]}")
            return None
        return answer


def browser(url: str, token: str = "") -> Browser:
    """Return a browser, with the cookie of a session where there is one."""
    cookies = {"valley_session": token} if token else None
    return Browser(httpx.AsyncClient(base_url=url, verify=TRUST, timeout=60, cookies=cookies))


@dataclass(slots=True)
class Valley:
    """`valley hall` in a process of its own."""

    records: Records
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def begin(self) -> None:
        """Start it, and wait until it answers."""
        env = {**os.environ, "VALLEY_RECORDS": str(self.records.folder), "NO_COLOR": "1"}
        command = [sys.executable, "-c", START, "hall", "--port", str(self.port), "--quiet"]
        begun = self.process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and begun.poll() is None:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/api/v1/session").status_code == 200:
                    return
            time.sleep(0.05)
        raise SystemExit("the hall did not open")

    def end(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(30)


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Delegation:
    """A visit that is in the house now, the tokens of its guests' invitations by member, and one of its entries."""

    visit: Visit
    tokens: dict[str, str]
    entry: Entry


def delegation(records: Records, guests: int) -> Delegation:
    """Make a visit that began an hour ago, with a programme and invited guests."""
    begins = clock.later(-3600)
    visit = calendar.receive(records, SYSTEM, "A large delegation", "Africa/Nairobi", begins, clock.later(9 * 3600))
    tokens = {}
    for n in range(guests):
        code = LANGUAGES[n % len(LANGUAGES)]
        one = delegations.add_member(records, SYSTEM, visit.delegation, f"Guest {n}", code, title="Engineer")
        tokens[one.id] = invitations.invite(records, SYSTEM, visit.id, one.id)[1]
    room = house.add_room(records, SYSTEM, "Nile room", guests).id
    entries = []
    for n in range(10):
        times = clock.later(n * 1800, visit.begins), clock.later(n * 1800 + 1500, visit.begins)
        entries.append(programme.add(records, SYSTEM, visit.id, Activity.TALK, f"Talk {n}", *times, room=room))
    return Delegation(visit, tokens, entries[5])


async def spread(over_s: float, actions: list[Callable[[], Awaitable[None]]]) -> None:
    """Begin all actions within a time, evenly; return when all are done."""

    async def one(wait_s: float, action: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(wait_s)
        await action()

    waits = [over_s * n / len(actions) for n in range(len(actions))]
    await asyncio.gather(*(one(*pair) for pair in zip(waits, actions, strict=True)))


async def arrive(url: str, invited: Delegation, size: str) -> tuple[list[Row], list[Browser]]:
    """Let guests open their invitations, come in, and open their pages all at once."""
    look = Row(f"{size} open their invitation within {ARRIVE_S:g} s", 2.0)
    follow = Row(f"{size} follow it within {LET_IN_S:g} s")
    open_page = Row(f"{size} signed in open their page within {ARRIVE_S:g} s", 2.0)
    guests = {member: browser(url) for member in invited.tokens}

    async def come(member: str, token: str) -> None:
        guest = guests[member]
        answer = await guest.ask(follow, "POST", "/api/v1/guest", {"token": token})
        if answer is not None:
            guest.member, guest.csrf = member, answer.json()["csrf"]

    def looking(guest: Browser, row: Row, path: str) -> Callable[[], Awaitable[None]]:
        async def act() -> None:
            await guest.ask(row, "GET", path)

        return act

    await spread(ARRIVE_S, [looking(guests[m], look, f"/invited/{token}") for m, token in invited.tokens.items()])
    await spread(LET_IN_S, [partial(come, *pair) for pair in invited.tokens.items()])
    there = [one for one in guests.values() if one.member]
    await spread(ARRIVE_S, [looking(one, open_page, "/my") for one in there])
    return [look, follow, open_page], there


async def visit(guests: list[Browser], seconds: float) -> tuple[list[Row], list[str]]:
    """Let guests look at pages and ask, beside runs that compute; return also the keys of the questions accepted."""
    end, accepted = time.monotonic() + seconds, list[str]()
    pages = Row(f"{len(guests)} guests, a page each {EACH_S:g} s", 0.5)
    asking = Row(f"{QUESTIONS_PER_MINUTE:g} questions a minute", 0.5)
    running = Row(f"states of {TOGETHER} runs that compute meanwhile", 0.5)
    done: list[str] = []
    listeners = [asyncio.create_task(listen(one, pages)) for one in guests]
    await asyncio.gather(
        *(look_around(one, n, len(guests), end, pages) for n, one in enumerate(guests)),
        ask_questions(guests, end, asking, accepted),
        *(compute(guests[n], end, running, done) for n in range(TOGETHER)),
    )
    pages.errors += ["live updates ended" for one in listeners if one.done()]
    for one in listeners:
        one.cancel()
    running.name += f" ({len(done)} done)"
    return [pages, asking, running], accepted


async def look_around(guest: Browser, n: int, of: int, end: float, row: Row) -> None:
    """Open one page after the other; each guest begins at another moment, and with another page."""
    due = time.monotonic() + EACH_S * n / of
    while due < end:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        await guest.ask(row, "GET", PAGES[n % len(PAGES)])
        due, n = due + EACH_S, n + 1


async def listen(guest: Browser, row: Row) -> None:
    """Hold a connection for live updates, as an open page does."""
    try:
        async with guest.client.stream("GET", f"/api/v1/live?topic=guest.{guest.member}", timeout=None) as answer:
            async for _ in answer.aiter_bytes():
                pass
    except httpx.HTTPError as error:
        row.errors.append(f"live: {type(error).__name__}")


async def ask_questions(guests: list[Browser], end: float, row: Row, accepted: list[str]) -> None:
    """Ask at random moments (Poisson); the sum is what is asked of the hall."""
    chance, due, open_tasks = random.Random(4), time.monotonic(), set[asyncio.Task[None]]()
    while (due := due + chance.expovariate(QUESTIONS_PER_MINUTE / 60.0)) < end:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        open_tasks.add(asyncio.create_task(put(chance.choice(guests), row, accepted, f"asked-{len(open_tasks):06}")))
    await asyncio.gather(*open_tasks)


async def put(guest: Browser, row: Row, accepted: list[str], key: str) -> None:
    """Ask one question; note its key when it is accepted."""
    sent = {"text": f"How sure is this number? ({key})", "stand": "inspection", "key": key}
    if await guest.ask(row, "POST", "/api/v1/guest/questions", sent, 201) is not None:
        accepted.append(key)


async def compute(guest: Browser, end: float, row: Row, done: list[str]) -> None:
    """Keep one run computing, and watch it."""
    while time.monotonic() < end:
        begun = await guest.ask(row, "POST", "/api/v1/runs", {"stand": "inspection", "sample": "block"}, 202)
        state = begun.json() if begun else {"id": "", "phase": "failed"}
        while state["phase"] in ("waiting", "working") and time.monotonic() < end:
            await asyncio.sleep(1.0)
            told = await guest.ask(row, "GET", f"/api/v1/runs/{state['id']}")
            state = told.json() if told else state
        if state["phase"] == "done":
            done.append(state["id"])
        elif state["phase"] not in ("waiting", "working"):
            row.errors.append(f"run {state['phase']}: {state.get('error')}")
            await asyncio.sleep(1.0)


async def write_until_killed(valley: Valley, guests: list[Browser]) -> tuple[Row, list[str]]:
    """Let guests write as fast as they can, kill the hall meanwhile and open it again; return the keys accepted.

    What was cut off is asked again, as a phone does: with the same key, so that it is kept once.
    """
    row, accepted = Row(f"{WRITERS} guests write until kill -9", asked="none lost"), list[str]()
    last = [""] * WRITERS

    async def write(who: int) -> None:
        for n in range(100):
            last[who] = f"killed-{who}-{n:04}"
            await put(guests[who], row, accepted, last[who])
            if row.errors:
                return

    writers = [asyncio.create_task(write(n)) for n in range(WRITERS)]
    await asyncio.sleep(WRITE_S)
    valley.end(signal.SIGKILL)
    await asyncio.gather(*writers)
    cut = [n for n in range(WRITERS) if last[n] not in accepted]
    row.errors = [one for one in row.errors if not one.startswith(CUT)] + ([] if cut else ["nobody was cut off"])
    valley.begin()
    require_kept(valley.records, row, accepted)
    again = Row("")
    await asyncio.gather(*(put(guests[n], again, accepted, last[n]) for n in cut))
    row.errors += again.errors
    row.name += f", {len(cut)} cut off and asked again"
    return row, accepted


async def edit_together(url: str, records: Records, invited: Delegation) -> Row:
    """Let two administrators change one entry at the same time, each another field, over and over."""
    row = Row("two administrators change one entry at once", asked="none vanishes")
    both = [await administrator(url, records, name) for name in ("ada", "bo")]
    fields, entry = ("title", "note"), invited.entry.id
    for n in range(ROUNDS):
        version = programme.one(records, entry).version
        wanted = {name: f"{name} of round {n}" for name in fields}
        sent = [{"version": version, name: wanted[name]} for name in fields]
        calls = (one.call("PATCH", f"/api/v1/programme/{entry}", body) for one, body in zip(both, sent, strict=True))
        told = await asyncio.gather(*calls)
        late = 0 if told[1].status_code == 200 else 1
        if told[late].json().get("id") != "visits.stale" or wanted[fields[1 - late]] not in told[late].text:
            row.errors.append(f"round {n}: {[one.text[:200] for one in told]}")  # who is late is told what was changed
            continue
        await both[late].ask(row, "PATCH", f"/api/v1/programme/{entry}", sent[late] | {"version": version + 1})
        kept = programme.one(records, entry)
        if {name: getattr(kept, name) for name in fields} != wanted:
            row.errors.append(f"round {n}: {kept}")
    return row


async def administrator(url: str, records: Records, name: str) -> Browser:
    """Return an administrator's browser."""
    _, token = accounts.invite(records, SYSTEM, f"{name}@example.org", name, Role.ADMINISTRATOR)
    account = accounts.accept(records, token, "slow lantern over harbour")
    made = browser(url, begin_session(records, Kind.ACCOUNT, account.id, account.role)[1])
    made.csrf = (await made.client.get("/api/v1/session")).json()["csrf"]
    return made


def require_kept(records: Records, row: Row, accepted: list[str]) -> None:
    """Note each accepted question that is not in the database, or twice."""
    with database.reading(records) as connection:
        kept = list(connection.scalars(select(tables.questions.c.key)))
    row.errors += [f"lost: {key}" for key in set(accepted) - set(kept)]
    if len(kept) != len(set(kept)):
        row.errors.append("kept twice")


async def whole(valley: Valley, guests: int, minutes: float) -> list[Row]:
    """Measure everything, one after the other; print each row when it is known."""
    invited = delegation(valley.records, guests)
    valley.begin()
    await asyncio.sleep(8.0)  # workers get warm
    rows, there = await arrive(valley.url, invited, str(guests))
    tell(*rows)
    more, accepted = await visit(there, minutes * 60.0)
    require_kept(valley.records, more[1], accepted)
    more[1].name += ", all found in the database"
    tell(*more)
    killed, written = await write_until_killed(valley, there)
    require_kept(valley.records, killed, [*accepted, *written])
    together = await edit_together(valley.url, valley.records, invited)
    tell(killed, together)
    return [*rows, *more, killed, together]


def tell(*rows: Row) -> None:
    """Print rows, and the first errors of each."""
    for row in rows:
        print(row.line(), *(f"    {one}" for one in row.errors[:5]), sep="\n", flush=True)


def main() -> int:
    """Measure, print the table; the exit code tells whether all was as asked."""
    parser = argparse.ArgumentParser(prog="python -m bench.hall", description=__doc__.splitlines()[0])
    parser.add_argument("--guests", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long guests look around (default 5)")
    chosen = parser.parse_args()
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f} before\n\n{HEAD}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        valley = Valley(Records(Path(folder)), free_port())
        try:
            rows = asyncio.run(whole(valley, chosen.guests, chosen.minutes))
        finally:
            valley.end()
    return 0 if all(row.reached for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
