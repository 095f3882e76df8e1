# SPDX-License-Identifier: Apache-2.0
"""results.dfq: measured values for statistics software (Q-DAS ASCII transfer format, AQDEF).

One file holds the description of all characteristics and then a line of values for each part. Lengths in
millimetres, angles in degrees. A value that is 'cannot say' is a value like others: the format judges by
limits alone, so each characteristic's remark tells its uncertainty.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from visionvalley.core import Feature, Report
from visionvalley.io.atomic import written
from visionvalley.report.exchange import Results, asked_of, stated, unit_of
from visionvalley.report.protocols import Conditions

NEXT_CHARACTERISTIC, NEXT_FIELD = "\x0f", "\x14"
QUANTITIES = {  # K2009: what is measured
    "straightness": 100, "flatness": 101, "roundness": 102, "cylindricity": 103, "profile of a line": 104,
    "profile of a surface": 105, "angularity": 106, "perpendicularity": 107, "parallelism": 108, "position": 109,
    "symmetry": 111, "circular run-out": 112, "total run-out": 113, "coaxiality": 114, "size": 200, "distance": 200,
    "diameter": 202, "angle": 203, "width": 230,
}  # fmt: skip
CONDITIONS = {"part_id": "K1014", "order": "K1053", "operator": "K1222"}  # part identification, contract, inspector
NOT_MEASURED = "255"  # K0002: the value is not to be used
DECIMALS = 4


def write_dfq(path: Path, part: str, results: Results) -> None:
    """Write the features of one part, or of many that were judged by the same characteristics.

    part  its name or number
    """
    lines = [*_header(part, results), *(_values(asked_of(results), *one) for one in results)]
    with written(path) as file:
        file.write(("\r\n".join(lines) + "\r\n").encode("utf-8"))


def _header(part: str, results: Results) -> Iterator[str]:
    asked = asked_of(results)
    yield f"K0100 {len(asked)}"
    yield f"K1001/1 {_line(part)}"
    yield f"K1002/1 {_line(part)}"
    under = _same([stated(report) for report, _ in results])
    yield from (f"{key}/1 {_line(under[name])}" for name, key in CONDITIONS.items() if under[name])
    warm = [f"{name} {under[name]}" for name in ("temperature_c", "humidity_percent") if under[name]]
    if warm:
        yield f"K1900/1 {'; '.join(warm)}"
    for number, feature in enumerate(asked.values(), 1):
        for key, value in _described(number, feature):
            yield f"{key}/{number} {value}"
        if under["sensor"]:
            yield f"K2402/{number} {_line(under['sensor'])}"


def _same(many: list[dict[str, str]]) -> dict[str, str]:
    """Return what is stated alike of all parts; empty where it differs."""
    return {name: value if all(one[name] == value for one in many) else "" for name, value in many[0].items()}


def _described(number: int, feature: Feature) -> Iterator[tuple[str, str]]:
    unit, scale = unit_of(feature.measured.unit)
    yield "K2001", str(number)
    yield "K2002", _line(feature.name)
    yield "K2004", "0"  # a variable, not an attribute
    yield "K2009", str(QUANTITIES.get(feature.kind, 0))
    yield "K2022", str(DECIMALS)
    if feature.nominal is not None:
        yield "K2101", _number(feature.nominal * scale)
    limits = (None, None) if feature.tolerance is None else (feature.tolerance.lower, feature.tolerance.upper)
    for value, kind, limit in zip(("K2110", "K2111"), ("K2120", "K2121"), limits, strict=True):
        if limit is not None:
            yield value, _number(limit * scale)
            natural = limit == 0 and value == "K2110"  # a zone cannot be less than nothing
            yield kind, "2" if natural else "1"
    yield "K2142", unit
    u = feature.measured.standard_uncertainty * scale
    yield "K2900", _line(f"{feature.kind}; u = {u:.2g} {unit}")


def _values(asked: dict[str, Feature], report: Report, conditions: Conditions) -> str:
    found = {feature.name: feature for feature in report.features}
    when = datetime.fromisoformat(conditions.started).strftime("%d.%m.%Y/%H:%M:%S")
    return NEXT_CHARACTERISTIC.join(
        NEXT_FIELD.join([_measured(found.get(name)), "0" if name in found else NOT_MEASURED, when, "", conditions.id])
        for name in asked
    )


def _measured(feature: Feature | None) -> str:
    if feature is None:
        return "0"
    return _number(feature.measured.value * unit_of(feature.measured.unit)[1])


def _number(value: float) -> str:
    return repr(float(value))


def _line(text: str) -> str:
    """Return text in one line, without the format's own signs."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
