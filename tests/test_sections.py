# SPDX-License-Identifier: Apache-2.0
"""Sections are closed, lie in their plane and on the surface, and enclose what they must."""

import numpy as np
import pytest

from solids import ball, box, opened, soup, torus
from visionvalley.core import BadInput, Mesh
from visionvalley.kernels import threads
from visionvalley.vision.shape.distances import signed_distance_m
from visionvalley.vision.shape.sections import sections
from visionvalley.vision.shape.surfaces import index_surface
from visionvalley.vision.shape.topology import volume_m3

UP = [0, 0, 1]


def area(points):
    """Area in x and y, positive counter-clockwise."""
    after = np.roll(points, -1, axis=0)
    return (points[:, 0] * after[:, 1] - points[:, 1] * after[:, 0]).sum() / 2


def test_a_box_is_cut_in_its_rectangle_counter_clockwise():
    found = sections(box((0.04, 0.02, 0.01)), [0, 0, 0], UP, [0.0, 0.004, 0.006])
    assert found.plane.tolist() == [0, 1]
    assert not found.is_open.any()
    for k in range(2):
        assert area(found.line_m(k)) == pytest.approx(0.04 * 0.02, rel=1e-14)
        assert np.abs(found.line_m(k)[:, 2] - [0, 0.004][k]).max() < 1e-18


def test_every_line_of_a_closed_surface_is_closed_and_lies_on_it():
    mesh = torus()
    heights = np.linspace(-0.012, 0.012, 61)
    found = sections(mesh, [0, 0, 0], UP, heights)
    assert not found.is_open.any()
    assert np.abs(found.points_m[:, 2] - np.repeat(heights[found.plane], np.diff(found.starts))).max() < 1e-17
    assert np.abs(signed_distance_m(index_surface(mesh), found.points_m)).max() < 1e-16


def test_areas_of_sections_add_up_to_the_volume():
    mesh = torus(90, 60)
    z = mesh.vertices_m[:, 2]
    step = (z.max() - z.min()) / 400
    found = sections(mesh, [0, 0, float(z.min())], UP, (np.arange(400) + 0.5) * step)
    total = sum(area(found.line_m(k)) for k in range(len(found.plane))) * step
    assert total == pytest.approx(volume_m3(mesh), rel=1e-4)


def test_a_plane_through_vertices_and_flat_faces_gives_whole_loops():
    sphere = ball(0.02, 48, 24)
    levels = np.unique(np.round(sphere.vertices_m[:, 2], 15))[1:-1]
    found = sections(sphere, [0, 0, 0], UP, levels)
    assert not found.is_open.any()
    assert sorted(found.plane.tolist()) == list(range(len(levels)))
    flat = sections(box((1, 1, 1)), [0, 0, 0], UP, [-0.5, 0.5])
    assert flat.plane.tolist() == [1]  # a vertex upon a plane counts as above it
    assert area(flat.line_m(0)) == pytest.approx(1, rel=1e-14)


def test_an_open_surface_has_open_lines_from_edge_to_edge():
    sheet = Mesh(np.array([[0, 0, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1.0]]), np.array([[0, 1, 2], [0, 2, 3]], np.int32))
    found = sections(sheet, [0, 0, 0], UP, [0.25])
    assert found.is_open.tolist() == [True]
    assert sorted(found.line_m(0)[:, 0].tolist()) == [0, 0.25, 1]
    part = sections(opened(torus(), 300), [0, 0, 0], UP, [0.0])
    assert part.is_open.any()


def test_the_direction_and_order_of_planes_do_not_change_the_lines():
    mesh = torus()
    tilted = sections(mesh, [0.001, 0, 0], [2, -1, 3], [0.004, -0.003, 0.0])
    for plane, height in enumerate([0.004, -0.003, 0.0]):
        one = sections(mesh, [0.001, 0, 0], [2, -1, 3], [height])
        lines = tilted.lines_of(plane)
        assert len(lines) == len(one.plane) > 0
        assert all(np.array_equal(tilted.line_m(k), one.line_m(i)) for i, k in enumerate(lines))


def test_a_soup_of_triangles_has_the_lines_of_the_closed_surface():
    whole, parts = (sections(m, [0, 0, 0], UP, [0.001, 0.004]) for m in (torus(), soup(torus())))
    assert not parts.is_open.any()
    assert len(parts.plane) == len(whole.plane)
    assert sorted(map(tuple, parts.points_m.round(15))) == sorted(map(tuple, whole.points_m.round(15)))


def test_planes_that_miss_and_no_planes_give_no_lines():
    assert len(sections(box(), [0, 0, 0], UP, [1.0]).plane) == 0
    assert len(sections(box(), [0, 0, 0], UP, []).plane) == 0
    with pytest.raises(BadInput):
        sections(box(), [0, 0, 0], [0, 0, 0], [0.0])


def test_the_bits_are_the_same_on_any_number_of_threads():
    before, results = threads.threads(), []
    try:
        for count in (1, 2, 4):
            threads.set_threads(count)
            results.append(sections(torus(), [0, 0, 0], [1, 2, 3], np.linspace(-0.02, 0.02, 200)))
    finally:
        threads.set_threads(before)
    for other in results[1:]:
        assert np.array_equal(results[0].points_m, other.points_m)
        assert np.array_equal(results[0].starts, other.starts)
