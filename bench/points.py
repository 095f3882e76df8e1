# SPDX-License-Identifier: Apache-2.0
"""Voxels, neighbours, normals and outliers against small_gicp and Open3D.

`python -m bench points` races; `python bench/points.py` prints how cost grows with size and threads.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import scenes
from harness import THREADS, Race
from visionvalley.vision.shape.neighbours import Neighbours, build_index, nearest
from visionvalley.vision.shape.normals import normals
from visionvalley.vision.shape.outliers import statistical_inliers
from visionvalley.vision.shape.voxels import downsample

LEVELS = (100_000, 1_000_000, 10_000_000)


def structured_light(count: int, seed: int = 0) -> np.ndarray:
    """Return what a camera with square pixels sees of a wavy part 0.4 m away, row by row, with 20 µm of noise."""
    side = int(count**0.5)
    u, v = np.meshgrid(np.linspace(-0.5, 0.5, side), np.linspace(-0.5, 0.5, side))
    depth = 0.4 + 0.03 * np.sin(9 * u) * np.cos(7 * v) + 0.02 * ((u * u + v * v) < 0.04)
    depth = depth + np.random.default_rng(seed).normal(0, 2e-5, depth.shape)
    return np.stack([u * depth, v * depth, depth], axis=-1).reshape(-1, 3)


def bunny() -> np.ndarray:
    """Return the vertices of the Stanford bunny's ten scans, one after the other, each in its own frame."""
    scans = []
    for file in sorted((scenes.DATA / "objects/bunny_scans").glob("**/*.ply")):
        lines = file.read_text(encoding="ascii", errors="replace").splitlines()
        if "zipper" in file.name or not lines:
            continue
        vertices = next(int(line.split()[2]) for line in lines if line.startswith("element vertex"))
        start = lines.index("end_header") + 1
        scans.append(np.array([line.split()[:3] for line in lines[start : start + vertices]], np.float64))
    return np.vstack(scans)


def clouds() -> Iterator[tuple[str, np.ndarray, float]]:
    """Yield name, points and a cell that leaves about a tenth, of each cloud that is raced on."""
    scan = structured_light(1_000_000)
    yield "scan order, 1 M", scan, 0.0014
    yield "shuffled, 1 M", scan[np.random.default_rng(1).permutation(len(scan))], 0.0014
    if scenes.DATA.exists():
        yield "KITTI scan", scenes.kitti(0), 0.3
        yield "bunny scans", bunny(), 0.002


def near_same_size(ours: tuple[np.ndarray, np.ndarray], theirs: int, slack: float) -> str:
    """Check that as many cells are left."""
    assert abs(len(ours[0]) - theirs) <= slack * theirs, f"{len(ours[0])} cells, the peer has {theirs}"
    return f"{len(ours[0])} and {theirs} cells"


def same_distances(ours: Neighbours, theirs: tuple[np.ndarray, np.ndarray]) -> str:
    """Check the distances of all neighbours; small_gicp returns their squares."""
    peer = np.sqrt(np.asarray(theirs[1]).reshape(ours.distance_m.shape))
    worst = float(np.abs(ours.distance_m - peer).max())
    assert worst < 1e-5 * max(float(peer.max()), 1.0), f"distances differ by {worst:.2g} m"
    return f"distances within {worst:.1g} m"


def same_normals(ours: np.ndarray, theirs: np.ndarray) -> str:
    """Check that nearly all normals are parallel: the two differ where neighbours lie all but equally far."""
    told = np.isfinite(ours).all(axis=1)
    parallel = np.abs((ours[told] * theirs[told, :3]).sum(axis=1)) > 0.999
    assert told.mean() > 0.999
    assert parallel.mean() > 0.995, f"only {parallel.mean():.2%} of the normals are parallel"
    return f"{parallel.mean():.3%} parallel"


def races() -> Iterator[Race]:
    """Race on each cloud."""
    for name, points, cell_m in clouds():
        promised = name.endswith("1 M")
        yield from _voxel_races(name, points, cell_m, promised)
        yield from _index_races(name, points, promised)


def _voxel_races(name: str, points: np.ndarray, cell_m: float, promised: bool) -> Iterator[Race]:
    import open3d as o3d
    import small_gicp

    cloud, packed = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points)), small_gicp.PointCloud(points)
    yield Race(
        "voxel downsample",
        name,
        lambda: downsample(points, cell_m),
        lambda: small_gicp.voxelgrid_sampling(packed, cell_m, num_threads=THREADS),
        "small_gicp",
        3.0 if promised else None,
        lambda ours, theirs: near_same_size(ours, theirs.size(), 0.15),
    )
    yield Race(
        "voxel downsample",
        name,
        lambda: downsample(points, cell_m),
        lambda: cloud.voxel_down_sample(cell_m),
        "Open3D",
        5.0 if promised else None,
        lambda ours, theirs: near_same_size(ours, len(theirs.points), 0.05),
    )
    yield Race(
        "statistical outlier removal, k = 20",
        name,
        lambda: np.flatnonzero(statistical_inliers(points, 20, 2.0)),
        lambda: cloud.remove_statistical_outlier(20, 2.0)[1],
        "Open3D",
        3.0 if promised else None,
        lambda ours, theirs: _same_rows(ours, np.asarray(theirs)),
    )


def _same_rows(ours: np.ndarray, theirs: np.ndarray) -> str:
    other = len(np.setxor1d(ours, theirs))
    assert other <= 1e-4 * len(ours), f"{other} points are judged otherwise"
    return f"{len(ours)} kept, {other} judged otherwise"


def _index_races(name: str, points: np.ndarray, promised: bool) -> Iterator[Race]:
    import small_gicp

    packed = small_gicp.PointCloud(points)
    size_m = float(np.linalg.norm(np.ptp(points, axis=0)))
    again = points + np.random.default_rng(2).normal(0, 1e-4 * size_m, points.shape)
    index, tree = build_index(points), small_gicp.KdTree(packed, num_threads=THREADS)
    scan = "shuffled" not in name

    def peer_normals() -> np.ndarray:
        small_gicp.estimate_normals(packed, small_gicp.KdTree(packed, num_threads=THREADS), 20, num_threads=THREADS)
        return np.asarray(packed.normals())

    yield Race(
        "index build",
        name,
        lambda: build_index(points),
        lambda: small_gicp.KdTree(packed, num_threads=THREADS),
        "small_gicp",
        3.0 if promised else None,
        lambda ours, theirs: f"{ours.count} points",
    )
    yield Race(
        "nearest, k = 20",
        name,
        lambda: nearest(index, points, 20),
        lambda: tree.batch_knn_search(points, 20, num_threads=THREADS),
        "small_gicp",
        (1.9 if scan else 4.0) if promised else None,
        same_distances,
    )
    yield Race(
        "nearest, k = 1",
        name,
        lambda: nearest(index, again, 1),
        lambda: tree.batch_nearest_neighbor_search(again, num_threads=THREADS),
        "small_gicp",
        1.3 if promised and scan else None,
        same_distances,
        research=True,
    )
    yield Race(
        "normals, k = 20, with build",
        name,
        lambda: normals(points, 20),
        peer_normals,
        "small_gicp",
        1.8 if promised else None,
        same_normals,
    )


# ---- growth
TASKS: dict[str, Callable[[np.ndarray], object]] = {
    "voxels": lambda points: downsample(points, float(np.ptp(points[:, 0])) / len(points) ** 0.5 * 3),
    "index": build_index,
    "normals": lambda points: normals(points, 20),
}


def _seconds(work: Callable[[np.ndarray], object], points: np.ndarray, rounds: int = 3) -> float:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work(points)
        taken.append(time.perf_counter() - began)
    return min(taken)


def _peak_bytes() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def measure(task: str, count: int) -> str:
    """Return seconds and bytes a point of memory beyond the input, in this process."""
    points = structured_light(count)
    TASKS[task](points[:2000])
    before = _peak_bytes()
    seconds = _seconds(TASKS[task], points, 1 if count > 5_000_000 else 3)
    return f"{seconds} {max(_peak_bytes() - before, 0) / len(points)}"


def growth() -> None:
    """Print cost by size and by threads, each measured in a process of its own."""
    print("| task | threads | " + " | ".join(f"{n:,}" for n in LEVELS) + " | slope | bytes a point |")
    print("|---|---|" + "---|" * (len(LEVELS) + 2))
    for task in TASKS:
        for threads in (1, THREADS):
            found = [_apart(task, count, threads) for count in LEVELS]
            seconds = [one[0] for one in found]
            slope = np.log10(seconds[-1] / seconds[0]) / np.log10(LEVELS[-1] / LEVELS[0])
            cells = " | ".join(f"{s * 1e3:.0f} ms" for s in seconds)
            print(f"| {task} | {threads} | {cells} | {slope:.2f} | {found[-1][1]:.0f} |", flush=True)


def _apart(task: str, count: int, threads: int) -> tuple[float, float]:
    environment = {**os.environ, "VALLEY_THREADS": str(threads)}
    command = [sys.executable, __file__, task, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    seconds, memory = done.stdout.split()
    return float(seconds), float(memory)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(measure(sys.argv[1], int(sys.argv[2])))
    else:
        growth()
