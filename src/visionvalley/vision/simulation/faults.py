# SPDX-License-Identifier: Apache-2.0
"""Faults of known size on the faces of a part: a resized hole, a shifted hole, a bowed plane."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Cylinder, Mesh, Part, Plane, require
from visionvalley.core.arrays import Floats
from visionvalley.vision.shape.ideal import gaps_m, normals_at
from visionvalley.vision.shape.subdivision import subdivided

START, END = 0.1, 0.85  # of half a plane's length: where a bow begins, and from where on it is whole


@dataclass(frozen=True, slots=True)
class Resized:
    """A hole or shaft whose diameter is larger by `by_m`."""

    face: int
    by_m: float


@dataclass(frozen=True, slots=True, eq=False)
class Shifted:
    """A hole or shaft moved by `by_m` (3,)."""

    face: int
    by_m: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_m", require("by_m", self.by_m, (3,), finite=True))


@dataclass(frozen=True, slots=True)
class Bowed:
    """A plane whose two ends, along its length, stand out by `by_m`: its flatness."""

    face: int
    by_m: float


Fault = Resized | Shifted | Bowed


def plant(part: Part, faults: tuple[Fault, ...], edge_m: float) -> Mesh:
    """Return the surface of a part with faults.

    edge_m  longest edge of the triangles that it is made of
    Raises BadInput for a fault on a face that cannot have it.
    """
    fine = subdivided(part.mesh, edge_m)
    moved = fine.vertices_m.copy()
    for fault in faults:
        surface = part.surfaces[fault.face]
        on = _upon(part, fault.face, fine.vertices_m)
        if isinstance(fault, Bowed) and isinstance(surface, Plane):
            moved[on] += _bow(fine.vertices_m[on], fault.by_m)[:, None] * surface.normal
        elif isinstance(fault, Resized) and isinstance(surface, Cylinder):
            moved[on] += fault.by_m / 2 * normals_at(surface, fine.vertices_m[on])
        elif isinstance(fault, Shifted) and isinstance(surface, Cylinder):
            moved[on] += fault.by_m
        else:
            raise BadInput("simulation.bad_fault", fault=type(fault).__name__, face=fault.face)
    return Mesh(moved, fine.faces)


def _upon(part: Part, face: int, places_m: Floats) -> NDArray[np.bool_]:
    """Tell which places lie on a face, its edges included."""
    surface = part.surfaces[face]
    if not isinstance(surface, Plane | Cylinder):
        raise BadInput("simulation.bad_fault", fault="a fault", face=face)
    corners = part.mesh.vertices_m[part.mesh.faces[part.face == face]].reshape(-1, 3)
    small = 1e-9 + 1e-9 * float(np.abs(corners).max())
    inside = ((places_m >= corners.min(axis=0) - small) & (places_m <= corners.max(axis=0) + small)).all(axis=1)
    on: NDArray[np.bool_] = inside & (np.abs(gaps_m(surface, places_m)) <= 2 * part.chord_m + small)
    return on


def _bow(places_m: Floats, by_m: float) -> Floats:
    """Return how far places of a plane stand out: nothing in the middle of its longest side, all at its ends."""
    low, high = places_m.min(axis=0), places_m.max(axis=0)
    axis = int(np.argmax(high - low))
    away = np.abs(places_m[:, axis] - (low[axis] + high[axis]) / 2) / ((high[axis] - low[axis]) / 2)
    share = np.clip((away - START) / (END - START), 0.0, 1.0)
    bow: Floats = by_m * 0.5 * (1 - np.cos(math.pi * share))
    return bow
