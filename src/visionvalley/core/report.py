# SPDX-License-Identifier: Apache-2.0
"""What an application returns: numbers, verdicts, events and one scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from visionvalley.core.arrays import require
from visionvalley.core.cloud import Cloud, Mesh
from visionvalley.core.errors import BadInput
from visionvalley.core.measurement import Feature, Measurement, Tolerance, Verdict
from visionvalley.core.messages import Text
from visionvalley.core.pose import Pose


@dataclass(frozen=True, slots=True, eq=False)
class Colouring:
    """A number at each point or vertex, to be shown as colour.

    values  (N,) in `unit` (SI); NaN where there is none
    limits  what is allowed, drawn on the legend and as contours
    """

    name: str
    values: NDArray[np.float32]
    unit: str
    limits: Tolerance | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", require(self.name, self.values, (None,), np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """One object of a scene: a surface or points, where it stands, and what it is coloured by."""

    name: str
    shape: Cloud | Mesh
    scene_from_thing: Pose = field(default_factory=Pose.identity)
    colouring: Colouring | None = None

    def __post_init__(self) -> None:
        count = len(self.shape) if isinstance(self.shape, Cloud) else len(self.shape.vertices_m)
        if self.colouring is not None and len(self.colouring.values) != count:
            raise BadInput("core.colouring_length", name=self.name, got=len(self.colouring.values), wanted=count)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What is to be seen, in one frame, metres; `up` (3,) is the direction that a viewer shows upwards."""

    things: tuple[Thing, ...] = ()
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)


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
