# SPDX-License-Identifier: Apache-2.0
"""result.json: all results for machines, in SI units, with keys that stay: schema/result-1.json describes them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from visionvalley.core import Cloud, Contribution, Feature, Measurement, Report, Text, Thing, Tolerance, render
from visionvalley.core.messages import part_within
from visionvalley.io.atomic import written
from visionvalley.report.protocols import Conditions

FORMAT = "visionvalley-result/1"


def write_json(path: Path, report: Report, conditions: Conditions) -> None:
    """Write a report and the conditions of its run; numbers that are not finite become null."""
    text = json.dumps(result_of(report, conditions), indent=1, allow_nan=False, ensure_ascii=False)
    with written(path) as file:
        file.write((text + "\n").encode("utf-8"))


def result_of(report: Report, conditions: Conditions) -> dict[str, Any]:
    """Return the result as JSON values."""
    result = {
        "format": FORMAT,
        "application": report.application,
        "title": _text(report.title),
        "verdict": None if report.verdict is None else report.verdict.value,
        "simulated": report.simulated,
        "measurements": [_measurement(one) for one in report.measurements],
        "features": [_feature(one) for one in report.features],
        "events": [{"time_s": one.time_s, "kind": one.kind, "message": _text(one.message)} for one in report.events],
        "notes": [_text(note) for note in report.notes],
        "facts": plain(report.facts),
        "scene": {"up": list(report.scene.up), "things": [_thing(one) for one in report.scene.things]},
        "record": _record(conditions),
    }
    return {key: plain(value) for key, value in result.items()}


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: arrays as lists, texts in words, NaN and infinity as null."""
    if isinstance(value, Text):
        return _text(value)
    if isinstance(value, Mapping):
        return {str(key): _text(one, str(key)) if isinstance(one, Text) else plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


def _text(message: Text, name: str = "text") -> dict[str, Any]:
    words = render(message, part=part_within(message, name))
    return {"id": message.id, "parameters": plain(message.parameters), "text": words}


def _measurement(one: Measurement) -> dict[str, Any]:
    budget = [_contribution(part) for part in one.budget]
    return {
        "name": one.name,
        "value": one.value,
        "standard_uncertainty": one.standard_uncertainty,
        "unit": one.unit,
        "interval_95": list(one.interval_95),
        "degrees_of_freedom": plain(one.degrees_of_freedom),
        "budget": budget,
        "simulated": one.simulated,
    }


def _contribution(one: Contribution) -> dict[str, Any]:
    reason = None if one.reason is None else _text(one.reason)
    return {"source": one.source, "standard_uncertainty": one.standard_uncertainty, "reason": reason}


def _feature(one: Feature) -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": one.kind,
        "nominal": one.nominal,
        "measured": _measurement(one.measured),
        "beside": [_measurement(beside) for beside in one.beside],
        "tolerance": _tolerance(one.tolerance),
        "diameter": one.diameter,
        "material": one.material,
        "datums": list(one.datums),
        "verdict": None if one.verdict is None else one.verdict.value,
        "notes": [_text(note) for note in one.notes],
    }


def _tolerance(one: Tolerance | None) -> dict[str, Any] | None:
    return None if one is None else {"lower": one.lower, "upper": one.upper, "unit": one.unit}


def _thing(one: Thing) -> dict[str, Any]:
    cloud = isinstance(one.shape, Cloud)
    count = len(one.shape) if isinstance(one.shape, Cloud) else len(one.shape.vertices_m)
    colouring = one.colouring
    return {
        "name": one.name,
        "kind": "cloud" if cloud else "mesh",
        "points": count,
        "triangles": None if isinstance(one.shape, Cloud) else len(one.shape.faces),
        "scene_from_thing": one.scene_from_thing.matrix().tolist(),
        "colouring": None
        if colouring is None
        else {
            "name": colouring.name,
            "unit": colouring.unit,
            "limits": _tolerance(colouring.limits),
            "known": int(np.isfinite(colouring.values).sum()),
        },
    }


def _record(conditions: Conditions) -> dict[str, Any]:
    inputs = [
        {"role": one.role, "name": one.name, "sha256": one.sha256, "bytes": one.bytes} for one in conditions.inputs
    ]
    return {
        "id": conditions.id,
        "started": conditions.started,
        "inputs": inputs,
        "settings": plain(conditions.settings),
        "versions": plain(conditions.versions),
        "machine": plain(conditions.machine),
        "seconds": plain(conditions.seconds),
    }
