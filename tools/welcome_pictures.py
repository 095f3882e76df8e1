# SPDX-License-Identifier: Apache-2.0
"""Make docs/images/welcome.png and welcome-between.png: a wall while a delegation is in the house, and between visits.

    python tools/welcome_pictures.py [FOLDER]    FOLDER keeps the runs that are shown, for the next time

It opens a hall of its own, runs the samples of the stands, and needs Chromium.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from tests import browser as browsers  # noqa: E402
from tests import hall as halls  # noqa: E402
from tests import welcome as guests  # noqa: E402

from picture import read_png, small  # noqa: E402
from visionvalley.records import Records, Wanted, find  # noqa: E402

IMAGES = ROOT / "docs" / "images"
WALL = {"width": 1280, "height": 720}
SAMPLES = ("block", "features", "one-side", "bunny")
PATIENCE_S = 300


def main(folder: Path) -> None:
    """Open the hall, let its stands measure, and photograph the wall."""
    with halls.opened(folder, records=Records(folder / "records", patience_s=5.0)) as here:
        measure(here)
        with browsers.opened(folder / "profile") as browser:
            token, _ = guests.screen(here.hall.records)
            photograph(here.browse(browser, "/welcome", token, **WALL), IMAGES / "welcome-between.png")
            guests.arrive(here.hall.records)
            photograph(here.browse(browser, "/welcome", token, **WALL), IMAGES / "welcome.png")


def measure(here: halls.Open) -> None:
    """Run each sample that was not run yet and whose data are here."""
    if len(find(Wanted(limit=len(SAMPLES)), here.hall.records)) >= len(SAMPLES):
        return
    here.hall.running.start()
    person = here.person()
    for name in SAMPLES:
        begun = person.call("POST", "/runs", {"stand": "inspection", "sample": name, "watched": False})
        deadline = time.monotonic() + PATIENCE_S
        while person.call("GET", f"/runs/{begun.json()['id']}").json()["phase"] in {"waiting", "working"}:
            if time.monotonic() > deadline:
                raise SystemExit(f"{name} takes too long")
            time.sleep(0.5)


def photograph(page: browsers.Page, target: Path) -> None:
    """Wait until everything is there, and keep the picture."""
    page.wait("document.querySelector('#greeting h1') && document.fonts.status === 'loaded'")
    page.wait("[...document.images].every((one) => one.complete)")
    time.sleep(3)
    with tempfile.NamedTemporaryFile(suffix=".png") as raw:
        Path(raw.name).write_bytes(page.picture())
        target.write_bytes(small(read_png(Path(raw.name))))
    print(target.relative_to(ROOT), target.stat().st_size)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made))
