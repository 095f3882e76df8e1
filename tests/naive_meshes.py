# SPDX-License-Identifier: Apache-2.0
"""Plain twins of the mesh kernels."""

from fractions import Fraction

import numpy as np


def nearest_on_segment(p, a, b):
    way = b - a
    size = way @ way
    t = min(max((p - a) @ way / size, 0.0), 1.0) if size > 0 else 0.0
    return a + t * way


def nearest_on_triangle(p, a, b, c):
    """Nearest point of a triangle: the foot on its plane where that lies inside, else the nearest of its edges."""
    normal = np.cross(b - a, c - a)
    size = np.linalg.norm(normal)
    if size > 0:
        unit = normal / size
        foot = p - ((p - a) @ unit) * unit
        if all(np.cross(y - x, foot - x) @ unit >= 0 for x, y in ((a, b), (b, c), (c, a))):
            return foot
    ends = [nearest_on_segment(p, x, y) for x, y in ((a, b), (b, c), (c, a))]
    return min(ends, key=lambda q: np.linalg.norm(p - q))


def distances(mesh, points):
    """Unsigned distances of points to a mesh."""
    triangles = mesh.vertices_m[mesh.faces]
    return np.array([min(np.linalg.norm(p - nearest_on_triangle(p, *t)) for t in triangles) for p in points])


def exactly_inside(mesh, point, direction=(0.5412, 0.2113, 0.8137)):
    """Whether a closed mesh surrounds a point: crossings of a ray counted in exact fractions."""
    d = [Fraction(x) for x in direction]
    p = [Fraction(float(x)) for x in point]
    crossings = 0
    for face in mesh.faces:
        a, b, c = ([Fraction(float(x)) - o for x, o in zip(mesh.vertices_m[v], p, strict=True)] for v in face)
        signs = [_triple(d, x, y) > 0 for x, y in ((a, b), (b, c), (c, a))]
        if len(set(signs)) == 1:
            normal = _cross([y - x for x, y in zip(a, b, strict=True)], [y - x for x, y in zip(a, c, strict=True)])
            crossings += _dot(normal, a) / _dot(normal, d) > 0
    return crossings % 2 == 1


def _cross(a, b):
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def _dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def _triple(a, b, c):
    return _dot(a, _cross(b, c))


def first_hit(mesh, origin, direction):
    """Distance along a ray to a mesh, infinite without a hit, by Cramer's rule in float64."""
    best = np.inf
    for a, b, c in mesh.vertices_m[mesh.faces]:
        system = np.stack([b - a, c - a, -direction], axis=1)
        if abs(np.linalg.det(system)) > 0:
            u, v, t = np.linalg.solve(system, origin - a)
            if u >= 0 and v >= 0 and u + v <= 1 and t > 0:
                best = min(best, t)
    return best


def edge_kinds(faces):
    """For each half-edge (f, k): how many faces use its edge in this direction and in the other."""
    uses = {}
    for face in faces:
        for k in range(3):
            pair = (int(face[k]), int(face[(k + 1) % 3]))
            uses[pair] = uses.get(pair, 0) + 1
    return [
        (uses[int(f[k]), int(f[(k + 1) % 3])], uses.get((int(f[(k + 1) % 3]), int(f[k])), 0))
        for f in faces
        for k in range(3)
    ]
