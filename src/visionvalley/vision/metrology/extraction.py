# SPDX-License-Identifier: Apache-2.0
"""Which points of an aligned scan belong to which face of its part (ISO 17450-1: partition and extraction)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Element, Part
from visionvalley.core.arrays import Floats, Ints
from visionvalley.vision.metrology.characteristics import Extracted
from visionvalley.vision.shape import topology
from visionvalley.vision.shape.distances import Closest
from visionvalley.vision.shape.neighbours import build_index, nearest
from visionvalley.vision.shape.normals import normals

SPACINGS, NOISES = 2.0, 3.0  # the margin along edges: so many point spacings, and so many standard deviations
MOST_OF_WIDTH = 0.25  # of a face's width that its margin may take
AGREEING = math.cos(math.radians(45))  # between the surface of the scan and of the face
BEYOND = 6.0  # robust standard deviations from the median of the neighbours: a stray point
REACH = 0.05  # of the diagonal: farther off is no point of the part
EDGE_SAMPLES = 200_000
NORMAL_NEIGHBOURS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Associated:
    """The face of each point, and why others have none.

    face       (N,) int32, -1: none
    nearest    (N,) int32, the nearest face all the same, -1 where the point is none
    margin_m   (K,) along the edges of each face, within which points are left out
    left_out   (K, 3) points of each face left out: near an edge, turned away, stray
    spacing_m  median distance of neighbouring points
    """

    face: Ints
    nearest: Ints
    margin_m: Floats
    left_out: NDArray[np.int64]
    spacing_m: float


@dataclass(frozen=True, slots=True, eq=False)
class Around:
    """Each point's neighbours, itself the first: index (N, k) and distance (N, k) metres."""

    index: Ints
    distance_m: Floats

    @property
    def spacing_m(self) -> float:
        """Distance of neighbours in an even pattern of as many points on the same area."""
        k = self.distance_m.shape[1] - 1
        farthest = self.distance_m[:, -1][np.isfinite(self.distance_m[:, -1])]
        return float(np.median(farthest)) * math.sqrt(math.pi / max(k, 1)) if len(farthest) else 0.0


def associate(
    part: Part, points_m: Floats, near: Closest, around: Around, noise_m: float, margin_m: float | None = None
) -> Associated:
    """Return the face that each point (N, 3) of an aligned scan belongs to.

    near      of these points on the part's mesh
    noise_m   standard deviation of one point
    margin_m  along edges; None: two point spacings, or three standard deviations of the noise where that is more,
              and at most a quarter of a face's width

    A point belongs to its nearest face, but not where it is nearest to an open border, lies near an edge of the face
    (sensors err there, and neighbouring faces mix), where the scan runs across the face by more than 45 degrees, or
    where it stands alone: farther from the median of its neighbours than six robust standard deviations. Deviations
    that neighbours share are never left out, however large.
    """
    spacing = around.spacing_m
    wanted = max(SPACINGS * spacing, NOISES * noise_m) if margin_m is None else margin_m
    count = len(part.surfaces)
    margins = np.minimum(wanted, MOST_OF_WIDTH * widths_m(part)) if margin_m is None else np.full(count, wanted)
    own = np.where(near.face >= 0, part.face[np.maximum(near.face, 0)], -1).astype(np.int32)
    size_m = float(np.sqrt((np.ptp(part.mesh.vertices_m, axis=0) ** 2).sum()))
    usable = (own >= 0) & ~near.on_boundary & (np.abs(near.distance_m) <= REACH * size_m)
    edge = usable & _near_edges(part, near.point_m, margins[np.maximum(own, 0)], max(wanted, 1e-12))
    across = usable & ~edge & _turned_away(points_m, near.normal)
    stray = usable & ~edge & ~across & _strays(near.distance_m, around.index)
    left_out = np.stack([np.bincount(own[which], minlength=count) for which in (edge, across, stray)], axis=1)
    face = np.where(usable & ~edge & ~across & ~stray, own, -1).astype(np.int32)
    return Associated(face, own, margins, left_out.astype(np.int64), spacing)


def extracted(name: str, nominal: Element, points_m: Floats, chosen: NDArray[np.bool_]) -> Extracted:
    """Return a feature's points; raises BadInput where there are none."""
    if not chosen.any():
        raise BadInput("metrology.nothing_extracted", feature=name)
    return Extracted(name, nominal, points_m[chosen])


def widths_m(part: Part) -> Floats:
    """Return twice the area over the length of the border of each face (K,): the height of a hole, half a square."""
    mesh = topology.merged(part.mesh)
    _, areas = topology.face_normals(mesh.vertices_m, mesh.faces)
    there = part.face >= 0
    area = np.bincount(part.face[there], weights=areas[there], minlength=len(part.surfaces))
    halves, owner = _borders(part, mesh.faces)
    ends = mesh.vertices_m[halves]
    length = np.sqrt(((ends[:, 1] - ends[:, 0]) ** 2).sum(axis=1))
    border = np.bincount(owner, weights=length, minlength=len(part.surfaces))
    return np.where(border > 0, 2 * area / np.maximum(border, 1e-300), np.inf)


def _borders(part: Part, faces: Ints) -> tuple[NDArray[np.int64], Ints]:
    """Return the edges (E, 2) of vertices where a face ends, and that face (E,)."""
    edges = topology.find_edges(faces, int(faces.max()) + 1)
    halves = np.arange(faces.size)
    own = part.face[halves // 3]
    beyond = np.where(edges.twins >= 0, part.face[np.maximum(edges.twins, 0) // 3], -2)
    ends = halves[(own >= 0) & (own != beyond)]
    return np.stack([faces[ends // 3, ends % 3], faces[ends // 3, (ends + 1) % 3]], axis=1).astype(np.int64), own[
        ends
    ].astype(np.int32)


def _near_edges(part: Part, places_m: Floats, margin_m: Floats, most_m: float) -> NDArray[np.bool_]:
    """Tell which places on the surface lie within a margin (N,) of an edge between two faces."""
    mesh = topology.merged(part.mesh)
    ends, _ = _borders(part, mesh.faces)
    if not len(ends) or not margin_m.any():
        return np.zeros(len(places_m), bool)
    a, b = mesh.vertices_m[ends[:, 0]], mesh.vertices_m[ends[:, 1]]
    length = np.sqrt(((b - a) ** 2).sum(axis=1))
    step_m = max(most_m / 4, float(length.sum()) / EDGE_SAMPLES)
    cuts = np.maximum(np.ceil(length / step_m), 1).astype(np.int64)
    first = np.repeat(np.cumsum(cuts) - cuts, cuts)
    share = ((np.arange(len(first)) - first + 0.5) / np.repeat(cuts, cuts))[:, None]
    samples = np.repeat(a, cuts, axis=0) * (1 - share) + np.repeat(b, cuts, axis=0) * share
    found = nearest(build_index(samples), places_m, 1, most_m + step_m)
    distance = np.where(found.index[:, 0] >= 0, found.distance_m[:, 0], np.inf)
    near: NDArray[np.bool_] = distance <= margin_m
    return near


def _turned_away(points_m: Floats, surface: Floats) -> NDArray[np.bool_]:
    """Tell where the scan's own surface runs across the nominal one; where it has none, nothing is told."""
    own = normals(points_m, NORMAL_NEIGHBOURS)
    cosine = np.abs((own * surface).sum(axis=1))
    turned: NDArray[np.bool_] = cosine < AGREEING  # NaN: no
    return turned


def _strays(distance_m: Floats, neighbours: Ints) -> NDArray[np.bool_]:
    held = np.where(neighbours >= 0, distance_m[np.maximum(neighbours, 0)], np.nan)
    known = np.isfinite(held)
    held = np.sort(np.where(known, held, np.inf), axis=1)
    middle = held[np.arange(len(held)), np.maximum(known.sum(axis=1) - 1, 0) // 2]
    off = np.abs(distance_m - middle)
    spread = 1.4826 * float(np.median(off[np.isfinite(off)])) if np.isfinite(off).any() else 0.0
    alone: NDArray[np.bool_] = off > BEYOND * max(spread, 1e-12)
    return alone


def counted(associated: Associated, number: int) -> Mapping[str, int]:
    """Return how many points a face has, and how many were left out, by reason."""
    edge, across, stray = (int(n) for n in associated.left_out[number])
    return {
        "points": int(np.count_nonzero(associated.face == number)),
        "near_edges": edge,
        "turned_away": across,
        "stray": stray,
    }
