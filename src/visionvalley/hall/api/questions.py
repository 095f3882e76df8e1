# SPDX-License-Identifier: Apache-2.0
"""The board: questions are merged, answered, published, rejected; what a stand shows of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from visionvalley.hall.api.accounts import Code
from visionvalley.hall.api.forms import Id, Paragraphs, Sent
from visionvalley.hall.reader import AnyReader, InHall, InRecords
from visionvalley.hall.settings import Hall
from visionvalley.visits import calendar, questions
from visionvalley.visits.exchange import Published, Question, Thread

router = APIRouter(tags=["questions"])


class Seen(Sent):
    """The version of a question that was seen."""

    version: int


class NewAnswer(Seen):
    """An answer, and its language."""

    answer: Paragraphs
    language: Code


class Publication(Seen):
    """`text`: the question in better words; else as it was asked."""

    text: Paragraphs | None = None


class Merge(Seen):
    """The id of the question that asks the same."""

    into: Id


@router.get("/visits/{id}/questions", summary="Show the board of a visit")
def board(id: Id, reader: AnyReader, records: InRecords) -> list[Thread]:
    """Return the questions of a visit in the order in which they were asked, each with those merged into it."""
    reader.require("see visits")
    return list(questions.board(records, calendar.one(records, id).id))


@router.get("/answers", summary="Read what was answered at a stand")
def published(records: InRecords, stand: Annotated[str | None, Query(max_length=64)] = None) -> list[Published]:
    """Return published questions and answers, the latest first; they do not say who asked."""
    return list(questions.published(records, stand))


@router.post("/questions/{id}/answer", summary="Answer a question")
def answer(id: Id, sent: NewAnswer, reader: AnyReader, hall: InHall) -> Question:
    """Answer a question that nobody changed meanwhile."""
    reader.require("answer")
    done = questions.answer(hall.records, reader.actor, id, sent.version, sent.answer, sent.language)
    return told(hall, done)


@router.post("/questions/{id}/publish", summary="Publish question and answer at the stand")
def publish(id: Id, sent: Publication, reader: AnyReader, hall: InHall) -> Question:
    """Let the next visitors read question and answer."""
    reader.require("publish")
    return told(hall, questions.publish(hall.records, reader.actor, id, sent.version, sent.text))


@router.post("/questions/{id}/withdraw", summary="Take back what was published")
def withdraw(id: Id, sent: Seen, reader: AnyReader, hall: InHall) -> Question:
    """Take a question away from its stand."""
    reader.require("publish")
    return told(hall, questions.withdraw(hall.records, reader.actor, id, sent.version))


@router.post("/questions/{id}/reject", summary="Put a question aside")
def reject(id: Id, sent: Seen, reader: AnyReader, hall: InHall) -> Question:
    """Put a question aside."""
    reader.require("publish")
    return told(hall, questions.reject(hall.records, reader.actor, id, sent.version))


@router.post("/questions/{id}/restore", summary="Put a question back into the queue")
def restore(id: Id, sent: Seen, reader: AnyReader, hall: InHall) -> Question:
    """Put a question that was rejected or merged back into the queue."""
    reader.require("answer")
    return told(hall, questions.restore(hall.records, reader.actor, id, sent.version))


@router.post("/questions/{id}/merge", summary="Merge a question into another")
def merge(id: Id, sent: Merge, reader: AnyReader, hall: InHall) -> Question:
    """Let a question be answered with another one of the visit."""
    reader.require("answer")
    return told(hall, questions.merge(hall.records, reader.actor, id, sent.version, sent.into))


def told(hall: Hall, question: Question) -> Question:
    """Tell the board, the stand and who asked that a question changed: not what it says, which is theirs to ask for."""
    version = f"{question.id} {question.version}"
    hall.live.publish(f"board.{question.visit}", version)
    hall.live.publish("answers", version)
    if question.member:
        hall.live.publish(f"guest.{question.member}", version)
    return question
