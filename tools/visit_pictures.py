# SPDX-License-Identifier: Apache-2.0
"""Make the pictures of docs/visits.md: `python tools/visit_pictures.py [SAMPLE]`. A visit is lived; needs Chromium.

SAMPLE is what is run at the stand: `block`, which is simulated, or `bunny` where its scans are at hand.
A wall is shown smaller than it is.
"""

from __future__ import annotations

import base64
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests import scripted_visit  # noqa: E402

from picture import read_png, small  # noqa: E402

IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 250_000
WIDEST = 1280  # pixels
KEPT = {  # of what the script shows, what is kept, and how far the page is scrolled
    "visit-programme": "body",
    "visit-invited-fr": "body",
    "visit-programme-en": "body",
    "visit-welcome": "body",
    "visit-run": "#answer",
    "visit-board": "body",
    "visit-answer-ar": "body",
    "visit-stand-ar": "#questions",
    "visit-after": "body",
}


def keep(name: str, device: scripted_visit.Device) -> None:
    """Photograph what a device shows, where that is one of KEPT."""
    if name not in KEPT:
        return
    page, width, height = device.page, device.screen["width"], device.screen["height"]
    page.evaluate("document.activeElement?.blur()")
    page.evaluate(f"document.querySelector('{KEPT[name]}').scrollIntoView({{ behavior: 'instant', block: 'start' }})")
    page.evaluate("document.fonts.ready.then(() => 0)")
    top = page.evaluate("scrollY")
    area = {"x": 0, "y": top, "width": width, "height": height, "scale": min(1.0, WIDEST / width)}
    data = base64.b64decode(page.call("Page.captureScreenshot", clip=area)["data"])
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.png"
        raw.write_bytes(data)
        pixels = read_png(raw)
    image = IMAGES / f"{name}.png"
    image.write_bytes(small(pixels, MOST_BYTES))
    print(f"{image}: {pixels.shape[1]} x {pixels.shape[0]}, {image.stat().st_size / 1000:.0f} kB", flush=True)


def main() -> None:
    """Live the visit in a hall of its own, and keep what is to be seen."""
    sample = sys.argv[1] if len(sys.argv) > 1 else "block"
    with tempfile.TemporaryDirectory() as folder:
        scripted_visit.lived(Path(folder), sample, keep)


if __name__ == "__main__":
    main()
