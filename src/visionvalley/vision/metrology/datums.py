# SPDX-License-Identifier: Apache-2.0
"""Datums and datum systems (ISO 5459:2011): where a drawing's frame lies on the measured part, and what is left free.

Each datum is associated outside the material: a plane touches and its largest distance is least, a hole's is the
largest inscribed, a shaft's the smallest circumscribed cylinder, sphere or pair of parallel planes (ISO 5459:2011,
annex A; cones and lines by the minimum zone); or by least squares where that is asked for. A secondary datum keeps
the orientation that the primary gives it, a tertiary that of both (ISO 5459:2011, 6.3).

Its situation feature - plane, axis, point - then locks what is still free of the six motions (ISO 5459:2011, 5).
With L the rows of what it locks and F the motions that earlier datums left free, the motion that lays the nominal
feature on the associated one is F y with (L F) y = gap. To first order the pose of the system answers to each
extracted point by the influence of that point on the associated element; a held element turns with its primary:
E(R q; R w) = R E(q; w), q its points and w what holds it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

import numpy as np

from visionvalley.core import (
    BadInput,
    Circle,
    Cone,
    Cylinder,
    Element,
    Line,
    Plane,
    Point,
    Pose,
    Slot,
    Sphere,
    Text,
    text,
)
from visionvalley.core.arrays import Floats
from visionvalley.vision.geometry.symmetric import eigen, gram, product
from visionvalley.vision.metrology.association import Touched, associate, situation_of
from visionvalley.vision.metrology.characteristics import Association, DatumReference, Extracted
from visionvalley.vision.metrology.features import placed
from visionvalley.vision.metrology.fits import FREE, PARAMETERS, Held, frame
from visionvalley.vision.metrology.zones import about, centre_and_extent, screw

LAYS = MappingProxyType(
    {
        Plane: ("shift w", "tilt u", "tilt v"),
        Line: ("shift u", "shift v", "tilt u", "tilt v"),
        Cylinder: ("shift u", "shift v", "tilt u", "tilt v"),
        Cone: ("shift u", "shift v", "tilt u", "tilt v", "along"),
        Circle: ("shift u", "shift v", "tilt u", "tilt v"),
        Sphere: ("shift u", "shift v", "shift w"),
        Point: ("shift u", "shift v", "shift w"),
        Slot: ("shift u", "shift v", "tilt u", "tilt v", "turn"),
    }
)
NO_FREEDOM = 1e-10  # of the squares of balanced motions: locked already
ROUNDS = 8
SAME = 1e-6  # rad


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """How one datum moved the frame.

    element    what was associated; influence (m, N, 3) of the points of each feature on what it locks
    answer     (6, m): how the pose answers to these
    earlier    (6, 6): how it answers to the pose that earlier datums gave
    names      of what it locks; locks (m, 6): how that changes with a motion of the element
    touched    what the element touches; None: least squares lay it
    """

    element: Element
    influence: Mapping[str, Floats]
    answer: Floats
    earlier: Floats
    names: tuple[str, ...]
    locks: Floats
    touched: Touched | None


@dataclass(frozen=True, slots=True, eq=False)
class DatumSystem:
    """A datum system, laid on its features.

    part_from_datum  takes nominal coordinates to where the datums put them, part frame (which the points are in)
    free             (6, f) motions (ω, t) about the origin of the part that no datum locks, balanced
    locked           how many of the six are locked
    turns            (3, r) the directions that it may still be turned about
    """

    part_from_datum: Pose
    free: Floats
    locked: int
    steps: tuple[Step, ...]
    notes: tuple[Text, ...]
    centre_m: Floats
    extent_m: float

    @property
    def elements(self) -> tuple[Element, ...]:
        """What was associated with each datum."""
        return tuple(step.element for step in self.steps)

    def back(self, torque: Floats) -> dict[str, Floats]:
        """Return what a torque (6,) on the pose is at the extracted points of each datum feature."""
        out: dict[str, Floats] = {}
        for step in reversed(self.steps):
            pull = product(step.answer.T, torque[:, None])[:, 0]
            for name, influence in step.influence.items():
                own = (pull[:, None, None] * influence).sum(axis=0)
                out[name] = out[name] + own if name in out else own
            torque = product(step.earlier.T, torque[:, None])[:, 0]
        return out


def locked_by(names: tuple[str, ...], element: Element) -> Floats:
    """Return how what a situation feature locks changes with a motion (ω, t) about the origin, (m, 6)."""
    u, v, w = frame(element)
    c, zero = element.point_m, np.zeros(3)
    rows = {
        "shift u": (np.cross(c, u), u),
        "shift v": (np.cross(c, v), v),
        "shift w": (np.cross(c, w), w),
        "along": (np.cross(c, w), w),
        "tilt u": (v, zero),
        "tilt v": (-u, zero),
        "turn": (w, zero),
    }
    return np.array([np.concatenate(rows[name]) for name in names])


def gap(names: tuple[str, ...], element: Element, nominal: Element) -> Floats:
    """Return what is missing (m,) between a nominal feature, as moved so far, and the associated one."""
    axes = frame(element)
    u, v, w = axes
    other = frame(nominal)[2]
    facing = float((other * w).sum())
    other = other if facing >= 0 else -other
    off = element.point_m - nominal.point_m
    if isinstance(nominal, Plane):
        there = {"shift w": float((off * other).sum()) / abs(facing)}
    elif isinstance(nominal, (Sphere, Point)):
        there = {f"shift {name}": float((off * axis).sum()) for name, axis in zip("uvw", axes, strict=True)}
    else:
        beside = off - other * (float((off * w).sum()) / abs(facing))
        there = {"shift u": float((beside * u).sum()), "shift v": float((beside * v).sum())}
    there["tilt u"], there["tilt v"] = (-float((other * axis).sum()) / abs(facing) for axis in (u, v))
    if isinstance(nominal, Slot):
        there["turn"] = -float((nominal.direction * v).sum()) * np.sign(float((nominal.direction * u).sum()))
    if isinstance(nominal, Cone) and isinstance(element, Cone):
        wanted = nominal.radius_m + float((off * other).sum()) * math.tan(nominal.half_angle_rad)
        there["along"] = (wanted - element.radius_m) / math.tan(nominal.half_angle_rad)
    return np.array([there[name] for name in names])


def lay(
    references: tuple[DatumReference, ...], features: Mapping[str, Extracted], cutoff_m: float | None = None
) -> DatumSystem:
    """Associate the datums of a system in their order and return where they put the drawing's frame.

    references  primary, secondary, tertiary; none: nothing is locked
    cutoff_m    of the filter before one-sided associations, see `filters`
    Raises BadInput for a datum that was not extracted, or cannot be one.
    """
    everything = [features[name].points_m for name in features if len(features[name].points_m)]
    centre, extent = centre_and_extent(np.concatenate(everything)) if everything else (np.zeros(3), 1.0)
    pose, free = Pose.identity(), about(centre, extent)
    steps: list[Step] = []
    notes: list[Text] = []
    for reference in references:
        missing = [name for name in reference.features if name not in features]
        if missing:
            raise BadInput("metrology.datum_missing", datum=missing[0], there=", ".join(features) or "none")
        own = [features[name] for name in reference.features]
        pose, free, step, said = _laid(own, reference, pose, free, cutoff_m, extent)
        steps.append(step)
        notes += said
    if any(r.association is Association.LEAST_SQUARES for r in references):
        notes.append(text("metrology.datum_least_squares"))
    return DatumSystem(pose, free, 6 - free.shape[1], tuple(steps), tuple(notes), centre, extent)


def _laid(
    own: list[Extracted], reference: DatumReference, pose: Pose, free: Floats, cutoff_m: float | None, extent_m: float
) -> tuple[Pose, Floats, Step, list[Text]]:
    """Return the pose and freedoms after one more datum."""
    nominal = situation_of(own)
    held, notes = _held(placed(nominal, pose), free, reference, extent_m)
    element, influences, touched = _associated(own, nominal, reference, held, cutoff_m)
    names = LAYS[type(nominal)]
    locks = locked_by(names, element)
    for _ in range(ROUNDS):
        y = _least(product(locks, free), gap(names, element, placed(nominal, pose)))
        motion = product(free, y[:, None])[:, 0]
        pose = screw(motion) @ pose
        if float(np.abs(y).max(initial=0.0)) < 1e-14:
            break
    answer = product(free, _pseudo_inverse(product(locks, free)))
    earlier = np.eye(6) - product(answer, locks)
    if held is not FREE:
        lever = sum((_levers(influences[f.name], f.points_m) for f in own), np.zeros((len(names), 3)))
        turning = np.concatenate([locks[:, :3] - lever, np.zeros((len(names), 3))], axis=1)
        earlier = earlier + product(answer, turning)
    step = Step(element, influences, answer, earlier, names, locks, touched)
    return pose, _still_free(free, locks), step, notes


def _associated(
    own: list[Extracted], nominal: Element, reference: DatumReference, held: Held, cutoff_m: float | None
) -> tuple[Element, dict[str, Floats], Touched | None]:
    """Return what is associated, the influence (m, N, 3) of each feature's points on what it locks, what it touches."""
    found = associate(own, held, reference.association, cutoff_m)
    element, at = found.element, PARAMETERS[type(found.element)]
    influences = {}
    for name, influence in found.influence.items():
        rows = [
            _along(cast(Cone, element), influence) if n == "along" else influence[at.index(n)]
            for n in LAYS[type(nominal)]
        ]
        influences[name] = np.array(rows)
    return element, influences, found.touched


def _along(element: Cone, influence: Floats) -> Floats:
    """Return how far a cone slides along its axis where its radius grows."""
    slides: Floats = -influence[PARAMETERS[Cone].index("size")] / math.tan(element.half_angle_rad)
    return slides


def _held(nominal: Element, free: Floats, reference: DatumReference, extent_m: float) -> tuple[Held, list[Text]]:
    """Return what earlier datums hold of the next one: its orientation (ISO 5459:2011, 6.3)."""
    if isinstance(nominal, (Sphere, Point)):
        return FREE, []
    turns = free[:3]
    values, vectors = eigen(gram(turns.T)) if turns.shape[1] else (np.zeros(3), np.eye(3))
    rank = int(np.count_nonzero(values > 1e-9 / extent_m**2))
    if rank == 3:
        return FREE, []
    direction = frame(nominal)[2]
    if rank == 0:
        return Held(parallel=direction), []
    axis = vectors[:, 2]
    along = abs(float((axis * direction).sum()))
    if rank == 1 and along > 1 - SAME:
        return Held(parallel=axis), []
    if rank == 1 and along < SAME:
        return Held(perpendicular=axis), []
    return FREE, [text("metrology.datum_not_held", datum="-".join(reference.features))]


def _levers(influence: Floats, points_m: Floats) -> Floats:
    """Return how what is locked answers to a turn of all points about the origin, (m, 3): Σ I_q · (ω × q)."""
    out: Floats = np.cross(points_m[None], influence).sum(axis=1)
    return out


def _least(matrix: Floats, right: Floats) -> Floats:
    return product(_pseudo_inverse(matrix), right[:, None])[:, 0]


def _pseudo_inverse(matrix: Floats) -> Floats:
    """Return the pseudo-inverse (k, m) of a small (m, k) matrix."""
    if not matrix.size:
        return np.zeros(matrix.T.shape)
    values, vectors = eigen(gram(matrix))
    kept = values > NO_FREEDOM * max(float(values[-1]), 1e-300)
    some = vectors[:, kept]
    return product(some / values[kept], some.T, matrix.T)


def _still_free(free: Floats, locks: Floats) -> Floats:
    """Return those of the free motions that change nothing that is locked."""
    rows = product(locks, free)
    values, vectors = eigen(gram(rows)) if free.shape[1] else (np.zeros(0), np.zeros((0, 0)))
    return product(free, vectors[:, values <= NO_FREEDOM * max(float(values[-1]) if len(values) else 0.0, 1e-300)])


def described(system: DatumSystem, used: int) -> tuple[Text, ...]:
    """Return what to say of motions that were left free and made the value less."""
    return (text("metrology.free", locked=system.locked, used=used),) if used else ()
