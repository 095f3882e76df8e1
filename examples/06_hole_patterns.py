# SPDX-License-Identifier: Apache-2.0
"""Judge a pattern of holes by a recipe: each hole in its datums, all as one, and at maximum material.

The scan is simulated: three of four holes lie 60 µm to the side of the fourth, and all are 30 µm wider than the
drawing says, so that every answer is known.
"""

from pathlib import Path

import numpy as np

from visionvalley.applications.manufacturing import Settings
from visionvalley.core import Cloud, Part
from visionvalley.io import write
from visionvalley.runs.inspection import Request, inspect_files
from visionvalley.samples.simulated import BRACKET_CHORD_M, bracket
from visionvalley.vision.shape.joining import names
from visionvalley.vision.shape.segmentation import with_faces
from visionvalley.vision.shape.topology import sample_surface
from visionvalley.vision.simulation.faults import Resized, Shifted, plant

MOVED_M, WIDER_M, NOISE_M = 60e-6, 30e-6, 10e-6
HOLES = ["hole-1", "hole-2", "hole-3", "hole-4"]  # of 9 mm, in the corners of the bracket
SIZE = '[[checks]]\nkind = "size"\nof = "{}"\nnominal = 9\ntolerance = 0.05\n'
RECIPE = """
part = "part.stl"
part_unit = "mm"
scan = { unit = "mm", noise = 0.01 }
datums = { A = "plane-1", B = "plane-4", C = "plane-6", D = "hole-1" }
"""
POSITION = """
[[checks]]
name = "%s"
kind = "position"
of = %s
diameter = true
tolerance = 0.1
datum_association = "least squares"
"""
CHECKS = {  # name: of, further keys, planted; most material is a hole of 8.95 mm
    "in the datums A|B|C": (HOLES, 'datums = "A|B|C"', 2 * MOVED_M),
    "as one, free to move": (HOLES, "", MOVED_M),
    "(M) in the datums A|B|C": (HOLES, 'datums = "A|B|C"\nmaterial = "M"', 2 * MOVED_M - 50e-6 - WIDER_M),
    "to the first hole (M)": (HOLES[1:], 'datums = "A|(D)M"', 2 * MOVED_M - 50e-6 - WIDER_M),
}

mesh = bracket()
part = with_faces(Part(mesh, np.full(len(mesh.faces), -1), (), BRACKET_CHORD_M))
at = names(part).index
faults = [Resized(at(hole), WIDER_M) for hole in HOLES]
faults += [Shifted(at(hole), np.array([MOVED_M, 0.0, 0.0])) for hole in HOLES[1:]]
made = sample_surface(plant(part, tuple(faults), 2e-3), 40_000, seed=1)
noise_m = NOISE_M * np.random.default_rng(0).normal(size=(40_000, 1))
write(Path("part.stl"), mesh, unit="mm")
write(Path("scan.ply"), Cloud(made.points_m + noise_m * made.normals + [0.3, -0.1, 0.5]), unit="mm")
asked = "".join(POSITION % (name, of) + more + "\n" for name, (of, more, _) in CHECKS.items())
Path("recipe.toml").write_text(RECIPE + "".join(SIZE.format(hole) for hole in HOLES) + asked.replace("'", '"'))

done = inspect_files(Request(Path("scan.ply"), None, recipe=Path("recipe.toml")), Settings(alignment="least-squares"))
print(f"{'':28}{'planted':>8} {'found, µm':>9}   95 %")
for found in done.report.features:
    if found.name in CHECKS:
        low, high = (1e6 * end for end in found.measured.interval_95)
        value, planted = 1e6 * found.measured.value, 1e6 * CHECKS[found.name][2]
        print(f"{found.name:28}{planted:8.0f} {value:9.1f}   {low:.1f} to {high:.1f}   {found.verdict}")
for note in done.report.notes:
    if note.id == "manufacturing.not_measured":
        print(note)
print(f"See {done.folder / 'report.html'}")
