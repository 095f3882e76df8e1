# SPDX-License-Identifier: Apache-2.0
"""What touches what on a surface of triangles, and its normals.

Half-edge 3 * f + k goes from corner k of face f to the next one.
"""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import bare, kernel
from visionvalley.kernels.simd import take

PIECE = 4096
CLOSED, LONE, TURNED, CROWDED = 0, 1, 2, 3  # an edge: two faces that agree, one face, two that do not agree, more


# ---- corners around vertices
@kernel("void(int32[:, ::1], int64[::1], int32[::1])")
def corners_of_vertices(faces, starts, corners):
    """List the half-edges that leave each vertex, in rising order; a face of fewer than three vertices has none.

    starts   (V + 1,): those of vertex v lie from starts[v] to starts[v + 1]
    corners  (3 * F,)
    """
    starts[:] = 0
    for f in range(faces.shape[0]):
        if not collapsed(faces, f):
            for k in range(3):
                starts[faces[f, k]] += 1
    total = np.int64(0)
    for v in range(starts.shape[0]):
        total += starts[v]
        starts[v] = total
    for f in range(faces.shape[0] - 1, -1, -1):
        if not collapsed(faces, f):
            for k in range(2, -1, -1):
                v = faces[f, k]
                starts[v] -= 1
                corners[starts[v]] = 3 * f + k


@bare
def collapsed(faces, f):
    """Whether a face has fewer than three vertices."""
    return faces[f, 0] == faces[f, 1] or faces[f, 1] == faces[f, 2] or faces[f, 2] == faces[f, 0]


@bare
def head(flat, half):
    """The vertex that a half-edge goes to."""
    return flat[half + 1 if half % 3 != 2 else half - 2]


@kernel("void(int64[::1], int32[:, ::1], int64[::1], int32[::1], int32[::1], uint8[::1])")
def pair_edges(counter, faces, starts, corners, twins, kinds):
    """Find the half-edge on the other side of each.

    twins  (3 * F,); -1 where there is none. Of an edge of more than two faces the first that goes the other way
           meets the first that goes this way, and so on
    kinds  (3 * F,) CLOSED, LONE, TURNED or CROWDED
    """
    flat = faces.reshape(-1)
    while True:
        piece = take(counter)
        if piece * PIECE >= flat.shape[0]:
            break
        for half in range(piece * PIECE, min((piece + 1) * PIECE, flat.shape[0])):
            if collapsed(faces, half // 3):
                twins[half], kinds[half] = -1, CLOSED
                continue
            tail, tip = flat[half], head(flat, half)
            rank = same = opposite = 0
            twin = other = np.int32(-1)
            for i in range(starts[tail], starts[tail + 1]):
                if head(flat, corners[i]) == tip:
                    rank += corners[i] < half
                    same += 1
                    if corners[i] != half:
                        other = corners[i]
            for i in range(starts[tip], starts[tip + 1]):
                if head(flat, corners[i]) == tail:
                    if opposite == rank:
                        twin = corners[i]
                    opposite += 1
            if same == 1 and opposite == 1:
                kinds[half] = CLOSED
            elif same == 1 and opposite == 0:
                kinds[half] = LONE
            elif same == 2 and opposite == 0:
                kinds[half] = TURNED
                twin = other
            else:
                kinds[half] = CROWDED
            twins[half] = twin


# ---- normals
@bare
def arc_tangent(y, x):
    """Angle of (x, y) in 0 to pi, for y >= 0; to 1e-11 rad, without the mathematics library."""
    size = abs(x)
    if y == 0 and size == 0:
        return 0.0
    turned = y > size
    ratio = size / y if turned else y / size
    shifted = ratio > 0.4142135623730951
    if shifted:
        ratio = (ratio - 1) / (ratio + 1)
    square = ratio * ratio
    total = 0.0
    for k in range(13, -1, -1):
        total = 1.0 / (2 * k + 1) - square * total
    angle = ratio * total
    if shifted:
        angle += 0.7853981633974483
    if turned:
        angle = 1.5707963267948966 - angle
    return 3.141592653589793 - angle if x < 0 else angle


@kernel("void(int64[::1], float64[:, ::1], int32[:, ::1], float64[:, ::1], float64[::1])")
def normals_of_faces(counter, vertices, faces, normals, doubled):
    """Unit normal of each face, zero where it has no area, and twice its area.

    normals  (F, 3), doubled (F,)
    """
    while True:
        piece = take(counter)
        if piece * PIECE >= faces.shape[0]:
            break
        for f in range(piece * PIECE, min((piece + 1) * PIECE, faces.shape[0])):
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            ux, uy, uz = edge(vertices, a, b)
            vx, vy, vz = edge(vertices, a, c)
            x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
            size = np.sqrt(x * x + y * y + z * z)
            longest = max(ux * ux + uy * uy + uz * uz, vx * vx + vy * vy + vz * vz)
            by = 1 / size if size > 1e-14 * longest else 0.0
            normals[f, 0], normals[f, 1], normals[f, 2] = x * by, y * by, z * by
            doubled[f] = size


@bare
def edge(vertices, a, b):
    """The way from vertex a to vertex b."""
    return vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]


@bare
def angle_at(vertices, faces, half):
    """The angle of a face at the vertex that a half-edge leaves."""
    f, k = half // 3, half % 3
    corner, right, left = faces[f, k], faces[f, (k + 1) % 3], faces[f, (k + 2) % 3]
    ux, uy, uz = edge(vertices, corner, right)
    vx, vy, vz = edge(vertices, corner, left)
    x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    return arc_tangent(np.sqrt(x * x + y * y + z * z), ux * vx + uy * vy + uz * vz)


@kernel("void(int64[::1], float64[:, ::1], int32[:, ::1], int64[::1], int32[::1], float64[:, ::1], float64[:, ::1])")
def normals_of_vertices(counter, vertices, faces, starts, corners, face_normals, normals):
    """Unit normal of each vertex: those of its faces, weighed by their angles; zero where there is none.

    normals  (V, 3). Thuermer & Wuethrich 1998; Baerentzen & Aanaes 2005 show that it tells inside from outside.
    """
    while True:
        piece = take(counter)
        if piece * PIECE >= normals.shape[0]:
            break
        for v in range(piece * PIECE, min((piece + 1) * PIECE, normals.shape[0])):
            x = y = z = 0.0
            for i in range(starts[v], starts[v + 1]):
                f = corners[i] // 3
                angle = angle_at(vertices, faces, corners[i])
                x += angle * face_normals[f, 0]
                y += angle * face_normals[f, 1]
                z += angle * face_normals[f, 2]
            size = np.sqrt(x * x + y * y + z * z)
            by = 1 / size if size > 0 else 0.0
            normals[v, 0], normals[v, 1], normals[v, 2] = x * by, y * by, z * by
