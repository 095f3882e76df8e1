# SPDX-License-Identifier: Apache-2.0
"""A stand in a real browser: a live run from the button to the part that turns, measured and cut; one's own file."""

import base64
import re
import time

import pytest
from tests import hall as halls
from tests.test_hall_stands import TETRAHEDRON

from visionvalley.io.stl import write
from visionvalley.visits.values import Role

WORKERS = 1
PHONE, LAPTOP = {"width": 360, "height": 740, "touch": True}, {"width": 1280, "height": 800}
STAND = "/stands/inspection"
WAYS = [("ar", "dark", PHONE), ("en", "dark", PHONE), ("ar", "light", LAPTOP)]


@pytest.fixture(scope="module")
def result(browser, here):
    """The address of a run on the simulated sample, begun by hand and watched to its end; what was seen meanwhile."""
    page = here.browse(browser, STAND, **LAPTOP)
    inspect(page, here, "a stand without a result")
    page.evaluate("""(() => { const form = document.getElementById('live-form');
        form.querySelector('[value=block]').click(); form.requestSubmit(); })()""")
    page.wait("document.querySelector('[data-run]') && document.readyState === 'complete'")
    inspect(page, here, "a run at work")
    page.wait("document.querySelectorAll('.run-done li').length >= 2 || !document.querySelector('[data-run]')")
    page.wait("document.querySelector('#viewer canvas')")
    inspect(page, here, "a result")
    return page.evaluate("location.pathname")


def inspect(page, here, name):
    """Assert that nothing is wrong with a page as it stands."""
    assert [one for one in page.addresses() if not one.startswith((here.url, "data:", "blob:"))] == [], name
    assert page.complaints() == [], name
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, name
    assert halls.axe(page) == [], name


def still(page):
    page.wait("window.viewer && window.viewer.controls && !window.viewer.controls.moving")
    time.sleep(0.3)
    page.wait("!window.viewer.controls.moving")


def opened(browser, here, path, **options):
    page = here.browse(browser, path, **{**LAPTOP, **options})
    page.wait("document.querySelector('#viewer canvas')")
    page.evaluate("document.getElementById('viewer').scrollIntoView({block: 'center'})")
    still(page)
    return page


PLACE = """(() => { const v = window.viewer, p = [%s].map((c, k) => c - v.stage.header.origin[k]);
    const at = v.measuring.project(p), box = v.stage.canvas.getBoundingClientRect();
    return [box.x + at[0], box.y + at[1]]; })()"""


def click(page, point):
    x, y = page.evaluate(PLACE % ", ".join(map(str, point)))
    for kind, buttons in (("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 0)):
        page.mouse(kind, x, y, buttons)


def distance(page) -> float:
    page.wait("document.querySelector('.viewer-distance').dataset.metres")
    return float(page.evaluate("document.querySelector('.viewer-distance').dataset.metres"))


def test_two_clicks_measure_the_right_distance(browser, here, result):
    page = opened(browser, here, result)
    page.evaluate("window.viewer.look('top')")
    still(page)
    page.evaluate("document.querySelector('[data-view=measure]').click()")
    first, second = (0.003, 0.022, 0.008), (0.087, 0.038, 0.008)  # on the two steps of the block, 8 mm high
    click(page, first)
    click(page, second)
    true = (0.084**2 + 0.016**2) ** 0.5
    assert distance(page) == pytest.approx(true, rel=0.01)
    told = page.evaluate("document.querySelector('.viewer-distance').innerText")
    assert told.startswith("85.")
    assert "mm" in told
    assert "straight line" in told
    assert page.complaints() == []


def test_the_keyboard_alone_measures_and_cuts(browser, here, result):
    page = opened(browser, here, result)
    page.evaluate("document.querySelector('#viewer canvas').focus()")
    for key in ("6", "m"):
        page.key(key)
    still(page)
    page.key("Enter")
    page.evaluate("window.viewer.controls.pan(40, 0)")
    still(page)
    page.key("Enter")
    assert 0.001 < distance(page) < 0.05
    page.key("Escape")
    assert page.evaluate("document.querySelector('.viewer-distance').textContent") == ""
    page.evaluate("""(() => { const axis = document.querySelector('.viewer-axis'); axis.value = 'x';
        axis.dispatchEvent(new Event('change')); const s = document.querySelector('.viewer-slider'); s.value = 50;
        s.dispatchEvent(new Event('input')); })()""")
    page.evaluate("window.viewer.reset()")
    still(page)
    box = "document.querySelector('#viewer canvas')"
    seen = page.evaluate(f"""(() => {{ const found = []; const c = {box};
        for (let x = 20; x < c.clientWidth; x += 60) for (let y = 20; y < c.clientHeight; y += 60) {{
          const hit = window.viewer.pick(x, y); if (hit) found.push(hit.point[0]); }} return found; }})()""")
    assert len(seen) > 8
    assert max(seen) <= 1e-6, "nothing beyond the plane is picked"


def test_somebody_drags_a_file_of_their_own(browser, here, result, tmp_path):
    page = here.browse(browser, STAND, here.session(Role.HOST, "Bo"), **LAPTOP)
    inspect(page, here, "try your own")
    write(tmp_path / "part.stl", TETRAHEDRON, "mm")
    data = base64.b64encode((tmp_path / "part.stl").read_bytes()).decode()
    page.evaluate(f"""(() => {{
        const bytes = Uint8Array.from(atob('{data}'), (c) => c.charCodeAt(0));
        for (const role of ['scan', 'reference']) {{
          const moved = new DataTransfer(); moved.items.add(new File([bytes], 'part.stl'));
          document.querySelector(`[data-role=${{role}}]`).dispatchEvent(
            new DragEvent('drop', {{ dataTransfer: moved, bubbles: true, cancelable: true }})); }}
        const form = document.getElementById('own-form');
        form.querySelector('[data-setting=tolerance_m]').value = '0.1';
        form.requestSubmit(); }})()""")
    page.wait("location.pathname.includes('/runs/') && document.querySelector('#viewer canvas')")
    assert page.evaluate("document.querySelector('.chip.large').textContent").strip() == "pass"
    inspect(page, here, "one's own part")


@pytest.mark.parametrize(("language", "theme", "size"), WAYS)
@pytest.mark.parametrize("path", ["/", "/stands", STAND])
def test_nothing_is_wrong_with_a_page(browser, here, result, path, language, theme, size):
    page = here.browse(browser, path, here.session(Role.GUIDE, "Cy"), language, theme, **size)
    if path == STAND:
        page.wait("document.querySelector('#viewer canvas')")
        assert page.evaluate("getComputedStyle(document.querySelector('#viewer')).direction") == "ltr"
    page.evaluate("document.querySelectorAll('details.level').forEach((one) => { one.open = true; })")
    inspect(page, here, path)


def test_the_report_opens_in_its_sandbox(browser, here, result):
    page = here.browse(browser, f"/api/v1/runs/{result.rpartition('/')[2]}/files/report.html", **LAPTOP)
    page.evaluate("document.getElementById('viewer').scrollIntoView()")
    page.wait("document.querySelector('#viewer canvas')")
    assert page.complaints() == []
    assert page.evaluate("(() => { try { return document.cookie; } catch { return 'sandbox'; } })()") == "sandbox"


SHARES = """(() => { const one = document.getElementById('viewer').getBoundingClientRect();
  const text = [...document.querySelectorAll('main *, .viewer *')].filter((each) => each.checkVisibility()
    && [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()));
  const high = text.map((each) => parseFloat(getComputedStyle(each).fontSize) * (each.currentCSSZoom ?? 1));
  return [document.querySelector('main').getBoundingClientRect().width / innerWidth,
    one.width * one.height / innerWidth / innerHeight, Math.min(...high) / innerHeight]; })()"""


def test_a_stand_uses_a_wall(browser, here, result):
    page = opened(browser, here, result, width=3840, height=2160)
    inspect(page, here, "a stand on a wall")
    width, viewer, text = page.evaluate(SHARES)
    assert width > 0.9
    assert viewer > 0.4
    assert text > 1 / 75


SEEN = """(() => { const main = document.querySelector('main'), found = [];
  for (const one of document.querySelectorAll('details')) one.open = true;
  for (const walk = document.createTreeWalker(main, NodeFilter.SHOW_TEXT); walk.nextNode();) {
    const at = walk.currentNode.parentElement, not = '.files, .method .small, .facts bdi, script';
    if (at.checkVisibility() && !at.closest(not)) found.push(walk.currentNode.data.trim()); }
  for (const name of ['aria-label', 'alt'])
    for (const one of main.querySelectorAll(`[${name}]`)) found.push(one.getAttribute(name));
  return found.filter(Boolean).join(' | '); })()"""
TYPICAL = """the and with for from what which where this that profile largest deviation mean standard outwards inwards
  reference noise otherwise nearest place flatness measured found asked sample file report result record answer pass
  fail say wall layer cutting whole reading run part left right front back top bottom simulated triangles rows bytes"""
ENGLISH = set(TYPICAL.split())
NO_WORDS = {"Vision", "Valley", "CSV", "QIF", "DFQ", "ISO", "GUM", "JCGM", "LoD", "UTC", "min", "Enter", "Shift"}


@pytest.mark.parametrize("code", ["fr", "ar"])
def test_nothing_on_a_page_in_another_language_is_english(browser, here, result, code):
    for path in (result, STAND):
        page = opened(browser, here, path, language=code)
        seen = page.evaluate(SEEN)
        words = set(re.findall(r"[A-Za-zÀ-ÿ]{3,}", seen))
        assert sorted({one.lower() for one in words} & ENGLISH) == [], (path, seen)
        if code == "ar":
            assert sorted(words - NO_WORDS) == [], (path, seen)


def test_a_kiosk_goes_back_and_forgets_who_was_there(browser, here, result):
    page = here.browse(browser, f"{STAND}?kiosk=2", here.session(Role.GUIDE, "Cy"), **LAPTOP)
    page.wait("location.pathname === '/stands' && document.readyState === 'complete'")
    assert page.evaluate("fetch('/api/v1/session').then((a) => a.json()).then((s) => s.role)") == ""
