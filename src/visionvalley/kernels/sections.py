# SPDX-License-Identifier: Apache-2.0
"""Lines in which planes cut a surface.

Each vertex has a level: the number of planes at or below it. A face is cut by plane j where one of its levels is j
or less and another is more, so that every question of sides is one of whole numbers, and a vertex upon a plane
counts as above it. A line enters a face by the edge that goes down through the plane and leaves it by the edge that
goes up, and enters the next face there.
"""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import bare, kernel
from visionvalley.kernels.simd import take

CLOSED, OPEN = 1, 2  # marks of the first point of a line


@bare
def levels_of(faces, levels, f):
    """Lowest and highest level of a face; a face of fewer than three vertices is cut by no plane."""
    a, b, c = levels[faces[f, 0]], levels[faces[f, 1]], levels[faces[f, 2]]
    low = min(a, b, c)
    if faces[f, 0] == faces[f, 1] or faces[f, 1] == faces[f, 2] or faces[f, 2] == faces[f, 0]:
        return low, low
    return low, max(a, b, c)


@kernel("void(int32[:, ::1], int32[::1], int32[::1], int64[::1], int64[::1], int64[::1])")
def count_cuts(faces, levels, twins, starts, of_planes, points_of_planes):
    """Count the cuts of each face and of each plane.

    levels            (V,), twins (3 * F,)
    starts            (F + 1,): the cuts of face f have the numbers starts[f] to starts[f + 1], from its lowest level on
    of_planes         (planes + 1,): the cuts of plane j lie in a list from of_planes[j] on
    points_of_planes  (planes + 1,): its points likewise; a line with ends has one more than cuts
    """
    starts[0] = 0
    of_planes[:] = 0
    points_of_planes[:] = 0
    for f in range(faces.shape[0]):
        low, high = levels_of(faces, levels, f)
        starts[f + 1] = starts[f] + high - low
        for j in range(low, high):
            of_planes[j + 1] += 1
            points_of_planes[j + 1] += 1
            if twins[3 * f + edge_through(faces, levels, f, j, False)] < 0:
                points_of_planes[j + 1] += 1
    for j in range(of_planes.shape[0] - 1):
        of_planes[j + 1] += of_planes[j]
        points_of_planes[j + 1] += points_of_planes[j]


@kernel("void(int32[:, ::1], int32[::1], int64[::1], int32[::1])")
def list_cuts(faces, levels, places, cuts):
    """List the faces that each plane cuts, in rising order; `places` (planes,) are where its list begins, and grow."""
    for f in range(faces.shape[0]):
        low, high = levels_of(faces, levels, f)
        for j in range(low, high):
            cuts[places[j]] = f
            places[j] += 1


@bare
def edge_through(faces, levels, f, j, up):
    """The edge of a face that goes up, or down, through plane j."""
    a, b, c = levels[faces[f, 0]] > j, levels[faces[f, 1]] > j, levels[faces[f, 2]] > j
    if not up:
        a, b, c = not a, not b, not c
    if not a and b:
        return 0
    return 1 if not b and c else 2


@bare
def put_point(vertices, heights, faces, half, height, points, at):
    """Write where an edge meets a plane; the same bits from both of its faces."""
    f, k = half // 3, half % 3
    a, b = faces[f, k], faces[f, (k + 1) % 3]
    a, b = min(a, b), max(a, b)
    t = (height - heights[a]) / (heights[b] - heights[a])
    for d in range(3):
        points[at, d] = vertices[a, d] + t * (vertices[b, d] - vertices[a, d])


@bare
def walk(mesh, cut, first, plane, height, points, at):
    """Follow a line from face `first` on, as far as it goes; return where the next line's points begin."""
    vertices, heights, faces, levels, twins = mesh
    starts, seen = cut
    f = first
    while True:
        seen[starts[f] + plane - levels_of(faces, levels, f)[0]] = 1
        half = 3 * f + edge_through(faces, levels, f, plane, True)
        put_point(vertices, heights, faces, half, height, points, at)
        at += 1
        if twins[half] < 0:
            return at
        f = np.int64(twins[half]) // 3
        if seen[starts[f] + plane - levels_of(faces, levels, f)[0]]:
            return at


@kernel(
    "void(int64[::1], Tuple((float64[:, ::1], float64[::1], int32[:, ::1], int32[::1], int32[::1])), float64[::1],"
    " Tuple((int64[::1], uint8[::1])), Tuple((int64[::1], int32[::1])), int64[::1], float64[:, ::1], uint8[::1])"
)
def trace(counter, mesh, planes, cut, lists, points_of_planes, points, marks):
    """Follow the lines of each plane: first those with ends, then the closed ones.

    mesh    vertices (V, 3), their heights (V,), faces (F, 3), levels (V,), twins (3 * F,)
    planes  (planes,) heights, rising
    cut     starts (F + 1,) of `count_cuts`, and which cuts have been seen: zeros
    lists   of_planes of `count_cuts`, cuts of `list_cuts`
    points  (P, 3), marks (P,) CLOSED or OPEN at the first point of each line, else 0
    """
    vertices, heights, faces, levels, twins = mesh
    starts, seen = cut
    of_planes, cuts = lists
    while True:
        plane = take(counter)
        if plane >= planes.shape[0]:
            break
        at = points_of_planes[plane]
        for i in range(of_planes[plane], of_planes[plane + 1]):
            f = np.int64(cuts[i])
            half = 3 * f + edge_through(faces, levels, f, plane, False)
            if twins[half] < 0:
                marks[at] = OPEN
                put_point(vertices, heights, faces, half, planes[plane], points, at)
                at = walk(mesh, cut, f, plane, planes[plane], points, at + 1)
        for i in range(of_planes[plane], of_planes[plane + 1]):
            f = np.int64(cuts[i])
            if seen[starts[f] + plane - levels_of(faces, levels, f)[0]] == 0:
                marks[at] = CLOSED
                at = walk(mesh, cut, f, plane, planes[plane], points, at)
