# SPDX-License-Identifier: Apache-2.0
"""Let a virtual sensor scan a part, and compare what it saw with the truth.

A structured-light camera with its projector 12 cm beside it: 20 µm of white noise, 10 µm that neighbours within
5 mm share, a depth step of 2 µm, shadows, and nothing at grazing angles. Same seed, same bits.
"""

import numpy as np

from visionvalley.core import Camera, SensorNoise
from visionvalley.samples.simulated import bracket
from visionvalley.vision.shape.surfaces import index_surface
from visionvalley.vision.simulation.depth_sensor import DepthSensor, scan
from visionvalley.vision.simulation.views import looking_at

camera = Camera(width_px=640, height_px=480, fx_px=1800, fy_px=1800, cx_px=319.5, cy_px=239.5)
noise = SensorNoise(white_m=20e-6, correlated_m=10e-6, correlation_length_m=5e-3)
sensor = DepthSensor(camera, projector_m=(0.12, 0.0, 0.0), noise=noise, quantisation_m=2e-6)

camera_from_part = looking_at(eye_m=np.array([0.15, -0.12, 0.3]), target_m=np.array([0.045, 0.03, 0.01]))
seen = scan(index_surface(bracket()), camera_from_part, sensor, seed=1)

print(f"{len(seen.cloud)} points, {seen.cloud.points_m[:, 2].min() * 1e3:.0f} mm away and more")
print(f"the depth is off by {seen.error_m.std() * 1e6:.1f} µm (22.4 µm were asked for)")
