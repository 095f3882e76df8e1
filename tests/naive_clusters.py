# SPDX-License-Identifier: Apache-2.0
"""Clusters in the plainest way: all pairs, and a walk over the core points."""

import numpy as np


def dbscan(points_m, reach_m, least):
    """Ester et al. 1996, border points to their nearest core point, clusters numbered by first point."""
    points = np.asarray(points_m, float)
    squares = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    near = squares <= reach_m**2
    core = near.sum(axis=1) >= least
    labels = np.full(len(points), -1)
    for seed in np.flatnonzero(core):
        waiting = [seed] if labels[seed] < 0 else []
        while waiting:
            one = waiting.pop()
            labels[one] = seed
            waiting += [j for j in np.flatnonzero(near[one] & core) if labels[j] < 0]
    for i in np.flatnonzero(~core & (near & core).any(axis=1)):
        labels[i] = labels[np.where(core, squares[i], np.inf).argmin()]
    return numbered(labels)


def numbered(labels):
    """Number labels that are not -1 by their first point."""
    names = {}
    return np.array([-1 if one < 0 else names.setdefault(one, len(names)) for one in labels], np.int32)
