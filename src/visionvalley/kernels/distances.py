# SPDX-License-Identifier: Apache-2.0
"""The nearest point of a surface, exactly, with its side.

A search in float32 over the tree finds every triangle that may be nearest, given the rounding of float32;
these few are measured in float64. The sign comes from angle-weighted pseudo-normals (Baerentzen & Aanaes 2005,
Signed distance computation using the angle weighted pseudonormal).
"""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.bvh import FLAT, NOTHING, STACK, flatten
from visionvalley.kernels.compilation import bare, kernel
from visionvalley.kernels.simd import (
    bits,
    load_f32x8,
    maximum,
    minimum,
    reduce_min,
    select,
    splat_f32x8,
    store,
    take,
    trailing_zeros,
)

PIECE = 1024
FOUND = 64  # triangles kept for the exact measure before they are measured
RELATIVE, ABSOLUTE = np.float32(2e-6), np.float32(1e-6)  # bounds of float32 errors: of a distance, of the extent
INSIDE, CORNER, EDGE = 0, 1, 4  # where the nearest point lies: 0, 1 to 3, 4 to 6


@bare
def leaf_distances(flat, leaf, px, py, pz):
    """Squared distances of a point to the eight triangles of a leaf; NaN in lanes without one.

    A triangle lies flat in its own frame: its first edge along x from 0, its third corner at (bx, by).
    """
    at = leaf * (FLAT * 8)
    zero, one = splat_f32x8(np.float32(0)), splat_f32x8(np.float32(1))
    x0 = splat_f32x8(px) - load_f32x8(flat, at)
    y0 = splat_f32x8(py) - load_f32x8(flat, at + 8)
    z0 = splat_f32x8(pz) - load_f32x8(flat, at + 16)
    x = x0 * load_f32x8(flat, at + 24) + y0 * load_f32x8(flat, at + 32) + z0 * load_f32x8(flat, at + 40)
    y = x0 * load_f32x8(flat, at + 48) + y0 * load_f32x8(flat, at + 56) + z0 * load_f32x8(flat, at + 64)
    z = x0 * load_f32x8(flat, at + 72) + y0 * load_f32x8(flat, at + 80) + z0 * load_f32x8(flat, at + 88)
    length, bx, by = load_f32x8(flat, at + 96), load_f32x8(flat, at + 104), load_f32x8(flat, at + 112)
    ex = x - minimum(maximum(x, zero), length)
    nearest = ex * ex + y * y
    t = minimum(maximum((x * bx + y * by) * load_f32x8(flat, at + 120), zero), one)
    ex, ey = x - t * bx, y - t * by
    nearest = minimum(nearest, ex * ex + ey * ey)
    cx, wx = bx - length, x - length
    t = minimum(maximum((wx * cx + y * by) * load_f32x8(flat, at + 128), zero), one)
    ex, ey = wx - t * cx, y - t * by
    nearest = minimum(nearest, ex * ex + ey * ey)
    above = (y > zero) & (x * by > y * bx) & (wx * by < y * cx)
    return select(above, zero, nearest) + z * z


@bare
def reach_of(squared, slack):
    """The squared distance within which float32 may have mistaken the nearest triangle."""
    reach = np.sqrt(squared) * (np.float32(1) + RELATIVE) + slack
    return reach * reach


# ---- the exact measure of one triangle
@bare
def measure(vertices, faces, face, px, py, pz):
    """Squared distance, nearest point and its place: INSIDE, CORNER + k, EDGE + k; and whether it has an area."""
    a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
    ax, ay, az = vertices[a, 0], vertices[a, 1], vertices[a, 2]
    u, s, n, (length, bx, by) = flatten(
        vertices[b, 0] - ax, vertices[b, 1] - ay, vertices[b, 2] - az,
        vertices[c, 0] - ax, vertices[c, 1] - ay, vertices[c, 2] - az,
    )  # fmt: skip
    vx, vy, vz = px - ax, py - ay, pz - az
    x = vx * u[0] + vy * u[1] + vz * u[2]
    y = vx * s[0] + vy * s[1] + vz * s[2]
    z = vx * n[0] + vy * n[1] + vz * n[2]
    cx, wx = bx - length, x - length
    if y > 0 and x * by > y * bx and wx * by < y * cx:
        qx, qy, place, flat = x, y, INSIDE, 0.0
    else:
        qx, qy, place, flat = nearest_edge(x, y, length, bx, by)
    point = (
        ax + qx * u[0] + qy * s[0],
        ay + qx * u[1] + qy * s[1],
        az + qx * u[2] + qy * s[2],
    )
    return flat + z * z, point, place, by > 0


@bare
def nearest_edge(x, y, length, bx, by):
    """Nearest point on the edges of a flat triangle: its two coordinates, its place and the squared distance."""
    qx, qy, place = min(max(x, 0.0), length), 0.0, EDGE
    if qx == 0:
        place = CORNER
    elif qx == length:
        place = CORNER + 1
    best = (x - qx) * (x - qx) + y * y
    second = bx * bx + by * by
    t = min(max((x * bx + y * by) / second, 0.0), 1.0) if second > 0 else 0.0
    ex, ey = x - t * bx, y - t * by
    if ex * ex + ey * ey < best:
        best, qx, qy = ex * ex + ey * ey, t * bx, t * by
        place = CORNER if t == 0 else CORNER + 2 if t == 1 else EDGE + 2
    cx = bx - length
    third = cx * cx + by * by
    t = min(max(((x - length) * cx + y * by) / third, 0.0), 1.0) if third > 0 else 0.0
    ex, ey = x - length - t * cx, y - t * by
    if ex * ex + ey * ey < best:
        best, qx, qy = ex * ex + ey * ey, length + t * cx, t * by
        place = CORNER + 1 if t == 0 else CORNER + 2 if t == 1 else EDGE + 1
    return qx, qy, place, best


@bare
def other_face(vertices, faces, twins, face_normals, half):
    """The face with an area beyond an edge, across faces that have none; -1 where there is no face."""
    other = twins[half]
    for _ in range(16):
        if other < 0:
            return -1
        f = other // 3
        if face_normals[f, 0] != 0 or face_normals[f, 1] != 0 or face_normals[f, 2] != 0:
            return f
        longest, way = -1.0, other
        for step in range(1, 3):
            k = (other + step) % 3 if other % 3 + step < 3 else other % 3 + step - 3
            a, b = faces[f, k], faces[f, (k + 1) % 3]
            x, y, z = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
            if x * x + y * y + z * z > longest:
                longest, way = x * x + y * y + z * z, 3 * f + k
        other = twins[way]
    return -1


@bare
def pseudo_normal(surface, face, place):
    """Unit direction that tells the outside at a place of a face, and whether the place is on an open edge."""
    vertices, faces, twins, face_normals, vertex_normals, opened = surface
    if CORNER <= place < EDGE:
        v = faces[face, place - CORNER]
        return vertex_normals[v, 0], vertex_normals[v, 1], vertex_normals[v, 2], opened[v] != 0
    x, y, z = face_normals[face, 0], face_normals[face, 1], face_normals[face, 2]
    if place == INSIDE:
        return x, y, z, False
    half = 3 * face + place - EDGE
    other = other_face(vertices, faces, twins, face_normals, half)
    if other < 0:
        return x, y, z, twins[half] < 0
    x, y, z = x + face_normals[other, 0], y + face_normals[other, 1], z + face_normals[other, 2]
    size = np.sqrt(x * x + y * y + z * z)
    by = 1 / size if size > 0 else 0.0
    return x * by, y * by, z * by, False


@bare
def finest(surface, leaf_faces, codes, count, sought, best):
    """Measure `count` found triangles and return the best of them and of what is known already.

    best  (comparable squared distance, face, squared distance, point, place)
    """
    vertices, faces = surface[0], surface[1]
    flat_faces = leaf_faces.reshape(-1)
    for i in range(count):
        face = np.int64(flat_faces[codes[i]])
        squared, point, place, solid = measure(vertices, faces, face, sought[0], sought[1], sought[2])
        rank = squared if solid else squared * (1 + 1e-12) + 1e-200  # a face with an area comes before one without
        if rank < best[0] or (rank == best[0] and face < best[1]):
            best = (rank, face, squared, point, place)
    return best


@bare
def seek(tree, surface, point, local, bound, found, stacks):
    """Find the nearest place of the surface: (rank, face, squared distance, point, place).

    point, local  the point in float64, and relative to the tree in float32
    bound         a squared distance that is not exceeded, and the slack of float32
    found         room for leaf lanes that may be nearest (codes 8 * leaf + lane) and their squared distances
    """
    nodes, flat, children, _ = tree
    codes, distances = found
    waiting, waiting_distance, lanes = stacks
    px, py, pz = local
    nearest, slack = bound
    reach = reach_of(nearest, slack)
    x, y, z, zero = splat_f32x8(px), splat_f32x8(py), splat_f32x8(pz), splat_f32x8(np.float32(0))
    count = 0
    best = (np.inf, np.int64(-1), np.inf, (0.0, 0.0, 0.0), 0)
    waiting[0], waiting_distance[0] = 0, np.float32(0)
    height = 1
    while height > 0:
        height -= 1
        if waiting_distance[height] > reach:
            continue
        node = waiting[height]
        if node < 0:
            leaf = np.int64(-1 - node)
            squared = leaf_distances(flat, leaf, px, py, pz)
            near = bits(squared <= splat_f32x8(reach))
            if near == 0:
                continue
            least = reduce_min(select(squared <= splat_f32x8(reach), squared, splat_f32x8(NOTHING)))
            if least < nearest:
                nearest = least
                reach = reach_of(nearest, slack)
                near = bits(squared <= splat_f32x8(reach))
            store(lanes, 0, squared)
            while near != 0:
                j = trailing_zeros(near)
                near &= near - 1
                if count == FOUND:
                    count = keep_near(codes, distances, count, reach)
                if count == FOUND:
                    best = finest(surface, tree[3], codes, count, point, best)
                    count = 0
                codes[count], distances[count] = leaf * 8 + j, lanes[j]
                count += 1
            continue
        at = np.int64(node) * 56
        dx = maximum(maximum(load_f32x8(nodes, at) - x, x - load_f32x8(nodes, at + 24)), zero)
        dy = maximum(maximum(load_f32x8(nodes, at + 8) - y, y - load_f32x8(nodes, at + 32)), zero)
        dz = maximum(maximum(load_f32x8(nodes, at + 16) - z, z - load_f32x8(nodes, at + 40)), zero)
        squared = dx * dx + dy * dy + dz * dz
        near = bits(squared <= splat_f32x8(reach))
        store(lanes, 0, squared)
        bottom = height
        while near != 0:
            j = trailing_zeros(near)
            near &= near - 1
            distance = lanes[j]
            k = height
            while k > bottom and waiting_distance[k - 1] < distance:
                waiting_distance[k], waiting[k] = waiting_distance[k - 1], waiting[k - 1]
                k -= 1
            waiting_distance[k], waiting[k] = distance, children[at + 48 + j]
            height += 1
    return finest(surface, tree[3], codes, keep_near(codes, distances, count, reach), point, best)


@bare
def keep_near(codes, distances, count, reach):
    """Drop what lies beyond reach; return how many stay."""
    kept = 0
    for i in range(count):
        if distances[i] <= reach:
            codes[kept], distances[kept] = codes[i], distances[i]
            kept += 1
    return kept


@kernel(
    "void(int64[::1], float64[:, ::1], int32[::1], float64[::1],"
    " Tuple((float32[::1], float32[::1], int32[::1], int32[:, ::1])),"
    " Tuple((float64[:, ::1], int32[:, ::1], int32[::1], float64[:, ::1], float64[:, ::1], uint8[::1])),"
    " Tuple((float64[::1], float64[:, ::1], int32[::1], float64[:, ::1], uint8[::1])))"
)
def closest_points(counter, points, order, frame, tree, surface, out):
    """Find the nearest point of a surface for each point.

    points   (N, 3); rows with NaN are left as they are in `out`
    order    (N,) the rows in the order to take them: neighbours after one another
    frame    (4,) origin of the tree, its extent
    tree     nodes, flat leaves, nodes as whole numbers (the children), faces of the leaves
    surface  vertices (V, 3), faces (F, 3), twins (3 * F,), normals of faces and of vertices, open vertices (V,)
    out      signed distance (N,), nearest point (N, 3), face (N,), outward normal (N, 3), on an open edge (N,);
             all but the first may have no rows, and are then not written
    """
    flat = tree[1]
    distances, nearest_points, nearest_faces, normals, on_open = out
    stacks = np.empty(STACK, np.int32), np.empty(STACK, np.float32), np.empty(8, np.float32)
    found = np.empty(FOUND, np.int64), np.empty(FOUND, np.float32)
    slack = ABSOLUTE * np.float32(frame[3])
    found[0][0] = 0
    while True:
        piece = take(counter)
        if piece * PIECE >= points.shape[0]:
            break
        previous = np.int64(0)
        for q in range(piece * PIECE, min((piece + 1) * PIECE, points.shape[0])):
            i = order[q]
            px, py, pz = points[i, 0], points[i, 1], points[i, 2]
            if not abs(px) + abs(py) + abs(pz) < np.inf:
                continue
            x, y, z = np.float32(px - frame[0]), np.float32(py - frame[1]), np.float32(pz - frame[2])
            start = leaf_distances(flat, previous, x, y, z)
            least = reduce_min(select(start < splat_f32x8(NOTHING), start, splat_f32x8(NOTHING)))
            best = seek(tree, surface, (px, py, pz), (x, y, z), (least, slack), found, stacks)
            previous = found[0][0] >> 3
            _, face, squared, point, place = best
            nx, ny, nz, opened = pseudo_normal(surface, face, place)
            distance = np.sqrt(squared)
            if (px - point[0]) * nx + (py - point[1]) * ny + (pz - point[2]) * nz < 0:
                distance = -distance
            distances[i] = distance
            if nearest_faces.shape[0] > 0:
                nearest_points[i, 0], nearest_points[i, 1], nearest_points[i, 2] = point
                nearest_faces[i] = face
                normals[i, 0], normals[i, 1], normals[i, 2] = nx, ny, nz
                on_open[i] = opened
