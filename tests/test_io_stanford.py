# SPDX-License-Identifier: Apache-2.0
"""Placements of the Stanford range scans."""

import numpy as np
import pytest
from tests.data import sample

from visionvalley.core import BadInput
from visionvalley.io.files import read_cloud
from visionvalley.io.stanford import read_conf
from visionvalley.vision.shape.neighbours import build_index, nearest


def test_the_placements_bring_every_scan_onto_the_model():
    folder = sample("objects/bunny_scans")
    poses = read_conf(folder / "bun.conf")
    model = build_index(read_cloud(folder / "bun_zipper.ply", "m").points_m)
    assert len(poses) == 10
    for name, model_from_scan in poses.items():
        scan = read_cloud(folder / name, "m").moved(model_from_scan)
        # vertices of the model are 1 mm apart: a scan in its place lies half of that from the next
        assert np.median(nearest(model, scan.points_m, 1).distance_m) < 0.6e-3


def test_a_line_that_is_not_a_placement_is_named(tmp_path):
    file = tmp_path / "bad.conf"
    file.write_text("camera 0 0 0 0 0 0 1\nbmesh a.ply 0 0 0 0 0 nothing 1\n")
    with pytest.raises(BadInput, match="2"):
        read_conf(file)
