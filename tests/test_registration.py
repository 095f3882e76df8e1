# SPDX-License-Identifier: Apache-2.0
"""Fine registration: the kernel against its twin, the pose, and what it says of itself."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import chi2
from tests import naive_registration as naive
from tests.parts import anywhere, bumpy, nearby, pair, rms_m

from visionvalley.core import BadInput, Cloud, Mesh, Pose
from visionvalley.kernels import descent as steps
from visionvalley.kernels import registration as kernels
from visionvalley.kernels import threads
from visionvalley.vision.geometry.degeneracy import UNSEEN
from visionvalley.vision.geometry.motion import difference, perturbed
from visionvalley.vision.geometry.robust import ROBUST, weights
from visionvalley.vision.shape.descent import Work, about
from visionvalley.vision.shape.normals import normals
from visionvalley.vision.shape.prepared import to_global, to_local
from visionvalley.vision.shape.registration import Alignment, Source, Target, align, sampled


def directions(points):
    """Return outward normals of a star-shaped part."""
    n = normals(points, 10)
    return n * np.sign((n * points).sum(axis=1))[:, None]


@pytest.fixture
def clouds(rng):
    source, target = bumpy(rng, 300), bumpy(rng, 500)
    directions_of_target = directions(target)
    directions_of_target[::7] = np.nan
    return source, directions(source), target, directions_of_target


# ---- the kernel
@pytest.mark.parametrize("method", ["point", "plane", "generalised", "symmetric"])
@pytest.mark.parametrize("robust", ROBUST)
def test_the_normal_equations_agree_with_their_twin(rng, clouds, method, robust):
    source, source_normals, target, target_normals = clouds
    scale, reach, pose = 0.001, 0.008, nearby(rng, Pose.identity(), 0.02, 1e-3)
    settings = Alignment(method=method, robust=robust, reach_m=reach, scale_m=scale, lean_rad=1.58)
    work = Work(Source.of(Cloud(source, source_normals)), Target.of_cloud(Cloud(target, target_normals)), settings)
    hessian, gradient = work.unpacked(sums := work.sums(to_local(pose, work.moving, work.fixed)))
    middle = work.fixed.index.origin_m
    there = Pose(pose.rotation, pose.translation_m - middle)
    weigh = lambda r: float(weights(np.array([r]), robust, scale)[0])  # noqa: E731
    twin = naive.normal_equations(source, source_normals, target - middle, target_normals, there, reach, method, weigh)
    assert sums[29] == twin[2] > 200
    assert_allclose(hessian, twin[0], rtol=2e-4, atol=1e-4 * np.abs(twin[0]).max())
    assert_allclose(gradient, twin[1], rtol=2e-3, atol=1e-4 * np.abs(twin[1]).max())


def test_matches_that_are_kept_are_those_a_new_search_finds(rng, clouds):
    source, _, target, target_normals = clouds
    moving, fixed = Source.of(Cloud(source)), Target.of_cloud(Cloud(target, target_normals))
    settings, kept = Alignment(reach_m=0.006), 0
    used = Work(moving, fixed, settings)
    pose = to_local(nearby(rng, Pose.identity(), 0.02, 1e-3), moving, fixed)
    for step_m in (0.0, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 1e-6):
        pose = nearby(rng, pose, step_m / moving.extent_m, step_m)
        before, fresh = used.held.copy(), Work(moving, fixed, settings)
        assert_array_equal(used.sums(pose), fresh.sums(pose))
        assert_array_equal(used.matches, fresh.matches)
        kept += int((used.held == before).all(axis=1).sum())
    assert kept > 2 * len(source)  # else nothing was kept, and this tells nothing


def test_a_step_is_that_of_the_normal_equations_along_what_is_seen(rng):
    jacobian = rng.normal(size=(200, 6)) * [1, 1, 1, 1, 1, 1e-4]  # the last motion is hardly seen
    residuals = rng.normal(size=200) * 1e-3
    parts = np.zeros((4, kernels.SUMS))
    for part, j, e in zip(parts, np.split(jacobian, 4), np.split(residuals, 4), strict=True):
        part[:21], part[21:27], part[28:30] = (j.T @ j)[np.triu_indices(6)], j.T @ e, len(j)
    extent, start = 0.4, anywhere(rng)
    state, walk, total = np.r_[start.rotation.ravel(), start.translation_m, np.zeros(4)], np.zeros(8), np.zeros(32)
    walk[steps.BRAKE] = 1.0
    steps.advance(parts, state, np.array([extent, 1.0, UNSEEN, 6.0]), walk, total)
    assert_allclose(total, parts.sum(axis=0))
    to_middle = about(start.translation_m, extent)
    middle = jacobian @ to_middle
    values, vectors = np.linalg.eigh(middle.T @ middle)
    seen = vectors[:, values > UNSEEN * 200]
    assert 0 < seen.shape[1] < 6
    step = -seen @ np.linalg.solve(seen.T @ middle.T @ middle @ seen, seen.T @ middle.T @ residuals)
    assert_allclose(walk[:6], step, atol=1e-12)
    assert_allclose(walk[steps.TRAVEL], np.linalg.norm(step[:3]) + np.linalg.norm(step[3:]))
    moved, there = Pose(state[:9].reshape(3, 3), state[9:12]), perturbed(start, to_middle @ step)
    assert_allclose(moved.matrix(), there.matrix(), atol=np.abs(step).max() ** 3 / extent**3 + 1e-12)
    assert_allclose(moved.rotation @ moved.rotation.T, np.eye(3), atol=1e-15)


def test_steps_are_shortened_braked_and_not_taken_on_too_few_pairs(rng):
    parts = np.zeros((1, kernels.SUMS))
    parts[0, :21], parts[0, 24], parts[0, 28:30] = 50 * np.eye(6)[np.triu_indices(6)], 50 * 3.0, 50
    state, walk = np.r_[np.eye(3).ravel(), np.zeros(7)], np.zeros(8)
    walk[steps.BRAKE] = 1.0
    steps.advance(parts, state, np.array([1.0, 0.5, UNSEEN, 6.0]), walk, np.zeros(32))
    assert_allclose(state[9:12], [-0.5, 0, 0])  # 3 m were wanted
    parts[0, 24] *= -1
    steps.advance(parts, state, np.array([1.0, 0.5, UNSEEN, 6.0]), walk, np.zeros(32))
    assert_allclose(state[9:12], [-0.25, 0, 0])  # back: half the way
    parts[0, 29] = 5
    steps.advance(parts, state, np.array([1.0, 0.5, UNSEEN, 6.0]), walk, np.zeros(32))
    assert_allclose(state[9:12], [-0.25, 0, 0])
    assert np.isnan(walk[steps.TRAVEL])


@pytest.mark.parametrize("method", ["plane", "generalised"])
def test_the_pulls_of_points_are_what_their_sums_are_of(rng, clouds, method):
    source, source_normals, target, target_normals = clouds
    moving, fixed = Source.of(Cloud(source, source_normals)), Target.of_cloud(Cloud(target, target_normals))
    work = Work(moving, fixed, Alignment(method=method, reach_m=0.006, robust="tukey"))
    sums, pulls = work.sums(to_local(nearby(rng, Pose.identity(), 0.02, 1e-3), moving, fixed)), np.ones((300, 7))
    work.linearise(pulls)
    assert_allclose(work.added(), sums, rtol=1e-12)
    assert_allclose(pulls.sum(axis=0), sums[[21, 22, 23, 24, 25, 26, 28]], atol=1e-12 * np.abs(pulls).sum())
    assert_array_equal(pulls[work.matches < 0], 0)
    assert (np.unique(pulls[:, 6]) > 0).sum() > 100


@pytest.mark.parametrize("shared", [1, 5])
def test_pulls_of_one_target_count_as_one(rng, shared):
    pulls, matches = rng.normal(size=(500, 7)), rng.integers(-1, 300, 500).astype(np.int32)
    pulls[:, 6] = np.where((matches < 0) | (rng.random(500) < 0.1), 0.0, 1.0)
    spread, slots = np.zeros((6, 6)), np.zeros(300 // shared + 1, np.int32)
    count = steps.scatter(pulls, matches, shared, slots, np.zeros((500, 6)), spread)
    groups = {}
    for pull, match in zip(pulls, matches, strict=True):
        if pull[6] > 0:
            groups[match // shared] = groups.get(match // shared, 0) + pull[:6]
    assert count == len(groups)
    assert_allclose(spread, sum(np.outer(g, g) for g in groups.values()))


def test_a_source_that_estimates_its_normals_is_that_with_normals(rng):
    points = np.insert(bumpy(rng, 3000), 7, np.nan, axis=0)
    given, estimated = Source.of(Cloud(points, normals(points, 10))), Source.of(points, 10)
    whole = [
        np.c_[s.local[:, :3] + s.origin_m, np.abs(s.local[:, 3:])][np.lexsort(s.local[:, :3].T)]
        for s in (given, estimated)
    ]
    assert len(estimated.local) == 3000
    assert_allclose(whole[1], whole[0], atol=1e-6)
    assert_allclose(estimated.extent_m, given.extent_m, rtol=1e-3)


def test_pairs_whose_normals_lean_apart_are_left_out(clouds):
    source, source_normals, target, target_normals = clouds
    across = np.cross(source_normals, np.roll(source_normals, 1, axis=1))
    fixed = Target.of_cloud(Cloud(target, target_normals))
    counts = []
    for given in (source_normals, across / np.linalg.norm(across, axis=1)[:, None]):
        work = Work(Source.of(Cloud(source, given)), fixed, Alignment(reach_m=0.01, lean_rad=0.5))
        counts.append(work.sums(to_local(Pose.identity(), work.moving, fixed))[29])
    assert counts[0] > 200
    assert counts[1] < 0.1 * counts[0]


@pytest.mark.parametrize("method", ["point", "plane", "generalised", "symmetric"])
def test_the_same_bits_on_any_number_of_threads(method):
    source, target, _, start = pair(3, 3000)
    source = Cloud(source.points_m, normals(source.points_m, 10))
    before, fits = threads.threads(), []
    try:
        for count in (1, 2, 4):
            threads.set_threads(count)
            fits.append(align(source, target, start, Alignment(method=method, reach_m=0.004, robust="tukey")))
    finally:
        threads.set_threads(before)
    for fit in fits[1:]:
        assert_array_equal(fit.target_from_source.matrix(), fits[0].target_from_source.matrix())
        assert_array_equal(fit.covariance, fits[0].covariance)
        assert (fit.inliers, fit.rounds, fit.rmse_m) == (fits[0].inliers, fits[0].rounds, fits[0].rmse_m)


# ---- the pose
@pytest.mark.parametrize(
    ("method", "limit_m"), [("point", 4e-4), ("plane", 1e-5), ("generalised", 1e-5), ("symmetric", 1e-5)]
)
def test_the_pose_is_found(method, limit_m):
    source, target, true, start = pair(1)
    source = Cloud(source.points_m, normals(source.points_m, 10))
    fit = align(source, target, start, Alignment(method=method, reach_m=0.004))
    assert fit.converged
    assert fit.unseen == ()
    assert rms_m(fit.target_from_source, true, source.points_m) < limit_m
    assert 0.99 < fit.overlap <= 1.0


def test_a_cloud_onto_itself_is_exact(rng):
    points = bumpy(rng, 2000)
    true = anywhere(rng, 0.5)
    fit = align(true.inverse().apply(points), Cloud(points, directions(points)), nearby(rng, true, 0.002, 1e-4))
    assert rms_m(fit.target_from_source, true, true.inverse().apply(points)) < 1e-8
    assert fit.rmse_m < 1e-7


def test_stages_reach_farther_than_one(rng):
    source, target, true, _ = pair(2)
    start = nearby(rng, true, 0.08, 4e-3)
    fit = align(source, target, start, Alignment(reach_m=0.003, stages=4))
    assert rms_m(fit.target_from_source, true, source.points_m) < 2e-5


@pytest.mark.parametrize("robust", ["cauchy", "tukey", "geman_mcclure"])
def test_robust_kernels_shrug_off_what_does_not_belong(rng, robust):
    source, target, true, start = pair(4)
    points = source.points_m.copy()
    stuck = points[:, 0] > 0.03  # a side carries something on it: 1.5 mm, all to one side
    points[stuck] += 0.0015 * normals(points, 10)[stuck] * np.sign((normals(points, 10) * points).sum(1))[stuck, None]
    scale = None if robust == "tukey" else 3e-4  # tukey finds its own
    firm = align(points, target, start, Alignment(reach_m=0.004, robust=robust, scale_m=scale))
    plain = align(points, target, start, Alignment(reach_m=0.004))
    off = [rms_m(fit.target_from_source, true, source.points_m) for fit in (plain, firm)]
    assert off[1] < 0.3 * off[0]


def test_a_part_far_from_the_origin_survives(rng):
    source, target, _, start = pair(5, 4000)
    far = Pose(np.eye(3), np.array([4.5e5, 5.4e6, 300.0]))
    near_fit = align(source, target, start, Alignment(reach_m=0.004))
    moved = Cloud(far.apply(target.points_m))
    far_fit = align(source, moved, far @ start, Alignment(reach_m=0.004))
    back = far.inverse() @ far_fit.target_from_source
    assert rms_m(back, near_fit.target_from_source, source.points_m) < 1e-5  # float64 at 5 000 km keeps a nanometre


def test_nan_rows_change_nothing():
    source, target, _, start = pair(6, 3000)
    holes = lambda cloud: np.insert(cloud.points_m, np.arange(0, 3000, 10), np.nan, axis=0)  # noqa: E731
    plain = align(source, target, start, Alignment(reach_m=0.004))
    holed = align(holes(source), Cloud(holes(target)), start, Alignment(reach_m=0.004))
    assert_allclose(holed.target_from_source.matrix(), plain.target_from_source.matrix(), atol=1e-9)
    assert holed.inliers == plain.inliers


def test_a_surface_is_met_along_its_faces_and_not_at_its_rim(rng):
    grid = np.stack(np.meshgrid(*[np.linspace(-0.05, 0.05, 11)] * 2, indexing="ij"), -1).reshape(-1, 2)
    z = 20 * grid[:, 0] * grid[:, 1] * (1 + 10 * grid[:, 0])
    cell = lambda i, j: 11 * i + j  # noqa: E731
    quads = [(cell(i, j), cell(i + 1, j), cell(i + 1, j + 1), cell(i, j + 1)) for i in range(10) for j in range(10)]
    faces = [f for a, b, c, d in quads for f in ((a, b, c), (a, c, d))]
    mesh = Mesh(np.c_[grid, z], np.array(faces))
    points, unit = sampled(mesh, 0.002)
    assert_allclose(np.linalg.norm(unit, axis=1), 1.0)
    target = Target.of_mesh(mesh, 0.002)
    outer = np.abs(points[target.index.order, :2]).max(axis=1) > 0.04
    assert_array_equal(np.isnan(target.normals[:, 0]), outer)
    true = anywhere(rng, 0.3, 0.02)
    fit = align(true.inverse().apply(points), target, nearby(rng, true, 0.004, 2e-4))
    assert rms_m(fit.target_from_source, true, true.inverse().apply(points)) < 1e-6


# ---- what it says of itself
def test_the_covariance_holds_over_sixty_pairs():
    errors = []
    for seed in range(60):
        source, target, true, start = pair(seed, 4000)
        fit = align(source, target, start, Alignment(reach_m=0.005))
        d = difference(fit.target_from_source, true)
        errors.append(d @ np.linalg.solve(fit.covariance, d))
    low, high = chi2.ppf([0.025, 0.975], 6 * 60) / 60
    assert low < np.mean(errors) < high


def test_the_covariance_is_that_of_the_frame_it_is_stated_in(rng):
    source, target, _, start = pair(7, 4000)
    move = anywhere(rng)
    here = align(source, target, start, Alignment(reach_m=0.004))
    moved = Cloud(move.apply(target.points_m))
    there = align(source, moved, move @ start, Alignment(reach_m=0.004))
    small = 1e-6 * np.linalg.cholesky(here.covariance / np.trace(here.covariance))
    columns = [
        difference(move @ perturbed(here.target_from_source, c), move @ here.target_from_source) for c in small.T
    ]
    expected = np.stack(columns, 1) @ np.stack(columns, 1).T * 1e12 * np.trace(here.covariance)
    assert_allclose(np.sqrt(np.diag(there.covariance)), np.sqrt(np.diag(expected)), rtol=0.1)


def plate(rng, count=4000):
    return np.c_[rng.uniform(-0.05, 0.05, (count, 2)), rng.normal(scale=1e-5, size=count)]


def test_a_plate_confesses_its_slides_and_stays_where_it_was_along_them(rng):
    start = perturbed(Pose.identity(), np.array([0.002, -0.001, 0.01, 3e-4, -4e-4, 2e-4]))
    fit = align(plate(rng), Cloud(plate(rng)), start)
    said = [str(motion) for motion in fit.unseen]
    assert len(said) == 3
    assert sum(name.startswith("sliding along") for name in said) == 2
    assert sum(name.startswith("turning about the axis z") for name in said) == 1
    assert not fit.converged
    gap = difference(fit.target_from_source, Pose.identity())
    assert_allclose(gap[[0, 1]], 0, atol=2e-5)  # seen
    assert abs(gap[5]) < 1e-6
    assert_allclose(gap[[2, 3, 4]], [0.01, 3e-4, -4e-4], atol=2e-5)  # not seen: as given
    assert fit.covariance[3, 3] > 1e-4 > fit.covariance[5, 5] * 1e6
    assert str(fit).startswith("NO FIT")
    assert "free: sliding along" in str(fit)


def test_shapes_that_do_not_meet_have_no_fit(rng):
    points = bumpy(rng, 1000)
    fit = align(points + 1.0, Cloud(points))
    assert not fit.converged
    assert fit.inliers == 0
    assert str(fit).startswith("NO FIT")


def test_a_fit_says_what_it_found():
    source, target, _, start = pair(8, 3000)
    said = str(align(source, target, start, Alignment(reach_m=0.005)))
    assert said.startswith("fit: ")
    assert "pairs after" in said
    assert "position known to" in said


# ---- what is refused
@pytest.mark.parametrize("count", [0, 1, 5])
def test_too_few_points_are_refused(rng, count):
    points = bumpy(rng, 100)
    with pytest.raises(BadInput, match="source has"):
        align(points[:count], Cloud(points))
    with pytest.raises(BadInput, match="target has"):
        align(points, Cloud(points[:count]))


@pytest.mark.parametrize("method", ["generalised", "symmetric"])
def test_methods_that_take_both_normals_ask_for_them(rng, method):
    points = bumpy(rng, 100)
    with pytest.raises(BadInput, match="no normals"):
        align(points, Cloud(points), None, Alignment(method=method))


def test_settings_out_of_bounds_are_refused():
    with pytest.raises(BadInput):
        Alignment(reach_m=0.0)
    with pytest.raises(BadInput):
        Alignment(robust="magic")


def test_local_poses_go_back_and_forth(rng):
    moving, fixed = Source.of(bumpy(rng, 50)), Target.of_cloud(Cloud(bumpy(rng, 50) + 3.0))
    pose = anywhere(rng)
    assert_allclose(to_global(to_local(pose, moving, fixed), moving, fixed).matrix(), pose.matrix(), atol=1e-12)
