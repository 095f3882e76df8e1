# SPDX-License-Identifier: Apache-2.0
"""Pictures show what is there: known geometry at known pixels, in the colours of its values."""

import struct
import zlib

import numpy as np
import pytest
from tests import reports

from visionvalley.core import Cloud, Mesh, Scene, Thing
from visionvalley.report.colours import scale_for
from visionvalley.report.pictures import pictures_of
from visionvalley.report.png import png_bytes
from visionvalley.report.views import SIDES, corners, side


@pytest.fixture(scope="module")
def pictures():
    return pictures_of(reports.scene(), large=(480, 340), small=(320, 240))


def at(picture, x, y):
    """Return the mean pixel about a place of the plate, seen from the top."""
    height, width = picture.pixels.shape[:2]
    column = width / 2 + (x - reports.SIDE_M / 2) / picture.pixel_m
    row = height / 2 - (y - reports.SIDE_M / 2) / picture.pixel_m
    return picture.pixels[round(row) - 1 : round(row) + 2, round(column) - 1 : round(column) + 2].mean((0, 1))


def hue(colour):
    return np.array(colour[:3], float) / np.sum(colour[:3])


def test_the_top_shows_the_colours_of_the_values(pictures):
    scale = scale_for(reports.scene().things[0].colouring)
    for place, value in (((0.05, 0.05), 10e-6), ((0.085, 0.085), reports.PATCH_M)):
        want = scale.colours(np.array([value]))[0]
        assert hue(at(pictures["top"], *place)) == pytest.approx(hue(want), abs=0.01)


def test_what_was_not_measured_is_grey(pictures):
    red, green, blue, alpha = at(pictures["top"], 0.01, 0.05)
    assert alpha == 255
    assert max(red, green, blue) - min(red, green, blue) < 1


def test_the_limit_is_a_dark_line_between_the_patch_and_the_rest(pictures):
    top = pictures["top"]
    column = round(top.pixels.shape[1] / 2 + 0.035 / top.pixel_m)
    line = top.pixels[:, column, :3].sum(-1)
    row = round(top.pixels.shape[0] / 2 - 0.02 / top.pixel_m)
    assert line[row - 4 : row + 5].min() < 0.6 * min(line[row - 12], line[row + 12])


def test_the_plate_fills_its_picture_and_nothing_is_drawn_beside_it(pictures):
    alpha = pictures["top"].pixels[..., 3]
    area_m2 = (alpha / 255).sum() * pictures["top"].pixel_m ** 2
    assert area_m2 == pytest.approx(reports.SIDE_M**2, rel=0.03)
    assert (alpha[0] == 0).all()
    assert (alpha[:, 0] == 0).all()


def test_the_nearer_surface_hides_the_farther_one():
    low, high = (
        Mesh(np.array([[0, 0, z], [1, 0, z], [1, 1, z], [0, 1, z]]), [[0, 1, 2], [0, 2, 3]]) for z in (0.0, 0.3)
    )
    from visionvalley.core import Colouring

    things = [
        Thing(str(v), m, colouring=Colouring("d", np.full(4, v, np.float32), "m")) for m, v in ((low, -1), (high, 1))
    ]
    both = Mesh(np.concatenate([low.vertices_m, high.vertices_m]), np.concatenate([low.faces, high.faces + 4]))
    values = np.concatenate([one.colouring.values for one in things])
    scene = Scene((Thing("both", both, colouring=Colouring("d", values, "m")),))
    found = pictures_of(scene, large=(120, 120), small=(120, 120))
    top, bottom = (found[name].pixels[55:65, 55:65].mean((0, 1)) for name in ("top", "bottom"))
    assert top[0] > top[2] + 50
    assert bottom[2] > bottom[0] + 50


def test_the_six_sides_are_right_handed_and_look_at_each_other():
    scene = reports.scene()
    axes = {name: side(scene, name).axes for name in SIDES}
    assert all(np.linalg.det(one) == pytest.approx(1) for one in axes.values())
    for one, other in (("front", "back"), ("left", "right"), ("top", "bottom")):
        assert (axes[one][2] == -axes[other][2]).all()
    assert all((view.axes @ view.axes.T).round(12).tolist() == np.eye(3).tolist() for view in corners(scene))


def test_up_is_up():
    scene = Scene((), up=(0.0, 1.0, 0.0))
    assert side(scene, "front").axes[1].tolist() == [0, 1, 0]
    assert side(scene, "top").axes[2].tolist() == [0, 1, 0]


def test_a_scene_without_points_has_no_picture():
    assert pictures_of(Scene()) == {}
    assert pictures_of(Scene((Thing("none", Cloud(np.full((3, 3), np.nan))),))) == {}


def test_a_png_holds_its_pixels(rng):
    pixels = rng.integers(0, 256, (7, 5, 4), dtype=np.uint8)
    data = png_bytes(pixels)
    size = struct.unpack(">II", data[16:24])
    start = data.index(b"IDAT") + 4
    length = struct.unpack(">I", data[start - 8 : start - 4])[0]
    rows = np.frombuffer(zlib.decompress(data[start : start + length]), np.uint8).reshape(7, 21)
    assert size == (5, 7)
    assert (rows[:, 0] == 2).all()  # each row less the one above
    assert (np.cumsum(rows[:, 1:], 0, dtype=np.uint8).reshape(7, 5, 4) == pixels).all()
