# SPDX-License-Identifier: Apache-2.0
"""An open hall for tests: the real server in a thread of this process, and people who are signed in."""

import contextlib
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import uvicorn

from visionvalley.hall import serving
from visionvalley.hall.settings import Hall, HallSettings
from visionvalley.records import Records
from visionvalley.visits import accounts, sessions
from visionvalley.visits.values import SYSTEM, Account, Kind, Role

PASSWORD = "slow lantern over harbour"
AXE = Path(__file__).parent.parent / "web" / "node_modules" / "axe-core" / "axe.min.js"

ARRIVED = """document.getAnimations().filter((one) => Number.isFinite(one.effect.getComputedTiming().endTime))
  .forEach((one) => one.finish())"""  # what fades in has no contrast yet


class Person(httpx.Client):
    """Somebody's browser, without its pages: `call` is what form.js does."""

    csrf = ""

    def call(self, method, path, json=None, **headers):
        """Call the API; return the answer."""
        sent = {"X-CSRF-Token": self.csrf} | headers
        return self.request(method, f"/api/v1{path}", json=json, headers=sent)


@dataclass
class Open:
    """An open hall."""

    hall: Hall
    url: str
    people: list[Person] = field(default_factory=list)  # who came: they go when it closes

    def visitor(self, **options) -> Person:
        """Return somebody whom nobody knows."""
        self.people.append(Person(base_url=self.url, timeout=60, **options))
        return self.people[-1]

    def account(self, role: Role = Role.ADMINISTRATOR, name: str = "Ada") -> Account:
        """Make an account with PASSWORD."""
        records = self.hall.records
        email = f"{name.lower()}@example.org"
        with contextlib.suppress(StopIteration):
            return next(one for one in accounts.every(records) if one.email == email)
        _, token = accounts.invite(records, SYSTEM, email, name, role)
        return accounts.accept(records, token, PASSWORD)

    def session(self, role: Role = Role.ADMINISTRATOR, name: str = "Ada") -> str:
        """Begin a session of such an account; return the cookie's value."""
        made = self.account(role, name)
        return sessions.begin(self.hall.records, Kind.ACCOUNT, made.id, made.role, "Test")[1]

    def person(self, role: Role = Role.ADMINISTRATOR, name: str = "Ada") -> Person:
        """Return somebody who is signed in."""
        return self.holding(self.session(role, name))

    def holding(self, token: str) -> Person:
        """Return somebody who holds the cookie of a session."""
        person = self.visitor()
        person.cookies.set("valley_session", token, domain="127.0.0.1")
        person.csrf = person.get("/api/v1/session").json()["csrf"]
        return person

    def browse(self, browser, path, token="", language="en", theme="light", size="middle", **options):
        """Open a page in a real browser, signed in by a session's token."""
        cookies = {"valley_session": token, "valley_language": language, "valley_theme": theme, "valley_size": size}
        browser.call("Storage.clearCookies")
        told = [{"name": name, "value": value, "url": self.url} for name, value in cookies.items() if value]
        browser.call("Storage.setCookies", cookies=told)
        return browser.page(self.url + path, scheme=theme, **options)


@contextlib.contextmanager
def opened(
    folder: Path,
    settings: HallSettings = HallSettings(),
    records: Records | None = None,
    keys=None,
    workers=0,
    **values,
):
    """Yield a hall that answers at a free port, with so many workers from the start; it is closed afterwards."""
    hall = Hall(records or Records(folder / "records", patience_s=5.0), settings, **values)
    at = serving.bound(0, lan=settings.lan, exact=True)
    server = uvicorn.Server(serving.configured(hall, keys))
    thread = threading.Thread(target=server.run, args=([at],), daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert thread.is_alive(), "the hall did not open"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    open_hall = Open(hall, f"{settings.scheme}://127.0.0.1:{at.getsockname()[1]}")
    if workers:
        hall.running.workers.count = workers
        hall.running.start()
    try:
        yield open_hall
    finally:
        for person in open_hall.people:
            person.close()
        hall.live.close()
        server.should_exit = True
        thread.join(30)


def axe(page, *, rules=None) -> list[str]:
    """Return what axe-core finds in a page: rule, how bad, where. The test is skipped, loudly, without axe-core."""
    if not AXE.is_file():
        pytest.skip("NO AXE-CORE: web/node_modules/axe-core is not there (python web/build.py)")
    page.evaluate(AXE.read_text(encoding="utf-8") + ";0")
    page.evaluate(ARRIVED)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = page.evaluate(f"axe.run(document, {{runOnly: {rules or tags!r}}}).then((r) => r.violations)")
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:200]} {' '.join(node.get('failureSummary', '').split())}"
        for one in found
        for node in one["nodes"]
    ]
