# SPDX-License-Identifier: Apache-2.0
"""An inspection finds the part without a start, measures what was planted, and says what it cannot know."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.data import sample

from visionvalley.applications.manufacturing.inspection import Inspection, run
from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import BadInput, Cloud, Mesh, Pose, Verdict
from visionvalley.io.files import read_mesh
from visionvalley.vision.shape.topology import sample_surface

NOISE_M = 20e-6


@pytest.fixture(scope="module")
def part() -> Mesh:
    return read_mesh(sample("printing/parts/featuretype.STL"), "in")


def anywhere(rng) -> Pose:
    return Pose.from_rotation_vector(rng.normal(size=3), rng.normal(size=3))


def scanned(part, rng, count=40_000):
    """Points of the whole surface in a frame of their own, with noise; the pose that brings them back; their truth."""
    truth = sample_surface(part, count, seed=1)
    points = truth.points_m + NOISE_M * rng.normal(size=(count, 1)) * truth.normals
    part_from_scan = anywhere(rng)
    return points, part_from_scan, truth


def test_a_good_part_passes_wherever_it_lies(part, rng):
    points, part_from_scan, _ = scanned(part, rng)
    report = run(Inspection(Cloud(part_from_scan.inverse().apply(points)), part), Settings(tolerance_m=0.2e-3))
    assert report.verdict is Verdict.PASS
    found = Pose.from_matrix(np.array(report.facts["alignment"]["part_from_scan"]))
    assert_allclose(found.apply(part_from_scan.inverse().apply(points)), points, atol=15e-6)
    assert report.facts["noise_m"] == pytest.approx(NOISE_M, rel=0.05)
    assert report.facts["reference"]["seen_share"] > 0.99


def test_a_dent_is_measured_and_fails(part, rng):
    points, part_from_scan, truth = scanned(part, rng, 100_000)
    centre = truth.points_m[np.argmax(truth.points_m[:, 2])]
    dent = (np.linalg.norm(truth.points_m - centre, axis=1) < 6e-3) & (truth.normals[:, 2] > 0.99)
    points[dent] -= 250e-6 * truth.normals[dent]
    scan = Cloud(part_from_scan.inverse().apply(points))
    report = run(Inspection(scan, part), Settings(tolerance_m=0.2e-3, alignment="least-squares"))
    assert report.verdict is Verdict.FAIL
    inwards = next(m for m in report.measurements if m.name == "largest deviation inwards")
    assert inwards.value == pytest.approx(-250e-6, abs=25e-6)


def test_the_zone_is_never_wider_than_least_squares_says(part, rng):
    points, part_from_scan, truth = scanned(part, rng)
    points[truth.points_m[:, 0] > 0.05] += np.array([80e-6, 0, 0])
    scan = Cloud(part_from_scan.inverse().apply(points))
    profile = {
        a: run(Inspection(scan, part), Settings(alignment=a)).measurements[0].value for a in ("zone", "least-squares")
    }
    assert profile["zone"] < profile["least-squares"]


def test_a_zone_near_the_noise_cannot_be_judged(part, rng):
    points, part_from_scan, _ = scanned(part, rng)
    scan = Cloud(part_from_scan.inverse().apply(points))
    assert run(Inspection(scan, part), Settings(tolerance_m=30e-6)).verdict is Verdict.CANNOT_SAY


def test_a_view_from_one_side_is_enough_and_what_was_not_seen_is_said(part, rng):
    points, part_from_scan, truth = scanned(part, rng, 80_000)
    seen = truth.normals @ np.array([0.5, 0.4, 0.77]) > 0.2
    scan = Cloud(part_from_scan.inverse().apply(points[seen]))
    report = run(Inspection(scan, part), Settings(tolerance_m=0.2e-3))
    assert report.verdict is Verdict.PASS
    assert 0.2 < report.facts["reference"]["seen_share"] < 0.8


def test_missing_points_are_left_out_and_strays_are_counted(part, rng):
    points, part_from_scan, _ = scanned(part, rng)
    points[::50] = np.nan
    points[1:2000:100] += 0.5
    report = run(Inspection(Cloud(part_from_scan.inverse().apply(points)), part), Settings(tolerance_m=0.2e-3))
    assert report.verdict is Verdict.PASS
    assert report.facts["points_removed"] >= 20


def test_another_part_is_not_found(part, rng):
    ball = rng.normal(size=(20_000, 3))
    with pytest.raises(BadInput, match="not found"):
        run(Inspection(Cloud(0.02 * ball / np.linalg.norm(ball, axis=1)[:, None]), part))


def test_a_wrong_unit_is_not_found(part, rng):
    points, part_from_scan, _ = scanned(part, rng)
    with pytest.raises(BadInput, match="not found"):
        run(Inspection(Cloud(part_from_scan.inverse().apply(points) * 25.4), part))


def test_too_few_points_are_refused(part):
    with pytest.raises(BadInput, match="100"):
        run(Inspection(Cloud(np.full((500, 3), np.nan)), part))


def test_the_same_scan_gives_the_same_bits(part, rng):
    points, part_from_scan, _ = scanned(part, rng, 20_000)
    scan = Cloud(part_from_scan.inverse().apply(points))
    one, two = (run(Inspection(scan, part), Settings(tolerance_m=1e-4)) for _ in range(2))
    assert one.measurements == two.measurements
    assert one.facts == two.facts
