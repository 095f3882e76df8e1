# SPDX-License-Identifier: Apache-2.0
"""A virtual structured-light or depth sensor: a camera, a projector beside it, and how they err."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Camera, Cloud, DepthMap, Pose, SensorNoise, require
from visionvalley.core.arrays import Floats, Ints
from visionvalley.vision.shape.rays import cast
from visionvalley.vision.shape.surfaces import SurfaceIndex
from visionvalley.vision.simulation.noise import drawn_noise_m

FADING_RAD = math.radians(10)  # over which returns fade out before the grazing limit
CLEAR = 1e-5  # of the surface's size: what is met so near before a point does not shade it
UNDISTORTING = 20  # rounds of the fixed point; it gains a digit or more a round


@dataclass(frozen=True, slots=True)
class DepthSensor:
    """What a virtual sensor is made of.

    projector_m     (3,) centre of the projector in the camera's frame; None: it stands in the camera, no shadows
    noise           of the depth, along z; its scale is drawn once a scan, for all coordinates
    quantisation_m  step of the depth, 0: none
    grazing_rad     angle between ray and normal at which nothing comes back; over the 10 degrees before
                    it the share that comes back falls from all to none, linearly in the cosine
    """

    camera: Camera
    projector_m: tuple[float, float, float] | None = (0.2, 0.0, 0.0)
    noise: SensorNoise = field(default_factory=SensorNoise)
    quantisation_m: float = 0.0
    grazing_rad: float = math.radians(80)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.quantisation_m) and self.quantisation_m >= 0):
            raise BadInput("simulation.bad_quantisation", value=self.quantisation_m)
        if not FADING_RAD < self.grazing_rad <= math.pi / 2:
            raise BadInput("simulation.bad_grazing", value=f"{math.degrees(self.grazing_rad):g}")
        if self.noise.correlated_m > 0 and not self.noise.correlation_length_m > 0:
            raise BadInput("simulation.no_correlation_length")
        if self.projector_m is not None:
            require("projector_m", self.projector_m, (3,), finite=True)


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A simulated scan, and the truth beside it; rows belong to each other.

    cloud            as the sensor saw it, camera frame, row after row of the image
    depth            the same as a depth map
    truth_m          (N, 3) where the rays really met the surface, camera frame
    faces            (N,) int32, the faces that they met
    pixels           (N, 2) int32, (u, v)
    error_m          (N,) what noise and quantisation added to the depth
    scale            the factor that the sensor's calibration was off by
    camera_from_part the pose
    """

    cloud: Cloud
    depth: DepthMap
    truth_m: Floats
    faces: Ints
    pixels: Ints
    error_m: Floats
    scale: float
    camera_from_part: Pose


def scan(surface: SurfaceIndex, camera_from_part: Pose, sensor: DepthSensor, seed: int = 0) -> Scan:
    """Return what a sensor sees of a surface.

    Each pixel's ray is cast; what lies in the projector's shadow, turns its back to the projector, or is
    seen at too grazing an angle gives no point. Same seed, same bits.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    pixels = pixel_grid(sensor.camera)
    rays = rays_of(sensor.camera, pixels)
    part_from_camera = camera_from_part.inverse()
    hits = cast(surface, part_from_camera.translation_m, part_from_camera.turn(rays))
    met = np.flatnonzero(hits.face >= 0)
    truth = rays[met] * (hits.distance_m[met] / _lengths(rays[met]))[:, None]
    outward = camera_from_part.turn(surface.face_normals[hits.face[met]])
    came_back = random.random(len(met)) < returning(truth, outward, sensor.grazing_rad)
    lit = np.ones(len(met), bool) if sensor.projector_m is None else _lit(surface, camera_from_part, truth, sensor)
    keep = came_back & lit
    truth, faces, pixels = truth[keep], hits.face[met][keep], pixels[met][keep]
    seen_z = truth[:, 2] + drawn_noise_m(truth, sensor.noise, random)
    if sensor.quantisation_m > 0:
        seen_z = np.round(seen_z / sensor.quantisation_m) * sensor.quantisation_m
    scale = 1.0 + sensor.noise.scale * float(random.normal())
    seen = truth * (seen_z / truth[:, 2])[:, None] * scale
    return Scan(
        Cloud(seen), _depth_map(sensor.camera, pixels, seen[:, 2]), truth, faces, pixels, seen_z - truth[:, 2], scale,
        camera_from_part,
    )  # fmt: skip


def pixel_grid(camera: Camera) -> Ints:
    """Return all pixels (N, 2), (u, v), row after row."""
    u, v = np.meshgrid(np.arange(camera.width_px), np.arange(camera.height_px))
    return np.stack([u.ravel(), v.ravel()], axis=1).astype(np.int32)


def rays_of(camera: Camera, pixels: Any) -> Floats:
    """Return the directions (N, 3) of pixels (N, 2), z = 1, lens distortion taken out (Brown 1966)."""
    x = (np.asarray(pixels[:, 0], np.float64) - camera.cx_px) / camera.fx_px
    y = (np.asarray(pixels[:, 1], np.float64) - camera.cy_px) / camera.fy_px
    k1, k2, p1, p2, k3 = camera.distortion
    a, b = x, y
    if any(camera.distortion):
        for _ in range(UNDISTORTING):
            r2 = a * a + b * b
            radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
            a, b = (
                (x - 2 * p1 * a * b - p2 * (r2 + 2 * a * a)) / radial,
                (y - p1 * (r2 + 2 * b * b) - 2 * p2 * a * b) / radial,
            )
    return np.stack([a, b, np.ones_like(a)], axis=1)


def returning(points_m: Floats, outward: Floats, grazing_rad: float) -> Floats:
    """Return the share (N,) of light that comes back to the origin from points with these normals."""
    cosine = -(points_m * outward).sum(axis=1) / _lengths(points_m)
    none, all_ = math.cos(grazing_rad), math.cos(grazing_rad - FADING_RAD)
    share: Floats = np.clip((cosine - none) / (all_ - none), 0.0, 1.0)
    return share


def _lit(surface: SurfaceIndex, camera_from_part: Pose, truth_m: Floats, sensor: DepthSensor) -> NDArray[np.bool_]:
    """Return whether each point (N, 3), camera frame, is seen by the projector."""
    part_from_camera = camera_from_part.inverse()
    projector = part_from_camera.apply(np.array([sensor.projector_m]))[0]
    points = part_from_camera.apply(truth_m)
    hits = cast(surface, projector, points - projector)
    lit: NDArray[np.bool_] = hits.distance_m > _lengths(points - projector) - CLEAR * surface.extent_m
    return lit


def _lengths(vectors: Floats) -> Floats:
    lengths: Floats = np.sqrt((vectors * vectors).sum(axis=1))
    return lengths


def _depth_map(camera: Camera, pixels: Ints, z_m: Floats) -> DepthMap:
    depth = np.full((camera.height_px, camera.width_px), np.nan, np.float32)
    depth[pixels[:, 1], pixels[:, 0]] = z_m
    return DepthMap(depth, camera)
