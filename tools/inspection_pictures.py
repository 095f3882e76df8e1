# SPDX-License-Identifier: Apache-2.0
"""Make the pictures of docs/inspection.md: `python tools/inspection_pictures.py`. Simulated parts; needs Chromium."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from picture import BROWSERS, OPTIONS, read_png, small
from visionvalley.core import Cloud, Mesh, Pose
from visionvalley.io import write
from visionvalley.samples.simulated import bracket
from visionvalley.vision.shape.topology import sample_surface
from visionvalley.vision.simulation.parts import plant_offset

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
SCALE = 1.4
SECTION = '[[section]]\nname = "through the dent"\naxis = "y"\noffset = 30\ntolerance = 0.2\n'
WALL = '[wall_thickness]\nminimum = 7.9\nof = ["plane-7", "plane-8", "plane-9"]\n'
HEAD = 'part = "part.stl"\npart_unit = "mm"\n[scan]\nunit = "mm"\n'


def scan(mesh: Mesh, path: Path, seed: int, count: int = 120_000) -> None:
    """Write a noisy scan of a surface in a frame of its own."""
    made = sample_surface(mesh, count, seed=seed)
    noise = 12e-6 * np.random.default_rng(seed).normal(size=(count, 1))
    pose = Pose.from_rotation_vector(np.array([0.3, 0.2, -0.5]) * seed, np.array([0.1, 0.2, 0.3]))
    write(path, Cloud(pose.apply(made.points_m + noise * made.normals)), unit="mm")


def valley(folder: Path, *words: str) -> None:
    """Run the command; a failed part is no failure here."""
    command = [str(Path(sys.executable).with_name("valley")), *words]
    if subprocess.run(command, check=False, capture_output=True, cwd=folder).returncode not in (0, 1, 3):
        sys.exit(f"valley {' '.join(words)} failed")


def photograph(report: Path, shown: str, image: Path, width: int = 1060) -> None:
    """Keep a picture of one element of a report."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"none of {', '.join(BROWSERS)} is installed: apt install chromium")
    whole = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", report.read_text(encoding="utf-8"))
    hidden = (
        f"main > section:not(:has({shown})), .top, .foot, #features > :not({shown}) {{ display: none }} "
        f"main > section {{ margin: 0; border: 0 }} {shown} {{ margin: 0; border: 0; padding: 0 }}"
    )
    with tempfile.TemporaryDirectory() as folder:
        page, raw = Path(folder) / "report.html", Path(folder) / "raw.png"
        page.write_text(whole.replace("</head>", f"<style>{hidden}</style></head>"), encoding="utf-8")
        size = (f"--window-size={width},1600", f"--force-device-scale-factor={SCALE}")
        paths = (f"--user-data-dir={folder}/profile", f"--screenshot={raw}", page.as_uri())
        subprocess.run([browser, *OPTIONS, *size, *paths], check=True, capture_output=True)
        pixels = read_png(raw)
    used = np.flatnonzero((pixels != pixels[-1, -1]).any((1, 2)))
    image.write_bytes(small(pixels[: used[-1] + 1]))
    print(f"{image}: {pixels.shape[1]} x {used[-1] + 1}, {image.stat().st_size / 1000:.0f} kB")


def main() -> None:
    """Simulate the parts, run the commands of the page, and photograph what came out."""
    mesh = bracket()
    dent = plant_offset(mesh, np.array([24e-3, 30e-3, 22e-3]), 5e-3, -0.15e-3).mesh
    thin = plant_offset(mesh, np.array([82e-3, 30e-3, 0.0]), 6e-3, -0.25e-3).mesh
    worn = plant_offset(mesh, np.array([24e-3, 30e-3, 22e-3]), 5e-3, -60e-6).mesh
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "part.stl", mesh, unit="mm")
        for count, (what, surface) in enumerate(
            (("dented", dent), ("thin", thin), ("before", mesh), ("after", worn)), 1
        ):
            scan(surface, folder / f"{what}.ply", count)
        (folder / "section.toml").write_text(HEAD + SECTION, encoding="utf-8")
        (folder / "wall.toml").write_text(HEAD + WALL, encoding="utf-8")
        valley(folder, "inspect", "dented.ply", "--recipe", "section.toml", "--alignment", "least-squares")
        photograph(folder / "dented-inspection" / "report.html", "#feature-0", IMAGES / "section.png")
        valley(folder, "inspect", "thin.ply", "--recipe", "wall.toml", "--alignment", "least-squares")
        photograph(folder / "thin-inspection" / "report.html", "#feature-0", IMAGES / "wall.png")
        valley(folder, "compare", "before.ply", "after.ply", "--unit", "mm", "--tolerance", "0.05mm", "-r", "part.stl")
        photograph(folder / "after-comparison" / "report.html", "#feature-0", IMAGES / "comparison.png")


if __name__ == "__main__":
    main()
