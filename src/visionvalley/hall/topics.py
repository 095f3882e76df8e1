# SPDX-License-Identifier: Apache-2.0
"""Which topics of the live updates there are, and who may listen to them."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from visionvalley.core import BadInput
from visionvalley.hall import results
from visionvalley.hall.reader import Reader
from visionvalley.hall.settings import Hall
from visionvalley.visits.values import Role

May = Callable[[Hall, Reader, str], bool]

TOPICS: MappingProxyType[str, May] = (
    MappingProxyType(  # the part of a topic before its first dot -> may the reader listen?
        {
            "runs": lambda hall, reader, rest: results.may_see(reader, hall.running.state(rest)),
            "hall": lambda _hall, _reader, _rest: True,  # 'hall.clock': the hall is there
            "answers": lambda _hall, _reader, _rest: True,  # an answer was published, or taken back
            "board": lambda _hall, reader, _rest: reader.may("see visits"),  # 'board.<visit>': a question changed
            "door": lambda _hall, reader, _rest: reader.may("door"),  # 'door.<visit>': a guest came
            "programme": lambda _hall, reader, _rest: reader.may("see visits") or reader.may("own visit"),
            "welcome": lambda _hall, _reader, _rest: True,  # something that screens show changed
            "screen": lambda _hall, reader, rest: reader.role is Role.SCREEN and reader.actor.id == rest,
            "guest": lambda _hall, reader, rest: reader.may("own visit") and reader.actor.id == rest,
        }
    )
)


def require_topic(hall: Hall, reader: Reader, topic: str) -> None:
    """Raise BadInput for a topic that is not there, or that the reader may not hear."""
    first, _, rest = topic.partition(".")
    may = TOPICS.get(first)
    if may is None:
        raise BadInput("hall.no_topic", topic=topic)
    if not may(hall, reader, rest):
        raise BadInput("hall.forbidden" if reader.session else "hall.sign_in")
