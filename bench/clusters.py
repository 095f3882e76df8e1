# SPDX-License-Identifier: Apache-2.0
"""Clusters, primitives and farthest points against Open3D."""

from collections.abc import Callable, Iterator

import numpy as np
import open3d as o3d
from scipy.spatial import cKDTree

import scenes
from harness import Race
from visionvalley.vision.shape.clusters import dbscan


def cloud_of(points_m: np.ndarray) -> o3d.geometry.PointCloud:
    """Return the peer's own cloud."""
    return o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points_m))


def same_clusters(points_m: np.ndarray, reach_m: float, least: int) -> Callable[[np.ndarray, object], str]:
    """Return a check that core points are parted alike and noise is the same."""

    def check(ours: np.ndarray, theirs: object) -> str:
        peer = np.asarray(theirs)
        core = cKDTree(points_m).query_ball_point(points_m, reach_m, return_length=True) >= least
        pairs = set(zip(ours[core].tolist(), peer[core].tolist(), strict=True))
        assert len(pairs) == ours.max() + 1 == peer.max() + 1, "core points are parted otherwise"
        assert not ((ours < 0) != (peer < 0)).any(), "noise differs"
        return f"the same {len(pairs)} clusters"

    return check


def cluster_races() -> Iterator[Race]:
    """DBSCAN of 64 k points, with many and with few neighbours a point."""
    for scene, points, reach_m, least, asked in (
        ("7-Scenes room", scenes.seven_scenes(0, 65_536), 0.1, 20, 50.0),
        ("simulated room", scenes.room(65_536), 0.2, 10, 50.0),
        ("KITTI scan", scenes.kitti(0, 65_536), 0.5, 10, None),
        ("7-Scenes room", scenes.seven_scenes(0, 65_536), 0.05, 10, None),
        ("KITTI scan", scenes.kitti(1, 65_536), 0.3, 5, None),
        ("simulated room", scenes.room(65_536), 0.05, 10, None),
    ):
        around = cKDTree(points).query_ball_point(points[::64], reach_m, return_length=True).mean()
        yield Race(
            name=f"DBSCAN, {scene}, {reach_m:g} m, {around:.0f} neighbours a point",
            size="64 k points",
            ours=lambda points=points, reach_m=reach_m, least=least: dbscan(points, reach_m, least),
            peer=lambda cloud=cloud_of(points), reach_m=reach_m, least=least: cloud.cluster_dbscan(reach_m, least),
            peer_name="Open3D",
            least_ratio=asked,
            check=same_clusters(points, reach_m, least),
        )


def races() -> Iterator[Race]:
    """All races of this table."""
    yield from cluster_races()
