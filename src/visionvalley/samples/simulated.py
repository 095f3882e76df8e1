# SPDX-License-Identifier: Apache-2.0
"""Samples that are made, not measured, for where no real data are to be had."""

from __future__ import annotations

import numpy as np

from visionvalley.core import Camera, Cloud, Mesh, Part, Pose, SensorNoise
from visionvalley.core.arrays import Floats
from visionvalley.vision.shape.surfaces import index_surface
from visionvalley.vision.simulation.depth_sensor import DepthSensor
from visionvalley.vision.simulation.depth_sensor import scan as seen
from visionvalley.vision.simulation.faults import Bowed, Resized, Shifted, plant
from visionvalley.vision.simulation.parts import plant_offset, rectilinear
from visionvalley.vision.simulation.views import looking_at, merged, scan_around

DENT_M = -0.25e-3
BRACKET_CHORD_M = 6e-6  # how far the sides of its holes lie inside the circles
BOW_M, WIDER_M, MOVED_M = 60e-6, 40e-6, 80e-6
NOISE = SensorNoise(white_m=15e-6, correlated_m=2e-6, correlation_length_m=10e-3)
EDGE_M, AWAY_M = 3e-3, 0.4
VIEWS = 8
ELSEWHERE = (  # where two scans lie: rotation vector, shift
    (np.array([0.9, -0.5, 1.7]), np.array([0.12, -0.3, 0.5])),
    (np.array([-0.6, 1.1, 0.4]), np.array([-0.2, 0.15, 0.7])),
)
XS_MM = (0, 16, 32, 58, 74, 90)
YS_MM = (0, 16, 44, 60)
ZS_MM = (0, 8, 14, 22)


def bracket() -> Mesh:
    """Return the nominal part: a block of 90 x 60 x 22 mm with two steps, a pocket and four bolt holes."""
    filled = np.zeros((5, 3, 3), bool)
    filled[:, :, 0] = True
    filled[1:4, :, 1] = True
    filled[1, :, 2] = True
    filled[2, 1, 1] = False
    holes = {(i, j): 4.5e-3 for i in (0, 4) for j in (0, 2)}
    xs_m, ys_m, zs_m = (np.array(axis) * 1e-3 for axis in (XS_MM, YS_MM, ZS_MM))
    return rectilinear(xs_m, ys_m, zs_m, filled, holes)


def dented_block(seed: int = 0) -> tuple[Cloud, Mesh]:
    """Return simulated scans of the bracket with a dent 0.25 mm deep, in a frame of their own, and the bracket."""
    part = bracket()
    return _all_round(_dented(part), Pose.from_rotation_vector(*ELSEWHERE[0]), seed), part


def scanned_twice(seed: int = 0) -> tuple[Cloud, Cloud, Mesh]:
    """Return simulated scans of the bracket as it was and with a dent 0.25 mm deep, each in a frame of its own.

    The bracket itself comes third.
    """
    part = bracket()
    before, after = (Pose.from_rotation_vector(*place) for place in ELSEWHERE)
    return _all_round(part, before, seed), _all_round(_dented(part), after, seed + VIEWS), part


def _dented(part: Mesh) -> Mesh:
    return plant_offset(part, np.array([24e-3, 30e-3, 22e-3]), 5e-3, DENT_M).mesh


def _all_round(part: Mesh, elsewhere: Pose, seed: int) -> Cloud:
    """Return eight views of a structured-light sensor 0.35 m away, laid where a pose says.

    15 µm white noise, 5 µm that neighbours within 10 mm share, a depth step of 1 µm, and the projector's shadows.
    """
    noise = SensorNoise(white_m=15e-6, correlated_m=5e-6, correlation_length_m=10e-3)
    sensor = DepthSensor(Camera(320, 240, 930, 930, 159.5, 119.5), (0.12, 0.0, 0.0), noise, quantisation_m=1e-6)
    return merged(scan_around(index_surface(part), sensor, 0.35, views=VIEWS, seed=seed), elsewhere)


def faulty_part(part: Part, plane: int, wide: int, moved: int, seed: int = 0) -> Cloud:
    """Return simulated scans of a part with a bowed plane, a hole too wide, and a hole out of place, by face numbers.

    Twelve views of a structured-light sensor 0.4 m away, four from above and four from below that look into holes at
    25 degrees, and four from the sides; noise `NOISE`. Truth: `BOW_M`, `WIDER_M`, `MOVED_M`.
    """
    faults = (Bowed(plane, BOW_M), Resized(wide, WIDER_M), Shifted(moved, np.array([MOVED_M, 0.0, 0.0])))
    surface = index_surface(plant(part, faults, EDGE_M))
    sensor = DepthSensor(Camera(240, 160, 620, 620, 119.5, 79.5), (0.12, 0.0, 0.0), NOISE, quantisation_m=1e-6)
    middle = (surface.vertices_m.min(axis=0) + surface.vertices_m.max(axis=0)) / 2
    scans = [
        seen(surface, looking_at(middle + AWAY_M * _way(tilt, turn), middle), sensor, seed + number)
        for number, (tilt, turn) in enumerate((tilt, 45 + 90 * k) for tilt in (25, 155, 80) for k in range(4))
    ]
    elsewhere = Pose.from_rotation_vector(np.array([0.4, 0.7, -0.3]), np.array([0.2, 0.1, 0.6]))
    return merged(scans, elsewhere)


def _way(tilt: int, turn: int) -> Floats:
    """Return a direction by its angles from z and about it, in degrees."""
    a, b = np.radians(tilt), np.radians(turn)
    return np.array([np.sin(a) * np.cos(b), np.sin(a) * np.sin(b), np.cos(a)])
