# SPDX-License-Identifier: Apache-2.0
"""Distances, rays, depth, sections and the tree below them, against Open3D (Embree) and trimesh."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import open3d as o3d
import trimesh

from harness import THREADS, Race
from visionvalley.core import Camera, Mesh, Pose
from visionvalley.kernels import bvh
from visionvalley.vision.shape.distances import signed_distance_m
from visionvalley.vision.shape.raster import render_depth
from visionvalley.vision.shape.rays import cast
from visionvalley.vision.shape.sections import sections
from visionvalley.vision.shape.surfaces import index_surface

SIZES = ((450, 225, "203 k triangles"), (940, 470, "884 k triangles"))
CAMERA = Camera(640, 480, 600.0, 600.0, 319.5, 239.5)
CAMERA_FROM_MESH = Pose.from_rotation_vector(np.array([0.7, 0.2, 0.1]), np.array([0, 0, 0.13]))


def wavy_torus(columns: int, rows: int, size_m: float = 0.05) -> Mesh:
    """Return a closed surface with waves of several lengths; vertices survive float32, for equal input."""
    u = (np.arange(columns) / columns * 2 * np.pi)[:, None]
    v = (np.arange(rows) / rows * 2 * np.pi)[None, :]
    tube = 0.3 + 0.05 * np.sin(9 * u + 3 * v) + 0.005 * np.sin(60 * u) * np.cos(40 * v)
    ring = 1 + 0.2 * np.cos(3 * u) + tube * np.cos(v)
    points = np.stack([ring * np.cos(u), ring * np.sin(u), tube * np.sin(v) + 0.3 * np.sin(2 * u)], -1) * size_m
    i, j = np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij")
    a, b, c, d = (((i + p) % columns) * rows + (j + q) % rows for p, q in ((0, 0), (1, 0), (1, 1), (0, 1)))
    faces = np.concatenate([np.stack(corners, -1).reshape(-1, 3) for corners in ((a, b, c), (a, c, d))])
    return Mesh(points.reshape(-1, 3).astype(np.float32).astype(np.float64), faces.astype(np.int32))


def peer_scene(mesh: Mesh) -> Any:
    """Return the peer's own scene, its tree built."""
    scene = o3d.t.geometry.RaycastingScene(nthreads=THREADS)
    scene.add_triangles(
        o3d.core.Tensor(mesh.vertices_m.astype(np.float32)), o3d.core.Tensor(mesh.faces.astype(np.uint32))
    )
    scene.cast_rays(o3d.core.Tensor(np.zeros((1, 6), np.float32)), nthreads=THREADS)
    return scene


def queries(mesh: Mesh, count: int = 1_000_000) -> dict[str, np.ndarray]:
    """Return points near the surface (0.2 mm) and in its box, in no order, as float32 holds them."""
    random = np.random.default_rng(0)
    faces, weights = random.integers(0, len(mesh.faces), count), random.dirichlet((1, 1, 1), count)
    near = (mesh.vertices_m[mesh.faces[faces]] * weights[:, :, None]).sum(axis=1) + random.normal(0, 2e-4, (count, 3))
    volume = random.uniform(mesh.vertices_m.min(axis=0), mesh.vertices_m.max(axis=0), (count, 3))
    return {"near the surface": near.astype(np.float32), "in the volume": volume.astype(np.float32)}


def distance_races(mesh: Mesh, size: str) -> Iterator[Race]:
    """Signed closest distance of 1 M points."""
    surface, scene = index_surface(mesh), peer_scene(mesh)
    for (where, points), asked in zip(queries(mesh).items(), (4.5, 8.0), strict=True):

        def check(ours: np.ndarray, theirs: Any) -> str:
            peer = theirs.numpy()
            gap = float(np.abs(np.abs(ours) - np.abs(peer)).max())
            assert gap < 1e-7, gap
            turned = (np.sign(ours) != np.sign(peer)) & (np.abs(ours) > 1e-8)
            assert turned.mean() < 1e-4
            return f"distances within {gap * 1e9:.0f} nm, {int(turned.sum())} signs differ"

        if where == "in the volume" and size == SIZES[1][2]:
            continue  # the peer takes the better part of a minute for each round
        yield Race(
            name=f"signed closest distance {where}",
            size=f"1 M points, {size}",
            ours=lambda points=points.astype(np.float64): signed_distance_m(surface, points),
            peer=lambda points=o3d.core.Tensor(points): scene.compute_signed_distance(points, nthreads=THREADS),
            peer_name="Open3D",
            least_ratio=asked,
            check=check,
        )


def ray_sets(mesh: Mesh) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return origins and unit directions as float32 holds them: a camera, a LiDAR within, and random rays."""
    v, u = np.mgrid[:480, :640]
    camera = np.stack([(u - 319.5) / 600, (v - 239.5) / 600, np.ones(u.shape)], -1).reshape(-1, 3)
    up, around = np.meshgrid(np.radians(np.linspace(-25, 15, 64)), np.arange(2048) / 2048 * 2 * np.pi, indexing="ij")
    lidar = np.stack([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)], -1).reshape(-1, 3)
    random = np.random.default_rng(0)
    low, high = mesh.vertices_m.min(axis=0), mesh.vertices_m.max(axis=0)
    sets = {
        "camera 640 x 480": (np.broadcast_to([0, 0, -0.15], camera.shape), camera),
        "LiDAR 64 x 2048": (np.broadcast_to([0, 0, 0.005], lidar.shape), lidar),
        "300 k random": (random.uniform(low, high, (300_000, 3)), random.normal(size=(300_000, 3))),
    }
    unit = {name: (o, d / np.linalg.norm(d, axis=1)[:, None]) for name, (o, d) in sets.items()}
    return {name: (o.astype(np.float32), d.astype(np.float32)) for name, (o, d) in unit.items()}


def same_hits(ours: Any, theirs: Any) -> str:
    """Check that the same rays meet something, at the same distance."""
    peer = theirs["t_hit"].numpy().ravel()
    differ = np.isfinite(ours.distance_m) != np.isfinite(peer)
    both = np.isfinite(ours.distance_m) & np.isfinite(peer)
    gap = float(np.percentile(np.abs(ours.distance_m[both] - peer[both]), 99.9))
    assert differ.mean() < 1e-4
    assert gap < 1e-6
    return f"{both.mean():.0%} meet it, {int(differ.sum())} differ, 99.9 % within {gap * 1e9:.0f} nm"


def ray_races(mesh: Mesh, size: str) -> Iterator[Race]:
    """Ray casting; ours is watertight."""
    surface, scene = index_surface(mesh), peer_scene(mesh)
    for name, (origins, directions) in ray_sets(mesh).items():
        rays = o3d.core.Tensor(np.concatenate([origins, directions], axis=1))
        yield Race(
            name=f"ray casting, {name}",
            size=size,
            ours=lambda o=origins.astype(float), d=directions.astype(float): cast(surface, o, d),
            peer=lambda rays=rays: scene.cast_rays(rays, nthreads=THREADS),
            peer_name="Open3D",
            least_ratio=1.0,
            check=same_hits,
            research=True,
        )


def slips(mesh: Mesh) -> str:
    """Say how many rays from within a closed surface, aimed at its corners and edges, meet nothing."""
    surface, scene = index_surface(mesh), peer_scene(mesh)
    targets = np.concatenate([mesh.vertices_m, mesh.vertices_m[mesh.faces[:, :2]].mean(axis=1)])
    origin = mesh.vertices_m[mesh.faces[0]].mean(axis=0) * [0.93, 0.93, 1]
    ways = targets - origin
    ours = int((cast(surface, origin, ways).face < 0).sum())
    rays = np.concatenate([np.broadcast_to(origin, ways.shape), ways], axis=1).astype(np.float32)
    peer = int((~np.isfinite(scene.cast_rays(o3d.core.Tensor(rays), nthreads=THREADS)["t_hit"].numpy())).sum())
    assert ours == 0
    return f"rays at corners and edges that slip through: ours {ours}, peer {peer} of {len(targets)}"


def build_race(mesh: Mesh, size: str) -> Race:
    """The tree alone, as both sides need it for rays and distances."""
    middle = (mesh.vertices_m.min(axis=0) + mesh.vertices_m.max(axis=0)) / 2
    vertices, faces = (mesh.vertices_m - middle).astype(np.float32), mesh.faces.copy()

    def check(ours: Any, theirs: Any) -> str:
        assert np.array_equal(np.sort(ours[3][ours[3] >= 0]), np.arange(len(faces)))
        return slips(mesh)

    return Race(
        name="tree of boxes",
        size=size,
        ours=lambda: bvh.build(vertices, faces),
        peer=lambda: peer_scene(mesh),
        peer_name="Open3D",
        least_ratio=1.0,
        check=check,
        research=True,
    )


def depth_race(mesh: Mesh, size: str) -> Race:
    """What a pinhole camera sees."""
    scene = peer_scene(mesh)
    matrix = o3d.core.Tensor(np.array([[600, 0, 320.0], [0, 600, 240], [0, 0, 1]]))  # its pixel corners are whole
    rays = scene.create_rays_pinhole(matrix, o3d.core.Tensor(CAMERA_FROM_MESH.matrix()), 640, 480)

    def check(ours: Any, theirs: Any) -> str:
        peer, seen = theirs["t_hit"].numpy(), ours.face >= 0
        differ = seen != np.isfinite(peer)
        both = seen & np.isfinite(peer)
        gap = float(np.percentile(np.abs(ours.depth_m - peer)[both], 99))
        assert differ.mean() < 1e-4
        assert gap < 1e-6
        return f"{seen.mean():.0%} of pixels see it, {int(differ.sum())} differ, 99 % within {gap * 1e9:.0f} nm"

    return Race(
        name="pinhole depth 640 x 480",
        size=size,
        ours=lambda: render_depth(mesh, CAMERA, CAMERA_FROM_MESH),
        peer=lambda: scene.cast_rays(rays, nthreads=THREADS),
        peer_name="Open3D",
        least_ratio=1.5,
        check=check,
    )


def section_race(mesh: Mesh, size: str, count: int = 500) -> Race:
    """Many plane sections at once."""
    low, high = mesh.vertices_m[:, 2].min(), mesh.vertices_m[:, 2].max()
    heights = np.linspace(low, high, count + 2)[1:-1]
    peer = trimesh.Trimesh(mesh.vertices_m, mesh.faces, process=False)

    def check(ours: Any, theirs: Any) -> str:
        lines = sum(len(path.entities) for path in theirs if path is not None)
        length = sum(path.length for path in theirs if path is not None)
        ends = np.concatenate([np.roll(ours.line_m(k), -1, axis=0) for k in range(len(ours.plane))])
        total = float(np.linalg.norm(ends - ours.points_m, axis=1).sum())
        assert not ours.is_open.any()
        assert abs(total - length) < 1e-5 * length, "the lengths differ"  # the peer merges near points
        return f"{len(ours.plane)} and {lines} lines, lengths differ by {abs(total - length) / length:.0e}"

    return Race(
        name=f"{count} plane sections",
        size=size,
        ours=lambda: sections(mesh, [0, 0, 0], [0, 0, 1], heights),
        peer=lambda: peer.section_multiplane([0, 0, 0], [0, 0, 1], heights),
        peer_name="trimesh",
        least_ratio=50.0,
        check=check,
    )


def races() -> Iterator[Race]:
    """All races of this table."""
    parts: tuple[Callable[[Mesh, str], Iterator[Race]], ...] = (distance_races, ray_races)
    for columns, rows, size in SIZES:
        mesh = wavy_torus(columns, rows)
        for part in parts:
            yield from part(mesh, size)
        yield build_race(mesh, size)
        yield depth_race(mesh, size)
    yield section_race(wavy_torus(*SIZES[0][:2]), SIZES[0][2])
