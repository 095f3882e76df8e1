# SPDX-License-Identifier: Apache-2.0
"""The seeds of all that an inspection draws by chance; its record keeps them, and a rerun takes them from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Seeds:
    """What each draw begins with.

    scan        places on a scanned mesh of few vertices
    reference   places on the reference, by which the scan is laid on it
    share_seen  places on the reference, whose share near the scan is told
    noise       noise that is added anew to a scan, to learn how far an extreme value is off
    """

    scan: int = 0
    reference: int = 0
    share_seen: int = 1
    noise: int = 0

    @classmethod
    def of(cls, kept: Mapping[str, int]) -> Seeds:
        """Return the seeds of a record; names that are not ours are of other draws, or of an earlier version."""
        return cls(**{name: seed for name, seed in kept.items() if name in cls.__dataclass_fields__})

    def kept(self) -> dict[str, int]:
        """Return the seeds as a record keeps them."""
        return asdict(self)
