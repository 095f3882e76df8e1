# SPDX-License-Identifier: Apache-2.0
"""How a scan deviates along the line in which a plane cuts its nominal surface (ISO 1101:2017, 17.6: line profile).

A scan has hardly a point in a plane, so those of a slab count, moved into the plane along the nominal surface. The
deviation is taken in the plane: where the surface leans against it by the angle a, it is the distance from the
surface over cos a, exact for a surface that is shifted as a whole. Along the line it is the mean over places two
point spacings long, or more where there are few points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Cone, CrossSection, Cylinder, Element, Mesh, Pose, Slot, Tolerance, require
from visionvalley.core.arrays import Floats, Ints
from visionvalley.vision.metrology.fits import cross, unit
from visionvalley.vision.shape.distances import Closest
from visionvalley.vision.shape.neighbours import build_index, nearest
from visionvalley.vision.shape.sections import sections

SLAB, STEP = 2.0, 2.0  # point spacings: on either side of the plane, and along the line
CORNER = math.cos(math.radians(20))  # of a turn of the line that no mean reaches across
LEANING = 0.5  # least cosine of the angle between a surface's normal and the plane
AGREEING = 0.9  # cosine between the normals of a point's place and of the line there
FEWEST, ENOUGH = 4, 8  # points that a place has at least, and that it is made for
LONGEST = 4  # steps of a place where there are few points
FINER = 8  # samples of the line to a place


@dataclass(frozen=True, slots=True, eq=False)
class CutPlane:
    """A plane through a part: a point (3,) on it, and its normal (3,), which points to who looks at the section."""

    point_m: Floats
    normal: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "point_m", require("point_m", self.point_m, (3,), finite=True))
        given = require("normal", self.normal, (3,), finite=True)
        if not float((given * given).sum()) > 0:
            raise BadInput("core.bad_direction", name="normal")
        object.__setattr__(self, "normal", unit(given))

    @property
    def part_from_plane(self) -> Pose:
        """The frame of the picture: x to the right, y up - along the part's z or else its y -, z towards the viewer."""
        flat = abs(float(self.normal[2])) > 1 - 1e-9
        up = np.eye(3)[1] if flat else np.eye(3)[2]
        up = unit(up - float((up * self.normal).sum()) * self.normal)
        return Pose(np.stack([cross(up, self.normal), up, self.normal], axis=1), self.point_m)


def along(feature: Element) -> Floats:
    """Return the normal of the section in which a feature is seen at its full length: its axis lies in the plane.

    Of the planes that hold an axis, the one that the part's own axes look at most squarely; else across the longest
    side of the drawing, which is the x axis.
    """
    if not isinstance(feature, Cylinder | Cone | Slot):
        return np.array([0.0, -1.0, 0.0])
    axis = feature.normal if isinstance(feature, Slot) else feature.direction
    if isinstance(feature, Slot):
        return cross(feature.direction, axis)
    views = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    view = views[int(np.argmin(np.round(np.abs((views * axis).sum(axis=1)), 9)))]
    return unit(view - float((view * axis).sum()) * axis)


@dataclass(frozen=True, slots=True, eq=False)
class Along:
    """The deviations along a section.

    section   what its drawing shows
    noise     (N,) share of a point's white noise that is left at each place
    raw_m     (M,) of the single points, in the plane
    share     of the length of the line at which something was measured
    slab_m    how far from the plane points count
    """

    section: CrossSection
    noise: Floats
    raw_m: Floats
    share: float
    slab_m: float


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """The outline in samples, `FINER` or more to a place: (S, 2), their normals, pieces between corners, lengths."""

    samples_m: Floats
    outwards: Floats
    piece: NDArray[np.int64]
    length_m: Floats

    def places(self, at: Ints) -> NDArray[np.int64]:
        """Return the place of each sample; in a piece all are as long as it takes for `ENOUGH` points.

        at  (M,) the sample of each point, -1: none
        """
        samples = np.bincount(self.piece)
        points = np.bincount(self.piece[at[at >= 0]], minlength=len(samples))
        wanted = np.clip(points // ENOUGH, -(-samples // (LONGEST * FINER)), samples // FINER)
        start = np.cumsum(samples) - samples
        own = (np.arange(len(self.piece)) - start[self.piece]) * wanted[self.piece] // samples[self.piece]
        return own + (np.cumsum(wanted) - wanted)[self.piece]


def deviations_along(
    mesh: Mesh, plane: CutPlane, near: Closest, spacing_m: float, limits: Tolerance | None = None
) -> Along:
    """Return how points deviate along the line in which a plane cuts the nominal surface.

    near       of the points of an aligned scan, on the surface of the mesh
    spacing_m  distance of neighbouring points
    Raises BadInput where the plane passes the part by, or nothing was measured there.
    """
    pose = plane.part_from_plane
    cut = sections(mesh, plane.point_m, plane.normal, np.zeros(1))
    if not len(cut.starts) > 1:
        raise BadInput("metrology.section_misses")
    inverse = pose.inverse()
    outline = [_closed(inverse.apply(cut.line_m(k))[:, :2], bool(cut.is_open[k])) for k in range(len(cut.starts) - 1)]
    line = _line(outline, STEP * spacing_m)
    where, outwards, raw = _in_plane(near, inverse, SLAB * spacing_m)
    at = _sample_of(line, where, outwards, 2 * STEP * spacing_m)
    own = line.places(at)
    middle = np.searchsorted(own, np.arange(own[-1] + 1)) + np.bincount(own) // 2
    held = at >= 0
    place, raw, leaning = own[at[held]], raw[held, 0], raw[held, 1]
    count = np.bincount(place, minlength=len(middle))
    there = np.flatnonzero(count >= FEWEST)
    if not len(there):
        raise BadInput("metrology.section_not_measured")
    mean = np.bincount(place, raw, len(count)) / np.maximum(count, 1)
    noise = np.sqrt(np.bincount(place, leaning**-2, len(count))) / np.maximum(count, 1)
    shown = middle[there]
    section = CrossSection(
        pose, tuple(outline), line.samples_m[shown], line.outwards[shown], mean[there],
        _runs(there, line.piece[shown]), limits,
    )  # fmt: skip
    length = np.bincount(own, line.length_m)
    return Along(section, noise[there], raw, float(length[there].sum() / length.sum()), SLAB * spacing_m)


def _closed(line_m: Floats, is_open: bool) -> Floats:
    return line_m if is_open else np.concatenate([line_m, line_m[:1]])


def _in_plane(near: Closest, plane_from_part: Pose, slab_m: float) -> tuple[Floats, Floats, Floats]:
    """Return where the points of a slab lie on the line (M, 2), its normals there, and (deviation, cosine) (M, 2)."""
    foot, normal = plane_from_part.apply(near.point_m), plane_from_part.turn(near.normal)
    leaning = np.sqrt(np.maximum(1 - normal[:, 2] ** 2, 0.0))
    with np.errstate(invalid="ignore"):
        held = (np.abs(foot[:, 2]) <= slab_m) & (leaning >= LEANING) & ~near.on_boundary & np.isfinite(near.distance_m)
    foot, normal, leaning = foot[held], normal[held], leaning[held]
    places = foot[:, :2] + (foot[:, 2] * normal[:, 2] / leaning**2)[:, None] * normal[:, :2]
    return places, normal[:, :2] / leaning[:, None], np.stack([near.distance_m[held] / leaning, leaning], axis=1)


def _line(outline: list[Floats], step_m: float) -> _Line:
    """Cut lines at their corners, and sample each piece `FINER` times or more to a step."""
    samples, outwards, counts, lengths = [], [], list[int](), list[float]()
    for part in (one for line in outline for one in _pieces(line)):
        sides = np.diff(part, axis=0)
        long = np.sqrt((sides**2).sum(axis=1))
        at = np.concatenate([[0.0], np.cumsum(long)])
        count = FINER * max(1, round(float(at[-1]) / step_m))
        where = (np.arange(count) + 0.5) / count * at[-1]
        side = np.clip(np.searchsorted(at, where, side="right") - 1, 0, len(sides) - 1)
        samples.append(part[side] + ((where - at[side]) / long[side])[:, None] * sides[side])
        outwards.append(np.stack([sides[side, 1], -sides[side, 0]], axis=1) / long[side][:, None])
        counts.append(count)
        lengths.append(float(at[-1]) / count)
    piece = np.repeat(np.arange(len(counts)), counts)
    return _Line(np.concatenate(samples), np.concatenate(outwards), piece, np.array(lengths)[piece])


def _pieces(line: Floats) -> list[Floats]:
    """Return the parts of a line between its corners."""
    sides = np.diff(line, axis=0)
    kept = (sides**2).sum(axis=1) > 0
    line, sides = np.concatenate([line[:1], line[1:][kept]]), sides[kept]
    if len(sides) < 2:
        return [line] if len(sides) else []
    ways = sides / np.sqrt((sides**2).sum(axis=1))[:, None]
    if (line[0] == line[-1]).all():
        corners = np.flatnonzero((ways * np.roll(ways, 1, axis=0)).sum(axis=1) < CORNER)
        if not len(corners):
            return [line]
        line = np.concatenate([line[corners[0] :], line[1 : corners[0] + 1]])
        cuts = corners[1:] - corners[0]
    else:
        cuts = np.flatnonzero((ways[1:] * ways[:-1]).sum(axis=1) < CORNER) + 1
    ends = [0, *cuts.tolist(), len(line) - 1]
    return [line[a : b + 1] for a, b in pairwise(ends)]


def _sample_of(line: _Line, places: Floats, outwards: Floats, reach_m: float) -> Ints:
    """Return the sample of the line that each place is at, -1: none whose normal is the same."""
    index = build_index(np.c_[line.samples_m, np.zeros(len(line.samples_m))])
    found = nearest(index, np.c_[places, np.zeros(len(places))], 2 * FINER, reach_m).index
    same = (line.outwards[np.maximum(found, 0)] * outwards[:, None]).sum(axis=2) > AGREEING
    good = same & (found >= 0)
    first = np.argmax(good, axis=1)
    rows: Any = np.arange(len(found))
    return np.where(good[rows, first], found[rows, first], -1).astype(np.int32)


def _runs(place: NDArray[np.int64], piece: NDArray[np.int64]) -> Ints:
    """Return the number of the unbroken line of each place."""
    broken = (np.diff(place) != 1) | (np.diff(piece) != 0)
    return np.concatenate([[0], np.cumsum(broken)]).astype(np.int32)
