# SPDX-License-Identifier: Apache-2.0
"""results.csv, .dfq and .qif: read back by readers of others, the same numbers come out."""

import csv
import math
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.reports import Run

from visionvalley.core import Feature, Measurement, Report, Tolerance, Verdict, text
from visionvalley.report.csv import write_csv
from visionvalley.report.dfq import write_dfq
from visionvalley.report.qif import DIMENSIONS, NAMESPACE, ZONES, document, letters, write_qif

SCHEMA = Path(__file__).parent.parent.parent / "shared" / "standards" / "qif3" / "QIFApplications" / "QIFDocument.xsd"
DATUMS = (("A",), ("A", "B-C"), ("A", "B", "(C)M"), ("(A-B)L",))
NAME = {"q": NAMESPACE}
VERDICTS = (Verdict.PASS, Verdict.FAIL, Verdict.CANNOT_SAY)


def measured(name, value, unit="m"):
    u = value / 1000
    return Measurement(name, value, u, unit, (value - 2 * u, value + 2 * u))


def judged(shift=0.0):
    """Return a feature of every kind, their values without a short decimal form."""
    zones = [
        Feature(
            f"zone {number} – Ø", kind, measured(kind, (number + 1 + shift) * 1e-5 / 3), Tolerance(0.0, 1e-4, "m"),
            VERDICTS[number % 3], datums=DATUMS[number % 4], diameter=number % 2 == 1,
            material="M" if number % 5 == 0 else "", beside=(measured("raw", 2e-5 / 3),),
        )
        for number, kind in enumerate(ZONES)
    ]  # fmt: skip
    sizes = [
        Feature(f"size {kind}", kind, measured(kind, 0.02 / 3 + shift / 1e4), Tolerance(6e-3, None, "m"), nominal=0.007)
        for kind in DIMENSIONS
        if kind != "angle"
    ]  # fmt: skip
    angle = Feature("angle", "angle", measured("angle", math.pi / 7, "rad"), Tolerance(0.4, 0.5, "rad"), nominal=0.45)
    return (
        *zones,
        *sizes,
        angle,
        Feature("wall", "wall thickness", measured("wall", 0.003 / 7)),
        Feature("line", "profile of a line", measured("line", 1e-5 / 7), Tolerance(0.0, 1e-4, "m")),
    )


def part(number=0):
    report = Report("manufacturing", text("manufacturing.title"), Verdict.FAIL, features=judged(float(number)))
    return report, replace(Run(), id=f"run{number}", started=f"2026-01-02T03:04:0{number}+00:00")


def millimetres(feature):
    return feature.measured.value * (1000.0 if feature.measured.unit == "m" else 180 / math.pi)


def test_qif_is_valid_against_the_schema(tmp_path):
    if not SCHEMA.exists():
        pytest.skip("the QIF schemas are not beside this checkout")
    from lxml import etree

    schema = etree.XMLSchema(etree.parse(str(SCHEMA)))
    for name, parts in (
        ("one", [part()]),
        ("three", [part(n) for n in range(3)]),
        ("none", [_empty()]),
        ("stated", stated()),
    ):
        write_qif(tmp_path / f"{name}.qif", parts)
        schema.assertValid(etree.parse(str(tmp_path / f"{name}.qif")))
    tree = etree.parse(str(tmp_path / "one.qif"))
    tree.find(".//{*}CharacteristicStatusEnum").text = "PERHAPS"
    assert not schema.validate(tree), "the schema refuses what is wrong"


UNDER = {
    "order": "4711", "part_id": "S-3", "sensor": "scanner 7", "operator": "Ada", "temperature_c": 21.5,
    "humidity_percent": 40.0,
}  # fmt: skip


def stated():
    """Return two parts of one order, measured under stated conditions."""
    serials = ("S-3", "S-4")
    return [
        (replace(part(n)[0], facts={"conditions": UNDER | {"part_id": serial}}), part(n)[1])
        for n, serial in enumerate(serials)
    ]


def test_conditions_stand_in_every_format(tmp_path):
    write_csv(tmp_path / "r.csv", stated())
    rows = list(csv.DictReader((tmp_path / "r.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert {
        (row["order"], row["sensor"], row["operator"], row["temperature °C"], row["humidity %"]) for row in rows
    } == {("4711", "scanner 7", "Ada", "21.5", "40.0")}
    assert {row["part id"] for row in rows} == {"S-3", "S-4"}
    write_dfq(tmp_path / "two.dfq", "p", stated())
    write_dfq(tmp_path / "one.dfq", "p", stated()[:1])
    two, one = ((tmp_path / f"{name}.dfq").read_text(encoding="utf-8").splitlines() for name in ("two", "one"))
    for lines in (two, one):
        assert {"K1053/1 4711", "K1222/1 Ada", "K1900/1 temperature_c 21.5; humidity_percent 40.0"} <= set(lines)
        assert {"K2402/1 scanner 7", "K2402/2 scanner 7"} <= set(lines)
    assert "K1014/1 S-3" in one
    assert not any(line.startswith("K1014") for line in two), "the parts have different numbers"
    root = ET.fromstring(ET.tostring(document(stated())))
    assert [found.text for found in root.iterfind(".//q:OrderNumber", NAME)] == ["4711", "4711"]
    assert [found.text for found in root.iterfind(".//q:InspectionOperator/q:Name", NAME)] == ["Ada", "Ada"]
    assert [found.text for found in root.iterfind(".//q:ActualComponent/q:SerialNumber", NAME)] == ["S-3", "S-4"]
    values = {one.get("name"): one.get("value") for one in root.iterfind(".//q:AttributeStr", NAME)}
    assert values == {"sensor": "scanner 7", "temperature_c": "21.5", "humidity_percent": "40.0"}


def _empty():
    return Report("manufacturing", text("manufacturing.title")), Run()


def test_qif_holds_every_value_uncertainty_limit_and_verdict():
    report, run = part()
    root = ET.fromstring(ET.tostring(document([(report, run)])))
    items = {one.findtext("q:Name", "", NAME): one for one in root.iterfind(".//q:CharacteristicItems/*", NAME)}
    measurements = root.iterfind(".//q:CharacteristicMeasurements/*", NAME)
    by_item = {one.findtext("q:CharacteristicItemId", "", NAME): one for one in measurements}
    words = {Verdict.PASS: "PASS", Verdict.FAIL: "FAIL", Verdict.CANNOT_SAY: "INDETERMINATE", None: "NOT_ANALYZED"}
    for feature in report.features:
        one = by_item[items[feature.name].get("id")]
        value = one.find("q:Value", NAME)
        assert float(value.text) == millimetres(feature)
        assert float(value.get("combinedUncertainty")) == pytest.approx(millimetres(feature) / 1000, rel=1e-12)
        assert one.findtext("q:Status/q:CharacteristicStatusEnum", "", NAME) == words[feature.verdict]
    widths = [float(one.text) for one in root.iterfind(".//q:ToleranceValue", NAME)]
    assert widths == [1e-4 * 1000.0] * len(ZONES)
    assert root.get("idMax") == str(max(int(one.get("id")) for one in root.iter() if one.get("id")))


@pytest.mark.parametrize(
    ("compartment", "wanted"),
    [("A", (["A"], "")), ("A-B", (["A", "B"], "")), ("(C)M", (["C"], "M")), ("(A-B)L", (["A", "B"], "L"))],
)
def test_letters_of_a_datum(compartment, wanted):
    assert letters(compartment) == wanted


LEAVES_ITS_FILE_OPEN = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@LEAVES_ITS_FILE_OPEN
def test_dfq_is_read_back_by_aqdefreader_with_equal_values(tmp_path, capsys):
    from aqdefreader import read_dfq_file

    parts = [part(n) for n in range(3)]
    write_dfq(tmp_path / "results.dfq", "bracket 7", parts)
    read = read_dfq_file(str(tmp_path / "results.dfq")).get_part(0)
    assert "Warning" not in capsys.readouterr().out
    assert read.get_data("K1001") == "bracket 7"
    for number, feature in enumerate(parts[0][0].features, 1):
        found = read.get_characteristic_by_index(number)
        assert found.get_data("K2002") == feature.name
        assert [one.value for one in found.get_measurements()] == [
            millimetres(p.features[number - 1]) for p, _ in parts
        ]
        assert [one.batch_no for one in found.get_measurements()] == ["run0", "run1", "run2"]
        assert [one.datetime.second for one in found.get_measurements()] == [0, 1, 2]
    upper = float(read.get_characteristic_by_index(1).get_data("K2111"))
    assert upper == 1e-4 * 1000.0


def test_dfq_is_read_back_by_qdas_parser_with_equal_values(tmp_path):
    """qdas-parser reads description and values from two files, as the format also allows."""
    qdas = pytest.importorskip("qdas_parser", reason="make test installs qdas-parser (requirements/readers.lock)")
    parts = [part(n) for n in range(3)]
    write_dfq(tmp_path / "all.dfq", "bracket 7", parts)
    lines = (tmp_path / "all.dfq").read_text("utf-8").splitlines()
    (tmp_path / "260102x.dfd").write_text("\n".join(one for one in lines if one.startswith("K")) + "\n", "utf-8")
    (tmp_path / "260102x.dfx").write_text("\n".join(one for one in lines if not one.startswith("K")) + "\n", "utf-8")
    read = qdas.QDASFileParser(tmp_path / "260102x.dfd", "P", kind="pc", module_name="m")
    read.parse_description()
    assert [one["Merkmalname"] for one in read.features] == [one.name for one in parts[0][0].features]
    found = [[float(fields[0]) for fields in row] for row in read.rows()]
    assert found == [[millimetres(one) for one in report.features] for report, _ in parts]


@LEAVES_ITS_FILE_OPEN
def test_a_part_without_a_characteristic_keeps_its_place(tmp_path):
    from aqdefreader import read_dfq_file

    report, run = part()
    write_dfq(tmp_path / "r.dfq", "p", [(report, run), (replace(report, features=report.features[1:]), run)])
    read = read_dfq_file(str(tmp_path / "r.dfq")).get_part(0)
    assert len(read.get_characteristic_by_index(1).get_measurements()) == 1, "255 is no measurement"
    assert len(read.get_characteristic_by_index(2).get_measurements()) == 2


def test_csv_opens_with_all_numbers_and_no_formula(tmp_path):
    report, run = part()
    hostile = replace(report.features[0], name='=HYPERLINK("x")')
    report = replace(report, features=(hostile, *report.features[1:]), measurements=(measured("mean", 1e-6),))
    write_csv(tmp_path / "results.csv", [(report, run)])
    with (tmp_path / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(report.features) + len(ZONES) + 1
    assert rows[0]["characteristic"] == '\'=HYPERLINK("x")'
    told = [row for row in rows if ": raw" not in row["characteristic"]]
    for row, feature in zip(told, report.features, strict=False):
        assert float(row["measured"]) == millimetres(feature)
        assert row["verdict"] == (feature.verdict.value if feature.verdict else "")
        assert row["unit"] == ("deg" if feature.measured.unit == "rad" else "mm")
    assert float(rows[-1]["measured"]) == 1e-3
