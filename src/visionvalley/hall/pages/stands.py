# SPDX-License-Identifier: Apache-2.0
"""The stands: their overview, each with its latest result or one run, and the guide's tour through them."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from visionvalley.hall import results, stands
from visionvalley.hall.api.stands import name_of, spoken
from visionvalley.hall.reader import AnyReader, InHall, Reader, hall_of
from visionvalley.hall.rendering import page
from visionvalley.hall.settings import Hall
from visionvalley.hall.stands import UNITS, Stand
from visionvalley.hall.uploads import LARGEST
from visionvalley.runs.orders import State
from visionvalley.visits import questions

router = APIRouter()
MEGABYTE = 1 << 20
KNOWN = ".las .laz .e57 .bin .npz .3mf .step .stp"  # formats that carry their unit


def words(reader: Reader) -> dict[str, Any]:
    """Return what templates of stands call: `spoken` texts of stands, `named` things that were measured."""
    return {"spoken": partial(spoken, code=reader.language), "named": partial(name_of, code=reader.language)}


def overview(hall: Hall) -> dict[str, Any]:
    """Return what the overview shows: each stand with its latest result, and the latest of each sample."""
    latest = results.latest(hall.records)
    in_turn = sorted(latest, key=lambda one: one.report.simulated, reverse=True)  # what was measured, last: it stays
    first = {one.stand.name: one for one in in_turn if one.stand}
    return {"stands": [(one, first.get(one.name)) for one in stands.stands()], "latest": latest}


@router.get("/stands", response_class=HTMLResponse)
def every(request: Request, reader: AnyReader, hall: InHall) -> Response:
    """Show all stands."""
    return page(request, reader, "stands/overview.html", **overview(hall), **words(reader))


@router.get("/stands/{name}", response_class=HTMLResponse)
def one(
    request: Request,
    name: str,
    reader: AnyReader,
    hall: InHall,
    sample: Annotated[str, Query(max_length=64)] = "",
    tour: Annotated[int, Query(ge=0, le=1000)] = 0,
) -> Response:
    """Show a stand with its latest result, of a sample where one is named."""
    stand = stands.stand(name)
    latest = results.latest(hall.records, stand)
    chosen = next((each for each in latest if each.sample and each.sample.name == sample), None)
    shown = chosen or (latest[0] if latest else None)
    return _stand(request, reader, stand, shown, None, tour)


@router.get("/stands/{name}/runs/{id}", response_class=HTMLResponse)
def run(request: Request, name: str, id: str, reader: AnyReader, hall: InHall) -> Response:
    """Show a run: how far it is, or what it found."""
    stand, state = stands.stand(name), hall.running.state(id)
    if state is not None and results.may_see(reader, state) and not state.phase.over:
        return _stand(request, reader, stand, None, state, 0)
    if state is not None and results.may_see(reader, state) and state.error is not None:
        raise state.error
    found = results.found(hall.records, reader, id)
    return _stand(request, reader, stand, results.shown(hall.records, found), None, 0)


@router.get("/tour", response_class=HTMLResponse)
def tour(reader: AnyReader) -> Response:
    """Begin the guide's tour."""
    reader.require("tour")
    return RedirectResponse(f"/stands/{stands.stands()[0].name}?tour=1", 303)


def _stand(
    request: Request, reader: Reader, stand: Stand, shown: results.Shown | None, state: State | None, tour: int
) -> Response:
    values: dict[str, Any] = {
        "stand": stand, "shown": shown, "state": state, "fields": stands.form(stand.about), "units": UNITS,
        "known": KNOWN, "megabytes": LARGEST // MEGABYTE, "step": _step(reader, stand, tour),
        "published": questions.published(hall_of(request).records, stand.name),
    }  # fmt: skip
    return page(request, reader, "stands/stand.html", **values, **words(reader))


def _step(reader: Reader, stand: Stand, number: int) -> dict[str, Any] | None:
    """Return a step of the tour through all stands, with the addresses of those beside it; None where there is none."""
    if not reader.may("tour") or number < 1:
        return None
    every = [(each, one) for each in stands.stands() for one in each.tour]
    if number > len(every):
        return None
    places = [f"/stands/{each.name}?tour={n}#{one.at}" for n, (each, one) in enumerate(every, 1)]
    shown = every[number - 1][1]
    return {
        "number": number, "count": len(every), "title": shown.title, "notes": shown.notes, "at": shown.at,
        "before": places[number - 2] if number > 1 else "", "after": places[number] if number < len(every) else "",
    }  # fmt: skip
