# SPDX-License-Identifier: Apache-2.0
"""Conditions of a measurement: stated, told, and lengths brought to 20 degrees."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from tests.reports import Run

from visionvalley.applications.manufacturing.conditions import Conditions, over
from visionvalley.applications.manufacturing.inspection import Inspection, run
from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import BadInput, Cloud, Plane, SensorNoise
from visionvalley.report.json import result_of
from visionvalley.runs.inspection import Request, again, job
from visionvalley.runs.recipe import read_recipe
from visionvalley.samples.simulated import bracket
from visionvalley.vision.metrology.characteristics import Characteristic, Extracted, Kind
from visionvalley.vision.metrology.uncertainty import measured
from visionvalley.vision.shape.topology import sample_surface

Z = np.array([0.0, 0.0, 1.0])
STEEL = Conditions("4711", temperature_c=30.0, expansion_per_k=11.5e-6)
RECIPE = """part = "p.stl"
[conditions]
order = "4711"
sensor = "scanner 7"
temperature = 21.5
humidity = 40
expansion = 11.5e-6
expansion_uncertainty = 1e-6
[scan]
noise = 0.01
registration = 0.005
"""


def test_a_recipe_states_conditions_and_registration(tmp_path):
    file = tmp_path / "r.toml"
    file.write_text(RECIPE)
    recipe = read_recipe(file, {})
    assert recipe.conditions == Conditions(
        order="4711", sensor="scanner 7", temperature_c=21.5, humidity_percent=40.0, expansion_per_k=11.5e-6,
        expansion_uncertainty_per_k=1e-6,
    )  # fmt: skip
    assert recipe.noise == SensorNoise(white_m=1e-5, registration_m=5e-6)


@pytest.mark.parametrize(
    ("line", "said"),
    [("humidity = 140", "line 2"), ('temperature = "warm"', "line 2"), ("sensor = 7", "line 2"), ("heat = 1", "heat")],
)
def test_a_slip_in_conditions_is_told_with_its_line(tmp_path, line, said):
    file = tmp_path / "r.toml"
    file.write_text(f"[conditions]\n{line}\n")
    with pytest.raises(BadInput) as caught:
        read_recipe(file, {})
    assert said in str(caught.value)


def test_what_is_stated_of_a_scan_goes_before_the_recipe():
    both = over(
        Conditions(operator="Ada", temperature_c=25.0), Conditions(operator="Bob", sensor="s", temperature_c=20.0)
    )
    assert (both.operator, both.sensor, both.temperature_c) == ("Ada", "s", 25.0)


def test_stretch_and_its_uncertainty_by_their_formulas():
    assert STEEL.stretch == pytest.approx(1.15e-4, rel=1e-12)
    assert STEEL.uncertainty == pytest.approx(math.hypot(11.5e-6 * 0.5, 1.15e-6 * 10), rel=1e-12)
    unknown = Conditions(temperature_c=30.0)
    assert unknown.stretch == 0
    assert unknown.uncertainty == pytest.approx(24e-5 / math.sqrt(3), rel=1e-12)
    assert Conditions().uncertainty == 0


def test_a_warm_part_is_measured_as_it_is_at_20_degrees():
    mesh = bracket()
    surface = sample_surface(mesh, 4000).points_m
    warm = Cloud(surface * (1 + STEEL.stretch))
    told = Settings(alignment="least-squares")
    cold = run(Inspection(Cloud(surface), mesh), told)
    found = run(Inspection(warm, mesh, conditions=STEEL), told)
    assert found.facts["rms_deviation_m"] == pytest.approx(cold.facts["rms_deviation_m"], abs=2e-9)
    assert run(Inspection(warm, mesh), told).facts["rms_deviation_m"] > 1e-6
    assert found.facts["conditions"] == {"order": "4711", "temperature_c": 30.0, "expansion_per_k": 11.5e-6}
    assert "manufacturing.expanded" in [note.id for note in found.notes]
    assert json.dumps(result_of(found, Run()), allow_nan=False)
    lines = {one.source: one.standard_uncertainty for one in found.measurements[0].budget}
    assert lines["temperature"] > 0


def test_registered_scans_and_temperature_are_lines_of_the_budget(rng):
    def plate(name, z, normal):
        xy = rng.uniform(-0.05, 0.05, (200, 2))
        return Extracted(name, Plane(z * Z, normal), np.column_stack([xy, np.full(200, z)]))

    features = {"low": plate("low", 0.0, -Z), "high": plate("high", 0.02, Z)}
    noise = SensorNoise(white_m=1e-6, registration_m=5e-6, temperature=1e-4)
    asked = Characteristic("d", Kind.DISTANCE, ("low", "high"))
    lines = {one.source: one.standard_uncertainty for one in measured(asked, features, noise).measured.budget}
    assert lines["registration"] == pytest.approx(math.sqrt(2) * 5e-6, rel=1e-3)
    assert lines["temperature"] == pytest.approx(2e-6, rel=1e-3)
    flat = measured(Characteristic("f", Kind.FLATNESS, ("low",)), features, noise).measured
    assert {one.source: one.standard_uncertainty for one in flat.budget}["registration"] < 1e-12


def test_a_record_holds_the_conditions_and_the_run_is_made_again_under_them(tmp_path):
    stated = Conditions("4711", operator="Ada", temperature_c=21.5)
    request = Request(tmp_path / "scan.ply", tmp_path / "part.stl", scan_unit="mm", conditions=stated)
    made = job(request, Settings())
    assert made.arguments["conditions"] == {"order": "4711", "operator": "Ada", "temperature_c": 21.5}
    kept = SimpleNamespace(arguments=json.loads(json.dumps(dict(made.arguments))), settings={}, seeds=dict(made.seeds))
    assert again(kept, made.inputs, tmp_path / "again").arguments == made.arguments
    assert "conditions" not in job(replace(request, conditions=Conditions()), Settings()).arguments
