# SPDX-License-Identifier: Apache-2.0
"""How often does an inspection find the part? `python -m bench.recall [directions]`.

Simulated scans of real closed parts: one view from a random direction, and six views merged, each in a frame of its
own. Parts may be symmetric, so a pose is judged by the deviations it leaves: right where 95 of 100 lie within five
standard deviations of the noise. A wrong pose that is reported as if it were right is counted apart from a part that
is said not to be found.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from visionvalley.applications.manufacturing import Inspection, run
from visionvalley.core import BadInput, Camera, Cloud, Mesh, Pose, SensorNoise
from visionvalley.io import read_mesh
from visionvalley.samples import find
from visionvalley.vision.shape.surfaces import index_surface
from visionvalley.vision.simulation.depth_sensor import DepthSensor, scan
from visionvalley.vision.simulation.views import looking_at, merged, scan_around

SIGMAS, SHARE = 5.0, 0.95
PARTS = {
    "featuretype.STL": "in",
    "angle_block.STL": "in",
    "plate_holes.STL": "mm",
    "idler_riser.STL": "in",
    "octagonal_pocket.stl": "m",
    "fandisk.obj": "in",
    "counterXP.3MF": None,
}


@dataclass(frozen=True)
class Try:
    """One scan, and what became of it: 'right', 'wrong', or the message of the refusal."""

    outcome: str
    seconds: float
    residual_sigmas: float


def sensor(size_m: float) -> tuple[DepthSensor, float]:
    """Return a sensor that sees a part of this size in 300 pixels, with noise of 2e-4 of it, and how far off it is."""
    away_m = 4 * size_m
    camera = Camera(400, 400, 1200, 1200, 199.5, 199.5)
    return DepthSensor(camera, (0.3 * size_m, 0.0, 0.0), SensorNoise(white_m=noise_m(size_m))), away_m


def noise_m(size_m: float) -> float:
    """Return the standard deviation of the simulated depth."""
    return 2e-4 * size_m


def size_of(part: Mesh) -> float:
    """Return the diagonal of the part's box."""
    return float(np.linalg.norm(np.ptp(part.vertices_m, axis=0)))


def scans(part: Mesh, directions: int) -> Iterator[tuple[str, Cloud]]:
    """Yield scans from one side and from all around, each in a random frame."""
    rng, surface, size_m = np.random.default_rng(1), index_surface(part), size_of(part)
    eye, away_m = sensor(size_m)
    middle = 0.5 * (part.vertices_m.min(axis=0) + part.vertices_m.max(axis=0))
    for seed in range(directions):
        way = rng.normal(size=3)
        way /= np.linalg.norm(way)
        yield "one view", scan(surface, looking_at(middle + away_m * way, middle), eye, seed).cloud
    for seed in range(max(1, directions // 4)):
        anywhere = Pose.from_rotation_vector(rng.normal(size=3), rng.normal(size=3) * size_m)
        yield "six views", merged(scan_around(surface, eye, away_m, 6, 100 * seed), anywhere)


def tried(cloud: Cloud, part: Mesh) -> Try:
    """Inspect one scan and judge the pose by what deviations it leaves."""
    began = time.perf_counter()
    try:
        report = run(Inspection(cloud, part))
    except BadInput as error:
        return Try(error.message.id, time.perf_counter() - began, np.nan)
    seconds = time.perf_counter() - began
    quantiles = report.facts["deviation_quantiles_m"]
    assert isinstance(quantiles, dict)
    low, high = abs(quantiles["0.05"]), abs(quantiles["0.95"])
    left = max(low, high) / noise_m(size_of(part))
    return Try("right" if left < SIGMAS else "wrong", seconds, left)


def main(directions: int, only: str = "") -> None:
    """Print for each part how many scans were placed right, wrong and not at all, and the seconds."""
    print("| part | scan | right | wrong | not found | seconds, median | deviations of the wrong, sigma |")
    print("|---|---|---:|---:|---:|---:|---|")
    total: Counter[str] = Counter()
    for name, unit in PARTS.items():
        if only not in name:
            continue
        part = read_mesh(find(f"parts/{name}"), unit)
        groups: dict[str, list[Try]] = {}
        for kind, cloud in scans(part, directions):
            groups.setdefault(kind, []).append(tried(cloud, part))
        for kind, tries in groups.items():
            counts = Counter(one.outcome if one.outcome in ("right", "wrong") else "not found" for one in tries)
            total.update(counts)
            seconds = float(np.median([one.seconds for one in tries]))
            left = ", ".join(f"{one.residual_sigmas:.0f}" for one in tries if one.outcome == "wrong")
            row = " | ".join(f"{counts[key]}" for key in ("right", "wrong", "not found"))
            print(f"| {name} | {kind} | {row} | {seconds:.2f} | {left} |", flush=True)
    print(f"\n{total['right']} right, {total['wrong']} wrong, {total['not found']} not found of {total.total()}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12, sys.argv[2] if len(sys.argv) > 2 else "")
