# SPDX-License-Identifier: Apache-2.0
"""Feed damaged files to every reader: each is either read or refused with BadInput, and nothing else happens.

    python -m bench.fuzz --count 100000
    python -m bench.fuzz --count 100000 --reader ply --save broken/

Workers with limits on memory and time do the reading, so that a hard crash or a hang is counted too, and the
input that caused it is saved. The same seed makes the same inputs (from the same real files, where there are any).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from bench.fuzz.seeds import NATIVE, OWN
from bench.fuzz.workers import run

TITLES = ("count", "read", "refused", "other", "a second", "slowest ms", "memory MiB")


def main() -> int:
    """Print a row for each reader; the exit code tells whether all was read or refused."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=100_000, help="inputs a reader (default 100000)")
    parser.add_argument("--reader", choices=[*OWN, *NATIVE], action="append", help="only this one (may be repeated)")
    parser.add_argument("--seed", type=int, default=1, help="other seeds make other inputs (default 1)")
    parser.add_argument("--processes", type=int, default=2, help="how many read at the same time (default 2)")
    parser.add_argument("--save", type=Path, help="folder for the inputs that were neither read nor refused")
    parser.add_argument("--json", type=Path, help="file for the figures")
    chosen = parser.parse_args()
    print("reader  " + "".join(f"{title:>12}" for title in TITLES))
    tallies = []
    for reader in chosen.reader or [*OWN, *NATIVE]:
        one = run(reader, chosen.count, chosen.seed, chosen.processes, chosen.save)
        tallies.append(one)
        counts = (one.inputs, one.read, one.refused, one.other, round(one.inputs / one.seconds))
        rest = (round(one.slowest_s * 1e3), one.peak_bytes >> 20)
        print(f"{reader:8}" + "".join(f"{count:12}" for count in (*counts, *rest)))
        print("".join(f"    {line}\n" for line in one.broken[:20]), end="", flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps([dataclasses.asdict(one) for one in tallies], indent=1) + "\n")
    return int(any(one.other or one.inputs != chosen.count for one in tallies))


if __name__ == "__main__":
    sys.exit(main())
