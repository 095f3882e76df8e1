# SPDX-License-Identifier: Apache-2.0
"""What is taken when: two entries clash that overlap and need the same person, room or stand."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Taken:
    """What an entry needs, from `begin_s` up to, not including, `end_s` (seconds since 1970).

    needs  'room:id', 'stand:name', 'staff:id', 'members:id', 'delegation:visit' (what all of it do)
    """

    entry: str
    begin_s: int
    end_s: int
    needs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Clash:
    """The first entry that is in the way, and what both need: the first by name."""

    other: Taken
    need: str


def clash(wanted: Taken, others: Iterable[Taken]) -> Clash | None:
    """Return what is in the way of an entry; None where nothing is. It is not in its own way."""
    found = [
        (one.begin_s, one.entry, min(shared), one)
        for one in others
        if one.entry != wanted.entry
        and one.begin_s < wanted.end_s
        and wanted.begin_s < one.end_s
        and (shared := one.needs & wanted.needs)
    ]
    if not found:
        return None
    _, _, need, other = min(found, key=lambda each: each[:3])
    return Clash(other, need)


def nearest_free(wanted: Taken, others: Iterable[Taken], begin_s: int, end_s: int) -> int | None:
    """Return when an entry could begin instead, nearest to when it was wanted, inside [begin_s, end_s]; None: never.

    Of two that are as near, the later one.
    """
    busy = _united([one for one in others if one.entry != wanted.entry and one.needs & wanted.needs])
    length = wanted.end_s - wanted.begin_s
    last = end_s - length
    tries = {begin_s, last, wanted.begin_s} | {end for _, end in busy} | {begin - length for begin, _ in busy}
    inside = [one for one in tries if begin_s <= one <= last]
    free = [one for one in inside if not _meets(one, one + length, busy)]
    return min(free, key=lambda one: (abs(one - wanted.begin_s), -one), default=None)


def _united(taken: Sequence[Taken]) -> list[tuple[int, int]]:
    """Return times that are taken, in order, apart from each other."""
    united: list[tuple[int, int]] = []
    for begin, end in sorted((one.begin_s, one.end_s) for one in taken):
        if united and begin <= united[-1][1]:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((begin, end))
    return united


def _meets(begin: int, end: int, busy: Sequence[tuple[int, int]]) -> bool:
    after = bisect_left(busy, (end, end))
    return after > 0 and busy[after - 1][1] > begin
