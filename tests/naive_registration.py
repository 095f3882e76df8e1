# SPDX-License-Identifier: Apache-2.0
"""Slow, obvious twins of the registration kernels."""

from __future__ import annotations

import math

import numpy as np


def normal_equations(source, source_normals, target, target_normals, pose, reach, method, weight):
    """Return JᵀWJ (6, 6), JᵀWe (6,) and the number of pairs, every source point with its nearest target point."""
    hessian, gradient, pairs = np.zeros((6, 6)), np.zeros(6), 0
    for p, u in zip(pose.apply(source), pose.turn(source_normals), strict=True):
        gaps = p - target
        near = int(np.argmin((gaps**2).sum(axis=1)))
        e, n = gaps[near], target_normals[near]
        if (e**2).sum() > reach**2 or not np.isfinite(n).all():
            continue
        cross = np.array([[0, -p[2], p[1]], [p[2], 0, -p[0]], [-p[1], p[0], 0]])
        jacobian = np.hstack([-cross, np.eye(3)])
        both = n + np.sign(n @ u) * u
        both /= np.linalg.norm(both)
        metric = {"point": np.eye(3), "plane": np.outer(n, n), "symmetric": np.outer(both, both)}.get(method)
        if metric is None:
            flat = [np.eye(3) - 0.999 * np.outer(d, d) for d in (n, u)]
            metric = 0.002 * np.linalg.inv(flat[0] + flat[1])
        w = weight(math.sqrt(e @ metric @ e))
        hessian += w * jacobian.T @ metric @ jacobian
        gradient += w * jacobian.T @ metric @ e
        pairs += 1
    return hessian, gradient, pairs


def simple_histogram(points, normals, i, radius):
    """Return the three histograms of point i over its neighbours, one after the other, each summing to 1."""
    counts = np.zeros((3, 11))
    for j in range(len(points)):
        line = points[j] - points[i]
        length = np.linalg.norm(line)
        if j == i or length > radius or length == 0:
            continue
        u, n, d = normals[i], normals[j], line / length
        if abs(u @ d) < abs(n @ d):
            u, n, d = n, u, -d
        v = np.cross(d, u)
        if np.linalg.norm(v) == 0:
            continue
        v /= np.linalg.norm(v)
        w = np.cross(u, v)
        shares = (math.atan2(w @ n, u @ n) / (2 * math.pi) + 0.5, (v @ n + 1) / 2, (u @ d + 1) / 2)
        for row, share in zip(counts, shares, strict=True):
            row[min(max(int(share * 11), 0), 10)] += 1
    return (counts / max(counts[0].sum(), 1)).ravel()


def fast_histogram(points, simple, i, radius):
    """Return the square roots of half the point's own and half its neighbours' histograms, weighted by nearness."""
    total = np.zeros(33)
    for j in range(len(points)):
        length = np.linalg.norm(points[j] - points[i])
        if 0 < length <= radius:
            total += simple[j] / length
    total = total.reshape(3, 11)
    sums = total.sum(axis=1, keepdims=True)
    shares = np.divide(total, sums, out=np.zeros_like(total), where=sums > 0)
    return np.sqrt((simple[i] + shares.ravel()) / 6)


def agree(p, q, n, m, limits):
    """Tell whether two matches, each of a source point p, target point q and normals n and m, share a rigid motion."""
    d, e = p[1] - p[0], q[1] - q[0]
    length = np.linalg.norm(d)
    return (
        abs(length - np.linalg.norm(e)) < limits[0]
        and length > limits[1]
        and abs(n[0] @ n[1] - m[0] @ m[1]) < limits[2]
        and all(abs(n[k] @ d - m[k] @ e) < limits[2] * length for k in (0, 1))
    )


def support(graph):
    """Return for each match the number of agreeing pairs, in order, among those that agree with it."""
    whole = graph.astype(np.int64)
    return (whole * (whole @ whole)).sum(axis=1)
