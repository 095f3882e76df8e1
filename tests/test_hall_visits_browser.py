# SPDX-License-Identifier: Apache-2.0
"""A delegation in a real browser: the guest's phone in French and Arabic, the host's board, the programme's editor."""

import json

import pytest
from tests import hall as halls
from tests import visits as visiting

from visionvalley.visits import programme, questions
from visionvalley.visits.plans import Activity
from visionvalley.visits.values import SYSTEM

PHONE = {"width": 360, "height": 740, "touch": True}
WIDE = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def kenya(here):
    return visiting.arrive(here.hall.records)


def sound(page):
    """Nothing for axe-core to find, nothing wider than the screen, nothing that the browser complains of."""
    assert halls.axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert [one for one in page.events("Log.entryAdded") if one["entry"]["level"] == "error"] == []


def go(page, address):
    """Follow a link of the page to an address."""
    page.evaluate(f"document.querySelector('a[href=\"{address}\"]').click()")
    page.wait(f"location.pathname + location.search === '{address}' && document.readyState === 'complete'")


def fill(page, selector, text):
    page.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
    page.call("Input.insertText", text=text)


def click(page, selector):
    page.evaluate(f"document.querySelector({json.dumps(selector)}).click()")


@pytest.mark.parametrize(("language", "direction"), [("fr", "ltr"), ("ar", "rtl")])
def test_a_guest_comes_asks_is_answered_and_goes(here, browser, kenya, language, direction):
    ada, guest, records = here.person(), kenya.guests[language], here.hall.records
    token = visiting.invitation(records, kenya.visit, guest)
    page = here.browse(browser, f"/invited/{token}", language="en", **PHONE)
    assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == [language, direction]
    assert guest.name in page.evaluate("document.querySelector('h1').textContent")
    assert page.evaluate("document.querySelector('.big').getBoundingClientRect().height") >= 44
    sound(page)
    click(page, ".big")
    page.wait("location.pathname === '/my' && document.readyState === 'complete'")
    assert page.evaluate("document.documentElement.dir") == direction
    assert page.evaluate("document.querySelectorAll('.slot').length") == 4
    sound(page)
    go(page, "/my/code")
    sound(page)
    shown = page.evaluate("document.querySelector('.code').textContent")
    assert ada.call("POST", "/door", {"code": shown}).json()["name"] == guest.name
    page.wait("document.querySelector('#code .chip')")
    go(page, "/ask")
    fill(page, "textarea", "ما هو أصغر عيب؟" if language == "ar" else "Quel est le plus petit défaut ?")
    sound(page)
    click(page, ".big")
    page.wait("location.pathname === '/my/questions' && document.querySelector('.mine')")
    asked = questions.of_member(records, guest.id)[0][0]
    assert (asked.language, asked.state) == (language, "queued")
    told = {"version": 1, "answer": "0.1 mm", "language": "en"}
    assert ada.call("POST", f"/questions/{asked.id}/answer", told).status_code == 200
    page.wait("document.querySelector('.mine .answer')?.textContent === '0.1 mm'")
    sound(page)
    go(page, "/my/data")
    sound(page)
    click(page, "form[data-api*='questions=keep'] button")
    page.wait("document.querySelector('dialog[open]')")
    assert halls.axe(page) == []
    click(page, "dialog .button:not(.quiet)")
    page.wait("location.pathname === '/goodbye' && document.readyState === 'complete'")
    sound(page)
    assert questions.one(records, asked.id).member is None


def test_the_board_is_live_and_nobodys_writing_is_lost(here, browser, kenya):
    records, visit, guest = here.hall.records, kenya.visit, kenya.guests["en"]
    person = here.holding(visiting.guest_session(records, guest))

    def ask(text):
        sent = {"text": text, "stand": "printing", "key": f"key-{len(text)}-{text[:3]}".replace(" ", "")}
        assert person.call("POST", "/guest/questions", sent).status_code == 201

    def asked(text):
        return next(one.question for one in questions.board(records, visit.id) if one.question.text == text)

    page = here.browse(browser, f"/visits/{visit.id}/board", here.session(), **WIDE)
    count = "[...document.querySelectorAll('.board .count')].map((one) => Number(one.textContent))"
    before = page.evaluate(count)
    ask("How large is it?")
    page.wait(f"{count}[0] === {before[0] + 1}")
    first = asked("How large is it?")
    fill(page, f"#question-{first.id} textarea", "As large as")
    ask("How heavy is it, then?")
    page.wait("!document.querySelector('[data-news]').hidden")
    assert page.evaluate(f"document.querySelector('#question-{first.id} textarea').value") == "As large as"
    sound(page)
    click(page, "[data-bring]")
    page.wait(f"{count}[0] === {before[0] + 2}")
    fill(page, f"#question-{first.id} textarea", " a shoe box.")
    second = asked("How heavy is it, then?")
    fill(page, f"#question-{second.id} textarea", "About")
    click(page, f"#answer-{first.id} .button")
    page.wait(f"{count}[1] === {before[1] + 1} && {count}[0] === {before[0] + 1}")
    assert questions.one(records, first.id).answer == "As large as a shoe box."
    click(page, f"#question-{first.id} form[data-api$='publish'] button")
    page.wait(f"{count}[2] === {before[2] + 1}")
    assert [one.answer for one in questions.published(records, "printing")] == ["As large as a shoe box."]
    assert page.evaluate(f"document.querySelector('#question-{second.id} textarea').value") == "About"
    page.evaluate(f"document.querySelector('#merge-{second.id}').open = true")
    page.evaluate(f"document.querySelector('#merge-{second.id} select').value = '{first.id}'")
    sound(page)
    click(page, f"#merge-{second.id} .button")
    page.wait(f"document.querySelector('#question-{first.id} .also')")
    assert questions.one(records, second.id).merged_into == first.id


def test_a_clash_is_told_beside_the_form_and_what_others_take_is_seen(here, browser):
    records = here.hall.records
    ours, theirs = visiting.arrive(records, "Ours"), visiting.arrive(records, "Theirs")
    room = programme.of_visit(records, theirs.visit.id)[0].room
    mine = programme.of_visit(records, ours.visit.id)[3]
    page = here.browse(browser, f"/visits/{ours.visit.id}/entry/{mine.id}", here.session(), **WIDE)
    sound(page)
    page.evaluate(f"document.querySelector('[name=room]').value = '{room}'")
    click(page, "form.wide-form .button")
    page.wait("!document.querySelector('form.wide-form .told').hidden")
    assert "is taken: 'Lunch'" in page.evaluate("document.querySelector('.told strong').textContent")
    times = mine.ends, theirs.visit.ends
    programme.add(records, SYSTEM, ours.visit.id, Activity.MEAL, "Dinner", *times, room=room)
    for look in ("?by=place", "?by=person"):
        page = here.browse(browser, f"/visits/{ours.visit.id}{look}", here.session(), theme="dark", **WIDE)
        sound(page)
    page = here.browse(browser, f"/visits/{ours.visit.id}", here.session(), language="ar", **WIDE)
    boxes = "[...document.querySelectorAll('.block')].map((one) => one.getBoundingClientRect())"
    beside = "p.right <= q.left || q.right <= p.left || p.bottom <= q.top + 1 || q.bottom <= p.top + 1"
    apart = f"((all) => all.every((p, i) => all.every((q, j) => i === j || {beside})))({boxes})"
    assert page.evaluate(apart)
    assert page.evaluate("document.querySelectorAll('.block.other').length") >= 1


@pytest.mark.parametrize(("language", "size"), [("en", WIDE), ("ar", PHONE)], ids=["en", "ar"])
def test_pages_of_the_house_are_sound(here, browser, kenya, language, size):
    at = f"/visits/{kenya.visit.id}"
    own = [f"{at}/{name}" for name in ("guests", "after", "settings", "entry")]
    for path in ("/visits", "/visits/new", *own, "/house", "/door"):
        sound(here.browse(browser, path, here.session(), language=language, **size))
