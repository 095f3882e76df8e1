# SPDX-License-Identifier: Apache-2.0
"""Registration against small_gicp and Open3D: fine, whole (thin out, normals, align), and without a start."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

from bench.harness import THREADS, Race, hold_threads

hold_threads()
import numpy as np  # noqa: E402
from bench.scenes import DATA  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from visionvalley.core import Cloud, Pose  # noqa: E402
from visionvalley.vision.geometry.motion import difference, perturbed  # noqa: E402
from visionvalley.vision.shape.coarse import align_coarse, describe  # noqa: E402
from visionvalley.vision.shape.registration import Alignment, Source, Target, align  # noqa: E402
from visionvalley.vision.shape.voxels import downsample  # noqa: E402

Array = NDArray[np.float64]
NEIGHBOURS = 10
ROUNDS = 30
MOUNTED = Pose.from_rotation_vector(np.array([0.1, 0.05, 0.6]), np.zeros(3))  # see street
STEP_M, STEP_RAD = 1e-3, 0.1 * np.pi / 180  # small_gicp's own defaults: where a descent stops


# ---- scenes
def street(rings: int, columns: int, pose: Pose, seed: int) -> Array:
    """Return a simulated LiDAR scan (N, 3) of a street, in the sensor's frame: ground, walls, boxes, 1 cm of noise.

    The sensor's axes lie along no wall. For most methods that changes nothing, but small_gicp's 'plane' weighs the gap
    along each axis by the normal's part on it: with axes along the walls it is off by 1.4 mm, with others by 35 mm.
    """
    rng = np.random.default_rng(7)
    boxes = np.concatenate([rng.uniform([-50, -9, -1.7], [50, 9, -1.7], (40, 3)), np.zeros((40, 3))], 1)
    boxes[:, 3:] = boxes[:, :3] + rng.uniform([0.3, 0.3, 0.5], [4.5, 2.0, 3.0], (40, 3))
    walls = [[-80, y, -2, -80 + 160, y + 0.5, z] for y, z in ((-12, 6), (11.5, 8))]
    porches = [[x, s * 11.0 - 0.8, -1.7, x + 2.5, s * 11.0 + 0.8, 3.5] for x in range(-60, 60, 13) for s in (-1, 1)]
    boxes = np.concatenate([boxes, walls, porches, [[-90, -60, -2.2, 90, 60, -1.7]]])
    tilt, turn = np.radians(np.linspace(-24.8, 2.0, rings)), np.linspace(-np.pi, np.pi, columns, endpoint=False)
    rays = np.stack(np.broadcast_arrays(np.cos(tilt)[:, None] * np.cos(turn), np.cos(tilt)[:, None] * np.sin(turn)), -1)
    rays = np.concatenate([rays, np.broadcast_to(np.sin(tilt)[:, None, None], (*rays.shape[:2], 1))], -1).reshape(-1, 3)
    depth = _cast(pose.translation_m, pose.turn(rays), boxes)
    seen = (depth > 3) & (depth < 100)
    noise = np.random.default_rng(seed).normal(0, 0.01, len(depth))
    return MOUNTED.apply(rays[seen] * (depth + noise)[seen, None])


def _cast(origin: Array, rays: Array, boxes: Array) -> Array:
    best = np.full(len(rays), np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1 / rays
        for box in boxes:
            near, far = (box[:3] - origin) * inverse, (box[3:] - origin) * inverse
            enter, leave = np.minimum(near, far).max(axis=1), np.maximum(near, far).min(axis=1)
            hit = (enter <= leave) & (enter > 0) & (enter < best)
            best[hit] = enter[hit]
    return best


def kitti(frame: int) -> Array:
    """Return a LiDAR scan of KITTI odometry 00."""
    import laspy

    files = sorted((DATA / "driving/kitti_odometry_00").rglob("*.laz"))
    return np.ascontiguousarray(laspy.read(files[frame]).xyz, np.float64)


# ---- fine
@dataclass(frozen=True)
class Case:
    """Two clouds, the truth where it is known, and the scale at which they are compared."""

    name: str
    source: Array
    target: Array
    cell_m: float
    true: Pose | None
    draws: tuple[Case, ...] = ()  # the same with other noise: one draw says little of which method errs less


def cases() -> Iterator[Case]:
    """Yield the pairs of scans."""
    true = perturbed(Pose.identity(), np.array([0.01, -0.008, 0.05, 0.8, 0.1, 0.02]))
    mounted = MOUNTED @ true @ MOUNTED.inverse()
    for name, rings, columns in (("64 k", 64, 1024), ("1 M", 256, 4096)):
        scan = partial(street, rings, columns)
        cell_m = 0.25 if name == "64 k" else 0.1
        first, *others = (
            Case(f"street {name}", scan(true, s), scan(Pose.identity(), 9 + s), cell_m, mounted)
            for s in range(6 if name == "64 k" else 2)
        )
        yield replace(first, draws=tuple(others))
    if (DATA / "driving/kitti_odometry_00").exists():
        yield Case("KITTI 00, 0 to 1", kitti(1), kitti(0), 0.25, None)


def ours(case: Case, method: str) -> Pose:
    """Thin out, estimate normals, align."""
    source, target = downsample(case.source, case.cell_m)[0], downsample(case.target, case.cell_m)[0]
    moving = Source.of(source, NEIGHBOURS if method == "generalised" else None)
    settings = Alignment(method=method, reach_m=1.0, stop_m=STEP_M / 5, rounds=ROUNDS)  # type: ignore[arg-type]
    return align(moving, Target.of_cloud(Cloud(target), NEIGHBOURS), None, settings).target_from_source


def small(case: Case, method: str) -> Pose:
    """The same with small_gicp."""
    import small_gicp

    done = small_gicp.align(
        case.target,
        case.source,
        registration_type={"plane": "PLANE_ICP", "generalised": "GICP"}[method],
        downsampling_resolution=case.cell_m,
        max_correspondence_distance=1.0,
        num_threads=THREADS,
        max_iterations=ROUNDS,
        rotation_epsilon=STEP_RAD,
        translation_epsilon=STEP_M,
    )
    return rigid(done.T_target_source)


def open3d(case: Case, method: str) -> Pose:
    """The same with Open3D."""
    import open3d as o3d

    way = o3d.pipelines.registration
    clouds = []
    for points in (case.source, case.target):
        cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points)).voxel_down_sample(case.cell_m)
        cloud.estimate_normals(o3d.geometry.KDTreeSearchParamKNN(NEIGHBOURS))
        clouds.append(cloud)
    stop = way.ICPConvergenceCriteria(max_iteration=ROUNDS)
    if method == "plane":
        done = way.registration_icp(*clouds, 1.0, np.eye(4), way.TransformationEstimationPointToPlane(), stop)
    else:
        end = way.TransformationEstimationForGeneralizedICP()
        done = way.registration_generalized_icp(*clouds, 1.0, np.eye(4), end, stop)
    return rigid(done.transformation)


def rigid(matrix: Any) -> Pose:
    """Return a 4 x 4 matrix as a pose, rounding taken out."""
    from visionvalley.vision.geometry.motion import orthonormal

    return Pose(orthonormal(orthonormal(np.asarray(matrix)[:3, :3])), np.asarray(matrix)[:3, 3])


def error_m(pose: Pose, true: Pose) -> float:
    """Return how far a point at 10 m is off."""
    gap = difference(pose, true)
    return float(np.linalg.norm(gap[:3]) * 10 + np.linalg.norm(gap[3:]))


def compare(case: Case, peer: Callable[[Case, str], Pose], method: str, mine: Pose, theirs: Pose) -> str:
    """Say how far both are off on average over the draws; ours must not be worse by more than 1 mm."""
    if case.true is None:
        return f"they differ by {error_m(mine, theirs) * 1e3:.1f} mm"
    both = [(mine, theirs), *((ours(draw, method), peer(draw, method)) for draw in case.draws)]
    a, b = (float(np.mean([error_m(pose, case.true) for pose in poses])) for poses in zip(*both, strict=True))
    assert a <= b + 0.001, f"off by {a * 1e3:.1f} mm, the peer by {b * 1e3:.1f} mm"
    return f"off by {a * 1e3:.1f} and {b * 1e3:.1f} mm"


# ---- without a start
@dataclass(frozen=True)
class Puzzle:
    """Pairs of scans of one part with the true motion of each."""

    name: str
    scans: list[Array]
    poses: list[Pose]
    pairs: list[tuple[int, int]]
    cell_m: float


def bunny() -> Puzzle:
    """Return the pairs of the ten bunny scans that truly overlap by 0.4 or more."""
    from scipy.spatial import cKDTree

    folder = DATA / "objects/bunny_scans"
    rows = [line.split() for line in (folder / "bun.conf").read_text().splitlines() if line.startswith("bmesh")]
    poses = [rigid(_pose_of(np.array(row[2:], float))) for row in rows]
    scans = [_vertices(folder / row[1]) for row in rows]
    placed = [pose.apply(scan)[::8] for pose, scan in zip(poses, scans, strict=True)]
    pairs = [
        (a, b)
        for a, b in combinations(range(len(scans)), 2)
        if (cKDTree(placed[b]).query(placed[a])[0] < 0.002).mean() > 0.4
    ]
    return Puzzle("bunny", scans, poses, pairs, 0.0035)


def views() -> Puzzle:
    """Return simulated views, from all around, of a part of boxes and cylinders, 30 µm of noise."""
    import trimesh

    shift = trimesh.transformations.translation_matrix
    part = trimesh.util.concatenate(
        [
            trimesh.creation.box([0.1, 0.06, 0.02]),
            trimesh.creation.cylinder(0.012, 0.05, transform=shift([0.03, 0.01, 0.03])),
            trimesh.creation.box([0.015, 0.05, 0.04], shift([-0.035, 0, 0.025])),
            trimesh.creation.icosphere(3, 0.014).apply_translation([0.0, -0.018, 0.012]),
        ]
    )
    import open3d as o3d

    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(np.asarray(part.vertices, np.float32), np.asarray(part.faces, np.uint32))
    scans, poses = [], []
    for i in range(8):
        rng = np.random.default_rng(i)
        eye = np.array([np.cos(i * 0.6), np.sin(i * 0.6), 0.9]) * 0.25
        rays = scene.create_rays_pinhole(30, [0, 0, 0], eye, [0, 0, 1], 260, 260)
        t = scene.cast_rays(rays)["t_hit"].numpy().ravel()
        r = rays.numpy().reshape(-1, 6).astype(float)[np.isfinite(t)]
        points = r[:, :3] + r[:, 3:] * t[np.isfinite(t)][:, None] + rng.normal(0, 3e-5, (len(r), 3))
        pose = perturbed(Pose.identity(), np.r_[rng.normal(size=3), rng.normal(size=3) * 0.1])
        scans.append(pose.inverse().apply(points))
        poses.append(pose)
    return Puzzle("part views", scans, poses, [(i, i + 1) for i in range(7)], 0.0025)


def _vertices(file: Any) -> Array:
    lines = file.read_text().splitlines()
    count = next(int(line.split()[2]) for line in lines if line.startswith("element vertex"))
    begin = lines.index("end_header") + 1
    return np.array([line.split()[:3] for line in lines[begin : begin + count]], float)


def _pose_of(row: Array) -> Array:
    x, y, z, w = row[3:] / np.linalg.norm(row[3:])
    turned = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turned.T, row[:3]
    return matrix


def solved(puzzle: Puzzle, found: list[Pose]) -> int:
    """Return how many pairs lie within five cells of the truth, root mean square."""
    count = 0
    for (a, b), pose in zip(puzzle.pairs, found, strict=True):
        true = puzzle.poses[b].inverse() @ puzzle.poses[a]
        gaps = pose.apply(puzzle.scans[a]) - true.apply(puzzle.scans[a])
        count += bool(np.sqrt((gaps * gaps).sum(1).mean()) < 5 * puzzle.cell_m)
    return count


def ours_coarse(puzzle: Puzzle) -> list[Pose]:
    """Describe each pair anew, as the peer does, and search."""
    found = []
    for a, b in puzzle.pairs:
        one, other = (describe(Cloud(puzzle.scans[i]), puzzle.cell_m) for i in (a, b))
        found.append(align_coarse(one, other, puzzle.cell_m).target_from_source)
    return found


def open3d_coarse(puzzle: Puzzle, way: str) -> list[Pose]:
    """Open3D's own recipe: FPFH at five cells, then RANSAC or fast global registration."""
    import open3d as o3d

    reg, cell = o3d.pipelines.registration, puzzle.cell_m
    o3d.utility.random.seed(0)
    found = []
    for pair in puzzle.pairs:
        clouds, features = [], []
        for i in pair:
            cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(puzzle.scans[i])).voxel_down_sample(cell)
            cloud.estimate_normals(o3d.geometry.KDTreeSearchParamHybrid(cell * 2, 30))
            cloud.orient_normals_consistent_tangent_plane(8)
            clouds.append(cloud)
            features.append(reg.compute_fpfh_feature(cloud, o3d.geometry.KDTreeSearchParamHybrid(cell * 5, 100)))
        if way == "RANSAC":
            checks = [
                reg.CorrespondenceCheckerBasedOnEdgeLength(0.9),
                reg.CorrespondenceCheckerBasedOnDistance(cell * 1.5),
            ]
            done = reg.registration_ransac_based_on_feature_matching(
                *clouds,
                *features,
                True,
                cell * 1.5,
                reg.TransformationEstimationPointToPoint(False),
                3,
                checks,
                reg.RANSACConvergenceCriteria(100_000, 0.999),
            )
        else:
            option = reg.FastGlobalRegistrationOption(maximum_correspondence_distance=cell * 0.5)
            done = reg.registration_fgr_based_on_feature_matching(*clouds, *features, option)
        found.append(rigid(done.transformation))
    return found


def recall(puzzle: Puzzle, mine: list[Pose], theirs: list[Pose]) -> str:
    """Say how many pairs each solved; ours must not be fewer."""
    a, b = solved(puzzle, mine), solved(puzzle, theirs)
    assert a >= b, f"{a} of {len(mine)} solved, the peer {b}"
    return f"{a} and {b} of {len(mine)} solved"


def races() -> Iterator[Race]:
    """Yield the races of this room."""
    for case in cases():
        for method in ("plane", "generalised"):
            mine: Callable[[], Any] = partial(ours, case, method)
            name = f"{method} ICP, whole"
            for peer, peer_name, least in ((small, "small_gicp", 2.0), (open3d, "Open3D", 3.0)):
                check = partial(compare, case, peer, method)
                yield Race(name, case.name, mine, partial(peer, case, method), peer_name, least, check)
    puzzles = [views(), *([bunny()] if (DATA / "objects/bunny_scans").exists() else [])]
    for puzzle in puzzles:
        for way, least in (("RANSAC", 5.0), ("fast global", 1.5)):
            rival = partial(open3d_coarse, puzzle, way)
            size = f"{puzzle.name}, {len(puzzle.pairs)} pairs"
            name = "without a start"
            check = partial(recall, puzzle)
            yield Race(name, size, partial(ours_coarse, puzzle), rival, f"Open3D {way}", least, check, research=True)


if __name__ == "__main__":
    from bench.harness import HEAD, row, run

    print(HEAD)
    for race in races():
        if all(word in f"{race.name} {race.size} {race.peer_name}" for word in sys.argv[1:]):
            print(row(run(race, 4.0)), flush=True)
