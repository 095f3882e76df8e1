# SPDX-License-Identifier: Apache-2.0
"""The stands: one for each application. What they say and which samples they show stands in `stands/*.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from visionvalley import samples
from visionvalley.core import BadInput
from visionvalley.runs.table import APPLICATIONS, Application
from visionvalley.samples.table import table

EDGE = MappingProxyType({"m": ("mm", 1e3), "rad": ("°", 57.29577951308232)})  # how people write SI units
UNITS = ("mm", "m", "um", "cm", "in", "ft")


@dataclass(frozen=True, slots=True)
class Method:
    """A step of the method, for an engineer: what is done, its equation, where it comes from."""

    title: str
    text: str
    equation: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the guide's tour: what is to be shown, what is to be said, where on the page."""

    title: str
    notes: str
    at: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Something real to run, or simulated where that is said.

    files       by role: names of `samples`; empty: it needs none
    settings    SI, where they are not the defaults
    credit      who made the data
    """

    name: str
    title: str
    about: str
    application: str
    files: Mapping[str, str]
    settings: Mapping[str, Any]
    arguments: Mapping[str, Any]
    credit: str = ""
    simulated: bool = False

    def paths(self) -> dict[str, Path] | None:
        """Return where its files lie; None where they are not on this machine."""
        try:
            return {role: samples.find(name, offline=True) for role, name in self.files.items()}
        except BadInput:
            return None

    @property
    def here(self) -> bool:
        """Whether it can be run."""
        return self.paths() is not None

    @property
    def licence(self) -> str:
        """The licence of its data, as the source states it; empty where it is made."""
        return "; ".join(dict.fromkeys(one.licence for one in self._data()))

    @property
    def source(self) -> str:
        """Where its data come from: a repository and the commit; empty where it is made."""
        found = [one.files[0] for one in self._data() if one.files]
        return "; ".join(dict.fromkeys(f"github.com/{one.repo} @ {one.commit[:10]}" for one in found))

    def _data(self) -> list[samples.Sample]:
        """Return the sets that its files are of, wherever they lie."""
        folders = {name.split("/")[0] for name in self.files.values()}
        return [one for one in table() if one.name in folders]


@dataclass(frozen=True, slots=True, eq=False)
class Stand:
    """What is shown of an application.

    sentence  for a minister; `page` for a manager; `method` for an engineer
    """

    name: str
    application: str
    title: str
    sentence: str
    page: tuple[str, ...]
    method: tuple[Method, ...]
    samples: tuple[Sample, ...]
    tour: tuple[Step, ...]

    @property
    def about(self) -> Application:
        """What runs."""
        return APPLICATIONS[self.application]

    @property
    def applications(self) -> frozenset[str]:
        """Every application that its runs may be of."""
        return frozenset({self.application, *(one.application for one in self.samples)})

    def sample(self, name: str) -> Sample:
        """Return a sample by its name; raises BadInput where there is none."""
        for one in self.samples:
            if one.name == name:
                return one
        raise BadInput("hall.no_sample", name=name)


@dataclass(frozen=True, slots=True)
class Field:
    """A setting as a person fills it in.

    kind    'number', 'choice', 'flag' or 'text'
    unit    that a person writes; `factor` of them are one SI unit
    default, low, high  as a person writes them; None: none
    """

    name: str
    label: str
    help: str
    kind: str
    unit: str
    factor: float
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    default: Any


@lru_cache
def stands() -> tuple[Stand, ...]:
    """Return all stands, in the order in which a guest passes them."""
    folder = files("visionvalley.hall") / "stands"
    written = [
        (one.name.removesuffix(".toml"), tomllib.loads(one.read_text(encoding="utf-8"))) for one in folder.iterdir()
    ]
    return tuple(_stand(name, told) for name, told in sorted(written, key=lambda one: (one[1]["order"], one[0])))


def stand(name: str) -> Stand:
    """Return a stand by its name; raises BadInput where there is none."""
    for one in stands():
        if one.name == name:
            return one
    raise BadInput("hall.no_stand", name=name)


def stand_of(application: str) -> Stand | None:
    """Return the stand that shows runs of an application."""
    return next((one for one in stands() if application in one.applications), None)


def _stand(name: str, told: Mapping[str, Any]) -> Stand:
    application = told["application"]
    return Stand(
        name,
        application,
        told["title"],
        told["sentence"],
        tuple(told["page"]),
        tuple(Method(**one) for one in told["method"]),
        tuple(_sample(one, application) for one in told["samples"]),
        tuple(Step(**one) for one in told.get("tour", ())),
    )


def _sample(told: Mapping[str, Any], application: str) -> Sample:
    none: Mapping[str, Any] = MappingProxyType({})
    return Sample(
        told["name"], told["title"], told["about"], told.get("application", application), told.get("files", none),
        told.get("settings", none), told.get("arguments", none), told.get("credit", ""), told.get("simulated", False),
    )  # fmt: skip


def texts() -> Iterator[tuple[str, str]]:
    """Yield every text of stands and of the settings of their applications, with where it stands."""
    for one in stands():
        where = f"stands/{one.name}.toml"
        steps = [text for step in one.tour for text in (step.title, step.notes)]
        shown = [text for sample in one.samples for text in (sample.title, sample.about)]
        method = [text for part in one.method for text in (part.title, part.text, part.equation) if text]
        yield from ((where, text) for text in (one.title, one.sentence, *one.page, *method, *shown, *steps))
    for name, application in APPLICATIONS.items():
        for field in form(application):
            yield from ((f"stands/settings of {name}", text) for text in (field.label, field.help, *field.choices))


def form(application: Application) -> tuple[Field, ...]:
    """Return the settings of an application as a person fills them in."""
    return tuple(_field(one) for one in fields(application.settings) if one.metadata)


def _field(one: Any) -> Field:
    about = one.metadata
    unit, factor = EDGE.get(about["unit"], (about["unit"], 1.0))
    default = None if one.default is MISSING else one.default
    kind = "choice" if about["choices"] else "flag" if isinstance(default, bool) else "number"
    if isinstance(default, str) and not about["choices"]:
        kind = "text"
    number = kind == "number"
    low, high = (None if bound is None else bound * factor for bound in (about["low"], about["high"]))
    shown = default * factor if number and default is not None else default
    return Field(one.name, about["label"], about["help"], kind, unit, factor, low, high, about["choices"], shown)


def checked(application: Application, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings (SI) as an application takes them; raises BadInput for a name or value that it does not."""
    known = {one.name: one for one in form(application)}
    for name, value in given.items():
        if name not in known:
            raise BadInput("hall.no_setting", name=name, known=", ".join(known))
        _require_kind(known[name], value)
    application.settings(**given)
    return dict(given)


def _require_kind(field: Field, value: Any) -> None:
    wanted: tuple[type, ...] = {"number": (int, float), "flag": (bool,)}.get(field.kind, (str,))
    is_flag = isinstance(value, bool)
    if value is None or (isinstance(value, wanted) and is_flag == (field.kind == "flag")):
        return
    raise BadInput("hall.bad_setting", name=field.name, kind=field.kind)
