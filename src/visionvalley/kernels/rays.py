# SPDX-License-Identifier: Apache-2.0
"""The first triangle that a ray meets, without gaps.

Triangles are tested relative to the ray, sheared so that it runs along one axis (Woop, Benthin & Wald 2013,
Watertight ray/triangle intersection): both faces of an edge see the same rounded corners, and products with exact
signs put the ray on opposite sides or upon it, so a ray at an edge or a corner of a closed surface never slips
through. Boxes are widened by more than float32 can err.

A processor waits for memory, and for branches that it guessed wrong, much longer than it computes. So rays are taken
in batches: all are prepared, then searched for what they meet, then measured. Rays that run close together are
searched as bundles. Of the others several are under way and take one step in turn, what each will read next being
fetched meanwhile (Kocberber, Falsafi & Grot 2015, Asynchronous memory access chaining). Of triangles met at the same
distance the first in the tree counts: what a ray meets depends on no other ray, and not on the way through the tree.
"""

from __future__ import annotations

import numpy as np

from visionvalley.kernels.bundles import EIGHT, search_bundles
from visionvalley.kernels.bvh import NODE, NOTHING, STACK
from visionvalley.kernels.compilation import bare, inlined, kernel
from visionvalley.kernels.ray_steps import (
    AXES,
    ENTER,
    FACTOR,
    LEAVE,
    NEAR,
    ORIGIN,
    PAD,
    RAY,
    SHEAR,
    START,
    meet_boxes,
    meet_leaf,
    whole,
)  # fmt: skip
from visionvalley.kernels.simd import (
    address,
    bits,
    bits_float,
    count_ones,
    farthest_first,
    float_bits,
    prefetch,
    splat_i32x8,
    store,
    take,
)

PIECE = 512  # rays of a batch
LEAST = 1e-20  # a direction's smallest part
LEAF_BYTES, NODE_BYTES, LINES = 288, 4 * NODE, 4  # of memory; lines of 64 bytes that are fetched

# Rays that are under way at once, and what is known of each: its number, where it is and the distance there, how much
# waits on its stack, the nearest distance met and where. Distances are bits, which sort as they do.
SLOTS = 16
NUMBER, PLACE, ENTRY, HEIGHT, BEST, HIT, STATE = 0, 1, 2, 3, 4, 5, 8
DEPTH = STACK + 9  # of a stack, with an end and the room that a whole node needs
FAR, END = int(NOTHING.view(np.int32)), 2**31 - 1  # the bits of NOTHING, and more than any distance's


# ---- search
@bare
def child_of(children, stacks, at):
    """The node, or -1 - the leaf, that waits at a place of the stacks."""
    return np.int64(children[np.int64(stacks[1][at]) * NODE + 48 + np.int64(stacks[0][at] & 7)])


@bare
def fetch(nodes, corners, place):
    """Have a node or a leaf brought near."""
    is_leaf = place >> 63
    begin = (address(nodes) & ~is_leaf) | (address(corners) & is_leaf)
    begin += (place ^ is_leaf) * (NODE_BYTES + ((LEAF_BYTES - NODE_BYTES) & is_leaf))
    for line in range(LINES):
        prefetch(begin + 64 * line)


@bare
def idle(rays, ray):
    """Make a ray that meets nothing, for slots that have no other."""
    for k in range(ORIGIN):
        rays[ray + k] = np.float32(0)
    rays[ray + ENTER] = NOTHING


@bare
def begin(slots, slot, number, stacks):
    """Send a ray on its way, from the root."""
    floor = slot * DEPTH
    stacks[0][floor], stacks[1][floor] = END, 0
    slots[slot, NUMBER], slots[slot, PLACE], slots[slot, ENTRY] = number, 0, 0
    slots[slot, HEIGHT], slots[slot, BEST], slots[slot, HIT] = floor, FAR, -1


@inlined
def step(tree, rays, slots, slot, stacks):
    """Take a ray one node or leaf further, and have the next one fetched."""
    nodes, children, corners = tree
    ray, place, height = slots[slot, NUMBER] * RAY, slots[slot, PLACE], slots[slot, HEIGHT]
    best = bits_float(np.int32(slots[slot, BEST]))
    if place < 0:
        best, slots[slot, HIT] = meet_leaf(corners, -1 - place, rays, ray, best, slots[slot, HIT])
        slots[slot, BEST] = float_bits(best)
    else:
        enter, met = meet_boxes(nodes, place, rays, ray, FACTOR, best)
        store(stacks[0], height + 1, farthest_first(enter, met))
        store(stacks[1], height + 1, splat_i32x8(np.int32(place)))
        height += count_ones(bits(met))
    place = child_of(children, stacks, height)
    fetch(nodes, corners, place)
    slots[slot, PLACE], slots[slot, ENTRY] = place, stacks[0][height]
    slots[slot, HEIGHT] = height - np.int64(height > slot * DEPTH)


@bare
def search(tree, rays, alone, many, hits, slots, stacks):
    """Find the leaf lane that each of `many` rays meets first, -1 for none; all in float32.

    alone  the numbers of these rays, and after them one that is idle
    """
    used, count = min(SLOTS, many), alone[many]
    upcoming, left = used, many
    idle(rays, count * RAY)
    for slot in range(used):
        begin(slots, slot, alone[slot], stacks)
    while left > 0:
        for slot in range(used):
            limit = slots[slot, BEST] | 7
            if slots[slot, ENTRY] > limit:
                height, floor = slots[slot, HEIGHT], slot * DEPTH
                while height > floor and stacks[0][height] > limit:
                    height -= 1
                if height > floor:
                    slots[slot, PLACE] = child_of(tree[1], stacks, height)
                    slots[slot, HEIGHT] = height - 1
                else:
                    number = slots[slot, NUMBER]
                    hits[number] = slots[slot, HIT]
                    left -= np.int64(number < count)
                    begin(slots, slot, alone[min(upcoming, many)], stacks)
                    upcoming += 1
            step(tree, rays, slots, slot, stacks)


# ---- before and after
@bare
def row_of(array, i):
    """Row i of (N, 3) numbers."""
    return array[i, 0], array[i, 1], array[i, 2]


@bare
def unit(direction):
    """A direction at length one, and the length it had."""
    dx, dy, dz = direction
    size = np.sqrt(dx * dx + dy * dy + dz * dz)
    by = 1 / size
    return (dx * by, dy * by, dz * by), size


@bare
def main_axis(direction):
    """The axis that a direction runs along most; no branch is taken."""
    x, y, z = abs(direction[0]), abs(direction[1]), abs(direction[2])
    return (1 - np.int64((x >= y) & (x >= z))) * (2 - np.int64(y >= z))


@bare
def others(k):
    """The two axes after axis k."""
    return k + 1 - 3 * np.int64(k > 1), k + 2 - 3 * np.int64(k > 0)


@bare
def inverse(x):
    """One over a direction's part, finite."""
    if abs(x) < LEAST:
        return 1 / LEAST if x >= 0 else -1 / LEAST
    return 1 / x


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


@inlined
def prepare(rays, ray, parts, frame, origin, direction):
    """Write down a ray; return 1, or 0 where it passes the surface by.

    parts  room for nine numbers
    """
    px, py, pz = origin[0] - frame[0], origin[1] - frame[1], origin[2] - frame[2]
    by = inverse(direction[0]), inverse(direction[1]), inverse(direction[2])
    start = into_box(frame, (px, py, pz), by)
    parts[0] = np.float32(px + start * direction[0])
    parts[1] = np.float32(py + start * direction[1])
    parts[2] = np.float32(pz + start * direction[2])
    pad = PAD * np.float32(frame[3])
    for k in range(3):
        factor = np.float32(by[k])
        parts[3 + k], parts[6 + k] = direction[k], factor
        rays[ray + START + k] = parts[k]
        rays[ray + FACTOR + k] = factor
        rays[ray + ENTER + k] = -parts[k] * factor - pad * abs(factor)
        rays[ray + LEAVE + k] = -parts[k] * factor + pad * abs(factor)
        rays[ray + NEAR + k] = bits_float(np.int32(8 * k + 24 * np.int64(factor < 0)))
    kz = main_axis(direction)
    kx, ky = others(kz)
    scale = parts[6 + kz]
    rays[ray + ORIGIN], rays[ray + ORIGIN + 1], rays[ray + ORIGIN + 2] = parts[kx], parts[ky], parts[kz]
    rays[ray + SHEAR], rays[ray + SHEAR + 1] = -parts[3 + kx] * scale, -parts[3 + ky] * scale
    rays[ray + SHEAR + 2] = scale
    rays[ray + AXES] = bits_float(np.int32(8 * kx))
    rays[ray + AXES + 1] = bits_float(np.int32(8 * ky))
    rays[ray + AXES + 2] = bits_float(np.int32(8 * kz))
    return np.int64(start < np.inf)


@bare
def prepare_all(origins, directions, first, end, frame, batch, out):
    """Write down the rays of rows `first` to `end` that may meet something, and return how many do."""
    rays, rows, ways, parts = batch
    distances, hit_faces, weights = out
    count = 0
    for i in range(first, end):
        distances[i], hit_faces[i] = np.nan, -1
        weights[i, 0] = weights[i, 1] = np.nan
        origin, (direction, size) = row_of(origins, i), unit(row_of(directions, i))
        if not (abs(origin[0]) + abs(origin[1]) + abs(origin[2]) < np.inf and 0 < size < np.inf):
            continue
        distances[i] = np.inf
        rows[count] = i
        ways[3 * count], ways[3 * count + 1], ways[3 * count + 2] = direction
        count += prepare(rays, count * RAY, parts, frame, origin, direction)
    return count


@inlined
def exact_hit(triangle, origin, direction, axes):
    """Distance along a ray to a triangle that it meets, and the weights of its second and third corner.

    triangle, origin, direction  arrays and where their numbers begin in them, corner after corner; axes of the shear
    """
    corners, a = triangle
    places, o = origin
    ways, d = direction
    kx, ky, kz = axes
    scale = 1 / ways[d + kz]
    sx, sy = ways[d + kx] * scale, ways[d + ky] * scale
    ox, oy, oz = places[o + kx], places[o + ky], places[o + kz]
    az, bz, cz = corners[a + kz] - oz, corners[a + 3 + kz] - oz, corners[a + 6 + kz] - oz
    ax, ay = corners[a + kx] - ox - sx * az, corners[a + ky] - oy - sy * az
    bx, by = corners[a + 3 + kx] - ox - sx * bz, corners[a + 3 + ky] - oy - sy * bz
    cx, cy = corners[a + 6 + kx] - ox - sx * cz, corners[a + 6 + ky] - oy - sy * cz
    u, v, w = cx * by - cy * bx, ax * cy - ay * cx, bx * ay - by * ax
    turn = np.copysign(1.0, u + v + w)
    u, v, w = max(u * turn, 0.0), max(v * turn, 0.0), max(w * turn, 0.0)  # float32 may meet what float64 just misses
    total = u + v + w
    if total == 0:
        u, v, w, total = 1.0, 1.0, 1.0, 3.0
    total = 1 / total
    return (u * az + v * bz + w * cz) * total * scale, v * total, w * total


@bare
def measure_all(origins, count, hits, leaf_faces, mesh, batch, room, out):
    """Measure what the rays of a batch have met. Each loop reads one kind of memory, so that its waits overlap."""
    rays, rows, ways, _ = batch
    vertices, faces = mesh
    met, faces_met, triangles = room
    distances, hit_faces, weights = out
    many = 0
    for m in range(count):
        met[many] = m
        many += np.int64(hits[m] >= 0)
    for n in range(many):
        faces_met[n] = leaf_faces[hits[met[n]]]
    for n in range(many):
        for corner in range(3):
            a = faces[faces_met[n], corner]
            for k in range(3):
                triangles[9 * n + 3 * corner + k] = vertices[a, k]
    for n in range(many):
        m = met[n]
        i, axis = rows[m], m * RAY + AXES
        axes = whole(rays, axis) >> 3, whole(rays, axis + 1) >> 3, whole(rays, axis + 2) >> 3
        hit_faces[i] = faces_met[n]
        distance, weights[i, 0], weights[i, 1] = exact_hit((triangles, 9 * n), (origins, 3 * i), (ways, 3 * m), axes)
        distances[i] = max(distance, 0.0)


@kernel(
    "void(int64[::1], float64[:, ::1], float64[:, ::1], float64[::1], Tuple((float32[::1], int32[::1],"
    " float32[::1], int32[::1])), Tuple((float64[:, ::1], int32[:, ::1])),"
    " Tuple((float64[::1], int32[::1], float64[:, ::1])))"
)
def cast_rays(counter, origins, directions, frame, tree, mesh, out):
    """Find what each ray meets first.

    origins, directions  (N, 3); of rows that are not finite, and directions of no length, nothing is known
    frame   (7,) origin of the tree, its extent, half the sides of the box around it
    tree    nodes, nodes as whole numbers (the children), corners of the leaves, faces of the leaves
    mesh    vertices (V, 3), faces (F, 3)
    out     distance (N,) along the unit direction, infinite for none, NaN where nothing is known; face (N,), -1 for
            none; weights of the second and third corner (N, 2), NaN for none
    """
    batch = (
        np.zeros((PIECE + 1) * RAY, np.float32),
        np.empty(PIECE, np.int64),
        np.empty(3 * PIECE),
        np.empty(9, np.float32),
    )
    room = np.empty(PIECE, np.int64), np.empty(PIECE, np.int32), np.empty(9 * PIECE)
    hits, slots = np.empty(PIECE + 1, np.int64), np.empty((SLOTS, STATE), np.int64)
    stacks = np.empty(SLOTS * DEPTH, np.int32), np.empty(SLOTS * DEPTH, np.int32)
    bundle_room = np.empty(EIGHT, np.float32), np.empty(8, np.float32), np.empty(PIECE + 1, np.int64)
    search_tree, places = (tree[0], tree[1], tree[2]), origins.reshape(-1)
    while True:
        first = take(counter) * PIECE
        if first >= origins.shape[0]:
            break
        end = min(first + PIECE, origins.shape[0])
        count = prepare_all(origins, directions, first, end, frame, batch, out)
        alone = search_bundles(search_tree, batch[0], count, hits, stacks, bundle_room, np.float32(frame[3]))
        search(search_tree, batch[0], bundle_room[2], alone, hits, slots, stacks)
        measure_all(places, count, hits, tree[3], mesh, batch, room, out)
