# SPDX-License-Identifier: Apache-2.0
"""The first triangle that a ray meets, without gaps.

Triangles are tested relative to the ray, sheared so that it runs along one axis (Woop, Benthin & Wald 2013,
Watertight ray/triangle intersection): both faces of an edge see the same rounded corners, and products with exact
signs put the ray on opposite sides or upon it, so a ray at an edge or a
corner of a closed surface never slips through. Boxes are
widened by more than float32 can err.
"""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.bvh import NOTHING, STACK
from visionvalley.kernels.compilation import bare, kernel
from visionvalley.kernels.simd import (
    bits,
    cross_term,
    load_f32x8,
    maximum,
    minimum,
    multiply_add,
    reduce_min,
    select,
    splat_f32x8,
    store,
    take,
    trailing_zeros,
)

PIECE = 512
PAD = np.float32(2e-6)  # of the extent; what boxes are widened by
LEAST = 1e-20  # a direction's smallest part


@bare
def axes_of(dx, dy, dz):
    """The axes of the shear: the two across, and the one that the direction runs along most."""
    x, y, z = abs(dx), abs(dy), abs(dz)
    if x >= y and x >= z:
        return 1, 2, 0
    if y >= z:
        return 2, 0, 1
    return 0, 1, 2


@bare
def pick(k, x, y, z):
    """Number k of three."""
    return x if k == 0 else y if k == 1 else z


@bare
def leaf_hits(corners, leaf, axes, origin, shear, best):
    """Distances of a ray to the eight triangles of a leaf that it meets before `best`; NOTHING in other lanes.

    origin  the start along the three axes, vectors; shear (x, y, scale), vectors
    """
    at = leaf * 72
    kx, ky, kz = 8 * axes[0], 8 * axes[1], 8 * axes[2]
    ox, oy, oz = origin
    sx, sy, sz = shear
    az, bz, cz = (
        load_f32x8(corners, at + kz) - oz,
        load_f32x8(corners, at + 24 + kz) - oz,
        load_f32x8(corners, at + 48 + kz) - oz,
    )
    ax = multiply_add(sx, az, load_f32x8(corners, at + kx) - ox)
    ay = multiply_add(sy, az, load_f32x8(corners, at + ky) - oy)
    bx = multiply_add(sx, bz, load_f32x8(corners, at + 24 + kx) - ox)
    by = multiply_add(sy, bz, load_f32x8(corners, at + 24 + ky) - oy)
    cx = multiply_add(sx, cz, load_f32x8(corners, at + 48 + kx) - ox)
    cy = multiply_add(sy, cz, load_f32x8(corners, at + 48 + ky) - oy)
    u, v, w = cross_term(cx, by, cy, bx), cross_term(ax, cy, ay, cx), cross_term(bx, ay, by, ax)
    zero = splat_f32x8(np.float32(0))
    low, high = minimum(minimum(u, v), w), maximum(maximum(u, v), w)
    total = u + v + w
    inside = ((low >= zero) | (high <= zero)) & ((total > zero) | (total < zero))
    distance = (u * az + v * bz + w * cz) * sz / total
    return select(inside & (distance > zero) & (distance < best), distance, splat_f32x8(NOTHING))


@bare
def first_hit(tree, local, direction, by, pad, stacks):
    """Leaf lane (8 * leaf + lane) that a ray from `local` meets first, -1 for none; all in float32.

    by  one over the direction
    """
    nodes, children, corners = tree
    waiting, entries, lanes = stacks
    px, py, pz = local
    dx, dy, dz = direction
    ix, iy, iz = by
    near_x, near_y, near_z = 0 if ix > 0 else 24, 8 if iy > 0 else 32, 16 if iz > 0 else 40
    vix, viy, viz = splat_f32x8(ix), splat_f32x8(iy), splat_f32x8(iz)
    in_x, in_y, in_z = entry(px, ix, pad), entry(py, iy, pad), entry(pz, iz, pad)
    out_x, out_y, out_z = entry(px, ix, -pad), entry(py, iy, -pad), entry(pz, iz, -pad)
    axes = axes_of(dx, dy, dz)
    scale = pick(axes[2], ix, iy, iz)
    shear = (
        splat_f32x8(-pick(axes[0], dx, dy, dz) * scale),
        splat_f32x8(-pick(axes[1], dx, dy, dz) * scale),
        splat_f32x8(scale),
    )
    origin = (
        splat_f32x8(pick(axes[0], px, py, pz)),
        splat_f32x8(pick(axes[1], px, py, pz)),
        splat_f32x8(pick(axes[2], px, py, pz)),
    )
    zero = splat_f32x8(np.float32(0))
    best, hit = NOTHING, np.int64(-1)
    waiting[0], entries[0] = 0, np.float32(0)
    height = 1
    while height > 0:
        height -= 1
        if entries[height] > best:
            continue
        node = np.int64(waiting[height])
        if node < 0:
            found = leaf_hits(corners, -1 - node, axes, origin, shear, splat_f32x8(best))
            least = reduce_min(found)
            if least < best:
                best = least
                hit = (-1 - node) * 8 + trailing_zeros(bits(found <= splat_f32x8(least)))
            continue
        at = node * 56
        enter_x = multiply_add(load_f32x8(nodes, at + near_x), vix, in_x)
        enter_y = multiply_add(load_f32x8(nodes, at + near_y), viy, in_y)
        enter_z = multiply_add(load_f32x8(nodes, at + near_z), viz, in_z)
        leave_x = multiply_add(load_f32x8(nodes, at + 24 - near_x), vix, out_x)
        leave_y = multiply_add(load_f32x8(nodes, at + 40 - near_y), viy, out_y)
        leave_z = multiply_add(load_f32x8(nodes, at + 56 - near_z), viz, out_z)
        enter = maximum(maximum(enter_x, enter_y), maximum(enter_z, zero))
        leave = minimum(minimum(leave_x, leave_y), minimum(leave_z, splat_f32x8(best)))
        met = bits(enter <= leave)
        if met == 0:
            continue
        j = trailing_zeros(met)
        met &= met - 1
        if met == 0:
            waiting[height], entries[height] = children[at + 48 + j], np.float32(0)
            height += 1
            continue
        store(lanes, 0, enter)
        bottom = height
        waiting[height], entries[height] = children[at + 48 + j], lanes[j]
        height += 1
        while met != 0:
            j = trailing_zeros(met)
            met &= met - 1
            distance = lanes[j]
            k = height
            while k > bottom and entries[k - 1] < distance:
                entries[k], waiting[k] = entries[k - 1], waiting[k - 1]
                k -= 1
            entries[k], waiting[k] = distance, children[at + 48 + j]
            height += 1
    return hit


@bare
def inverse(x):
    """One over a direction's part, finite."""
    if abs(x) < LEAST:
        return 1 / LEAST if x >= 0 else -1 / LEAST
    return 1 / x


@bare
def entry(origin, by, pad):
    """What a ray adds to a plane's place times `by`, the plane moved outwards by `pad`."""
    return splat_f32x8(-origin * by - pad * abs(by))


@bare
def into_box(frame, place, by):
    """Distance along a ray at which it enters the box around a surface, 0 from within; infinity where it does not.

    place  the origin, relative to the middle of the box; by one over the direction
    """
    margin = 4 * PAD * frame[3]
    near_x, far_x = (-frame[4] - margin - place[0]) * by[0], (frame[4] + margin - place[0]) * by[0]
    near_y, far_y = (-frame[5] - margin - place[1]) * by[1], (frame[5] + margin - place[1]) * by[1]
    near_z, far_z = (-frame[6] - margin - place[2]) * by[2], (frame[6] + margin - place[2]) * by[2]
    start = max(max(min(near_x, far_x), min(near_y, far_y)), max(min(near_z, far_z), 0.0))
    end = min(min(max(near_x, far_x), max(near_y, far_y)), max(near_z, far_z))
    return start if start <= end else np.inf


@bare
def exact_hit(vertices, faces, face, origin, direction):
    """Distance along a ray to a face that it meets, and the weights of the face's second and third corner."""
    x, y, z = origin
    dx, dy, dz = direction
    kx, ky, kz = axes_of(dx, dy, dz)
    scale = 1 / pick(kz, dx, dy, dz)
    sx, sy = pick(kx, dx, dy, dz) * scale, pick(ky, dx, dy, dz) * scale
    ox, oy, oz = pick(kx, x, y, z), pick(ky, x, y, z), pick(kz, x, y, z)
    a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
    az, bz, cz = vertices[a, kz] - oz, vertices[b, kz] - oz, vertices[c, kz] - oz
    ax, ay = vertices[a, kx] - ox - sx * az, vertices[a, ky] - oy - sy * az
    bx, by = vertices[b, kx] - ox - sx * bz, vertices[b, ky] - oy - sy * bz
    cx, cy = vertices[c, kx] - ox - sx * cz, vertices[c, ky] - oy - sy * cz
    u, v, w = cx * by - cy * bx, ax * cy - ay * cx, bx * ay - by * ax
    if u + v + w < 0:
        u, v, w = -u, -v, -w
    u, v, w = max(u, 0.0), max(v, 0.0), max(w, 0.0)  # float32 may have met what float64 just misses
    total = u + v + w
    if total == 0:
        u, v, w, total = 1.0, 1.0, 1.0, 3.0
    total = 1 / total
    return (u * az + v * bz + w * cz) * total * scale, v * total, w * total


@kernel(
    "void(int64[::1], float64[:, ::1], float64[:, ::1], int32[::1], float64[::1], Tuple((float32[::1], int32[::1],"
    " float32[::1], int32[::1])), Tuple((float64[:, ::1], int32[:, ::1])),"
    " Tuple((float64[::1], int32[::1], float64[:, ::1])))"
)
def cast_rays(counter, origins, directions, order, frame, tree, mesh, out):
    """Find what each ray meets first.

    origins, directions  (N, 3); rows that are not finite, and directions of no length, are left as they are in `out`
    order   (N,) the rows in the order to take them
    frame   (7,) origin of the tree, its extent, half the sides of the box around it
    tree    nodes, nodes as whole numbers (the children), corners of the leaves, faces of the leaves
    mesh    vertices (V, 3), faces (F, 3)
    out     distance (N,) along the unit direction, face (N,), weights of the second and third corner (N, 2)
    """
    vertices, faces = mesh
    distances, hit_faces, weights = out
    stacks = np.empty(STACK, np.int32), np.empty(STACK, np.float32), np.empty(8, np.float32)
    pad = PAD * np.float32(frame[3])
    search = tree[0], tree[1], tree[2]
    while True:
        piece = take(counter)
        if piece * PIECE >= origins.shape[0]:
            break
        for q in range(piece * PIECE, min((piece + 1) * PIECE, origins.shape[0])):
            i = order[q]
            x, y, z = origins[i, 0], origins[i, 1], origins[i, 2]
            dx, dy, dz = directions[i, 0], directions[i, 1], directions[i, 2]
            size = np.sqrt(dx * dx + dy * dy + dz * dz)
            if not (abs(x) + abs(y) + abs(z) < np.inf and 0 < size < np.inf):
                continue
            size = 1 / size
            dx, dy, dz = dx * size, dy * size, dz * size
            distances[i] = np.inf
            px, py, pz = x - frame[0], y - frame[1], z - frame[2]
            ix, iy, iz = inverse(dx), inverse(dy), inverse(dz)
            start = into_box(frame, (px, py, pz), (ix, iy, iz))
            if start == np.inf:
                continue
            local = np.float32(px + start * dx), np.float32(py + start * dy), np.float32(pz + start * dz)
            way, by = (np.float32(dx), np.float32(dy), np.float32(dz)), (np.float32(ix), np.float32(iy), np.float32(iz))
            hit = first_hit(search, local, way, by, pad, stacks)
            if hit >= 0:
                face = tree[3][hit]
                hit_faces[i] = face
                distance, weights[i, 0], weights[i, 1] = exact_hit(vertices, faces, face, (x, y, z), (dx, dy, dz))
                distances[i] = max(distance, 0.0)
