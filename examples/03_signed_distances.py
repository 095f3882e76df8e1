# SPDX-License-Identifier: Apache-2.0
"""How far points lie from a surface, and on which side: negative is inside the material."""

import numpy as np

from visionvalley.io import read_mesh
from visionvalley.samples import find
from visionvalley.vision.shape.distances import closest
from visionvalley.vision.shape.surfaces import index_surface

part = read_mesh(find("parts/featuretype.STL"), unit="in")
middle_m = (part.vertices_m.min(axis=0) + part.vertices_m.max(axis=0)) / 2
line_m = middle_m + np.linspace(-0.08, 0.08, 5)[:, None] * np.array([1.0, 0.0, 0.0])

near = closest(index_surface(part), line_m)
for point_m, distance_m, face in zip(line_m, near.distance_m, near.face, strict=True):
    print(f"x = {point_m[0] * 1e3:6.1f} mm: {distance_m * 1e3:8.3f} mm from triangle {face}")
