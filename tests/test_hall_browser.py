# SPDX-License-Identifier: Apache-2.0
"""The hall's own pages in a real browser: no other host, no complaint, nothing for axe-core, also on a phone."""

import pytest
from tests import hall as halls

from visionvalley.records import RunRecord, keep
from visionvalley.visits.values import Role

PHONE, LAPTOP = {"width": 360, "height": 740, "touch": True}, {"width": 1280, "height": 800}
SIGNED_IN = ("/", "/account", "/administration/accounts", "/administration/sessions", "/administration/audit",
             "/administration/translations", "/api")  # fmt: skip
BOTH = [("en", "light", LAPTOP), ("ar", "dark", PHONE)]
CROSSED = [("en", "dark", PHONE), ("ar", "light", LAPTOP)]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with halls.opened(tmp_path_factory.mktemp("hall")) as opened:
        opened.account(Role.HOST, "Bo")
        for n, verdict in enumerate(("pass", "fail", "cannot say", None)):
            made = RunRecord(f"{n:012x}", "manufacturing.inspection", {}, {}, (), f"2026-11-2{n}T10:00:00+00:00", "Ana",
                             verdict=verdict, simulated=n == 2)  # fmt: skip
            keep(made, {}, opened.hall.records)
        yield opened


@pytest.fixture(scope="module")
def token(here):
    return here.session()


def inspect(page, here, name):
    """Assert that nothing is wrong with a page as it stands."""
    assert [one for one in page.addresses() if not one.startswith(here.url)] == [], name
    assert page.complaints() == [], name
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, name
    assert halls.axe(page) == [], name


@pytest.mark.parametrize(("language", "theme", "size"), BOTH, ids=lambda value: str(value)[:8])
@pytest.mark.parametrize("path", SIGNED_IN)
def test_nothing_is_wrong_with_a_page(browser, here, token, path, language, theme, size):
    page = here.browse(browser, path, token, language, theme, **size)
    assert page.evaluate("document.documentElement.dir") == ("rtl" if language == "ar" else "ltr")
    inspect(page, here, path)


@pytest.mark.parametrize(("language", "theme", "size"), BOTH + CROSSED, ids=lambda value: str(value)[:8])
def test_nothing_is_wrong_with_signing_in_and_with_what_goes_wrong(browser, here, language, theme, size):
    page = here.browse(browser, "/sign-in?to=/account", "", language, theme, **size)
    inspect(page, here, "/sign-in")
    page.evaluate("""(() => { const form = document.querySelector('main form');
        form.email.value = 'eve@example.org'; form.password.value = 'wrong'; form.requestSubmit(); })()""")
    page.wait("!document.querySelector('main .told').hidden")
    told = page.evaluate("document.querySelector('main .told strong').textContent")
    assert told
    assert [one for one in page.complaints() if "401" not in one] == []
    assert halls.axe(page) == []
    missing = here.browse(browser, "/nowhere", "", language, theme, **size)
    assert halls.axe(missing) == []


@pytest.mark.parametrize(("language", "theme", "size"), BOTH, ids=lambda value: str(value)[:8])
def test_nothing_is_wrong_with_open_menus_and_a_question(browser, here, token, language, theme, size):
    page = here.browse(browser, "/administration/accounts", token, language, theme, "large", **size)
    for number in range(2):
        page.evaluate(f"document.querySelectorAll('.menu summary')[{number}].click()")
        assert page.evaluate("document.querySelectorAll('.menu[open]').length") == 1
        inspect(page, here, f"menu {number}")
    page.key("Escape")
    assert page.evaluate("document.querySelectorAll('.menu[open]').length") == 0
    page.evaluate("document.querySelector('[data-asks]').click()")
    page.wait("document.querySelector('dialog[open]')")
    assert halls.axe(page) == []
    page.evaluate("document.querySelector('dialog .quiet').click()")
    page.wait("!document.querySelector('dialog')")
    assert page.evaluate("document.activeElement.hasAttribute('data-asks')")


def test_somebody_signs_in_invites_and_signs_out(browser, here):
    page = here.browse(browser, "/administration/accounts", **LAPTOP)
    page.wait("location.pathname === '/sign-in' && document.readyState === 'complete'")
    page.evaluate(f"""(() => {{ const form = document.querySelector('main form');
        form.email.value = 'ada@example.org'; form.password.value = '{halls.PASSWORD}'; form.requestSubmit(); }})()""")
    page.wait("location.pathname === '/administration/accounts' && document.readyState === 'complete'")
    page.evaluate("""(() => { const form = document.querySelector('form[data-shows]');
        form.name.value = 'Cy'; form.elements.namedItem('name').value = 'Cy';
        form.email.value = 'cy@example.org'; form.requestSubmit(); })()""")
    page.wait("document.querySelector('form[data-shows] .shown:not([hidden]) [data-link]')")
    link = page.evaluate("document.querySelector('form[data-shows] [data-link]').value")
    assert link.startswith(f"{here.url}/link/")
    assert halls.axe(page) == []
    assert here.visitor().get(link).status_code == 200
    page.evaluate("document.querySelector('form[data-api^=DELETE] button').click()")
    page.wait("location.pathname === '/' && document.readyState === 'complete'")
    assert page.evaluate("document.querySelector('meta[name=csrf]').content") == ""
    assert page.complaints() == []


def test_a_link_is_followed_on_a_phone(browser, here):
    person = here.person()
    sent = {"email": "dee@example.org", "name": "Dee", "role": "guide", "language": "en"}
    link = person.call("POST", "/accounts", sent).json()["link"]
    page = here.browse(browser, link, **PHONE)
    inspect(page, here, "/link")
    page.evaluate("""(() => { const form = document.querySelector('main form');
        form.password.value = 'another walk in the rain'; form.requestSubmit(); })()""")
    page.wait("location.pathname === '/' && document.readyState === 'complete'")
    assert page.evaluate("document.querySelectorAll('.menu').length") == 2


def test_the_policy_stops_a_script_that_somebody_slipped_in(browser, here):
    page = here.browse(browser, "/", **LAPTOP)
    page.evaluate("""(() => { const one = document.createElement('script');
        one.textContent = 'window.slipped = 1'; document.body.append(one); })()""")
    assert page.evaluate("window.slipped") is None
    assert any("Content Security Policy" in one for one in page.complaints())


def test_a_browser_hears_live_updates_and_comes_back_after_a_break(browser, here):
    page = here.browse(browser, "/", **LAPTOP)
    module = page.evaluate("document.querySelector('script[src*=\"form.js\"]').src.replace('form.js', 'live.js')")
    page.evaluate(f"""import({module!r}).then(({{ listen }}) => {{
        window.heard = []; window.stop = listen(['hall.clock'], (topic, value) => window.heard.push(value)); }})""")
    for deadline in range(200):
        here.hall.live.publish("hall.clock", deadline)
        if page.evaluate("window.heard.length") > 2:
            break
    assert page.evaluate("window.heard.length") > 2
    page.evaluate("window.stop()")
