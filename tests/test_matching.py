# SPDX-License-Identifier: Apache-2.0
"""Matches of descriptors, their agreement, and the motions that follow."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tests import naive_registration as naive
from tests.parts import anywhere

from visionvalley.kernels import threads
from visionvalley.vision.shape.matching import agreement, motions, mutual_matches, nearest_descriptors, pack_pairs

LIMITS = np.array([0.02, 0.1, 0.3])


def bits(graph, count):
    """Return the graph as a (count, count) array of truth."""
    words = graph.view(np.uint64)[:, :, None] >> np.arange(64, dtype=np.uint64)
    return (words & np.uint64(1)).astype(bool).reshape(len(graph), -1)[:count, :count]


def matched(rng, true_ones, false_ones):
    """Return (N, 6) source and target, matches, and the motion that the first `true_ones` share."""
    count = true_ones + false_ones
    points, directions = rng.uniform(-0.5, 0.5, (count, 3)), rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    pose = anywhere(rng)
    there = np.hstack([pose.apply(points), pose.turn(directions)])
    there[:, :3] += rng.normal(scale=1e-3, size=(count, 3))
    wrong = rng.permutation(count)[:false_ones]
    there[true_ones:] = there[wrong] + np.r_[rng.normal(scale=0.1, size=3), 0, 0, 0]
    here = np.hstack([points, directions]).astype(np.float32)
    return here, there.astype(np.float32), np.stack([np.arange(count)] * 2, 1), pose


@pytest.mark.parametrize(("rows", "others"), [(1, 1), (5, 3), (64, 100), (33, 257)])
def test_the_nearest_descriptors_are_found(rng, rows, others):
    a, b = rng.normal(size=(rows, 33)).astype(np.float32), rng.normal(size=(others, 33)).astype(np.float32)
    found, squares = nearest_descriptors(a, b)
    all_squares = ((a[:, None].astype(float) - b[None]) ** 2).sum(axis=2)
    assert_array_equal(found, all_squares.argmin(axis=1))
    assert_allclose(squares[:, 0], np.sort(all_squares, axis=1)[:, 0], rtol=1e-4)
    if others > 1:
        assert_allclose(squares[:, 1], np.sort(all_squares, axis=1)[:, 1], rtol=1e-4)


def test_equal_descriptors_go_by_the_lower_row():
    ones = np.ones((40, 33), np.float32)
    assert_array_equal(nearest_descriptors(ones[:8], ones)[0], np.zeros(8))


def test_matches_are_mutual_and_the_most_distinctive_come_first(rng):
    a = rng.normal(size=(80, 33)).astype(np.float32)
    b = np.r_[a[::-1] + rng.normal(scale=np.linspace(0.3, 0.01, 80)[:, None], size=(80, 33)).astype(np.float32)]
    found = mutual_matches(a, b.astype(np.float32), 30)
    assert len(found) == 30
    assert_array_equal(found[:, 0], 79 - found[:, 1])
    assert np.median(found[:, 0]) < 25  # the last rows of b, little disturbed, are the first of a


def test_the_graph_and_its_support_agree_with_their_twins(rng):
    source, target, matches, _ = matched(rng, 40, 60)
    graph, score = agreement(pack_pairs(source, target, matches), LIMITS)
    found = bits(graph, 100)
    twin = np.zeros((100, 100), bool)
    for i in range(100):
        for j in range(100):
            two = [i, j]
            twin[i, j] = naive.agree(source[two, :3], target[two, :3], source[two, 3:], target[two, 3:], LIMITS)
    assert (found != twin).sum() <= 2  # float32 at a limit
    assert_array_equal(found, found.T)
    assert bits(graph, 128)[100:].sum() == 0
    assert_array_equal(score[:100], naive.support(found))


def test_the_motion_of_few_true_matches_among_many_false_ones_is_found(rng):
    source, target, matches, pose = matched(rng, 30, 470)
    pairs = pack_pairs(source, target, matches)
    graph, score = agreement(pairs, LIMITS)
    seeds = np.argsort(-score[:500], kind="stable")[:8]
    found = motions(pairs, 500, graph, seeds, 0.01)
    assert (np.diff(found[:, 12]) <= 0).all()
    assert found[0, 12] > 25
    assert_allclose(found[0, :9].reshape(3, 3), pose.rotation, atol=5e-3)
    assert_allclose(found[0, 9:12], pose.translation_m, atol=2e-3)


def test_the_same_bits_on_any_number_of_threads(rng):
    source, target, matches, _ = matched(rng, 30, 200)
    pairs, before, found = pack_pairs(source, target, matches), threads.threads(), []
    try:
        for count in (1, 2, 4):
            threads.set_threads(count)
            graph, score = agreement(pairs, LIMITS)
            moves = motions(pairs, 230, graph, np.arange(20), 0.01)
            found.append((nearest_descriptors(source, target), graph, score, moves))
    finally:
        threads.set_threads(before)
    for other in found[1:]:
        for one, two in zip((*found[0][0], *found[0][1:]), (*other[0], *other[1:]), strict=True):
            assert_array_equal(one, two)
