# SPDX-License-Identifier: Apache-2.0
"""Many scans: each to a model, and all to one another, simulated and real."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.data import sample
from tests.parts import anywhere, bumpy, nearby, rms_m, view

from visionvalley.core import BadInput, Cloud, Mesh, Pose
from visionvalley.vision.geometry.motion import best_motion, difference
from visionvalley.vision.shape.joint import refine_together
from visionvalley.vision.shape.normals import normals
from visionvalley.vision.shape.orientation import orient_outwards
from visionvalley.vision.shape.registration import Alignment, Source, Target
from visionvalley.vision.shape.together import register_to_model, register_together

SIDES = [(1, 0, 0.2), (0.4, 1, 0), (-0.8, 0.6, 0.1), (-0.6, -0.8, 0), (0.5, -0.9, -0.1)]


def ply(file):
    """Return vertices and triangles of an ASCII PLY with a range grid or with faces."""
    lines = file.read_text().splitlines()
    count = {line.split()[1]: int(line.split()[2]) for line in lines[:40] if line.startswith("element")}
    begin = lines.index("end_header") + 1
    vertices = np.array([line.split()[:3] for line in lines[begin : begin + count["vertex"]]], float)
    faces = [line.split()[1:4] for line in lines[begin + count["vertex"] :][: count.get("face", 0)]]
    return vertices, np.array(faces, int)


@pytest.fixture(scope="module")
def bunny():
    """Return ten real scans, and where the Stanford laboratory placed them."""
    folder = sample("objects/bunny_scans")
    scans, poses = [], []
    for line in (folder / "bun.conf").read_text().splitlines():
        if not line.startswith("bmesh"):
            continue
        name, *numbers = line.split()[1:]
        x, y, z, w = np.array(numbers[3:], float) / np.linalg.norm(np.array(numbers[3:], float))
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        turn = np.eye(3) + 2 * w * cross + 2 * cross @ cross
        scans.append(Cloud(ply(folder / name)[0]))
        poses.append(Pose(turn.T, np.array(numbers[:3], float)))
    return folder, scans, poses


def test_ten_real_scans_are_found_on_their_model_without_a_start(bunny):
    folder, scans, poses = bunny
    fits = register_to_model(scans, Mesh(*ply(folder / "bun_zipper.ply")))
    off = [rms_m(fit.target_from_source, true, s.points_m) for fit, true, s in zip(fits, poses, scans, strict=True)]
    assert max(off) <= 1e-4
    assert all(fit.converged for fit in fits)
    assert min(fit.overlap for fit in fits) > 0.9


def test_ten_real_scans_come_together_without_a_model(bunny):
    _, scans, poses = bunny
    found = register_together(scans)
    placed = np.concatenate([p.apply(s.points_m) for p, s in zip(found.world_from_scan, scans, strict=True)])
    true = np.concatenate([p.apply(s.points_m) for p, s in zip(poses, scans, strict=True)])
    gaps = best_motion(placed, true).apply(placed) - true
    assert np.sqrt((gaps**2).sum(axis=1)).mean() <= 4e-4
    assert found.converged
    assert len(found.pairs) >= 9
    for (a, b), fit in found.pairs.items():
        assert rms_m(fit.target_from_source, poses[b].inverse() @ poses[a], scans[a].points_m) < 6e-3


@pytest.fixture
def views(rng):
    """Return five simulated views all around a part, and where they belong in the frame of the first."""
    scans = [view(rng, 9000, side) for side in SIDES]
    poses = [Pose.identity(), *(anywhere(rng) for _ in SIDES[1:])]
    return [Cloud(pose.inverse().apply(scan)) for pose, scan in zip(poses, scans, strict=True)], poses


def test_simulated_views_come_together(views):
    scans, poses = views
    found = register_together(scans, 0.0035)
    for pose, true, scan in zip(found.world_from_scan, poses, scans, strict=True):
        assert rms_m(pose, true, scan.points_m) < 5e-5
    assert found.rmse_m < 1e-4


def test_joint_refinement_holds_the_first_scan_and_states_what_it_knows(rng, views):
    scans, poses = views
    pairs = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)]
    scans = [Cloud(s.points_m, normals(s.points_m, 12)) for s in scans]
    sources, targets = [Source.of(s) for s in scans], [Target.of_cloud(s, rims=False) for s in scans]
    start = [poses[0], *(nearby(rng, pose, 0.004, 2e-4) for pose in poses[1:])]
    found = refine_together(sources, targets, start, pairs, Alignment("symmetric", 0.003, "tukey"))
    assert found.converged
    assert_allclose(found.world_from_scan[0].matrix(), np.eye(4), atol=1e-15)
    assert not found.covariances[0].any()
    errors = []
    for i in range(1, 5):
        d = difference(found.world_from_scan[i], poses[i])
        errors.append(d @ np.linalg.solve(found.covariances[i], d))
        assert rms_m(found.world_from_scan[i], poses[i], scans[i].points_m) < 2e-5
    assert 1.5 < np.mean(errors) < 14  # 6 a pose, four poses that lean on each other


def test_a_cloud_with_normals_serves_as_a_model(rng):
    whole = bumpy(rng, 20_000)
    true = anywhere(rng)
    scan = Cloud(true.inverse().apply(view(rng, 12_000, (0, 0, 1))))
    (fit,) = register_to_model([scan], Cloud(whole, orient_outwards(whole, normals(whole, 10))))
    assert rms_m(fit.target_from_source, true, scan.points_m) < 3e-5


def test_scans_of_different_parts_do_not_come_together(rng):
    box = rng.uniform(-0.05, 0.05, (9000, 3))
    box[np.arange(9000), rng.integers(0, 3, 9000)] = 0.05
    with pytest.raises(BadInput, match="groups"):
        register_together([Cloud(view(rng, 9000, (1, 0, 0))), Cloud(box)], 0.0035)
