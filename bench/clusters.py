# SPDX-License-Identifier: Apache-2.0
"""Clusters, primitives and farthest points against Open3D."""

from collections.abc import Callable, Iterator

import numpy as np
import open3d as o3d
from scipy.spatial import cKDTree

import scenes
from harness import Race
from visionvalley.vision.shape.clusters import dbscan
from visionvalley.vision.shape.primitives import Found, find_plane
from visionvalley.vision.shape.sampling import farthest_points

HYPOTHESES = 1000


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


def peer_plane(cloud: o3d.geometry.PointCloud, reach_m: float, seed: int) -> tuple[np.ndarray, list[int]]:
    """Return the peer's plane and its inliers; with a probability of one it tries all hypotheses."""
    o3d.utility.random.seed(seed)
    return cloud.segment_plane(reach_m, 3, HYPOTHESES, probability=1.0)


def as_many_inliers(points_m: np.ndarray, reach_m: float, seeds: int) -> Callable[[object, object], str]:
    """Return a check that our planes hold no fewer points than the peer's, in the mean over seeds."""

    def check(one: Found, another: object) -> str:
        gap = np.abs(points_m @ one.parameters[:3] + one.parameters[3])
        assert one.count == (gap <= reach_m).sum(), "the inliers are not those of the plane"
        cloud = cloud_of(points_m)
        ours = [find_plane(points_m, reach_m, HYPOTHESES, seed).count for seed in range(seeds)]
        peer = [len(peer_plane(cloud, reach_m, seed)[1]) for seed in range(seeds)]
        assert np.mean(ours) >= np.mean(peer), f"{np.mean(ours):.0f} inliers, the peer {np.mean(peer):.0f}"
        worst = f"least {min(ours)} : {min(peer)}"
        return f"inliers {np.mean(ours):.0f} : {np.mean(peer):.0f}, {worst} ({seeds} seeds)"

    return check


def plane_races() -> Iterator[Race]:
    """The plane with the most points, 1000 hypotheses: large clouds, and real scans with many seeds."""
    for scene, points, reach_m, seeds, asked in (
        ("simulated room", scenes.room(1_000_000), 0.01, 2, 40.0),
        ("3 KITTI scans", kitti_scans(), 0.1, 2, 40.0),
        ("KITTI scan", scenes.kitti(0, 65_536), 0.1, 10, None),
        ("KITTI scan", scenes.kitti(2, 65_536), 0.05, 10, None),
        ("7-Scenes room", scenes.seven_scenes(0, 65_536), 0.01, 10, None),
        ("PCL room", scenes.pcl("room_scan1.pcd", 65_536), 0.02, 10, None),
    ):
        yield Race(
            name=f"RANSAC plane, {scene}, {reach_m:g} m",
            size="1 M points" if len(points) > 900_000 else f"{len(points) // 1024} k points",
            ours=lambda points=points, reach_m=reach_m: find_plane(points, reach_m, HYPOTHESES),
            peer=lambda cloud=cloud_of(points), reach_m=reach_m: peer_plane(cloud, reach_m, 0),
            peer_name="Open3D",
            least_ratio=asked,
            check=as_many_inliers(points, reach_m, seeds),
        )


def kitti_scans() -> np.ndarray:
    """Return a million points of three scans, each several times with noise of the sensor's own size, shuffled."""
    rng = np.random.default_rng(0)
    scans = np.concatenate([scenes.kitti(frame) for frame in range(3)])
    points = scans[rng.integers(0, len(scans), 1_000_000)]
    return points + rng.normal(0, 0.02, points.shape)


def same_points(points_m: np.ndarray) -> Callable[[object, object], str]:
    """Return a check that the same points were chosen."""

    def check(rows: np.ndarray, theirs: o3d.geometry.PointCloud) -> str:
        ours, peer = set(map(tuple, points_m[rows])), set(map(tuple, np.asarray(theirs.points)))
        assert ours == peer, f"{len(ours ^ peer)} points differ"
        return "the same points"

    return check


def farthest_races() -> Iterator[Race]:
    """Few and many points far from one another."""
    for scene, points, count in (
        ("7-Scenes room", scenes.seven_scenes(0), 1000),
        ("KITTI scan", scenes.kitti(0), 1000),
        ("KITTI scan", scenes.kitti(0), 10_000),
        ("simulated room", scenes.room(1_000_000), 1000),
    ):
        yield Race(
            name=f"{count} farthest points, {scene}",
            size="1 M points" if len(points) > 900_000 else f"{len(points) // 1024} k points",
            ours=lambda points=points, count=count: farthest_points(points, count, 0),
            peer=lambda cloud=cloud_of(points), count=count: cloud.farthest_point_down_sample(count),
            peer_name="Open3D",
            least_ratio=None,
            check=same_points(points),
        )


def races() -> Iterator[Race]:
    """All races of this table."""
    yield from cluster_races()
    yield from plane_races()
    yield from farthest_races()
