# SPDX-License-Identifier: Apache-2.0
"""Minimum-zone and one-sided elements: optimal, touching, held, and with the derivatives they claim."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitted_points import made, turned
from test_metrology_fits import apart
from visionvalley.core import BadInput, Circle, Cone, Cylinder, Line, Plane, Slot, Sphere
from visionvalley.vision.metrology import least_squares, minimum_zone, one_sided
from visionvalley.vision.metrology.fits import COLUMNS, Held, deviations, moved, shape_of

ZONES = {
    Line: minimum_zone.fit_line,
    Plane: minimum_zone.fit_plane,
    Circle: minimum_zone.fit_circle,
    Sphere: minimum_zone.fit_sphere,
    Cylinder: minimum_zone.fit_cylinder,
    Cone: minimum_zone.fit_cone,
}
ROUND = {
    (Circle, True): one_sided.fit_inscribed_circle,
    (Circle, False): one_sided.fit_circumscribed_circle,
    (Sphere, True): one_sided.fit_inscribed_sphere,
    (Sphere, False): one_sided.fit_circumscribed_sphere,
    (Cylinder, True): one_sided.fit_inscribed_cylinder,
    (Cylinder, False): one_sided.fit_circumscribed_cylinder,
}


def normal_of(element):
    return element.normal if isinstance(element, (Plane, Circle)) else element.direction


def assert_derivatives(fit, points, found, rng, within=1e-3):
    """Check sensitivity and influence against small shifts of all points."""
    shifts = 1e-9 * rng.normal(size=points.shape)
    more, less = fit(points + shifts), fit(points - shifts)
    change = 0.5 * (more.width_m - less.width_m)
    assert (found.sensitivity * shifts).sum() == pytest.approx(change, rel=1e-3, abs=1e-14)
    size = apart(more.element, less.element).max()
    assert apart(moved(found.element, (found.influence * shifts).sum(axis=(1, 2))), more.element).max() < within * size


@pytest.mark.parametrize("kind", ZONES)
@pytest.mark.parametrize("arc_rad", [6.2, 1.0])
def test_no_element_nearby_has_a_smaller_zone(kind, arc_rad, rng):
    one = made(kind, 60, arc_rad, 0.02, 1e-5, 0.3, 11)
    zone = ZONES[kind](one.points_m)
    least = least_squares.fit(one.points_m, one.truth)
    assert zone.converged
    assert (zone.multipliers > 0).all()
    assert zone.multipliers.sum() == pytest.approx(1, abs=1e-12)
    reached = np.abs(zone.residual_m[zone.contacts])
    assert_allclose(reached, zone.largest_m, atol=1e-15)
    assert zone.width_m == pytest.approx(2 * zone.largest_m, rel=1e-12)
    assert zone.largest_m < (least.largest_m if kind is not Circle else deviations_in_plane(one, least).max())
    for scale in 10.0 ** rng.uniform(-9, -5, 40):
        step = scale * rng.normal(size=len(COLUMNS[kind]))
        if kind is Circle:
            step[2:5] = 0
        shape = shape_of(moved(zone.element, step))
        kinds = shape_of(Cylinder(zeros(), along(), 1.0)).kind if kind in (Line, Circle) else shape.kind
        assert deviations(one.points_m, replace(shape, kind=kinds))[2] > zone.largest_m - 1e-16


def zeros():
    return np.zeros(3)


def along():
    return np.array([0.0, 0.0, 1.0])


def deviations_in_plane(one, fitted):
    shape = shape_of(Cylinder(fitted.element.point_m, fitted.element.normal, fitted.element.radius_m))
    return np.abs(deviations(one.points_m, shape)[0])


@pytest.mark.parametrize("kind", [Line, Plane, Sphere, Cylinder, Cone])
def test_a_zone_says_how_it_changes_with_its_points(kind, rng):
    one = made(kind, 60, 5.0, 0.02, 1e-5, 0.3, 12)
    assert_derivatives(lambda p: ZONES[kind](p, one.truth), one.points_m, ZONES[kind](one.points_m, one.truth), rng)


def test_the_zone_of_a_circle_in_a_given_plane_says_how_it_changes(rng):
    one = made(Circle, 60, 5.0, 0.02, 1e-5, 0.3, 12)
    held = Held(parallel=one.truth.normal)
    flat = one.points_m - ((one.points_m - one.truth.point_m) @ one.truth.normal)[:, None] * one.truth.normal
    found = minimum_zone.fit_circle(flat, one.truth, held)
    shifts = 1e-9 * rng.normal(size=flat.shape)
    change = [minimum_zone.fit_circle(flat + s * shifts, one.truth, held).width_m for s in (1, -1)]
    assert (found.sensitivity * shifts).sum() == pytest.approx(0.5 * (change[0] - change[1]), rel=1e-3)


def test_a_known_zone_is_found():
    turn = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    radius = 0.02 + 1e-5 * np.where(np.arange(8) % 2, 1, -1)  # alternately outside and inside: the centre is best
    ring = np.column_stack([radius * np.cos(turn), radius * np.sin(turn), 0 * turn])
    zone = minimum_zone.fit_circle(ring)
    assert zone.width_m == pytest.approx(2e-5, abs=1e-16)
    assert_allclose(zone.element.point_m, 0, atol=1e-15)
    table = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0.5, 0.5, 1e-3], [0.3, 0.4, 0.0]])
    assert minimum_zone.fit_plane(table).width_m == pytest.approx(1e-3, rel=1e-12)
    rod = np.array([[x, 1e-3 * np.cos(a), 1e-3 * np.sin(a)] for x in (0, 0.5, 1) for a in (0, 2, 4)])
    assert minimum_zone.fit_line(rod).width_m == pytest.approx(2e-3, rel=1e-9)


def test_a_fat_cloud_gets_the_thinnest_slab_of_all(rng):
    block = rng.uniform(-1, 1, (300, 3)) * (0.5, 0.45, 0.4) @ turned(rng).T
    zone = minimum_zone.fit_plane(block)
    ways = rng.normal(size=(20_000, 3))
    ways /= np.linalg.norm(ways, axis=1)[:, None]
    assert zone.converged
    assert zone.width_m < np.ptp(block @ ways.T, axis=0).min()


def test_a_cube_has_its_zones_though_least_squares_leave_their_directions_open(rng):
    way = turned(rng)
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) - 0.5
    faces = np.concatenate([corners, np.eye(3) / 2, -np.eye(3) / 2])  # their middles: as open
    for points in (corners, faces):
        slab = minimum_zone.fit_plane(points @ way.T + 0.3)
        assert slab.width_m == pytest.approx(1, rel=1e-9)
        about = minimum_zone.fit_line(points @ way.T + 0.3)
        assert about.width_m == pytest.approx(np.sqrt(2), rel=1e-9)
        assert np.abs(way.T @ about.element.direction).max() == pytest.approx(1, rel=1e-9)
    octahedron = np.concatenate([np.eye(3), -np.eye(3)]) @ way.T
    assert minimum_zone.fit_plane(octahedron).width_m == pytest.approx(2 / np.sqrt(3), rel=1e-9)
    with pytest.raises(BadInput, match="do not determine"):
        minimum_zone.fit_plane(np.linspace(-1, 1, 9)[:, None] * way[0])


def test_a_strip_in_a_plane_is_the_narrowest(rng):
    one = made(Line, 80, 1.0, 0.05, 1e-5, 0.3, 13)
    normal = np.cross(one.truth.direction, [0.0, 0, 1])
    normal /= np.linalg.norm(normal)
    strip = minimum_zone.fit_line_in_plane(one.points_m, normal)
    assert strip.converged
    assert abs(strip.element.direction @ normal) < 1e-15
    assert strip.residual_m.max() == pytest.approx(-strip.residual_m.min(), rel=1e-9)
    across = np.cross(normal, one.truth.direction)
    for turn in rng.normal(0, 1e-4, 200):
        way = np.cos(turn) * across + np.sin(turn) * one.truth.direction
        assert np.ptp(one.points_m @ way) >= strip.width_m - 1e-15
    # the line also goes with the points' mean height, which is no part of its answer
    assert_derivatives(lambda p: minimum_zone.fit_line_in_plane(p, normal), one.points_m, strip, rng, 2e-3)


@pytest.mark.parametrize(("kind", "inside"), ROUND)
def test_one_sided_elements_touch_and_leave_nothing_beyond(kind, inside, rng):
    one = made(kind, 60, 6.2, 0.02, 1e-5, 0.3, 14)
    found = ROUND[kind, inside](one.points_m, one.truth)
    sign = -1 if inside else 1
    assert found.converged
    assert (sign * found.residual_m).max() < 1e-16
    assert_allclose(found.residual_m[found.contacts], 0, atol=1e-16)
    assert found.width_m == pytest.approx(2 * found.element.radius_m)
    for scale in 10.0 ** rng.uniform(-9, -5, 40):
        step = scale * rng.normal(size=len(COLUMNS[kind]))
        if kind is Circle:
            step[2:5] = 0
        other = moved(found.element, step)
        shape = shape_of(Cylinder(other.point_m, other.normal, other.radius_m) if kind is Circle else other)
        radius = other.radius_m + sign * (sign * deviations(one.points_m, shape)[0]).max()
        assert sign * radius > sign * found.element.radius_m - 1e-16
    if kind is not Circle:
        assert_derivatives(lambda p: ROUND[kind, inside](p, one.truth), one.points_m, found, rng)


def test_holding_a_direction_costs_and_is_kept(rng):
    one = made(Cylinder, 200, 6.2, 0.02, 1e-5, 0.3, 15)
    way = one.truth.direction
    free = one_sided.fit_inscribed_cylinder(one.points_m, one.truth)
    across = np.cross(way, [1.0, 0, 0])
    turning = one_sided.fit_inscribed_cylinder(one.points_m, one.truth, Held(perpendicular=across))
    fixed = one_sided.fit_inscribed_cylinder(one.points_m, one.truth, Held(parallel=way))
    axis = one_sided.fit_inscribed_cylinder(one.points_m, one.truth, Held(axis=Line(one.truth.point_m, way)))
    assert free.width_m > turning.width_m > fixed.width_m > axis.width_m
    assert abs(turning.element.direction @ across) < 1e-15
    assert_allclose(fixed.element.direction, way, atol=1e-15)
    for held in (Held(perpendicular=across), Held(parallel=way)):
        found = one_sided.fit_inscribed_cylinder(one.points_m, one.truth, held)
        assert_derivatives(
            lambda p, held=held: one_sided.fit_inscribed_cylinder(p, one.truth, held), one.points_m, found, rng
        )


def test_a_tangent_plane_lies_outside_and_as_close_as_can_be(rng):
    one = made(Plane, 60, 1.0, 0.05, 1e-5, 0.3, 16)
    for outward in (one.truth.normal, -one.truth.normal):
        plane = one_sided.fit_tangent_plane(one.points_m, outward)
        assert plane.element.normal @ outward > 0.99
        assert plane.residual_m.max() < 1e-16
        assert plane.residual_m.min() == pytest.approx(-plane.width_m, rel=1e-9)
        assert plane.width_m == pytest.approx(minimum_zone.fit_plane(one.points_m).width_m, rel=1e-12)
        assert_derivatives(lambda p, way=outward: one_sided.fit_tangent_plane(p, way), one.points_m, plane, rng)
        held = one_sided.fit_tangent_plane(one.points_m, outward, Held(parallel=outward))
        assert held.width_m == pytest.approx(np.ptp(one.points_m @ outward), rel=1e-9)


def test_the_width_of_a_slot_is_the_largest_gap_between_its_sides(rng):
    one = made(Slot, 300, 6.2, 0.02, 1e-5, 0.3, 17)
    gap = one_sided.fit_width(one.points_m, one.truth)
    tongue = one_sided.fit_width(one.points_m, one.truth, inside=False)
    assert gap.converged
    assert tongue.converged
    assert 0.0199 < gap.width_m < 0.02 < tongue.width_m < 0.0201
    assert np.nanmin(gap.residual_m) > -1e-16
    assert np.nanmax(tongue.residual_m) < 1e-16
    assert_derivatives(lambda p: one_sided.fit_width(p, one.truth), one.points_m, gap, rng)
    with pytest.raises(BadInput) as caught:
        one_sided.fit_width(one.points_m, replace(one.truth, point_m=one.truth.point_m + 0.1))
    assert caught.value.message.id in ("metrology.one_side", "metrology.too_few")


def test_no_inscribed_circle_of_a_short_arc():
    with pytest.raises(BadInput) as caught:
        one_sided.fit_inscribed_circle(made(Circle, 40, 1.0, 0.02, 1e-6, 0.3, 18).points_m)
    assert caught.value.message.id == "metrology.no_inscribed"


@pytest.mark.parametrize("kind", ZONES)
def test_points_without_noise_have_no_zone_and_touch_everywhere(kind):
    one = made(kind, 60, 6.2, 0.02, 0.0, 0.3, 21)
    zone = ZONES[kind](one.points_m)
    assert zone.converged
    assert zone.width_m < 1e-15
    for inside in (True, False):
        if (kind, inside) in ROUND:
            found = ROUND[kind, inside](one.points_m)
            assert found.converged
            assert found.width_m == pytest.approx(0.04, abs=1e-15)


def test_many_contacts_at_once_are_no_trouble():
    turn = 2 * np.pi * np.arange(64) / 64
    rings = np.concatenate([np.column_stack([np.cos(turn), np.sin(turn), 0 * turn + z]) for z in range(4)])
    for inside in (True, False):
        found = ROUND[Cylinder, inside](0.01 * rings)
        assert found.converged
        assert found.element.radius_m == pytest.approx(0.01, abs=1e-16)
    cube = np.stack(np.meshgrid([0, 1.0], [0, 1.0], [0, 1.0]), -1).reshape(-1, 3)
    assert one_sided.fit_circumscribed_sphere(cube).element.radius_m == pytest.approx(np.sqrt(0.75), abs=1e-15)


def test_many_points_need_not_be_few(rng):
    one = made(Cylinder, 100_000, 6.2, 0.02, 1e-5, 0.3, 19)
    one.points_m[::7] = np.nan
    zone = minimum_zone.fit_cylinder(one.points_m, one.truth)
    assert zone.converged
    assert np.nanmax(np.abs(zone.residual_m)) == zone.largest_m
    assert not np.isnan(one.points_m[zone.contacts]).any()
    alone = minimum_zone.fit_cylinder(one.points_m[zone.contacts], zone.element)
    assert alone.width_m <= zone.width_m + 1e-15


@pytest.mark.parametrize(("count", "degrees"), [(6, 360), (40, 360), (12, 45)])
def test_that_the_plane_of_a_circle_turns_with_its_points_adds_next_to_nothing(count, degrees):
    """Against the same fit in the true plane: its uncertainty needs no part of the plane's."""
    fits = [minimum_zone.fit_circle]
    if degrees == 360:
        fits += [one_sided.fit_inscribed_circle, one_sided.fit_circumscribed_circle]
    turn = np.radians(degrees) * (np.arange(count) / (count - (degrees < 360)) - 0.5)
    round_ = np.stack([0.01 * np.cos(turn), 0.01 * np.sin(turn), 0 * turn], axis=1)
    like = Circle(np.zeros(3), np.array([0, 0, 1.0]), 0.01)
    for fit in fits:
        widths = []
        for seed in range(20):
            points = round_ + np.random.default_rng(seed).normal(0, 10e-6, (count, 3))
            widths.append([fit(points, like, held).width_m for held in (Held(), Held(parallel=like.normal))])
        own, held = np.array(widths).T
        assert np.abs(own - held).max() < 0.15 * held.std()
        assert own.std() == pytest.approx(held.std(), rel=0.03)
