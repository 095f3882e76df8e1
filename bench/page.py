# SPDX-License-Identifier: Apache-2.0
"""Write the figures of a run into README and docs: `python -m bench.page out/bench.json [more.json ...]`.

A race that stands in several files is taken from the last.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
MARKS = ("<!-- races -->\n", "<!-- end of races -->")
ALL_HEAD = (
    "| race | size | ours, ms | peer | peer, ms | peer / ours | quartiles | by CPU time | asked | results agree |\n"
    "|---|---|---:|---|---:|---:|---|---:|---:|---|\n"
)
FEW_HEAD = "| race | size | peer | peer / ours | asked |\n|---|---|---|---:|---:|\n"


def merged(files: list[Path]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the machine of the last file and all races, each once."""
    races: dict[tuple[str, str, str], dict[str, Any]] = {}
    about: dict[str, Any] = {}
    for file in files:
        whole = json.loads(file.read_text(encoding="utf-8"))
        about = whole["machine"]
        races |= {(r["name"], r["size"], r["peer_name"]): r for r in whole["races"]}
    return about, list(races.values())


def median_ms(times: dict[str, list[float]]) -> str:
    """Return the median in milliseconds."""
    middle = sorted(times["wall_s"])[len(times["wall_s"]) // 2] * 1e3
    return f"{middle:.0f}" if middle >= 100 else f"{middle:.1f}"


def asked(race: dict[str, Any]) -> str:
    """Return what was asked, with a star where it is open research."""
    least = race["least_ratio"]
    return "" if least is None else f"{least:g}{' *' if race['research'] else ''}"


def signed_ratio(race: dict[str, Any]) -> str:
    """Return the ratio, with a cross where it misses what was asked."""
    return f"{race['ratio']:.2f}{'' if race['reached'] else ' ✕'}"


def long_row(race: dict[str, Any]) -> str:
    """Return a line of the whole table."""
    low, high = race["quartiles"]
    return (
        f"| {race['name']} | {race['size']} | {median_ms(race['ours'])} | {race['peer_name']} "
        f"| {median_ms(race['peer'])} | {signed_ratio(race)} | {low:.2f} to {high:.2f} | {race['cpu_ratio']:.2f} "
        f"| {asked(race)} | {race['agreement']} |\n"
    )


def short_row(race: dict[str, Any]) -> str:
    """Return a line of README's table."""
    return f"| {race['name']} | {race['size']} | {race['peer_name']} | {signed_ratio(race)} | {asked(race)} |\n"


def main() -> None:
    """Write docs/benchmarks.md's and README's tables."""
    about, races = merged([Path(name) for name in sys.argv[1:]])
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    said = (
        f"{about['cpu']}, {about['cpus']} CPUs, {about['threads']} threads for everybody; Python {about['python']}; "
        f"{packages}. Taken {about['time'][:10]}. ✕: less than asked; *: open research.\n\n"
    )
    page = ROOT / "docs" / "benchmarks.md"
    _between(page, said + ALL_HEAD + "".join(map(long_row, races)))
    few = [r for r in races if r["least_ratio"] is not None]
    _between(ROOT / "README.md", said + FEW_HEAD + "".join(map(short_row, few)))


def _between(file: Path, text: str) -> None:
    begin, end = MARKS
    whole = file.read_text(encoding="utf-8")
    if begin not in whole or end not in whole:
        raise SystemExit(f"{file.name} has no lines {begin.strip()} and {end}")
    file.write_text(re.sub(f"{begin}.*?{end}", lambda _: begin + text + end, whole, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
