# SPDX-License-Identifier: Apache-2.0
"""Read a scan, thin it to one point a cell, and find the direction that its surface faces.

A file without a unit of its own (PLY, STL, OBJ...) is read with an explicit one; inside, lengths are
metres. The scan is the first of the Stanford bunny's.
"""

from visionvalley.io import read_cloud
from visionvalley.samples import find
from visionvalley.vision.shape.normals import normals
from visionvalley.vision.shape.voxels import downsample

scan = read_cloud(find("bunny_scans/bun000.ply"), unit="m")
centroids_m, counts = downsample(scan.points_m, cell_m=2e-3)
facing = normals(centroids_m, k=20)

print(f"{len(scan)} points fell into {len(centroids_m)} cells of 2 mm, {counts.mean():.1f} a cell")
print(f"the first cell lies at {centroids_m[0].round(4)} m and faces {abs(facing[0]).round(2)} or its opposite")
