# SPDX-License-Identifier: Apache-2.0
"""The demonstrations beside an open hall, one after the other, each in a process that steps aside for visitors."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from visionvalley.records import Records

MAIN = "import sys; from visionvalley.cli.main import main; sys.argv[0] = 'valley'; main()"
ASIDE = 10  # nice
END_WITH_PARENT = 1
DEMONSTRATIONS = {  # the application of a run, and the words that make one
    "manufacturing.demonstration": ("demo", "--quiet"),
    "manufacturing.features_demonstration": ("demo", "--features", "--quiet"),
    "manufacturing.comparison_demonstration": ("demo", "--comparison", "--quiet"),
}


def demonstrate_beside(records: Records) -> None:
    """Begin the demonstrations that no record tells of; they end with this process."""
    from visionvalley.records import Wanted, find

    missing = [words for name, words in DEMONSTRATIONS.items() if not find(Wanted(name, limit=1), records)]
    Thread(target=_run_all, args=(missing, records), daemon=True).start()


def _run_all(missing: list[tuple[str, ...]], records: Records) -> None:
    for words in missing:
        _run(words, records)


def _run(words: tuple[str, ...], records: Records) -> None:
    output = records.folder / "hall" / "demo"
    output.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    where = {"VALLEY_RECORDS": str(records.folder), "VALLEY_DATABASE": records.database}
    command = [sys.executable, "-c", MAIN, *words, "--output", str(output)]
    subprocess.run(  # noqa: S603  # our own words
        command, env={**os.environ, **where}, stdin=subprocess.DEVNULL, preexec_fn=_step_aside, check=False
    )


def _step_aside() -> None:
    """Let visitors go first, and end when the hall ends, however that does (prctl(2), PR_SET_PDEATHSIG)."""
    os.nice(ASIDE)
    ctypes.CDLL(None).prctl(END_WITH_PARENT, signal.SIGTERM)
