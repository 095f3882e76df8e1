# SPDX-License-Identifier: Apache-2.0
"""A picture's worth of points: of the first sample with points that is on this machine."""

from __future__ import annotations

import numpy as np

from visionvalley.core import BadInput
from visionvalley.core.arrays import Floats
from visionvalley.io.files import read_cloud
from visionvalley.samples.finding import find

BUNNY = "bunny_scans/bun000.ply"
CREDIT = "Stanford 3D Scanning Repository"


def points() -> tuple[Floats, str]:
    """Return (N, 3) points in metres, x right, y up, z towards who looks, and whose they are.

    Raises BadInput where none are on this machine.
    """
    found = read_cloud(find(BUNNY, offline=True), "m").points_m
    known = found[np.isfinite(found).all(1)]
    if not len(known):
        raise BadInput("samples.offline", name=BUNNY, megabytes="1.5")
    return known, CREDIT
