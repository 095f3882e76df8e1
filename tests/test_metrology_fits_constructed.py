# SPDX-License-Identifier: Apache-2.0
"""Constructed elements against what they must satisfy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitted_points import turned
from visionvalley.core import BadInput, Circle, Cylinder, Line, Plane, Point, Pose
from visionvalley.vision.metrology import constructed


def plane(rng, far_m=1.0):
    return Plane(far_m * rng.normal(size=3), rng.normal(size=3))


def off(point, surface):
    return (point - surface.point_m) @ surface.normal


def test_intersections_lie_on_what_they_are_made_of(rng):
    for _ in range(50):
        a, b, c = (plane(rng) for _ in range(3))
        line = constructed.meet_planes(a, b)
        for along in (-2.0, 0.0, 3.0):
            assert_allclose([off(line.point_m + along * line.direction, p) for p in (a, b)], 0, atol=1e-12)
        corner = constructed.meet_three_planes(a, b, c).point_m
        assert_allclose([off(corner, p) for p in (a, b, c)], 0, atol=1e-12 * max(1, np.abs(corner).max()))
        pierced = constructed.meet_line_plane(Cylinder(line.point_m, line.direction, 0.1), c).point_m
        assert_allclose(pierced, corner, atol=1e-10 * max(1, np.abs(corner).max()))


def test_a_midplane_is_as_far_from_both_whichever_way_they_face(rng):
    for _ in range(50):
        first = plane(rng)
        tilted = first.normal + 0.1 * rng.normal(size=3)
        second = Plane(first.point_m + 0.3 * first.normal, rng.choice([1, -1]) * tilted)
        middle = constructed.midplane(first, second)
        for _ in range(3):
            step = np.cross(middle.normal, rng.normal(size=3))
            point = middle.point_m + step
            assert abs(off(point, first)) == pytest.approx(abs(off(point, second)), abs=1e-14)
        assert off(second.point_m, middle) > 0 > off(first.point_m, middle)
    nearly = constructed.midplane(
        Plane(np.zeros(3), np.array([0, 0, 1.0])), Plane([0, 0, 0.01], np.array([0, 1e-12, -1]))
    )
    assert_allclose(nearly.point_m, [0, 0, 0.005], atol=1e-14)


def test_axes_and_middles_of_centres():
    a, b = Circle(np.array([0, 0, 1.0]), np.array([0, 0, 1.0]), 0.1), Point(np.array([0, 0, 3.0]))
    line = constructed.axis_through(a, b)
    assert_allclose(line.point_m, [0, 0, 2])
    assert_allclose(line.direction, [0, 0, 1])
    assert_allclose(constructed.symmetric_point(a, b).point_m, [0, 0, 2])


def test_a_pattern_is_laid_on_found_holes(rng):
    nominal = rng.normal(size=(6, 3)) * (1, 1, 0)
    pose = Pose(turned(rng), rng.normal(size=3))
    found = pose.apply(nominal)
    exact = constructed.fit_pattern(nominal, found)
    assert_allclose(exact.found_from_nominal.apply(nominal), found, atol=1e-14)
    assert exact.largest_m < 1e-14
    noisy = found + 1e-3 * rng.normal(size=found.shape)
    noisy[2] = np.nan
    fitted = constructed.fit_pattern(nominal, noisy)
    assert np.isnan(fitted.residual_m[2]).all()
    used = np.arange(6) != 2
    assert fitted.rms_m == pytest.approx(np.sqrt((fitted.residual_m[used] ** 2).sum(axis=1).mean()))
    for _ in range(50):
        small = Pose.from_rotation_vector(1e-4 * rng.normal(size=3), 1e-4 * rng.normal(size=3))
        other = (small @ fitted.found_from_nominal).apply(nominal[used]) - noisy[used]
        assert (other**2).sum() > (fitted.residual_m[used] ** 2).sum()


def test_what_has_no_answer_is_refused(rng):
    z = np.array([0, 0, 1.0])
    flat, other = Plane(np.zeros(3), z), Plane(z, -z)
    line = [[x, 0, 0] for x in (0.0, 1, 2)]
    for make, name in (
        (lambda: constructed.meet_planes(flat, other), "parallel"),
        (lambda: constructed.meet_line_plane(Line(z, [1.0, 0, 0]), flat), "parallel"),
        (lambda: constructed.meet_three_planes(flat, other, plane(rng)), "no_corner"),
        (lambda: constructed.axis_through(Point(z), Point(z)), "same_place"),
        (lambda: constructed.fit_pattern(line, line), "degenerate"),
        (lambda: constructed.fit_pattern(line[:2], line[:2]), "too_few"),
    ):
        with pytest.raises(BadInput) as caught:
            make()
        assert caught.value.message.id == f"metrology.{name}"
        assert all(caught.value.render())
