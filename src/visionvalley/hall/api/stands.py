# SPDX-License-Identifier: Apache-2.0
"""Stands: what there is to see, what can be asked of it, and what was measured last."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from visionvalley.core import Measurement, text
from visionvalley.core.messages import catalogue
from visionvalley.hall import languages, results, stands
from visionvalley.hall.api.forms import Id, told
from visionvalley.hall.reader import AnyReader, InRecords
from visionvalley.hall.results import Shown
from visionvalley.hall.stands import Sample, Stand
from visionvalley.report import numbers
from visionvalley.report.markup import Words

router = APIRouter(tags=["stands"])
Verdict = Literal["pass", "fail", "cannot say"]


class Number(BaseModel):
    """A measured value as people read it, and in SI."""

    name: str
    text: str
    value: float
    standard_uncertainty: float
    interval_95: tuple[float, float]
    unit: str


class Latest(BaseModel):
    """The latest result of a sample: a living picture for a screen. `picture`: path of a PNG, empty where none is."""

    run: str
    stand: str
    title: str
    verdict: Verdict | None
    numbers: list[Number]
    simulated: bool
    started: str
    picture: str


class Setting(BaseModel):
    """A setting: as asked by the API in SI; `unit` and `factor` say how people write it."""

    name: str
    label: str
    help: str
    kind: Literal["number", "choice", "flag", "text"]
    unit: str
    factor: float
    low: float | None
    high: float | None
    choices: list[str]
    default: float | bool | str | None


class Role(BaseModel):
    """A file that a guest may bring."""

    name: str
    endings: list[str]
    needed: bool
    needs_unit: bool


class ToldSample(BaseModel):
    """A sample. `here`: its data are on this machine; `settled`: its settings cannot be changed."""

    name: str
    title: str
    about: str
    simulated: bool
    here: bool
    settled: bool
    licence: str
    source: str
    credit: str


class ToldStand(BaseModel):
    """A stand in the reader's language."""

    name: str
    application: str
    title: str
    sentence: str
    page: list[str]
    samples: list[ToldSample]
    settings: list[Setting]
    files: list[Role]


@router.get("/stands", summary="List the stands")
def every(reader: AnyReader) -> list[ToldStand]:
    """Return all stands in the order in which a guest passes them."""
    return [_stand(one, reader.language) for one in stands.stands()]


@router.get("/stands/latest", summary="Show what the stands measured last")
def latest(reader: AnyReader, records: InRecords) -> list[Latest]:
    """Return the latest result of each sample: title, verdict, three numbers, a picture."""
    return [latest_of(one, reader.language) for one in results.latest(records)]


@router.get("/stands/{name}", summary="Show a stand")
def one(name: Id, reader: AnyReader) -> ToldStand:
    """Return a stand."""
    return _stand(stands.stand(name), reader.language)


def spoken(words: str, code: str) -> str:
    """Return a text of a stand in a language."""
    return str(languages.translations(code).gettext(words)) if words and code != languages.DEFAULT else words


def name_of(measured: str, code: str) -> str:
    """Return the name of a measured thing in a language."""
    known = f"report.name_{measured.replace(' ', '_').replace('-', '_')}"
    said = languages.say(text(known), code) if known in catalogue() else languages.word(measured, code)
    return Words().plain_name(measured) if said == measured else said[:1].upper() + said[1:]


def number_of(measured: Measurement, code: str) -> Number:
    """Return a measured value for a reader."""
    values = told(measured, "value", "standard_uncertainty", "interval_95", "unit")
    return Number(name=name_of(measured.name, code), text=str(numbers.write(measured)), **values)


def latest_of(one: Shown, code: str) -> Latest:
    """Return the latest result of a sample for a reader."""
    title = one.sample.title if one.sample else one.stand.title if one.stand else ""
    return Latest(
        run=one.run.id,
        stand=one.stand.name if one.stand else "",
        title=spoken(title, code),
        verdict=one.report.verdict.value if one.report.verdict else None,
        numbers=[number_of(each, code) for each in one.five[: results.THREE]],
        simulated=one.report.simulated,
        started=one.run.started,
        picture=f"/api/v1/runs/{one.run.id}/pictures/main" if one.taken.main else "",
    )


def _stand(one: Stand, code: str) -> ToldStand:
    roles = [
        Role(name=each.name, endings=list(each.endings), needed=each.needed, needs_unit=bool(each.unit))
        for each in one.about.roles
    ]
    return ToldStand(
        name=one.name,
        application=one.application,
        title=spoken(one.title, code),
        sentence=spoken(one.sentence, code),
        page=[spoken(each, code) for each in one.page],
        samples=[_sample(one, each, code) for each in one.samples],
        settings=[_setting(each, code) for each in stands.form(one.about)],
        files=roles,
    )


def _setting(one: stands.Field, code: str) -> Setting:
    values = told(one, *(name for name in Setting.model_fields if name not in {"label", "help", "choices"}))
    return Setting(label=spoken(one.label, code), help=spoken(one.help, code), choices=list(one.choices), **values)


def _sample(stand: Stand, one: Sample, code: str) -> ToldSample:
    values = told(one, "name", "simulated", "here", "licence", "source", "credit")
    settled = one.application != stand.application
    return ToldSample(title=spoken(one.title, code), about=spoken(one.about, code), settled=settled, **values)
