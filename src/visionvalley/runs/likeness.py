# SPDX-License-Identifier: Apache-2.0
"""How alike two results are: the same bits, or how far apart, and whether that is within the bound.

The bound, for another target or other versions: verdicts are equal; each measured value lies within a tenth of its
standard uncertainty, and that uncertainty within a tenth of itself. So a rerun elsewhere moves a result far less than
its own uncertainty says it may move.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SHARE = 0.1
NOT_COMPARED = ("id", "started", "seconds", "versions", "machine")  # of the record: times, ids, dates, conditions
ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Difference:
    """Two values that are not the same, and where in result.json they stand."""

    place: str
    then: Any
    now: Any

    @property
    def relative(self) -> float:
        """How far apart two numbers are, as a share of the larger; infinite where they are not numbers."""
        if not (_number(self.then) and _number(self.now)):
            return math.inf
        return float(abs(self.then - self.now) / max(abs(self.then), abs(self.now)))


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a comparison found.

    numbers      how many numbers were compared
    differences  everything that is not the same, bit by bit
    within       whether verdicts and measurements are within the bound
    """

    numbers: int
    differences: tuple[Difference, ...]
    within: bool


def compare(then: Mapping[str, Any], now: Mapping[str, Any]) -> Likeness:
    """Compare two results, as result.json holds them, in everything but times, ids, dates and conditions."""
    before, after = dict(_leaves(_compared(then))), dict(_leaves(_compared(now)))
    places = [*before, *(place for place in after if place not in before)]
    differences = tuple(
        Difference(place, before.get(place, ABSENT), after.get(place, ABSENT))
        for place in places
        if place not in before or place not in after or not _same(before[place], after[place])
    )
    numbers = sum(_number(before.get(place)) and _number(after.get(place)) for place in places)
    return Likeness(numbers, differences, _within(then, now))


def _compared(result: Mapping[str, Any]) -> dict[str, Any]:
    record = {name: value for name, value in result["record"].items() if name not in NOT_COMPARED}
    contents = [{name: value for name, value in one.items() if name != "name"} for one in record["inputs"]]
    return {**result, "record": {**record, "inputs": contents}}  # a file may be called otherwise now


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value that holds no other, by its place; an empty group stands for itself."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{place}.{name}" if place else str(name))
    elif isinstance(value, list) and value:
        for n, inner in enumerate(value):
            yield from _leaves(inner, f"{place}[{n}]")
    else:
        yield place, value


def _same(a: Any, b: Any) -> bool:
    """Say whether two JSON values are written alike: 1 and 1.0, 0.0 and -0.0 are not."""
    return type(a) is type(b) and json.dumps(a) == json.dumps(b)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _within(then: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Say whether verdicts are equal and measurements within the bound."""
    pairs = [(then["measurements"], now["measurements"])]
    pairs.append(tuple([one["measured"] for one in side["features"]] for side in (then, now)))  # type: ignore[arg-type]
    verdicts = [[side["verdict"], *(one["verdict"] for one in side["features"])] for side in (then, now)]
    if verdicts[0] != verdicts[1] or any(len(a) != len(b) for a, b in pairs):
        return False
    return all(_close(a, b) for some, others in pairs for a, b in zip(some, others, strict=True))


def _close(then: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    if (then["name"], then["unit"]) != (now["name"], now["unit"]):
        return False
    known, known_now = then["standard_uncertainty"], now["standard_uncertainty"]
    far = None in (then["value"], now["value"], known, known_now)
    if far:
        return bool((then["value"], known) == (now["value"], known_now))
    return bool(abs(then["value"] - now["value"]) <= SHARE * known and abs(known - known_now) <= SHARE * known)
