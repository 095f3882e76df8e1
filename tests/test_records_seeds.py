# SPDX-License-Identifier: Apache-2.0
"""The seeds in a record are those drawn with: another seed gives other numbers, and a rerun takes what is kept."""

from dataclasses import fields, replace

import numpy as np
import pytest

from visionvalley.applications.manufacturing.inspection import Inspection, run
from visionvalley.applications.manufacturing.recipe import Recipe
from visionvalley.applications.manufacturing.seeds import Seeds
from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import Mesh, Part, SensorNoise, Tolerance
from visionvalley.io.stl import write
from visionvalley.records import Records, one
from visionvalley.runs import again, inspection
from visionvalley.runs.conducting import Keeping, conduct
from visionvalley.samples.simulated import bracket
from visionvalley.vision.metrology.characteristics import Characteristic, Kind
from visionvalley.vision.shape.joining import names
from visionvalley.vision.shape.segmentation import with_faces

SETTINGS = Settings(tolerance_m=2e-3, alignment="least-squares")


@pytest.fixture(scope="module")
def part() -> Part:
    mesh = bracket()
    return with_faces(Part(mesh, np.full(len(mesh.faces), -1, np.int32), (), 1e-5))


@pytest.fixture(scope="module")
def scan(part) -> Mesh:
    """A scanned mesh of few vertices, each a little off, that shows a part of the part."""
    places, faces = part.mesh.vertices_m, part.mesh.faces
    seen = faces[places[faces].mean(axis=1)[:, 0] > np.quantile(places[:, 0], 0.1)]
    return Mesh(places + np.random.default_rng(3).normal(0, 2e-5, places.shape), seen)


def numbers(part, scan, seeds):
    plane = next(name for name, one in zip(names(part), part.surfaces, strict=True) if type(one).__name__ == "Plane")
    flat = Characteristic("flatness", Kind.FLATNESS, (plane,), Tolerance(0.0, 1e-3, "m"))
    recipe = Recipe((flat,), noise=SensorNoise(white_m=5e-5))
    report = run(Inspection(scan, part.mesh, part=part, recipe=recipe, seeds=seeds), SETTINGS)
    measured = [*report.measurements, *(one.measured for one in report.features)]
    told = [number for one in measured for number in (one.value, one.standard_uncertainty)]
    return [*told, report.facts["reference"]["seen_share"], *np.ravel(report.facts["alignment"]["part_from_scan"])]


def test_each_seed_changes_what_is_drawn_with_it_and_the_same_seed_gives_the_same_bits(part, scan):
    before = numbers(part, scan, Seeds())
    assert numbers(part, scan, Seeds()) == before
    for field in fields(Seeds):
        assert numbers(part, scan, replace(Seeds(), **{field.name: 77})) != before, field.name


def test_a_rerun_draws_with_the_seeds_of_the_record(tmp_path, part, scan):
    records = Records(tmp_path / "kept")
    write(tmp_path / "scan.stl", scan, "mm")
    write(tmp_path / "part.stl", part.mesh, "mm")
    request = inspection.Request(tmp_path / "scan.stl", tmp_path / "part.stl", "mm", "mm", tmp_path / "out")
    seeds = Seeds(scan=5, reference=6, share_seen=7, noise=8)
    usual, other = (
        conduct(inspection.job(request, SETTINGS, each), Keeping(records=records)).id for each in (Seeds(), seeds)
    )
    assert one(other, records).seeds == seeds.kept()
    assert one(other, records).results != one(usual, records).results
    found = again.rerun(other, keeping=Keeping(records=records))
    assert found.outcome is again.Outcome.SAME
    assert one(found.done.id, records).seeds == seeds.kept()


def test_seeds_of_an_earlier_version_are_the_usual_ones():
    assert Seeds.of({"sampled surface": 0, "share seen": 1}) == Seeds()
