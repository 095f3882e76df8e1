# SPDX-License-Identifier: Apache-2.0
"""report.html in a real browser: it asks for nothing, complains of nothing, and its 3D view tells the right number."""

import re

import pytest
from tests import browser, reports

from visionvalley.core import Scene
from visionvalley.report import html
from visionvalley.report.folder import write_report

pytestmark = pytest.mark.skipif(
    not (html.files("visionvalley.report") / "assets" / "report.js").is_file(),
    reason="the assets of the report are not built (python web/build.py)",
)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    browser.found()
    with browser.opened(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    folder = tmp_path_factory.mktemp("result")
    write_report(folder, reports.report(), reports.Run())
    opened = chromium.page((folder / "report.html").as_uri())
    opened.evaluate("document.getElementById('viewer').scrollIntoView({block: 'center'})")
    opened.wait("window.viewer && viewer.stage && !viewer.controls.moving && viewer.stage.drawnPoints !== undefined")
    return opened


def reading(page):
    return page.evaluate("document.querySelector('.viewer-reading').textContent").replace("\u2212", "-")


def look(page, name):
    page.evaluate(f"viewer.look('{name}')")
    page.wait("!viewer.controls.moving")


def hover(page, x, y):
    """Move the mouse to a place of the plate, seen from the top, and return what is read there."""
    place = page.evaluate(
        f"""(() => {{
          const box = document.querySelector('#viewer canvas').getBoundingClientRect();
          const focal = box.height / 2 / Math.tan(viewer.controls.field / 2) / viewer.controls.distance;
          return [box.x + box.width / 2 + focal * ({x} - 0.05), box.y + box.height / 2 - focal * ({y} - 0.05)];
        }})()"""
    )
    page.mouse("mouseMoved", 2, 2)
    page.mouse("mouseMoved", *place)
    page.wait("document.querySelector('.viewer-reading').textContent !== ''")
    return reading(page)


def test_the_page_asks_for_nothing_but_itself(page):
    assert {one.split(":")[0] for one in page.addresses()} <= {"file", "data", "blob"}
    assert sum(one.startswith("file:") for one in page.addresses()) == 1


def test_the_page_complains_of_nothing(page):
    assert page.complaints() == []


def test_the_answer_stands_at_the_top(page):
    assert page.evaluate("document.title").startswith("Fail: plate.stl")
    assert page.evaluate("document.querySelector('#answer .verdict strong').textContent") == "Fail"
    assert "Noto Sans" in page.evaluate(
        "[...document.fonts].filter(f => f.status === 'loaded').map(f => f.family).join()"
    )


@pytest.mark.parametrize(("x", "y", "told"), [(0.085, 0.085, "+80.0"), (0.05, 0.05, "+10.0"), (0.01, 0.05, "no data")])
def test_the_pointer_reads_the_deviation_that_is_there(page, x, y, told):
    look(page, "top")
    said = hover(page, x, y)
    assert said.startswith(told), said
    place = [float(part) for part in re.findall(r"[xyz]\s(-?[\d.]+)", said)]
    assert place == pytest.approx([x * 1e3, y * 1e3, 0], abs=0.3)


def test_dragging_turns_the_part_and_reset_turns_it_back(page):
    page.evaluate("viewer.reset()")
    page.wait("!viewer.controls.moving && viewer.controls.elevation < 1.2")  # back from the top, and at rest
    before = page.evaluate("[viewer.controls.azimuth, viewer.controls.elevation]")
    box = page.evaluate("(({x, y, width, height}) => [x + width / 2, y + height / 2])"
                        "(document.querySelector('#viewer canvas').getBoundingClientRect())")  # fmt: skip
    page.mouse("mousePressed", *box, buttons=1)
    page.mouse("mouseMoved", box[0] + 60, box[1] + 20, buttons=1)
    page.mouse("mouseReleased", box[0] + 60, box[1] + 20)
    after = page.evaluate("[viewer.controls.azimuth, viewer.controls.elevation]")
    assert after == pytest.approx([before[0] - 60 * 0.008, before[1] + 20 * 0.008])
    page.evaluate("viewer.reset()")
    page.wait(f"!viewer.controls.moving && Math.abs(viewer.controls.azimuth - ({before[0]})) < 1e-9")


def test_the_keyboard_turns_zooms_and_looks(page):
    page.evaluate("document.querySelector('#viewer canvas').focus()")
    look(page, "front")
    assert page.evaluate("viewer.controls.axes()[2].map(Math.round)") == [0, -1, 0]
    page.key("ArrowLeft")
    page.key("+")
    page.wait("!viewer.controls.moving")
    assert page.evaluate("viewer.controls.axes()[2][0]") != 0
    page.key("6")
    page.wait("!viewer.controls.moving && viewer.controls.axes()[2][2] > 0.999")
    page.key("Enter")
    assert reading(page)
    page.key("0")
    page.wait("!viewer.controls.moving && viewer.controls.axes()[2][2] < 0.999")


def test_the_view_shows_the_part_in_colour(page):
    look(page, "top")
    pixel = page.evaluate(
        """new Promise((done) => {
          const { stage, controls } = viewer; stage.draw(controls, false);
          const gl = stage.renderer.getContext(), out = new Uint8Array(4);
          gl.readPixels(gl.drawingBufferWidth / 2, gl.drawingBufferHeight / 2, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, out);
          done([...out]);
        })"""
    )
    red, _, blue, alpha = pixel
    assert alpha == 255
    assert red > blue  # 10 µm outwards: warm


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_page_is_never_wider_than_its_screen(chromium, page, width):
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=740, deviceScaleFactor=1, mobile=width < 500)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.call("Emulation.setDeviceMetricsOverride", width=1000, height=800, deviceScaleFactor=1, mobile=False)


def test_every_text_has_enough_contrast_in_both_schemes(page):
    script = """(() => {
      const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map((v) => v / 255)
        .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const ground = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
        if (!/, 0\\)$/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
      const kinds = 'h1, h2, h3, p, dt, dd, th, td, li, figcaption, .number, .spread, strong, button';
      const texts = [...document.querySelectorAll(kinds)].filter((e) => e.offsetParent && e.textContent.trim());
      if (texts.length < 100) return 'too few texts';
      return texts.map((e) => {
        const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
        return [(a + 0.05) / (b + 0.05), e.outerHTML.slice(0, 80)]; }).filter(([ratio]) => ratio < 4.5);
    })()"""
    for scheme in ("dark", "light"):
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        page.wait("document.getAnimations().length === 0")  # colours of buttons fade for 120 ms
        assert page.evaluate(script) == []


def test_a_page_without_a_scene_is_quiet(chromium, tmp_path):
    write_report(tmp_path, reports.report(scene=Scene()), reports.Run())
    empty = chromium.page((tmp_path / "report.html").as_uri())
    assert empty.evaluate("document.getElementById('viewer')") is None
    assert empty.complaints() == []


@pytest.mark.parametrize("lacking", ["DecompressionStream", "WebGL2RenderingContext"])
def test_an_old_browser_is_told_that_the_pictures_show_the_same(chromium, tmp_path, lacking):
    write_report(tmp_path, reports.report(), reports.Run())
    before = f"delete window.{lacking}; HTMLCanvasElement.prototype.getContext = () => null;"
    old = chromium.page((tmp_path / "report.html").as_uri(), before=before)
    old.evaluate("document.getElementById('viewer').scrollIntoView()")
    old.wait("document.querySelector('.viewer-none')")
    assert "six sides" in old.evaluate("document.querySelector('.viewer-none').textContent")
    assert old.events("Runtime.exceptionThrown") == []


def test_a_tap_reads_what_is_under_the_finger(chromium, tmp_path):
    write_report(tmp_path, reports.report(), reports.Run())
    phone = chromium.page((tmp_path / "report.html").as_uri(), width=360, height=740, touch=True)
    phone.call("Emulation.setTouchEmulationEnabled", enabled=True)
    phone.evaluate("document.getElementById('viewer').scrollIntoView({block: 'center'})")
    phone.wait("window.viewer && viewer.stage && !viewer.controls.moving && viewer.stage.drawnPoints !== undefined")
    look(phone, "top")
    x, y = phone.evaluate(
        "(({x, y, width, height}) => [x + width / 2, y + height / 2])"
        "(document.querySelector('#viewer canvas').getBoundingClientRect())"
    )
    phone.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
    phone.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    phone.wait("document.querySelector('.viewer-reading').textContent !== ''")
    assert reading(phone).startswith("+10.0")
