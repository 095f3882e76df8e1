# SPDX-License-Identifier: Apache-2.0
"""Small rigid motions: the left perturbation (ω rad, t m), p' = exp(ω) p + t, that all covariances here speak of."""

from __future__ import annotations

import math

import numpy as np

from visionvalley.core import Pose
from visionvalley.core.arrays import Floats
from visionvalley.vision.geometry.symmetric import eigen, gram, product


def cross_matrix(v: Floats) -> Floats:
    """Return (3, 3) [v]ₓ with [v]ₓ u = v × u."""
    return np.array([[0.0, -v[2], v[1]], [v[2], 0.0, -v[0]], [-v[1], v[0], 0.0]])


def perturbed(pose: Pose, delta: Floats) -> Pose:
    """Return the pose after a small motion of its target frame; delta (6,) is (ω rad, t m)."""
    moved = Pose.from_rotation_vector(np.asarray(delta[:3]), np.asarray(delta[3:])) @ pose
    return Pose(orthonormal(moved.rotation), moved.translation_m)


def difference(pose: Pose, reference: Pose) -> Floats:
    """Return the delta (6,), (ω rad, t m), with perturbed(reference, delta) = pose."""
    step = pose @ reference.inverse()
    return np.concatenate([rotation_vector(step.rotation), step.translation_m])


def rotation_vector(rotation: Floats) -> Floats:
    """Return ω (3,) rad, |ω| <= pi, with exp(ω) = rotation; inverse of Rodrigues' formula."""
    r = np.asarray(rotation)
    axis = 0.5 * np.array([r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]])
    sine = math.sqrt(float((axis * axis).sum()))
    cosine = 0.5 * (float(r[0, 0] + r[1, 1] + r[2, 2]) - 1.0)
    angle = math.atan2(sine, cosine)
    if sine > 1e-6:
        return axis * (angle / sine)
    if cosine > 0:
        return axis
    square = 0.5 * (r + r.T) + np.eye(3)  # 2 a aᵀ at half a turn
    column = square[:, int(np.argmax(np.diag(square)))]
    unit = column / math.sqrt(float((column * column).sum()))
    return unit * (angle if float((unit * axis).sum()) >= 0 else -angle)


def orthonormal(rotation: Floats) -> Floats:
    """Return a nearly orthonormal (3, 3) matrix made orthonormal to rounding: one Newton step to the polar factor."""
    r = np.asarray(rotation)
    return product(r, 1.5 * np.eye(3) - 0.5 * product(r.T, r))


def nearest_rotation(correlation: Floats) -> Floats:
    """Return the rotation (3, 3) with the largest trace(rotationᵀ correlation); Horn 1987, unit quaternions."""
    s = np.asarray(correlation, np.float64).T
    x, y, z = s[1, 2] - s[2, 1], s[2, 0] - s[0, 2], s[0, 1] - s[1, 0]
    n = np.zeros((4, 4))
    n[0, 0] = s[0, 0] + s[1, 1] + s[2, 2]
    n[0, 1:] = n[1:, 0] = (x, y, z)
    n[1:, 1:] = s + s.T - n[0, 0] * np.eye(3)
    w, x, y, z = eigen(n)[1][:, 3]
    return orthonormal(
        np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )
    )


def best_motion(source_m: Floats, target_m: Floats, weights: Floats | None = None) -> Pose:
    """Return `target_from_source` with the least sum of squared gaps of (N, 3) point pairs."""
    w = np.ones(len(source_m)) if weights is None else np.asarray(weights)
    w = (w / w.sum())[:, None]
    source_mid, target_mid = (source_m * w).sum(axis=0), (target_m * w).sum(axis=0)
    rotation = nearest_rotation(gram(w * (target_m - target_mid), source_m - source_mid))
    return Pose(rotation, target_mid - product(rotation, source_mid[:, None])[:, 0])


def adjoint(pose: Pose) -> Floats:
    """Return the (6, 6) matrix that takes a small motion (ω, t) of frame a, of `b_from_a`, to frame b."""
    whole = np.zeros((6, 6))
    whole[:3, :3] = whole[3:, 3:] = pose.rotation
    whole[3:, :3] = product(cross_matrix(pose.translation_m), pose.rotation)
    return whole


def moved_covariance(covariance: Floats, b_from_a: Pose) -> Floats:
    """Return a pose covariance (6, 6), left perturbation in frame a, as it is in frame b."""
    by = adjoint(b_from_a)
    return product(by, covariance, by.T)
