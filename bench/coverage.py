# SPDX-License-Identifier: Apache-2.0
"""Do 95 % intervals hold the truth in 95 %? `python -m bench.coverage [--scans 1000] [--after 0] [--only flatness]`.

A cell is a feature or tolerance, a sensor's noise and a density of points. Its parts have planted form errors of their
own, from none to more than the noise; each part is scanned five times. The truth is what the same evaluation finds on
the points without noise, with what it says that extremes miss between them. A cell's count must lie within the
binomial limits that 1 % of tables of so many cells would leave (Holm 1979), and all together between 94 and 96 %.
A scan of a good part that is refused holds no truth. Datums touch (ISO 5459) in cells of their own.

What is done is kept in out/coverage.jsonl and not done again; --publish adds it to bench/coverage_counts.json. From
there a cell's count goes on as long as the sources that it was made with are the same, or its first scans get the same
intervals to the bit; --published prints it as it is.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import math
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("VALLEY_THREADS", "1")

import numpy as np
from bench.simulated_scans import (
    CHARACTERISTICS,
    ELEMENTS,
    FORMS,
    NOISES,
    SCANS_A_PART,
    Cell,
    cells,
    features_of,
    form_of,
    noisy,
)
from scipy.stats import binom

from visionvalley.core import BadInput

KEPT, PUBLISHED = Path("out/coverage.jsonl"), Path(__file__).parent / "coverage_counts.json"
SOURCES = Path(__file__).parents[1] / "src/visionvalley/vision/metrology"
CHUNK = 25
FAMILY = 0.01
FINE = (0.94, 0.96)

Counts = np.ndarray  # (forms, 4) intervals, of them those that held the truth, lay above it, lay below it


@dataclass(frozen=True)
class Published:
    """What is published of a cell: with which sources, how many scans, their counts, the first intervals' hash."""

    of: str
    scans: int
    counts: Counts
    bits: str = ""


@dataclass(frozen=True)
class Chunk:
    """What `CHUNK` scans of a cell gave: counts, and a hash of their intervals."""

    counts: Counts
    bits: str


Done = dict[str, dict[int, Chunk]]  # by cell and first scan
NONE = Published("", 0, np.zeros((len(FORMS), 4), np.int64))


def scanned(cell: Cell, first: int, count: int) -> tuple[Counts, str]:
    """Return the counts of so many scans, and a hash of their intervals and what these should hold."""
    of = _fits if cell.what.startswith("fit of a ") else _characteristics
    out = np.zeros((len(FORMS), 4), np.int64)
    bits = hashlib.sha256()
    for part in range(first // SCANS_A_PART, -(-(first + count) // SCANS_A_PART)):
        some = range(max(first, part * SCANS_A_PART), min(first + count, (part + 1) * SCANS_A_PART))
        for low, high, truth in of(cell, part, some):
            out[list(FORMS).index(form_of(part))] += (1, low <= truth <= high, low > truth, high < truth)
            bits.update(np.array([low, high, truth]).tobytes())
    return out, bits.hexdigest()[:16]


def _characteristics(cell: Cell, part: int, scans: range) -> Iterator[tuple[float, float, float]]:
    from visionvalley.vision.metrology.sampling import missed
    from visionvalley.vision.metrology.tolerances import evaluate
    from visionvalley.vision.metrology.uncertainty import measured

    asked = CHARACTERISTICS[cell.what]()
    names = tuple(dict.fromkeys([*asked.features, *(n for d in asked.datums for n in d.features)]))
    features, noise = features_of(cell, names, part), NOISES[cell.noise]
    exact = evaluate(asked, features)
    truth = exact.value + (missed(exact, features, 0.0).value if exact.extreme is not None else 0.0)
    for scan in scans:
        seen = noisy(features, noise, np.random.default_rng([cell.seed, part, scan]))
        try:
            low, high = measured(asked, seen, noise, simulated=True, seed=scan).measured.interval_95
        except BadInput as error:
            print(f"{cell.name}, scan {scan}: {error}", file=sys.stderr, flush=True)
            yield math.nan, math.nan, truth
        else:
            yield low, high, truth


def _fits(cell: Cell, part: int, scans: range) -> Iterator[tuple[float, float, float]]:
    """Intervals of every parameter of a fitted element."""
    from visionvalley.vision.metrology.fits import PARAMETERS
    from visionvalley.vision.metrology.intervals import coverage_factor
    from visionvalley.vision.metrology.least_squares import fit
    from visionvalley.vision.metrology.propagation import contributions, sensed

    name = cell.what.removeprefix("fit of a ")
    features, noise = features_of(cell, (name,), part), NOISES[cell.noise]
    true = fit(features[name].points_m, ELEMENTS[name])
    for scan in scans:
        seen = noisy(features, noise, np.random.default_rng([cell.seed, part, scan]))
        found = fit(seen[name].points_m, true.element)
        points = sensed(seen, noise)
        off = [-one for one in _parameters(true.element, found.element)]  # in the frame of its own influence
        for k, _ in enumerate(PARAMETERS[type(true.element)]):
            budget = contributions({name: found.influence[k]}, points)
            half = coverage_factor() * float(np.sqrt(sum(one.standard_uncertainty**2 for one in budget)))
            yield off[k] - half, off[k] + half, 0.0


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


def sources() -> str:
    """Return a hash of the sources that a count is made with, without their comments and docstrings."""
    bare = hashlib.sha256()
    for path in (*sorted(SOURCES.glob("*.py")), Path(__file__).with_name("simulated_scans.py")):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if (
                isinstance(body, list)
                and body
                and isinstance(body[0], ast.Expr)
                and isinstance(body[0].value, ast.Constant)
            ):
                body.pop(0)
        bare.update(ast.dump(tree).encode())
    return bare.hexdigest()[:16]


def _work(cell: Cell, first: int, count: int) -> tuple[Cell, int, Chunk | None, float]:
    start = time.perf_counter()
    try:
        return cell, first, Chunk(*scanned(cell, first, count)), time.perf_counter() - start
    except Exception as error:
        print(f"{cell.name}: {error!r}", file=sys.stderr, flush=True)
        return cell, first, None, 0.0


def known(of: str) -> Done:
    """Return what was done with these sources, and not published: the chunks of each cell."""
    out: Done = defaultdict(dict)
    if KEPT.exists():
        for row in map(json.loads, KEPT.read_text().splitlines()):
            if row["of"] == of:
                out[row["cell"]][row["first"]] = Chunk(np.array(row["counts"]), row["bits"])
    return out


def published() -> dict[str, Published]:
    """Return the counts of each cell that are published."""
    rows = json.loads(PUBLISHED.read_text()) if PUBLISHED.exists() else {}
    return {name: Published(of, scans, np.array(counts), bits) for name, (of, scans, counts, bits) in rows.items()}


def holding(of: str, done: Done) -> dict[str, Published]:
    """Return the published counts that hold for these sources: of the same sources, or of the same first intervals."""
    return {
        name: one
        for name, one in published().items()
        if one.of == of or (0 in done[name] and done[name][0].bits == one.bits)
    }


def publish(of: str) -> None:
    """Add what was done in a row to what is published; counts with other sources are replaced by those as large."""
    out, done = published(), known(of)
    hold = holding(of, done)
    for name, chunks in done.items():
        before = hold.get(name, NONE)
        scans, counts, bits = before.scans, before.counts, chunks[0].bits if 0 in chunks else before.bits
        while scans in chunks:
            counts, scans = counts + chunks[scans].counts, scans + CHUNK
        if scans >= out.get(name, NONE).scans:
            out[name] = Published(of, scans, counts, bits)
    rows = [
        f"{json.dumps(k)}: {json.dumps([v.of, v.scans, v.counts.tolist(), v.bits])}" for k, v in sorted(out.items())
    ]
    PUBLISHED.write_text("{\n" + ",\n".join(rows) + "\n}\n")


def _finish(tasks: list[tuple[Cell, int, int]], pool: Executor, of: str, done: Done) -> None:
    """Do chunks of cells, add them to `done` and keep each as soon as it is there."""
    with KEPT.open("a") as out:
        for future in as_completed([pool.submit(_work, *task) for task in tasks]):
            cell, first, chunk, seconds = future.result()
            if chunk is not None:
                done[cell.name][first] = chunk
                row = {"of": of, "cell": cell.name, "first": first, "counts": chunk.counts.tolist()}
                print(json.dumps(row | {"bits": chunk.bits, "s": round(seconds, 2)}), file=out, flush=True)


def _begun(chosen: list[Cell], pool: Executor, of: str, done: Done) -> dict[str, Published]:
    """Return the published counts that go on, once the first chunk of those with other sources is done."""
    before = holding(of, done)
    firsts = [(cell, 0, CHUNK) for cell in chosen if cell.name not in before and 0 not in done[cell.name]]
    _finish(firsts, pool, of, done)
    return holding(of, done)


def run(chosen: list[Cell], scans: int, processes: int, after: int = 0) -> tuple[dict[str, Counts], int]:
    """Do what is not done yet; return counts by cell, and the least scans of a cell.

    Where they begin after some, nothing published is counted.
    """
    of = sources()
    done = known(of)
    KEPT.parent.mkdir(exist_ok=True)
    chosen = sorted(chosen, key=lambda c: (-c.points, "touching" not in c.what))
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        before = {} if after else _begun(chosen, pool, of, done)
        begin = {cell.name: max(after, before.get(cell.name, NONE).scans) for cell in chosen}
        later = [
            (cell, first, CHUNK)
            for first in range(after, scans, CHUNK)
            for cell in chosen
            if first >= begin[cell.name] and first not in done[cell.name]
        ]
        _finish(later, pool, of, done)
    total: dict[str, Counts] = {}
    least = sys.maxsize
    for cell in chosen:
        start = before.get(cell.name, NONE)
        new = [one.counts for first, one in done[cell.name].items() if begin[cell.name] <= first < scans]
        total[cell.name] = start.counts + sum(new, NONE.counts)
        least = min(least, start.scans + CHUNK * len(new))
    return {name: counts for name, counts in total.items() if counts.any()}, least


def refused(total: dict[str, Counts]) -> set[str]:
    """Return the cells whose count is not that of 95 %, by Holm's step-down at a family-wise 1 %."""
    chances = {}
    for name, counts in total.items():
        count, held = counts.sum(axis=0)[:2]
        low, high = binom.cdf(held, count, 0.95), binom.sf(held - 1, count, 0.95)
        chances[name] = min(1.0, 2 * min(low, high))
    out: set[str] = set()
    for place, name in enumerate(sorted(chances, key=chances.__getitem__)):
        if chances[name] > FAMILY / (len(chances) - place):
            break
        out.add(name)
    return out


def table(total: dict[str, Counts]) -> Iterator[str]:
    """Yield the lines of the table: a row for each kind and noise, a column for each density."""
    outside = refused(total)
    yield "| what | noise | 300 | 1,000 | 3,000 points | missed above | below |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    for what, noise in dict.fromkeys((c.what, c.noise) for c in cells() if c.name in total):
        shown, whole = [], np.zeros(4)
        for points in (300, 1000, 3000):
            name = Cell(what, points, noise).name
            counts = total[name].sum(axis=0) if name in total else np.zeros(4)
            whole += counts
            shown.append(f"{100 * counts[1] / counts[0]:.1f}{' ✕' if name in outside else ''}" if counts[0] else "")
        above, below = 100 * whole[2:] / whole[0]
        yield f"| {what} | {noise} | {' | '.join(shown)} | {above:.1f} | {below:.1f} |"


def short(total: dict[str, Counts]) -> Iterator[str]:
    """Yield a table with a line for each thing measured, all its cells together, and by the form of its parts."""
    outside = refused(total)
    forms = " | ".join(FORMS)
    yield f"| what | cells | outside | intervals | hold the truth, % | {forms} | all above, % | all below, % |"
    yield f"|---|---:|---:|---:|---:|{'---:|' * len(FORMS)}---:|---:|"
    names = list(dict.fromkeys(c.what for c in cells()))
    for what in (*names, ""):
        own = {name: counts for name, counts in total.items() if not what or name.rsplit("/", 2)[0] == what}
        if own:
            rows = np.sum(list(own.values()), axis=0)
            count, held, above, below = rows.sum(axis=0)
            by_form = " | ".join(f"{100 * n[1] / n[0]:.1f}" if n[0] else "" for n in rows)
            yield (
                f"| {what or 'all'} | {len(own)} | {len(outside & set(own))} | {count:,} | {100 * held / count:.1f} |"
                f" {by_form} | {100 * above / count:.1f} | {100 * below / count:.1f} |"
            )


def main() -> int:
    """Run and print; the exit code tells whether all was as asked."""
    parser = argparse.ArgumentParser(prog="python -m bench.coverage", description=__doc__)
    parser.add_argument("--scans", type=int, default=1000)
    parser.add_argument("--after", type=int, default=0, help="count only the scans after so many, of other parts")
    parser.add_argument("--only", default="", help="only cells whose name (what/points/noise) holds these words")
    parser.add_argument("--again", action="store_true", help="forget what was done before and is not published")
    parser.add_argument(
        "--publish", action="store_true", help="afterwards add what was done to bench/coverage_counts.json"
    )
    parser.add_argument("--published", action="store_true", help="print what is published, and do nothing")
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    if chosen.after % CHUNK or chosen.after >= chosen.scans:
        parser.error(f"--after {chosen.after}: say a multiple of {CHUNK} that is less than --scans {chosen.scans}")
    if chosen.again:
        KEPT.unlink(missing_ok=True)
    own = [c for c in cells() if chosen.only in c.name]
    if not own:
        parser.error(f"no cell's name holds '{chosen.only}': say something like 'flatness/300/white'")
    if chosen.published:
        kept = {name: one for name, one in published().items() if name in {c.name for c in own}}
        total, least = {name: one.counts for name, one in kept.items()}, min(one.scans for one in kept.values())
        of = sources()
        other = sum(one.of != of for one in kept.values())
        print(f"{other} of {len(kept)} cells were counted with other sources than these\n")
    else:
        os.nice(5)
        total, least = run(own, chosen.scans, chosen.processes, chosen.after)
        if chosen.publish:
            publish(sources())
    print("\n".join([*short(total), "", *table(total)]))
    count, held = np.sum([c.sum(axis=0) for c in total.values()], axis=0)[:2]
    outside = refused(total)
    print(f"\npooled: {100 * held / count:.2f} % of {count:,} intervals hold the truth (asked: 94 to 96)")
    print(f"cells: {len(total) - len(outside)} of {len(total)} within the binomial limits at a family-wise 1 %")
    print(f"scans: at least {least:,} of each cell")
    return int(not (FINE[0] <= held / count <= FINE[1]) or bool(outside))


if __name__ == "__main__":
    sys.exit(main())
