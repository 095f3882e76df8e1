# SPDX-License-Identifier: Apache-2.0
"""Is a 10 µm flatness error seen where its stated uncertainty says that it can be? `python -m bench.detection`.

A plate with a saddle of 10 µm is scanned again and again; it is seen where the 95 % interval leaves zero out. It can
be seen where what a perfect plate shows once in twenty times, and 1.65 standard deviations of what this one shows,
fit into what it shows on average: then it must be found in 95 of 100 scans. Else the answer is 'cannot say'.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("VALLEY_THREADS", "1")

import numpy as np
from bench.simulated_scans import noisy, sites

from visionvalley.core import Plane, SensorNoise, Tolerance, Verdict
from visionvalley.vision.metrology.characteristics import Characteristic, Extracted, Kind
from visionvalley.vision.metrology.uncertainty import measured

PLANE = Plane(np.zeros(3), np.array([0.0, 0.0, 1.0]))
ASKED = Characteristic("flatness", Kind.FLATNESS, ("plane",), Tolerance(0.0, 5e-6, "m"))
SADDLE_M = 10e-6


def plate(points: int, height_m: float) -> dict[str, Extracted]:
    """Return a plate of 100 mm x 60 mm with a saddle."""
    at = sites(PLANE, points, np.random.default_rng(points))
    at[:, 2] += 0.5 * height_m * at[:, 0] * at[:, 1] / (0.05 * 0.03)
    return {"plane": Extracted("plane", PLANE, at)}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.detection", description=__doc__)
    parser.add_argument("--scans", type=int, default=40)
    scans = parser.parse_args().scans
    print("| noise, µm | correlated, µm (length, mm) | points | u, µm | can be seen | seen, % | pass a 5 µm zone, % |")
    print("|---:|---:|---:|---:|---|---:|---:|", flush=True)
    for white, shared, length in ((1e-6, 0, 0), (3e-6, 0, 0), (10e-6, 0, 0), (3e-6, 1e-6, 0.01), (3e-6, 4e-6, 0.01)):
        noise = SensorNoise(white, shared, length)
        for points in (300, 3000):
            bent, flat = [], []
            for features, found in ((plate(points, SADDLE_M), bent), (plate(points, 0.0), flat)):
                for scan in range(scans):
                    seen = noisy(features, noise, np.random.default_rng([points, scan]))
                    found.append(measured(ASKED, seen, noise, simulated=True, seed=scan))
            shown, perfect = (np.array([f.beside[0].value for f in some]) for some in (bent, flat))
            can = shown.mean() - 1.65 * shown.std() > np.quantile(perfect, 0.95)
            found_share = np.mean([f.measured.interval_95[0] > 0 for f in bent])
            passed = np.mean([f.verdict is Verdict.PASS for f in bent])
            u = 1e6 * np.mean([f.measured.standard_uncertainty for f in bent])
            row = (f"{white * 1e6:g}", f"{shared * 1e6:g} ({length * 1e3:g})", str(points), f"{u:.2f}")
            said = ("yes" if can else "no", f"{100 * found_share:.0f}", f"{100 * passed:.0f}")
            print(f"| {' | '.join((*row, *said))} |", flush=True)


if __name__ == "__main__":
    main()
