# SPDX-License-Identifier: Apache-2.0
"""Clouds for races: real scans from the data folder, and simulated ones where it is absent."""

import os
from pathlib import Path

import numpy as np

DATA = Path(os.environ.get("VALLEY_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


def picked(points_m: np.ndarray, count: int | None, seed: int = 0) -> np.ndarray:
    """Return at most `count` of the finite points, in their order."""
    points = points_m[np.isfinite(points_m).all(axis=1)]
    if count is None or count >= len(points):
        return np.ascontiguousarray(points, np.float64)
    index = np.random.default_rng(seed).choice(len(points), count, replace=False)
    return np.ascontiguousarray(points[np.sort(index)], np.float64)


def kitti(frame: int, count: int | None = None) -> np.ndarray:
    """Return a LiDAR scan of a street, in its order, metres."""
    raw = np.fromfile(DATA / f"driving/kitti_object/velodyne/{frame:06d}.bin", np.float32).reshape(-1, 4)
    return picked(raw[:, :3].astype(np.float64), count)


def seven_scenes(frame: int, count: int | None = None) -> np.ndarray:
    """Return a depth camera's view of a room, metres."""
    import open3d as o3d

    depth = np.asarray(o3d.io.read_image(str(DATA / f"rgbd/7scenes/frame-{frame:06d}.depth.png"))) / 1000.0
    v, u = np.nonzero((depth > 0) & (depth < 60))
    z = depth[v, u]
    return picked(np.stack([(u - 320) * z / 585, (v - 240) * z / 585, z], axis=1), count)


def pcl(name: str, count: int | None = None) -> np.ndarray:
    """Return a scan of the Point Cloud Library's collection, metres."""
    import open3d as o3d

    return picked(np.asarray(o3d.io.read_point_cloud(str(DATA / "objects/pcl" / name)).points), count)


def room(count: int, seed: int = 0, noise_m: float = 0.003) -> np.ndarray:
    """Return noisy points on the floor, walls and boxes of a room, shuffled."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(-1, 1, size=(count, 3)) * [3.0, 2.0, 1.25]
    wall = rng.integers(0, 5, count)
    for axis, side, at in ((2, -1.25, 0), (0, -3.0, 1), (1, -2.0, 2), (1, 2.0, 3)):
        place[wall == at, axis] = side
    box = wall == 4
    centre = rng.uniform(-1, 1, size=(12, 3))[rng.integers(0, 12, count)] * [2.5, 1.5, 0.8]
    onto = np.argmax(np.abs(place / [3.0, 2.0, 1.25]), axis=1)
    shell = place / np.abs(place / [3.0, 2.0, 1.25])[np.arange(count), onto][:, None] * 0.1
    place[box] = (centre + shell)[box]
    return place + rng.normal(0, noise_m, size=(count, 3))
