# SPDX-License-Identifier: Apache-2.0
"""How often somebody may ask: buckets of tokens by session, account and address. Forgotten when the hall closes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from visionvalley.core import BadInput

KEPT = 20_000  # buckets; the one unused for the longest time is dropped


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and so many a second afterwards."""

    burst: float
    per_second: float


RATES = {
    "read session": Rate(200, 20.0),
    "read address": Rate(2000, 400.0),  # a delegation may come through one address
    "write session": Rate(60, 2.0),
    "write address": Rate(400, 40.0),
    "sign in address": Rate(30, 0.5),
    "sign in account": Rate(8, 1 / 30),
    "link address": Rate(60, 1.0),
    "code address": Rate(20, 0.1),
    "pair session": Rate(10, 0.1),
    "invitation address": Rate(600, 20.0),  # 200 guests behind one, each looks and follows; 256 bits: no guess
    "door session": Rate(60, 2.0),
}


@dataclass(slots=True, eq=False)
class Limits:
    """Counts who asked how often; used by several threads."""

    rates: dict[str, Rate] = field(default_factory=lambda: dict(RATES))
    clock: Callable[[], float] = time.monotonic
    _left: OrderedDict[tuple[str, str], tuple[float, float]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def require(self, name: str, key: str) -> None:
        """Count one more of `name` by `key`; raise BadInput where that is too many."""
        waits_s = self.take(name, key)
        if waits_s > 0:
            raise BadInput("hall.too_often", seconds=max(1, round(waits_s + 0.5)))

    def take(self, name: str, key: str) -> float:
        """Count one more; return 0.0, or for how many seconds the next one has to wait."""
        rate, now = self.rates[name], self.clock()
        with self._lock:
            left, at = self._left.pop((name, key), (rate.burst, now))
            left = min(rate.burst, left + (now - at) * rate.per_second)
            allowed = left >= 1.0
            self._left[name, key] = (left - 1.0 if allowed else left, now)
            if len(self._left) > KEPT:
                self._left.popitem(last=False)
        return 0.0 if allowed else (1.0 - left) / rate.per_second
