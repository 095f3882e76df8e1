# SPDX-License-Identifier: Apache-2.0
"""What a guest does on their phone: programme, code for the door, questions, and what is known of them."""

from __future__ import annotations

import csv
import io
import json
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from visionvalley.hall.api.accounts import Code
from visionvalley.hall.api.forms import Answer, Line, Paragraphs, Sent
from visionvalley.hall.api.questions import told
from visionvalley.hall.guests import AGuest, key_of
from visionvalley.hall.reader import SESSION, AnyReader, InHall, InRecords
from visionvalley.visits import delegations, door, personal, programme, questions
from visionvalley.visits.exchange import Question, State
from visionvalley.visits.plans import Entry, Member, Visit

router = APIRouter(prefix="/guest", tags=["guest"])


class Me(BaseModel):
    """The guest and the visit."""

    member: Member
    visit: Visit


class Ask(Sent):
    """A question at a stand; `key`: made up by the sender: the same one again is the same question."""

    text: Paragraphs
    stand: Line = ""
    language: Code | None = None
    key: Annotated[str, Field(min_length=8, max_length=64, pattern="^[A-Za-z0-9_-]+$")]


class Asked(Answer):
    """The question as it is kept."""

    question: Question


class Mine(BaseModel):
    """A question of one's own; the answer may be that of another one that asks the same."""

    id: str
    stand: str
    text: str
    language: str
    asked: str
    state: State
    answer: str
    answer_language: str


class Consent(Sent):
    """Whether screens may greet this guest by name."""

    named: bool


class ShownCode(BaseModel):
    """A code for the door, and for how many more seconds it is good."""

    code: str
    left_s: int


@router.get("", summary="Say who the guest is")
def me(guest: AGuest) -> Me:
    """Return the guest and the visit."""
    return Me(member=guest.member, visit=guest.visit)


@router.get("/programme", summary="Show the guest's programme")
def mine(guest: AGuest, records: InRecords) -> list[Entry]:
    """Return the entries that are for this guest."""
    return list(programme.of_member(records, guest.visit.id, guest.member.id))


@router.get("/code", summary="Show the guest's code for the door")
def code(guest: AGuest, hall: InHall) -> ShownCode:
    """Return a code that changes each minute."""
    shown = door.code(key_of(hall), guest.visit.id, guest.member.id)
    return ShownCode(code=shown.code, left_s=shown.left_s)


@router.get("/questions", summary="List the guest's questions")
def asked(guest: AGuest, records: InRecords) -> list[Mine]:
    """Return the guest's questions, the latest first, with their answers."""
    return [mine_of(*pair) for pair in questions.of_member(records, guest.member.id)]


@router.post("/questions", status_code=201, summary="Ask a question")
def ask(sent: Ask, guest: AGuest, reader: AnyReader, hall: InHall) -> Asked:
    """Keep a question; when this is answered, it is kept."""
    language = sent.language or reader.language
    names = guest.visit.id, guest.member.id, sent.stand, sent.text, language, sent.key
    kept = questions.ask(hall.records, *names)
    told(hall, kept)
    return Asked(question=kept, location="/my/questions?kept")


@router.put("/consent", summary="Agree to be greeted by name, or no longer")
def consent(sent: Consent, guest: AGuest, records: InRecords) -> Member:
    """Note what the guest agrees to."""
    return delegations.consent(records, guest.member.id, sent.named)


@router.get("/data.json", summary="Download everything that is known of the guest", response_class=Response)
def data(guest: AGuest, records: InRecords) -> Response:
    """Return everything as JSON."""
    told_all = personal.export(records, guest.member.id)
    return _file(json.dumps(told_all, ensure_ascii=False, indent=1), "application/json", "my-data.json")


@router.get("/data.csv", summary="Download everything that is known of the guest as a table", response_class=Response)
def table(guest: AGuest, records: InRecords) -> Response:
    """Return everything as CSV: what, its number, field, value."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(("what", "number", "field", "value"))
    writer.writerows(personal.lines(personal.export(records, guest.member.id)))
    return _file("\ufeff" + written.getvalue(), "text/csv; charset=utf-8", "my-data.csv")


@router.delete("", summary="Erase everything that is known of the guest")
def erase(
    guest: AGuest,
    reader: AnyReader,
    hall: InHall,
    response: Response,
    kept: Annotated[Literal["keep", "erase"], Query(alias="questions")] = "keep",
) -> Answer:
    """Erase the guest; the texts of their questions stay without a name, or go, too."""
    gone = hall.running.erase_of
    personal.erase_member(hall.records, reader.actor, guest.member.id, keep_questions=kept == "keep", uploads=gone)
    response.delete_cookie(SESSION, path="/")
    return Answer(location="/goodbye")


def mine_of(own: Question, head: Question) -> Mine:
    """Return a guest's own question with the answer that was given to it."""
    shown = State.ANSWERED if head.answer else own.state
    return Mine(
        id=own.id, stand=own.stand, text=own.text, language=own.language, asked=own.asked,
        state=head.state if own.merged_into is None else shown,
        answer="" if head.state is State.REJECTED else head.answer, answer_language=head.answer_language,
    )  # fmt: skip


def _file(content: str, kind: str, name: str) -> Response:
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
