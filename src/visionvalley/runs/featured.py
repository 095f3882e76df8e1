# SPDX-License-Identifier: Apache-2.0
"""The demonstration of features: a machined part, a simulated scan of it with planted faults, and the truth beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from visionvalley.applications.manufacturing.inspection import Inspection, run
from visionvalley.applications.manufacturing.recipe import Recipe
from visionvalley.applications.manufacturing.seeds import Seeds
from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import (
    SILENT,
    BadInput,
    Feature,
    Measurement,
    Part,
    Progress,
    Report,
    SensorNoise,
    Tolerance,
    stage,
    text,
)
from visionvalley.io.files import read_part
from visionvalley.runs.conducting import Asked, Done, Job, Keeping, conduct
from visionvalley.runs.proposal import datum_planes, hole_patterns
from visionvalley.runs.recipe import size_m
from visionvalley.vision.metrology.characteristics import Characteristic, DatumReference, Kind
from visionvalley.vision.shape.joining import names
from visionvalley.vision.shape.segmentation import with_faces

APPLICATION = "manufacturing.features_demonstration"
PART = "parts/featuretype.STEP"
SIMULATED = "simulated scan"  # the name of its seed
CHORD_M = 5e-6
ZONE_M, SIZE_M = 100e-6, 50e-6


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """The recipe, and the true value of each characteristic by its name."""

    recipe: Recipe
    truth: Mapping[str, float]
    plane: int
    wide: int
    moved: int


def demonstrate_features(
    part: Path | None, output: Path, progress: Progress = SILENT, keeping: Keeping = Keeping()
) -> Done:
    """Inspect the features of a part in a simulated scan; of a bracket of ours where no part is to be had."""
    return conduct(_job({} if part is None else {"part": part}, output, Seeds(), 0), keeping, progress)


def again(asked: Asked, inputs: Mapping[str, Path], output: Path) -> Job:
    """Return the job of what was asked, over these files."""
    return _job(inputs, output, Seeds.of(asked.seeds), asked.seeds.get(SIMULATED, 0))


def _job(inputs: Mapping[str, Path], output: Path, seeds: Seeds, seed: int) -> Job:
    settings = Settings(alignment="least-squares")

    def work(progress: Progress) -> Report:
        from visionvalley.samples.simulated import NOISE, faulty_part

        with stage(progress, "runs.read"):
            part = _part(inputs.get("part"))
        asked = _asked(part, NOISE)
        with stage(progress, "runs.simulate"):
            scan = faulty_part(part, asked.plane, asked.wide, asked.moved, seed)
        values = Inspection(scan, part.mesh, part.chord_m, True, part=part, recipe=asked.recipe, seeds=seeds)
        return _beside_truth(run(values, settings, progress), asked.truth)

    return Job(APPLICATION, {}, inputs, settings, work, output, seeds.kept() | {SIMULATED: seed})


def _part(path: Path | None) -> Part:
    if path is not None:
        return with_faces(read_part(path, None, CHORD_M))
    from visionvalley.samples.simulated import BRACKET_CHORD_M, bracket

    mesh = bracket()
    return with_faces(Part(mesh, np.full(len(mesh.faces), -1, np.int32), (), BRACKET_CHORD_M))


def _asked(part: Part, noise: SensorNoise) -> _Asked:
    """Return what is asked of the part's largest planes and of one pattern of its holes."""
    from visionvalley.samples.simulated import BOW_M, MOVED_M, WIDER_M

    surfaces = dict(zip(names(part), part.surfaces, strict=True))
    planes, patterns = datum_planes(part), hole_patterns(surfaces)
    if len(planes) < 3 or not patterns:
        raise BadInput("runs.too_plain")
    holes = patterns[-1]
    datums = tuple(DatumReference((name,)) for name in planes)
    zone = Tolerance(0.0, ZONE_M, "m")
    nominal = size_m(surfaces[holes[0]]) or 0.0
    size = Tolerance(nominal - SIZE_M, nominal + SIZE_M, "m")
    checks = (
        Characteristic(f"flatness of {planes[0]}", Kind.FLATNESS, planes[:1], zone),
        Characteristic(f"perpendicularity of {planes[1]}", Kind.PERPENDICULARITY, planes[1:2], zone, datums=datums[:1]),
        *(Characteristic(f"diameter of {name}", Kind.SIZE, (name,), size, nominal) for name in holes[:2]),
        *(
            Characteristic(f"position of {name}", Kind.POSITION, (name,), zone, datums=datums, diameter=True)
            for name in holes[1:3]
        ),
    )
    true = (BOW_M, 0.0, nominal, nominal + WIDER_M, 0.0, 2 * MOVED_M)
    letters = {letter: (name,) for letter, name in zip("ABC", planes, strict=True)}
    truth = {one.name: value for one, value in zip(checks, true, strict=True)}
    plane, wide, moved = (list(surfaces).index(name) for name in (planes[0], *holes[1:3]))
    return _Asked(Recipe(checks, letters=letters, noise=noise), truth, plane, wide, moved)


def _beside_truth(report: Report, truth: Mapping[str, float]) -> Report:
    features = tuple(with_truth(one, truth[one.name]) for one in report.features)
    held = sum(one.measured.interval_95[0] <= truth[one.name] <= one.measured.interval_95[1] for one in features)
    note = text("runs.planted", held=held, count=len(features))
    return replace(
        report,
        title=text("runs.featured_title"),
        features=features,
        notes=(note, *report.notes),
        facts={**report.facts, "planted": dict(truth)},
    )


def with_truth(one: Feature, true: float) -> Feature:
    """Return a feature with the planted value, SI, beside what was measured."""
    planted = Measurement("planted", true, 0.0, one.measured.unit, (true, true), simulated=True)
    return replace(one, beside=(planted, *one.beside))
