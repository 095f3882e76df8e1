# SPDX-License-Identifier: Apache-2.0
"""Every page of the hall in every language, folds and questions opened: nothing for axe-core, nothing that sticks out.

Themes, text sizes and screens take turns, so that each page has all of them among its six languages.
"""

import pytest
from fastapi.responses import HTMLResponse
from tests import hall as halls
from tests import visits as visiting
from tests import welcome
from tests.test_hall_stands import SAMPLE, finished

from visionvalley.hall import pages
from visionvalley.hall.languages import LANGUAGES
from visionvalley.hall.reader import SIZES, THEMES
from visionvalley.visits import accounts, clock, delegations, follow_up, programme, questions
from visionvalley.visits.values import SYSTEM, Role

WORKERS = 1
PHONE, LAPTOP = {"width": 360, "height": 740, "touch": True}, {"width": 1280, "height": 800}
NOBODY, GUEST, HOUSE, SCREEN = "nobody", "guest", "house", "screen"
PAGES = {  # address, as the application names it: who looks at it
    "/": HOUSE,
    "/account": HOUSE,
    "/administration/accounts": HOUSE,
    "/administration/audit": HOUSE,
    "/administration/sessions": HOUSE,
    "/administration/translations": HOUSE,
    "/api": HOUSE,
    "/ask": GUEST,
    "/door": HOUSE,
    "/goodbye": NOBODY,
    "/house": HOUSE,
    "/invited/{token}": NOBODY,
    "/link/{token}": NOBODY,
    "/my": GUEST,
    "/my/code": GUEST,
    "/my/data": GUEST,
    "/my/questions": GUEST,
    "/screen": NOBODY,
    "/screens": HOUSE,
    "/sign-in": NOBODY,
    "/stands": GUEST,
    "/stands/{name}": GUEST,
    "/stands/{name}/runs/{id}": HOUSE,
    "/visits": HOUSE,
    "/visits/new": HOUSE,
    "/visits/{id}": HOUSE,
    "/visits/{id}/after": HOUSE,
    "/visits/{id}/board": HOUSE,
    "/visits/{id}/entry": HOUSE,
    "/visits/{id}/entry/{entry}": HOUSE,
    "/visits/{id}/guests": HOUSE,
    "/visits/{id}/settings": HOUSE,
    "/welcome": SCREEN,
    "/welcome/answers": SCREEN,
}
LEAD_ELSEWHERE = {"/tour"}
OPEN = "document.querySelectorAll('main details:not(.menu)').forEach((one) => { one.open = true; })"


@pytest.fixture(scope="module")
def filled(here):
    """A visit with questions in every state, a screen, a run: values for addresses, and cookies by reader."""
    records = here.hall.records
    came = visiting.arrive(records)
    visit, guest = came.visit.id, came.guests["en"]
    asked = [
        questions.ask(records, visit, guest.id, "inspection", f"Question {n}?", "en", f"key-{n}") for n in range(6)
    ]
    for one in asked[1:3]:
        questions.answer(records, SYSTEM, one.id, one.version, "An answer, with *emphasis*.", "en")
    questions.publish(records, SYSTEM, asked[2].id, questions.one(records, asked[2].id).version)
    questions.reject(records, SYSTEM, asked[3].id, asked[3].version)
    questions.merge(records, SYSTEM, asked[4].id, asked[4].version, asked[0].id)
    ada = here.account()
    follow_up.add(records, SYSTEM, visit, "Send the offer", owner=ada.id, due=clock.later(86400)[:10])
    run = finished(here.visitor(), SAMPLE)
    assert run["phase"] == "done"
    invited = {
        code: delegations.add_member(records, SYSTEM, came.visit.delegation, f"Guest {code}", code)
        for code in LANGUAGES
    }
    values = {
        **{f"invited {code}": visiting.invitation(records, came.visit, one) for code, one in invited.items()},
        "link": accounts.invite(records, SYSTEM, "eve@example.org", "Eve", Role.HOST)[1],
        "id": visit, "entry": programme.of_visit(records, visit)[0].id, "name": "inspection", "run": run["id"],
    }  # fmt: skip
    cookies = {NOBODY: "", GUEST: visiting.guest_session(records, guest), HOUSE: here.session(),
               SCREEN: welcome.screen(records)[0]}  # fmt: skip
    return values, cookies


def address(page, values, language):
    """Return an address with its values; an invitation speaks its guest's language."""
    token = values[f"invited {language}" if page.startswith("/invited") else "link"]
    one = values["run" if page.startswith("/stands") else "id"]
    return page.format(token=token, id=one, entry=values["entry"], name=values["name"])


def test_no_page_is_left_out():
    routes = [route for router in pages.ROUTERS for route in router.routes]
    there = {one.path for one in routes if getattr(one, "response_class", None) is HTMLResponse}
    assert there - LEAD_ELSEWHERE == PAGES.keys()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_wrong_with_any_page_in_any_language(browser, here, filled, path, language):
    values, cookies = filled
    turn = list(LANGUAGES).index(language) + list(PAGES).index(path)
    theme, size = list(THEMES)[turn % len(THEMES)], list(SIZES)[turn % len(SIZES)]
    screen = (PHONE, LAPTOP)[turn // 2 % 2]
    page = here.browse(browser, address(path, values, language), cookies[PAGES[path]], language, theme, size, **screen)
    calm = {"prefers-color-scheme": theme, "prefers-reduced-motion": "reduce"}  # what fades in has no contrast yet
    page.call("Emulation.setEmulatedMedia", features=[{"name": one, "value": calm[one]} for one in calm])
    try:
        assert page.evaluate("document.documentElement.lang") == LANGUAGES[language].tag
        assert page.evaluate("location.pathname") == address(path, values, language), "led elsewhere"
        page.evaluate(OPEN)
        sound(page, here)
        if page.evaluate("document.querySelector('main [data-asks]') !== null"):
            page.evaluate("document.querySelector('main [data-asks]').click()")
            page.wait("document.querySelector('dialog[open]')")
            assert halls.axe(page) == []
    finally:
        page.close()


def sound(page, here):
    assert [one for one in page.addresses() if not one.startswith((here.url, "data:", "blob:"))] == []
    assert page.complaints() == []
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    assert halls.axe(page) == []
