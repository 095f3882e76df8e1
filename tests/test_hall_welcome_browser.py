# SPDX-License-Identifier: Apache-2.0
"""The welcome on real walls: every language at once, nothing cut off, nothing for axe-core; pairing; live changes."""

import contextlib
import threading
import time

import pytest
import uvicorn
from tests import hall as halls
from tests import welcome as guests

from visionvalley.hall import serving
from visionvalley.hall.settings import Hall
from visionvalley.records import Records
from visionvalley.visits import calendar, delegations, screens
from visionvalley.visits.screens import Shows
from visionvalley.visits.values import SYSTEM

LAPTOP, WALL, PORTRAIT = (1280, 720), (3840, 2160), (1080, 1920)
ULTRA, PHONE = (2880, 960), (360, 740)
SIX = tuple((f"Guest {code}", "Minister", code, True) for code in ("zh", "sw", "pt", "ar", "fr", "zh"))
CUT = """(() => [...document.querySelectorAll('.hello, .delegation, .organisation, .entry h2, .value, .verdict')]
  .filter((one) => one.checkVisibility()).filter((one) => { const r = one.getBoundingClientRect();
    return r.left < -1 || r.top < -1 || r.right > innerWidth + 1 || r.bottom > innerHeight + 1; })
  .map((one) => one.textContent))()"""
SCRIPTS = ("/welcome.js", "/wall.js", "/valley.js", "/live.js", "/lasting.js")
KEPT = "caches.open('wall').then((store) => store.keys()).then((all) => all.map((one) => new URL(one.url).pathname))"
SMALLEST = """Math.min(...[...document.querySelectorAll('body *')].filter((one) => one.checkVisibility()
  && [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()))
  .map((one) => parseFloat(getComputedStyle(one).fontSize))) / innerHeight"""


@pytest.fixture
def opening(browser, here):
    """Open pages, and close them afterwards: each of them draws."""

    def opened(path, size=LAPTOP, token="", language="en"):
        width, height = size
        return here.browse(browser, path, token, language, width=width, height=height)

    yield opened
    for one in browser.call("Target.getTargets")["targetInfos"]:
        if here.url in one["url"]:
            browser.call("Target.closeTarget", targetId=one["targetId"])


def only(records, **more):
    """Leave one visit in the house."""
    for one in calendar.every(records):
        calendar.remove(records, SYSTEM, one.id, one.version)
    return guests.arrive(records, **more)


def sound(page, here, name):
    assert [one for one in page.addresses() if not one.startswith((here.url, "data:"))] == [], name
    assert page.complaints() == [], name
    assert halls.axe(page) == [], name


@pytest.mark.parametrize(
    ("size", "people"),
    [(LAPTOP, guests.GUESTS), (WALL, guests.GUESTS), (PORTRAIT, guests.GUESTS), (PHONE, guests.GUESTS), (LAPTOP, SIX),
     (ULTRA, SIX), (PORTRAIT, SIX)],
    ids=lambda value: f"{value[0]}x{value[1]}" if len(value) == 2 else f"{len(value)} guests",
)  # fmt: skip
def test_every_language_greets_on_every_wall(opening, here, size, people):
    records = here.hall.records
    visit = only(records, guests=people)
    token, _ = guests.screen(records)
    page = opening("/welcome", size, token)
    page.wait(f"document.body.dataset.visit === '{visit.id}' && document.fonts.status === 'loaded'")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 300)))")
    tags = page.evaluate("[...document.querySelectorAll('.hello')].map((one) => one.lang)")
    expected = {"fr", "ar", "en"} | ({"zh-Hans", "sw", "pt"} if people is SIX else set())
    assert (set(tags), len(tags)) == (expected, len(expected))
    assert tags[-1] == "en"
    assert page.evaluate("getComputedStyle(document.querySelector('.hello[lang=ar]')).direction") == "rtl"
    assert page.evaluate(CUT) == []
    assert page.evaluate(SMALLEST) >= 1 / 40 - 1e-4
    assert "Nobody May Know" not in page.evaluate("document.body.textContent")
    assert page.evaluate("document.querySelectorAll('.entry.now:not([hidden])').length") == 1
    assert page.evaluate("document.querySelectorAll('.entry.next:not([hidden])').length") == 1
    sound(page, here, size)


def test_what_changes_is_on_the_wall_within_seconds_and_a_lost_hall_is_a_small_sign(opening, here):
    records = here.hall.records
    visit = only(records)
    token, name = guests.screen(records)
    page = opening("/welcome", LAPTOP, token)
    page.wait("document.querySelector('.delegation')")
    begun = time.monotonic()
    of = delegations.one(records, visit.delegation)
    delegations.change(records, SYSTEM, of.id, of.version, name="Another Ministry")
    page.wait("document.querySelector('.delegation').textContent === 'Another Ministry'")
    assert time.monotonic() - begun < 20
    page.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)
    here.hall.live.publish("welcome", "x")
    assert page.evaluate("document.querySelector('.delegation').textContent") == "Another Ministry"
    page.call("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    assert here.person().call("DELETE", f"/screens/{name}?version=1").status_code == 200
    page.wait("location.pathname === '/screen'")


def test_a_clock_that_is_wrong_is_put_right_by_the_hall(browser, here, opening):
    records = here.hall.records
    visit = only(records)
    token, _ = guests.screen(records)
    late = "const real = Date.now; Date.now = () => real() - 86400000 * 3;"
    browser.call("Storage.setCookies", cookies=[{"name": "valley_session", "value": token, "url": here.url}])
    page = browser.page(here.url + "/welcome", *LAPTOP, before=late)
    page.wait(f"document.body.dataset.visit === '{visit.id}'")


def test_the_loop_between_visits_names_nobody(opening, here):
    records = here.hall.records
    only(records, begins_s=3600, ends_s=7200, entries=())
    token, _ = guests.screen(records)
    for language in ("en", "ar"):
        page = opening("/welcome", LAPTOP, token, language)
        page.wait("document.querySelector('.idea') && document.querySelector('.entry.next')")
        assert "Maroc" not in page.evaluate("document.body.textContent")
        sound(page, here, language)
    sound(opening("/welcome", PHONE), here, "nobody")


def test_a_screen_is_paired_in_the_browser(opening, here):
    sound(opening("/screens?code=ABC234", LAPTOP, here.session()), here, "/screens")
    page = opening("/screen", LAPTOP)
    page.wait("document.getElementById('code').textContent.length === 7")
    sound(page, here, "/screen")
    code = page.evaluate("document.getElementById('code').textContent")
    made = here.person().call("POST", "/screens", {"code": code, "name": "Left wall", "shows": "answers"})
    assert made.status_code == 201
    page.wait("location.pathname === '/welcome/answers' && document.readyState === 'complete'")
    sound(page, here, "/welcome/answers")
    here.person().call("PATCH", f"/screens/{made.json()['id']}", {"version": 1, "shows": "welcome"})
    page.wait("location.pathname === '/welcome'")
    page.call("Page.navigate", url=here.url + "/screen")
    page.wait("location.pathname === '/welcome'")  # it is a screen already, and has its place


def test_a_screen_for_everybody_goes_back_to_its_stand_and_stays_a_screen(opening, here):
    records = here.hall.records
    token, name = guests.screen(records)
    screens.change(records, SYSTEM, name, 1, shows=Shows.STAND, stand="comparison")
    page = opening("/stands/inspection?kiosk=2", LAPTOP, token, "fr")
    assert page.evaluate('document.querySelector(\'[href="/sign-in"], [data-api="DELETE /api/v1/session"]\')') is None
    page.evaluate("document.querySelector('details.level').open = true")
    page.wait("location.pathname === '/stands/comparison' && document.readyState === 'complete'")
    assert page.evaluate("document.documentElement.lang") == "en"  # French was the guest's
    told = "fetch('/api/v1/session').then((a) => a.json()).then((s) => s.role)"
    assert page.evaluate(told) == "screen"
    page.evaluate("window.untouched = true; document.querySelector('details.level').open = true")
    time.sleep(3)
    assert page.evaluate("window.untouched")  # nobody was there: nothing to go back from
    page.mouse("mouseMoved", 300, 300)
    page.wait("!window.untouched && document.readyState === 'complete'")
    assert page.evaluate("[location.pathname, document.querySelector('details.level').open]") == [
        "/stands/comparison",
        False,
    ]
    assert page.evaluate(told) == "screen"


@contextlib.contextmanager
def at_port(records, port):
    """Yield the address of a hall at a port (0: a free one); it is gone afterwards."""
    hall = Hall(records)
    at = serving.bound(port, lan=False, exact=True)
    server = uvicorn.Server(serving.configured(hall))
    thread = threading.Thread(target=server.run, args=([at],), daemon=True)
    thread.start()
    try:
        yield at.getsockname()[1]
    finally:
        hall.live.close()
        server.should_exit = True
        thread.join(30)


def until_kept(page, *endings):
    """Wait until the page's worker has kept addresses with these ends."""
    deadline = time.monotonic() + 60
    while missing := [one for one in endings if not any(kept.endswith(one) for kept in page.evaluate(KEPT))]:
        assert time.monotonic() < deadline, missing
        time.sleep(0.1)


def test_a_wall_that_starts_again_without_the_hall_goes_on(browser, tmp_path):
    records = Records(tmp_path / "records", patience_s=5.0)
    with at_port(records, 0) as port:
        visit = guests.arrive(records)
        token, _ = guests.screen(records)
        url = f"http://127.0.0.1:{port}"
        browser.call("Storage.setCookies", cookies=[{"name": "valley_session", "value": token, "url": url}])
        page = browser.page(url + "/welcome", *LAPTOP)
        page.wait(f"document.body.dataset.visit === '{visit.id}'")
        until_kept(page, "/welcome", "/api/v1/welcome", "/assets/fonts.css", *SCRIPTS)
    page.call("Page.reload")
    page.wait(f"document.body?.dataset.visit === '{visit.id}' && document.fonts.status === 'loaded'")
    page.wait("!document.getElementById('lost').hidden && document.getElementById('lost').textContent")
    assert "Maroc" in page.evaluate("document.querySelector('.organisation').textContent")
    assert page.evaluate("getComputedStyle(document.querySelector('.hello')).fontFamily").startswith('"Noto Sans')
    page.call("Page.navigate", url=url + "/stands")
    page.wait("document.readyState === 'complete' && location.protocol === 'chrome-error:'")  # the wall only
    page.call("Page.navigate", url=url + "/welcome")
    page.wait(f"document.body?.dataset.visit === '{visit.id}'")
    with at_port(records, port):
        of = delegations.one(records, visit.delegation)
        delegations.change(records, SYSTEM, of.id, of.version, name="Another Ministry")
        page.wait("document.getElementById('lost').hidden")
        page.wait("document.querySelector('.delegation')?.textContent === 'Another Ministry'")
        page.evaluate("document.body.dataset.version = 'older'")  # as if the hall's pages were new
        delegations.change(records, SYSTEM, of.id, of.version + 1, name="A third Ministry")
        page.wait("document.body?.dataset.version !== 'older'")
        page.wait("document.querySelector('.delegation')?.textContent === 'A third Ministry'")
        page.wait("document.fonts.status === 'loaded'")
    page.close()
