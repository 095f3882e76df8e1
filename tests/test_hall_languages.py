# SPDX-License-Identifier: Apache-2.0
"""Translations: none missing, none that nobody shows, the same values in each, every plural form; drafts are told.

Where this fails: `python tools/translations.py`, then `--missing` and `--fill` for each language.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from io import BytesIO
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from visionvalley.core import BadInput, text
from visionvalley.core.messages import catalogue
from visionvalley.hall import languages
from visionvalley.hall.texts import area_of, every_text
from visionvalley.report.json import plain
from visionvalley.report.reading import _text
from visionvalley.vision.metrology.characteristics import Kind
from visionvalley.vision.metrology.constructions import Construct

ROOT = Path(__file__).parent.parent
LOCALES = ROOT / "src" / "visionvalley" / "hall" / "locales"
OTHERS = [code for code in languages.LANGUAGES if code != languages.DEFAULT]
VALUE = re.compile(r"%\(\w+\)s|\{\w+\}")
COMMAND = re.compile(r"`[^`]+`|--[a-z-]+|\b[A-Z_]{6,}\b|/api/v1/\S+")


def written(code: str) -> dict[tuple[str | None, str], tuple[str, object]]:
    """Return, by context and English, the file and the translation of everything in a language's files."""
    found = {}
    for file in sorted((LOCALES / code / "LC_MESSAGES").glob("*.po")):
        for message in read_po(BytesIO(file.read_bytes()), locale=languages.LANGUAGES[code].locale):
            if message.id:
                known = message.context, message.id if isinstance(message.id, str) else message.id[0]
                assert known not in found, (code, known, "stands twice")
                found[known] = file.stem, message.string
    return found


def forms(string) -> tuple[str, ...]:
    return tuple(string) if isinstance(string, (tuple, list)) else (string,)


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_is_translated_and_nothing_else(code):
    there, asked = written(code), every_text()
    assert sorted(map(str, there.keys() - asked.keys())) == [], "nobody shows these any more"
    lost = sorted(known[1] for known in asked if known not in there or not all(forms(there[known][1])))
    assert lost == [], "without a translation"
    assert [known for known, (area, _) in there.items() if area != area_of(asked[known][0])] == []


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_says_the_same_values_and_commands(code):
    for (context, english), (_, string) in written(code).items():
        for form in filter(None, forms(string)):
            assert set(VALUE.findall(form)) == set(VALUE.findall(english)), (code, context, english, form)
            assert set(COMMAND.findall(form)) == set(COMMAND.findall(english)), (code, context, english, form)
            assert "<" not in form, (code, form)


def fields(words: str) -> Counter[tuple[str | None, str | None]]:
    """Return every field that `str.format` fills in a message, with its format."""
    return Counter((name, form) for _, name, form, _ in Formatter().parse(words) if name is not None)


@pytest.mark.parametrize("code", OTHERS)
def test_no_percent_sign_is_taken_for_a_value(code):
    """Templates fill every text by %: a bare sign, as in '95% of', would be a fault of the whole page."""
    for (context, english), (_, string) in written(code).items():
        for one in (english, *forms(string)) if context is None else ():
            assert not re.search(r"%(?!\(\w+\)s|%)", one or ""), (code, one)


def test_a_message_of_the_core_is_filled_with_the_same_fields_as_its_english():
    assert fields("{{kind}} {a:.3g}, {b}, {b}") == {("a", ".3g"): 1, ("b", ""): 2}
    for code in OTHERS:
        for (context, english), (_, string) in written(code).items():
            if context is not None and string:
                assert isinstance(string, str), (code, context, "a message of the core has no plural")
                assert fields(string) == fields(english), (code, context, string)


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_with_a_number_has_all_forms_of_the_language_and_no_other_has_any(code):
    wanted, asked = Catalog(locale=languages.LANGUAGES[code].locale).num_plurals, every_text()
    for known, (_, string) in written(code).items():
        if known in asked:
            plural = asked[known][1] is not None
            assert (isinstance(string, (tuple, list)), len(forms(string))) == (plural, wanted if plural else 1), known


@pytest.mark.parametrize("code", OTHERS)
def test_every_number_has_its_plural(code):
    one, many = "%(num)s device is signed in.", "%(num)s devices are signed in."
    told = {n: languages.translations(code).ngettext(one, many, n) for n in range(120)}
    assert all(text not in (one, many) for text in told.values())
    expected = {"ar": 6, "zh": 1}.get(code, 2)
    assert len(set(told.values())) == expected
    if code == "ar":
        assert told[3] == told[10] == told[103] != told[11] == told[99] != told[100]
        assert len({told[0], told[1], told[2], told[3]}) == 4


@pytest.mark.parametrize("code", OTHERS)
def test_an_error_is_told_in_the_language(code):
    said = languages.explain(BadInput("hall.too_often", seconds=7), code)
    assert said["what"] != languages.explain(BadInput("hall.too_often", seconds=7), "en")["what"]
    assert "7" in said["fix"]


def test_names_of_kinds_are_told_in_the_language_and_names_of_people_stay():
    told = {"flatness": "planéité", "flatness of plane-1": "planéité, plan-1", "region 12": "zone 12", "Ada's": "Ada's"}
    assert {one: languages.word(one, "fr") for one in told} == told
    error = BadInput("metrology.wrong_feature", feature="plane", got="cylinder", kind="circular run-out")
    said = languages.explain(error, "fr")["what"]
    assert [one for one in ("plane", "cylindre", "battement circulaire") if one not in said] == []


def test_a_message_within_a_message_is_told_in_the_language():
    error = BadInput("metrology.too_few", got=2, least=3, kind="plane").message
    note = text("manufacturing.not_measured", name="top", reason=error, fix=error)
    assert str(note) == "Not measured: top. 2 points without NaN are too few for a plane; pass more points."
    read = json.loads(json.dumps(plain({"note": note})))["note"]
    assert read["parameters"]["fix"]["text"] == "pass more points"
    assert languages.say(_text(read), "ar") == languages.say(note, "ar")
    assert not re.search("without|pass more|plane", languages.say(note, "ar"))


def test_the_english_name_of_a_kind_is_the_one_that_the_source_uses():
    found = {
        key.removeprefix("words."): parts["text"] for key, parts in catalogue().items() if key.startswith("words.")
    }
    del found["of"]
    assert [key for key, name in found.items() if re.sub("[ -]", "_", name) != key] == []
    assert {one.value for one in (*Kind, *Construct)} <= set(found.values())


def test_what_no_speaker_has_signed_is_a_draft():
    for one in languages.signed():
        assert one.signed <= one.translated <= one.texts == len(every_text())


def test_the_tool_leaves_everything_as_it_stands():
    before = {file: file.read_bytes() for file in LOCALES.rglob("*.po")}
    done = subprocess.run([sys.executable, str(ROOT / "tools" / "translations.py")], capture_output=True, check=False)
    try:
        assert done.returncode == 0, done.stderr
        assert {file: file.read_bytes() for file in LOCALES.rglob("*.po")} == before
    finally:
        for file, content in before.items():
            file.write_bytes(content)
