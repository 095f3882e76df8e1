# SPDX-License-Identifier: Apache-2.0
"""What is kept of questions, answers and what is to follow."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How far a question is."""

    QUEUED = "queued"
    MERGED = "merged"
    ANSWERED = "answered"
    PUBLISHED = "published"
    REJECTED = "rejected"


OPEN = (State.QUEUED, State.ANSWERED, State.PUBLISHED, State.REJECTED)  # what the board shows by itself


@dataclass(frozen=True, slots=True)
class Question:
    """A question that a guest asked at a stand.

    stand            its name; empty: it was asked elsewhere
    member           id of who asked; None where they were erased and left it here
    key              what the guest's phone called it: sent twice, it is kept once
    language         code of the language it is written in
    merged_into      id of the question that asks the same
    answer           empty: none yet
    answer_language  code of the language of the answer
    answered_by      id of the account that answered last
    """

    id: str
    visit: str
    stand: str
    member: str | None
    key: str
    language: str
    text: str
    asked: str
    state: State
    merged_into: str | None
    answer: str
    answer_language: str
    answered_by: str | None
    answered: str | None
    published: str | None
    version: int


@dataclass(frozen=True, slots=True)
class Thread:
    """A question on the board, those that were merged into it, and the ids of all who asked."""

    question: Question
    merged: tuple[Question, ...]
    askers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """A question and its answer as the next visitor of a stand reads them. It does not say who asked."""

    id: str
    stand: str
    text: str
    language: str
    answer: str
    answer_language: str
    published: str


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Something to be done after a visit.

    question  id of the question that it comes from, or None
    owner     id of the account that does it, or None
    due       a date, ISO 8601
    done      when it was, or None
    """

    id: str
    visit: str
    question: str | None
    text: str
    owner: str | None
    due: str
    done: str | None
    version: int
