# SPDX-License-Identifier: Apache-2.0
"""The judged characteristics on the page and in print: frame, numbers, picture, budget."""

import io
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from tests import reports

from visionvalley.core import (
    BadInput,
    Cloud,
    Colouring,
    Contribution,
    Feature,
    Measurement,
    Scene,
    Thing,
    Tolerance,
    Verdict,
    text,
)  # fmt: skip
from visionvalley.report import pdf
from visionvalley.report.markup import Words
from visionvalley.report.page import page_of
from visionvalley.report.qif import ZONES
from visionvalley.report.sections import all_sections
from visionvalley.report.symbols import PATHS, compartments

VERDICTS = (Verdict.PASS, Verdict.FAIL, Verdict.CANNOT_SAY)
RED = 40e-6  # deviation of the points of the first feature, above its limit


def measured(name, value, u, unit="m"):
    budget = (Contribution("noise", 0.8 * u), Contribution("scale", 0.6 * u))
    return Measurement(name, value, u, unit, (value - 2 * u, value + 2 * u), budget=budget)


def scene():
    """Return 900 points of one corner of the plate, above the limit, on the plate."""
    x, y = (axis.ravel() for axis in np.meshgrid(*[np.linspace(0, 0.03, 30)] * 2))
    points = Cloud(np.stack([x, y, 0 * x], 1))
    coloured = Colouring("deviation", np.full(900, RED, np.float32), "m", Tolerance(-20e-6, 20e-6, "m"))
    return Scene((Thing("points", points, colouring=coloured), Thing("part", reports.plate()[0])))


def features():
    zones = [
        Feature(f"face {n}", kind, measured(kind, (40 + n) * 1e-6, 2e-6), Tolerance(0.0, 1e-4, "m"), VERDICTS[n % 3])
        for n, kind in enumerate(ZONES)
    ]
    raw = measured("raw peak to valley", 131e-6, 3e-6)
    zones[0] = replace(zones[0], scene=scene(), beside=(raw,), notes=(text("manufacturing.simulated"),))
    position = replace(zones[9], datums=("A", "B-C", "(D)M"), diameter=True, material="M")
    diameter = Feature(
        "hole <1>", "diameter", measured("diameter", 0.0120034, 2.1e-6), Tolerance(0.01195, 0.01205, "m"), Verdict.PASS,
        nominal=0.012,
    )  # fmt: skip
    wall = Feature("wall", "wall thickness", measured("wall thickness", 0.003, 1e-5))
    return (*zones[:9], position, *zones[10:], diameter, wall)


@pytest.fixture(scope="module")
def page():
    return page_of(replace(reports.report(), features=features()), reports.Run())


def test_every_tolerance_of_the_standard_has_a_sign():
    assert set(ZONES) <= set(PATHS)
    assert len(set(PATHS.values())) == len(PATHS)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("face 1", ["0.1\u202fmm"]),
        ("face 9", ["Ø 0.1\u202fmm Ⓜ", "A", "B-C", "D Ⓜ"]),
        ("hole <1>", ["11.95 to 12.05\u202fmm"]),
        ("wall", []),
    ],
)
def test_the_frame_reads_like_the_drawing(name, wanted):
    feature = next(one for one in features() if one.name == name)
    assert compartments(feature, Words()) == wanted


class Reader(HTMLParser):
    """Collects the cells of the first table and the anchors."""

    def __init__(self):
        super().__init__()
        self.rows, self.anchors, self.links, self.inside = [], set(), [], False

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors |= {found["id"]} if "id" in found else set()
        self.links += [found["href"]] if tag == "a" else []
        if tag == "tr":
            self.rows.append("")

    def handle_data(self, data):
        if self.rows:
            self.rows[-1] += data


def test_the_table_names_every_characteristic_with_its_number_and_verdict(page):
    markup = "".join(all_sections(page))
    mine = re.search(r'<section id="features".*?</section>', markup, re.DOTALL).group(0)
    read = Reader()
    read.feed(mine)
    rows = read.rows[1 : len(page.report.features) + 1]
    for feature, row in zip(page.report.features, rows, strict=True):
        assert feature.name.lower() in row.lower()
        assert str(page.written(feature.measured)) in row
        assert {"pass": "Pass", "fail": "Fail", "cannot say": "Cannot say", None: "Not judged"}[feature.verdict] in row
    assert {link.removeprefix("#") for link in read.links} <= read.anchors
    assert markup.index('id="features"') < markup.index('id="turn"'), "the answer first, the evidence after it"
    assert "hole &lt;1&gt;" in mine.lower()


def test_the_picture_of_a_feature_shows_its_points_in_the_colour_of_their_deviation(page):
    assert set(page.feature_pictures) == {0}
    pixels = page.feature_pictures[0].pixels.astype(float)
    opaque = pixels[pixels[..., 3] == 255][:, :3]
    red = opaque[opaque[:, 0] > 1.5 * opaque[:, 2]]  # vik above zero
    grey = opaque[np.ptp(opaque, axis=1) < 40]
    assert 0.04 < len(red) / len(opaque) < 0.14, "9 % of the plate"
    assert len(grey) > 0.8 * (len(opaque) - len(red))


def test_a_feature_without_a_scene_has_no_picture(page):
    assert 1 not in page.feature_pictures
    assert 1 not in page.feature_scales


@pytest.mark.skipif(not pdf.can_write_pdf(), reason="the extra `report` is not installed")
def test_the_printed_report_says_the_same_on_numbered_pages(page):
    from pypdf import PdfReader

    made = pdf.pdf_of(page)
    pages = [one.extract_text() for one in PdfReader(io.BytesIO(made)).pages]
    said = re.sub(r"\s+", " ", " ".join(pages))
    for number, one in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in re.sub(r"\s+", " ", one)
        assert page.conditions.id in one
    for feature in page.report.features:
        written = re.sub(r"\s+", " ", str(page.written(feature.measured)))
        assert written in said, feature.name
    assert "hole <1>" in said.lower()
    assert "Fail" in pages[0]
    assert "a" * 32 in said, "the hash of an input"
    assert pdf.pdf_of(page) == made, "the same report gives the same bytes"


def test_without_typst_there_is_one_clear_error(page, monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    monkeypatch.setattr(pdf, "find_spec", lambda name: None)
    with pytest.raises(BadInput) as caught:
        pdf.pdf_of(page)
    assert "visionvalley[report]" in caught.value.fix
