# SPDX-License-Identifier: Apache-2.0
"""Do 95 % intervals hold the truth in 95 %? `python -m bench.coverage [--scans 1000] [--only flatness] [--again]`.

Each scan of a cell has new noise on the same points; the truth is what the same evaluation finds on the points
without noise, with what it says that extremes miss between them. A cell's count must lie within the binomial limits
that 1 % of tables of so many cells would leave (Holm 1979), and all cells together between 94 and 96 %. Datums touch
(ISO 5459) in cells of their own. What is done is kept in out/coverage.jsonl and not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("VALLEY_THREADS", "1")

import numpy as np
from bench.simulated_scans import CHARACTERISTICS, ELEMENTS, NOISES, Cell, cells, features_of, noisy
from scipy.stats import binom

KEPT = Path("out/coverage.jsonl")
CHUNK = 25
FAMILY = 0.01


def scanned(cell: Cell, first: int, count: int) -> list[tuple[int, int, int]]:
    """Return (intervals that held the truth, that lay above it, that lay below it) of so many scans."""
    fit = cell.what.startswith("fit of a ")
    return list(_fits(cell, first, count) if fit else _characteristics(cell, first, count))


def _characteristics(cell: Cell, first: int, count: int) -> Iterator[tuple[int, int, int]]:
    from visionvalley.vision.metrology.sampling import missed
    from visionvalley.vision.metrology.tolerances import evaluate
    from visionvalley.vision.metrology.uncertainty import measured

    asked = CHARACTERISTICS[cell.what]()
    names = tuple(dict.fromkeys([*asked.features, *(n for d in asked.datums for n in d.features)]))
    features, noise = features_of(cell, names), NOISES[cell.noise]
    exact = evaluate(asked, features)
    truth = exact.value + (missed(exact, features, 0.0).value if exact.extreme is not None else 0.0)
    for scan in range(first, first + count):
        seen = noisy(features, noise, np.random.default_rng([cell.seed, scan]))
        low, high = measured(asked, seen, noise, simulated=True, seed=scan).measured.interval_95
        yield int(low <= truth <= high), int(low > truth), int(high < truth)


def _fits(cell: Cell, first: int, count: int) -> Iterator[tuple[int, int, int]]:
    """Intervals of every parameter of a fitted element."""
    from visionvalley.vision.metrology.fits import PARAMETERS
    from visionvalley.vision.metrology.intervals import coverage_factor
    from visionvalley.vision.metrology.least_squares import fit
    from visionvalley.vision.metrology.propagation import contributions, sensed

    name = cell.what.removeprefix("fit of a ")
    features, noise = features_of(cell, (name,)), NOISES[cell.noise]
    true = fit(features[name].points_m, ELEMENTS[name])
    for scan in range(first, first + count):
        seen = noisy(features, noise, np.random.default_rng([cell.seed, scan]))
        found = fit(seen[name].points_m, true.element)
        points = sensed(seen, noise)
        off = [-one for one in _parameters(true.element, found.element)]  # in the frame of its own influence
        for k, _ in enumerate(PARAMETERS[type(true.element)]):
            budget = contributions({name: found.influence[k]}, points)
            half = coverage_factor() * float(np.sqrt(sum(one.standard_uncertainty**2 for one in budget)))
            yield int(abs(off[k]) <= half), int(off[k] > half), int(off[k] < -half)


def _parameters(element: object, true: object) -> list[float]:
    """Return how far an element lies from another, in the other's parameters (see `fits.PARAMETERS`)."""
    from visionvalley.vision.metrology.fits import PARAMETERS, frame

    u, v, w = frame(true)  # type: ignore[arg-type]
    own = frame(element)[2]  # type: ignore[arg-type]
    off = element.point_m - true.point_m  # type: ignore[attr-defined]
    names = PARAMETERS[type(true)]  # type: ignore[index]
    if "tilt u" in names and "shift w" not in names:
        off = off - (off @ w) / (own @ w) * own  # where the axis passes the true point
    elif type(true).__name__ == "Plane":
        off = (off @ own) / (own @ w) * w
    there = {"shift u": off @ u, "shift v": off @ v, "shift w": off @ w, "tilt u": own @ u, "tilt v": own @ v}
    if "turn" in names:
        there["turn"] = float(element.direction @ v)  # type: ignore[attr-defined]
        there["size"] = element.width_m - true.width_m  # type: ignore[attr-defined]
        there["second size"] = element.length_m - true.length_m  # type: ignore[attr-defined]
    elif "size" in names:
        there["size"] = element.radius_m - true.radius_m  # type: ignore[attr-defined]
        if "second size" in names:
            slide = (element.point_m - true.point_m) @ w  # type: ignore[attr-defined]
            there["size"] -= slide * np.tan(element.half_angle_rad)  # type: ignore[attr-defined]
            there["second size"] = element.half_angle_rad - true.half_angle_rad  # type: ignore[attr-defined]
    return [float(there[name]) for name in names]


def _work(cell: Cell, first: int, count: int) -> tuple[Cell, int, list[int], float]:
    start = time.perf_counter()
    try:
        rows = scanned(cell, first, count)
    except Exception as error:
        print(f"{cell.name}: {error!r}", file=sys.stderr, flush=True)
        return cell, first, [], 0.0
    return cell, first, [len(rows), *(int(n) for n in np.sum(rows, axis=0))], time.perf_counter() - start


def known() -> dict[tuple[str, int], list[int]]:
    """Return what was done before."""
    if not KEPT.exists():
        return {}
    rows = [json.loads(line) for line in KEPT.read_text().splitlines()]
    return {(row["cell"], row["first"]): row["counts"] for row in rows}


def run(chosen: list[Cell], scans: int, processes: int) -> dict[str, np.ndarray]:
    """Do what is not done yet; return scans, held, above and below by cell."""
    done = known()
    KEPT.parent.mkdir(exist_ok=True)
    ordered = sorted(chosen, key=lambda c: (c.points, "touching" not in c.what))
    tasks = [(c, f, min(CHUNK, scans)) for f in range(0, scans, CHUNK) for c in ordered if (c.name, f) not in done]
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool, KEPT.open("a") as out:
        for future in as_completed([pool.submit(_work, *task) for task in tasks]):
            cell, first, counts, seconds = future.result()
            if counts:
                done[cell.name, first] = counts
                print(
                    json.dumps({"cell": cell.name, "first": first, "counts": counts, "s": round(seconds, 2)}),
                    file=out,
                    flush=True,
                )
    total: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(4, int))
    wanted = {c.name for c in chosen}
    for (name, first), counts in done.items():
        if name in wanted and first < scans:
            total[name] += np.array(counts)
    return total


def refused(total: dict[str, np.ndarray]) -> set[str]:
    """Return the cells whose count is not that of 95 %, by Holm's step-down at a family-wise 1 %."""
    chances = {}
    for name, (count, held, *_) in total.items():
        low, high = binom.cdf(held, count, 0.95), binom.sf(held - 1, count, 0.95)
        chances[name] = min(1.0, 2 * min(low, high))
    out: set[str] = set()
    for place, name in enumerate(sorted(chances, key=chances.__getitem__)):
        if chances[name] > FAMILY / (len(chances) - place):
            break
        out.add(name)
    return out


def table(total: dict[str, np.ndarray]) -> Iterator[str]:
    """Yield the lines of the table: a row for each kind, part and noise, a column for each density."""
    outside = refused(total)
    yield "| what | part | noise | 300 | 1,000 | 3,000 points | missed above | below |"
    yield "|---|---|---|---:|---:|---:|---:|---:|"
    rows = dict.fromkeys((c.what, c.form, c.noise) for c in cells() if c.name in total)
    for what, form, noise in rows:
        shown, missed = [], np.zeros(3)
        for points in (300, 1000, 3000):
            name = Cell(what, points, noise, form).name
            if name not in total:
                shown.append("")
                continue
            count, held, above, below = total[name]
            missed += [count, above, below]
            shown.append(f"{100 * held / count:.1f}{' ✕' if name in outside else ''}")
        above, below = 100 * missed[1:] / missed[0]
        yield f"| {what} | {form} | {noise} | {' | '.join(shown)} | {above:.1f} | {below:.1f} |"
    whole = np.sum(list(total.values()), axis=0)
    yield ""
    yield f"pooled: {100 * whole[1] / whole[0]:.2f} % of {whole[0]:,} intervals hold the truth (asked: 94 to 96)"
    yield f"cells: {len(total) - len(outside)} of {len(total)} within the binomial limits at a family-wise 1 %"


def short(total: dict[str, np.ndarray]) -> Iterator[str]:
    """Yield a table with a line for each thing measured, all its cells together."""
    outside = refused(total)
    yield "| what | cells | outside | intervals | hold the truth, % | all above, % | all below, % |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for what in dict.fromkeys(c.what for c in cells()):
        own = {name: counts for name, counts in total.items() if name.startswith(f"{what}/")}
        if own:
            count, held, above, below = np.sum(list(own.values()), axis=0)
            shares = " | ".join(f"{100 * n / count:.1f}" for n in (held, above, below))
            yield f"| {what} | {len(own)} | {len(outside & set(own))} | {count:,} | {shares} |"


def main() -> int:
    """Run and print; the exit code tells whether all was as asked."""
    parser = argparse.ArgumentParser(prog="python -m bench.coverage", description=__doc__)
    parser.add_argument("--scans", type=int, default=1000)
    parser.add_argument("--only", default="", help="only cells whose name holds these words")
    parser.add_argument("--again", action="store_true", help="forget what was done before")
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    if chosen.again:
        KEPT.unlink(missing_ok=True)
    os.nice(5)
    total = run([c for c in cells() if chosen.only in c.name], chosen.scans, chosen.processes)
    print("\n".join([*short(total), "", *table(total)]))
    whole = np.sum(list(total.values()), axis=0)
    return int(not (0.94 <= whole[1] / whole[0] <= 0.96) or bool(refused(total)))


if __name__ == "__main__":
    sys.exit(main())
