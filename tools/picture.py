# SPDX-License-Identifier: Apache-2.0
"""Make docs/images/inspection.png from a real run: `python tools/picture.py [FOLDER]`.

FOLDER is the result of an inspection; without it the demonstration is run. Needs Chromium (apt install chromium).
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visionvalley.report.png import png_bytes

IMAGE = Path(__file__).resolve().parent.parent / "docs" / "images" / "inspection.png"
WIDTH_PX, WIDTH_CSS = 1600, 1120
MOST_BYTES = 300_000
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--default-background-color=F4F6F9FF",
)  # fmt: skip


def photograph(report: Path, image: Path) -> None:
    """Take a picture of the answer at the top of a report, and of nothing below it."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"none of {', '.join(BROWSERS)} is installed: apt install chromium")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        whole = report.read_text(encoding="utf-8")
        alone = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", whole)
        hidden = "main > section:not(#answer), .foot, .under { display: none } .picture { max-height: 400px }"
        page.write_text(alone.replace("</head>", f"<style>{hidden}</style></head>"), encoding="utf-8")
        size = f"--window-size={WIDTH_CSS},1200"
        scale = f"--force-device-scale-factor={WIDTH_PX / WIDTH_CSS}"
        paths = (f"--user-data-dir={folder}/profile", f"--screenshot={image}")
        subprocess.run([browser, *OPTIONS, size, scale, *paths, page.as_uri()], check=True, capture_output=True)


def read_png(path: Path) -> NDArray[np.uint8]:
    """Return the (height, width, 3) pixels of an 8-bit PNG without interlace, as browsers write it."""
    data = path.read_bytes()
    width, height, _, kind = struct.unpack(">IIBB", data[16:26])
    channels = {2: 3, 6: 4}[kind]
    at, packed = 8, b""
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        packed += data[at + 8 : at + 8 + length] if name == b"IDAT" else b""
        at += 12 + length
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * channels)
    image = np.zeros((height + 1, width + 1, channels), np.int16)  # a column and a row of nothing before it
    for y in range(height):
        _unfilter(int(rows[y, 0]), rows[y, 1:].reshape(width, channels), image[y + 1], image[y])
    return image[1:, 1:, :3].astype(np.uint8)


def _unfilter(kind: int, row: NDArray[np.uint8], out: NDArray[np.int16], above: NDArray[np.int16]) -> None:
    if kind in (0, 2):
        out[1:] = (row + (above[1:] if kind else 0)) & 255
        return
    for x in range(len(row)):
        left, up, corner = out[x], above[x + 1], above[x]
        if kind == 1:
            guess = left
        elif kind == 3:
            guess = (left + up) // 2
        else:
            p = left + up - corner
            a, b, c = np.abs(p - left), np.abs(p - up), np.abs(p - corner)
            guess = np.where((a <= b) & (a <= c), left, np.where(b <= c, up, corner))
        out[x + 1] = (row[x] + guess) & 255


def small(pixels: NDArray[np.uint8], most: int = MOST_BYTES) -> bytes:
    """Return a PNG of at most so many bytes: of fewer shades where that must be, paper white and ink kept."""
    for step in (1, 2, 4, 6, 8, 12):
        half = step // 2
        fewer = np.minimum((pixels.astype(np.int16) + half) // step * step, 255).astype(np.uint8)
        fewer[(pixels >= 244).all(-1)] = pixels[(pixels >= 244).all(-1)]
        data = png_bytes(fewer)
        if len(data) <= most:
            return data
    sys.exit("the picture does not become small enough")


def main() -> None:
    """Run the demonstration if need be, photograph its report, and keep the picture."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "demo"
        if len(sys.argv) == 1:
            subprocess.run([str(Path(sys.executable).with_name("valley")), "demo", "-o", str(result)], check=True)
        raw = Path(folder) / "raw.png"
        photograph(result / "report.html", raw)
        pixels = read_png(raw)
    background = pixels[-1, -1]
    used = np.flatnonzero((pixels != background).any((1, 2)))
    pixels = pixels[: used[-1] + round(24 * WIDTH_PX / WIDTH_CSS)]
    IMAGE.parent.mkdir(parents=True, exist_ok=True)
    IMAGE.write_bytes(small(pixels))
    print(f"{IMAGE}: {pixels.shape[1]} x {pixels.shape[0]}, {IMAGE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
