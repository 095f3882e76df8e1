# SPDX-License-Identifier: Apache-2.0
"""results.csv: a row for each measured value, for spreadsheets. Values in the unit that stands beside them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from visionvalley.core import Feature, Measurement, Report
from visionvalley.io.atomic import written
from visionvalley.report.exchange import Results, stated, unit_of

HEAD = (
    "record", "started", "characteristic", "kind", "unit", "nominal", "lower limit", "upper limit", "measured",
    "standard uncertainty", "95 % from", "95 % to", "verdict", "datums", "simulated",
    "order", "part id", "sensor", "operator", "temperature °C", "humidity %",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with these a spreadsheet takes a text for a formula


def write_csv(path: Path, results: Results) -> None:
    """Write all features and further measurements of one part or of many, UTF-8 with a byte order mark."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(HEAD)
    for report, conditions in results:
        under = [_text(one) for one in stated(report).values()]
        rows.writerows((conditions.id, conditions.started, *row, *under) for row in _rows(report))
    with written(path) as file:
        file.write(text.getvalue().encode("utf-8-sig"))


def _rows(report: Report) -> Iterator[tuple[object, ...]]:
    judged = {id(feature.measured) for feature in report.features}
    for feature in report.features:
        yield _row(feature.name, feature.kind, feature.measured, feature)
        for beside in feature.beside:
            yield _row(f"{feature.name}: {beside.name}", feature.kind, beside)
    for measured in report.measurements:
        if id(measured) not in judged:
            yield _row(measured.name, "", measured)


def _row(name: str, kind: str, measured: Measurement, feature: Feature | None = None) -> tuple[object, ...]:
    unit, scale = unit_of(measured.unit)
    tolerance = feature.tolerance if feature else None
    asked = (
        feature.nominal if feature else None,
        tolerance.lower if tolerance else None,
        tolerance.upper if tolerance else None,
    )
    found = (measured.value, measured.standard_uncertainty, *measured.interval_95)
    return (
        _text(name),
        kind,
        unit,
        *("" if value is None else repr(value * scale) for value in asked),
        *(repr(value * scale) for value in found),
        feature.verdict.value if feature and feature.verdict else "",
        " | ".join(_text(one) for one in feature.datums) if feature else "",
        "yes" if measured.simulated else "no",
    )


def _text(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text
