# SPDX-License-Identifier: Apache-2.0
"""Fewer triangles and points for the screen: what the eye cannot see is left out, what is left is not moved.

Vertices that share a small cell are merged into one of them (Rossignac and Borrel 1993). Corners and sharp edges of
the surface come first, so that they stay where they are, and flat faces stay flat.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import Cloud, Mesh, Scene, Thing
from visionvalley.core.arrays import Floats

MOST_POINTS = 500_000
MOST_FACES = 200_000
SHARP = 0.95  # cosine of the angle between two faces below which their edge is kept
LEANING = 0.25  # the part of a direction along an axis from which on it counts
GROWTH = 1.2  # of the cell, from one attempt to the next


def thinned_scene(scene: Scene, most_points: int = MOST_POINTS, most_faces: int = MOST_FACES) -> Scene:
    """Return the scene with at most so many points a cloud and about so many triangles a surface."""
    return Scene(tuple(_thinned(thing, most_points, most_faces) for thing in scene.things), scene.up)


def _thinned(thing: Thing, most_points: int, most_faces: int) -> Thing:
    if isinstance(thing.shape, Cloud):
        known = np.flatnonzero(np.isfinite(thing.shape.points_m).all(1))
        if len(known) <= most_points:
            return thing
        rows = np.sort(np.random.default_rng(0).permutation(known)[:most_points])
        return _with(thing, thing.shape.taken(rows), rows)
    if len(thing.shape.faces) <= most_faces or thing.shape.face_colours is not None:
        return thing
    mesh, rows = thinned_mesh(thing.shape, most_faces)
    return _with(thing, mesh, rows)


def _with(thing: Thing, shape: Cloud | Mesh, rows: NDArray[np.intp]) -> Thing:
    colouring = thing.colouring
    kept = None if colouring is None else replace(colouring, values=colouring.values[rows])
    return Thing(thing.name, shape, thing.scene_from_thing, kept)


def thinned_mesh(mesh: Mesh, most_faces: int) -> tuple[Mesh, NDArray[np.intp]]:
    """Return a surface of at most `most_faces` triangles, and the vertex that each of its vertices was."""
    normal, area_m2 = _normals(mesh)
    rank = _sharpness(mesh, normal)
    side = _sides(mesh, normal, area_m2)
    cell_m = max(float(np.sqrt(2 * area_m2.sum() / most_faces)), 1e-300)
    while True:
        rows, faces = _merged(mesh, rank, side, cell_m)
        if len(faces) <= most_faces:
            colours = None if mesh.vertex_colours is None else mesh.vertex_colours[rows]
            return Mesh(mesh.vertices_m[rows], faces.astype(np.int32), colours), rows
        cell_m *= GROWTH


def _normals(mesh: Mesh) -> tuple[Floats, Floats]:
    """Return the direction (F, 3) and area (F,) of each face."""
    first, second, third = (mesh.vertices_m[mesh.faces[:, i]] for i in range(3))
    cross = np.cross(second - first, third - first)
    size = np.sqrt((cross * cross).sum(1))
    return cross / np.maximum(size, 1e-300)[:, None], size / 2


def _sharpness(mesh: Mesh, normal: Floats) -> NDArray[np.int8]:
    """Return of each vertex: 0 on a smooth face, 1 on a sharp edge or a rim, 2 at a corner of such."""
    count = len(mesh.vertices_m)
    ends = np.sort(np.stack([mesh.faces, np.roll(mesh.faces, -1, 1)], -1).reshape(-1, 2).astype(np.int64), 1)
    code = ends[:, 0] * count + ends[:, 1]
    order = np.argsort(code, kind="stable")
    code, face = code[order], order // 3
    starts = np.flatnonzero(np.r_[True, code[1:] != code[:-1]])
    uses = np.diff(np.r_[starts, len(code)])
    beside = np.minimum(starts + 1, len(code) - 1)
    cosine = np.einsum("ij,ij->i", normal[face[starts]], normal[face[beside]])
    edges = code[starts[(uses != 2) | (cosine < SHARP)]]
    touched = np.bincount(np.concatenate([edges // count, edges % count]), minlength=count)
    return np.select([touched == 0, touched == 2], [0, 1], 2).astype(np.int8)


def _sides(mesh: Mesh, normal: Floats, area_m2: Floats) -> NDArray[np.int64]:
    """Return, in 27 classes, whereto the surface at each vertex looks: a thin wall keeps both of its sides."""
    weight = normal * area_m2[:, None]
    count = len(mesh.vertices_m)
    sums = [sum(np.bincount(mesh.faces[:, k], weight[:, i], count) for k in range(3)) for i in range(3)]
    mean = np.stack(sums, 1)
    mean /= np.maximum(np.sqrt((mean * mean).sum(1)), 1e-300)[:, None]
    classes = (mean > LEANING).astype(np.int64) - (mean < -LEANING) + 1
    facing: NDArray[np.int64] = classes @ np.array([9, 3, 1])
    return facing


def _merged(
    mesh: Mesh, rank: NDArray[np.int8], side: NDArray[np.int64], cell_m: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the vertices that stay and the faces between them, with cells of this size."""
    cells = np.floor((mesh.vertices_m - mesh.vertices_m.min(0)) / cell_m).astype(np.int64)
    size = cells.max(0) + 1
    place = (cells[:, 0] * size[1] + cells[:, 1]) * size[2] + cells[:, 2]
    group = place * 81 + rank * 27 + side
    _, first, member = np.unique(group, return_index=True, return_inverse=True)
    faces = member[mesh.faces]
    whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    faces = faces[whole]
    turned = np.take_along_axis(faces, (faces.argmin(1)[:, None] + np.arange(3)) % 3, 1)
    count = len(first)
    if count < 1 << 21:  # three numbers in one, to sort them faster
        code = np.unique((turned[:, 0] * count + turned[:, 1]) * count + turned[:, 2])
        turned = np.stack([code // count // count, code // count % count, code % count], 1)
    used = np.bincount(turned.ravel(), minlength=count) > 0
    return first[used], (np.cumsum(used) - 1)[turned]
