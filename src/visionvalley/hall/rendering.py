# SPDX-License-Identifier: Apache-2.0
"""Pages from templates: escaped, in the reader's language; a name that is missing in a template is an error."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from visionvalley.core import Measurement, Text
from visionvalley.hall import languages, stands
from visionvalley.hall.reader import SIZES, THEMES, Reader, hall_of
from visionvalley.hall.rights import RIGHTS
from visionvalley.report import numbers

STATIC, ASSETS = "/static", "/assets"


def page(request: Request, reader: Reader, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page made of a template, such as 'account/account.html'."""
    common = {"reader": reader, "hall": hall_of(request), "path": request.url.path}
    body = environment().get_template(template).render(common | values)
    return HTMLResponse(body, status, headers={"Content-Language": languages.LANGUAGES[reader.language].tag})


@lru_cache
def environment() -> Environment:
    """Return the templates of the hall and what they can call."""
    made = Environment(
        loader=PackageLoader("visionvalley.hall"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        auto_reload=False,
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_callables(_gettext, _ngettext, newstyle=True, pgettext=_pgettext)  # type: ignore[attr-defined]
    made.globals |= {
        "LANGUAGES": languages.LANGUAGES, "THEMES": THEMES, "SIZES": SIZES, "RIGHTS": RIGHTS, "static": static,
        "number": number, "measurement": measurement, "say": say, "day": day, "clock": clock, "when": when,
        "moment_in": moment_in, "stand_title": stand_title, "stands": stands.stands,
    }  # fmt: skip
    return made


def warm() -> None:
    """Read all templates now, so that no reader waits."""
    for name in environment().list_templates():
        environment().get_template(name)


def static(name: str) -> str:
    """Return the address of a static file."""
    return f"{STATIC}/{static_version()}/{name}"


@lru_cache
def static_version() -> str:
    """Return a hash of all static files, part of their addresses: a browser may keep them for ever.

    Modules that import one another share it, so that none is loaded twice.
    """
    digest = hashlib.sha256()
    for file in sorted((files("visionvalley.hall") / "static").iterdir(), key=lambda one: one.name):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


def _code(context: Context) -> str:
    return str(context["reader"].language)


@pass_context
def _gettext(context: Context, text: str) -> str:
    return languages.translations(_code(context)).gettext(text)


@pass_context
def _ngettext(context: Context, one: str, many: str, n: int) -> str:
    return languages.translations(_code(context)).ngettext(one, many, n)


@pass_context
def _pgettext(context: Context, meaning: str, text: str) -> str:
    return str(languages.translations(_code(context)).pgettext(meaning, text))


@pass_context
def number(context: Context, value: float, digits: int | None = None) -> str:
    """Write a number in the reader's language."""
    return languages.number(value, _code(context), digits)


@pass_context
def measurement(context: Context, measured: Measurement) -> Markup:
    """Write a value with its uncertainty and unit, read from left to right in every language."""
    return Markup('<bdi dir="ltr" class="measured">{}</bdi>').format(numbers.write(measured))


@pass_context
def say(context: Context, message: Text, part: str = "text") -> str:
    """Write a message of the core in the reader's language."""
    return languages.say(message, _code(context), part)


@pass_context
def day(context: Context, moment: str, zone: str = "UTC", form: str = "long") -> str:
    """Write a day in the reader's language."""
    return languages.day(moment, _code(context), zone, form)


@pass_context
def clock(context: Context, moment: str, zone: str = "UTC", form: str = "short") -> str:
    """Write a time in the reader's language."""
    return languages.clock(moment, _code(context), zone, form)


@pass_context
def when(context: Context, moment: str, zone: str = "UTC", form: str = "medium") -> str:
    """Write day and time in the reader's language."""
    return languages.when(moment, _code(context), zone, form)


def moment_in(moment: str, zone: str) -> str:
    """Write a moment as a field of day and time has it (HTML, datetime-local)."""
    return datetime.fromisoformat(moment).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")


@pass_context
def stand_title(context: Context, name: str) -> str:
    """Return what a stand is called in the reader's language; its name where the hall has none of this name."""
    title = next((one.title for one in stands.stands() if one.name == name), None)
    return languages.translations(_code(context)).gettext(title) if title else name
