# SPDX-License-Identifier: Apache-2.0
"""The Gaussian regression filter over scattered points: what it keeps, what it passes, and its weights."""

import math

import numpy as np
import pytest

from planted import X, Z, cylinder, plane
from visionvalley.core import BadInput, Line, Sphere
from visionvalley.vision.metrology.filters import (
    ALPHA,
    STEEP,
    angles,
    apply,
    chosen_cutoff_m,
    gaussian,
    places_on,
    weights,
)


def on_plane(count=2000, seed=0):
    feature = plane(count=count, seed=seed)
    return feature.points_m, places_on(feature.nominal, feature.points_m)


def naive(xy, values, cutoff_m, order, at):
    """The definition, by least squares, one place at a time."""
    out = []
    alpha = ALPHA[False, order]
    reach = cutoff_m * alpha * math.sqrt(STEEP / math.pi)
    for place in at:
        x, y = ((xy - place) / reach).T
        r = np.hypot(x, y)
        near = r <= 1
        x, y = x[near], y[near]
        columns = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y] if order else [np.ones_like(x)], axis=1)
        root = np.exp(-0.5 * STEEP * r[near] ** 2)[:, None]
        out.append(np.linalg.lstsq(columns * root, values[near] * root[:, 0], rcond=None)[0][0])
    return np.array(out)


@pytest.mark.parametrize("order", [0, 2])
def test_it_is_the_weighted_regression_of_its_definition(order):
    points, places = on_plane()
    values = np.random.default_rng(1).normal(size=len(points))
    found = apply(gaussian(places, 0.02, order=order), values)
    wanted = naive(places.places_m[:, :2], values, 0.02, order, places.places_m[:100, :2])
    np.testing.assert_allclose(found.values[:100], wanted, atol=1e-8)


def test_order_two_keeps_every_quadratic_shape_up_to_the_edge_and_order_zero_does_not():
    points, places = on_plane()
    x, y = points[:, 0], points[:, 1]
    shape = 1e-3 * (0.2 + x - 3 * y + 40 * x * x - 25 * x * y + 10 * y * y)
    assert np.abs(apply(gaussian(places, 0.02), shape).values - shape).max() < 1e-14
    assert np.abs(apply(gaussian(places, 0.02, order=0), shape).values - shape).max() > 1e-6


@pytest.mark.parametrize("order", [0, 2])
def test_half_of_a_wave_as_long_as_the_cut_off_passes_on_lines_and_areas(order):
    along = np.arange(4000) * 1e-5
    line = Line(np.zeros(3), X)
    places = places_on(line, along[:, None] * X)
    wave = apply(gaussian(places, 8e-4, order=order), np.sin(2 * np.pi * along / 8e-4)).values[500:-500]
    assert np.ptp(wave) / 2 == pytest.approx(0.5, abs=0.004)
    feature = plane(side=(0.02, 0.02), count=40_000, grid=True)
    places = places_on(feature.nominal, feature.points_m)
    x = places.places_m[:, 0]
    wave = apply(gaussian(places, 2e-3, order=order), np.sin(2 * np.pi * x / 2e-3)).values[np.abs(x) < 0.007]
    assert np.ptp(wave) / 2 == pytest.approx(0.5, abs=0.01)  # the grid of points is not a continuum


def test_a_closed_surface_has_no_seam():
    feature = cylinder(count=4000)
    places = places_on(feature.nominal, feature.points_m)
    turn = places.places_m[:, 0] / 0.01
    values = np.cos(turn) + 0.3 * np.sin(2 * turn)
    found = apply(gaussian(places, 0.006), values)
    at_seam, elsewhere = np.abs(np.abs(turn) - np.pi) < 0.2, np.abs(turn) < 0.2
    error = np.abs(found.values - values)
    assert error[at_seam].max() < 2 * error[elsewhere].max() + 1e-3
    some = gaussian(places, 0.006)
    rows, _ = weights(some, int(np.argmax(turn)))
    assert turn[rows].min() < 0 < turn[rows].max()


def test_weights_are_the_filter_and_their_squares_the_noise_that_is_left():
    _, places = on_plane(10_000)
    values = np.random.default_rng(3).normal(size=10_000)
    some = gaussian(places, 0.006)
    found = apply(some, values)
    for i in (0, 77, 9_999):
        rows, weight = weights(some, i)
        assert len(rows) == found.count[i]
        assert weight.sum() == pytest.approx(1, abs=1e-12)
        assert (weight * values[rows]).sum() == pytest.approx(found.values[i], abs=1e-12)
        assert math.sqrt((weight**2).sum()) == pytest.approx(found.gain[i], rel=1e-12)
    assert found.values.std() == pytest.approx(math.sqrt((found.gain**2).mean()), rel=0.05)


def test_the_cut_off_is_chosen_from_spacing_and_size():
    _, places = on_plane(10_000)
    assert chosen_cutoff_m(places) == pytest.approx(7 * math.sqrt(0.1 * 0.08 / 10_000), rel=0.01)
    assert chosen_cutoff_m(on_plane(100)[1]) is None


def test_a_sphere_is_filtered_along_its_tangents():
    way = np.random.default_rng(0).normal(size=(5000, 3))
    way /= np.linalg.norm(way, axis=1)[:, None]
    places = places_on(Sphere(np.zeros(3), 0.01), 0.01 * way)
    found = apply(gaussian(places, 0.004), way[:, 2])
    assert np.abs(found.values - way[:, 2]).max() < 0.02
    assert found.count.min() > 50


def test_angles_are_those_of_atan2():
    y, x = np.random.default_rng(0).normal(size=(2, 10_000))
    y[:4], x[:4] = (0, 0, 1, -1), (1, -1, 0, 0)
    np.testing.assert_allclose(angles(y, x), np.arctan2(y, x), rtol=0, atol=1e-15)


def test_bad_cut_offs_and_orders_are_refused():
    _, places = on_plane(100)
    with pytest.raises(BadInput):
        gaussian(places, 0.0)
    with pytest.raises(BadInput, match="order 1"):
        gaussian(places, 0.01, order=1)


def test_no_point_in_reach_gives_nan():
    _, places = on_plane(100)
    far = places_on(plane().nominal, np.array([[1.0, 0, 0]]))
    assert np.isnan(apply(gaussian(places, 0.02), np.ones(100), far).values).all()
    assert Z[2] == 1
