# SPDX-License-Identifier: Apache-2.0
"""Accounts of the house, by an administrator; one's own password."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from visionvalley.hall.api.forms import Answer, Id, Line, Secret, Sent, told
from visionvalley.hall.api.session import SignedIn, begin
from visionvalley.hall.reader import AnyReader, InHall, InRecords
from visionvalley.visits import accounts
from visionvalley.visits.values import Account, Role

router = APIRouter(tags=["accounts"])
StaffRole = Literal["administrator", "host", "guide"]
Code = Literal["en", "zh", "fr", "ar", "pt", "sw"]


class Told(BaseModel):
    """An account. `ready`: its password was set. `version` goes with a change."""

    id: str
    email: str
    name: str
    role: StaffRole
    ready: bool
    disabled: bool
    language: str | None
    created: str
    version: int


class Invite(Sent):
    """Whom to invite."""

    email: Line
    name: Line
    role: StaffRole
    language: Code | None = None


class Linked(Answer):
    """The account, and the path of the link that sets its password: it is shown this once."""

    account: Told
    link: str


class Change(Sent):
    """What is to change, seen in this version; the rest stays."""

    version: int
    name: Line | None = None
    role: StaffRole | None = None
    disabled: bool | None = None


class NewPassword(Sent):
    """The old password and the new one."""

    old: Secret
    new: Secret


@router.get("/accounts", summary="List the accounts of the house")
def every(reader: AnyReader, records: InRecords) -> list[Told]:
    """Return all accounts by name."""
    reader.require("accounts")
    return [_told(one) for one in accounts.every(records)]


@router.post("/accounts", status_code=201, summary="Invite somebody")
def invite(sent: Invite, reader: AnyReader, records: InRecords) -> Linked:
    """Make an account and the link that sets its password."""
    reader.require("accounts")
    made, token = accounts.invite(records, reader.actor, sent.email, sent.name, Role(sent.role), sent.language)
    return Linked(account=_told(made), link=f"/link/{token}")


@router.get("/accounts/{id}", summary="Show an account")
def one(id: Id, reader: AnyReader, records: InRecords) -> Told:
    """Return an account."""
    reader.require("accounts")
    return _told(accounts.one(records, id))


@router.patch("/accounts/{id}", summary="Change name, role, or whether an account is disabled")
def change(id: Id, sent: Change, reader: AnyReader, records: InRecords) -> Told:
    """Change an account that nobody changed meanwhile."""
    reader.require("accounts")
    values = sent.model_dump(exclude_none=True, exclude={"version"})
    return _told(accounts.change(records, reader.actor, id, sent.version, **values))


@router.post("/accounts/{id}/link", status_code=201, summary="Make a new link that sets a password")
def renew_link(id: Id, reader: AnyReader, records: InRecords) -> Linked:
    """Make a link; older ones open nothing any more."""
    reader.require("accounts")
    token = accounts.renew_link(records, reader.actor, id)
    return Linked(account=_told(accounts.one(records, id)), link=f"/link/{token}")


@router.put("/account/password", summary="Change one's own password")
def set_password(sent: NewPassword, reader: AnyReader, hall: InHall, request: Request, response: Response) -> SignedIn:
    """Set a new password: all sessions end, and this browser begins a new one."""
    reader.require("own account")
    hall.limits.require("sign in account", reader.actor.id)
    accounts.set_password(hall.records, reader.actor.id, sent.old, sent.new)
    return begin(hall, accounts.one(hall.records, reader.actor.id), request, response, "/account")


def _told(one: Account) -> Told:
    return Told(**told(one, *Told.model_fields))
