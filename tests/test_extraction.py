# SPDX-License-Identifier: Apache-2.0
"""Points of a scan belong to the faces they lie on: not near edges, not across them, not where they stand alone."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from tests.solids import box

from visionvalley.core import BadInput, Part, Plane
from visionvalley.vision.metrology.extraction import Around, associate, counted, extracted, widths_m
from visionvalley.vision.shape.distances import closest
from visionvalley.vision.shape.joining import names
from visionvalley.vision.shape.neighbours import build_index, nearest
from visionvalley.vision.shape.segmentation import with_faces
from visionvalley.vision.shape.surfaces import index_surface
from visionvalley.vision.shape.topology import sample_surface

NOISE_M, COUNT = 10e-6, 40_000


@pytest.fixture(scope="module")
def part() -> Part:
    mesh = box((0.04, 0.02, 0.01))
    return with_faces(Part(mesh, np.full(len(mesh.faces), -1), ()))


@pytest.fixture
def scan(part, rng):
    made = sample_surface(part.mesh, COUNT, seed=1)
    return made.points_m + NOISE_M * rng.normal(size=(COUNT, 1)) * made.normals, part.face[made.faces]


def around_of(points):
    found = nearest(build_index(points), points, 16)
    return Around(found.index, found.distance_m.astype(float))


def associated(part, points, margin_m=None):
    return associate(part, points, closest(index_surface(part.mesh), points), around_of(points), NOISE_M, margin_m)


def edge_distance_m(points):
    """Return how far points on the box lie from its nearest edge: the second smallest gap to a side."""
    gaps = np.sort(np.abs(np.array([0.02, 0.01, 0.005]) - np.abs(points)), axis=1)
    return gaps[:, 1]


def test_every_point_off_the_edges_belongs_to_its_own_face(part, scan):
    points, truth = scan
    found = associated(part, points)
    off = edge_distance_m(points)
    margin_m = found.margin_m.max()
    assert_array_equal(found.face[off > margin_m * 1.15], truth[off > margin_m * 1.15])
    assert (found.face[off < margin_m * 0.85] == -1).all()
    assert margin_m == pytest.approx(2 * np.sqrt(2.8e-3 / COUNT), rel=0.15)  # two spacings of 2800 mm² of surface


def test_a_margin_is_kept_as_asked_and_narrow_faces_keep_some_points(part, scan):
    points, _ = scan
    found = associated(part, points, 2e-3)
    assert (found.margin_m == 2e-3).all()
    assert edge_distance_m(points[found.face >= 0]).min() > 1.7e-3
    sparse = associated(part, points[::40])
    assert sparse.margin_m.max() <= 0.25 * widths_m(part).max()
    assert all((sparse.face == k).sum() > 10 for k in range(6))


def test_the_width_of_a_face_is_twice_its_area_over_its_border(part):
    by_name = dict(zip(names(part), widths_m(part), strict=True))
    assert by_name["plane-1"] == pytest.approx(2 * 0.04 * 0.02 / (2 * 0.06))


def test_single_points_are_left_out_and_dents_are_not(part, scan):
    points, truth = scan
    face = names(part).index("plane-1")
    normal = part.surfaces[face].normal
    middle = (truth == face) & (np.abs(points[:, 0]) < 0.012) & (np.abs(points[:, 1]) < 0.006)
    dent = middle & (points[:, 0] < -0.002)
    alone = np.flatnonzero(middle & (points[:, 0] > 0.002))[::50]
    points = points - 0.3e-3 * dent[:, None] * normal
    points[alone] += 0.3e-3 * normal
    found = associated(part, points)
    inner = dent & (points[:, 0] < -0.004) & (points[:, 0] > -0.011) & (np.abs(points[:, 1]) < 0.005)
    assert (found.face[inner] == face).mean() > 0.999
    assert (found.face[alone] == -1).all()
    assert counted(found, face)["stray"] >= len(alone)


def test_a_wall_that_crosses_a_face_is_none_of_it(part, scan, rng):
    points, _ = scan
    fixture = np.column_stack([0 * rng.random(3000), rng.uniform(-5e-3, 5e-3, 3000), 5e-3 + 1.5e-3 * rng.random(3000)])
    found = associated(part, np.concatenate([points, fixture]))
    assert (found.face[COUNT:][fixture[:, 2] > 5.5e-3] == -1).mean() > 0.95


def test_far_points_belong_to_nothing_and_a_face_without_points_is_an_error(part, scan):
    points, _ = scan
    far = np.concatenate([points, points[:100] + 0.05])
    found = associated(part, far)
    assert (found.face[COUNT:] == -1).all()
    with pytest.raises(BadInput, match="no points on top"):
        extracted("top", Plane([0, 0, 0], [0, 0, 1]), points, np.zeros(COUNT, bool))
    assert len(extracted("top", Plane([0, 0, 0], [0, 0, 1]), points, found.face[:COUNT] == 0).points_m) > 100
