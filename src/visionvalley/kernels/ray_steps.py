# SPDX-License-Identifier: Apache-2.0
"""What a ray meets of one node or one leaf of the tree, in float32; without gaps, see `rays`."""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.bvh import NODE, NOTHING
from visionvalley.kernels.compilation import bare
from visionvalley.kernels.simd import (
    bits,
    cross_term,
    float_bits,
    load_f32x8,
    maximum,
    minimum,
    multiply_add,
    reduce_min,
    select,
    splat_f32x8,
    trailing_zeros,
)

PAD = np.float32(2e-6)  # of the extent; what boxes are widened by

# What is known of a ray, RAY numbers: one over its direction; what it adds to a plane's place times that, for near and
# for far sides of boxes; its origin and its shear, those across its main axis first; where near sides lie in a node,
# and the axes across and along in a leaf, as bits; its origin.
FACTOR, ENTER, LEAVE, ORIGIN, SHEAR, NEAR, AXES, START, RAY = 0, 3, 6, 9, 12, 15, 18, 21, 24


# ---- triangles
@bare
def spread(rays, at):
    """A number of a ray in all lanes."""
    return splat_f32x8(rays[at])


@bare
def whole(rays, at):
    """A number of a ray that is bits."""
    return np.int64(float_bits(rays[at]))


@bare
def meet_leaf(corners, leaf, rays, ray, best, hit):
    """The nearer of what a ray has met and the triangles of a leaf: distance and leaf lane (8 * leaf + lane)."""
    ox, oy, oz = spread(rays, ray + ORIGIN), spread(rays, ray + ORIGIN + 1), spread(rays, ray + ORIGIN + 2)
    sx, sy, sz = spread(rays, ray + SHEAR), spread(rays, ray + SHEAR + 1), spread(rays, ray + SHEAR + 2)
    at = leaf * 72
    kx, ky, kz = (
        at + whole(rays, ray + AXES),
        at + whole(rays, ray + AXES + 1),
        at + whole(rays, ray + AXES + 2),
    )
    az, bz, cz = load_f32x8(corners, kz) - oz, load_f32x8(corners, 24 + kz) - oz, load_f32x8(corners, 48 + kz) - oz
    ax = multiply_add(sx, az, load_f32x8(corners, kx) - ox)
    ay = multiply_add(sy, az, load_f32x8(corners, ky) - oy)
    bx = multiply_add(sx, bz, load_f32x8(corners, 24 + kx) - ox)
    by = multiply_add(sy, bz, load_f32x8(corners, 24 + ky) - oy)
    cx = multiply_add(sx, cz, load_f32x8(corners, 48 + kx) - ox)
    cy = multiply_add(sy, cz, load_f32x8(corners, 48 + ky) - oy)
    u, v, w = cross_term(cx, by, cy, bx), cross_term(ax, cy, ay, cx), cross_term(bx, ay, by, ax)
    zero = splat_f32x8(np.float32(0))
    low, high = minimum(minimum(u, v), w), maximum(maximum(u, v), w)
    total = u + v + w
    inside = ((low >= zero) | (high <= zero)) & ((total > zero) | (total < zero))
    distance = (u * az + v * bz + w * cz) * sz / total
    found = select(inside & (distance > zero), distance, splat_f32x8(NOTHING))
    least = reduce_min(found)
    code = leaf * 8 + trailing_zeros(bits(found <= splat_f32x8(least)))
    better = (least < best) | ((least == best) & (code < hit))
    return least if better else best, code if better else hit


# ---- boxes
@bare
def meet_boxes(nodes, node, rays, ray, factor, best):
    """Distances at which a ray enters the eight boxes of a node, and a mask of those it enters before `best`.

    factor  where the factors of the far sides lie in what is known of the ray
    """
    at = node * NODE
    near_x, near_y, near_z = whole(rays, ray + NEAR), whole(rays, ray + NEAR + 1), whole(rays, ray + NEAR + 2)
    fx, fy, fz = spread(rays, ray + FACTOR), spread(rays, ray + FACTOR + 1), spread(rays, ray + FACTOR + 2)
    enter_x = multiply_add(load_f32x8(nodes, at + near_x), fx, spread(rays, ray + ENTER))
    enter_y = multiply_add(load_f32x8(nodes, at + near_y), fy, spread(rays, ray + ENTER + 1))
    enter_z = multiply_add(load_f32x8(nodes, at + near_z), fz, spread(rays, ray + ENTER + 2))
    leave_x = multiply_add(load_f32x8(nodes, at + 24 - near_x), spread(rays, ray + factor), spread(rays, ray + LEAVE))
    leave_y = multiply_add(
        load_f32x8(nodes, at + 40 - near_y), spread(rays, ray + factor + 1), spread(rays, ray + LEAVE + 1)
    )
    leave_z = multiply_add(
        load_f32x8(nodes, at + 56 - near_z), spread(rays, ray + factor + 2), spread(rays, ray + LEAVE + 2)
    )
    enter = maximum(maximum(enter_x, enter_y), maximum(enter_z, splat_f32x8(np.float32(0))))
    leave = minimum(minimum(leave_x, leave_y), minimum(leave_z, splat_f32x8(best)))
    return enter, enter <= leave
