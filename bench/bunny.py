# SPDX-License-Identifier: Apache-2.0
"""Ten real scans of the Stanford bunny, placed without a start: `python -m bench.bunny`.

(a) each on the model; (b) all together, without a model. Times are of the second run in one process. Displacements are
root mean square distances from where the Stanford laboratory placed the scans' points; those of (b) after one motion
of the whole. The exit code tells whether both stay within what is asked.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from bench.harness import hold_threads

hold_threads()
from bench.registration import bunny  # noqa: E402

from visionvalley.core import Cloud  # noqa: E402
from visionvalley.io import read_mesh  # noqa: E402
from visionvalley.samples import find  # noqa: E402
from visionvalley.vision.geometry.motion import best_motion  # noqa: E402
from visionvalley.vision.shape.together import register_to_model, register_together  # noqa: E402

MODEL_MM, MODEL_S = 0.1, 3.0
TOGETHER_MM, TOGETHER_S = 0.4, 10.0


def second(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return the result of a second call, its wall seconds and its CPU seconds."""
    work()
    wall, cpu = time.perf_counter(), time.process_time()
    return work(), time.perf_counter() - wall, time.process_time() - cpu


def rms_mm(gaps: np.ndarray) -> float:
    """Return the root mean square length of gaps (N, 3), in millimetres."""
    return float(np.sqrt((gaps * gaps).sum(axis=1).mean())) * 1e3


def main() -> int:
    """Place all scans both ways and print times and displacements."""
    puzzle = bunny()
    scans = [Cloud(points) for points in puzzle.scans]
    model = read_mesh(find("bunny_scans/bun_zipper.ply"), "m")
    fits, wall, cpu = second(lambda: register_to_model(scans, model))
    off = [
        rms_mm(fit.target_from_source.apply(points) - pose.apply(points))
        for fit, pose, points in zip(fits, puzzle.poses, puzzle.scans, strict=True)
    ]
    print(f"(a) {len(off)} scans on the model: {wall:.2f} s ({cpu:.2f} s CPU), asked {MODEL_S:g} s")
    print(f"    displaced by {', '.join(f'{mm:.3f}' for mm in off)} mm, asked {MODEL_MM:g} mm each")
    well = max(off) <= MODEL_MM and wall <= MODEL_S
    found, wall, cpu = second(lambda: register_together(scans))
    placed, true = (
        np.concatenate([pose.apply(points) for pose, points in zip(poses, puzzle.scans, strict=True)])
        for poses in (found.world_from_scan, puzzle.poses)
    )
    whole = rms_mm(best_motion(placed, true).apply(placed) - true)
    print(f"(b) {len(scans)} scans together: {wall:.2f} s ({cpu:.2f} s CPU), asked {TOGETHER_S:g} s")
    print(f"    displaced by {whole:.3f} mm, asked {TOGETHER_MM:g} mm; {len(found.pairs)} pairs believed")
    return 0 if well and whole <= TOGETHER_MM and wall <= TOGETHER_S else 1


if __name__ == "__main__":
    sys.exit(main())
