# SPDX-License-Identifier: Apache-2.0
"""Shapes and samples in the plainest way: all distances, whole numbers of Python."""

import numpy as np


def distances(kind, parameters, points_m):
    """Distance of each point from a plane, a sphere or a cylinder."""
    if kind == "plane":
        return points_m @ parameters[:3] + parameters[3]
    away = points_m - parameters[:3]
    if kind == "cylinder":
        away = np.cross(away, parameters[3:6])
    return np.linalg.norm(away, axis=1) - parameters[-1]


def most_on_a_plane(points_m, reach_m, rounds, seed):
    """Return the most points within reach of a plane through three of them, of so many drawn."""
    rng = np.random.default_rng(seed)
    most = 0
    for _ in range(rounds):
        a, b, c = points_m[rng.choice(len(points_m), 3, replace=False)]
        normal = np.cross(b - a, c - a)
        length = np.linalg.norm(normal)
        if length > 0:
            most = max(most, int((np.abs((points_m - a) @ normal) <= reach_m * length).sum()))
    return most


def farthest_points(points_m, count, start=0):
    """Choose the farthest point from all before, again and again."""
    chosen = [start]
    square = np.full(len(points_m), np.inf)
    while len(chosen) < count:
        away = points_m - points_m[chosen[-1]]
        square = np.minimum(square, (away**2).sum(axis=1))
        square[chosen] = -1.0
        chosen.append(int(square.argmax()))
    return np.array(chosen, np.int32)


def words(seed, count, stream):
    """Words of sampling.words in Python's whole numbers."""
    all_bits = 2**64 - 1

    def mixed(word):
        word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 & all_bits
        word = (word ^ (word >> 27)) * 0x94D049BB133111EB & all_bits
        return word ^ (word >> 31)

    key = mixed((seed + 1) & all_bits) ^ (mixed((stream + 2) & all_bits) * 0xD1342543DE82EF95 & all_bits)
    return [mixed(((i + 1) * 0x9E3779B97F4A7C15 + key) & all_bits) for i in range(count)]
