# SPDX-License-Identifier: Apache-2.0
"""Scans from several sides, put together."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from visionvalley.core import BadInput, Cloud, Pose
from visionvalley.core.arrays import Floats
from visionvalley.vision.geometry.directions import sphere_of_directions
from visionvalley.vision.shape.surfaces import SurfaceIndex
from visionvalley.vision.simulation.depth_sensor import DepthSensor, Scan, scan


def looking_at(eye_m: Floats, target_m: Floats) -> Pose:
    """Return `camera_from_part` of a camera at `eye_m` whose z axis points to `target_m`, both part frame."""
    eye, target = np.asarray(eye_m, np.float64), np.asarray(target_m, np.float64)
    forward = target - eye
    length = math.sqrt(float((forward * forward).sum()))
    if not length > 0:
        raise BadInput("simulation.no_direction")
    z = forward / length
    helper = np.array([0.0, 0.0, 1.0]) if abs(z[2]) < 0.9 else np.array([0.0, 1.0, 0.0])
    x = np.cross(z, helper)
    x = x / math.sqrt(float((x * x).sum()))
    rotation = np.stack([x, np.cross(z, x), z])
    return Pose(rotation, -np.array([float((row * eye).sum()) for row in rotation]))


def scan_around(
    surface: SurfaceIndex, sensor: DepthSensor, distance_m: float, views: int, seed: int = 0
) -> tuple[Scan, ...]:
    """Return scans from `views` directions around a part, each from `distance_m` off its middle."""
    middle = (surface.vertices_m.min(axis=0) + surface.vertices_m.max(axis=0)) / 2
    poses = [looking_at(middle + distance_m * way, middle) for way in sphere_of_directions(views)]
    return tuple(scan(surface, pose, sensor, seed + number) for number, pose in enumerate(poses))


def merged(scans: Sequence[Scan], frame_from_part: Pose | None = None) -> Cloud:
    """Return all points of scans in one frame (the part's, where none is given), as a perfect turntable would."""
    to_frame = frame_from_part or Pose.identity()
    clouds = [one.cloud.moved(to_frame @ one.camera_from_part.inverse()) for one in scans]
    return Cloud(np.concatenate([cloud.points_m for cloud in clouds]))
