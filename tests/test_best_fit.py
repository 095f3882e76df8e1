# SPDX-License-Identifier: Apache-2.0
"""Best fits come back to where the points were made, and say how well."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from visionvalley.core import Mesh, Pose
from visionvalley.kernels.threads import set_threads, threads
from visionvalley.vision.geometry.motion import difference, perturbed
from visionvalley.vision.geometry.symmetric import inverse, quadratic
from visionvalley.vision.metrology.best_fit import fit_least_squares, fit_zone, pose_uncertainty_m
from visionvalley.vision.shape.distances import closest
from visionvalley.vision.shape.surfaces import index_surface

SIZE = np.array([0.08, 0.05, 0.03])


def box() -> Mesh:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * SIZE
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return Mesh(corners, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], np.int32))


def scanned(rng, count, sigma_m):
    """Points on the six faces of the box, with noise along the normals; their faces' axes."""
    axis, side = rng.integers(0, 3, count), rng.integers(0, 2, count)
    points = rng.uniform(0.002, 0.998, (count, 3)) * SIZE
    rows = np.arange(count)
    points[rows, axis] = side * SIZE[axis] + np.where(side, 1, -1) * sigma_m * rng.normal(size=count)
    return points, axis, side


def shifted(rng, points):
    truth = Pose.from_rotation_vector(rng.normal(size=3), rng.normal(size=3))
    start = perturbed(truth, np.concatenate([rng.normal(size=3) * 5e-3, rng.normal(size=3) * 5e-4]))
    return truth.inverse().apply(points), truth, start


def test_points_without_noise_come_back_to_a_nanometre(rng):
    points, _, _ = scanned(rng, 5000, 0.0)
    scan, _, start = shifted(rng, points)
    fit = fit_least_squares(scan, index_surface(box()), start)
    assert fit.converged
    assert not fit.unseen
    assert_allclose(fit.part_from_scan.apply(scan), points, atol=1e-9)


def test_the_covariance_holds_over_many_scans(rng):
    surface, errors = index_surface(box()), []
    for _ in range(60):
        scan, truth, start = shifted(rng, scanned(rng, 1500, 20e-6)[0])
        fit = fit_least_squares(scan, surface, start)
        delta = difference(fit.part_from_scan, truth)
        errors.append(quadratic(inverse(fit.covariance), delta))
    # 60 x 6 squared normal numbers: chi-squared with 360 degrees of freedom, 99.9 % band
    assert 360 - 3.3 * np.sqrt(720) < sum(errors) < 360 + 3.3 * np.sqrt(720)


def test_the_zone_is_never_wider_than_that_of_least_squares_and_is_balanced(rng):
    points, axis, side = scanned(rng, 4000, 0.0)
    bump = (axis == 2) & (side == 1) & (points[:, 0] < 0.01)
    points[bump, 2] += 100e-6
    scan, _, start = shifted(rng, points)
    surface = index_surface(box())
    least = fit_least_squares(scan, surface, start)
    zone = fit_zone(scan, surface, least)
    assert zone.converged
    assert zone.largest_m < 0.8 * least.largest_m
    left = closest(surface, zone.part_from_scan.apply(scan)).distance_m
    assert left.max() == pytest.approx(-left.min(), rel=1e-3)  # as far outwards as inwards


def test_the_zone_of_a_shifted_pair_of_faces_is_what_geometry_says(rng):
    """Two opposite faces each 30 µm outside: no motion helps, the largest distance stays 30 µm."""
    points, axis, side = scanned(rng, 4000, 0.0)
    points[:, 2] += np.where(axis == 2, np.where(side == 1, 30e-6, -30e-6), 0.0)
    scan, _, start = shifted(rng, points)
    surface = index_surface(box())
    zone = fit_zone(scan, surface, fit_least_squares(scan, surface, start))
    assert zone.largest_m == pytest.approx(30e-6, abs=2e-9)


def test_a_motion_that_points_do_not_determine_is_named_and_not_made(rng):
    points, axis, side = scanned(rng, 9000, 5e-6)
    inner = (axis == 2) & (side == 1) & (np.abs(points[:, :2] / SIZE[:2] - 0.5) < 0.3).all(axis=1)
    scan, _, start = shifted(rng, points[inner])
    fit = fit_least_squares(scan, index_surface(box()), start)
    assert len(fit.unseen) == 3  # two slides and a turn in the plane
    moved = fit.part_from_scan.apply(scan) - start.apply(scan)
    assert np.abs(moved[:, :2]).max() < 2e-5


def test_fits_are_the_same_to_the_bit_on_any_number_of_threads(rng):
    scan, _, start = shifted(rng, scanned(rng, 20_000, 20e-6)[0])
    surface, before, poses = index_surface(box()), threads(), []
    for count in (1, 2, 4):
        set_threads(count)
        fit = fit_zone(scan, surface, fit_least_squares(scan, surface, start, sharing_m=0.005))
        poses.append(np.concatenate([fit.part_from_scan.matrix().ravel(), fit.covariance.ravel()]))
    set_threads(before)
    assert all(np.array_equal(poses[0], p) for p in poses[1:])


def test_the_uncertainty_of_a_place_is_that_of_its_scatter(rng):
    surface, place, seen = index_surface(box()), SIZE[None] * 1.0, []
    for _ in range(80):
        scan, truth, start = shifted(rng, scanned(rng, 1000, 20e-6)[0])
        fit = fit_least_squares(scan, surface, start)
        seen.append((fit.part_from_scan @ truth.inverse()).apply(place)[0])
    assert pose_uncertainty_m(fit, place)[0] == pytest.approx(np.std(seen, axis=0).max(), rel=0.3)
