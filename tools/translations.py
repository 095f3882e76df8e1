# SPDX-License-Identifier: Apache-2.0
"""Keep the hall's translations in step with its texts.

    python tools/translations.py                    add what is new, drop what nobody shows any more, in all languages
    python tools/translations.py --missing sw       print what has no translation, as JSON: {"key": "English", ...}
    python tools/translations.py --fill sw FILE     take translations from such JSON: {"key": "translation", ...}

A key is the English text, after 'context|' where it is a message of the core. A text with a plural has a list: one
translation for each plural form of the language. Whoever speaks a language and has looked at a translation writes
'# signed: name, date' above it in the .po file; the tool keeps that as long as the English stays.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from visionvalley.hall.languages import DEFAULT, LANGUAGES
from visionvalley.hall.texts import area_of, every_text

LOCALES = Path(__file__).resolve().parent.parent / "src" / "visionvalley" / "hall" / "locales"
HEADER = "# SPDX-License-Identifier: Apache-2.0"
Known = tuple[str | None, str]


def main() -> None:
    """Do what the words ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--missing", metavar="LANGUAGE")
    parser.add_argument("--fill", nargs=2, metavar=("LANGUAGE", "FILE"))
    asked = parser.parse_args()
    if asked.missing:
        print(json.dumps(missing(asked.missing), ensure_ascii=False, indent=1))
        return
    given = {asked.fill[0]: json.loads(Path(asked.fill[1]).read_text(encoding="utf-8"))} if asked.fill else {}
    for code in LANGUAGES:
        if code != DEFAULT:
            write(code, given.get(code, {}))


def key_of(known: Known) -> str:
    """Return how JSON names a text."""
    return known[1] if known[0] is None else f"{known[0]}|{known[1]}"


def known_of(code: str) -> dict[Known, Message]:
    """Return what is translated into a language."""
    found: dict[Known, Message] = {}
    for file in sorted((LOCALES / code / "LC_MESSAGES").glob("*.po")):
        with file.open("rb") as opened:
            for message in read_po(opened, locale=LANGUAGES[code].locale):
                if message.id:
                    first = message.id if isinstance(message.id, str) else message.id[0]
                    found[message.context, first] = message
    return found


def comments(message: Message) -> list[str]:
    """Return what people wrote above a translation; the head of the file is none of it."""
    return [one for one in message.user_comments if one not in HEADER]


def missing(code: str) -> dict[str, str]:
    """Return the texts that have no translation, by key."""
    known = known_of(code)
    return {key_of(one): one[1] for one in every_text() if one not in known or not full(known[one].string)}


def full(string: Any) -> bool:
    """Whether every form of a translation is there."""
    return all(string) if isinstance(string, (tuple, list)) else bool(string)


def catalogs(code: str, given: dict[str, Any]) -> dict[str, Catalog]:
    """Return the files of a language as they should be, by area."""
    known, made = known_of(code), defaultdict(lambda: Catalog(locale=LANGUAGES[code].locale))
    for (context, english), (place, plural) in sorted(
        every_text().items(), key=lambda item: (item[1][0], key_of(item[0]))
    ):
        old, new = known.get((context, english)), given.get(key_of((context, english)))
        string = new if new is not None else old.string if old else ""
        if plural is not None and not isinstance(string, (tuple, list)):
            string = ("",) * made[area_of(place)].num_plurals
        made[area_of(place)].add(
            (english, plural) if plural is not None else english,
            tuple(string) if isinstance(string, list) else string,
            user_comments=comments(old) if old and new is None else (),
            context=context,
        )
    return made


def written(catalog: Catalog) -> bytes:
    """Return a file without the dates that would change each time."""
    content = BytesIO()
    write_po(content, catalog, width=0, omit_header=True, no_location=True)
    return f"{HEADER}\n\n".encode() + content.getvalue()


def write(code: str, given: dict[str, Any]) -> None:
    """Write the files of a language."""
    folder = LOCALES / code / "LC_MESSAGES"
    folder.mkdir(parents=True, exist_ok=True)
    made = catalogs(code, given)
    for file in folder.glob("*.po"):
        if file.stem not in made:
            file.unlink()
    for area, catalog in made.items():
        (folder / f"{area}.po").write_bytes(written(catalog))
    lost = missing(code)
    print(f"{code}: {len(every_text())} texts, {len(lost)} without a translation")


if __name__ == "__main__":
    main()
