# SPDX-License-Identifier: Apache-2.0
"""Accounts of the house: invited by an administrator, opened by a link that works once, changed one at a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.exc import IntegrityError

from visionvalley.core import BadInput
from visionvalley.records import Records
from visionvalley.visits import clock, database, passwords, tokens
from visionvalley.visits.audit import note
from visionvalley.visits.tables import account_links, accounts, sessions
from visionvalley.visits.values import STAFF, SYSTEM, Account, Actor, Kind, Role

LINK_S = 3 * 86400.0
FIRST_LINK_S = 86400.0
EMAIL = re.compile(r"[^\s@<>\"'(),;:\\]+@[^\s@<>\"'(),;:\\]+")
LONGEST_EMAIL, LONGEST_NAME = 254, 120


@dataclass(frozen=True, slots=True)
class Link:
    """What a link opens: an account that waits for a password, or, with None, the first administrator's."""

    account: Account | None
    expires: str


def every(records: Records) -> tuple[Account, ...]:
    """Return all accounts by name."""
    with database.reading(records) as connection:
        found = connection.execute(select(accounts).order_by(func.lower(accounts.c.name), accounts.c.id))
        return tuple(_account(row) for row in found)


def one(records: Records, id: str) -> Account:
    """Return an account; raises BadInput where there is none."""
    with database.reading(records) as connection:
        return _account(_row(connection, id))


def invite(
    records: Records, by: Actor, email: str, name: str, role: Role, language: str | None = None
) -> tuple[Account, str]:
    """Make an account; return it, and the token of the link that sets its password: it is not kept anywhere.

    Raises BadInput for an address that is none or has an account, and for a role that no account can have.
    """
    known = _email(email), _name(name), _staff(role)
    with database.writing(records) as connection:
        made = _insert(connection, *known, language)
        token = _new_link(connection, made, LINK_S)
        note(connection, by, "account.invite", f"account:{made}", role=role)
        return _account(_row(connection, made)), token


def renew_link(records: Records, by: Actor, id: str) -> str:
    """Return the token of a new link that sets a password; older ones open nothing any more."""
    with database.writing(records) as connection:
        if _row(connection, id).disabled:
            raise BadInput("visits.disabled")
        note(connection, by, "account.link", f"account:{id}")
        return _new_link(connection, id, LINK_S)


def first_link(records: Records) -> str | None:
    """Return the token of the link that makes the first administrator; None where there is an administrator."""
    with database.writing(records) as connection:
        return None if _administrators(connection) else _new_link(connection, None, FIRST_LINK_S)


def link(records: Records, token: str) -> Link:
    """Return what a link opens; raises BadInput where it was used, is too old, or never was."""
    with database.reading(records) as connection:
        found = connection.execute(_open_links().where(account_links.c.token == tokens.kept(token))).first()
        if found is None:
            raise BadInput("visits.link_gone")
        return Link(_account(_row(connection, found.account)) if found.account else None, found.expires)


def accept(records: Records, token: str, password: str, email: str = "", name: str = "") -> Account:
    """Set the password that a link asks for, once; the first administrator says address and name, too.

    Raises BadInput for a link that opens nothing, and for a password that is too weak.
    """
    opened = link(records, token)
    known = opened.account or Account("", _email(email), _name(name), Role.ADMINISTRATOR, True, None, "", False, 1)
    passwords.require_strong(password, known.email, known.name)
    kept = passwords.hashed(password)
    with database.writing(records) as connection:
        if opened.account is None and _administrators(connection):
            raise BadInput("visits.link_gone")
        open_one = (account_links.c.token == tokens.kept(token), *_open())
        if not connection.execute(account_links.update().where(*open_one).values(used=clock.now())).rowcount:
            raise BadInput("visits.link_gone")
        theirs = known.id or _insert(connection, known.email, known.name, known.role, None)
        _changed(connection, theirs, password=kept)
        _close_sessions(connection, theirs)
        note(connection, Actor(Kind.ACCOUNT, theirs), "account.accept", f"account:{theirs}")
        return _account(_row(connection, theirs))


def check(records: Records, email: str, password: str) -> Account:
    """Return the account of an address and its password; raises the same BadInput whatever of them is wrong."""
    with database.reading(records) as connection:
        row = connection.execute(select(accounts).where(accounts.c.email == _plain(email))).first()
    right = passwords.matches(password, row.password if row else None)
    if row is None or not right or row.disabled:
        with database.writing(records) as connection:
            note(connection, SYSTEM, "account.refuse", f"account:{row.id}" if row else "")
        raise BadInput("visits.wrong_password")
    return _account(row)


def set_password(records: Records, id: str, old: str, new: str) -> None:
    """Change somebody's own password, and close all sessions; raises BadInput where the old one is wrong."""
    with database.reading(records) as connection:
        row = _row(connection, id)
    if not passwords.matches(old, row.password):
        raise BadInput("visits.wrong_old_password")
    passwords.require_strong(new, row.email, row.name)
    kept = passwords.hashed(new)
    with database.writing(records) as connection:
        _changed(connection, id, password=kept)
        _close_sessions(connection, id)
        note(connection, Actor(Kind.ACCOUNT, id), "account.password", f"account:{id}")


def change(records: Records, by: Actor, id: str, version: int, **values: Any) -> Account:
    """Change name, role or whether an account is disabled, seen in this version; return it.

    values  of name, role, disabled

    Raises BadInput where somebody else changed it meanwhile, and where no administrator would be left. Sessions are
    closed where role or disabled change.
    """
    checks: dict[str, Callable[[Any], Any]] = {"name": _name, "role": _staff, "disabled": bool}
    new = {name: checks[name](value) for name, value in values.items()}
    with database.writing(records) as connection:
        old = _row(connection, id)
        if old.version != version:
            raise BadInput("visits.changed_meanwhile")
        _changed(connection, id, **new)
        if not _administrators(connection):
            raise BadInput("visits.last_administrator")
        if {"role", "disabled"} & new.keys():
            _close_sessions(connection, id)
        note(connection, by, "account.change", f"account:{id}", **{n: v for n, v in new.items() if n != "name"})
        return _account(_row(connection, id))


def choose_language(records: Records, id: str, language: str | None) -> None:
    """Remember in which language somebody reads."""
    with database.writing(records) as connection:
        connection.execute(accounts.update().where(accounts.c.id == id).values(language=language))


def _insert(connection: Connection, email: str, name: str, role: Role, language: str | None) -> str:
    """Make an account without a password; return its id."""
    made = tokens.new_id()
    row: dict[str, Any] = {"id": made, "email": email, "name": name, "role": role, "language": language}
    try:
        connection.execute(accounts.insert(), row | {"created": clock.now(), "disabled": False, "version": 1})
    except IntegrityError as error:
        raise BadInput("visits.email_taken", email=email) from error
    return made


def _new_link(connection: Connection, account: str | None, lasts_s: float) -> str:
    """Make a link, and drop the older ones of the same account."""
    token = tokens.new_token()
    connection.execute(account_links.delete().where(account_links.c.account == account))
    row = {"token": tokens.kept(token), "account": account, "created": clock.now(), "expires": clock.later(lasts_s)}
    connection.execute(account_links.insert(), row)
    return token


def _open() -> tuple[Any, ...]:
    return account_links.c.used.is_(None), account_links.c.expires > clock.now()


def _open_links() -> Any:
    return select(account_links).where(*_open())


def _row(connection: Connection, id: str) -> Row[Any]:
    row = connection.execute(select(accounts).where(accounts.c.id == id)).first()
    if row is None:
        raise BadInput("visits.no_account")
    return row


def _changed(connection: Connection, id: str, **values: Any) -> None:
    new = values | {"version": accounts.c.version + 1}
    connection.execute(accounts.update().where(accounts.c.id == id).values(new))


def _administrators(connection: Connection) -> int:
    """Return how many can administer: with a password, not disabled."""
    asked = select(func.count()).select_from(accounts).where(accounts.c.role == Role.ADMINISTRATOR)
    return connection.scalar(asked.where(accounts.c.password.is_not(None), accounts.c.disabled.is_(False))) or 0


def _close_sessions(connection: Connection, id: str) -> None:
    connection.execute(sessions.delete().where(sessions.c.kind == Kind.ACCOUNT, sessions.c.subject == id))


def _account(row: Row[Any]) -> Account:
    return Account(
        row.id, row.email, row.name, Role(row.role), row.password is not None, row.language,
        row.created, row.disabled, row.version,
    )  # fmt: skip


def _plain(email: str) -> str:
    return email.strip().lower()


def _email(email: str) -> str:
    plain = _plain(email)
    if len(plain) > LONGEST_EMAIL or not EMAIL.fullmatch(plain):
        raise BadInput("visits.bad_email")
    return plain


def _name(name: str) -> str:
    plain = " ".join(name.split())
    if not 0 < len(plain) <= LONGEST_NAME or not plain.isprintable():
        raise BadInput("visits.bad_name", longest=LONGEST_NAME)
    return plain


def _staff(role: Role) -> Role:
    if role not in STAFF:
        raise BadInput("visits.bad_role", roles=", ".join(STAFF))
    return role
