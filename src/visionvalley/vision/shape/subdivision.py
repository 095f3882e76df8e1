# SPDX-License-Identifier: Apache-2.0
"""Smaller triangles, for surfaces that carry a value at each vertex."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Mesh, require_positive
from visionvalley.core.arrays import Floats, Ints

MOST_FACES = 8_000_000


def subdivided(mesh: Mesh, longest_m: float) -> Mesh:
    """Return the mesh, its edges halved until none is longer than `longest_m`; the surface stays the same.

    Both faces of an edge are parted at its middle, so that a closed surface stays closed. Colours of vertices are
    averaged. Raises BadInput where more than eight million faces would come out.
    """
    require_positive(longest_m=longest_m)
    corners = mesh.vertices_m[mesh.faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area_m2 = float(np.sqrt((cross * cross).sum(axis=1)).sum()) / 2
    if area_m2 > MOST_FACES * longest_m * longest_m * 3**0.5 / 4:  # even equilateral triangles would be too many
        raise BadInput("shape.too_fine", longest=longest_m, most=MOST_FACES)
    while True:
        finer = _halved(mesh, longest_m)
        if finer is None:
            return mesh
        mesh = finer
        if len(mesh.faces) > MOST_FACES:
            raise BadInput("shape.too_fine", longest=longest_m, most=MOST_FACES)


def _halved(mesh: Mesh, longest_m: float) -> Mesh | None:
    """Return the mesh with each edge beyond `longest_m` parted in the middle, or None where there is none."""
    count = len(mesh.vertices_m)
    ends = np.sort(np.stack([mesh.faces, np.roll(mesh.faces, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    _, first, group = np.unique(
        ends[:, 0].astype(np.int64) * count + ends[:, 1], return_index=True, return_inverse=True
    )
    a, b = ends[first, 0], ends[first, 1]
    way = mesh.vertices_m[b] - mesh.vertices_m[a]
    long = way[:, 0] ** 2 + way[:, 1] ** 2 + way[:, 2] ** 2 > longest_m**2
    if not long.any():
        return None
    middle = np.where(long, count + np.cumsum(long) - 1, -1)[group].reshape(-1, 3)
    vertices = np.concatenate([mesh.vertices_m, mesh.vertices_m[a[long]] + way[long] / 2])
    colours = mesh.vertex_colours
    if colours is not None:
        mixed = (colours[a[long]].astype(np.uint16) + colours[b[long]] + 1) // 2
        colours = np.concatenate([colours, mixed.astype(np.uint8)])
    faces, parents = _parted(vertices, mesh.faces, middle)
    return Mesh(vertices, faces, colours, None if mesh.face_colours is None else mesh.face_colours[parents])


def _parted(vertices: Floats, faces: Ints, middle: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return new faces and the face each comes from; middle (F, 3): the vertex in the middle of an edge, or -1."""
    cuts = (middle >= 0).sum(axis=1)
    turn = np.where(cuts == 1, (middle >= 0).argmax(axis=1), np.where(cuts == 2, (middle < 0).argmax(axis=1) + 1, 0))
    columns = (turn[:, None] + np.arange(3)) % 3
    v, m = np.take_along_axis(faces, columns, 1), np.take_along_axis(middle, columns, 1)
    across = vertices[np.where(cuts == 2, m[:, 1], 0)] - vertices[v[:, 0]]
    along = vertices[np.where(cuts == 2, m[:, 0], 0)] - vertices[v[:, 2]]
    first = (across**2).sum(axis=1) < (along**2).sum(axis=1)
    table = [
        (cuts == 0, [(v, 0), (v, 1), (v, 2)]),
        (cuts == 1, [(v, 0), (m, 0), (v, 2)]),
        (cuts == 1, [(m, 0), (v, 1), (v, 2)]),
        (cuts >= 2, [(m, 0), (v, 1), (m, 1)]),
        ((cuts == 2) & first, [(v, 0), (m, 0), (m, 1)]),
        ((cuts == 2) & first, [(v, 0), (m, 1), (v, 2)]),
        ((cuts == 2) & ~first, [(v, 0), (m, 0), (v, 2)]),
        ((cuts == 2) & ~first, [(m, 0), (m, 1), (v, 2)]),
        (cuts == 3, [(v, 0), (m, 0), (m, 2)]),
        (cuts == 3, [(m, 1), (v, 2), (m, 2)]),
        (cuts == 3, [(m, 0), (m, 1), (m, 2)]),
    ]
    new = [np.stack([source[where, k] for source, k in corners], axis=1) for where, corners in table]
    parents = [np.flatnonzero(where) for where, _ in table]
    return np.concatenate(new).astype(np.int32), np.concatenate(parents)
