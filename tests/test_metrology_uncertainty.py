# SPDX-License-Identifier: Apache-2.0
"""Every number says how well it is known: propagation against chance and naive twins, bias, intervals, coverage."""

import math

import numpy as np
import pytest
from bench.coverage import scanned
from bench.simulated_scans import Cell
from numpy.testing import assert_allclose
from scipy.optimize import linprog
from scipy.stats import binom, kstest, norm

from visionvalley.core import Cylinder, Plane, SensorNoise, Tolerance, Verdict
from visionvalley.kernels import bias as kernels
from visionvalley.kernels.threads import each_thread
from visionvalley.vision.metrology import filters
from visionvalley.vision.metrology.characteristics import Characteristic, Extracted, Kind, SizeCriterion
from visionvalley.vision.metrology.filters import gaussian, places_on, weights
from visionvalley.vision.metrology.grown import Grown
from visionvalley.vision.metrology.intervals import bounded, coverage_factor, effective_degrees, quantile
from visionvalley.vision.metrology.least_squares import fit
from visionvalley.vision.metrology.levels import group, padded
from visionvalley.vision.metrology.propagation import CORRELATED, NOISE, SCALE, contributions, normal, sensed
from visionvalley.vision.metrology.uncertainty import measured

Z = np.array([0.0, 0.0, 1.0])
PLANE = Plane(np.zeros(3), Z)


def plate(rng, count=400, noise_m=0.0, height_m=0.0, name="plane", normal=Z):
    xy = rng.uniform(-0.5, 0.5, (count, 2)) * [0.1, 0.06]
    z = height_m + noise_m * rng.normal(size=count)
    return Extracted(name, Plane(height_m * Z, normal), np.column_stack([xy, z]))


def by(budget):
    return {one.source: one.standard_uncertainty for one in budget}


def direct(points, sensitivity, length):
    """The double sum over all pairs."""
    r2 = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    return math.sqrt(float((sensitivity @ sensitivity.T * np.exp(-r2 / length**2)).sum()))


@pytest.mark.parametrize(("count", "length", "within"), [(300, 0.02, 2e-3), (300, 0.003, 2e-3), (4000, 0.03, 0.01)])
def test_correlated_noise_adds_up_as_over_all_pairs(rng, count, length, within):
    feature = plate(rng, count)
    noise = SensorNoise(correlated_m=1.0, correlation_length_m=length)
    points = sensed({"plane": feature}, noise)
    single = np.zeros((count, 3))
    single[7, 2] = 1.0
    for g in (fit(feature.points_m, PLANE).influence[0], rng.normal(size=(count, 3)), single):
        found = by(contributions({"plane": g}, points))[CORRELATED]
        assert found == pytest.approx(direct(feature.points_m, g, length), rel=within)


def test_numbers_drawn_are_normal_and_independent(rng):
    found = normal(rng, (2, 500_000), 3.0).astype(np.float64) / 3.0
    assert kstest(found.ravel(), "norm").pvalue > 1e-3
    for beyond in (3.0, 4.0):
        share = 2 * norm.sf(beyond)
        assert (np.abs(found) > beyond).mean() == pytest.approx(share, abs=4 * math.sqrt(share / found.size))
    for one, other in ((found[0], found[1]), (found[0] ** 2, found[1] ** 2), (found[0, 1:], found[0, :-1])):
        assert abs(np.corrcoef(one, other)[0, 1]) < 4 / math.sqrt(found.shape[1])
    assert normal(rng, (0, 3)).shape == (0, 3)


def test_white_noise_and_scale_by_their_formulas(rng):
    feature = plate(rng)
    g = rng.normal(size=(400, 3))
    g -= g.mean(axis=0)
    found = by(contributions({"plane": g}, sensed({"plane": feature}, SensorNoise(white_m=2e-6, scale=1e-3))))
    assert found[NOISE] == pytest.approx(2e-6 * np.linalg.norm(g), rel=1e-12)
    assert found[SCALE] == pytest.approx(1e-3 * abs((g * feature.points_m).sum()), rel=1e-9)


def test_what_two_features_of_one_scan_share_cancels_in_their_distance(rng):
    low, high = plate(rng, 400, 1e-7, 0.0, "low", -Z), plate(rng, 400, 1e-7, 0.002, "high")
    features = {"low": low, "high": high}
    asked = Characteristic("d", Kind.DISTANCE, ("low", "high"))
    shared = SensorNoise(correlated_m=5e-6, correlation_length_m=0.05)
    found = measured(asked, features, shared).measured
    alone = by(contributions({"low": fit(features["low"].points_m, PLANE).influence[0]}, sensed(features, shared)))
    assert found.standard_uncertainty < 0.15 * math.sqrt(2) * alone[CORRELATED]  # 2 mm apart, shared over 50 mm
    scaled = measured(asked, features, SensorNoise(scale=1e-3)).measured
    assert scaled.standard_uncertainty == pytest.approx(1e-3 * 0.002, rel=1e-4)


def test_student_t_where_noise_is_estimated_and_welch_satterthwaite():
    assert coverage_factor() == pytest.approx(1.959964, abs=1e-6)
    assert coverage_factor(10) == pytest.approx(2.228, abs=1e-3)
    assert coverage_factor(10, True) == pytest.approx(1.812, abs=1e-3)
    budget = contributions(
        {"p": np.ones((1, 3))}, sensed({"p": Extracted("p", PLANE, np.zeros((1, 3)))}, SensorNoise(1.0))
    )
    assert effective_degrees(budget, [7.0]) == pytest.approx(7.0)


def test_noise_is_estimated_from_the_scan_where_it_is_not_given(rng):
    feature = plate(rng, 2000, 7e-6)
    points = feature.points_m + np.column_stack([np.zeros((2000, 2)), 40e-6 * np.sin(40 * feature.points_m[:, 0])])
    found = measured(Characteristic("f", Kind.FLATNESS, ("plane",)), {"plane": Extracted("plane", PLANE, points)})
    given = measured(
        Characteristic("f", Kind.FLATNESS, ("plane",)), {"plane": Extracted("plane", PLANE, points)}, SensorNoise(7e-6)
    )
    (said,) = [note for note in found.notes if note.id == "metrology.noise_shared"]
    assert said.parameters["noise_um"] == pytest.approx(7.0, rel=0.06)
    assert said.parameters["shared_um"] < 2.0
    assert 300 < found.measured.degrees_of_freedom < 2000
    (low, high), (least, most) = found.measured.interval_95, given.measured.interval_95
    assert low <= least, "what neighbours may share widens towards less"
    assert high - found.measured.value == pytest.approx(most - given.measured.value, rel=0.15)


@pytest.mark.parametrize("freedoms", [0, 1, 3, 5])
@pytest.mark.parametrize("lift", [0.0, 30.0])
def test_the_least_largest_deviation_is_that_of_a_linear_program(rng, freedoms, lift):
    rows, fields = rng.normal(size=(freedoms, 120)), rng.normal(size=(12, 120))
    single = padded(rows)
    basis = np.zeros(freedoms + 1, np.int64)
    kernels.first_basis(single, basis)
    answers, bases = np.empty((12, freedoms + 2)), np.tile(basis, (12, 1))
    sums, every = np.array([0.0, lift, 120.0]), np.arange(12)
    back = every[::-1].copy()
    shape = rng.normal(size=120)
    each_thread(kernels.levelled_worker, 2, padded(fields), padded(shape), sums, single, every, answers, bases)
    grown, sums[0] = answers.copy(), 0.3
    each_thread(kernels.levelled_worker, 2, padded(fields), padded(shape), sums, single, back, grown, bases)
    assert (grown[::-1, -2] > (answers[:, -2] + 0.3 * answers[:, -1]) * (1 - 1e-5)).all()  # not below the tangent
    one = np.ones((120, 1))
    for field, (*much, value, _) in zip(fields + lift, answers, strict=True):
        above, below = np.hstack([-rows.T, -one]), np.hstack([rows.T, -one])
        bounds = [(None, None)] * freedoms + [(0, None)]
        least = linprog([0.0] * freedoms + [1], np.vstack([above, below]), np.r_[-field, field], bounds=bounds)
        assert value == pytest.approx(least.fun, rel=3e-6)  # residuals are float32
        assert np.abs(field - np.array(much) @ rows).max() == pytest.approx(least.fun, rel=3e-6)


def test_fields_over_a_grid_find_their_level_from_whatever_basis_decided_the_last_one(rng):
    """On a grid many rows decide together, and each search begins where one for another size of the shape ended."""
    u, v = (one.ravel() for one in np.meshgrid(np.linspace(-1, 1, 6), np.linspace(-1, 1, 10)))
    columns, points = np.stack([u, v, np.ones(60)], axis=1), np.stack([u, v, 0 * u], axis=1)
    draws, shape = 1e-6 * rng.normal(size=(2000, 60)), 1e-5 * np.sin(3 * u + 2 * v)
    going_on = group(shape, draws, columns, False, points, points)
    for size in (1.0, 0.0, -1.0, 2.0, 0.0, 1.0, -0.1, 2.1, 1e-3, 1.0):
        afresh = group(shape, draws, columns, False, points, points)
        found = going_on.heights(shape, size)
        assert_allclose(found, afresh.heights(shape, size), rtol=1e-5)
        assert (found > 0).all()


@pytest.mark.parametrize("one_sided", [False, True])
def test_quantiles_of_which_few_draws_are_solved_are_those_of_all(rng, one_sided):
    u, v = rng.uniform(-1, 1, (2, 90))
    columns, points = np.stack([u, v], axis=1), np.stack([u, v, 0 * u], axis=1)
    shapes = (np.sin(3 * u + 2 * v), np.cos(5 * u))
    groups = [group(s, 0.3 * rng.normal(size=(250, 90)), columns, one_sided, points, points) for s in shapes]
    grown = Grown.of(groups, shapes, 2.0)
    grown.values(0.0)
    solved = 0
    for size, share in ((1.5, 0.5), (4.0, 0.025), (0.7, 0.96), (2.9, 0.025), (2.1, 0.5), (2.2, 0.95), (2.2, 0.01)):
        found = grown.quantile(size, share)
        heights = [g.heights(s / grown.size, size) for g, s in zip(groups, shapes, strict=True)]
        assert found == pytest.approx(quantile(np.sort(2 * np.max(heights, axis=0)), share), rel=2e-5)
        solved += np.isfinite(grown.heights[:, -1]).sum()
    assert solved < 0.4 * 7 * 2 * 250


def test_rows_of_the_filter_are_its_weights(rng):
    feature = plate(rng, 500)
    places = places_on(PLANE, feature.points_m)
    on = gaussian(places, 0.02)
    offsets, columns, values = filters.rows(on, np.array([3, 250]), places)
    for at, point in enumerate((3, 250)):
        rows, weight = weights(on, point)
        dense = np.zeros(500)
        np.add.at(dense, rows, weight)
        own = np.zeros(500)
        np.add.at(own, columns[offsets[at] : offsets[at + 1]], values[offsets[at] : offsets[at + 1]])
        assert_allclose(own, dense, atol=1e-15)


@pytest.mark.parametrize("true", [0.0, 0.5, 1.0, 2.0, 6.0])
def test_intervals_of_a_length_in_the_plane_hold_it_and_are_never_negative(true):
    rng = np.random.default_rng(3)
    draws = rng.normal(size=(4000, 2))

    def answer(size, share):
        return quantile(np.sort(np.hypot(draws[:, 0] + size, draws[:, 1])), share)

    inside = 0
    for _ in range(400):
        x, y = rng.normal(size=2)
        seen = math.hypot(x + true, y)
        found = bounded(seen, answer, 1.0)
        assert 0 <= found.low <= found.value <= found.high
        assert found.high > 0
        inside += found.low <= true <= found.high
    assert 0.92 < inside / 400 <= 0.995


def test_a_perfect_plane_under_noise_is_not_said_to_be_out_of_flat(rng):
    asked = Characteristic("flat", Kind.FLATNESS, ("plane",), Tolerance(0.0, 60e-6, "m"))
    found = measured(asked, {"plane": plate(rng, 1000, 10e-6)}, SensorNoise(white_m=10e-6))
    seen = found.beside[0]
    assert found.measured.value < 0.3 * seen.value
    assert found.measured.interval_95[0] == 0.0
    assert found.verdict is Verdict.PASS
    bent = plate(rng, 1000, 10e-6)
    points = bent.points_m + 150e-6 * np.outer((bent.points_m[:, 0] / 0.05) ** 2, Z)
    failed = measured(asked, {"plane": Extracted("plane", PLANE, points)}, SensorNoise(white_m=10e-6))
    assert failed.verdict is Verdict.FAIL
    assert failed.measured.value == pytest.approx(150e-6, rel=0.1)


def test_measuring_again_gives_the_same_bits(rng):
    features = {"plane": plate(rng, 500, 10e-6)}
    asked = Characteristic("flat", Kind.FLATNESS, ("plane",))
    first, second = (measured(asked, features, SensorNoise(white_m=10e-6)).measured for _ in range(2))
    assert first == second


def test_a_size_knows_its_scale(rng):
    turn, z = rng.uniform(-np.pi, np.pi, 600), rng.uniform(-0.015, 0.015, 600)
    r = 0.01 + 1e-6 * rng.normal(size=600)
    shaft = Extracted("s", Cylinder(np.zeros(3), Z, 0.01), np.column_stack([r * np.cos(turn), r * np.sin(turn), z]))
    asked = Characteristic("d", Kind.SIZE, ("s",), size=SizeCriterion.LEAST_SQUARES)
    found = measured(asked, {"s": shaft}, SensorNoise(white_m=1e-6, scale=1e-4)).measured
    assert by(found.budget)[SCALE] == pytest.approx(2e-6, rel=1e-3)


CELLS = [
    Cell("fit of a cylinder", 300, "correlated"),
    Cell("fit of a plane", 300, "scale"),
    Cell("flatness", 300, "white"),
    Cell("flatness", 300, "correlated"),
    Cell("cylindricity", 300, "white"),
    Cell("circular run-out, touching", 300, "scale"),
    Cell("position (M), datum (M)", 300, "scale"),
]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_intervals_hold_the_truth_within_wide_binomial_limits(cell):
    count, held = scanned(cell, 0, 60)[0].sum(axis=0)[:2]
    low, high = binom.ppf([1e-4, 1 - 1e-4], count, 0.95)
    assert low <= held <= high
