# SPDX-License-Identifier: Apache-2.0
"""What a pinhole camera sees of a surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Camera, Mesh, Pose, require, require_positive
from visionvalley.core.arrays import Floats
from visionvalley.kernels import raster as kernels
from visionvalley.kernels.ordering import pieces_of, writable
from visionvalley.kernels.threads import each_thread


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A surface as a camera sees it.

    depth_m          (height, width) float32, along z of the camera; NaN where nothing is seen
    face             (height, width) int32, the face seen; -1 where none is
    camera           the camera
    camera_from_mesh where the surface stood
    """

    depth_m: NDArray[np.float32]
    face: NDArray[np.int32]
    camera: Camera
    camera_from_mesh: Pose


def render_depth(mesh: Mesh, camera: Camera, camera_from_mesh: Pose, near_m: float = 1e-4) -> View:
    """Return what a camera sees of a surface: depth and face of every pixel, at the pixel's centre.

    near_m  what is nearer is not seen
    Both sides of a face are seen. Depths are right to float32; of two faces at the same depth, the first is named.
    Raises BadInput for a camera with distortion: cast rays for that.
    """
    if any(camera.distortion):
        raise BadInput("shape.distorted_camera")
    require_positive(near_m=near_m)
    intrinsics = camera.fx_px, camera.fy_px, camera.cx_px, camera.cy_px
    pose = camera_from_mesh
    view = np.array([*pose.rotation.ravel(), *pose.translation_m, *intrinsics, near_m])
    vertices, faces = writable(mesh.vertices_m), writable(mesh.faces)
    places = np.zeros((len(vertices), 4))
    each_thread(kernels.project, pieces_of(len(vertices), kernels.PIECE), vertices, view, places)
    height, width = camera.height_px, camera.width_px
    keys, limits = np.zeros(height * width, np.int64), np.array([width - 1.0, height - 1.0, 1 / near_m, 0.0])
    pieces = pieces_of(len(faces), kernels.PIECE)
    each_thread(kernels.draw_faces, pieces, faces, vertices, places, view, limits, keys)
    depth, face = np.empty((height, width), np.float32), np.empty((height, width), np.int32)
    each_thread(kernels.settle_pixels, pieces_of(height, kernels.ROWS), keys, depth, face)
    return View(depth, face, camera, camera_from_mesh)


def places_seen(view: View) -> Floats:
    """Return the (K, 3) places, in the surface's frame, of the pixels that see something, row by row."""
    rows, columns = np.nonzero(view.face >= 0)
    z = view.depth_m[rows, columns].astype(np.float64)
    x = (columns - view.camera.cx_px) / view.camera.fx_px * z
    y = (rows - view.camera.cy_px) / view.camera.fy_px * z
    return view.camera_from_mesh.inverse().apply(np.stack([x, y, z], axis=1))


def values_seen(view: View, mesh: Mesh, values: Any) -> Floats:
    """Return the (height, width) picture of numbers given at the vertices, interpolated over each face.

    values  (V,); NaN where there is none. NaN in the picture where nothing is seen.
    """
    values = require("values", values, (len(mesh.vertices_m),))
    seen = view.face >= 0
    corners = mesh.faces[view.face[seen]]
    a, b, c = (mesh.vertices_m[corners[:, k]] for k in range(3))
    u, v, w = b - a, c - a, places_seen(view) - a
    uu, uv, vv, wu, wv = (_dots(p, q) for p, q in ((u, u), (u, v), (v, v), (w, u), (w, v)))
    area = np.maximum(uu * vv - uv * uv, 1e-300)
    second, third = np.clip((vv * wu - uv * wv) / area, 0, 1), np.clip((uu * wv - uv * wu) / area, 0, 1)
    first = np.maximum(1 - second - third, 0)
    picture = np.full(view.face.shape, np.nan)
    total = first + second + third
    picture[seen] = (
        first * values[corners[:, 0]] + second * values[corners[:, 1]] + third * values[corners[:, 2]]
    ) / total
    return picture


def _dots(a: Floats, b: Floats) -> Floats:
    return a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1] + a[:, 2] * b[:, 2]
