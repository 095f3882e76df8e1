# SPDX-License-Identifier: Apache-2.0
"""Run races and print their table: `python -m bench [points meshes ...] [--seconds 10] [--json out/bench.json]`."""

import argparse
import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from bench import harness

TABLES = ("points", "registration", "clusters", "meshes")


def main() -> int:
    """Run the chosen tables; the exit code tells whether every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("tables", nargs="*", help=f"which of {', '.join(TABLES)}; all if none is named")
    parser.add_argument("--seconds", type=float, default=10.0, help="time for each race (default 10)")
    parser.add_argument("--only", default="", help="only races whose name holds these words")
    parser.add_argument("--json", type=Path, default=Path("out/bench.json"), help="where all figures are written")
    chosen = parser.parse_args()
    if unknown := set(chosen.tables) - set(TABLES):
        parser.error(f"no table {', '.join(sorted(unknown))}; there are {', '.join(TABLES)}")
    harness.hold_threads()
    about = harness.machine()
    print(f"{about['cpu']}, {about['threads']} threads of {about['cpus']}, load {about['load_before'][0]:.1f}\n")
    print(harness.HEAD)
    outcomes = []
    for table in chosen.tables or TABLES:
        races = importlib.import_module(f"bench.{table}").races()
        for outcome in harness.run_all((r for r in races if chosen.only in r.name), chosen.seconds):
            print(harness.row(outcome), flush=True)
            outcomes.append(outcome)
    harness.write(outcomes, about, chosen.json)
    missed = [o for o in outcomes if not o.reached and not o.research]
    print(f"\n{len(outcomes) - len(missed)} of {len(outcomes)} as asked; all figures in {chosen.json}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
