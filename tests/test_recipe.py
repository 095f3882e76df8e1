# SPDX-License-Identifier: Apache-2.0
"""Recipes: read exactly, refused with the line and the nearest right name, proposed for a part and read back."""

import math
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.data import sample
from tests.solids import ball, box

from visionvalley import io
from visionvalley.applications.manufacturing.recipe import Aligned, By, Looked, Recipe
from visionvalley.core import BadInput, Cylinder, Part, Plane
from visionvalley.runs.proposal import datum_planes, hole_patterns, proposed, write_proposal
from visionvalley.runs.recipe import part_of, read_recipe
from visionvalley.vision.metrology.characteristics import Characteristic, DatumReference, Kind, Material
from visionvalley.vision.metrology.regions import Ball, Box, Rod, inside
from visionvalley.vision.shape.joining import names
from visionvalley.vision.shape.segmentation import with_faces

SURFACES = {
    "plane-1": Plane([0, 0, 0], [0, 0, -1]),
    "plane-2": Plane([0, 0, 0.01], [0, 0, 1]),
    "hole-1": Cylinder([0, 0, 0], [0, 0, 1], 3e-3, True),
    "hole-2": Cylinder([0.02, 0, 0], [0, 0, 1], 3e-3, True),
    "freeform-1": None,
}
WHOLE = """\
part = "part.step"
[scan]
unit = "mm"
noise = 0.02
scale = 2e-5
edge_margin = 0.4
[alignment]
by = "datums"
datums = "A|B"
[features.pad]
face = "plane-2"
region = { box = [[0, 0, 0], [10, 10, 20]] }
[features.bore]
region = { rod = [[0, 0, 0], [0, 0, 10], 4] }
nominal = { kind = "cylinder", point = [0, 0, 0], direction = [0, 0, 1], diameter = 6, internal = true }
[datums]
A = "plane-1"
B = ["hole-1", "hole-2"]
[[checks]]
kind = "flatness"
of = "pad"
tolerance = 0.05
cutoff = 0.8
[[checks]]
name = "the bore"
kind = "size"
of = "hole-1"
limits = [-0.01, 0.03]
size = "E"
[[checks]]
kind = "position"
of = ["hole-1", "hole-2"]
datums = "A|(B)M"
datum_sizes = { B = 5.8 }
diameter = true
material = "M"
material_size = 5.9
tolerance = 0.2
datum_association = "minimum zone"
[[checks]]
kind = "angle"
of = ["plane-1", "plane-2"]
nominal = 90
tolerance = 0.5
"""


@pytest.fixture
def read(tmp_path):
    def reading(text):
        (tmp_path / "recipe.toml").write_text(text)
        return read_recipe(tmp_path / "recipe.toml", SURFACES)

    return reading


def test_a_recipe_becomes_values_in_si_units(read):
    recipe = read(WHOLE)
    flat, size, position, angle = recipe.characteristics
    assert (flat.name, flat.kind, flat.tolerance.upper) == ("flatness of pad", Kind.FLATNESS, pytest.approx(50e-6))
    assert flat.cutoff_m == pytest.approx(0.8e-3)
    assert (size.tolerance.lower, size.tolerance.upper) == (pytest.approx(5.99e-3), pytest.approx(6.03e-3))
    assert size.nominal == pytest.approx(6e-3)  # of the CAD face
    assert position.datums == (
        DatumReference(("plane-1",)),
        DatumReference(("hole-1", "hole-2"), Material.MAXIMUM, material_size_m=pytest.approx(5.8e-3)),
    )
    assert position.material_size_m == pytest.approx(5.9e-3)
    assert recipe.written(position.datums) == ("A", "(B)M")
    assert (position.diameter, position.material) == (True, Material.MAXIMUM)
    assert angle.tolerance.upper - angle.tolerance.lower == pytest.approx(math.radians(1))
    assert recipe.alignment.by is By.DATUMS
    assert recipe.noise.white_m == pytest.approx(20e-6)
    assert recipe.margin_m == pytest.approx(0.4e-3)
    pad, bore = recipe.features
    assert pad.faces == ("plane-2",)
    assert_allclose(pad.region.high_m, [0.01, 0.01, 0.02])
    assert (bore.region.radius_m, bore.nominal.radius_m) == (pytest.approx(4e-3), pytest.approx(3e-3))
    assert recipe.asked_for() == ("pad", "hole-1", "hole-2", "plane-1", "plane-2")


SIZED = """\
[datums]
A = "plane-1"
D = "hole-1"
[[checks]]
kind = "size"
of = "hole-1"
limits = [-0.01, 0.03]
[[checks]]
kind = "size"
of = "hole-2"
limits = [-0.01, 0.04]
[[checks]]
name = "square"
kind = "perpendicularity"
of = "hole-1"
datums = "A"
diameter = true
tolerance = 0.02
material = "M"
[[checks]]
name = "placed"
kind = "position"
of = "hole-2"
datums = "A|(D)M"
tolerance = 0.1
material = "M"
"""


@pytest.mark.parametrize("letter", ["M", "L"])
def test_material_sizes_follow_from_the_limits_of_size(read, letter):
    square, placed = read(SIZED.replace('"M"', f'"{letter}"').replace(")M", f"){letter}")).characteristics[2:]
    own, boundary = {"M": ((5.99, 5.99), 5.97), "L": ((6.03, 6.04), 6.05)}[letter]
    assert (square.material_size_m, placed.material_size_m) == pytest.approx([v * 1e-3 for v in own])
    assert placed.datums[1].material_size_m == pytest.approx(boundary * 1e-3), "with its own tolerance (ISO 2692)"
    alone = read(SIZED.replace('tolerance = 0.02\nmaterial = "M"', "tolerance = 0.02"))
    assert alone.characteristics[3].datums[1].material_size_m == pytest.approx(5.99e-3), "without one of its own"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('of = "hole-2"\ndatums', 'of = ["hole-1", "hole-2"]\ndatums', None),
        ('"hole-2"\nlimits = [-0.01, 0.04]', '"hole-2"\nlimits = [-0.02, 0.04]', None),
        ('kind = "size"\nof = "hole-2"\nlimits = [-0.01, 0.04]', 'kind = "size"\nof = "hole-2"', "size of hole-2"),
        ('kind = "size"\nof = "hole-1"\nlimits = [-0.01, 0.03]', 'kind = "size"\nof = "hole-1"', "size of hole-1"),
        ("tolerance = 0.1\n", "tolerance = 0.1\ndatum_sizes = { A = 3 }\n", "'A'"),
        ("tolerance = 0.1\n", "tolerance = 0.1\ndatum_sizes = 3\n", "size for each datum"),
        ('tolerance = 0.1\nmaterial = "M"', "tolerance = 0.1\nmaterial_size = 6", "material = "),
    ],
)
def test_a_material_size_that_is_not_known_is_told(read, old, new, said):
    assert SIZED.count(old) == 1
    if said is None:
        assert read(SIZED.replace(old, new)).characteristics[3].material_size_m > 0
        return
    with pytest.raises(BadInput) as caught:
        read(SIZED.replace(old, new))
    assert said in str(caught.value)
    assert "line" in str(caught.value)


def test_holes_of_unlike_material_sizes_are_no_pattern_with_one(read):
    unlike = SIZED.replace("[-0.01, 0.04]", "[-0.02, 0.04]").replace(
        'of = "hole-2"\ndatums', 'of = ["hole-1", "hole-2"]\ndatums'
    )
    with pytest.raises(BadInput, match="of one material size"):
        read(unlike)


def test_points_named_by_the_user_are_pairs(read):
    pairs = "[[[0,0,0],[1,0,0]], [[10,0,0],[1,10,0]], [[0,10,0],[-9,0,0]]]"
    recipe = read(f'[alignment]\nby = "points"\npairs = {pairs}\n')
    assert_allclose(recipe.alignment.part_m * 1e3, [[1, 0, 0], [1, 10, 0], [-9, 0, 0]])


def test_a_section_is_a_direction_or_a_plane(read):
    check = '[datums]\nA = "plane-1"\n[[checks]]\nkind = "straightness"\nof = "plane-2"\nsection = '
    assert read(check + "[0, 2, 0]").characteristics[0].section == (0, 2, 0)
    for plane in ("A", "plane-1"):
        assert read(f'{check}"{plane}"').characteristics[0].section == (0, 0, -1)
    for wrong in ("[0, 0, 0]", "[1, 2]", '"hole-1"', "true"):
        with pytest.raises(BadInput, match="right angles to"):
            read(check + wrong)
    with pytest.raises(BadInput, match="plane-1"):
        read(check + '"plan-1"')


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("edge_margin", "edge_margn", "edge_margin"),
        ('kind = "flatness"', 'kind = "flattness"', "flatness"),
        ('of = "pad"', 'of = "pat"', "pad"),
        ('face = "plane-2"', 'face = "plan-2"', "plane-2"),
        ('datums = "A|(B)M"', 'datums = "A|(C)M"', "A"),
        ("tolerance = 0.05", 'tolerance = "wide"', "number"),
        ("limits = [-0.01, 0.03]", "limits = [0.03, -0.01]", "low"),
        ('size = "E"', 'size = "XL"', "GG"),
        ('A = "plane-1"', 'A = "plane-9"', "plane-"),
        ("diameter = 6,", 'diameter = "six",', "number"),
        ("nominal = 90\n", "", "nominal"),
        ("[scan]", "[scann]", "scan"),
        ('by = "datums"', 'by = "datum"', "datums"),
        ("[[0, 0, 0], [10, 10, 20]]", "[[0, 0], [10, 10, 20]]", "three numbers"),
    ],
)
def test_an_error_names_the_line_and_what_was_meant(read, old, new, said):
    assert WHOLE.count(old) == 1
    with pytest.raises(BadInput) as caught:
        read(WHOLE.replace(old, new))
    whole = str(caught.value)
    assert said in whole
    if "diameter" not in old:  # inside an inline table the line is that of the table
        place = WHOLE.index("tolerance = 0.5" if "nominal" in old else old)
        line = WHOLE[:place].count("\n") + (0 if "nominal" in old else 1)
        assert f"line {line} of" in whole


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("a = [", "recipe.not_toml"),
        ('[alignment]\nby = "datums"', "recipe.no_datums"),
        ('[alignment]\nby = "points"', "recipe.no_pairs"),
        ("[features.a]\n", "recipe.empty_feature"),
        ('[[checks]]\nof = "plane-1"', "recipe.missing_key"),
        ('[[checks]]\nkind = "flatness"\nof = "plane-1"\n' * 2, "recipe.named_twice"),
        ("checks = 3", "recipe.bad_value"),
        ("scan = 3", "recipe.bad_value"),
        ("[features]\na = 3", "recipe.bad_value"),
        ("[datums]\nA = 3", "recipe.bad_value"),
        ('[[checks]]\nkind = "flatness"\nof = []', "recipe.bad_value"),
        ("[features.a]\nregion = { ball = [[0, 0, 0], 'x'] }", "recipe.bad_value"),
        ("[features.a]\nregion = { cube = [[0, 0, 0], 1] }", "recipe.unknown_key"),
        ("[features.a]\nregion = { box = [[1, 1, 1], [0, 0, 0]] }", "metrology.bad_box"),
        ("[alignment]\npairs = [[1, 2], [3]]", "recipe.bad_value"),
    ],
)
def test_nonsense_is_refused_in_plain_words(read, text, id):
    with pytest.raises(BadInput) as caught:
        read(text)
    assert caught.value.message.id == id
    assert all(caught.value.render())


def test_bytes_that_are_no_text_and_files_that_are_not_there(tmp_path):
    (tmp_path / "recipe.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="no recipe"):
        read_recipe(tmp_path / "recipe.toml", {})
    with pytest.raises(BadInput, match="does not exist"):
        read_recipe(tmp_path / "none.toml", {})


def test_the_part_beside_a_recipe_is_found(tmp_path):
    (tmp_path / "recipe.toml").write_text('part = "../a.stl"\npart_unit = "in"\n[scan]\nunit = "mm"')
    assert part_of(tmp_path / "recipe.toml") == (tmp_path / "../a.stl", "in", "mm")


def test_a_proposed_recipe_is_read_back_and_asks_what_such_a_part_is_asked(tmp_path):
    part = with_faces(io.read_part(sample("printing/parts/featuretype.STEP")))
    write_proposal(tmp_path / "recipe.toml", part, tmp_path / "featuretype.STEP", None)
    surfaces = dict(zip(names(part), part.surfaces, strict=True))
    recipe = read_recipe(tmp_path / "recipe.toml", surfaces)
    assert part_of(tmp_path / "recipe.toml")[0] == tmp_path / "featuretype.STEP"
    assert recipe.letters == {"A": ("plane-1",), "B": ("plane-3",), "C": ("plane-6",)}
    kinds = [one.kind for one in recipe.characteristics]
    assert [kinds.count(k) for k in (Kind.FLATNESS, Kind.PERPENDICULARITY, Kind.SIZE)] == [1, 2, 17]
    patterns = [one.features for one in recipe.characteristics if one.kind is Kind.POSITION]
    assert [len(one) for one in patterns] == [8, 8]
    assert all(one.tolerance is None for one in recipe.characteristics), "what no drawing asks for is not judged"
    # without the # the proposals are a recipe too
    text = (tmp_path / "recipe.toml").read_text()
    (tmp_path / "recipe.toml").write_text(re.sub(r"(?m)^# tolerance", "tolerance", text))
    judged = read_recipe(tmp_path / "recipe.toml", surfaces)
    assert all(one.tolerance is not None for one in judged.characteristics)


def test_the_datums_of_a_box_are_three_sides_and_a_ball_has_none(tmp_path):
    part = Part(box(), np.full(12, -1), ())
    assert datum_planes(with_faces(part)) == ("plane-1", "plane-3", "plane-5")
    text = "\n".join(proposed(with_faces(Part(ball(), np.full(len(ball().faces), -1), ())), "a.stl", "mm"))
    assert 'part_unit = "mm"' in text
    assert "A = " not in text
    assert hole_patterns({}) == ()


def test_values_refuse_nonsense():
    with pytest.raises(BadInput, match="three pairs"):
        Aligned(By.POINTS, scan_m=np.zeros((2, 3)), part_m=np.zeros((2, 3)))
    with pytest.raises(BadInput, match="neither"):
        Looked("a")
    one = Characteristic("a", Kind.FLATNESS, ("p",))
    with pytest.raises(BadInput, match="two checks"):
        Recipe((one, one))


def test_points_in_regions():
    points = np.array([[0, 0, 0], [0.5, 0, 0], [0, 0, 1.5], [2, 0, 0]], float)
    assert inside(Box([-1, -1, -1], [1, 1, 1]), points).tolist() == [True, True, False, False]
    assert inside(Ball([0, 0, 0], 1.5), points).tolist() == [True, True, True, False]
    assert inside(Rod([0, 0, -1], [0, 0, 1], 0.4), points).tolist() == [True, False, False, False]
