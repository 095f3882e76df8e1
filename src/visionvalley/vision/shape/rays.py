# SPDX-License-Identifier: Apache-2.0
"""What rays meet of a surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from visionvalley.core import BadInput, require
from visionvalley.core.arrays import Floats, Ints
from visionvalley.kernels import rays as kernels
from visionvalley.kernels.ordering import pieces_of, writable
from visionvalley.kernels.threads import each_thread
from visionvalley.vision.shape.surfaces import SurfaceIndex


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """What each ray meets first.

    distance_m  (N,) metres along the ray; infinite where it meets nothing, NaN where the ray is not finite
    face        (N,) int32, the face met; -1 for none
    weights     (N, 2) of the second and the third corner of the face, the first having the rest to 1; NaN for none
    """

    distance_m: Floats
    face: Ints
    weights: Floats


def cast(surface: SurfaceIndex, origins_m: Any, directions: Any) -> Hits:
    """Return what each ray meets first, from either side.

    origins_m   (N, 3) metres, or (3,) for all
    directions  (N, 3) of any length above zero
    No ray slips between faces that share vertices (Woop, Benthin & Wald 2013). The search is in float32: a ray that
    passes an edge within 1e-7 of the surface's size may meet either face, and one that starts that near to a face
    may or may not meet it. The distance is measured in float64.
    """
    ways = writable(require("directions", directions, (None, 3)))
    origins = np.asarray(origins_m, np.float64)
    starts = writable(
        require("origins_m", np.broadcast_to(origins, ways.shape) if origins.ndim == 1 else origins, (None, 3))
    )
    if len(starts) != len(ways):
        raise BadInput("shape.rays_differ", origins=len(starts), directions=len(ways))
    count = len(ways)
    hits = Hits(np.empty(count), np.empty(count, np.int32), np.empty((count, 2)))
    nodes, _, corners, leaf_faces = surface.tree
    tree = nodes.reshape(-1), nodes.reshape(-1).view(np.int32), corners.reshape(-1), leaf_faces.reshape(-1)
    frame = np.array([*surface.origin_m, max(surface.extent_m, 1e-30), *surface.half_sides_m])
    mesh = surface.vertices_m, surface.faces
    out = hits.distance_m, hits.face, hits.weights
    each_thread(kernels.cast_rays, pieces_of(count, kernels.PIECE), starts, ways, frame, tree, mesh, out)
    return hits
