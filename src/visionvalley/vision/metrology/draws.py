# SPDX-License-Identifier: Apache-2.0
"""What draws of the sensor's noise make of filtered, read and derived points."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from visionvalley.core.arrays import Floats, Singles
from visionvalley.vision.geometry.symmetric import eigen, gram
from visionvalley.vision.metrology.features import Smooth
from visionvalley.vision.metrology.filters import Filter, Places, rows
from visionvalley.vision.metrology.fits import dots
from visionvalley.vision.metrology.profiles import Profile
from visionvalley.vision.metrology.propagation import Sensed, sparse_product
from visionvalley.vision.metrology.toleranced import Zoned

AT_ONCE = 200_000  # forces on extracted points that are one array: they stay near
FLAT = 1e-12  # of the largest square
Ints = NDArray[np.int64]
Noise = Mapping[str, Singles]


def forced(force: Mapping[str, Floats], points: Sensed, noise: Noise) -> Singles:
    """Return what forces (..., N, 3) on extracted points make of their noise, (..., B)."""
    before = next(iter(force.values())).shape[:-2]
    total = np.zeros((math.prod(before), next(iter(noise.values())).shape[2]), np.float32)
    for name, pull in force.items():
        along = dots(pull[..., None, :], points.axes[name]).reshape(len(total), -1)
        row, column = np.nonzero(along)
        offsets = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(total)))])
        own = noise[name].reshape(along.shape[1], -1)
        total += sparse_product(offsets, column.astype(np.int32), along[row, column], own)
    return total.reshape(*before, -1)


def answered(zoned: Zoned, which: Ints, gradients: Floats, points: Sensed, noise: Noise) -> Singles:
    """Return how deviations at some points of a zone answer to noise, (m, B)."""
    source = zoned.source
    if isinstance(source, Smooth):
        return smoothed(source, None, which, gradients, source.normals[which], noise)
    if isinstance(source, Profile):
        return smoothed(source.part, source.at, which, gradients, source.normals[which], noise)
    values, vectors = eigen(gram(gradients))
    across = vectors[:, values > FLAT * values[-1]].T  # directions that gradients have parts along
    unique, back = np.unique(which, return_inverse=True)
    moved = []
    once = max(1, AT_ONCE // (len(across) * len(points.points_m)))
    for begin in range(0, len(unique), once):
        some = unique[begin : begin + once]
        force = np.zeros((len(some), len(across), zoned.count, 3))
        for i, point in enumerate(some):
            force[i, :, point] = across
        moved.append(forced(zoned.back(force), points, noise))
    there = np.concatenate(moved)[back.ravel()]
    much = [dots(gradients, one).astype(np.float32) for one in across]
    return np.asarray(sum(one[:, None] * there[:, k] for k, one in enumerate(much)))


def smoothed(part: Smooth, at: object, which: Ints, gradients: Floats, normals: Floats, noise: Noise) -> Singles:
    """Return the same of filtered points, or places where the filtered surface is read.

    at       Places; None: the points themselves; else rows of them
    normals  (m, 3) along which the filter moves these
    """
    own, on = noise[part.feature.name], part.filter
    places = which if at is None or isinstance(at, Places) else np.asarray(at)[which]
    if on is not None:
        read = filtered_draws(on, at if isinstance(at, Places) else on.places, places, across(part.normals, own))
        read *= dots(gradients, normals).astype(np.float32)[:, None]
        return read
    if own.shape[1] == 1:
        return np.asarray(dots(gradients, normals).astype(np.float32)[:, None] * own[places, 0])
    return np.asarray(sum(gradients[:, a, None].astype(np.float32) * own[places, a] for a in range(3)))


def across(normals: Floats, own: Singles) -> Singles:
    """Return the noise (N, c, B) of a feature along its normals (N, B)."""
    if own.shape[1] == 1:
        return own[:, 0]
    return np.asarray(sum(normals[:, a, None].astype(np.float32) * own[:, a] for a in range(3)))


def filtered_draws(on: Filter, at: Places, which: Ints, values: Floats | Singles) -> Singles:
    """Return what a filter makes of columns of values (N, B) at some of its places."""
    offsets, columns, weights = rows(on, which, at)
    return sparse_product(offsets, columns, weights, np.ascontiguousarray(values, np.float32))
