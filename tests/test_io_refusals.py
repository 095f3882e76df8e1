# SPDX-License-Identifier: Apache-2.0
"""What cannot be used is refused with BadInput, and nothing partial is left behind."""

import locale
import os
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from bench.fuzz import workers
from bench.fuzz.forms import one_input
from bench.fuzz.pages import with_checks, without_checks
from bench.fuzz.seeds import NATIVE, OWN, seeds

from visionvalley import io
from visionvalley.core import BadInput, Cloud, Mesh
from visionvalley.io import ply
from visionvalley.io.atomic import written
from visionvalley.io.files import CHUNKS, COUNTS, KNOW_THEIR_UNIT, POINTS, SURFACES, WRITES_POINTS, WRITES_SURFACES

TETRAHEDRON = Mesh(
    np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]]) * 0.01,
    np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]),
)
POINTS_8 = Cloud(np.arange(24.0).reshape(8, 3))
READABLE = sorted({*POINTS, *SURFACES})


def unit_for(suffix):
    return None if suffix in KNOW_THEIR_UNIT or suffix == ".glb" else "mm"


def refused(path, message=None, unit="mm"):
    with pytest.raises(BadInput) as raised:
        io.read(path, unit if path.suffix not in KNOW_THEIR_UNIT else None)
    assert all(raised.value.render())
    if message:
        assert raised.value.message.id == message
    return raised.value


@pytest.mark.parametrize("suffix", READABLE)
def test_a_missing_file_a_folder_a_pipe_and_an_empty_file_are_told_apart(suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    refused(path, "io.missing")
    path.touch()
    refused(path, "io.empty")
    path.unlink()
    path.mkdir()
    refused(path, "io.is_folder")
    path.rmdir()
    os.mkfifo(path)
    refused(path, "io.not_a_file")


@pytest.mark.parametrize("suffix", READABLE)
@pytest.mark.parametrize("content", [b"\0", b"\n", b"hello", b"\xff" * 999, b"1 2\n" * 50, b"PK\x03\x04" + b"\0" * 80])
def test_what_is_no_such_file_is_refused(suffix, content, tmp_path):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    refused(path)


@pytest.mark.parametrize("suffix", sorted({*WRITES_POINTS, *WRITES_SURFACES} - {".glb"}))
def test_a_file_cut_anywhere_is_refused_or_whole(suffix, tmp_path):
    value = POINTS_8 if suffix in WRITES_POINTS else TETRAHEDRON
    path = tmp_path / f"a{suffix}"
    io.write(path, value, unit_for(suffix))
    data = path.read_bytes()
    rows_only = suffix in {".bin", ".xyz", ".csv", ".txt", ".asc", ".pts", ".obj"}  # a shorter file is a good file, too
    for cut in sorted({1, 5, len(data) // 3, len(data) // 2, len(data) - 20, len(data) - 9}):
        path.write_bytes(data[:cut])
        try:
            again = io.read(path, unit_for(suffix))
        except BadInput:
            continue
        assert rows_only, cut
        assert not isinstance(again, Cloud) or len(again) < 8 or suffix == ".xyz"


@pytest.mark.parametrize("suffix", sorted({*POINTS, *SURFACES} - KNOW_THEIR_UNIT))
def test_the_error_that_asks_for_a_unit_says_how_to_give_it(suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    io.write(path, POINTS_8 if suffix in WRITES_POINTS else TETRAHEDRON, "mm")
    plain = path.read_bytes().replace(b"unit mm", b"no unit").replace(b"_mm", b"")
    path.write_bytes(plain)
    with pytest.raises(BadInput) as raised:
        io.read(path)
    assert raised.value.message.id == "io.unit_missing"
    assert "--unit mm" in raised.value.fix
    assert "unit='mm'" in raised.value.fix
    with pytest.raises(BadInput, match="parsec"):
        io.read(path, "parsec")
    with pytest.raises(BadInput):
        io.write(path, POINTS_8 if suffix in WRITES_POINTS else TETRAHEDRON)


def test_a_unit_that_contradicts_the_file_is_refused(tmp_path):
    ply.write(tmp_path / "a.ply", POINTS_8, "mm")
    with pytest.raises(BadInput) as raised:
        io.read(tmp_path / "a.ply", "in")
    assert raised.value.message.id == "io.unit_conflict"


@pytest.mark.parametrize("rows", [10**10, 10**18, 10**30, -1])
@pytest.mark.parametrize("encoding", ["ascii", "binary_little_endian"])
@pytest.mark.parametrize("element", ["vertex", "face"])
def test_a_header_that_claims_too_much_allocates_nothing(rows, encoding, element, tmp_path):
    path = tmp_path / "a.ply"
    ply.write(path, TETRAHEDRON, "mm", encoding)
    path.write_bytes(path.read_bytes().replace(f"element {element} 4".encode(), f"element {element} {rows}".encode()))
    refused(path)
    path = path.rename(tmp_path / "a.pcd")
    path.write_bytes(b"FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nPOINTS %d\nDATA binary\n" % rows + bytes(120))
    refused(path)
    path = path.rename(tmp_path / "a.off")
    path.write_bytes(b"OFF\n%d %d 0\n0 0 0\n" % (rows, rows))
    refused(path)
    path = path.rename(tmp_path / "a.stl")
    path.write_bytes(bytes(80) + (rows % 2**32).to_bytes(4, "little") + bytes(40))
    refused(path)


def test_zip_bombs_are_refused_before_they_unfold(tmp_path):
    for suffix, name in ((".3mf", "3D/3dmodel.model"), (".npz", "points_m.npy")):
        path = tmp_path / f"a{suffix}"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as part:
            for _ in range(100):
                part.write(bytes(1 << 20))
        refused(path, "io.bomb")


@pytest.mark.parametrize(("floors_wanted", "allowed"), [(2, True), (12, False)])
def test_a_3mf_of_copies_of_copies_is_counted_before_it_unfolds(floors_wanted, allowed, tmp_path):
    """Twelve floors of components, ten copies each, would be 10^12 solids in a few kilobytes."""
    io.write(tmp_path / "good.3mf", TETRAHEDRON)
    path = tmp_path / "laughs.3mf"
    ten = "<components>{}</components>"
    with zipfile.ZipFile(tmp_path / "good.3mf") as good, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bad:
        for entry in good.infolist():
            data = good.read(entry)
            if entry.filename.endswith(".model"):
                model = data.decode()
                first = int(model.split('<object id="')[1].split('"')[0])
                floors = "".join(
                    f'<object id="{100 + n}" type="model">'
                    + ten.format(f'<component objectid="{99 + n if n else first}"/>' * 10)
                    + "</object>"
                    for n in range(floors_wanted)
                )
                model = model.replace("</resources>", floors + "</resources>")
                model = model.replace(f'<item objectid="{first}"', f'<item objectid="{99 + floors_wanted}"')
                data = model.encode()
            bad.writestr(entry.filename, data)
    if allowed:
        assert len(io.read(path).faces) == 100 * 4
    else:
        refused(path, "io.too_many_copies")


@pytest.mark.parametrize("suffix", sorted({*WRITES_POINTS, *WRITES_SURFACES}))
def test_nothing_partial_stays_when_writing_fails(suffix, tmp_path, monkeypatch):
    value = POINTS_8 if suffix in WRITES_POINTS else TETRAHEDRON
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"the old one")
    path.chmod(0o640)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        io.write(path, value, unit_for(suffix))
    monkeypatch.undo()
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"the old one"
    io.write(path, value, unit_for(suffix))
    assert path.read_bytes() != b"the old one"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_full_disk_is_an_error_that_leaves_nothing(tmp_path):
    path = tmp_path / "a.ply"

    def fill():
        with written(path) as file:
            file.write(b"x")
            Path("/dev/full").write_bytes(b"x")

    with pytest.raises(BadInput) as raised:
        fill()
    assert raised.value.message.id == "io.unwritable"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(BadInput, match="cannot be written"):
        io.write(tmp_path / "none" / "a.ply", POINTS_8, "mm")
    with pytest.raises(BadInput, match="folder"):
        io.write(tmp_path / "..", POINTS_8, "mm")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_the_right_to_read_is_refused(tmp_path):
    path = tmp_path / "a.ply"
    ply.write(path, POINTS_8, "mm")
    path.chmod(0)
    refused(path, "io.unreadable")


def test_unknown_suffixes_are_refused_with_those_that_are_known(tmp_path):
    for act in (io.read, io.read_cloud, io.read_mesh, io.count_points, lambda p: list(io.read_chunks(p))):
        with pytest.raises(BadInput, match=r"\.ply"):
            act(tmp_path / "a.docx")
    with pytest.raises(BadInput, match=r"\.stl"):
        io.write(tmp_path / "a.las", TETRAHEDRON)


def test_every_format_of_points_comes_in_chunks_and_is_counted():
    assert set(CHUNKS) == set(COUNTS) == set(POINTS) - {".npz"}


@pytest.mark.parametrize("suffix", [".stl", ".obj", ".off", ".ply"])
def test_a_surface_with_a_vertex_that_is_no_number_is_refused(suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    writer = {".ply": lambda: ply.write(path, TETRAHEDRON, "m", "ascii")}.get(suffix)
    writer() if writer else io.write(path, TETRAHEDRON, "m")
    if suffix == ".stl":
        data = bytearray(path.read_bytes())
        data[96:100] = np.float32(np.nan).tobytes()
        path.write_bytes(bytes(data))
    else:
        path.write_bytes(path.read_bytes().replace(b"0.01", b"nan", 1))
    refused(path)


@pytest.mark.parametrize("reader", OWN)
def test_damaged_files_are_read_or_refused(reader, tmp_path):
    corpus = seeds(reader, tmp_path)
    path = tmp_path / f"input.{reader}"
    outcomes = set()
    for index in range(300):
        path.write_bytes(one_input(reader, corpus, 7, index))
        outcomes.add(workers.read_one(reader, path))
    assert outcomes == {True, False}


@pytest.mark.parametrize("reader", NATIVE)
def test_damaged_files_for_libraries_are_read_or_refused_by_workers(reader):
    if reader == "step":
        pytest.importorskip("OCP")
    count = 60 if reader == "step" else 300
    tally = workers.run(reader, count, seed=7, processes=1)
    assert (tally.inputs, tally.other, tally.broken) == (count, 0, [])
    assert min(tally.read, tally.refused) > 0


def test_the_same_seed_makes_the_same_inputs_on_another_day(tmp_path):
    for reader in (*OWN, *NATIVE[:-1]):
        (tmp_path / reader).mkdir()
        first, second = seeds(reader, tmp_path / reader), seeds(reader, tmp_path / reader)
        assert first == second
        assert one_input(reader, first, 1, 5) == one_input(reader, second, 1, 5) != one_input(reader, first, 2, 5)


def test_a_damaged_laz_prints_nothing(tmp_path, capfd):
    corpus, path = seeds("laz", tmp_path), tmp_path / "a.laz"
    for index in range(160, 170):  # lazrs 0.8 panics at 166, and says so
        path.write_bytes(one_input("laz", corpus, 1, index))
        workers.read_one("laz", path)
    assert capfd.readouterr().err == ""


BOMB = b'<!DOCTYPE m [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (rb"<prototype.*?</prototype>", b"", "io.bad_section"),  # libE57 crashes
        (rb'fileOffset="\d+"', b'fileOffset="7"', "io.bad_section"),  # libE57 keeps 2 MB
        (rb'fileOffset="\d+"', b'fileOffset="x"', "io.bad_section"),
        (rb'recordCount="8"', b'recordCount="99999999999"', "io.truncated"),
        (rb"<guid", b"<a>" * 99 + b"</a>" * 99 + b"<guid", "io.hostile_xml"),
        (rb"<e57Root", BOMB + b"<e57Root", "io.hostile_xml"),
        (rb"</e57Root>", b"", "io.refused_by_library"),
    ],
)
def test_an_e57_whose_description_lies_is_refused_before_its_library_sees_it(before, after, message, tmp_path):
    path = tmp_path / "a.e57"
    io.write(path, POINTS_8)
    data = without_checks(path.read_bytes())
    (length,) = struct.unpack_from("<Q", data, 32)
    begin = data.find(b"<?xml")
    text, found = re.subn(before, after, data[begin : begin + length], count=1, flags=re.DOTALL)
    assert found
    path.write_bytes(with_checks(data[:32] + struct.pack("<Q", len(text)) + data[40:begin] + text))
    refused(path, message)


@pytest.mark.parametrize("at", [32, 34, 36])  # how many there are, the first one's kind, and its bytes
@pytest.mark.parametrize("value", [0, 2, 12, 255])
def test_a_laz_whose_items_are_not_those_of_a_point_is_refused(at, value, tmp_path):
    """Layers that are counted wrongly have lengths of gigabytes, which lazrs allocates."""
    path = tmp_path / "a.laz"
    io.write(path, POINTS_8)
    good = path.read_bytes()
    items = good.find(b"laszip encoded") + 52 + at
    assert good[items] != value
    path.write_bytes(good[:items] + bytes([value]) + good[items + 1 :])
    refused(path, "io.no_laszip")


@pytest.mark.parametrize("suffix", sorted({*WRITES_POINTS, *WRITES_SURFACES} - {".glb"}))
def test_the_locale_stays_as_it_was(suffix, tmp_path):
    """What a library leaves at "C" makes ASCII of the pipes and files that Python opens next."""
    before, path = locale.setlocale(locale.LC_ALL), tmp_path / f"a{suffix}"
    io.write(path, POINTS_8 if suffix in WRITES_POINTS else TETRAHEDRON, unit_for(suffix))
    assert locale.setlocale(locale.LC_ALL) == before
    io.read(path, unit_for(suffix))
    assert locale.setlocale(locale.LC_ALL) == before
