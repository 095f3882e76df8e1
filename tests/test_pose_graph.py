# SPDX-License-Identifier: Apache-2.0
"""Poses from fits of pairs, true and false."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.parts import anywhere, nearby

from visionvalley.core import BadInput, Pose
from visionvalley.vision.geometry.motion import difference, perturbed
from visionvalley.vision.shape.pose_graph import Edge, believed, groups, optimise, spanning_poses

SIGMA = np.array([1e-3] * 3 + [1e-4] * 3)


def world(rng, count):
    """Return true poses, the first at the origin."""
    return [Pose.identity(), *(anywhere(rng, 1.0, 0.1) for _ in range(count - 1))]


def edge(rng, poses, a, b, noise=SIGMA):
    """Return a measured edge with noise."""
    true = poses[b].inverse() @ poses[a]
    return Edge(a, b, perturbed(true, rng.normal(size=6) * noise), np.diag(SIGMA**2))


RING = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0), (0, 2), (1, 4), (3, 5)]


def test_edges_without_noise_give_the_truth(rng):
    poses = world(rng, 6)
    found = optimise(6, [edge(rng, poses, a, b, 0 * SIGMA) for a, b in RING])
    assert found.converged
    for pose, true in zip(found.world_from_scan, poses, strict=True):
        assert_allclose(difference(pose, true), 0, atol=1e-9)
    assert_allclose(found.weights, 1.0)


def test_false_edges_are_not_believed_and_change_little(rng):
    poses = world(rng, 6)
    edges = [edge(rng, poses, a, b) for a, b in RING]
    alone = optimise(6, edges)
    wrong = [Edge(a, b, anywhere(rng), np.diag(SIGMA**2)) for a, b in ((0, 3), (1, 5), (2, 4))]
    found = optimise(6, [*wrong, *edges])
    assert believed(found.weights).tolist() == [False] * 3 + [True] * 9
    for pose, other in zip(found.world_from_scan, alone.world_from_scan, strict=True):
        assert np.abs(difference(pose, other) / SIGMA).max() < 0.5


def test_a_sure_edge_is_always_believed(rng):
    poses = world(rng, 3)
    edges = [edge(rng, poses, a, b) for a, b in ((0, 1), (1, 2), (0, 2))]
    odd = Edge(0, 1, nearby(rng, edges[0].b_from_a, 0.05, 5e-3), np.diag(SIGMA**2), sure=True)
    assert optimise(3, [odd, *edges]).weights[0] == 1.0


def test_the_covariances_hold():
    rng, errors = np.random.default_rng(1), []
    poses = world(rng, 6)
    for _ in range(30):
        found = optimise(6, [edge(rng, poses, a, b) for a, b in RING], robust=False)
        for i in range(1, 6):
            d = difference(found.world_from_scan[i], poses[i])
            errors.append(d @ np.linalg.solve(found.covariances[i], d))
    assert 5.0 < np.mean(errors) < 7.0
    assert not found.covariances[0].any()


def test_scans_that_no_edge_connects_are_named(rng):
    poses = world(rng, 4)
    with pytest.raises(BadInput, match="2 groups") as caught:
        optimise(4, [edge(rng, poses, 0, 2), edge(rng, poses, 1, 3)])
    assert "0, 2; 1, 3" in caught.value.fix
    assert groups(4, [(0, 2), (1, 3)]) == [[0, 2], [1, 3]]


@pytest.mark.parametrize(("a", "b"), [(0, 0), (0, 3), (-1, 1)])
def test_edges_that_join_nothing_are_refused(a, b):
    with pytest.raises(BadInput, match="does not name two different scans"):
        optimise(3, [Edge(a, b, Pose.identity(), np.eye(6))])


def test_one_scan_alone_stands_at_the_origin():
    found = optimise(1, [])
    assert_allclose(found.world_from_scan[0].matrix(), np.eye(4))


def test_the_tree_takes_the_cheapest_edges(rng):
    poses = world(rng, 3)
    good, bad = edge(rng, poses, 2, 0, 0 * SIGMA), Edge(0, 2, anywhere(rng), np.eye(6))
    found = spanning_poses(3, [bad, good, edge(rng, poses, 1, 2, 0 * SIGMA)], [5.0, 1.0, 2.0])
    for pose, true in zip(found, poses, strict=True):
        assert_allclose(difference(pose, true), 0, atol=1e-9)
