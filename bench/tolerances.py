# SPDX-License-Identifier: Apache-2.0
"""How long one characteristic takes, at 1 k and 100 k points a feature: `python -m bench.tolerances`.

Alone: on features that were not filtered before. Shared: where another tolerance of the same features came before.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from planted import X, Y, Z, cylinder, moved_by, plane
from visionvalley.vision.metrology.characteristics import Characteristic, DatumReference, Kind, Material
from visionvalley.vision.metrology.tolerances import evaluate

SYSTEM = tuple(DatumReference((name,)) for name in "ABC")
AXIS = (DatumReference(("S",)),)
ASKED = {
    "flatness": Characteristic("f", Kind.FLATNESS, ("A",)),
    "cylindricity": Characteristic("f", Kind.CYLINDRICITY, ("S",)),
    "roundness": Characteristic("f", Kind.ROUNDNESS, ("S",)),
    "straightness of an axis": Characteristic("f", Kind.STRAIGHTNESS, ("S",), diameter=True),
    "parallelism to A": Characteristic("f", Kind.PARALLELISM, ("T",), datums=SYSTEM[:1]),
    "profile to A|B|C": Characteristic("f", Kind.SURFACE_PROFILE, ("T",), datums=SYSTEM),
    "position to A|B|C": Characteristic("f", Kind.POSITION, ("H",), datums=SYSTEM, diameter=True),
    "position (M) to A|B|C": Characteristic(
        "f", Kind.POSITION, ("H",), datums=SYSTEM, diameter=True, material=Material.MAXIMUM, material_size_m=0.0099
    ),
    "total run-out": Characteristic("f", Kind.TOTAL_RUN_OUT, ("R",), datums=AXIS),
    "circular run-out": Characteristic("f", Kind.CIRCULAR_RUN_OUT, ("R",), datums=AXIS),
    "two-point size": Characteristic("f", Kind.SIZE, ("H",)),
}


def features(count: int) -> dict:
    """A block with a hole, and a shaft, with 5 um of noise."""
    noise = {"noise_m": 5e-6, "count": count}
    made = (
        plane("A", **noise),
        plane("B", place=(0.05, 0, 0.01), normal=X, side=(0.08, 0.02), seed=1, **noise),
        plane("C", place=(0, 0.04, 0.01), normal=Y, side=(0.1, 0.02), seed=2, **noise),
        plane("T", place=(0, 0, 0.02), normal=Z, seed=3, **noise),
        cylinder("H", place=(0.01, 0.01, 0.01), radius_m=0.005, length_m=0.02, internal=True, seed=4,
                 moved=moved_by((0, 0, 0), (2e-5, 0, 0)), **noise),
        cylinder("S", seed=5, **noise),
        cylinder("R", place=(0, 0, 0.04), radius_m=0.015, length_m=0.02, seed=6, **noise),
    )  # fmt: skip
    return {feature.name: feature for feature in made}


def timed(asked: Characteristic, scene: dict, rounds: int, *, shared: bool) -> list[float]:
    """Return the median wall time, and the CPU time of all threads, in milliseconds."""
    evaluate(asked, scene)
    walls, cpu = [], 0.0
    for _ in range(rounds):
        given = scene if shared else {name: replace(feature) for name, feature in scene.items()}
        begun, used = time.perf_counter(), time.process_time()
        evaluate(asked, given)
        walls.append(time.perf_counter() - begun)
        cpu += time.process_time() - used
    return [1e3 * statistics.median(walls), 1e3 * cpu / rounds]


def main() -> None:
    """Print the table: median wall time, and CPU time of all threads."""
    small, large = features(1000), features(100_000)
    print(f"{'ms':26s}{'1 k points':>12s}{'CPU':>8s}{'100 k points':>14s}{'CPU':>8s}{'shared':>10s}{'CPU':>8s}")
    for name, asked in ASKED.items():
        one = timed(asked, small, 9, shared=False)
        alone, further = (timed(asked, large, 3, shared=shared) for shared in (False, True))
        print(
            f"{name:26s}{one[0]:12.1f}{one[1]:8.1f}{alone[0]:14.0f}{alone[1]:8.0f}{further[0]:10.0f}{further[1]:8.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
