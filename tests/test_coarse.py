# SPDX-License-Identifier: Apache-2.0
"""Registration without a start, and which side of a surface is outside."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from tests.parts import anywhere, bumpy, rms_m, view

from visionvalley.core import BadInput, Cloud
from visionvalley.kernels import threads
from visionvalley.vision.shape.coarse import align_coarse, describe
from visionvalley.vision.shape.normals import normals
from visionvalley.vision.shape.orientation import orient_outwards

CELL = 0.0035


# ---- which side is outside
@pytest.mark.parametrize("seen_from", [None, (1, 0, 0), (0, 1, 1)])
def test_normals_come_to_point_outwards(rng, seen_from):
    points = bumpy(rng, 3000) if seen_from is None else view(rng, 6000, seen_from)
    signs = rng.choice([-1.0, 1.0], len(points))
    found = orient_outwards(points, normals(points, 12) * signs[:, None])
    assert ((found * points).sum(axis=1) > 0).mean() > 0.98


def test_sides_keep_nan_and_need_no_points(rng):
    points = bumpy(rng, 500)
    points[7] = np.nan
    assert np.isnan(orient_outwards(points, normals(points, 12))[7]).all()
    assert orient_outwards(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0, 3)


# ---- a fit without a start
@pytest.mark.parametrize("seed", range(4))
def test_a_scan_is_found_on_the_whole(seed):
    rng = np.random.default_rng(seed)
    scan, true = view(rng, 20_000, rng.normal(size=3)), anywhere(rng)
    fit = align_coarse(true.inverse().apply(scan), bumpy(rng, 20_000, 30e-6), CELL)
    assert fit.converged
    assert fit.overlap > 0.9
    assert rms_m(fit.target_from_source, true, true.inverse().apply(scan)) < 0.1 * CELL


def test_two_views_that_share_half_are_brought_together(rng):
    one, other, true = view(rng, 20_000, (1, 0, 0.3)), view(rng, 20_000, (0.5, 0.9, 0)), anywhere(rng)
    fit = align_coarse(true.inverse().apply(one), other, CELL)
    assert fit.converged
    assert 0.4 < fit.overlap < 0.9
    assert rms_m(fit.target_from_source, true, true.inverse().apply(one)) < 0.3 * CELL


def test_shapes_that_do_not_belong_together_are_told(rng):
    other = rng.uniform(-0.05, 0.05, (20_000, 3))
    face = rng.integers(0, 3, len(other))
    other[np.arange(len(other)), face] = np.where(rng.random(len(other)) < 0.5, -0.05, 0.05)
    assert not align_coarse(bumpy(rng, 20_000, 30e-6), other, CELL).converged


def test_the_answer_is_the_same_every_time_on_any_number_of_threads(rng):
    one, other, before = view(rng, 8000, (1, 0, 0)), bumpy(rng, 8000), threads.threads()
    found = []
    try:
        for count in (1, 2, 4, 2):
            threads.set_threads(count)
            found.append(align_coarse(one, other, 0.005))
    finally:
        threads.set_threads(before)
    for fit in found[1:]:
        assert_array_equal(fit.target_from_source.matrix(), found[0].target_from_source.matrix())
        assert_array_equal(fit.covariance, found[0].covariance)


def test_normals_that_are_given_are_kept_to_their_side(rng):
    points = bumpy(rng, 5000)
    inward = -orient_outwards(points, normals(points, 12))
    shape = describe(Cloud(points, inward), 0.005)
    assert not shape.guessed
    assert ((shape.cloud.normals * shape.cloud.points_m).sum(axis=1) < 0).mean() > 0.99


def test_nothing_can_be_described_of_a_few_points(rng):
    with pytest.raises(BadInput, match="usable points"):
        describe(bumpy(rng, 5), CELL)
    with pytest.raises(BadInput):
        describe(bumpy(rng, 100), 0.0)
