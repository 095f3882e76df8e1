# SPDX-License-Identifier: Apache-2.0
"""The welcome on real walls: every language at once, nothing cut off, nothing for axe-core; pairing; live changes."""

import time

import pytest
from tests import hall as halls
from tests import welcome as guests

from visionvalley.visits import calendar, delegations
from visionvalley.visits.values import SYSTEM

LAPTOP, WALL, PORTRAIT = (1280, 720), (3840, 2160), (1080, 1920)
ULTRA, PHONE = (2880, 960), (360, 740)
SIX = tuple((f"Guest {code}", "Minister", code, True) for code in ("zh", "sw", "pt", "ar", "fr", "zh"))
CUT = """(() => [...document.querySelectorAll('.hello, .delegation, .organisation, .entry h2, .value, .verdict')]
  .filter((one) => one.checkVisibility()).filter((one) => { const r = one.getBoundingClientRect();
    return r.left < -1 || r.top < -1 || r.right > innerWidth + 1 || r.bottom > innerHeight + 1; })
  .map((one) => one.textContent))()"""
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
