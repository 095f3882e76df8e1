# SPDX-License-Identifier: Apache-2.0
"""Histograms of the shape around a point."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tests import naive_registration as naive
from tests.parts import anywhere, bumpy

from visionvalley.core import BadInput, Cloud
from visionvalley.kernels import threads
from visionvalley.vision.shape.descriptors import fast_point_feature_histograms
from visionvalley.vision.shape.normals import normals

RADIUS = 0.03


def cloud(rng, count):
    points = bumpy(rng, count)
    n = normals(points, min(12, count))
    return Cloud(points, n * np.sign((n * points).sum(axis=1))[:, None])


@pytest.mark.parametrize("count", [3, 17, 200])
def test_histograms_agree_with_their_twin(rng, count):
    one = cloud(rng, count)
    found = fast_point_feature_histograms(one, RADIUS)
    simple = np.array([naive.simple_histogram(one.points_m, one.normals, i, RADIUS) for i in range(count)])
    twin = np.array([naive.fast_histogram(one.points_m, simple, i, RADIUS) for i in range(count)])
    off = np.abs(found**2 - twin**2).sum(axis=1)  # an angle at the edge of a bin may fall to either side
    assert np.median(off) < 1e-5
    assert off.max() < 0.1


def test_each_histogram_has_length_one(rng):
    found = fast_point_feature_histograms(cloud(rng, 300), RADIUS)
    assert_allclose((found**2).sum(axis=1), 1.0, atol=1e-5)


def test_a_histogram_does_not_change_when_the_part_moves(rng):
    one = cloud(rng, 400)
    before = fast_point_feature_histograms(one, RADIUS)
    after = fast_point_feature_histograms(one.moved(anywhere(rng)), RADIUS)
    assert np.median(np.abs(before**2 - after**2).sum(axis=1)) < 0.01
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.999


def test_nan_stays_nan_and_touches_nobody(rng):
    one = cloud(rng, 200)
    points, directions = one.points_m.copy(), one.normals.copy()
    points[5], directions[9] = np.nan, np.nan
    found = fast_point_feature_histograms(Cloud(points, directions), RADIUS)
    left = np.delete(np.arange(200), [5, 9])
    assert np.isnan(found[[5, 9]]).all()
    alone = fast_point_feature_histograms(Cloud(points[left], directions[left]), RADIUS)
    assert_allclose(found[left], alone, atol=1e-3)


def test_nothing_has_no_histograms():
    assert fast_point_feature_histograms(Cloud(np.zeros((0, 3)), np.zeros((0, 3))), RADIUS).shape == (0, 33)


def test_the_same_bits_on_any_number_of_threads(rng):
    one, before, found = cloud(rng, 1000), threads.threads(), []
    try:
        for count in (1, 2, 4):
            threads.set_threads(count)
            found.append(fast_point_feature_histograms(one, RADIUS))
    finally:
        threads.set_threads(before)
    assert_array_equal(found[0], found[1])
    assert_array_equal(found[0], found[2])


def test_clouds_without_normals_and_radii_that_are_none_are_refused(rng):
    with pytest.raises(BadInput, match="no normals"):
        fast_point_feature_histograms(Cloud(bumpy(rng, 20)), RADIUS)
    with pytest.raises(BadInput):
        fast_point_feature_histograms(cloud(rng, 20), 0.0)
