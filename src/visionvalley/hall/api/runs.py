# SPDX-License-Identifier: Apache-2.0
"""Runs: begin one, watch it, stop it, have its result, its pictures and its files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, Field

from visionvalley.core import BadInput
from visionvalley.hall import languages, results, stands
from visionvalley.hall.api.forms import Answer, Id, Line, Sent
from visionvalley.hall.api.live import EVENTS
from visionvalley.hall.api.session import address_of
from visionvalley.hall.api.stands import Number, name_of, number_of
from visionvalley.hall.reader import AnyReader, InHall, InRecords, Reader
from visionvalley.hall.running import TOPIC, told
from visionvalley.hall.settings import Hall
from visionvalley.records import RunRecord
from visionvalley.runs.exporting import export_run
from visionvalley.runs.orders import Phase, State

router = APIRouter(tags=["runs"])
ALONE = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:"
)
KEPT = "private, max-age=86400"
PIECE = 1 << 20
Verdict = Literal["pass", "fail", "cannot say"]
Unit = Literal["mm", "m", "um", "cm", "in", "ft", ""]
Value = float | bool | str | None


class Begin(Sent):
    """What is to be run: a sample of the stand, or files of yours by role, with their units where they carry none.

    settings  in SI, by name; what is left out is as usual
    watched   the run ends when nobody watches or asks for it any more
    """

    stand: Line
    sample: Line | None = None
    files: dict[str, Line] = Field(default={}, max_length=8)
    units: dict[str, Unit] = Field(default={}, max_length=8)
    settings: dict[str, Value] = Field(default={}, max_length=40)
    watched: bool = True


class Told(Answer):
    """How far a run is. `share`: of the whole, 0 to 1; null where nobody can know. `topic`: of the live updates."""

    id: str
    phase: Literal["waiting", "working", "done", "failed", "cancelled"]
    place: int
    share: float | None
    seconds: float
    stage: str
    finished: list[str]
    error: dict[str, str] | None
    topic: str


class ToldFile(BaseModel):
    """A file that a run made."""

    name: str
    bytes: int
    sha256: str
    type: str


class Judged(BaseModel):
    """A characteristic: what was measured, and what follows."""

    kind: str
    measured: Number
    verdict: Verdict | None


class Result(BaseModel):
    """What a run found; result.json among its files holds all of it."""

    id: str
    application: str
    stand: str
    started: str
    verdict: Verdict | None
    simulated: bool
    numbers: list[Number]
    features: list[Judged]
    notes: list[str]
    pictures: list[str]
    files: list[ToldFile]
    keep_until: str | None


@router.post("/runs", status_code=202, summary="Begin a run")
def begin(sent: Begin, reader: AnyReader, hall: InHall, request: Request) -> Told:
    """Let a run wait for its turn."""
    stand = stands.stand(sent.stand)
    if (sent.sample is None) == (not sent.files):
        raise BadInput("hall.sample_or_files")
    if sent.sample is not None:
        reader.require("run samples")
        by = str(reader.actor) if reader.session else f"address:{address_of(request)}"
        state = hall.running.on_sample(stand, stand.sample(sent.sample), sent.settings, by, sent.watched)
    else:
        reader.require("run own files")
        owner = str(reader.actor)
        state = hall.running.on_files(stand, sent.files, sent.units, sent.settings, owner, sent.watched)
    return _told(state, reader.language, f"/stands/{stand.name}/runs/{state.id}")


@router.get("/runs/{id}", summary="Say how far a run is")
def watch(id: Id, reader: AnyReader, hall: InHall) -> Told:
    """Return how far a run is; whoever asks each few seconds is taken to wait for it."""
    state = hall.running.state(id)
    if state is not None and results.may_see(reader, state):
        return _told(state, reader.language)
    run = results.found(hall.records, reader, id)
    done = State(run.id, run.owner, run.owner, Phase.DONE, share=1.0, seconds=sum(run.seconds.values()))
    return _told(done, reader.language)


@router.get(
    "/runs/{id}/events",
    summary="Watch a run",
    response_class=StreamingResponse,
    responses={200: {"content": {EVENTS: {"schema": {"type": "string"}}}, "description": "Events without an end"}},
)
def events(
    id: Id, reader: AnyReader, hall: InHall, last_event_id: Annotated[str, Header(max_length=64)] = ""
) -> StreamingResponse:
    """Answer a stream of events, each with the state of the run."""
    if not results.may_see(reader, hall.running.state(id)):
        raise BadInput("hall.no_run")
    stream = hall.live.stream([f"{TOPIC}.{id}"], last_event_id)
    return StreamingResponse(stream, media_type=EVENTS, headers={"X-Accel-Buffering": "no"})


@router.delete("/runs/{id}", summary="Stop a run, or erase one's own that is over")
def stop(id: Id, reader: AnyReader, hall: InHall, request: Request) -> Answer:
    """Stop a run that is under way; of one's own that is over, erase all that is left, and the files brought for it."""
    state = hall.running.state(id)
    if state is not None and not state.phase.over:
        mine = {str(reader.actor)} if reader.session else {f"address:{address_of(request)}"}
        if not results.may_see(reader, state):
            raise BadInput("hall.no_run")
        if state.by not in mine and not reader.may("stop all runs"):
            raise BadInput("hall.forbidden" if reader.session else "hall.sign_in")
        hall.running.workers.cancel(id)
        return Answer()
    _erase(results.found(hall.records, reader, id), reader, hall)
    return Answer(location="/stands")


def _erase(run: RunRecord, reader: Reader, hall: Hall) -> None:
    if not ((reader.session and run.owner == str(reader.actor)) or reader.may("all runs")):
        raise BadInput("hall.forbidden" if reader.session else "hall.sign_in")
    hall.running.erase_runs([run])
    hall.running.workers.forget(run.id)
    hall.live.forget(f"{TOPIC}.{run.id}")


@router.get("/runs/{id}/result", summary="Show what a run found")
def result(id: Id, reader: AnyReader, hall: InHall) -> Result:
    """Return verdict, numbers with their uncertainties, pictures and files of a run."""
    state = hall.running.state(id)
    if state is not None and results.may_see(reader, state):
        if state.error is not None:
            raise state.error
        if not state.phase.over:
            raise BadInput("hall.run_not_over")
    return _result(results.shown(hall.records, results.found(hall.records, reader, id)), reader.language)


@router.get("/runs/{id}/pictures/{name}", summary="Show a picture of a run", response_class=Response,
            responses={200: {"content": {"image/png": {}}}})  # fmt: skip
def picture(id: Id, name: Id, reader: AnyReader, records: InRecords) -> Response:
    """Return a picture as PNG: 'main', or a side: front, right, back, left, top, bottom."""
    taken = results.shown(records, results.found(records, reader, id)).taken
    data = taken.main if name == "main" else taken.sides.get(name)
    if data is None:
        raise BadInput("hall.no_file", name=name)
    return Response(data, media_type="image/png", headers={"Cache-Control": KEPT})


@router.get("/runs/{id}/scene", summary="Return the header of a run's 3D scene")
def scene(id: Id, reader: AnyReader, records: InRecords) -> dict[str, Any]:
    """Return what the viewer needs besides the scene's data, its layers named in the reader's language."""
    header = results.shown(records, results.found(records, reader, id)).taken.header
    if header is None:
        raise BadInput("hall.no_file", name="scene")
    things = [one | {"name": name_of(one["name"], reader.language)} for one in header["things"]]
    return header | {"things": things}


@router.get("/runs/{id}/scene/data", summary="Return the data of a run's 3D scene", response_class=Response,
            responses={200: {"content": {"application/octet-stream": {}}}})  # fmt: skip
def scene_data(id: Id, reader: AnyReader, records: InRecords) -> Response:
    """Return the scene's buffer, compressed (raw deflate)."""
    taken = results.shown(records, results.found(records, reader, id)).taken
    if taken.header is None:
        raise BadInput("hall.no_file", name="scene")
    return Response(taken.packed, media_type=results.ANY_TYPE, headers={"Cache-Control": KEPT})


@router.get("/runs/{id}/files/{name}", summary="Have a file of a run", response_class=FileResponse,
            responses={200: {"content": {"application/octet-stream": {}}}})  # fmt: skip
def file(id: Id, name: Line, reader: AnyReader, records: InRecords) -> FileResponse:
    """Return a file with its type; report.html opens in a sandbox, all else is saved."""
    path = results.file_of(records, results.found(records, reader, id), name)
    headers = {"Cache-Control": KEPT}
    if name == results.PAGE:
        headers |= {"Content-Security-Policy": ALONE}
        return FileResponse(path, media_type=results.type_of(name), headers=headers)
    headers |= {"Content-Security-Policy": "sandbox; default-src 'none'"}
    return FileResponse(path, media_type=results.type_of(name), filename=name, headers=headers)


@router.get("/runs/{id}/all.zip", summary="Have all files of a run", response_class=StreamingResponse,
            responses={200: {"content": {"application/zip": {}}}})  # fmt: skip
def everything(id: Id, reader: AnyReader, hall: InHall) -> StreamingResponse:
    """Return results and record as one archive, which has no name on the disk any more when it is sent."""
    run = results.found(hall.records, reader, id)
    hall.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="all-", dir=hall.folder) as folder:
        path = Path(folder) / f"run-{run.id}.zip"
        export_run(run, path, hall.records)
        archive, length = path.open("rb"), path.stat().st_size
    headers = {"Content-Length": str(length), "Content-Disposition": f'attachment; filename="{path.name}"'}
    return StreamingResponse(_pieces(archive), media_type="application/zip", headers=headers)


def _pieces(archive: BinaryIO) -> Iterator[bytes]:
    with archive:
        yield from iter(lambda: archive.read(PIECE), b"")


def _told(state: State, code: str, location: str = "") -> Told:
    values = told(state)
    words = {
        "stage": values["stage"][code] if values["stage"] else "",
        "finished": [one[code] for one in values["finished"]],
        "error": values["error"] and values["error"][code],
    }
    return Told(**{**values, **words}, topic=f"{TOPIC}.{state.id}", location=location)


def _result(one: results.Shown, code: str) -> Result:
    report, run = one.report, one.run
    return Result(
        id=run.id,
        application=run.application,
        stand=one.stand.name if one.stand else "",
        started=run.started,
        verdict=report.verdict.value if report.verdict else None,
        simulated=report.simulated,
        numbers=[number_of(each, code) for each in report.measurements],
        features=[
            Judged(
                kind=each.kind,
                measured=number_of(each.measured, code),
                verdict=each.verdict.value if each.verdict else None,
            )
            for each in report.features
        ],
        notes=[languages.say(each, code) for each in report.notes],
        pictures=[*(["main"] if one.taken.main else []), *one.taken.sides],
        files=[
            ToldFile(name=each.name, bytes=each.bytes, sha256=each.sha256, type=results.type_of(each.name))
            for each in one.files
        ],
        keep_until=run.keep_until,
    )
