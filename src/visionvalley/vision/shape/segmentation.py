# SPDX-License-Identifier: Apache-2.0
"""The faces of a CAD part in its triangles: planes, cylinders, cones and spheres.

Corners of a tessellated face lie on its surface but for rounding. So a surface is guessed from few flat pieces that
meet smoothly, grown over those whose corners all lie on it, fitted to these corners, and grown again. What is left is
flat where it is large, else a free form. A single band between two circles is read as a cone, though it lies on a
sphere too; prisms whose sides meet at less than 40 degrees are read as cylinders: their triangles are the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import Cone, Cylinder, Element, Mesh, Part, Plane, Sphere
from visionvalley.core.arrays import Floats, Ints
from visionvalley.vision.geometry.symmetric import eigen, gram
from visionvalley.vision.shape.facets import Facets, components, facets
from visionvalley.vision.shape.ideal import along, cross, fitted, frame, gaps_m, normals_at
from visionvalley.vision.shape.joining import joined

FEWEST_LINES = 5  # straight lines of a cylinder or cone that prove it; four do where they are evenly spaced
EVEN = 1.5
DOUBTFUL_LINES = 8  # fewer do not tell a cylinder from a free form that goes on from it
FAILED, ALL_FAILED = 200, 800  # seeds in a row, and in all, that lead nowhere before the rest counts as free form
STRIP_CORNERS = 6  # pieces of so few corners are tried first
LARGE, LARGE_SHARE = 5.0, 0.005  # of a flat piece: times its like, and of the whole area
ACROSS = 0.7  # cosine between a piece's normal and its surface's
MOST_RADIUS = 50.0  # diagonals: rounder than this is flat
LEAST_ANGLE_RAD = 1e-3


def with_faces(part: Part) -> Part:
    """Return the part with its faces: those of its file joined where they are one, or found in its triangles.

    The faces are in a lasting order (see `joining.joined`), the same for one part from STEP and from STL.
    """
    if part.surfaces:
        return joined(_recognised(part))
    return joined(segmented(part.mesh, part.chord_m))


def segmented(mesh: Mesh, chord_m: float = 0.0) -> Part:
    """Return a mesh cut into faces, in the order in which they were found."""
    pieces = facets(mesh)
    face = np.full(len(pieces.area_m2), -1, np.int32)
    surfaces: list[Element | None] = []
    for found, members in _round_surfaces(pieces, face):
        face[members] = len(surfaces)
        surfaces.append(found)
    _doubtful(pieces, face, surfaces)
    _flat_and_free(pieces, face, surfaces)
    of = np.where(pieces.of_triangle >= 0, face[np.maximum(pieces.of_triangle, 0)], -1)
    return Part(mesh, of.astype(np.int32), tuple(surfaces), chord_m)


def _recognised(part: Part) -> Part:
    """Return the part with free forms that are ideal surfaces after all named as these."""
    surfaces = list(part.surfaces)
    for number, surface in enumerate(surfaces):
        mine = part.face == number
        if surface is None and mine.any():
            surfaces[number] = _one_surface(facets(Mesh(part.mesh.vertices_m, part.mesh.faces[mine])))
    return replace(part, surfaces=tuple(surfaces))


def _one_surface(pieces: Facets) -> Element | None:
    """Return the surface that all pieces lie on; None where there is no such one."""
    if len(pieces.area_m2) == 1:
        corners = pieces.vertices_m[pieces.vertices_of(np.array([0]))]
        return fitted(Plane(corners.mean(axis=0), pieces.normal[0]), corners)
    first = next(_round_surfaces(pieces, np.full(len(pieces.area_m2), -1, np.int32)), None)
    return first[0] if first is not None and len(first[1]) == len(pieces.area_m2) else None


# ---- round surfaces
def _round_surfaces(pieces: Facets, face: Ints) -> Iterator[tuple[Element, NDArray[np.int64]]]:
    """Yield surfaces and the pieces that lie on them, as long as the caller marks these in `face`."""
    failed, all_failed = 0, 0
    large = np.diff(pieces.starts) > STRIP_CORNERS
    for seed in np.lexsort([-pieces.area_m2, large]):
        others = pieces.smooth(np.array([seed]))
        if face[seed] >= 0 or not len(others):
            continue
        best: tuple[Element, NDArray[np.int64]] | None = None
        for guess, members in _guesses(pieces, face, int(seed), others[face[others] < 0]):
            if best is not None and isinstance(guess, type(best[0])):
                continue
            grown = _grown(pieces, face, guess, members)
            if grown is not None and (best is None or len(grown[1]) > len(best[1])):
                best = grown
            if best is not None and isinstance(best[0], Cylinder) and _exact(pieces, *best):
                break  # its straight lines are proof enough
        if best is not None:
            failed = 0
            yield best
            continue
        failed, all_failed = failed + 1, all_failed + 1
        if failed > FAILED or all_failed > ALL_FAILED:
            return


def _exact(pieces: Facets, surface: Element, members: NDArray[np.int64]) -> bool:
    """Tell whether corners lie on a surface much better than they must."""
    corners = pieces.vertices_m[np.unique(pieces.vertices_of(members))]
    return float(np.median(np.abs(gaps_m(surface, corners)))) < 0.1 * pieces.tolerance_m


def _guesses(
    pieces: Facets, face: Ints, seed: int, others: NDArray[np.int64]
) -> Iterator[tuple[Element, NDArray[np.int64]]]:
    """Yield surfaces through a piece and one or two that meet it smoothly."""
    for other in others[:3]:
        pair = np.array([seed, other])
        corners = pieces.vertices_m[np.unique(pieces.vertices_of(pair))]
        yield from ((one, pair) for one in _cylinder(pieces, pair, corners))
        beyond = pieces.smooth(pair)
        third = [k for k in dict.fromkeys(beyond.tolist()) if k not in (seed, other) and face[k] < 0][:2]
        for three in (np.array([seed, other, k]) for k in third):
            corners = pieces.vertices_m[np.unique(pieces.vertices_of(three))]
            yield from ((one, three) for one in (*_cone(pieces, three, corners), *_sphere(pieces, three, corners)))


def _cylinder(pieces: Facets, pair: NDArray[np.int64], corners: Floats) -> list[Element]:
    axis = cross(pieces.normal[pair[0]], pieces.normal[pair[1]])
    if float((axis * axis).sum()) < LEAST_ANGLE_RAD**2:
        return []
    _, u, v = frame(axis)
    middle = corners.mean(axis=0)
    flat = np.column_stack([along(corners, middle, u), along(corners, middle, v)])
    circle = _ball(flat)
    if circle is None or np.abs(circle[2]).max() > 2 * pieces.tolerance_m or _too_large(pieces, circle[1]):
        return []
    return [Cylinder(middle + circle[0][0] * u + circle[0][1] * v, axis, circle[1])]


def _sphere(pieces: Facets, three: NDArray[np.int64], corners: Floats) -> list[Element]:
    middle = corners.mean(axis=0)
    ball = _ball(corners - middle)
    if ball is None or np.abs(ball[2]).max() > 2 * pieces.tolerance_m or _too_large(pieces, ball[1]):
        return []
    return [Sphere(middle + ball[0], ball[1])]


def _cone(pieces: Facets, three: NDArray[np.int64], corners: Floats) -> list[Element]:
    """Return the cone whose apex the planes of three pieces share; its corners lie in one angle to its axis."""
    normals = pieces.normal[three]
    spread = float((cross(normals[0], normals[1]) * normals[2]).sum())
    if abs(spread) < LEAST_ANGLE_RAD**3:
        return []
    middle = corners.mean(axis=0)
    places = pieces.vertices_m[pieces.corners[pieces.starts[three]]] - middle
    levels = (places * normals).sum(axis=1)
    crossed = [cross(normals[(k + 1) % 3], normals[(k + 2) % 3]) for k in range(3)]
    apex = (levels[0] * crossed[0] + levels[1] * crossed[1] + levels[2] * crossed[2]) / spread
    arms = corners - middle - apex
    length = np.sqrt((arms * arms).sum(axis=1))
    ways = arms[length > 10 * pieces.tolerance_m] / length[length > 10 * pieces.tolerance_m][:, None]
    if len(ways) < 3:
        return []
    axis = eigen(gram(ways - ways.mean(axis=0)))[1][:, 0]
    axis = axis if float((ways.mean(axis=0) * axis).sum()) > 0 else -axis
    angle = math.acos(min(1.0, max(-1.0, float((ways * axis).sum(axis=1).mean()))))
    height = float(-(apex * axis).sum())
    if not math.radians(2) < angle < math.radians(88) or not height > 0:
        return []
    guess = Cone(middle + apex + height * axis, axis, height * math.tan(angle), angle)
    return [guess] if np.abs(gaps_m(guess, corners)).max() < 4 * pieces.tolerance_m else []


def _too_large(pieces: Facets, radius_m: float) -> bool:
    return radius_m > MOST_RADIUS * pieces.tolerance_m / 5e-6


def _ball(points: Floats) -> tuple[Floats, float, Floats] | None:
    """Return centre, radius and what is left over of the circle (N, 2) or sphere (N, 3) through points."""
    size = float(np.abs(points).max())
    if not size > 0:
        return None
    p = points / size
    rows = np.column_stack([2 * p, np.ones(len(p))])
    values, vectors = eigen(gram(rows))
    if values[0] < 1e-12 * values[-1]:
        return None
    right = (rows * (p * p).sum(axis=1)[:, None]).sum(axis=0)
    solved = sum((float((vectors[:, k] * right).sum()) / values[k]) * vectors[:, k] for k in range(len(values)))
    centre = np.asarray(solved)[:-1]
    square = float(np.asarray(solved)[-1] + (centre * centre).sum())
    if not square > 0:
        return None
    left = np.sqrt(((p - centre) ** 2).sum(axis=1)) - math.sqrt(square)
    return centre * size, math.sqrt(square) * size, left * size


def _grown(
    pieces: Facets, face: Ints, guess: Element, seed: NDArray[np.int64]
) -> tuple[Element, NDArray[np.int64]] | None:
    """Return the fitted surface and all pieces on it that hang together with the seed; None where they prove it not."""
    tolerance_m = 3 * pieces.tolerance_m
    members = _spread(pieces, face, guess, seed, 2 * tolerance_m)
    if not _proven(pieces, guess, members):
        return None
    for _ in range(3):
        corners = pieces.vertices_m[np.unique(pieces.vertices_of(members))]
        better = fitted(guess, corners[np.abs(gaps_m(guess, corners)) <= 2 * tolerance_m])
        if better is None:
            return None
        again = _spread(pieces, face, better, members, tolerance_m, _sagitta_m(pieces, better, members))
        settled, guess, members = np.array_equal(again, members), better, again
        if settled:
            break
    return (guess, members) if len(members) and _proven(pieces, guess, members) else None


def _sagitta_m(pieces: Facets, surface: Element, members: NDArray[np.int64]) -> float:
    """Return how far the middles of pieces lie off the surface that their corners lie on."""
    return float(np.abs(gaps_m(surface, _middles(pieces, members)[0])).max()) if len(members) else 0.0


def _spread(
    pieces: Facets, face: Ints, surface: Element, seed: NDArray[np.int64], tolerance_m: float, sagitta_m: float = 0.0
) -> NDArray[np.int64]:
    """Return the pieces on a surface that meet the seed, or one another, smoothly.

    sagitta_m  how far single corners may lie off it, where a neighbour's corner was put on a straight edge
    """
    inside = np.zeros(len(face), bool)
    asked = np.zeros(len(face), bool)
    front = np.asarray(seed, np.int64)
    while len(front):
        asked[front] = True
        front = front[_upon(pieces, surface, front, tolerance_m, sagitta_m)]
        inside[front] = True
        around = np.unique(pieces.smooth(front))
        front = around[~asked[around] & (face[around] < 0)]
    return np.flatnonzero(inside)


def _upon(
    pieces: Facets, surface: Element, which: NDArray[np.int64], tolerance_m: float, sagitta_m: float
) -> NDArray[np.bool_]:
    """Tell which pieces have their corners on a surface, and lie along it."""
    middles, corners, starts = _middles(pieces, which)
    off = np.abs(gaps_m(surface, corners))
    exact = np.add.reduceat((off <= tolerance_m).astype(np.int64), starts)
    all_exact = exact == np.diff(np.append(starts, len(corners)))
    nearly = (exact >= 4) & (np.maximum.reduceat(off, starts) <= 1.5 * sagitta_m)
    turned = (normals_at(surface, middles) * pieces.normal[which]).sum(axis=1)
    upon: NDArray[np.bool_] = (all_exact | nearly) & (np.abs(turned) > ACROSS)
    return upon


def _middles(pieces: Facets, which: NDArray[np.int64]) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return the means of the pieces' corners, the corners one after another, and where each piece's start."""
    corners = pieces.vertices_m[pieces.vertices_of(which)]
    starts = np.concatenate([[0], np.cumsum(pieces.starts[which + 1] - pieces.starts[which])])[:-1]
    sizes = np.diff(np.append(starts, len(corners)))
    return np.add.reduceat(corners, starts, axis=0) / sizes[:, None], corners, starts


def _proven(pieces: Facets, surface: Element, members: NDArray[np.int64]) -> bool:
    """Tell whether more corners lie on a surface than any three pieces would have put there by chance.

    A plane between two equal fillets makes a cylinder of four lines with the first strip of each, but no even one.
    """
    if len(members) < 2:
        return False
    if isinstance(surface, Sphere):  # corners inside the patch: a single band lies on a cone as well
        return len(members) >= 6 and int(np.count_nonzero(np.bincount(pieces.vertices_of(members)) >= 3)) >= 3
    if not isinstance(surface, Cylinder | Cone):
        return False
    steps = _steps(pieces, surface, members)
    if isinstance(surface, Cone) or len(steps) >= FEWEST_LINES - 1:
        return len(steps) >= FEWEST_LINES - 1
    if len(steps) == FEWEST_LINES - 2 and steps[-1] < EVEN * steps[0]:
        return True
    return len(steps) == 2 and _tangent(pieces, surface, members)


def _steps(pieces: Facets, surface: Cylinder | Cone, members: NDArray[np.int64]) -> Floats:
    """Return the angles between neighbouring straight lines of a cylinder or cone, ascending."""
    corners = pieces.vertices_m[np.unique(pieces.vertices_of(members))]
    _, u, v = frame(surface.direction)
    angles = np.sort(np.arctan2(along(corners, surface.point_m, v), along(corners, surface.point_m, u)))
    gaps = np.diff(np.append(angles, angles[0] + 2 * math.pi))
    steps: Floats = np.sort(gaps[gaps > 1e-3])[:-1]  # without the way around
    return steps


def _tangent(pieces: Facets, surface: Cylinder, members: NDArray[np.int64]) -> bool:
    """Tell whether larger flat pieces on both sides touch a cylinder without a kink, as beside a coarse fillet."""
    touching = 0
    for other in np.unique(pieces.smooth(members)):
        shared = np.intersect1d(pieces.vertices_of(np.array([other])), pieces.vertices_of(members))
        if other in members or len(shared) < 2 or pieces.area_m2[other] < pieces.area_m2[members].max():
            continue
        away = normals_at(surface, pieces.vertices_m[shared])
        touching += bool((np.abs((away * pieces.normal[other]).sum(axis=1)) > math.cos(math.radians(1))).all())
    return touching >= 2


# ---- what is left
def _doubtful(pieces: Facets, face: Ints, surfaces: list[Element | None]) -> None:
    """Take back what free forms can look like in a few triangles.

    Cones that meet one another smoothly along one axis are bands of a torus or a turned form; narrow cylinders and
    cones that go on smoothly into what is left are pieces of it.
    """
    owner = np.repeat(np.arange(len(face)), np.diff(pieces.first))
    one, two = face[owner], face[pieces.others]
    for a, b in np.unique(np.stack([one, two], axis=1)[(one >= 0) & (two > one)], axis=0):
        left, right = surfaces[a], surfaces[b]
        if isinstance(left, Cone) and isinstance(right, Cone) and _coaxial(left, right, 100 * pieces.tolerance_m):
            face[np.isin(face, [a, b])] = -1
    weak = {k for k, s in enumerate(surfaces) if isinstance(s, Cylinder | Cone) and _narrow(pieces, s, face == k)}
    flat = _stands_out(pieces, _left_groups(pieces, face))
    while weak:
        free = (face < 0) & ~flat
        gone = {k for k in weak if free[pieces.smooth(np.flatnonzero(face == k))].any()}
        if not gone:
            break
        face[np.isin(face, list(gone))] = -1
        weak -= gone
    kept = [k for k in range(len(surfaces)) if (face == k).any()]
    new = np.full(len(surfaces) + 1, -1, np.int32)
    new[kept] = np.arange(len(kept))
    face[:] = np.where(face >= 0, new[face], -1)
    surfaces[:] = [surfaces[k] for k in kept]


def _narrow(pieces: Facets, surface: Cylinder | Cone, mine: NDArray[np.bool_]) -> bool:
    return bool(mine.any()) and len(_steps(pieces, surface, np.flatnonzero(mine))) < DOUBTFUL_LINES


def _coaxial(a: Cone, b: Cone, tolerance_m: float) -> bool:
    arm = b.point_m - a.point_m
    off = arm - float((arm * a.direction).sum()) * a.direction
    alike = abs(float((a.direction * b.direction).sum())) > 1 - 1e-4
    return alike and math.sqrt(float((off * off).sum())) < tolerance_m


def _flat_and_free(pieces: Facets, face: Ints, surfaces: list[Element | None]) -> None:
    """Make each large flat piece that is left a plane, and what hangs together smoothly beside them a free form."""
    for piece in np.flatnonzero(_stands_out(pieces, _left_groups(pieces, face))):
        corners = pieces.vertices_m[pieces.vertices_of(np.array([piece]))]
        face[piece] = len(surfaces)
        surfaces.append(fitted(Plane(corners.mean(axis=0), pieces.normal[piece]), corners))
    group = _left_groups(pieces, face)
    for name in np.unique(group[group >= 0]):
        face[group == name] = len(surfaces)
        surfaces.append(None)


def _left_groups(pieces: Facets, face: Ints) -> Ints:
    """Return for each piece that has no face the group of such that it hangs together with smoothly; -1 for others."""
    owner = np.repeat(np.arange(len(face)), np.diff(pieces.first))
    among = (face[owner] < 0) & (face[pieces.others] < 0)
    group = components(len(face), owner[among], pieces.others[among])
    return np.where(face < 0, group, -1).astype(np.int32)


def _stands_out(pieces: Facets, group: Ints) -> NDArray[np.bool_]:
    """Tell which flat pieces are planes of their own: alone, among three at most, or far larger than their like."""
    out = np.zeros(len(group), bool)
    whole = float(pieces.area_m2.sum())
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-2))
    for members in np.split(order, starts[1:]):
        if group[members[0]] < 0:
            continue
        area = pieces.area_m2[members]
        large = (area > LARGE * float(np.median(area))) & (area > LARGE_SHARE * whole)
        out[members] = True if len(members) <= 3 else large
    return out
