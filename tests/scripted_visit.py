# SPDX-License-Identifier: Apache-2.0
"""A visit from its plan to what follows it, as people live it: each with a device of their own, all by pages.

`tests/test_hall_visit.py` runs it and `tools/visit_pictures.py` photographs it. Every step asserts what it is for, and
that the page is sound as it stands. The hall's clock begins at BEGIN: the pictures show a morning at any time.
"""

import contextlib
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from unittest import mock

from tests import browser as browsers
from tests import hall as halls

from visionvalley.visits import clock, door, follow_up, questions
from visionvalley.visits.values import Role

PHONE, LAPTOP = {"width": 360, "height": 740, "touch": True}, {"width": 1280, "height": 800}
WALL, KIOSK = {"width": 3840, "height": 2160}, {"width": 1920, "height": 1080}
BEGIN = datetime(2027, 3, 10, 7, 20, tzinfo=UTC)  # a Wednesday, 10:20 in Nairobi
RUN_S = 240  # patience with a run: workers step back behind everything else
DAY, DUE, ZONE = "2027-03-10", "2027-03-31", "Africa/Nairobi"
DELEGATION, STAND = "Ministry of Industry", "inspection"
HOST, GUIDE, ROOM = "Ada", "Njeri", "Nile room"
PROGRAMME = (
    ("Welcome", "room", "09:00", "10:00", {"room": ROOM}),
    ("The inspection of parts", "stand", "10:00", "12:00", {"stand": STAND}),
    ("Lunch", "meal", "12:00", "13:30", {}),
    ("What was asked, and what follows", "talk", "13:30", "15:00", {"room": ROOM}),
)
# language -> name, office, does a screen greet them by name?, what they ask, what they are answered
GUESTS = {
    "en": (
        "Wanjiru Kamau", "Adviser for industry", True,
        "How small a dent would it still find?", "One as small as its uncertainty: the number behind the sign ±.",
    ),
    "fr": (
        "Amina Diallo", "Directrice générale", True,
        "Peut-on l'utiliser sans connexion à Internet ?", "Oui : rien ne quitte cette machine.",
    ),
    "ar": (
        "ليلى عبد الرحمن", "وزيرة الصناعة", False,
        "كم من الوقت يستغرق فحص قطعة واحدة؟", "ثوانٍ معدودة على حاسوب محمول عادي.",
    ),
}  # fmt: skip
DIRECTION = {"en": "ltr", "fr": "ltr", "ar": "rtl"}
GREETING = {"en": "Welcome", "fr": "Bienvenue", "ar": "أهل"}
WARM = {"en": "A warm welcome", "fr": "Soyez les bienvenus", "ar": "وسهلاً"}  # on the wall


@contextlib.contextmanager
def morning():
    """Let the clock of visits, and of the door, begin at BEGIN, and go on."""
    ahead = BEGIN - datetime.now(UTC)

    class Shifted(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + ahead

    seconds = SimpleNamespace(time=lambda: Shifted.now(UTC).timestamp())
    with mock.patch.object(clock, "datetime", Shifted), mock.patch.object(door, "time", seconds):
        yield


class Device:
    """Somebody's phone, laptop or wall: cookies of its own, one page."""

    def __init__(self, visit, screen, path, session="", **cookies):
        self.browser, self.url, self.screen = visit.browser, visit.here.url, screen
        self.context = self.browser.call("Target.createBrowserContext")["browserContextId"]
        told = {"valley_session": session, "valley_theme": "light", **{f"valley_{k}": v for k, v in cookies.items()}}
        kept = [{"name": name, "value": value, "url": self.url} for name, value in told.items() if value]
        self.browser.call("Storage.setCookies", cookies=kept, browserContextId=self.context)
        self.open(path)

    def open(self, path):
        """Open a page of its own for an address of the hall."""
        self.page = self.browser.page(self.url + path, context=self.context, **self.screen)

    def sound(self, what):
        """Nothing for axe-core, nothing wider than the screen, no complaint of the browser, no other host."""
        page = self.page
        assert halls.axe(page) == [], what
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), what
        assert page.complaints() == [], what
        assert [one for one in page.addresses() if not one.startswith((self.url, "data:", "blob:"))] == [], what

    def go(self, path):
        """Open a page of the hall."""
        self.leaves(f"location.assign({json.dumps(path)})")

    def leaves(self, act):
        """Do what loads a page, and wait for it."""
        self.page.evaluate(f"(() => {{ window.before = true; {act}; }})()")
        self.page.wait("!window.before && document.readyState === 'complete'")

    def click(self, selector):
        self.page.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def text(self, selector):
        return self.page.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def texts(self, selector):
        return self.page.evaluate(f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.innerText)")

    def write(self, api, stays=False, **fields):
        """Fill the form that calls `api`, by what people see in its choices where it has any, and send it."""
        self.page.evaluate(f"""((form, fields) => {{
            for (const [name, value] of Object.entries(fields)) {{
              const field = form.elements.namedItem(name);
              if (field instanceof HTMLSelectElement) {{
                const found = [...field.options].find((one) => one.value === value || one.text.startsWith(value));
                if (!found) throw new Error(`no choice ${{value}} of ${{name}}`);
                field.value = found.value;
              }} else if (typeof value === "boolean") field.checked = value;
              else field.value = value;
            }} }})(document.querySelector('form[data-api={json.dumps(api)}]'), {json.dumps(fields)})""")
        send = f"document.querySelector('form[data-api={json.dumps(api)}]').requestSubmit()"
        self.page.evaluate(send) if stays else self.leaves(send)


class Visit:
    """The visit, step by step, in the order of the methods. `keep(name, device)` is called where much is to be seen."""

    def __init__(self, here, browser, sample="block", keep=lambda _name, _device: None):
        self.here, self.browser, self.sample, self.keep = here, browser, sample, keep
        self.id, self.links, self.phones, self.asked = "", {}, {}, {}
        self.laptop = Device(self, LAPTOP, "/visits/new", here.session(name=HOST), language="en")

    def plan(self):
        """The administrator plans a visit and its programme; the house has a room and a guide."""
        laptop = self.laptop
        laptop.sound("a visit is planned")
        times = {"begins": f"{DAY}T09:00", "ends": f"{DAY}T18:00"}
        zones = {"zone": ZONE, "home_zone": "Africa/Dakar"}
        told = {"name": DELEGATION, "organisation": "Republic of Senegal", "country": "SN"}
        laptop.write("POST /api/v1/visits", **told, **times, **zones)
        self.id = laptop.page.evaluate("location.pathname").split("/")[2]
        laptop.go("/house")
        laptop.write("POST /api/v1/rooms", name=ROOM, seats="40")
        laptop.write("POST /api/v1/staff", name=GUIDE, kind="guide", languages="en fr")
        laptop.sound("rooms and people")
        for title, kind, begins, ends, where in PROGRAMME:
            laptop.go(f"/visits/{self.id}/entry")
            times = {"begins": f"{DAY}T{begins}", "ends": f"{DAY}T{ends}"}
            laptop.write(f"POST /api/v1/visits/{self.id}/programme", title=title, kind=kind, **times, **where)
        assert laptop.page.evaluate("location.pathname") == f"/visits/{self.id}"
        assert sorted(laptop.texts(".block strong")) == sorted(one[0] for one in PROGRAMME)
        assert laptop.text(".block span").startswith("09:00")
        laptop.sound("the programme")
        self.keep("visit-programme", laptop)

    def invite(self):
        """The guests are written down, and each is invited by a link that is shown once."""
        laptop = self.laptop
        laptop.go(f"/visits/{self.id}/guests")
        for language, (name, title, named, *_) in GUESTS.items():
            told = {"name": name, "title": title, "language": language, "named": named}
            laptop.write(f"POST /api/v1/visits/{self.id}/members", **told)
        names = laptop.texts(".name")
        assert sorted(names) == sorted(one[0] for one in GUESTS.values())
        for language, (name, *_) in GUESTS.items():
            card = f".cards > li:nth-child({names.index(name) + 1}) form[data-shows]"
            laptop.click(f"{card} button")
            laptop.page.wait(
                f"document.querySelector('{card} [data-link]')?.value && document.querySelector('{card} svg')"
            )
            self.links[language] = laptop.page.evaluate(f"document.querySelector('{card} [data-link]').value")
        assert len(set(self.links.values())) == len(GUESTS)
        laptop.sound("guests are invited")
        self.keep("visit-invitations", laptop)

    def pair(self):
        """A wall shows a code; the administrator types it, and the wall welcomes whoever is in the house."""
        wall = self.wall = Device(self, WALL, "/screen")
        wall.page.wait("document.getElementById('code').textContent && document.querySelector('#picture svg')")
        wall.sound("a screen is paired")
        self.laptop.go("/screens")
        self.laptop.write("POST /api/v1/screens", code=wall.text("#code"), name="Entrance", shows="welcome")
        self.laptop.sound("the screens")
        wall.page.wait(f"location.pathname === '/welcome' && document.body?.dataset.visit === '{self.id}'", RUN_S)
        assert wall.page.evaluate("document.querySelectorAll('.tile').length") == 0
        wall.page.close()  # it draws, and draws

    def welcome(self):
        """The wall greets in the languages of the guests, names who agreed, and tells what is now and was measured."""
        wall = self.wall
        wall.open("/welcome")
        wall.page.wait(f"document.body?.dataset.visit === '{self.id}' && document.fonts.status === 'loaded'")
        wall.page.wait("document.querySelector('.tile img')?.complete")
        greeted = wall.page.evaluate("[...document.querySelectorAll('.hello')].map((one) => one.lang)")
        assert set(greeted) == set(GUESTS)
        assert [one for one in GUESTS if WARM[one] not in wall.text(f".hello[lang={one}]")] == []
        shown = wall.text("body")
        assert {one[0]: one[0] in shown for one in GUESTS.values()} == {one[0]: one[2] for one in GUESTS.values()}
        assert DELEGATION in shown
        assert wall.text(".entry.now h3") == PROGRAMME[1][0]
        assert wall.text(".entry.next h3") == PROGRAMME[2][0]
        assert "mm" in wall.text(".tile .value")
        wall.sound("the welcome")
        self.keep("visit-welcome", wall)
        wall.page.close()

    def come_in(self, language):
        """A guest opens the link on a phone, is greeted in the own language, and shows the code at the door."""
        path = self.links[language].removeprefix(self.here.url)
        phone = self.phones[language] = Device(self, PHONE, path)
        name = GUESTS[language][0]
        said = phone.page.evaluate("[document.documentElement.lang, document.documentElement.dir]")
        assert said == [language, DIRECTION[language]]
        assert GREETING[language] in phone.text("h1")
        assert name in phone.text("h1")
        phone.sound(f"an invitation, {language}")
        self.keep(f"visit-invited-{language}", phone)
        phone.leaves("document.querySelector('.big').click()")
        assert phone.page.evaluate("location.pathname") == "/my"
        assert phone.texts(".slot h3") == [one[0] for one in PROGRAMME]
        assert phone.text(".slot.present h3") == PROGRAMME[1][0]
        phone.sound(f"a guest's programme, {language}")
        self.keep(f"visit-programme-{language}", phone)
        phone.go("/my/code")
        phone.sound(f"a guest's code, {language}")
        self.let_in(phone, name)
        again = Device(self, PHONE, path)
        assert again.page.evaluate("document.querySelector('.big')") is None, "a link works once"

    def let_in(self, phone, name):
        """The administrator types the code that the phone shows; the phone tells that its guest is in."""
        self.laptop.go("/door")
        self.laptop.write("POST /api/v1/door", stays=True, code=phone.text(".code"))
        self.laptop.page.wait("!document.querySelector('#came').hidden")
        assert name in self.laptop.text("#came")
        phone.page.wait("document.querySelector('#code .chip.pass')")

    def tour(self):
        """A guide walks through all stands with the notes, to the end."""
        guide = self.guide = Device(self, LAPTOP, "/stands", self.here.session(Role.GUIDE, GUIDE), language="fr")
        guide.leaves("document.querySelector('a[href=\"/tour\"]').click()")
        told, seen = [], set()
        while True:
            told.append(guide.text(".tour h2"))
            seen.add(guide.page.evaluate("location.pathname"))
            guide.sound(f"the tour: {told[-1]}")
            assert guide.text(".tour p:nth-of-type(2)")
            following = guide.page.evaluate("document.querySelector('.tour .actions .button:not(.quiet)')?.href ?? ''")
            if not following:
                break
            guide.go(following)
        there = self.here.visitor().get("/api/v1/stands").json()
        assert seen == {f"/stands/{one['name']}" for one in there}
        assert len(told) == len(set(told)) > len(there)

    def run(self):
        """The guide runs a sample live: told step by step, then a verdict, numbers with ±, and a part to turn."""
        guide = self.guide
        guide.go(f"/stands/{STAND}")
        guide.click(f"#live-form [value={self.sample}]")
        guide.leaves("document.getElementById('live-form').requestSubmit()")
        guide.page.wait("document.querySelectorAll('.run-done li').length >= 2", RUN_S)
        guide.page.wait("document.querySelector('#viewer canvas') && document.readyState === 'complete'", RUN_S)
        guide.page.wait("window.viewer?.controls && !window.viewer.controls.moving")
        assert guide.page.evaluate("document.querySelector('.chip.large').classList[2]") in ("pass", "fail", "unsure")
        numbers = guide.texts("#numbers li")
        assert len(numbers) >= 3
        assert any("±" in one for one in numbers)
        guide.sound("a result")
        self.keep("visit-run", guide)

    def ask(self, language):
        """A guest asks from the phone, at the stand, in the own language; the hall keeps it, and says so."""
        phone, text = self.phones[language], GUESTS[language][3]
        phone.go(f"/ask?stand={STAND}")
        phone.page.evaluate("document.querySelector('textarea').focus()")
        phone.page.call("Input.insertText", text=text)
        phone.sound(f"a question, {language}")
        phone.leaves("document.querySelector('.big').click()")
        assert phone.page.evaluate("location.pathname") == "/my/questions"
        assert phone.text(".mine blockquote") == text
        asked = [one.question for one in questions.board(self.here.hall.records, self.id)]
        self.asked[language] = next(one.id for one in asked if one.text == text)

    def answer(self):
        """The host sees all questions on the board, answers each in its language, and publishes it."""
        laptop = self.laptop
        laptop.go(f"/visits/{self.id}/board")
        assert laptop.texts(".board .count") == [str(len(GUESTS)), "0", "0"]
        laptop.sound("the board")
        for done, (language, (*_, answer)) in enumerate(GUESTS.items()):
            asked = self.asked[language]
            laptop.write(f"POST /api/v1/questions/{asked}/answer", stays=True, answer=answer, language=language)
            laptop.page.wait(f"document.querySelector('#question-{asked} form[data-api$=publish]')")
            assert len(questions.published(self.here.hall.records, STAND)) == done, "shown only once it is published"
            if done == 1:
                self.keep("visit-board", laptop)  # one waits, one is answered, one is shown
            laptop.write(f"POST /api/v1/questions/{asked}/publish", stays=True)
            laptop.page.wait(f"document.querySelectorAll('.board .count')[2].textContent === '{done + 1}'")
            phone = self.phones[language].page
            phone.wait(f"document.querySelector('.mine .answer')?.textContent === {json.dumps(answer)}")
            self.phones[language].sound(f"an answer, {language}")
        self.keep("visit-answer-ar", self.phones["ar"])

    def read(self):
        """The next visitor reads the answers at the stand, on its own screen, in Arabic; nobody's name is there."""
        wall = Device(self, KIOSK, f"/stands/{STAND}", language="ar", theme="dark", size="large")
        wall.page.wait("window.viewer?.controls && !window.viewer.controls.moving")
        answered = {(one[3], one[4]) for one in GUESTS.values()}
        assert set(zip(wall.texts("#questions blockquote"), wall.texts("#questions .answer"), strict=True)) == answered
        whole = wall.text("body")
        assert not [one[0] for one in GUESTS.values() if one[0] in whole]
        assert wall.page.evaluate("getComputedStyle(document.querySelector('#viewer')).direction") == "ltr"
        wall.sound("the stand on its screen")
        self.keep("visit-stand-ar", wall)

    def follow(self):
        """What is to follow has an owner and a day, and stands beside who asked what and what was answered."""
        laptop, what = self.laptop, "Send the sample part and its report to Ms Diallo"
        laptop.go(f"/visits/{self.id}/after")
        told = {"text": what, "owner": HOST, "due": DUE, "question": self.asked["fr"]}
        laptop.write(f"POST /api/v1/visits/{self.id}/follow-ups", **told)
        kept = follow_up.of_visit(self.here.hall.records, self.id)
        assert [(one.text, one.due, one.question) for one in kept] == [(what, DUE, self.asked["fr"])]
        row = laptop.text(".rows li")
        assert what in row
        assert HOST in row
        assert "2027" in row
        assert laptop.texts(".facts dd")[:4] == ["3 / 3", "3", "3", "1"], "came, asked, answered, still to do"
        for card, (name, *_, asked, answer) in zip(laptop.texts(".question"), self._by_asking(), strict=True):
            assert all(one in card for one in (name, asked, answer))
        laptop.sound("after the visit")
        self.keep("visit-after", laptop)

    def _by_asking(self):
        order = [one.question.id for one in questions.board(self.here.hall.records, self.id)]
        return [GUESTS[language] for language, _ in sorted(self.asked.items(), key=lambda one: order.index(one[1]))]


def lived(folder, sample="block", keep=lambda _name, _device: None):
    """Live the whole visit in a hall and a browser of its own; `folder`: where both keep what is theirs."""
    with morning(), halls.opened(folder / "hall", workers=1) as here, browsers.opened(folder / "profile") as chromium:
        visit = Visit(here, chromium, sample, keep)
        visit.plan()
        visit.invite()
        visit.pair()
        for language in GUESTS:
            visit.come_in(language)
        visit.tour()
        visit.run()
        visit.welcome()
        for language in GUESTS:
            visit.ask(language)
        visit.answer()
        visit.read()
        visit.follow()
