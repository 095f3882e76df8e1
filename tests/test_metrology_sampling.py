# SPDX-License-Identifier: Apache-2.0
"""The budget is whole: sampling against the truth of the continuous surface, estimated noise, lines of nought."""

import math

import numpy as np
import pytest
from bench.simulated_scans import CHARACTERISTICS, Cell, features_of, noisy
from numpy.testing import assert_allclose
from scipy.stats import binom

from visionvalley.core import Cylinder, Plane, SensorNoise
from visionvalley.vision.metrology.characteristics import Characteristic, Extracted, Kind, SizeCriterion
from visionvalley.vision.metrology.estimated_noise import estimated
from visionvalley.vision.metrology.filters import places_on
from visionvalley.vision.metrology.fits import PARAMETERS
from visionvalley.vision.metrology.least_squares import fit
from visionvalley.vision.metrology.sampling import SAMPLING, between_points, missed, short_waves_m
from visionvalley.vision.metrology.strata import strata
from visionvalley.vision.metrology.tolerances import evaluate
from visionvalley.vision.metrology.uncertainty import measured

Z = np.array([0.0, 0.0, 1.0])
PLANE, SHAFT = Plane(np.zeros(3), Z), Cylinder(np.zeros(3), Z, 0.01)
LARGE = 2  # a part with large form errors
FLAT = Characteristic("f", Kind.FLATNESS, ("a",))


def pattern(kind, count, rng, sides=1.67):
    """Places (n, 2) in the unit square: a grid, one with points anywhere in its cells, denser to one side, random."""
    if kind == "random":
        return rng.uniform(size=(count, 2))
    a = max(2, round(math.sqrt(count * sides)))
    b = max(2, round(count / a))
    cell = np.stack(np.meshgrid(np.arange(a), np.arange(b), indexing="ij"), axis=-1).reshape(-1, 2)
    within = rng.uniform(size=2) if kind == "grid" else rng.uniform(size=(len(cell), 2))
    at = (cell + within) / [a, b]
    return np.column_stack([at[:, 0] ** 1.5, at[:, 1]]) if kind == "dense side" else at


def waves(rng, largest=4):
    """A form of three waves, amplitudes of 2 to 6 um."""
    scale = rng.choice([s for s in (1, 2, 3, 4) if s <= largest])
    some = [(*(rng.normal(size=2) * scale), rng.uniform(0, 6.28), rng.uniform(2e-6, 6e-6)) for _ in range(3)]
    return lambda uv, whole=False: sum(
        a * np.sin(2 * np.pi * ((round(x) if whole else x) * uv[:, 0] + y * uv[:, 1]) + p) for x, y, p, a in some
    )


def points(element, uv, form):
    if isinstance(element, Plane):
        return np.column_stack([(uv[:, 0] - 0.5) * 0.1, (uv[:, 1] - 0.5) * 0.06, form(uv)])
    turn, r = uv[:, 0] * 2 * np.pi, element.radius_m + form(uv, whole=True)
    return np.column_stack([r * np.cos(turn), r * np.sin(turn), (uv[:, 1] - 0.5) * 0.03])


def answer(fitted, element):
    """The height of a plane in its middle, or the radius of a cylinder, and how it answers to the points."""
    names = PARAMETERS[type(element)]
    if isinstance(element, Plane):
        value = float((fitted.element.point_m * fitted.element.normal).sum() / fitted.element.normal[2])
        return value, fitted.influence[[name.startswith("shift") for name in names].index(True)]
    return fitted.element.radius_m, fitted.influence[names.index("size")]


def test_contrasts_of_all_sizes_hold_all_of_the_squares(rng):
    for count in (8, 37, 200):
        at = np.column_stack([rng.uniform(size=(count, 2)), np.zeros(count)])
        cut = strata(places_on(PLANE, at))
        values = rng.normal(size=count)
        squares = sum(float((level.contrasts(values[cut.order]) ** 2).sum()) for level in cut.levels)
        pairs = cut.levels[-1].counts
        inside = 0.0  # halves of two points keep one contrast more
        for start, n in zip(cut.levels[-1].starts, pairs, strict=True):
            own = values[cut.order][start : start + n]
            inside += float(((own - own.mean()) ** 2).sum())
        assert squares + inside + count * values.mean() ** 2 == pytest.approx(float((values**2).sum()), rel=1e-10)
        assert sorted(cut.order) == list(range(count))


@pytest.mark.parametrize("element", [PLANE, SHAFT], ids=["plane", "cylinder"])
@pytest.mark.parametrize("kind", ["grid", "jittered", "random", "dense side"])
@pytest.mark.parametrize("noise", [0.0, 5e-6])
def test_sums_over_few_points_know_what_they_miss_of_the_continuous_surface(element, kind, noise):
    rng, held, errors, said = np.random.default_rng(5), 0, [], []
    trials = [(count, k) for count in (16, 36, 100, 400) for k in range(25)]
    for count, _ in trials:
        form = waves(rng)
        true, _ = answer(fit(points(element, pattern("grid", 5000, rng), form), element), element)
        seen = points(element, pattern(kind, count, rng), form)
        away = np.broadcast_to(Z, seen.shape) if element is PLANE else seen * [1, 1, 0] / np.hypot(*seen.T[:2])[:, None]
        seen = seen + noise * rng.normal(size=(len(seen), 1)) * away
        value, influence = answer(fit(seen, element), element)
        u = between_points({"a": influence}, {"a": Extracted("a", element, seen)}, SensorNoise(noise))
        whole = math.hypot(u, noise * math.sqrt(float((influence**2).sum())))
        held += abs(value - true) <= 1.96 * whole + 1e-9
        errors.append(value - true)
        said.append(whole)
    assert held >= binom.ppf(1e-3, len(trials), 0.93)
    ratio = math.sqrt(float(np.mean(np.square(said)) / np.mean(np.square(errors))))
    assert 0.85 < ratio < 1.9, "neither much too small nor much too large"


def test_a_dense_scan_of_a_smooth_surface_misses_next_to_nothing(rng):
    form = waves(rng, largest=1)
    sparse, dense = (
        Extracted("a", PLANE, points(PLANE, pattern("jittered", count, rng), form)) for count in (36, 6000)
    )
    us = [
        between_points({"a": answer(fit(one.points_m, PLANE), PLANE)[1]}, {"a": one}, SensorNoise())
        for one in (sparse, dense)
    ]
    assert us[1] < 0.05 * us[0]
    assert us[1] < 0.04e-6
    lines = {
        one.source: one.standard_uncertainty for one in measured(FLAT, {"a": dense}, SensorNoise(1e-6)).measured.budget
    }
    assert lines[SAMPLING] < 0.2e-6


def test_extremes_of_few_points_are_those_of_the_continuous_surface():
    rng, held, off, bare = np.random.default_rng(7), 0, [], []
    noise, trials = 0.5e-6, 60
    for k in range(trials):
        form = waves(rng, largest=3)
        fine = Extracted("a", PLANE, points(PLANE, pattern("grid", 1600, rng), form))
        true = evaluate(Characteristic("f", Kind.FLATNESS, ("a",), cutoff_m=1e-4), {"a": fine}).raw
        seen = points(PLANE, pattern(("grid", "jittered", "random")[k % 3], (60, 150)[k % 2], rng), form)
        seen = seen + noise * rng.normal(size=(len(seen), 1)) * Z
        found = measured(FLAT, {"a": Extracted("a", PLANE, seen)}, SensorNoise(noise), seed=k)
        low, high = found.measured.interval_95
        held += low <= true <= high
        off.append(found.measured.value - true)
        bare.append(found.beside[1].value - true)
    assert held >= binom.ppf(1e-3, trials, 0.93)
    assert abs(np.mean(off)) < 0.5 * abs(np.mean(bare)), "what lies between points is added"


@pytest.mark.parametrize("count", [100, 1000, 10_000])
def test_noise_alone_is_not_taken_for_a_peak_between_points(count):
    """However many points there are: the largest error of 10,000 is larger than that of 100."""
    rng, noise, seen = np.random.default_rng(11), 10e-6, []
    round_ = Characteristic("s", Kind.SIZE, ("a",), size=SizeCriterion.MINIMUM_CIRCUMSCRIBED)
    for _ in range(20):
        uv = pattern("jittered", count, rng)
        one = Extracted("a", SHAFT, points(SHAFT, uv, lambda at, whole=True: noise * rng.normal(size=len(at))))
        seen.append(missed(evaluate(round_, {"a": one}), {"a": one}, noise).value)
    assert np.mean(seen) < 0.01 * noise
    assert sum(one > 0 for one in seen) <= 4


def test_roughness_that_the_filter_takes_away_counts_as_sampling_not_as_noise(rng):
    flat = points(PLANE, pattern("jittered", 1500, rng), lambda uv: np.zeros(len(uv)))
    rough = Extracted("a", PLANE, flat + 4e-6 * rng.normal(size=(len(flat), 1)) * Z)
    assert short_waves_m(rough, None, SensorNoise(1e-6)) == pytest.approx(math.sqrt(15) * 1e-6, rel=0.06)
    assert short_waves_m(rough, None, SensorNoise(4e-6)) < 1.6e-6
    found = measured(FLAT, {"a": rough}, SensorNoise(1e-6)).measured
    lines = {one.source: one.standard_uncertainty for one in found.budget}
    assert lines[SAMPLING] > 2 * lines["noise"]
    assert found.interval_95[0] == 0.0


def test_every_budget_is_whole_and_adds_up(rng):
    for what in ("flatness", "size GG", "position, axis"):
        asked = CHARACTERISTICS[what]()
        cell = Cell(what, 300, "white")
        names = (*asked.features, *(name for datum in asked.datums for name in datum.features))
        features = noisy(features_of(cell, names, LARGE), SensorNoise(8e-6), rng)
        known = SensorNoise(8e-6, 3e-6, 0.01, scale=1e-4, temperature=1e-5)
        found = measured(asked, features, known).measured
        lines = {one.source: one for one in found.budget}
        wanted = {"noise", "correlated noise", "scale", "temperature", "sampling", "registration", "filter"}
        assert set(lines) == wanted
        assert math.hypot(*(one.standard_uncertainty for one in found.budget)) == pytest.approx(
            found.standard_uncertainty, rel=1e-9
        )
        for name in ("registration", "filter"):
            assert lines[name].standard_uncertainty == 0
            assert lines[name].reason is not None


@pytest.mark.parametrize("what", CHARACTERISTICS)
def test_no_value_changes_with_where_the_whole_scan_lies(what):
    asked = CHARACTERISTICS[what]()
    names = tuple(dict.fromkeys([*asked.features, *(n for d in asked.datums for n in d.features)]))
    features = features_of(Cell(what, 300, "white"), names, LARGE)
    found = evaluate(asked, features)
    force = sum(g.sum(axis=0) for g in found.sensitivity.values())
    torque = sum(np.cross(features[name].points_m, g).sum(axis=0) for name, g in found.sensitivity.items())
    pulls = sum(float(np.sqrt((g * g).sum(axis=1)).sum()) for g in found.sensitivity.values())
    assert_allclose(force / pulls, 0, atol=2e-3)
    assert_allclose(torque / pulls, 0, atol=1e-3)  # m: a turn by 10 µrad changes no value by 10 nm


@pytest.mark.parametrize(("shared", "length"), [(0.0, 0.0), (5e-6, 4e-3), (5e-6, 12e-3)])
def test_white_and_shared_noise_are_told_apart_from_form(shared, length):
    found = []
    for k in range(6):
        rng = np.random.default_rng(k)
        features = features_of(Cell("flatness", 3000, "white"), ("plane",), LARGE)
        found.append(estimated(noisy(features, SensorNoise(8e-6, shared, length), rng), SensorNoise(scale=1e-4)).noise)
    assert np.median([one.white_m for one in found]) == pytest.approx(8e-6, rel=0.05)
    median = float(np.median([one.correlated_m for one in found]))
    assert median == pytest.approx(shared, abs=2.4e-6)
    assert all(one.scale == 1e-4 for one in found)
    if shared:
        assert 0.4 * length < np.median([one.correlation_length_m for one in found]) < 2.5 * length
    else:
        assert median < 1.5e-6


def test_a_size_of_few_points_is_widened_where_its_form_is_not_known(rng):
    asked = Characteristic("d", Kind.SIZE, ("a",), size=SizeCriterion.LEAST_SQUARES)
    form = waves(rng, largest=2)
    us = [
        measured(
            asked, {"a": Extracted("a", SHAFT, points(SHAFT, pattern("jittered", count, rng), form))}, SensorNoise(1e-7)
        ).measured.standard_uncertainty
        for count in (36, 3000)
    ]
    assert us[0] > 20 * us[1] > 0
