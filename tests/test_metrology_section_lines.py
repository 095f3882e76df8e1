# SPDX-License-Identifier: Apache-2.0
"""Lines of surfaces in section planes: planted deviations, evaluated again in the plane by other means."""

import numpy as np
import pytest
from scipy.optimize import brentq, linprog
from scipy.spatial import ConvexHull

from planted import X, Y, Z, assert_sensitivity, cylinder, moved_by, plane
from visionvalley.core import Sphere
from visionvalley.vision.metrology.characteristics import Characteristic, DatumReference, Extracted, Kind
from visionvalley.vision.metrology.section_lines import in_plane
from visionvalley.vision.metrology.surfaces import distances
from visionvalley.vision.metrology.tolerances import evaluate

AWAY = moved_by((1e-3, -2e-3, 5e-4), (1e-4, -5e-5, 1e-4))


def ask(kind, section, *datums, **more):
    references = tuple(DatumReference((name,)) for name in datums)
    return Characteristic("asked", kind, ("T",), datums=references, section=tuple(section), **more)


def strip(points):
    """The least distance of two parallel lines about points of a plane: one of them lies on an edge of their hull."""
    hull = ConvexHull(points)
    return min(np.ptp(points @ normal) for normal in hull.equations[:, :2])


def wavy(x, y):
    """Along x a wave that grows with y; along y another."""
    return 1e-5 * np.sin(2 * np.pi * x / 0.05) * (1 + y / 0.08) + 3e-5 * np.sin(2 * np.pi * y / 0.04)


@pytest.mark.parametrize(
    "section", [np.array([0, 1.0, 0]), np.array([1.0, 0, 0]), np.array([1.0, 1.0, 0]), np.array([0.3, 1, 0.4])]
)
def test_straightness_of_a_plane_is_the_narrowest_strip_of_its_widest_line(section):
    feature = plane("T", count=30_000, height=wavy, moved=AWAY)  # its x is the part's y, its y the part's -x
    found = evaluate(ask(Kind.STRAIGHTNESS, section, cutoff_m=0.004), {"T": feature})
    n = section / np.linalg.norm(section)
    along = np.cross(n, Z) / np.linalg.norm(np.cross(n, Z))
    corners = np.array([[a * 0.04, b * 0.05, 0] for a in (-1, 1) for b in (-1, 1)]) @ n
    widest = 0.0
    for level in np.linspace(corners.min(), corners.max(), 21)[:-1] + np.ptp(corners) / 40:  # as it cuts
        flat = n - (n @ Z) * Z
        t = np.linspace(-0.07, 0.07, 2000)[:, None]
        on = flat * (level / (flat @ flat)) + t * along
        on = on[(np.abs(on[:, 0]) <= 0.04) & (np.abs(on[:, 1]) <= 0.05)]
        if len(on) > 100:
            up = (Z - (Z @ n) * n) / np.linalg.norm(Z - (Z @ n) * n)
            height = wavy(on[:, 1], -on[:, 0]) / (Z @ up)  # in the plane of the line
            widest = max(widest, strip(np.stack([on @ along, height], axis=1)))
    assert found.value == pytest.approx(widest, rel=0.02)
    assert found.raw == pytest.approx(widest, rel=0.08)  # slices are 20th parts of the plane, and not lines


def test_a_line_may_turn_in_its_plane_and_lines_do_not_depend_on_each_other():
    twisted = plane("T", count=20_000, height=lambda x, y: x * y * 0.02, moved=AWAY)
    for section in (X, Y):
        assert evaluate(ask(Kind.STRAIGHTNESS, section), {"T": twisted}).value < 1e-7  # of 80 um: it lies turned
    assert evaluate(Characteristic("f", Kind.FLATNESS, ("T",)), {"T": twisted}).value > 2e-5


def test_distances_within_planes_are_those_of_a_circle_where_a_sphere_is_cut():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(200, 3))
    points *= (0.01 + rng.normal(0, 3e-4, 200) / 1)[:, None] / np.linalg.norm(points, axis=1)[:, None]
    points = points[np.abs(points[:, 2]) < 0.009]
    values, grows = in_plane(Sphere(np.zeros(3), 0.01), points, Z)
    np.testing.assert_allclose(
        values, np.hypot(points[:, 0], points[:, 1]) - np.sqrt(1e-4 - points[:, 2] ** 2), atol=1e-14
    )
    for shift in np.eye(3) * 1e-8:
        other = in_plane(Sphere(np.zeros(3), 0.01), points + shift, Z)[0]
        np.testing.assert_allclose((other - values) / 1e-8, (grows * shift).sum(axis=1) / 1e-8, rtol=0.1, atol=0.1)


def centred(x, y, radius):
    """The least h with |distance from a circle that may be shifted| <= h, by linear programs."""
    shift = np.zeros(2)
    for _ in range(4):
        off = np.stack([x, y], axis=1) - shift
        far = np.linalg.norm(off, axis=1)
        rows, values = -off / far[:, None], far - radius
        one = np.ones(len(x))
        a = np.concatenate([np.column_stack([rows, -one]), np.column_stack([-rows, -one])])
        found = linprog([0, 0, 1], A_ub=a, b_ub=np.concatenate([-values, values]), bounds=[(None, None)] * 3)
        shift = shift + found.x[:2]
    return found.fun


def test_profile_of_lines_of_a_sphere_off_its_middle():
    """The deformed sphere is cut by root finding, and the curve compared with its circle."""

    def radial(w):
        return 2e-5 * w[..., 0] * w[..., 1] + 1e-5 * w[..., 2] ** 3 + 1e-5 * w[..., 0]

    rng = np.random.default_rng(3)
    way = rng.normal(size=(40_000, 3))
    way /= np.linalg.norm(way, axis=1)[:, None]
    way = way[np.abs(way[:, 2] - 0.45) < 0.35]
    feature = Extracted("T", Sphere(np.zeros(3), 0.01), (0.01 + radial(way))[:, None] * way)
    heights = feature.points_m[:, 2]
    count = int(np.clip(np.ptp(heights) / 0.002 + 1, 3, 20))
    free, placed = [], []
    for level in heights.min() + (np.arange(count) + 0.5) * np.ptp(heights) / count:
        curve = []
        for turn in np.linspace(0, 2 * np.pi, 120, endpoint=False):

            def above(polar, turn=turn, level=level):
                w = np.array([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)])
                return (0.01 + radial(w)) * w[2] - level

            polar = brentq(above, 0.05, 1.55, xtol=1e-15)
            curve.append(level * np.tan(polar) * np.array([np.cos(turn), np.sin(turn)]))
        x, y = np.array(curve).T
        circle = np.sqrt(1e-4 - level**2)
        free.append(2 * centred(x, y, circle))
        placed.append(2 * np.abs(np.hypot(x, y) - circle).max())
    alone = evaluate(ask(Kind.LINE_PROFILE, Z, cutoff_m=0.002), {"T": feature})
    assert alone.value == pytest.approx(max(free), rel=0.01)
    sides = [plane("A", side=(0.04, 0.04)), plane("B", place=(0.02, 0, 0), normal=X), plane("C", normal=Y)]
    asked = ask(Kind.LINE_PROFILE, Z, "A", "B", "C", cutoff_m=0.002)
    held = evaluate(asked, {"T": feature, **{s.name: s for s in sides}})
    assert held.value == pytest.approx(max(placed), rel=0.01)
    assert max(placed) > 1.2 * max(free)


def test_a_line_profile_may_move_only_as_its_datums_leave_it():
    """A cylinder shifted along x, cut across its axis: held by a plane across x, free of one along it."""
    lobed = cylinder(
        "T", count=20_000, radial=lambda t, z: 5e-6 * np.cos(3 * t), moved=moved_by((0, 0, 0), (3e-5, 0, 0))
    )
    floor, wall = plane("A", place=(0, 0, -0.02)), plane("B", place=(0.05, 0, 0), normal=X)
    features = {"T": lobed, "A": floor, "B": wall}
    free = evaluate(ask(Kind.LINE_PROFILE, Z, "A", cutoff_m=0.003), features)
    assert free.value == pytest.approx(1e-5, rel=0.02)
    assert "metrology.free" in [note.id for note in free.notes]
    turn = np.linspace(0, 2 * np.pi, 2000)
    radius = 0.01 + 5e-6 * np.cos(3 * turn)
    x, y = 3e-5 - radius * np.sin(turn), radius * np.cos(turn)
    slid = min(np.abs(np.hypot(x, y + slide) - 0.01).max() for slide in np.linspace(-5e-5, 5e-5, 501))
    held = evaluate(ask(Kind.LINE_PROFILE, Z, "A", "B", cutoff_m=0.003), features)
    assert held.value == pytest.approx(2 * slid, rel=0.01)


def test_sections_of_a_cylinder_along_its_axis_graze_it_at_the_sides_and_are_left_out_there():
    grown = cylinder("T", count=20_000, grown_m=1e-5)
    found = evaluate(ask(Kind.LINE_PROFILE, X, cutoff_m=0.004), {"T": grown})
    half = 0.01 / 6  # six planes
    askew = np.sqrt(1 - ((0.01 - half) / 0.01) ** 2)
    assert found.value == pytest.approx(2e-5 / askew, rel=0.02)


@pytest.mark.parametrize("kind", [Kind.STRAIGHTNESS, Kind.LINE_PROFILE])
@pytest.mark.parametrize("cutoff", [0.02, None])
def test_sensitivities_are_the_differences_of_the_value(kind, cutoff):
    face = plane("T", count=1000 if cutoff else 60, noise_m=3e-6, height=wavy, seed=4)
    floor = plane("A", place=(0, 0, -0.02), noise_m=3e-6)
    datums = ("A",) if kind is Kind.LINE_PROFILE else ()
    asked = ask(kind, (0.2, 1, 0), *datums, cutoff_m=cutoff)
    assert_sensitivity(evaluate, asked, {"T": face, "A": floor}, 1e-3)


def test_in_plane_distances_are_those_of_the_surface_where_the_plane_is_square_to_it():
    feature = cylinder("T", noise_m=1e-4)
    across = in_plane(feature.nominal, feature.points_m, Z)[0]
    np.testing.assert_allclose(across, distances(feature.nominal, feature.points_m)[0], atol=1e-15)
