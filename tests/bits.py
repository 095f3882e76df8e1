# SPDX-License-Identifier: Apache-2.0
"""A hash of the result of every vision function, to compare between CPUs and numbers of threads.

    python tests/bits.py [names]     prints one JSON object: case -> SHA-256 of all bits of its result

`CASES` is the table to extend: a name, and a function without arguments that returns anything made
of arrays, numbers, texts, our values and containers of them. Inputs are made of whole numbers and
polynomials alone, so that they have the same bits everywhere themselves.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from visionvalley.core import Camera, Cloud, Measurement, Mesh, Pose, Tolerance


def surface(count: int, seed: int = 1, noise_m: float = 0.0) -> np.ndarray:
    """Return points (count, 3) of a wavy surface, 0.2 m wide, one in 50 without measurement."""
    random = np.random.Generator(np.random.PCG64(seed))
    x, y = random.random((2, count)) * 2 - 1
    z = 0.6 * x * x * x - 0.5 * x * y * y + 0.4 * x * y - 0.3 * y * y * (1 - x)
    points = 0.1 * np.column_stack([x, y, z]) + noise_m * (random.random((count, 3)) - 0.5)
    points[::50] = np.nan
    return points + np.array([1.0, -2.0, 0.5])


def block(turns: int = 3) -> Mesh:
    """Return a closed, bent block of triangles: a cube, subdivided and pushed about by a polynomial."""
    vertices = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float64)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [face for a, b, c, d in quads for face in ((a, b, c), (a, c, d))]
    for _ in range(turns):
        rows, middle, finer = list(vertices), {}, []
        for face in faces:
            halves = []
            for i, j in ((face[0], face[1]), (face[1], face[2]), (face[2], face[0])):
                key = (min(i, j), max(i, j))
                if key not in middle:
                    middle[key] = len(rows)
                    rows.append(0.5 * (vertices[i] + vertices[j]))
                halves.append(middle[key])
            a, b, c = halves
            finer += [(face[0], a, c), (a, face[1], b), (c, b, face[2]), (a, b, c)]
        vertices, faces = np.array(rows), finer
    x, y, z = vertices.T
    bent = np.column_stack([x + 0.2 * y * y, y + 0.1 * z * x, z - 0.3 * x * (1 - x)])
    return Mesh(0.05 * bent, np.array(faces))


SMALL = Pose(np.array([[0.96, -0.28, 0.0], [0.28, 0.96, 0.0], [0.0, 0.0, 1.0]]), np.array([0.02, -0.01, 0.03]))
SLIGHT = Pose.from_rotation_vector(np.array([0.01, -0.02, 0.015]), np.array([2e-3, -1e-3, 1e-3]))


@lru_cache
def index() -> Any:
    """Return the index of a surface."""
    from visionvalley.vision.shape.neighbours import build_index

    return build_index(surface(20_000, 2))


def neighbours() -> Any:
    """Search by number and by radius, clustered and shuffled, k small and large."""
    from visionvalley.vision.shape.neighbours import nearest, within

    queries = surface(5000, 3)
    return [nearest(index(), queries, k) for k in (1, 5, 20)] + [within(index(), queries, 0.004), index()]


def directions() -> Any:
    """Estimate normals and covariances, and orient them."""
    from visionvalley.vision.shape import normals

    points = surface(20_000, 2, 1e-4)
    found = normals.normals(points, 20)
    return found, normals.covariances(points, 12), normals.orient_towards(points, found, np.array([1.0, -2.0, 9.0]))


def cells() -> Any:
    """Thin a cloud, with and without what its points carry."""
    from visionvalley.vision.shape.voxels import downsample, downsample_cloud

    points = surface(30_000, 4)
    carried = Cloud(points, points, np.nan_to_num(points * 50).astype(np.uint8), {"i": np.arange(30_000.0)})
    return downsample(points, 0.003), downsample_cloud(carried, 0.005)


def clusters() -> Any:
    """Find clusters."""
    from visionvalley.vision.shape.clusters import dbscan, euclidean_clusters

    points = surface(6000, 5)
    return dbscan(points, 0.004, 8), euclidean_clusters(points, 0.003)


def primitives() -> Any:
    """Find planes, a sphere and a cylinder."""
    from visionvalley.vision.shape import primitives as shape

    points = surface(6000, 5)
    planes = shape.find_planes(points, 0.002, most=3)
    sphere = shape.find_sphere(points, 0.002, most_radius_m=0.3)
    return planes, sphere, shape.find_cylinder(points, np.roll(surface(6000, 5), 7, axis=0), 0.003, most_radius_m=0.3)


def samples() -> Any:
    """Choose points far from one another, and at random."""
    from visionvalley.vision.shape.sampling import farthest_points, random_points

    return farthest_points(surface(20_000, 5), 500), random_points(surface(20_000, 5), 500, 3)


def descriptors() -> Any:
    """Describe points by their surroundings."""
    from visionvalley.vision.shape.descriptors import fast_point_feature_histograms
    from visionvalley.vision.shape.normals import normals

    points = surface(3000, 6)
    return fast_point_feature_histograms(Cloud(points, normals(points, 12)), 0.01)


def coarse() -> Any:
    """Register without a start."""
    from visionvalley.vision.shape.coarse import align_coarse

    return align_coarse(Cloud(SMALL.apply(surface(4000, 7))), Cloud(surface(4000, 8)), 0.005)


def fine() -> Any:
    """Register from a start, by every method."""
    from visionvalley.vision.shape.normals import normals
    from visionvalley.vision.shape.registration import Alignment, align

    points = SLIGHT.apply(surface(6000, 9, 1e-4))
    source, target = Cloud(points, normals(points, 12)), Cloud(surface(8000, 10, 1e-4))
    methods = [Alignment(method=m, reach_m=0.01, stages=2) for m in ("point", "plane", "generalised")]
    methods += [Alignment(reach_m=0.01, robust=r) for r in ("huber", "tukey", "cauchy")]
    return [align(source, target, settings=one) for one in methods]


def together() -> Any:
    """Register several scans to one another."""
    from visionvalley.vision.shape.together import register_together

    poses = [Pose.identity(), SMALL, SLIGHT]
    return register_together([Cloud(p.apply(surface(3000, 11 + i))) for i, p in enumerate(poses)], 0.006)


def distances() -> Any:
    """Measure signed distances from a surface."""
    from visionvalley.vision.shape.distances import closest, signed_distance_m
    from visionvalley.vision.shape.surfaces import index_surface

    tree = index_surface(block())
    random = np.random.Generator(np.random.PCG64(12))
    points = random.random((20_000, 3)) * 0.12 - 0.03
    points[::100] = np.nan
    return closest(tree, points), signed_distance_m(tree, points)


def meshes() -> Any:
    """Ask a mesh for its sizes, edges, parts and normals, and sample it."""
    from visionvalley.vision.shape import topology

    mesh = block()
    asked = (topology.area_m2, topology.volume_m3, topology.is_watertight, topology.components, topology.normals_of)
    return [ask(mesh) for ask in asked] + [topology.sample_surface(mesh, 5000), topology.merged(mesh)]


def best_fit() -> Any:
    """Fit points to a surface by least squares and by the zone."""
    from visionvalley.vision.metrology.best_fit import fit_least_squares, fit_zone
    from visionvalley.vision.shape.surfaces import index_surface
    from visionvalley.vision.shape.topology import sample_surface

    tree = index_surface(block())
    points = SLIGHT.inverse().apply(sample_surface(block(), 4000).points_m)
    least = fit_least_squares(points, tree, SLIGHT)
    return least, fit_zone(points, tree, least)


def elements() -> Any:
    """Fit elements to points: least squares, minimum zones, one-sided."""
    from visionvalley.vision.metrology import least_squares, minimum_zone, one_sided

    random = np.random.Generator(np.random.PCG64(17))
    x, y = random.random((2, 9000)) * 2 - 1
    t = 1 / (1 + x * x)
    noise = 1e-4 * random.random(9000)
    grow = 1 + noise + 0.2 * y
    ahead, aside = 2 * x * t, np.where(np.arange(9000) % 2, 1 - x * x, x * x - 1) * t
    cone = np.column_stack([ahead * grow, aside * grow, y])
    round_ = np.column_stack([ahead, aside, noise])
    cylinder = np.column_stack([round_[:, :2] * (1 + noise)[:, None], y])
    found: list[Any] = []
    for room in (least_squares, minimum_zone):
        found += [room.fit_line(surface(9000, 18)), room.fit_plane(surface(9000, 18)), room.fit_circle(round_)]
        found += [room.fit_sphere(cylinder / (1 + y * y)[:, None]), room.fit_cylinder(cylinder), room.fit_cone(cone)]
    found += [one_sided.fit_inscribed_cylinder(cylinder), one_sided.fit_tangent_plane(surface(9000, 18), np.eye(3)[2])]
    return (
        found,
        found[0].influence,
        found[-1].sensitivity,
        least_squares.fit_slot(round_ + np.sign(ahead)[:, None] * np.eye(3)[0]),
    )


def outliers() -> Any:
    """Tell stray points."""
    from visionvalley.vision.shape.outliers import radius_inliers, statistical_inliers

    points = surface(20_000, 14)
    return statistical_inliers(points, 16, 1.5), radius_inliers(points, 0.004, 8)


def light() -> Any:
    """Cast rays, render depth, cut sections, and let a virtual sensor scan."""
    from visionvalley.core import SensorNoise
    from visionvalley.vision.shape.raster import render_depth
    from visionvalley.vision.shape.rays import cast
    from visionvalley.vision.shape.sections import sections
    from visionvalley.vision.shape.surfaces import index_surface
    from visionvalley.vision.simulation.depth_sensor import DepthSensor, scan
    from visionvalley.vision.simulation.views import looking_at

    mesh, camera = block(), Camera(160, 120, 200.0, 200.0, 79.5, 59.5)
    tree, pose = index_surface(mesh), looking_at(np.array([0.1, -0.08, 0.15]), np.array([0.02, 0.02, 0.02]))
    ways = surface(5000, 15) - np.array([1.0, -2.0, 0.5])
    seen = render_depth(mesh, camera, pose)
    sensor = DepthSensor(camera, (0.05, 0.0, 0.0), SensorNoise(1e-5, 5e-6, 0.01, 1e-5), 1e-6)
    cut = sections(mesh, np.zeros(3), np.array([0.0, 0.0, 1.0]), np.linspace(0.001, 0.04, 20))
    return cast(tree, np.array([0.02, 0.02, 0.02]), ways), seen, cut, scan(tree, pose, sensor, 5)


def inspection() -> Any:
    """Inspect a scan of a part against it, without a start."""
    from visionvalley.applications.manufacturing import Inspection, Settings, run
    from visionvalley.samples.simulated import bracket
    from visionvalley.vision.shape.topology import sample_surface

    made = sample_surface(bracket(), 20_000, seed=3)
    noise = 1e-5 * (np.random.Generator(np.random.PCG64(16)).random((20_000, 1)) - 0.5)
    scan = Cloud(SMALL.apply(made.points_m + noise * made.normals))
    report = run(Inspection(scan, bracket()), Settings(tolerance_m=1e-4))
    return report.verdict, report.measurements, report.facts, [thing.shape for thing in report.scene.things]


def verdicts() -> Any:
    """Judge."""
    from visionvalley.vision.metrology.decision import judge

    measured = Measurement("d", 0.9e-4, 2e-6, "m", (0.86e-4, 0.94e-4))
    return [judge(measured, Tolerance(-t, t, "m")) for t in (0.8e-4, 0.9e-4, 1e-4)]


CASES: dict[str, Callable[[], Any]] = {
    "neighbours": neighbours,
    "normals": directions,
    "voxels": cells,
    "clusters": clusters,
    "primitives": primitives,
    "samples": samples,
    "descriptors": descriptors,
    "coarse registration": coarse,
    "fine registration": fine,
    "registration together": together,
    "distances": distances,
    "meshes": meshes,
    "best fit": best_fit,
    "elements": elements,
    "outliers": outliers,
    "light": light,
    "inspection": inspection,
    "verdicts": verdicts,
}


def feed(digest: Any, value: Any) -> None:
    """Put all bits of a value into a digest, in a fixed order."""
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype} {value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif is_dataclass(value):
        for one in fields(value):
            feed(digest, getattr(value, one.name))
    elif isinstance(value, Mapping):
        feed(digest, list(value.items()))
    elif isinstance(value, (tuple, list)):
        digest.update(f"[{len(value)}".encode())
        for one in value:
            feed(digest, one)
    elif isinstance(value, (bool, int, float, str, np.generic, Camera)) or value is None:
        digest.update(repr(value).encode())
    else:
        raise TypeError(f"bits of {type(value)} are not known: add it to feed()")


def hash_of(value: Any) -> str:
    """Return the SHA-256 of all bits of a value."""
    digest = hashlib.sha256()
    feed(digest, value)
    return digest.hexdigest()


def found(name: str) -> str:
    """Return the hash of one case, or the error that it raised."""
    try:
        return hash_of(CASES[name]())
    except Exception as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    print(json.dumps({name: found(name) for name in sys.argv[1:] or CASES}))
