# SPDX-License-Identifier: Apache-2.0
"""Questions: asked at a stand in any language, merged, answered, published by somebody of the house, or rejected.

queued -> answered -> published; queued, answered -> rejected; published -> answered (taken back); rejected -> queued;
each but merged ones can be merged into another, and be taken out again. What was accepted is on the disk.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, func, select

from visionvalley.core import BadInput, text
from visionvalley.records import Records
from visionvalley.visits import clock, database, rows, written
from visionvalley.visits import tables as t
from visionvalley.visits.audit import note
from visionvalley.visits.exchange import Published, Question, State, Thread
from visionvalley.visits.values import Actor, Kind

LONGEST = 1000  # characters of a question
MOST = 200  # questions of one guest in one visit
SHOWN = 50
MAY_BECOME = {
    State.ANSWERED: {State.QUEUED, State.ANSWERED, State.PUBLISHED, State.REJECTED},
    State.PUBLISHED: {State.ANSWERED, State.PUBLISHED},
    State.REJECTED: {State.QUEUED, State.ANSWERED, State.PUBLISHED, State.REJECTED},
    State.QUEUED: {State.QUEUED, State.REJECTED, State.MERGED},
    State.MERGED: {State.QUEUED, State.ANSWERED},
}


def ask(records: Records, visit: str, member: str, stand: str, asked: str, language: str, key: str) -> Question:
    """Keep a question; when this returns, it is kept. The same `key` of the same guest is the same question.

    Raises BadInput for an empty or too long question, and for a guest of another delegation or with very many.
    """
    values = {
        "visit": visit,
        "member": member,
        "stand": written.line(stand, "stand", empty=True, longest=64),
        "text": written.paragraphs(asked, "question", longest=LONGEST),
        "language": written.language(language),
        "key": written.line(key, "key", longest=64),
    }
    with database.writing(records) as connection:
        rows.alone(connection)
        known = _by_key(connection, member, values["key"])
        if known is not None:
            return known
        theirs = rows.one(connection, t.visits, visit)
        if rows.one(connection, t.members, member).delegation != theirs.delegation:
            raise BadInput("visits.other_delegation")
        _require_few(connection, visit, member)
        return _question(rows.add(connection, Actor(Kind.GUEST, member), t.questions, _blank() | values))


def one(records: Records, id: str) -> Question:
    """Return a question; raises BadInput where there is none."""
    with database.reading(records) as connection:
        return _question(rows.one(connection, t.questions, id))


def board(records: Records, visit: str) -> tuple[Thread, ...]:
    """Return the questions of a visit in the order in which they were asked, each with those merged into it."""
    with database.reading(records) as connection:
        found = _found(connection, t.questions.c.visit == visit)
    merged: dict[str, list[Question]] = {}
    for each in found:
        if each.merged_into:
            merged.setdefault(each.merged_into, []).append(each)
    return tuple(_thread(each, merged.get(each.id, [])) for each in found if not each.merged_into)


def of_member(records: Records, member: str) -> tuple[tuple[Question, Question], ...]:
    """Return a guest's questions, the latest first, each with the one that is answered for it (mostly itself)."""
    with database.reading(records) as connection:
        theirs = _found(connection, t.questions.c.member == member)
        heads = {one.id: one for one in theirs}
        missing = {one.merged_into for one in theirs if one.merged_into} - set(heads)
        heads |= {one.id: one for one in _found(connection, t.questions.c.id.in_(missing))}
    return tuple((one, heads.get(one.merged_into or one.id, one)) for one in reversed(theirs))


def published(records: Records, stand: str | None, limit: int = SHOWN) -> tuple[Published, ...]:
    """Return what was answered at a stand, or at all where None, for the next visitor, the latest first; no names."""
    c = t.questions.c
    names = (c.id, c.stand, c.text, c.language, c.answer, c.answer_language, c.published)
    asked = select(*names).where(c.state == State.PUBLISHED).order_by(c.published.desc(), c.id).limit(limit)
    if stand is not None:
        asked = asked.where(c.stand == stand)
    with database.reading(records) as connection:
        return tuple(Published(**row._mapping) for row in connection.execute(asked))


def answer(records: Records, by: Actor, id: str, version: int, answer: str, language: str) -> Question:
    """Answer a question seen in this version, or write its answer anew; what was published is to be published again."""
    new = {"answer": written.paragraphs(answer, "answer"), "answer_language": written.language(language)}
    more = {"answered": clock.now(), "answered_by": by.id if by.kind == Kind.ACCOUNT else None, "published": None}
    return _become(records, by, id, version, State.ANSWERED, new | more)


def publish(records: Records, by: Actor, id: str, version: int, shown: str | None = None) -> Question:
    """Let the next visitors read question and answer, seen in this version; `shown`: the question in better words."""
    new: dict[str, Any] = {"published": clock.now()}
    if shown is not None:
        new["text"] = written.paragraphs(shown, "question", longest=LONGEST)
    return _become(records, by, id, version, State.PUBLISHED, new)


def withdraw(records: Records, by: Actor, id: str, version: int) -> Question:
    """Take back what was published."""
    return _become(records, by, id, version, State.ANSWERED, {"published": None}, only=State.PUBLISHED)


def reject(records: Records, by: Actor, id: str, version: int) -> Question:
    """Put a question aside; nobody but who asked it, and the house, sees it any more."""
    return _become(records, by, id, version, State.REJECTED, {"published": None})


def restore(records: Records, by: Actor, id: str, version: int) -> Question:
    """Put a question that was rejected or merged back into the queue."""
    return _become(records, by, id, version, State.QUEUED, {"merged_into": None, "published": None})


def merge(records: Records, by: Actor, id: str, version: int, into: str) -> Question:
    """Let a question, seen in this version, be answered with another one of the visit; those merged into it go along.

    Raises BadInput where it would be merged with itself, with one of another visit, or with one that is merged or
    rejected itself.
    """
    with database.writing(records) as connection:
        rows.alone(connection)
        this, other = (_question(rows.one(connection, t.questions, each)) for each in (id, into))
        if id == into or this.visit != other.visit or other.state in {State.MERGED, State.REJECTED}:
            raise BadInput("visits.cannot_merge")
        merged = _changed(connection, by, this, version, State.MERGED, {"merged_into": into})
        along = t.questions.update().where(t.questions.c.merged_into == id)
        connection.execute(along.values(merged_into=into, version=t.questions.c.version + 1))
        return merged


def _become(
    records: Records, by: Actor, id: str, version: int, state: State, new: dict[str, Any], only: State | None = None
) -> Question:
    with database.writing(records) as connection:
        rows.alone(connection)
        old = _question(rows.one(connection, t.questions, id))
        if only is not None and old.version == version and old.state is not only:
            raise BadInput("visits.wrong_state", state=_named(old.state))
        return _changed(connection, by, old, version, state, new)


def _changed(
    connection: Connection, by: Actor, old: Question, version: int, state: State, new: dict[str, Any]
) -> Question:
    if old.version == version and old.state not in MAY_BECOME[state]:
        raise BadInput("visits.wrong_state", state=_named(old.state))
    row = rows.change(connection, by, t.questions, old.id, version, {"state": state} | new)
    return _question(row)


def _named(state: State) -> Any:
    return text(f"visits.state_{state}")


def _blank() -> dict[str, Any]:
    return {"asked": clock.now(), "state": State.QUEUED, "answer": "", "answer_language": ""}


def _by_key(connection: Connection, member: str, key: str) -> Question | None:
    row = connection.execute(
        select(t.questions).where(t.questions.c.member == member, t.questions.c.key == key)
    ).first()
    return None if row is None else _question(row)


def _require_few(connection: Connection, visit: str, member: str) -> None:
    asked = select(func.count()).where(t.questions.c.visit == visit, t.questions.c.member == member)
    if (connection.scalar(asked) or 0) >= MOST:
        raise BadInput("visits.too_many_questions", most=MOST)


def _found(connection: Connection, which: Any) -> list[Question]:
    asked = select(t.questions).where(which).order_by(t.questions.c.asked, t.questions.c.id)
    return list(map(_question, connection.execute(asked)))


def _thread(head: Question, merged: list[Question]) -> Thread:
    askers = dict.fromkeys(one.member for one in (head, *merged) if one.member)
    return Thread(head, tuple(merged), tuple(askers))


def _question(row: Row[Any]) -> Question:
    return Question(**dict(row._mapping) | {"state": State(row.state)})


def erase_of(connection: Connection, member: str, keep_texts: bool) -> tuple[int, int]:
    """Forget who asked; return how many questions were kept and how many erased.

    keep_texts  the questions stay, without their asker; else they go, and one that was merged takes over the answer
    """
    theirs = _found(connection, t.questions.c.member == member)
    if keep_texts:
        connection.execute(t.questions.update().where(t.questions.c.member == member).values(member=None))
        return len(theirs), 0
    for each in theirs:
        _hand_over(connection, each.id)
        connection.execute(t.questions.delete().where(t.questions.c.id == each.id))
        note(connection, Actor(Kind.GUEST, member), "questions.erase", f"questions:{each.id}")
    return 0, len(theirs)


def _hand_over(connection: Connection, id: str) -> None:
    """Let the oldest question of another guest that was merged into one take its place."""
    c = t.questions.c
    head = rows.one(connection, t.questions, id)
    asked = select(t.questions).where(c.merged_into == id).order_by(c.asked, c.id)
    heirs = sorted(connection.execute(asked), key=lambda one: one.member == head.member)
    if not heirs:
        return
    taken = ("state", "answer", "answer_language", "answered_by", "answered", "published")
    values = {name: getattr(head, name) for name in taken} | {"merged_into": None, "version": heirs[0].version + 1}
    connection.execute(t.questions.update().where(c.id == heirs[0].id).values(values))
    connection.execute(t.questions.update().where(c.merged_into == id).values(merged_into=heirs[0].id))
