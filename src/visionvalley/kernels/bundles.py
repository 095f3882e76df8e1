# SPDX-License-Identifier: Apache-2.0
"""Eight rays that run close together, taken down the tree as one.

A node is tested once for all eight: by the earliest that any may enter a box, and the latest that any may leave it.
Each ray has its own say only on boxes that the bundle enters, and meets the triangles of its leaves alone.
Wald, Slusallek, Benthin & Wagner 2001, Interactive rendering with coherent ray tracing.
"""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.bvh import NODE, NOTHING
from visionvalley.kernels.compilation import bare, inlined
from visionvalley.kernels.ray_steps import (
    ENTER,
    FACTOR,
    LEAVE,
    NEAR,
    ORIGIN,
    PAD,
    RAY,
    START,
    meet_boxes,
    meet_leaf,
    whole,
)  # fmt: skip
from visionvalley.kernels.simd import (
    bits,
    bits_float,
    count_ones,
    farthest_first,
    float_bits,
    load_f32x8,
    maximum,
    minimum,
    multiply_add,
    reduce_max,
    reduce_min,
    splat_f32x8,
    splat_i32x8,
    store,
    trailing_zeros,
)

CLOSE = np.float32(0.1)  # of the extent: rays that stay so near one another make a bundle
FACTOR_OUT = ORIGIN  # a bundle has no origin, but other factors for far sides than for near ones
STARTS, EIGHT = 72, 96  # of eight rays, number by number: factors, offsets in and out, and from STARTS on origins


@bare
def line_up(rays, ray, eight):
    """Put the numbers of eight rays beside one another."""
    for j in range(8):
        for k in range(9):
            eight[8 * k + j] = rays[ray + RAY * j + k]
        for k in range(3):
            eight[STARTS + 8 * k + j] = rays[ray + RAY * j + START + k]


@bare
def spread_along(eight, k, extent):
    """How far apart eight rays lie along axis k after `extent`; NOTHING where their signs differ."""
    factors, starts = load_f32x8(eight, 8 * k), load_f32x8(eight, STARTS + 8 * k)
    low, high = reduce_min(factors), reduce_max(factors)
    if low < 0 and high > 0:
        return NOTHING
    return reduce_max(starts) - reduce_min(starts) + extent * (1 / low - 1 / high)


@bare
def bind(rays, ray, eight, pad):
    """Write down, as of a ray, what bounds eight rays whose signs are the same."""
    for k in range(3):
        factors, starts = load_f32x8(eight, 8 * k), load_f32x8(eight, STARTS + 8 * k)
        low, high, first, last = reduce_min(factors), reduce_max(factors), reduce_min(starts), reduce_max(starts)
        if low < 0:
            low, high, first, last = high, low, last, first
        rays[ray + FACTOR + k], rays[ray + FACTOR_OUT + k] = low, high
        rays[ray + ENTER + k] = -last * low - pad * abs(low)
        rays[ray + LEAVE + k] = -first * high + pad * abs(high)
        rays[ray + NEAR + k] = bits_float(np.int32(8 * k + 24 * np.int64(low < 0)))


@bare
def who_enters(nodes, place, near, eight, best):
    """Mask of the eight rays that enter one box before their `best`."""
    fx, fy, fz = load_f32x8(eight, 0), load_f32x8(eight, 8), load_f32x8(eight, 16)
    enter_x = multiply_add(splat_f32x8(nodes[place + near[0]]), fx, load_f32x8(eight, 24))
    enter_y = multiply_add(splat_f32x8(nodes[place + near[1]]), fy, load_f32x8(eight, 32))
    enter_z = multiply_add(splat_f32x8(nodes[place + near[2]]), fz, load_f32x8(eight, 40))
    leave_x = multiply_add(splat_f32x8(nodes[place + 24 - near[0]]), fx, load_f32x8(eight, 48))
    leave_y = multiply_add(splat_f32x8(nodes[place + 40 - near[1]]), fy, load_f32x8(eight, 56))
    leave_z = multiply_add(splat_f32x8(nodes[place + 56 - near[2]]), fz, load_f32x8(eight, 64))
    enter = maximum(maximum(enter_x, enter_y), maximum(enter_z, splat_f32x8(np.float32(0))))
    return bits(enter <= minimum(minimum(leave_x, leave_y), minimum(leave_z, best)))


@inlined
def search_together(tree, rays, m, bundle, hits, stacks, eight, bests):
    """Find what the eight rays from m on meet first; `bundle` is where their bounds are written down."""
    nodes, children, corners = tree
    near = whole(rays, bundle + NEAR), whole(rays, bundle + NEAR + 1), whole(rays, bundle + NEAR + 2)
    store(bests, 0, splat_f32x8(NOTHING))
    for k in range(8):
        hits[m + k] = -1
    node, height, furthest = np.int64(0), 0, NOTHING
    while node >= 0:
        enter, met = meet_boxes(nodes, node, rays, bundle, FACTOR_OUT, furthest)
        store(stacks[0], height, farthest_first(enter, met))
        store(stacks[1], height, splat_i32x8(np.int32(node)))
        height += count_ones(bits(met))
        node = np.int64(-1)
        while node < 0 and height > 0:
            height -= 1
            key = np.int64(stacks[0][height])
            if key > np.int64(float_bits(furthest)) | 7:
                continue
            place = np.int64(stacks[1][height]) * NODE + (key & 7)
            active = who_enters(nodes, place, near, eight, load_f32x8(bests, 0))
            if active == 0:
                continue
            node = np.int64(children[place + 48])
            if node >= 0:
                break
            while active != 0:
                k = trailing_zeros(active)
                active &= active - 1
                bests[k], hits[m + k] = meet_leaf(corners, -1 - node, rays, (m + k) * RAY, bests[k], hits[m + k])
            furthest = reduce_max(load_f32x8(bests, 0))


@bare
def search_bundles(tree, rays, count, hits, stacks, room, extent):
    """Search for what bundles of rays meet first; write down the other rays, `count` after them, and return how many.

    room  numbers of eight rays, their nearest distances, the other rays
    """
    eight, bests, alone = room
    many = 0
    for m in range(0, count, 8):
        if m + 8 <= count:
            line_up(rays, m * RAY, eight)
            apart = spread_along(eight, 0, extent) + spread_along(eight, 1, extent) + spread_along(eight, 2, extent)
            if apart < CLOSE * extent:
                bind(rays, count * RAY, eight, PAD * extent)
                search_together(tree, rays, m, count * RAY, hits, stacks, eight, bests)
                continue
        for k in range(m, min(m + 8, count)):
            alone[many] = k
            many += 1
    alone[many] = count
    return many
