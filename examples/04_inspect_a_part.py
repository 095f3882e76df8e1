# SPDX-License-Identifier: Apache-2.0
"""Judge a scan against its drawing: the six lines of the README.

The scan here is made from the part itself, moved and with noise, so that the answer is known.
"""

import numpy as np

from visionvalley.applications.manufacturing import Inspection, Settings, run
from visionvalley.core import Cloud
from visionvalley.io import read_mesh
from visionvalley.samples import find
from visionvalley.vision.shape.topology import sample_surface

part = read_mesh(find("parts/featuretype.STL"), unit="in")
made = sample_surface(part, 50_000, seed=1)
noise_m = 20e-6 * np.random.default_rng(0).normal(size=(50_000, 1))
scan = Cloud(made.points_m + noise_m * made.normals + [0.3, -0.1, 0.5])

report = run(Inspection(scan, part, simulated=True), Settings(tolerance_m=0.2e-3))
print(report.verdict)
for measured in report.measurements:
    print(measured)
