# SPDX-License-Identifier: Apache-2.0
"""A report that is made by hand, of which every number is known."""

from dataclasses import dataclass, field

import numpy as np

from visionvalley.core import (
    Cloud,
    Colouring,
    Contribution,
    Feature,
    Measurement,
    Mesh,
    Report,
    Scene,
    Thing,
    Tolerance,
    Verdict,
    text,
)  # fmt: skip

LIMIT_M = 50e-6
SIDE_M = 0.1
PATCH_M = 80e-6  # deviation of the patch x > 0.07, y > 0.07 of the plate; elsewhere 10 µm


@dataclass(frozen=True)
class Input:
    role: str
    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Run:
    """Conditions of a run, as `runs.conditions` gives them."""

    id: str = "abc123def456"
    started: str = "2026-01-02T03:04:05+00:00"
    inputs: tuple = (Input("scan", "scan <1>.ply", "a" * 64, 12345), Input("reference", "plate.stl", "b" * 64, 678))
    settings: dict = field(default_factory=lambda: {"tolerance_m": 2 * LIMIT_M, "alignment": "zone"})
    versions: dict = field(default_factory=lambda: {"visionvalley": "0"})
    machine: dict = field(default_factory=lambda: {"threads": 2})
    seconds: dict = field(default_factory=lambda: {"runs.read": 1.25})


def plate(cells=60):
    """Return a square plate in z = 0, seen from above, its deviations at the vertices."""
    x, y = (axis.ravel() for axis in np.meshgrid(*[np.linspace(0, SIDE_M, cells + 1)] * 2, indexing="ij"))
    corner = (np.arange(cells)[:, None] * (cells + 1) + np.arange(cells)).ravel()
    a, b, c, d = corner, corner + cells + 1, corner + cells + 2, corner + 1
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return Mesh(np.stack([x, y, 0 * x], 1), faces), deviation_at(x, y)


def deviation_at(x, y):
    """Return the deviation at places of the plate: none measured left of x = 0.02."""
    values = np.where((x > 0.07) & (y > 0.07), PATCH_M, 10e-6)
    return np.where(x < 0.02, np.nan, values).astype(np.float32)


def scan(count=4000):
    """Return points of the plate and their deviations."""
    places = np.random.default_rng(5).uniform(0, SIDE_M, (count, 2))
    return Cloud(np.c_[places, np.zeros(count)]), deviation_at(*places.T)


def scene(cells=60, count=4000):
    """Return the plate and its scan, coloured by deviation within ±50 µm."""
    limits = Tolerance(-LIMIT_M, LIMIT_M, "m")
    mesh, at_vertices = plate(cells)
    cloud, at_points = scan(count)
    return Scene(
        (
            Thing("reference", mesh, colouring=Colouring("deviation", at_vertices, "m", limits)),
            Thing("scan", cloud, colouring=Colouring("deviation", at_points, "m", limits)),
        )
    )


def report(verdict=Verdict.FAIL, **changes):
    """Return a whole report; a name holds what HTML must escape."""
    budget = (Contribution("noise", 3e-6), Contribution("alignment", 4e-6))
    profile = Measurement("profile <of> a surface", 160e-6, 5e-6, "m", (150e-6, 170e-6), budget=budget)
    mean = Measurement("mean deviation", 12e-6, 1e-6, "m", (10e-6, 14e-6))
    whole = {
        "application": "manufacturing",
        "title": text("runs.demo_title"),
        "verdict": verdict,
        "measurements": (profile, mean),
        "features": (Feature("surface", "profile", profile, Tolerance(0.0, 2 * LIMIT_M, "m"), verdict),),
        "scene": scene(),
        "facts": {
            "alignment": {
                "criterion": "minimum zone", "part_from_scan": np.eye(4).tolist(), "converged": True, "rounds": 3,
                "covariance": (np.eye(6) * 1e-12).tolist(), "weak_motions": ["turn about z"], "rms_m": 2e-5,
            },
            "registration": {"scans": {"a.ply": {"rms_displacement_m": 3e-5}, "b.ply": {"rms_displacement_m": 4e-5}}},
        },
        "notes": (text("manufacturing.simulated"),),
    }  # fmt: skip
    return Report(**(whole | changes))
