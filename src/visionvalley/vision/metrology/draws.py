# SPDX-License-Identifier: Apache-2.0
"""What draws of the sensor's noise make of filtered, read and derived points."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from visionvalley.core.arrays import Floats, Singles
from visionvalley.vision.metrology.features import Smooth
from visionvalley.vision.metrology.filters import Filter, Places, rows
from visionvalley.vision.metrology.profiles import Profile
from visionvalley.vision.metrology.propagation import Sensed, sparse_product
from visionvalley.vision.metrology.toleranced import Zoned

Ints = NDArray[np.int64]
Noise = Mapping[str, Floats]


def forced(force: Mapping[str, Floats], points: Sensed, noise: Noise) -> Floats:
    """Return what forces (N, 3) on extracted points make of their noise (B,)."""
    total = np.zeros(next(iter(noise.values())).shape[2])
    for name, pull in force.items():
        along = (points.axes[name] * pull[:, None]).sum(axis=2)
        hit = np.flatnonzero((along != 0).any(axis=1))
        total += (along[hit][:, :, None] * noise[name][hit]).sum(axis=(0, 1))
    return total


def answered(zoned: Zoned, which: Ints, gradients: Floats, points: Sensed, noise: Noise) -> Floats | Singles:
    """Return how deviations at some points of a zone answer to noise, (m, B)."""
    source = zoned.source
    if isinstance(source, Smooth):
        return smoothed(source, None, which, gradients, source.normals[which], noise)
    if isinstance(source, Profile):
        return smoothed(source.part, source.at, which, gradients, source.normals[which], noise)
    unique, back = np.unique(which, return_inverse=True)
    moved = np.zeros((len(unique), 3, next(iter(noise.values())).shape[2]))
    for i, point in enumerate(unique):
        for axis in range(3):
            force = np.zeros((zoned.count, 3))
            force[point, axis] = 1.0
            moved[i, axis] = forced(zoned.back(force), points, noise)
    there = moved[back.ravel()]
    return np.asarray(sum(gradients[:, a, None] * there[:, a] for a in range(3)))


def smoothed(
    part: Smooth, at: object, which: Ints, gradients: Floats, normals: Floats, noise: Noise
) -> Floats | Singles:
    """Return the same of filtered points, or places where the filtered surface is read.

    at       Places; None: the points themselves; else rows of them
    normals  (m, 3) along which the filter moves these
    """
    own, on = noise[part.feature.name], part.filter
    surface = own.shape[1] == 1
    places = which if at is None or isinstance(at, Places) else np.asarray(at)[which]
    if on is not None:
        across = own[:, 0] if surface else (part.normals[:, :, None] * own).sum(axis=1)
        along = (gradients * normals).sum(axis=1)[:, None].astype(np.float32)
        return np.asarray(along * filtered_draws(on, at if isinstance(at, Places) else on.places, places, across))
    if surface:
        return np.asarray((gradients * normals).sum(axis=1)[:, None] * own[places, 0])
    return np.asarray(sum(gradients[:, a, None] * own[places, a] for a in range(3)))


def filtered_draws(on: Filter, at: Places, which: Ints, values: Floats) -> Singles:
    """Return what a filter makes of columns of values (N, B) at some of its places."""
    offsets, columns, weights = rows(on, which, at)
    return sparse_product(offsets, columns.astype(np.int32), weights, np.ascontiguousarray(values, np.float32))
