# SPDX-License-Identifier: Apache-2.0
"""How exact and how quick fitted elements are: `python -m bench.fits [--quick]`.

Accuracy: 32 generated sets a kind (arcs of 360° to 10°, radii of 1 mm to 10 m, offsets to 10 m, 12 and 60 points),
each compared with the exact minimiser of the same objective in 60 digits (tests/naive_fits.py), where a short arc
leaves an element nearly free, too. Times: the median of several fits without a start, on all threads.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import naive_fits
from fitted_points import KINDS, generated, made
from visionvalley.core import Slot
from visionvalley.vision.metrology import least_squares, minimum_zone


def accuracy() -> None:
    """Print the worst error of each kind."""
    print("| fit | sets | certified | position, m | direction, rad | size or zone, m |\n|---|---:|---:|---:|---:|---:|")
    for kind in KINDS:
        sets = list(generated(kind))
        found = []
        for one in sets:
            fitted = least_squares.fit(one.points_m, one.truth, start=False)
            found.append(naive_fits.least_squares(one.points_m, fitted.element))
        worst = np.max([[f.position_m, f.direction_rad, f.size_m] for f in found], axis=0)
        held = sum(f.certified for f in found)
        print(
            f"| least squares, {kind.__name__} | {len(sets)} | {held} | " + " | ".join(f"{w:.1e}" for w in worst) + " |"
        )
    for kind in KINDS:
        if kind is Slot:
            continue
        gaps, certified, sets = [], 0, list(generated(kind))
        for one in sets:
            fitted_zone = minimum_zone.fit(one.points_m, one.truth)
            exact = naive_fits.zone(one.points_m, fitted_zone.element)
            gaps.append(abs(fitted_zone.width_m - exact.width_m))
            certified += exact.certified
        print(f"| minimum zone, {kind.__name__} | {len(sets)} | {certified} | | | {max(gaps):.1e} |")


def timed(work: Callable[[], object], times: int) -> float:
    """Return the median time of a call in milliseconds, after one that warms up."""
    work()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return 1e3 * statistics.median(taken)


def times() -> None:
    """Print how long fits take."""
    print(
        "\n| kind | least squares 100 k, ms | 1 M, ms | minimum zone 10 k, ms | 100 k, ms |\n|---|---:|---:|---:|---:|"
    )
    for kind in KINDS:
        row = []
        for fit, count in (
            (least_squares.fit, 100_000),
            (least_squares.fit, 1_000_000),
            (minimum_zone.fit, 10_000),
            (minimum_zone.fit, 100_000),
        ):
            one = made(kind, count, 5.0, 0.02, 1e-5, 0.3, 1)
            if fit is least_squares.fit or kind is not Slot:
                row.append(timed(partial(fit, one.points_m, one.truth, start=False), 5))
        print(f"| {kind.__name__} | " + " | ".join(f"{ms:.1f}" for ms in row) + " |")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="times only")
    quick = parser.parse_args().quick
    if not quick:
        accuracy()
    times()


if __name__ == "__main__":
    main()
