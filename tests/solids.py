# SPDX-License-Identifier: Apache-2.0
"""Surfaces whose shape is known."""

import numpy as np

from visionvalley.core import Mesh


def grid(points, closed_u=True, closed_v=True):
    """A surface over a grid of points (U, V, 3), counter-clockwise in (u, v)."""
    columns, rows = points.shape[:2]
    i, j = np.meshgrid(
        np.arange(columns if closed_u else columns - 1), np.arange(rows if closed_v else rows - 1), indexing="ij"
    )
    corners = [((i + a) % columns) * rows + (j + b) % rows for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))]
    faces = [np.stack([corners[k] for k in which], -1).reshape(-1, 3) for which in ((0, 1, 2), (0, 2, 3))]
    return Mesh(points.reshape(-1, 3), np.concatenate(faces).astype(np.int32))


def torus(columns=60, rows=30, size_m=0.03, bumps=0.3):
    """A closed, wavy torus."""
    u = (np.arange(columns) / columns * 2 * np.pi)[:, None]
    v = (np.arange(rows) / rows * 2 * np.pi)[None, :]
    r = 0.35 * (1 + bumps * np.sin(3 * u) * np.cos(2 * v))
    return grid(
        size_m * np.stack([(1 + r * np.cos(v)) * np.cos(u), (1 + r * np.cos(v)) * np.sin(u), r * np.sin(v)], -1)
    )


def box(size_m=(0.04, 0.02, 0.01)):
    """A box around the origin: twelve faces, outside out."""
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)]) * size_m
    quads = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
    return Mesh(corners, np.array([[q[0], q[i], q[i + 1]] for q in quads for i in (1, 2)], np.int32))


def ball(radius_m=0.02, columns=48, rows=24):
    """A sphere around the origin, its poles single vertices."""
    u = np.arange(columns) / columns * 2 * np.pi
    v = np.arange(1, rows) / rows * np.pi
    ring = np.stack(
        [np.outer(np.sin(v), np.cos(u)), np.outer(np.sin(v), np.sin(u)), np.outer(np.cos(v), np.ones_like(u))], -1
    )
    vertices = np.concatenate([[[0, 0, 1.0]], ring.reshape(-1, 3), [[0, 0, -1.0]]]) * radius_m
    i, last = np.arange(columns), len(vertices) - 1
    n = (i + 1) % columns
    faces = [np.stack([0 * i, 1 + i, 1 + n], 1)]
    for k in range(rows - 2):
        a, b = 1 + k * columns, 1 + (k + 1) * columns
        faces += [np.stack([a + i, b + i, b + n], 1), np.stack([a + i, b + n, a + n], 1)]
    faces.append(np.stack([last + 0 * i, last - columns + n, last - columns + i], 1))
    return Mesh(vertices, np.concatenate(faces).astype(np.int32))


def soup(mesh):
    """The same surface, no vertex shared, as an STL file gives it."""
    return Mesh(
        mesh.vertices_m[mesh.faces].reshape(-1, 3), np.arange(3 * len(mesh.faces), dtype=np.int32).reshape(-1, 3)
    )


def opened(mesh, faces):
    """The surface without its first faces."""
    return Mesh(mesh.vertices_m, mesh.faces[faces:])
