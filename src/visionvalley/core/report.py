# SPDX-License-Identifier: Apache-2.0
"""What an application returns: numbers, verdicts, events and one scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from visionvalley.core.feature import Feature
from visionvalley.core.measurement import Measurement, Verdict
from visionvalley.core.messages import Text
from visionvalley.core.scene import Scene


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a time (seconds since the epoch, or since the start of the data)."""

    time_s: float
    kind: str
    message: Text


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """All that a run found out, ready to be shown, kept and published.

    verdict       of the whole, None where nothing was judged
    measurements  in the order in which a reader wants them: the first five stand on page one
    features      judged characteristics
    scene         the one scene
    facts         machine-readable results of the method, JSON values only (poses, covariances, counts)
    notes         what a reader must know: simulated input, labels, warnings
    simulated     whether any input came from a simulation
    """

    application: str
    title: Text
    verdict: Verdict | None = None
    measurements: tuple[Measurement, ...] = ()
    features: tuple[Feature, ...] = ()
    events: tuple[Event, ...] = ()
    scene: Scene = field(default_factory=Scene)
    facts: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[Text, ...] = ()
    simulated: bool = False
