# SPDX-License-Identifier: Apache-2.0
"""result.json read back: the report without its scene, and what is known of its run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from visionvalley.core import BadInput, Contribution, Feature, Measurement, Report, Text, Tolerance, Verdict
from visionvalley.report.json import FORMAT


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that a run read."""

    role: str
    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class ReadConditions:
    """What result.json tells of its run."""

    id: str
    started: str
    inputs: tuple[ReadFile, ...]
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    machine: Mapping[str, Any]
    seconds: Mapping[str, float]


def read_result(path: Path) -> tuple[Report, ReadConditions]:
    """Read a result; BadInput where the file is none, or was cut."""
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
        if whole["format"] != FORMAT:
            raise KeyError(whole["format"])
        return _report(whole), _conditions(whole["record"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput("report.not_a_result", path=path) from error


def _report(whole: Mapping[str, Any]) -> Report:
    return Report(
        application=whole["application"],
        title=_text(whole["title"]),
        verdict=_verdict(whole["verdict"]),
        measurements=tuple(_measurement(one) for one in whole["measurements"]),
        features=tuple(_feature(one) for one in whole["features"]),
        facts=whole["facts"],
        notes=tuple(_text(one) for one in whole["notes"]),
        simulated=whole["simulated"],
    )


def _conditions(record: Mapping[str, Any]) -> ReadConditions:
    files = tuple(ReadFile(one["role"], one["name"], one["sha256"], one["bytes"]) for one in record["inputs"])
    groups = (record[name] for name in ("settings", "versions", "machine", "seconds"))
    return ReadConditions(record["id"], record["started"], files, *groups)


def _text(written: Mapping[str, Any]) -> Text:
    parameters = {name: _parameter(value) for name, value in written["parameters"].items()}
    return Text(written["id"], MappingProxyType(parameters))


def _parameter(value: Any) -> Any:
    return _text(value) if isinstance(value, Mapping) and {"id", "parameters"} <= set(value) else value


def _verdict(written: str | None) -> Verdict | None:
    return None if written is None else Verdict(written)


def _measurement(one: Mapping[str, Any]) -> Measurement:
    degrees = one["degrees_of_freedom"]
    low, high = one["interval_95"]
    return Measurement(
        name=one["name"],
        value=one["value"],
        standard_uncertainty=one["standard_uncertainty"],
        unit=one["unit"],
        interval_95=(low, high),
        degrees_of_freedom=math.inf if degrees is None else degrees,
        budget=tuple(_contribution(part) for part in one["budget"]),
        simulated=one["simulated"],
    )


def _contribution(one: Mapping[str, Any]) -> Contribution:
    reason = one.get("reason")
    return Contribution(one["source"], one["standard_uncertainty"], None if reason is None else _text(reason))


def _feature(one: Mapping[str, Any]) -> Feature:
    limits = one["tolerance"]
    return Feature(
        name=one["name"],
        kind=one["kind"],
        measured=_measurement(one["measured"]),
        tolerance=None if limits is None else Tolerance(limits["lower"], limits["upper"], limits["unit"]),
        verdict=_verdict(one["verdict"]),
        notes=tuple(_text(note) for note in one["notes"]),
        nominal=one["nominal"],
        datums=tuple(one["datums"]),
        diameter=one["diameter"],
        material=one["material"],
        beside=tuple(_measurement(beside) for beside in one["beside"]),
    )
