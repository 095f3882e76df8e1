# SPDX-License-Identifier: Apache-2.0
"""The linear program of zones against another solver, and zones against brute force."""

import numpy as np
import pytest
from scipy.optimize import linprog, minimize

from planted import moved_by
from visionvalley.core import BadInput, Circle, Line, Pose
from visionvalley.vision.metrology.characteristics import Characteristic, Extracted, Kind
from visionvalley.vision.metrology.features import smooth
from visionvalley.vision.metrology.toleranced import around, surface, zone
from visionvalley.vision.metrology.tolerances import evaluate
from visionvalley.vision.metrology.zones import Rows, about, centre_and_extent, free_of, narrowest, program, screw


def random_rows(count, k, sides, seed=0, hard=0):
    rng = np.random.default_rng(seed)
    values, slopes = rng.normal(size=count), rng.normal(size=(count, k))
    side = np.full(count, sides, np.int64)
    share = np.ones(count)
    share[:hard] = 0
    side[:hard] = 1
    values[:hard] = -np.abs(values[:hard]) - 0.1
    zero = np.zeros((count, 3))
    return Rows(values, zero, zero, side, share, slopes, np.arange(count), np.zeros(count, np.int64))


def other_solver(rows):
    upper = rows.sides >= 0
    lower = rows.sides <= 0
    a = np.concatenate([
        np.column_stack([rows.sizes, -rows.share])[upper], np.column_stack([-rows.sizes, -rows.share])[lower]
    ])  # fmt: skip
    b = np.concatenate([-rows.values[upper], rows.values[lower]])
    cost = [0.0] * rows.sizes.shape[1] + [1.0]
    return linprog(cost, A_ub=a, b_ub=b, bounds=[(None, None)] * len(cost), method="highs").fun


@pytest.mark.parametrize("k", [1, 3, 6, 8])
@pytest.mark.parametrize(("sides", "hard"), [(0, 0), (0, 20)])
@pytest.mark.parametrize("count", [60, 500, 8000])
def test_the_least_largest_value_is_that_of_another_solver(count, k, sides, hard):
    rows = random_rows(count, k, sides, hard=hard)
    step = program(rows, np.zeros((6, 0)))
    assert step.wanted_m == pytest.approx(other_solver(rows), rel=1e-8)
    after = rows.values + rows.sizes @ step.change
    assert (np.abs(after) - rows.share * step.wanted_m)[rows.sides == 0].max() < 1e-8
    assert np.abs(step.multipliers).sum() >= 1 - 1e-9
    assert np.abs(step.multipliers @ rows.sizes).max() < 1e-8  # stationary


def test_what_cannot_be_kept_is_said():
    rows = random_rows(40, 1, 0, hard=2)
    rows.values[:2] = 1.0
    rows.sizes[:2, 0] = (1.0, -1.0)
    with pytest.raises(BadInput, match="virtual boundary"):
        program(rows, np.zeros((6, 0)))


@pytest.mark.parametrize("seed", range(6))
def test_a_cylinder_about_points_is_the_smallest_enclosing_circle_where_they_lie_in_a_plane(seed):
    across = np.random.default_rng(seed).normal(size=(9, 2)) * 1e-5
    if seed == 0:
        across = np.array([[1e-5, 0], [-1e-5, 0], [0, 3e-6]])  # two opposite points decide
    points = np.column_stack([across, np.zeros(len(across))])
    shifts = free_of(np.array([[1.0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]]), np.zeros(3), 1.0)
    found = zone(
        [around(points, lambda f: {"a": f}, Line(np.zeros(3), np.array([0, 0, 1.0])))], shifts, Pose.identity()
    )
    assert found.found.converged
    assert found.found.height_m == pytest.approx(smallest_circle(across), rel=1e-7)
    np.testing.assert_allclose(found.sensitivity(1.0)["a"].sum(axis=0), 0, atol=1e-3)  # as near as the directions met


def smallest_circle(points):
    """By trying every pair and triple."""
    best = np.inf
    n = len(points)
    centres = [(points[i] + points[j]) / 2 for i in range(n) for j in range(i)]
    for i in range(n):
        for j in range(i):
            for k in range(j):
                a = 2 * np.array([points[j] - points[i], points[k] - points[i]])
                b = np.array([points[j] @ points[j], points[k] @ points[k]]) - points[i] @ points[i]
                if abs(np.linalg.det(a)) > 1e-16:
                    centres.append(np.linalg.solve(a, b))
    for centre in centres:
        best = min(best, np.linalg.norm(points - centre, axis=1).max())
    return best


def test_motions_are_what_they_say():
    motion = np.array([1e-3, -2e-3, 5e-4, 1e-4, 2e-4, -3e-4])
    halves = screw(0.5 * motion) @ screw(0.5 * motion)
    np.testing.assert_allclose(halves.matrix(), screw(motion).matrix(), atol=1e-15)
    points = np.random.default_rng(0).normal(size=(50, 3))
    centre, extent = centre_and_extent(points)
    turn = screw(about(centre, extent)[:, 2] * 1e-6)
    np.testing.assert_allclose(turn.apply(centre[None])[0], centre, atol=1e-12)
    assert np.linalg.norm(moved_by((0, 0, 1), (0, 0, 0)).rotation - np.eye(3)) > 0.5


def random_circle(seed):
    """A circle, or most of one, with noise of 1 to 100 um and lobes, off its place and hardly out of its plane."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(12, 120))
    turn = np.sort(rng.uniform(0, 2 * np.pi * rng.choice([1, 1, 0.6]), count))
    r = 0.01 + rng.normal(0, rng.choice([1e-6, 1e-5, 1e-4]), count)
    r = r + rng.choice([0, 2e-5]) * np.cos(rng.integers(2, 5) * turn)
    flat = np.stack([r * np.cos(turn), r * np.sin(turn), rng.normal(0, rng.choice([0, 1e-6]), count)], axis=1)
    return flat + rng.normal(0, rng.choice([1e-5, 1e-3]), 3)


def least_of_many_starts(points):
    """The least largest distance from a circle of 10 mm over its centre, without derivatives, from five starts."""
    middle = points[:, :2].mean(axis=0)

    def width(centre):
        return np.abs(np.hypot(points[:, 0] - centre[0], points[:, 1] - centre[1]) - 0.01).max()

    precise = {"xatol": 1e-12, "fatol": 1e-13, "maxiter": 3000}
    starts = [middle, (0, 0), middle + 1e-4, middle - 1e-4, middle + np.array([1e-4, -1e-4])]
    return min(minimize(width, start, method="Nelder-Mead", options=precise).fun for start in starts)


@pytest.mark.parametrize("block", range(4))
def test_a_circle_lies_as_well_as_any_of_many_starts_finds(block):
    for seed in range(15 * block, 15 * block + 15):
        points = random_circle(seed)
        circle = Extracted("K", Circle(np.zeros(3), np.array([0, 0, 1.0]), 0.01), points)
        found = evaluate(Characteristic("p", Kind.LINE_PROFILE, ("K",), cutoff_m=1e-4), {"K": circle})
        best = least_of_many_starts(points)
        assert found.raw <= 2 * best * (1 + 1e-6), seed
        held = surface(smooth(circle, None, chosen=False))
        everything = zone([held], about(*centre_and_extent(points)), Pose.identity()).found
        # tilts that change next to nothing must not hold back the shifts
        assert everything.height_m <= best * (1 + 1e-3), seed


def test_a_zone_without_freedoms_is_its_largest_value():
    values = np.array([1e-5, -3e-5, 2e-5])
    rows = Rows.both(values, np.zeros((3, 3)), np.tile([0, 0, 1.0], (3, 1)))
    found = narrowest(lambda pose, sizes: rows, np.zeros((6, 0)))
    assert found.height_m == 3e-5
    np.testing.assert_array_equal(found.multipliers, [0, -1, 0])
