# SPDX-License-Identifier: Apache-2.0
"""The files of a result: what is in them is what was found, and it can be read back."""

import base64
import io
import json
import math
import re
import struct
import zlib
from html.parser import HTMLParser

import numpy as np
import pytest
from tests import reports

from visionvalley.core import BadInput, Measurement, Report, Scene, text
from visionvalley.io.ply import read as read_ply
from visionvalley.report import html
from visionvalley.report.colours import scale_for
from visionvalley.report.embed import embedded
from visionvalley.report.folder import write_report
from visionvalley.report.json import plain, result_of
from visionvalley.report.page import page_of
from visionvalley.report.pdf import can_write_pdf, pdf_of
from visionvalley.report.views import corners

needs_assets = pytest.mark.skipif(
    not (html.files("visionvalley.report") / "assets" / "report.js").is_file(),
    reason="the assets of the report are not built (python web/build.py)",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("result")
    write_report(made, reports.report(), reports.Run())
    return made


@needs_assets
def test_the_folder_holds_its_files_and_nothing_else(folder):
    printed = ["report.pdf"] if can_write_pdf() else []
    assert sorted(one.name for one in folder.iterdir()) == [
        "deviation.ply", "report.html", *printed, "result.json",
        *(f"results.{kind}" for kind in ("csv", "dfq", "qif")), "scene.glb",
    ]  # fmt: skip


@needs_assets
def test_result_json_has_the_keys_that_programs_rely_on(folder):
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert list(result) == [
        "format", "application", "title", "verdict", "simulated", "measurements", "features", "events", "notes",
        "facts", "scene", "record",
    ]  # fmt: skip
    assert result["format"] == "visionvalley-result/1"
    assert result["verdict"] == "fail"
    profile = result["measurements"][0]
    assert profile == result["features"][0]["measured"]
    assert (profile["value"], profile["standard_uncertainty"], profile["unit"]) == (160e-6, 5e-6, "m")
    assert profile["interval_95"] == [150e-6, 170e-6]
    assert profile["degrees_of_freedom"] is None  # infinity has no number in JSON
    assert result["scene"]["things"][1]["colouring"]["known"] == int(np.isfinite(reports.scan()[1]).sum())
    assert result["record"]["inputs"][0]["sha256"] == "a" * 64


def test_values_become_what_json_can_hold():
    given = {"a": np.arange(3), "b": math.nan, "c": np.float32(0.5), "d": (1, {"e": math.inf}), "f": None}
    held = plain(given)
    assert held == {"a": [0, 1, 2], "b": None, "c": 0.5, "d": [1, {"e": None}], "f": None}
    assert json.loads(json.dumps(held, allow_nan=False)) == held


@needs_assets
def test_deviation_ply_holds_every_point_with_its_deviation_in_millimetres(folder):
    cloud = read_ply(folder / "deviation.ply", "mm")
    wanted, values = reports.scan()
    assert cloud.points_m == pytest.approx(wanted.points_m, abs=1e-8)
    assert cloud.fields["deviation_mm"] == pytest.approx(values * 1e3, nan_ok=True)
    thing = reports.scene().things[1]
    assert (cloud.colours == scale_for(thing.colouring).colours(values)).all()


@needs_assets
def test_scene_glb_holds_both_things_in_metres_with_y_up(folder):
    data = (folder / "scene.glb").read_bytes()
    length = struct.unpack("<I", data[12:16])[0]
    document, binary = json.loads(data[20 : 20 + length]), data[28 + length :]
    assert [node["name"] for node in document["nodes"][1:]] == ["reference", "scan"]
    mesh = document["meshes"][1]["primitives"][0]
    accessor = document["accessors"][mesh["attributes"]["POSITION"]]
    view = document["bufferViews"][accessor["bufferView"]]
    points = np.frombuffer(binary, "<f4", 3 * accessor["count"], view["byteOffset"]).reshape(-1, 3)
    matrix = np.array(document["nodes"][2]["matrix"]).reshape(4, 4).T
    assert points @ matrix[:3, :3].T + matrix[:3, 3] == pytest.approx(reports.scan()[0].points_m, abs=1e-8)
    x, y, z, w = document["nodes"][0]["rotation"]
    assert 2 * (y * z + w * x) == pytest.approx(-1)  # z goes to ... of y
    assert 1 - 2 * (x * x + y * y) == pytest.approx(0, abs=1e-12)


def decoded(made, planes, at, count):
    """Read a column back as web/viewer/decode.js does."""
    data = np.frombuffer(made, np.uint8)[at : at + planes * count].reshape(planes, count).astype(np.int64)
    folded = sum(data[i] << (8 * i) for i in range(planes))
    return np.cumsum(np.where(folded & 1, -(folded + 1) // 2, folded // 2))


def test_the_3d_view_holds_places_values_and_faces():
    scene = reports.scene()
    made = embedded(scene, corners(scene)[0], scene)
    packed = zlib.decompress(base64.b64decode(html.as_text(made.buffer())), -15)
    assert packed == made.buffer()
    mesh, cloud = made.header["things"]
    origin = np.array(made.header["origin"])

    def places(thing):
        columns = [decoded(packed, 2, at, thing["count"]) for at in thing["positions"]["at"]]
        return np.stack(columns, 1) * thing["positions"]["step"] + thing["positions"]["low"] + origin

    def values(thing):
        numbers = decoded(packed, 3, thing["values"]["at"], thing["count"])
        return np.where(numbers == 65535, np.nan, numbers * thing["values"]["step"] + thing["values"]["low"])

    wanted, deviations = reports.scan()
    found = places(cloud)
    for point, value in zip(found[::97], values(cloud)[::97], strict=True):
        nearest = int(np.argmin(((wanted.points_m - point) ** 2).sum(1)))
        assert np.abs(wanted.points_m[nearest] - point).max() < reports.SIDE_M / 16000
        assert value == pytest.approx(deviations[nearest], abs=1e-7, nan_ok=True)
    assert len(found) == len(wanted)
    first, second, third = (decoded(packed, 4, at, mesh["faces"]["count"]) for at in mesh["faces"]["at"])
    corner = places(mesh)[np.stack([first, first + second, first + third], 1)]
    area = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])[:, 2] / 2
    assert area.sum() == pytest.approx(reports.SIDE_M**2, rel=1e-3)
    assert (area > 0).all()


@needs_assets
def test_the_page_asks_for_nothing_outside_itself(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page).group(1)
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    outside = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    addresses = re.findall(r'(?:src|href)="(data:|#|.+?")', outside)
    assert set(addresses) == {"data:", "#"}, "pictures of its own, and places on the page itself"


@needs_assets
def test_the_page_is_well_formed_and_escapes_what_it_is_given(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
    check = Nesting()
    check.feed(page)
    assert check.open == []
    assert check.wrong == []
    assert len(check.ids) == len(set(check.ids))
    assert "profile <of>" not in page
    assert "Profile &lt;of&gt; a surface" in page
    assert "scan &lt;1&gt;.ply" in page


VOID = {"meta", "link", "img", "br", "path", "rect", "circle", "image"}


class Nesting(HTMLParser):
    """Follows which elements are open."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.ids = [], [], []

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]
        if tag == "img":
            assert dict(attrs).get("alt")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append((tag, self.getpos()))


@needs_assets
def test_the_page_tells_what_a_reader_needs():
    page = html.html_of(page_of(reports.report(), reports.Run()))
    seen = re.sub(r"<[^>]+>", " ", re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL))
    for words in (
        "Fail", "plate.stl", "0.160", "± 0.010", "k = 2", "limit +50", "Turn about z", "turn about z", "Noise",
        "Standard deviation", "3\u202fµm", "0 to 0.1\u202fmm", "abc123def456", "a" * 64, "a.ply",
        "30.0\u202fµm", "40.0\u202fµm", "Minimum zone",
    ):  # fmt: skip
        assert words in seen, words


@needs_assets
def test_what_was_simulated_says_so_beside_each_number():
    profile = Measurement("profile", 1e-3, 1e-6, "m", (0.99e-3, 1.01e-3), simulated=True)
    page = html.html_of(
        page_of(reports.report(measurements=(profile, profile), features=(), simulated=True), reports.Run())
    )
    assert page.count('class="simulated">simulated') == 2
    assert 'class="banner"' in page
    assert 'class="banner"' not in html.html_of(page_of(reports.report(), reports.Run()))


@needs_assets
def test_a_report_of_nothing_is_still_a_page(tmp_path):
    nothing = Report("manufacturing", text("runs.demo_title"), scene=Scene())
    write_report(tmp_path, nothing, reports.Run(inputs=()))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Not judged" in page
    printed = ["report.pdf"] if can_write_pdf() else []
    assert sorted(one.name for one in tmp_path.iterdir()) == ["report.html", *printed, "result.json"]
    assert result_of(nothing, reports.Run())["verdict"] is None


@needs_assets
@pytest.mark.skipif(not can_write_pdf(), reason="the extra `report` is not installed")
@pytest.mark.parametrize("count", [4, 11, 20, 150])
def test_the_printed_record_is_on_one_page_unless_it_is_longer_and_whole_in_any_case(count):
    from pypdf import PdfReader

    inputs = tuple(reports.Input("scan", f"scan-{k}.ply", "a" * 64, 12345) for k in range(count))
    made = pdf_of(page_of(reports.report(), reports.Run(inputs=inputs)))
    pages = [one.extract_text() for one in PdfReader(io.BytesIO(made)).pages]
    parts = [k for k, one in enumerate(pages[1:]) for name in ("scan-0.ply", "Settings", "Machine") if name in one]
    assert len(parts) == 3
    assert (len(set(parts)) == 1) == (count < 100)
    assert sum(f"scan-{k}.ply" in " ".join(pages) for k in range(count)) == count


def test_missing_assets_are_one_clear_error(monkeypatch, tmp_path):
    html.asset.cache_clear()
    monkeypatch.setattr(html, "files", lambda package: tmp_path)
    try:
        with pytest.raises(BadInput) as caught:
            html.html_of(page_of(reports.report(), reports.Run()))
    finally:
        html.asset.cache_clear()
    assert "report.js" in caught.value.what
    assert "web/build.py" in caught.value.fix
    assert list(tmp_path.iterdir()) == []


def test_the_first_points_of_a_large_cloud_are_a_fair_choice_of_it(monkeypatch):
    from visionvalley.report import embed

    monkeypatch.setattr(embed, "MOST_MOVING", 1000)
    scene = reports.scene(count=20_000)
    made = embedded(scene, corners(scene)[0], scene)
    cloud, packed = made.header["things"][1], made.buffer()
    x, y = (decoded(packed, 2, at, cloud["count"])[:1000] for at in cloud["positions"]["at"][:2])
    quarters = np.bincount((x > 8191) * 2 + (y > 8191), minlength=4)
    assert quarters.min() > 200
    assert len(set(zip(x.tolist(), y.tolist(), strict=True))) == 1000


def test_a_fine_surface_comes_with_a_coarse_one_between_the_same_vertices(monkeypatch):
    from visionvalley.report import embed

    monkeypatch.setattr(embed, "FACES_MOVING", 500)
    scene = reports.scene()
    made = embedded(scene, corners(scene)[0], scene)
    mesh, packed = made.header["things"][0], made.buffer()
    coarse = mesh["faces"]["coarse"]
    first, second, third = (decoded(packed, 4, at, coarse["count"]) for at in coarse["at"])
    faces = np.stack([first, first + second, first + third], 1)
    assert 100 < coarse["count"] <= 500
    assert 0 <= faces.min() <= faces.max() < mesh["count"]
    columns = [decoded(packed, 2, at, mesh["count"]) for at in mesh["positions"]["at"]]
    x, y = (
        np.array(column)[faces] * step for column, step in zip(columns[:2], mesh["positions"]["step"][:2], strict=True)
    )
    area = ((x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])) / 2
    assert area.sum() == pytest.approx(reports.SIDE_M**2, rel=1e-3)
