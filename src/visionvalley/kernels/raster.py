# SPDX-License-Identifier: Apache-2.0
"""What a pinhole camera sees of triangles, by z-buffer.

A pixel keeps the largest key (inverse depth as bits, then the complement of the face): the nearest face, and of
two equally near the first, whoever draws first. Edges are tested with products of coordinates relative to the pixel
whose signs are exact, so that the two faces of an edge never both miss a pixel upon it.
"""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.compilation import bare, kernel
from visionvalley.kernels.simd import (
    bits,
    bits_float,
    cross_term,
    float_bits,
    floor,
    lane,
    lift,
    load_f64x4,
    maximum,
    minimum,
    splat_f64x4,
    take,
)

PIECE = 4096
ROWS = 16  # image rows of one piece of work
NOBODY = np.int64(0xFFFFFFFF)


@kernel("void(int64[::1], float64[:, ::1], float64[::1], float64[:, ::1])")
def project(counter, vertices, view, places):
    """Take vertices into the image.

    vertices  (V, 3)
    view      (17,): rotation row by row, translation, fx, fy, cx, cy, depth of the near plane
    places    (V, 4): u, v in pixels and one over the depth; of use where that is positive
    """
    while True:
        piece = take(counter)
        if piece * PIECE >= vertices.shape[0]:
            break
        for i in range(piece * PIECE, min((piece + 1) * PIECE, vertices.shape[0])):
            x, y, z = seen_at(vertices, i, view)
            places[i, 0], places[i, 1], places[i, 2] = image_of(x, y, z, view)


@bare
def seen_at(vertices, i, view):
    """Place of a vertex in the camera's frame."""
    x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
    return (
        view[0] * x + view[1] * y + view[2] * z + view[9],
        view[3] * x + view[4] * y + view[5] * z + view[10],
        view[6] * x + view[7] * y + view[8] * z + view[11],
    )


@bare
def image_of(x, y, z, view):
    """Pixel coordinates and inverse depth of a place in the camera's frame."""
    by = 1 / z
    return view[12] * (x * by) + view[14], view[13] * (y * by) + view[15], by


@bare
def draw(a, b, c, limits, face, width, keys):
    """Draw a triangle whose corners are vectors (u, v, one over the depth, .); keys (H * W,)."""
    low = minimum(minimum(a, b), c)
    high = maximum(maximum(a, b), c)
    zero = splat_f64x4(0.0)
    first = maximum(zero - floor(zero - low), zero)
    last = minimum(floor(high), limits)
    if bits(first <= last) & 3 != 3:
        return
    x0, y0, z0 = lane(a, 0), lane(a, 1), lane(a, 2)
    x1, y1, z1 = lane(b, 0), lane(b, 1), lane(b, 2)
    x2, y2, z2 = lane(c, 0), lane(c, 1), lane(c, 2)
    for v in range(np.int64(lane(first, 1)), np.int64(lane(last, 1)) + 1):
        b0, b1, b2 = y0 - v, y1 - v, y2 - v
        for u in range(np.int64(lane(first, 0)), np.int64(lane(last, 0)) + 1):
            a0, a1, a2 = x0 - u, x1 - u, x2 - u
            w0, w1, w2 = cross_term(a1, b2, a2, b1), cross_term(a2, b0, a0, b2), cross_term(a0, b1, a1, b0)
            if (w0 >= 0 and w1 >= 0 and w2 >= 0) or (w0 <= 0 and w1 <= 0 and w2 <= 0):
                total = w0 + w1 + w2
                if total != 0:
                    nearness = np.float32((w0 * z0 + w1 * z1 + w2 * z2) / total)
                    key = (np.int64(float_bits(nearness)) << 32) | (NOBODY - face)
                    if key > keys[v * width + u]:
                        lift(keys, v * width + u, key)


@bare
def between(vertices, inside, outside, view, corners, slot):
    """Put the point of an edge on the near plane into `corners`; the same bits from both of its faces."""
    ax, ay, az = seen_at(vertices, min(inside, outside), view)
    bx, by, bz = seen_at(vertices, max(inside, outside), view)
    t = (view[16] - az) / (bz - az)
    place = image_of(ax + t * (bx - ax), ay + t * (by - ay), view[16], view)
    corners[slot, 0], corners[slot, 1], corners[slot, 2] = place


@bare
def clip(vertices, places, view, face, corners):
    """Put the corners of the part of a triangle beyond the near plane into `corners`; return how many."""
    count = 0
    for k in range(3):
        a, b = face[k], face[(k + 1) % 3]
        in_a, in_b = beyond(places, a, view), beyond(places, b, view)
        if in_a:
            corners[count, 0], corners[count, 1], corners[count, 2] = places[a, 0], places[a, 1], places[a, 2]
            count += 1
        if in_a and not in_b:
            between(vertices, a, b, view, corners, count)
            count += 1
        elif in_b and not in_a:
            between(vertices, b, a, view, corners, count)
            count += 1
    return count


@bare
def beyond(places, i, view):
    """Whether a vertex lies beyond the near plane."""
    return places[i, 2] > 0 and places[i, 2] * view[16] <= 1


@kernel("void(int64[::1], int32[:, ::1], float64[:, ::1], float64[:, ::1], float64[::1], float64[::1], int64[::1])")
def draw_faces(counter, faces, vertices, places, view, limits, keys):
    """Draw all faces.

    vertices, places, view  see `project`
    limits                  (4,): last column, last row, one over the depth of the near plane, 0
    keys                    (H * W,) zeros
    """
    upper, width = load_f64x4(limits, 0), np.int64(limits[0]) + 1
    zero = splat_f64x4(0.0)
    corners = np.zeros((4, 4))
    while True:
        piece = take(counter)
        if piece * PIECE >= faces.shape[0]:
            break
        for f in range(piece * PIECE, min((piece + 1) * PIECE, faces.shape[0])):
            a = load_f64x4(places, 4 * np.int64(faces[f, 0]))
            b = load_f64x4(places, 4 * np.int64(faces[f, 1]))
            c = load_f64x4(places, 4 * np.int64(faces[f, 2]))
            low, high = minimum(minimum(a, b), c), maximum(maximum(a, b), c)
            if bits(low > zero) & bits(high <= upper) & 4 == 0:
                count = clip(vertices, places, view, (faces[f, 0], faces[f, 1], faces[f, 2]), corners)
                if count < 3:
                    continue
                a, b, c = load_f64x4(corners, 0), load_f64x4(corners, 4), load_f64x4(corners, 8)
                if count == 4:
                    draw(a, c, load_f64x4(corners, 12), upper, f, width, keys)
            draw(a, b, c, upper, f, width, keys)


@kernel("void(int64[::1], int64[::1], float32[:, ::1], int32[:, ::1])")
def settle_pixels(counter, keys, depth, faces):
    """Turn keys into depths and faces; NaN and -1 where nothing is seen.

    keys (H * W,), depth (H, W), faces (H, W)
    """
    width = depth.shape[1]
    while True:
        piece = take(counter)
        if piece * ROWS >= depth.shape[0]:
            break
        for v in range(piece * ROWS, min((piece + 1) * ROWS, depth.shape[0])):
            for u in range(width):
                key = keys[v * width + u]
                if key == 0:
                    depth[v, u], faces[v, u] = np.nan, -1
                else:
                    depth[v, u] = np.float32(1 / np.float64(bits_float(np.int32(key >> 32))))
                    faces[v, u] = NOBODY - (key & NOBODY)
