# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from numpy.testing import assert_array_equal

import naive_points as naive
from visionvalley.core import BadInput
from visionvalley.kernels.threads import set_threads, threads
from visionvalley.vision.shape.outliers import radius_inliers, statistical_inliers


def with_strays(rng, count):
    """A noisy plane, points far off it, repeated points, and rows without measurement."""
    points = rng.uniform(0, 1, size=(count, 3)) * [1, 1, 0.001]
    points[::97] += rng.normal(size=points[::97].shape)
    points[5::101] = points[0] if count else 0
    points[3::103] = np.nan
    return points


@pytest.mark.parametrize("count", [0, 1, 2, 30, 1500])
@pytest.mark.parametrize("k", [1, 6, 20])
def test_statistical_inliers_agree_with_the_naive_twin(count, k, rng):
    points = with_strays(rng, count)
    assert_array_equal(statistical_inliers(points, k, 1.5), naive.statistical_inliers(points, k, 1.5))


@pytest.mark.parametrize("count", [0, 1, 30, 1500])
@pytest.mark.parametrize("least", [0, 1, 4])
def test_radius_inliers_agree_with_the_naive_twin(count, least, rng):
    points = with_strays(rng, count)
    assert_array_equal(radius_inliers(points, 0.04, least), naive.radius_inliers(points, 0.04, least))


def test_strays_are_found_and_few_others(rng):
    plane = rng.uniform(0, 1, size=(5000, 3)) * [1, 1, 0]
    strays = rng.uniform(0, 1, size=(50, 3)) * [1, 1, 0] + [0, 0, 0.5]
    keep = statistical_inliers(np.vstack([plane, strays]), 16, 2.0)
    assert not keep[5000:].any()
    assert keep[:5000].mean() > 0.97
    assert not radius_inliers(np.vstack([plane, strays]), 0.05, 5)[5000:].any()


def test_inliers_do_not_depend_on_the_threads(rng):
    points = with_strays(rng, 30000)
    before, results = threads(), []
    for count in (1, 2, 4):
        set_threads(count)
        results.append((statistical_inliers(points, 10, 1.0), radius_inliers(points, 0.01, 3)))
    set_threads(before)
    for other in results[1:]:
        assert_array_equal(other, results[0])


def test_a_radius_must_be_positive():
    with pytest.raises(BadInput, match="radius_m"):
        radius_inliers(np.zeros((3, 3)), 0.0, 1)
