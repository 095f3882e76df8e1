# SPDX-License-Identifier: Apache-2.0
"""Which motions a registration could not see, said in words."""

from __future__ import annotations

import math

import numpy as np

from visionvalley.core import Text, text
from visionvalley.core.arrays import Floats
from visionvalley.vision.geometry.symmetric import eigen, product

UNSEEN = 3e-3  # information a pair, of at most 1: normals that differ by 3 degrees have it by chance
SMALL_SHARE = 0.1  # of a motion: below it the motion is a pure slide, or a turn without slide


def unseen_motions(information: Floats, pairs: float, centre_m: Floats, extent_m: float) -> tuple[Text, ...]:
    """Return the motions that the pairs leave free, each named.

    information  (6, 6) sum over pairs of JᵀJ, left perturbation (ω rad, t m) about centre_m
    extent_m     root mean square distance of the points from the centre: a turn counts by how far it moves them
    Zhang, Kaess, Singh 2016, on degeneracy of optimisation-based state estimation.
    """
    scale = np.array([1 / extent_m] * 3 + [1.0] * 3)
    values, vectors = eigen(information * scale[:, None] * scale[None, :] / max(pairs, 1.0))
    free = vectors[:, ~(values > UNSEEN)]
    return tuple(_named(motion, centre_m, extent_m) for motion in _plain(free))


def _plain(free: Floats) -> list[Floats]:
    """Return motions (6,) that span the columns of `free` (6, k): slides first, then turns, along axes if they can."""
    if free.shape[1] == 0:
        return []
    shares, mixing = eigen(product(free[:3].T, free[:3]))
    mixed = product(free, mixing)
    slides, turns = mixed[:, shares < SMALL_SHARE**2], mixed[:, shares >= SMALL_SHARE**2]
    return [*_along_axes(slides, slides[3:]), *_along_axes(turns, turns[:3])]


def _along_axes(motions: Floats, parts: Floats) -> list[Floats]:
    """Return combinations of motions (6, k), whose `parts` (3, k) are orthogonal, each as near to an axis as can be."""
    lengths = np.sqrt((parts * parts).sum(axis=0))
    coordinates, found = parts / lengths, []
    for _ in range(motions.shape[1]):
        reach = (coordinates * coordinates).sum(axis=1)
        mix = coordinates[int(np.argmax(reach > reach.max() - 1e-6))]
        mix = mix / math.sqrt(float((mix * mix).sum()))
        motion = (motions / lengths * mix[None, :]).sum(axis=1)
        found.append(motion / math.sqrt(float((motion * motion).sum())))
        coordinates = coordinates - (coordinates * mix[None, :]).sum(axis=1)[:, None] * mix[None, :]
    return found


def _named(motion: Floats, centre_m: Floats, extent_m: float) -> Text:
    """Name a unit motion (ω times extent, t)."""
    turn, slide = motion[:3], motion[3:]
    share = math.sqrt(float((turn * turn).sum()))
    if share < SMALL_SHARE:
        return text("registration.sliding", along=direction(slide / math.sqrt(float((slide * slide).sum()))))
    axis = turn / share
    along = float((slide * axis).sum())
    through = centre_m + np.cross(axis, slide) * (extent_m / share)
    through = through - float((through * axis).sum()) * axis + float((centre_m * axis).sum()) * axis
    place = ", ".join(f"{round(float(v) * 1e3, 3) + 0.0:g}" for v in through)
    if abs(along) < SMALL_SHARE:
        return text("registration.turning", about=direction(axis), through_mm=place)
    lead = abs(along) / share * extent_m * 2 * math.pi
    return text("registration.screwing", about=direction(axis), through_mm=place, lead_mm=f"{lead * 1e3:.4g}")


def direction(unit: Floats) -> str:
    """Return 'x', 'y' or 'z' where a direction is within 3 degrees of it, else its three parts."""
    largest = int(np.argmax(np.abs(unit)))
    if abs(unit[largest]) > math.cos(math.radians(3)):
        return "xyz"[largest]
    return "(" + ", ".join(f"{round(float(v), 2) + 0.0:.2f}" for v in unit * math.copysign(1.0, unit[largest])) + ")"
