# SPDX-License-Identifier: Apache-2.0
"""Least-squares elements against known truth: what they find, how they answer to points, what they refuse."""

from dataclasses import fields, replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitted_points import KINDS, made, turned
from visionvalley.core import BadInput, Circle, Cone, Cylinder, Line, Plane, Slot, Sphere
from visionvalley.vision.metrology import least_squares
from visionvalley.vision.metrology.extremes import derivatives
from visionvalley.vision.metrology.fits import COLUMNS, Held, moved, shape_of

FITS = {
    Line: least_squares.fit_line,
    Plane: least_squares.fit_plane,
    Circle: least_squares.fit_circle,
    Sphere: least_squares.fit_sphere,
    Cylinder: least_squares.fit_cylinder,
    Cone: least_squares.fit_cone,
    Slot: least_squares.fit_slot,
}


def apart(found, truth):
    """Return how far two elements lie apart: place, directions, sizes; of a line or plane beside the first's point."""
    gaps = []
    for name in (one.name for one in fields(found)):
        a, b = getattr(found, name), getattr(truth, name)
        if name in ("normal", "direction"):
            gaps.append(np.linalg.norm(np.cross(a, b)))
        elif name == "point_m":
            off = a - b
            if isinstance(found, Plane):
                off = (off @ found.normal) * found.normal
            if isinstance(found, (Line, Cylinder, Cone)):
                off = off - (off @ found.direction) * found.direction
            gaps.append(np.linalg.norm(off))
        elif name == "radius_m" and isinstance(found, Cone):
            along = (found.point_m - truth.point_m) @ truth.direction
            gaps.append(abs(a - b - along * np.tan(truth.half_angle_rad)))
        elif name != "internal":
            gaps.append(abs(a - b))
    return np.array(gaps, float)


@pytest.mark.parametrize("kind", KINDS)
def test_points_without_noise_give_the_element_back(kind):
    for arc, offset in ((6.2, 0.1), (1.0, 10.0)):
        one = made(kind, 60, arc, 0.02, 0.0, offset, 1)
        fitted = FITS[kind](one.points_m)
        assert fitted.converged
        assert fitted.largest_m < 1e-14
        assert apart(fitted.element, one.truth).max() < 3e-12


@pytest.mark.parametrize("kind", KINDS)
def test_the_residuals_are_the_distances_and_their_squares_are_least(kind, rng):
    one = made(kind, 80, 4.0, 0.02, 1e-4, 0.3, 2)
    fitted = FITS[kind](one.points_m)
    assert fitted.rms_m == pytest.approx(np.sqrt(np.mean(fitted.residual_m**2)), rel=1e-12)
    assert fitted.largest_m == np.abs(fitted.residual_m).max()
    for _ in range(20):
        nearby = moved(fitted.element, 1e-6 * rng.normal(size=len(COLUMNS[kind])))
        other = FITS[kind](one.points_m, nearby)
        assert other.rms_m == pytest.approx(fitted.rms_m, rel=1e-12)
        assert apart(other.element, fitted.element).max() < 1e-12
        assert least_squares.deviations(one.points_m, least_squares.shape_of(nearby))[1] > fitted.rms_m


@pytest.mark.parametrize("kind", KINDS)
def test_the_influence_of_points_is_the_derivative_of_the_fit(kind, rng):
    one = made(kind, 40, 5.0, 0.02, 2e-4, 0.3, 3)
    fitted = FITS[kind](one.points_m)
    shifts = 1e-6 * rng.normal(size=one.points_m.shape)
    predicted = moved(fitted.element, (fitted.influence * shifts).sum(axis=(1, 2)))
    exact = [FITS[kind](one.points_m + sign * shifts, fitted.element).element for sign in (1, -1)]
    size = apart(exact[0], exact[1]).max()
    assert apart(predicted, exact[0]).max() < 2e-3 * size
    assert apart(moved(fitted.element, -(fitted.influence * shifts).sum(axis=(1, 2))), exact[1]).max() < 2e-3 * size


@pytest.mark.parametrize("kind", KINDS)
def test_a_start_that_fits_exactly_gives_the_same_influence(kind):
    one = made(kind, 40, 5.0, 0.02, 0.0, 0.3, 3)
    away = {"point_m": one.truth.point_m + 0.05 * one.truth.direction} if kind in (Line, Cylinder) else {}
    if kind is Plane:
        away = {"point_m": one.truth.point_m + 0.05 * np.cross(one.truth.normal, [1.0, 0, 0])}
    exact = FITS[kind](one.points_m, replace(one.truth, **away))
    other = FITS[kind](one.points_m, moved(one.truth, 1e-7 * np.ones(len(COLUMNS[kind]))))
    size = np.abs(other.influence).max(axis=(1, 2), keepdims=True)
    assert_allclose(exact.influence / size, other.influence / size, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_points_without_measurement_are_left_out(kind):
    one = made(kind, 60, 5.0, 0.02, 1e-5, 0.3, 4)
    holes = np.insert(one.points_m, [0, 10, 60], np.nan, axis=0)
    whole, with_holes = FITS[kind](one.points_m), FITS[kind](holes)
    assert np.array_equal(with_holes.element.point_m, whole.element.point_m)
    assert np.array_equal(np.isnan(with_holes.residual_m), np.isnan(holes[:, 0]))
    assert not with_holes.influence[:, np.isnan(holes[:, 0])].any()


@pytest.mark.parametrize("kind", KINDS)
def test_too_few_points_and_points_on_a_line_are_refused(kind, rng):
    with pytest.raises(BadInput) as caught:
        FITS[kind](np.array([[0.0, 0, 0], [np.nan, 0, 0]]))
    assert caught.value.message.id == "metrology.too_few"
    with pytest.raises(BadInput) as caught:
        FITS[kind](np.full((20, 3), 0.7))
    assert caught.value.message.id == "metrology.degenerate"
    if kind is not Line:
        with pytest.raises(BadInput) as caught:
            FITS[kind](rng.normal(size=(20, 1)) * turned(rng)[0] + 0.3)
        assert caught.value.message.id == "metrology.degenerate"
        assert all(caught.value.render())


def test_a_sphere_through_one_circle_is_refused():
    with pytest.raises(BadInput) as caught:
        least_squares.fit_sphere(made(Circle, 30, 6.0, 0.02, 0.0, 0.3, 5).points_m)
    assert caught.value.message.id == "metrology.degenerate"


def test_a_held_direction_is_kept_and_the_rest_is_best():
    one = made(Cylinder, 200, 5.0, 0.02, 1e-4, 0.3, 6)
    given = np.array([0.1, 0.2, 0.9])
    near = replace(one.truth, direction=given)
    for held in (Held(parallel=one.truth.direction + 1e-3), Held(perpendicular=np.cross(one.truth.direction, given))):
        fitted = least_squares.fit_cylinder(one.points_m, None, held)
        assert fitted.converged
        if held.parallel is not None:
            assert_allclose(np.cross(fitted.element.direction, held.parallel), 0, atol=1e-15)
            assert_allclose(fitted.influence[2:4], 0, atol=0)
        else:
            assert abs(fitted.element.direction @ held.perpendicular) < 1e-15
        again = least_squares.fit_cylinder(one.points_m, near, held)
        assert apart(again.element, fitted.element).max() < 1e-12
    axis = Line(one.truth.point_m, one.truth.direction)
    fitted = least_squares.fit_cylinder(one.points_m, None, Held(axis=axis))
    off = one.points_m - axis.point_m
    off -= (off @ axis.direction)[:, None] * axis.direction
    assert fitted.element.radius_m == pytest.approx(np.mean(np.linalg.norm(off, axis=1)), rel=1e-14)
    with pytest.raises(BadInput) as caught:
        Held(parallel=given, perpendicular=given)
    assert caught.value.message.id == "metrology.held_twice"


def test_points_on_the_wall_of_a_slot_are_told_from_its_curve(rng):
    one = made(Slot, 300, 6.2, 0.02, 0.0, 0.3, 7)
    wall = one.points_m + rng.uniform(-0.01, 0.02, (300, 1)) * one.truth.normal + 1e-5 * rng.normal(size=(300, 3))
    for fitted in (
        least_squares.fit_slot(wall),
        least_squares.fit_slot(wall, one.truth),
        least_squares.fit_slot(one.points_m + 1e-5 * rng.normal(size=(300, 3))),
    ):
        assert fitted.element.width_m == pytest.approx(0.02, abs=5e-6)
        assert fitted.element.length_m == pytest.approx(0.06, abs=5e-6)
        assert np.linalg.norm(np.cross(fitted.element.normal, one.truth.normal)) < 1e-3


def test_a_start_says_which_way_and_on_which_side(rng):
    one = made(Plane, 50, 1.0, 0.1, 1e-5, 0.3, 8)
    for sign in (1, -1):
        fitted = least_squares.fit_plane(one.points_m, Plane(one.truth.point_m, sign * one.truth.normal))
        assert fitted.element.normal @ one.truth.normal * sign > 0.99
    hole = made(Cylinder, 50, 5.0, 0.02, 1e-5, 0.3, 9)
    assert least_squares.fit_cylinder(hole.points_m, replace(hole.truth, internal=True)).element.internal


@pytest.mark.parametrize("kind", [Plane, Sphere, Cylinder, Cone, Slot])
@pytest.mark.parametrize("count", [1, 128, 129, 5000])
def test_sums_over_blocks_are_the_sums_of_the_points_derivatives(kind, count, rng):
    one = made(kind, 10, 5.0, 0.02, 0.0, 0.3, 10)
    points = one.truth.point_m + 0.03 * rng.normal(size=(count, 3))
    shape = shape_of(one.truth, wall=True)
    sums = least_squares.sums_of(points, shape, 1.0)
    distances, slopes, seconds, _ = derivatives(points, shape)
    d = distances[:, 0]
    assert sums.value == pytest.approx(0.5 * (d @ d), rel=1e-12)
    assert_allclose(sums.slope, d @ slopes, rtol=1e-11, atol=1e-11)
    assert_allclose(sums.second, slopes.T @ slopes + np.tensordot(d, seconds, 1), rtol=1e-10, atol=1e-10)
