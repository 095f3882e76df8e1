# SPDX-License-Identifier: Apache-2.0
"""Does the inspection measure what is there? Planted offsets and the covariance of the fit: `python -m bench.truth`.

Simulated scans (six views merged, white noise of 20 µm) of a real part whose flat faces carry a patch that is moved
by a known offset. The inspection finds the part without a start; the mean deviation over the patch is compared with
the truth. Least squares keeps the offset; a free zone balances it on purpose, so that its figure is smaller.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from visionvalley.applications.manufacturing import Inspection, Settings, run
from visionvalley.core import Camera, Cloud, Mesh, Pose, SensorNoise
from visionvalley.io import read_mesh
from visionvalley.samples import find
from visionvalley.vision.geometry.motion import difference, perturbed
from visionvalley.vision.geometry.symmetric import inverse, quadratic
from visionvalley.vision.metrology.best_fit import fit_least_squares
from visionvalley.vision.shape.distances import closest
from visionvalley.vision.shape.surfaces import index_surface
from visionvalley.vision.shape.topology import sample_surface
from visionvalley.vision.simulation.depth_sensor import DepthSensor
from visionvalley.vision.simulation.parts import Planted, plant_offset
from visionvalley.vision.simulation.views import merged, scan_around

NOISE_M = 20e-6
RADIUS_M = 5e-3  # of the plateau: a patch of 10 mm
WITHIN_M = 10e-6
OFFSETS_M = (20e-6, 50e-6, 100e-6)
SENSOR = DepthSensor(Camera(640, 480, 1500, 1500, 319.5, 239.5), (0.1, 0.0, 0.0), SensorNoise(white_m=NOISE_M))


@dataclass(frozen=True)
class Found:
    """What an inspection says of a patch."""

    points: int
    mean_m: float
    zone_mean_m: float


def flat_places(part: Mesh, count: int, seed: int = 0) -> list[np.ndarray]:
    """Return places in the middle of flat faces with room for a patch, far from each other."""
    surface, made = index_surface(part), sample_surface(part, 3000, seed)
    turns = 2 * np.pi * np.arange(16) / 16
    places: list[np.ndarray] = []
    for point, normal in zip(made.points_m, made.normals, strict=True):
        side = np.cross(normal, [1.0, 0, 0] if abs(normal[0]) < 0.9 else [0, 1.0, 0])
        side /= np.linalg.norm(side)
        ring = point + 1.4 * RADIUS_M * (
            np.cos(turns)[:, None] * side + np.sin(turns)[:, None] * np.cross(normal, side)
        )
        near = closest(surface, ring)
        flat = np.abs(near.distance_m).max() < 1e-9 and (near.normal @ normal).min() > 0.999
        if flat and all(np.linalg.norm(point - other) > 4 * RADIUS_M for other in places):
            places.append(point)
        if len(places) == count:
            break
    return places


def inspected(part: Mesh, planted: Planted, seed: int) -> Found:
    """Return what the inspection of a simulated scan says of the planted patch."""
    rng = np.random.default_rng(seed)
    elsewhere = Pose.from_rotation_vector(rng.normal(size=3), rng.normal(size=3))
    scans = scan_around(index_surface(planted.mesh), SENSOR, 0.3, views=6, seed=seed)
    cloud = merged(scans, elsewhere)
    means = []
    for alignment in ("least-squares", "zone"):
        report = run(Inspection(cloud, part, simulated=True), Settings(alignment=alignment, noise_m=NOISE_M))
        scan = report.scene.things[-1]
        assert isinstance(scan.shape, Cloud)
        assert scan.colouring is not None
        on = planted.on_plateau(scan.shape.points_m) & np.isfinite(scan.colouring.values)
        means.append(float(scan.colouring.values[on].mean()))
    return Found(int(on.sum()), means[0], means[1])


def normalised_errors(part: Mesh, pairs: int, points: int = 4000) -> np.ndarray:
    """Return the normalised squared error of the fit (pairs,), 6 on average if its covariance holds."""
    surface, errors = index_surface(part), []
    for seed in range(pairs):
        rng = np.random.default_rng(seed)
        made = sample_surface(part, points, seed)
        measured = made.points_m + NOISE_M * rng.normal(size=(points, 1)) * made.normals
        truth = Pose.from_rotation_vector(rng.normal(size=3), rng.normal(size=3) * 0.1)
        start = perturbed(truth, np.r_[rng.normal(size=3) * 2e-3, rng.normal(size=3) * 3e-4])
        fit = fit_least_squares(truth.inverse().apply(measured), surface, start)
        errors.append(quadratic(inverse(fit.covariance), difference(fit.part_from_scan, truth)))
    return np.array(errors)


def main() -> int:
    """Print both tables; the exit code tells whether every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.truth", description=__doc__)
    parser.add_argument("--patches", type=int, default=4)
    parser.add_argument("--pairs", type=int, default=500)
    chosen = parser.parse_args()
    part = read_mesh(find("parts/featuretype.STL"), unit="in")
    print("planted µm | points | found µm | error µm | under a free zone µm")
    worst_m = 0.0
    for number, place in enumerate(flat_places(part, chosen.patches)):
        for offset_m in OFFSETS_M:
            found = inspected(part, plant_offset(part, place, RADIUS_M, offset_m), seed=10 * number)
            error_m = found.mean_m - offset_m
            worst_m = max(worst_m, abs(error_m), WITHIN_M if found.points < 500 else 0)
            row = [offset_m, found.mean_m, error_m, found.zone_mean_m]
            a, b, c, d = (f"{v * 1e6:7.2f}" for v in row)
            print(f"{a} | {found.points:6d} | {b} | {c} | {d}", flush=True)
    print(f"largest error {worst_m * 1e6:.2f} µm, asked: within {WITHIN_M * 1e6:.0f} µm\n")
    errors = normalised_errors(part, chosen.pairs)
    low, high = chi2.ppf([0.025, 0.975], 6 * len(errors)) / len(errors)
    print(f"covariance of the fit: NEES {errors.mean():.3f} over {len(errors)} pairs, band {low:.3f} to {high:.3f}")
    return 0 if worst_m < WITHIN_M and low < errors.mean() < high else 1


if __name__ == "__main__":
    sys.exit(main())
