# SPDX-License-Identifier: Apache-2.0
"""results.qif: what was asked and measured, for quality software (QIF 3.0, ISO 23952:2020).

Lengths in millimetres, angles in degrees, as the file says. Each value carries its combined standard
uncertainty; 'cannot say' is INDETERMINATE. Datums appear by their letters and order of precedence.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

from visionvalley.core import Feature, Report, Verdict
from visionvalley.io.atomic import written
from visionvalley.report.exchange import Results, asked_of, stated, unit_of
from visionvalley.report.protocols import Conditions

NAMESPACE = "http://qifstandards.org/xsd/qif3"
STATUS = {Verdict.PASS: "PASS", Verdict.FAIL: "FAIL", Verdict.CANNOT_SAY: "INDETERMINATE", None: "NOT_ANALYZED"}
WHOLE = {Verdict.PASS: "PASS", Verdict.FAIL: "FAIL", Verdict.CANNOT_SAY: "UNKNOWN", None: "NOT_CALCULATED"}
PRECEDENCE = ("PRIMARY", "SECONDARY", "TERTIARY", "QUATERNARY", "QUINARY")
MATERIAL = {"M": "MAXIMUM", "L": "LEAST", "": "NONE"}
ZONES = {  # kind of a zone: its name in QIF, what holds its material condition, and its two shapes of zone
    "straightness": ("Straightness", False, ("NonDiametricalZone", "DiametricalZone")),
    "flatness": ("Flatness", False, None),
    "roundness": ("Circularity", False, None),
    "cylindricity": ("Cylindricity", False, None),
    "profile of a surface": ("SurfaceProfile", False, None),
    "parallelism": ("Parallelism", True, ("PlanarZone", "DiametricalZone")),
    "perpendicularity": ("Perpendicularity", True, ("PlanarZone", "DiametricalZone")),
    "angularity": ("Angularity", True, ("PlanarZone", "DiametricalZone")),
    "position": ("Position", True, ("NonDiametricalZone", "DiametricalZone")),
    "coaxiality": ("Coaxiality", False, ("NonDiametricalZone", "DiametricalZone")),
    "symmetry": ("Symmetry", False, None),
    "circular run-out": ("CircularRunout", False, None),
    "total run-out": ("TotalRunout", False, None),
}
DIMENSIONS = {  # kind of a dimension: its name in QIF, and its mode of analysis
    "diameter": ("Diameter", None),
    "width": ("Width", None),
    "size": ("Length", None),
    "distance": ("DistanceBetween", "THREEDIMENSIONAL"),
    "angle": ("AngleBetween", "THREEDIMENSIONAL"),
}
OTHERS = {"m": "UserDefinedLinear", "rad": "UserDefinedAngular"}  # told in words: QIF asks what is not known here


@dataclass(slots=True)
class _Document:
    """A document while it is written: its root, and the next free id."""

    root: ET.Element = field(default_factory=lambda: ET.Element("QIFDocument", xmlns=NAMESPACE, versionQIF="3.0.0"))
    last: int = 0

    def identified(self, parent: ET.Element, name: str) -> tuple[ET.Element, str]:
        """Add an element with an id of its own; return both."""
        self.last += 1
        return ET.SubElement(parent, name, id=str(self.last)), str(self.last)


@dataclass(slots=True)
class _Named:
    """The ids of one characteristic: its name in QIF and its item."""

    qif: str
    item: str


def write_qif(path: Path, results: Results) -> None:
    """Write the features of one part, or of many that were judged by the same characteristics."""
    root = document(results)
    ET.indent(root)
    with written(path) as file:
        file.write(b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "utf-8") + b"\n")


def document(results: Results) -> ET.Element:
    """Return the whole document."""
    made = _Document()
    ET.SubElement(made.root, "QPId").text = _uuid("document", *(conditions.id for _, conditions in results))
    standard = _standard(made)
    _units(made.root)
    asked = asked_of(results)
    frames = _datums(made, asked)
    items = _characteristics(made, asked, frames, standard)
    held = ET.SubElement(made.root, "Results")
    measured = ET.SubElement(held, "MeasurementResultsSet", n=str(len(results)))
    serials = [_measured(made, measured, report, conditions, items) for report, conditions in results]
    _parts(made, held, results, serials)
    made.root.set("idMax", str(made.last))
    return made.root


def _standard(made: _Document) -> str:
    """Write by which standard the drawing is read; return its id."""
    standard, number = made.identified(ET.SubElement(made.root, "StandardsDefinitions", n="1"), "Standard")
    ET.SubElement(ET.SubElement(standard, "Organization"), "StandardsOrganizationEnum").text = "ISO"
    ET.SubElement(standard, "Designator").text = "1101"
    ET.SubElement(standard, "Year").text = "2017"
    return number


def _units(root: ET.Element) -> None:
    units = ET.SubElement(ET.SubElement(root, "FileUnits"), "PrimaryUnits")
    for name, si in (("AngularUnit", "rad"), ("LinearUnit", "m")):
        ET.SubElement(ET.SubElement(units, name), "UnitName").text = unit_of(si)[0]


def letters(compartment: str) -> tuple[list[str], str]:
    """Return the letters of a compartment of a datum system and its material modifier: '(A-B)M' is ['A', 'B'], 'M'."""
    inside = re.fullmatch(r"\((.+)\)([ML])", compartment)
    joined, modifier = (inside.group(1), inside.group(2)) if inside else (compartment, "")
    return joined.split("-"), modifier


def _datums(made: _Document, asked: dict[str, Feature]) -> dict[tuple[str, ...], str]:
    """Write the datums and their systems; return the id of each system."""
    systems = list(dict.fromkeys(feature.datums for feature in asked.values() if feature.datums))
    names = list(dict.fromkeys(name for system in systems for one in system for name in letters(one)[0]))
    if not names:
        return {}
    definitions = ET.SubElement(made.root, "DatumDefinitions", n=str(len(names)))
    ids = {}
    for name in names:
        one, ids[name] = made.identified(definitions, "DatumDefinition")
        ET.SubElement(one, "DatumLabel").text = re.sub(r"[^\w.-]", "_", name)
    frames = ET.SubElement(made.root, "DatumReferenceFrames", n=str(len(systems)))
    found = {}
    for system in systems:
        frame, found[system] = made.identified(frames, "DatumReferenceFrame")
        datums = ET.SubElement(frame, "Datums", n=str(len(system)))
        for compartment, precedence in zip(system, PRECEDENCE, strict=False):
            _compartment(ET.SubElement(datums, "Datum"), compartment, precedence, ids)
    return found


def _compartment(datum: ET.Element, compartment: str, precedence: str, ids: dict[str, str]) -> None:
    names, modifier = letters(compartment)
    holder = datum if len(names) == 1 else ET.SubElement(datum, "CompoundDatum", n=str(len(names)))
    for number, name in enumerate(names, 1):
        within = holder if len(names) == 1 else ET.SubElement(holder, "Datum")
        simple = ET.SubElement(within, "SimpleDatum")
        ET.SubElement(simple, "DatumDefinitionId").text = ids[name]
        ET.SubElement(simple, "MaterialModifier").text = MATERIAL[modifier]
        ET.SubElement(simple, "ReferencedComponent").text = "ACTUAL"
        if len(names) > 1:
            ET.SubElement(within, "SequenceNumber").text = str(number)
    ET.SubElement(ET.SubElement(datum, "Precedence"), "PrecedenceEnum").text = precedence


def _characteristics(
    made: _Document, asked: dict[str, Feature], frames: dict[tuple[str, ...], str], standard: str
) -> dict[str, _Named]:
    """Write what was asked: a definition, a nominal and an item for each characteristic."""
    if not asked:
        return {}
    group = ET.SubElement(made.root, "Characteristics")
    ET.SubElement(group, "FormalStandardId").text = standard
    definitions, nominals, items = (
        ET.SubElement(group, f"Characteristic{part}", n=str(len(asked)))
        for part in ("Definitions", "Nominals", "Items")
    )
    named = {}
    for name, feature in asked.items():
        qif = _name(feature)
        definition, definition_id = made.identified(definitions, f"{qif}CharacteristicDefinition")
        _define(definition, feature, frames.get(feature.datums))
        nominal, nominal_id = made.identified(nominals, f"{qif}CharacteristicNominal")
        ET.SubElement(nominal, "CharacteristicDefinitionId").text = definition_id
        _state_nominal(nominal, feature)
        item, item_id = made.identified(items, f"{qif}CharacteristicItem")
        ET.SubElement(item, "Name").text = " ".join(name.split())
        ET.SubElement(item, "CharacteristicNominalId").text = nominal_id
        named[name] = _Named(qif, item_id)
    return named


def _name(feature: Feature) -> str:
    known = ZONES.get(feature.kind) or DIMENSIONS.get(feature.kind)
    return known[0] if known else OTHERS.get(feature.measured.unit, "UserDefinedUnit")


def _define(definition: ET.Element, feature: Feature, frame: str | None) -> None:
    scale = unit_of(feature.measured.unit)[1]
    tolerance = feature.tolerance
    if feature.kind not in ZONES:
        _limits(definition, feature, scale)
        if feature.kind not in DIMENSIONS:
            ET.SubElement(definition, "WhatToMeasure").text = feature.kind
        return
    _, material, shapes = ZONES[feature.kind]
    upper = None if tolerance is None else tolerance.upper
    if material:
        _oriented(definition, feature, shapes or ("", ""), upper, scale, frame)
        return
    ET.SubElement(definition, "ToleranceValue").text = _decimal(0.0 if upper is None else upper * scale)
    if frame and feature.kind not in {"straightness", "flatness", "roundness", "cylindricity"}:
        ET.SubElement(definition, "DatumReferenceFrameId").text = frame
    if shapes:
        ET.SubElement(ET.SubElement(definition, "ZoneShape"), shapes[feature.diameter])


def _oriented(
    definition: ET.Element, feature: Feature, shapes: tuple[str, str], upper: float | None, scale: float,
    frame: str | None,
) -> None:  # fmt: skip
    """Write a zone of orientation or position, which may have a material condition."""
    condition = MATERIAL[feature.material]
    value = _decimal(0.0 if upper is None else upper * scale)
    order = {"ToleranceValue": value, "DatumReferenceFrameId": frame, "MaterialCondition": condition}
    for name, text in order.items():
        if text:
            ET.SubElement(definition, name).text = text
    ET.SubElement(ET.SubElement(definition, "ZoneShape"), shapes[feature.diameter])


def _limits(definition: ET.Element, feature: Feature, scale: float) -> None:
    tolerance = feature.tolerance
    if tolerance is None or (tolerance.lower is None and tolerance.upper is None):
        ET.SubElement(definition, "NonTolerance").text = "MEASURED"
        return
    limits = ET.SubElement(definition, "Tolerance")
    for name, limit in (("MaxValue", tolerance.upper), ("MinValue", tolerance.lower)):
        if limit is not None:
            ET.SubElement(limits, name).text = _decimal(limit * scale)
    ET.SubElement(limits, "DefinedAsLimit").text = "true"


def _state_nominal(nominal: ET.Element, feature: Feature) -> None:
    mode = DIMENSIONS.get(feature.kind, ("", None))[1]
    if feature.nominal is not None and feature.kind not in ZONES:
        scale = unit_of(feature.measured.unit)[1]
        ET.SubElement(nominal, "TargetValue").text = _decimal(feature.nominal * scale)
    if mode:
        ET.SubElement(nominal, "AnalysisMode").text = mode


def _measured(
    made: _Document, sets: ET.Element, report: Report, conditions: Conditions, items: dict[str, _Named]
) -> str | None:
    """Write the results of one part; return the id of the part where its serial number is stated."""
    results, _ = made.identified(sets, "MeasurementResults")
    under = stated(report)
    _traced(results, under)
    ET.SubElement(results, "ThisResultsInstanceQPId").text = _uuid("results", conditions.id)
    if report.features:
        holder = ET.SubElement(results, "MeasuredCharacteristics")
        measurements = ET.SubElement(holder, "CharacteristicMeasurements", n=str(len(report.features)))
        for feature in report.features:
            _one(made, measurements, feature, items[feature.name], conditions.started)
    ET.SubElement(ET.SubElement(results, "InspectionStatus"), "InspectionStatusEnum").text = WHOLE[report.verdict]
    if not under["part_id"]:
        return None
    made.last += 1
    ET.SubElement(ET.SubElement(results, "ActualComponentIds", n="1"), "Id").text = str(made.last)
    return str(made.last)


def _traced(results: ET.Element, under: dict[str, str]) -> None:
    """Write order and operator where the format has them, sensor, temperature and humidity as attributes."""
    others = {name: under[name] for name in ("sensor", "temperature_c", "humidity_percent") if under[name]}
    if not (others or under["order"] or under["operator"]):
        return
    trace = ET.SubElement(results, "InspectionTraceability")
    if under["order"]:
        ET.SubElement(trace, "OrderNumber").text = under["order"]
    if under["operator"]:
        ET.SubElement(ET.SubElement(trace, "InspectionOperator"), "Name").text = " ".join(under["operator"].split())
    if others:
        attributes = ET.SubElement(trace, "Attributes", n=str(len(others)))
        for name, value in others.items():
            ET.SubElement(attributes, "AttributeStr", name=name, value=value)


def _parts(made: _Document, held: ET.Element, results: Results, ids: list[str | None]) -> None:
    """Write the parts whose serial numbers are stated."""
    known = [(report, one) for (report, _), one in zip(results, ids, strict=True) if one is not None]
    if not known:
        return
    parts = ET.SubElement(ET.SubElement(held, "ActualComponentSets", n="1"), "ActualComponentSet", n=str(len(known)))
    for report, number in known:
        part = ET.SubElement(parts, "ActualComponent", id=number)
        ET.SubElement(part, "SerialNumber").text = stated(report)["part_id"]
        ET.SubElement(ET.SubElement(part, "Status"), "InspectionStatusEnum").text = WHOLE[report.verdict]


def _one(made: _Document, measurements: ET.Element, feature: Feature, named: _Named, when: str) -> None:
    measured, scale = feature.measured, unit_of(feature.measured.unit)[1]
    one, _ = made.identified(measurements, f"{named.qif}CharacteristicMeasurement")
    ET.SubElement(ET.SubElement(one, "Status"), "CharacteristicStatusEnum").text = STATUS[feature.verdict]
    ET.SubElement(one, "CharacteristicItemId").text = named.item
    ET.SubElement(one, "TimeStamp").text = when
    value = ET.SubElement(one, "Value", combinedUncertainty=_decimal(measured.standard_uncertainty * scale))
    value.text = _decimal(measured.value * scale)


def _decimal(value: float) -> str:
    """Return a number as xs:decimal, which has no exponent, with every digit that it needs to come back the same."""
    return f"{Decimal(repr(float(value))):f}"


def _uuid(kind: str, *ids: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"visionvalley:{kind}:{','.join(ids)}"))
