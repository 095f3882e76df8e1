# SPDX-License-Identifier: Apache-2.0
"""What a request sends: up to a size, and within a time."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from visionvalley.core import BadInput
from visionvalley.hall import uploads

LARGEST_FORM = 1 << 20  # bytes of a body
LARGEST = (("/api/v1/uploads", uploads.LARGEST),)  # beginnings of addresses that take files, and how many bytes
PATIENCE_S = 30.0  # for the next piece of a body


class Body:
    """Gives an application what is sent, piece by piece; remembers why it stopped."""

    def __init__(self, receive: Receive, largest: int, patience_s: float) -> None:
        self._receive, self._largest, self._patience_s = receive, largest, patience_s
        self._bytes, self._whole = 0, False
        self.refused: BadInput | None = None

    async def __call__(self) -> Message:
        """Return the next piece; raise BadInput for one too many, or where none comes."""
        if self._whole:
            return await self._receive()  # until the browser goes away
        try:
            message = await asyncio.wait_for(self._receive(), self._patience_s)
        except TimeoutError:
            self.refused = BadInput("hall.too_slow", seconds=round(self._patience_s))
            raise self.refused from None
        self._bytes += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._bytes > self._largest:
            self.refused = BadInput("hall.too_large")
            raise self.refused
        return message


async def limited(app: ASGIApp, scope: Scope, receive: Receive, send: Send, patience_s: float = PATIENCE_S) -> None:
    """Answer a request; raise BadInput where its body is too large or stays away, if nothing was answered yet."""
    largest = next((most for begin, most in LARGEST if scope["path"].startswith(begin)), LARGEST_FORM)
    told = Headers(scope=scope).get("content-length", "")
    if told.isascii() and told.isdigit() and int(told[:18]) > largest:
        raise BadInput("hall.too_large")
    body, begun = Body(receive, largest, patience_s), False

    async def kept(message: Message) -> None:
        nonlocal begun
        if body.refused is None or begun:
            begun = True
            await send(message)

    try:
        await app(scope, body, kept)
    finally:
        if body.refused is not None and not begun:
            raise body.refused
