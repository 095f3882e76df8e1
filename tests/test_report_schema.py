# SPDX-License-Identifier: Apache-2.0
"""result.json keeps the promise of its schema, and the schema notices a broken one."""

import copy
import json
from importlib.resources import files

import pytest
from tests import reports
from tests.schemas import faults

from visionvalley.core import Event, Report, text
from visionvalley.report.json import FORMAT, result_of

SCHEMA = json.loads((files("visionvalley.report") / "schema" / "result-1.json").read_text(encoding="utf-8"))
EVENT = Event(12.5, "alarm", text("runs.demo_title"))


def result(report):
    return json.loads(json.dumps(result_of(report, reports.Run()), allow_nan=False))


@pytest.mark.parametrize(
    "report",
    [reports.report(events=(EVENT,)), reports.report(None), Report("manufacturing", text("runs.demo_title"))],
    ids=["whole", "not judged", "empty"],
)
def test_a_result_fits_its_schema(report):
    assert faults(result(report), SCHEMA) == []


def test_the_schema_is_of_the_format_that_is_written():
    assert SCHEMA["properties"]["format"]["enum"] == [FORMAT]


def spoil(result, path, value):
    *way, last = path
    inside = result
    for step in way:
        inside = inside[step]
    if value is KeyError:
        del inside[last]
    else:
        inside[last] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("measurements", 0, "standard_uncertainty"), KeyError),
        (("measurements", 0, "standard_uncertainty"), -1e-6),
        (("measurements", 0, "interval_95"), [1.0]),
        (("features", 0, "measured", "value"), None),
        (("features", 0, "tolerance", "upper"), "100"),
        (("verdict",), "maybe"),
        (("record", "inputs", 0, "sha256"), "a" * 63),
        (("scene", "things", 0, "scene_from_thing"), [[1, 0, 0, 0]] * 3),
        (("surprise",), 1),
    ],
)
def test_the_schema_refuses_a_broken_result(path, value):
    good = result(reports.report())
    bad = copy.deepcopy(good)
    spoil(bad, path, value)
    assert faults(good, SCHEMA) == []
    assert len(faults(bad, SCHEMA)) >= 1
