# SPDX-License-Identifier: Apache-2.0
"""Planes, spheres and cylinders against all distances, and against what is known of them."""

from dataclasses import astuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import naive_primitives as naive
from data import sample
from visionvalley.core import BadInput
from visionvalley.kernels import primitives as kernels
from visionvalley.kernels.threads import each_thread, set_threads, threads
from visionvalley.vision.shape.primitives import find_cylinder, find_plane, find_planes, find_sphere

AXIS = np.array([2.0, -3.0, 6.0]) / 7
SIDES = np.array([[3.0, 6.0, 2.0], [-6.0, 2.0, 3.0]]) / 7  # with AXIS a frame, exact in sevenths


@pytest.fixture
def restored_threads():
    before = threads()
    yield
    set_threads(before)


def on_plane(count, rng, noise_m=0.0):
    """Points of the plane through (1, 2, 3) across AXIS, 4 m wide."""
    return [1, 2, 3] + rng.uniform(-2, 2, (count, 2)) @ SIDES + rng.normal(0, noise_m, (count, 1)) * AXIS


def on_sphere(count, rng, noise_m=0.0):
    """Points of the sphere of radius 0.75 about (1, 2, 3)."""
    away = rng.normal(size=(count, 3))
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    return [1, 2, 3] + away * (0.75 + rng.normal(0, noise_m, (count, 1)))


def on_cylinder(count, rng, noise_m=0.0):
    """Points, and their normals, of the cylinder of radius 0.25 along AXIS, 3 m long about (1, 2, 3)."""
    turn = rng.uniform(0, 2 * np.pi, count)
    out = np.stack([np.cos(turn), np.sin(turn)], axis=1) @ SIDES
    along = rng.uniform(-1.5, 1.5, (count, 1)) * AXIS
    return [1, 2, 3] + along + out * (0.25 + rng.normal(0, noise_m, (count, 1))), out


def clutter(count, rng):
    """Points all over the place, and directions."""
    sides = rng.normal(size=(count, 3))
    return rng.uniform(-3, 5, (count, 3)), sides / np.linalg.norm(sides, axis=1, keepdims=True)


TRUTH = {
    "plane": np.array([*AXIS, -AXIS @ [1, 2, 3]]),
    "sphere": np.array([1, 2, 3, 0.75]),
    "cylinder": np.array([1, 2, 3, *AXIS, 0.25]),
}
MAKE = {"plane": on_plane, "sphere": on_sphere, "cylinder": on_cylinder}


def scene(kind, count, rng, noise_m=0.0, around=0):
    """Return a shape's points among clutter, the normals of all, and which are the shape's."""
    made = MAKE[kind](count, rng, noise_m)
    points, sides = made if kind == "cylinder" else (made, np.tile(AXIS, (count, 1)))
    other, directions = clutter(around, rng)
    order = rng.permutation(count + around)
    return np.vstack([points, other])[order], np.vstack([sides, directions])[order], order < count


def find(kind, points, sides, reach_m, **more):
    """Find a shape of a kind."""
    if kind == "cylinder":
        return find_cylinder(points, sides, reach_m, **more)
    return (find_plane if kind == "plane" else find_sphere)(points, reach_m, **more)


def assert_shape(kind, found, tolerance):
    """Compare parameters with the truth; a cylinder's point may lie anywhere along its axis."""
    got, want = found.parameters.copy(), TRUTH[kind]
    if kind == "cylinder":
        assert_allclose(np.cross(got[:3] - want[:3], want[3:6]), 0, atol=tolerance)
        got[:3] = want[:3]
    assert_allclose(got, want, atol=tolerance)


KINDS = pytest.mark.parametrize("kind", ["plane", "sphere", "cylinder"])


@KINDS
def test_an_exact_shape_is_found_exactly_among_as_much_clutter(kind, rng):
    points, sides, mine = scene(kind, 3000, rng, around=3000)
    found = find(kind, points, sides, 1e-3)
    assert found.inliers[mine].all()
    assert found.count == found.inliers.sum() < 3100
    assert_shape(kind, found, 1e-5)
    exact = find(kind, points[mine], sides[mine], 1e-3)
    assert exact.count == 3000
    assert exact.rmse_m < 1e-12
    assert_shape(kind, exact, 1e-11)


@KINDS
def test_a_noisy_shape_is_estimated_as_well_as_its_points_allow(kind, rng):
    """With 20,000 points of 2 mm noise, parameters are known to some 2 mm / sqrt(20,000) = 14 um."""
    points, sides, _ = scene(kind, 20_000, rng, noise_m=0.002)
    found = find(kind, points, sides, 0.01)
    assert found.count > 19_990
    assert_shape(kind, found, 8e-5)
    assert 0.00197 < found.rmse_m < 0.00203


@KINDS
def test_inliers_count_and_rmse_are_those_of_all_distances(kind, rng):
    points, sides, _ = scene(kind, 2000, rng, noise_m=0.004, around=2500)
    found = find(kind, points, sides, 0.005)
    gap = naive.distances(kind, found.parameters, points)
    unclear = np.abs(np.abs(gap) - 0.005) < 1e-12
    assert_array_equal(found.inliers[~unclear], (np.abs(gap) <= 0.005)[~unclear])
    assert found.count == found.inliers.sum()
    assert_allclose(found.rmse_m, np.sqrt((gap[found.inliers] ** 2).mean()), rtol=1e-10)


@KINDS
def test_the_fit_is_the_least_squares_of_its_points(kind, rng):
    """All points are inliers here, and no change of any parameter makes their squares smaller."""
    points, sides, _ = scene(kind, 3000, rng, noise_m=0.002)
    found = find(kind, points, sides, 0.05)
    least = (naive.distances(kind, found.parameters, points) ** 2).sum()
    for at in range(len(found.parameters)):
        for step in (-1e-5, 1e-5):
            other = found.parameters.copy()
            other[at] += step
            if kind != "sphere":
                direction = slice(0, 3) if kind == "plane" else slice(3, 6)
                length = np.linalg.norm(other[direction])
                other[direction] /= length
            assert (naive.distances(kind, other, points) ** 2).sum() > least * (1 - 1e-9)


def test_a_plane_is_that_of_the_singular_vectors(rng):
    points = on_plane(3000, rng, 0.003)
    found = find_plane(points, 0.1)
    middle = points.mean(axis=0)
    normal = np.linalg.svd(points - middle)[2][2]
    assert_allclose(found.parameters, np.array([*normal, -normal @ middle]) * np.sign(normal[2]), atol=1e-9)


@pytest.mark.parametrize("size", [1, 2047, 2048, 5000])
def test_points_within_reach_are_counted_as_all_distances_are(size, rng):
    """Counts of 8 shapes of each kind; points that float32 may put on either side are left out."""
    points, origin = rng.uniform(-1, 1, (size, 3)), np.array([0.25, -0.5, 0.125])
    tiles = np.zeros((-(-size // kernels.TILE), 3, kernels.TILE), np.float32)
    each_thread(kernels.tile_worker, len(tiles), points, origin, tiles)
    assert_array_equal(
        np.sort(tiles.transpose(0, 2, 1).reshape(-1, 3)[:, 0])[:size],
        np.sort(points[:, 0] - 0.25, axis=0).astype(np.float32),
    )
    for kind, number in (("plane", kernels.PLANE), ("sphere", kernels.SPHERE), ("cylinder", kernels.CYLINDER)):
        axes = rng.normal(size=(8, 3))
        axes /= np.linalg.norm(axes, axis=1, keepdims=True)
        centres, offsets, packed = rng.uniform(-1, 1, (8, 3)), rng.uniform(0.3, 1, 8), np.zeros((8, 8), np.float32)
        low, high = (offsets - 0.1) ** 2, (offsets + 0.1) ** 2
        if kind == "plane":
            shapes = np.column_stack([axes, offsets])
            packed[:, :5] = np.column_stack([shapes, np.full(8, 0.1)])
        else:
            shapes = np.column_stack([centres, *([axes] if kind == "cylinder" else []), offsets])
            packed[:, :3], packed[:, 3:6] = centres, axes if kind == "cylinder" else 0.0
            packed[:, 6], packed[:, 7] = (low + high) / 2, (high - low) / 2
        counts = np.zeros((len(tiles), 8), np.int32)
        chosen = np.arange(len(tiles), dtype=np.int32)
        each_thread(kernels.count_worker, len(tiles), tiles, chosen, number, packed, counts)
        for shape, count in zip(shapes, counts.sum(axis=0), strict=True):
            gap = np.abs(naive.distances(kind, shape, points - origin))
            assert (gap <= 0.1 - 4e-6).sum() <= count <= (gap <= 0.1 + 4e-6).sum()


@KINDS
@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_rows_that_are_not_finite_are_no_inliers_and_change_nothing(kind, hole, rng):
    points, sides, _ = scene(kind, 1000, rng)
    rows = np.array([0, 500, 1000])
    holed = np.insert(points, rows, np.nan, axis=0)
    holed[rows + np.arange(3), rng.integers(0, 3, 3)] = hole
    found = find(kind, holed, np.insert(sides, rows, AXIS, axis=0), 1e-4)
    assert_array_equal(np.flatnonzero(~found.inliers), rows + np.arange(3))
    assert_shape(kind, found, 1e-10)


@KINDS
@pytest.mark.parametrize("size", [0, 1])
def test_too_few_points_are_refused(kind, size):
    points = np.vstack([np.full((5, 3), np.nan), np.ones((size, 3))])
    with pytest.raises(BadInput, match="too few"):
        find(kind, points, np.tile(AXIS, (len(points), 1)), 0.1)


@KINDS
@pytest.mark.parametrize("away", [0.0, 500_000.0])
def test_points_on_one_line_or_in_one_place_have_no_shape(kind, away, rng):
    line = rng.uniform(-1, 1, (400, 1)) * np.array([0.1, 0.2, 0.3]) + away
    for points in (line, np.full((400, 3), away + 0.1)):
        with pytest.raises(BadInput, match="passes through these"):
            find(kind, points, np.tile(SIDES[0], (400, 1)), 0.01)


def test_a_cylinder_needs_one_normal_a_point(rng):
    points, sides = on_cylinder(50, rng)
    with pytest.raises(BadInput, match="normals"):
        find_cylinder(points, sides[:-1], 0.01)


@pytest.mark.parametrize("wrong", [{"reach_m": 0.0}, {"reach_m": np.nan}, {"rounds": 0}])
@pytest.mark.parametrize("function", [find_plane, find_planes, find_sphere])
def test_nonsense_is_refused(function, wrong, rng):
    with pytest.raises(BadInput):
        function(rng.normal(size=(50, 3)), **({"reach_m": 0.1} | wrong))


@pytest.mark.parametrize("kind", ["sphere", "cylinder"])
def test_a_radius_can_be_limited(kind, rng):
    points, sides, _ = scene(kind, 500, rng)
    assert find(kind, points, sides, 0.01, most_radius_m=0.8).count == 500
    with pytest.raises(BadInput, match="passes through these"):
        find(kind, points, sides, 0.01, most_radius_m=0.2)
    with pytest.raises(BadInput):
        find(kind, points, sides, 0.01, most_radius_m=0.0)


def test_three_points_make_a_plane(rng):
    found = find_plane(np.eye(3), 1e-6)
    assert_allclose(found.parameters, np.array([1, 1, 1, -1]) / np.sqrt(3), atol=1e-15)
    assert found.count == 3


@KINDS
def test_a_city_in_utm_is_measured_to_a_nanometre_of_rounding(kind, rng):
    points, sides, _ = scene(kind, 2000, rng)
    away = np.array([500_000.0, 5_400_000.0, 300.0])
    found = find(kind, points + away, sides, 1e-3)
    assert found.count == 2000
    back = found.parameters.copy()
    if kind == "plane":
        back[3] += back[:3] @ away
    else:
        back[:3] -= away
    assert_allclose(np.abs(naive.distances(kind, back, points)).max(), 0, atol=1e-8)


@KINDS
def test_any_number_of_threads_gives_the_same_bits(kind, rng, restored_threads):
    points, sides, _ = scene(kind, 20_000, rng, noise_m=0.004, around=30_000)
    results = []
    for count in (1, 2, 4):
        set_threads(count)
        results.append(find(kind, points, sides, 0.01, seed=3))
    for other in results[1:]:
        for mine, theirs in zip(astuple(results[0]), astuple(other), strict=True):
            assert_array_equal(mine, theirs)


def test_the_faces_of_a_box_are_found_one_after_another(rng):
    centre, half = np.array([5.0, 1.0, -2.0]), np.array([3.0, 2.0, 1.0])
    faces = [(axis, side) for axis in range(3) for side in (-1, 1)]
    points, face = [], np.repeat(np.arange(6), 2000)
    for axis, side in faces:
        flat = rng.uniform(-1, 1, (2000, 3))
        flat[:, axis] = side
        points.append(centre + flat * half)
    points = np.vstack(points)
    found = find_planes(points, 1e-6, most=10)
    assert len(found) == 6
    assert sum(one.inliers.astype(int) for one in found).max() == 1
    for one in found:
        axis, side = faces[np.bincount(face[one.inliers]).argmax()]
        assert_allclose(one.parameters, [*np.eye(3)[axis], -(centre + side * half)[axis]], atol=1e-8)
        assert one.count >= 1990
    assert find_planes(points, 1e-6, most=2)[1].count == found[1].count
    assert find_planes(points, 1e-6, least=2100) == []


@pytest.mark.parametrize("frame", [0, 1, 2])
def test_more_points_of_a_real_street_are_found_than_by_plain_trying(frame):
    raw = np.fromfile(sample(f"driving/kitti_object/velodyne/{frame:06d}.bin"), np.float32).reshape(-1, 4)
    points = raw[::8, :3].astype(np.float64)
    most = max(naive.most_on_a_plane(points, 0.1, 500, seed) for seed in range(2))
    for seed in range(10):
        found = find_plane(points, 0.1, 1000, seed)
        assert found.count > most
        assert abs(found.parameters[2]) > 0.99  # the street
        assert abs(naive.distances("plane", found.parameters, np.zeros((1, 3)))[0] - 1.73) < 0.2  # mounted 1.73 m high
