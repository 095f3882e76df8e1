# SPDX-License-Identifier: Apache-2.0
"""Bring one scan onto another without a start, and ask how well that is known.

The result confesses: its covariance, how many points agreed, and which motions the shapes leave free.
"""

import numpy as np

from visionvalley.io import read_cloud
from visionvalley.samples import find
from visionvalley.vision.shape.coarse import align_coarse
from visionvalley.vision.shape.registration import Alignment, align

front = read_cloud(find("bunny_scans/bun000.ply"), unit="m")
side = read_cloud(find("bunny_scans/bun045.ply"), unit="m")

start = align_coarse(side, front, cell_m=2.5e-3)
fit = align(side, front, start.target_from_source, Alignment(reach_m=1e-3, robust="tukey"))

print(fit)
print("standard uncertainty of the shift:", (np.sqrt(np.diag(fit.covariance)[3:]) * 1e6).round(1), "µm")
