# SPDX-License-Identifier: Apache-2.0
"""Real files, and independent readers of the same bytes."""

import json
import re
import struct
import zipfile
from contextlib import suppress
from xml.etree import ElementTree

import laspy
import numpy as np
import plyfile
import pye57
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from pypcd4 import PointCloud
from tests.data import sample

from visionvalley import io
from visionvalley.core import BadInput, Cloud, Mesh, Pose, Scene, Thing
from visionvalley.io import lzf, pcd, ply, stl

lzf_peer = pytest.importorskip("lzf")


@pytest.mark.parametrize("name", ["bun000", "bun180", "chin", "top3"])
def test_range_scans_with_their_grids_of_lists_are_read(name):
    path = sample(f"objects/bunny_scans/{name}.ply")
    cloud = io.read_cloud(path, "m")
    header, body = path.read_bytes().split(b"end_header", 1)
    wanted = int(header.split(b"element vertex ")[1].split()[0])
    assert len(cloud) == wanted
    first, last = (np.array(body.split(b"\n")[i].split()[:3], float) for i in (1, wanted))
    np.testing.assert_array_equal(cloud.points_m[0], first)
    np.testing.assert_array_equal(cloud.points_m[-1], last)


def test_the_grid_itself_leads_to_every_point():
    path = sample("objects/bunny_scans/bun000.ply")
    data = path.read_bytes()
    from visionvalley.io.opening import opened
    from visionvalley.io.ply_header import read_header

    with opened(path) as file:
        tables = ply._tables(path, read_header(path, file), file.read())
    grid = tables["range_grid"]["vertex_indices"]
    assert len(grid.counts) == 512 * 400
    np.testing.assert_array_equal(np.sort(grid.values), np.arange(len(tables["vertex"]["x"])))
    assert data.count(b"\n") > 512 * 400


def test_a_range_scan_that_is_cut_inside_its_grid_is_refused(tmp_path):
    data = sample("objects/bunny_scans/bun000.ply").read_bytes()
    (tmp_path / "cut.ply").write_bytes(data[: int(len(data) * 0.9)])
    with pytest.raises(BadInput):
        io.read_cloud(tmp_path / "cut.ply", "m")


@pytest.mark.parametrize("file", ["objects/bunny_scans/bun_zipper.ply", "printing/parts/featuretype.ply"])
def test_ply_surfaces_are_as_plyfile_reads_them(file):
    mesh = io.read_mesh(sample(file), "m")
    other = plyfile.PlyData.read(sample(file))
    vertex = other["vertex"]
    np.testing.assert_allclose(mesh.vertices_m, np.stack([vertex[a] for a in "xyz"], 1), rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(mesh.faces, np.stack(other["face"].data[other["face"].properties[0].name]))


@pytest.mark.parametrize(
    "name", ["featuretype.STL", "angle_block.STL", "plate_holes.STL", "20mm-xyz-cube.stl", "octagonal_pocket.stl"]
)
def test_stl_parts_close_as_exactly_as_trimesh_closes_them_by_merging(name):
    mesh = io.read_mesh(sample(f"printing/parts/{name}"), "m")
    other = trimesh.load(sample(f"printing/parts/{name}"))
    ours = trimesh.Trimesh(mesh.vertices_m, mesh.faces, process=False)
    assert len(mesh.faces) == len(other.faces)
    assert ours.is_watertight == other.is_watertight
    assert ours.volume == pytest.approx(other.volume, rel=1e-6)


def test_obj_parts_are_as_trimesh_reads_them():
    mesh = io.read_mesh(sample("printing/parts/fandisk.obj"), "mm")
    other = trimesh.load(sample("printing/parts/fandisk.obj"), process=False, maintain_order=True)
    assert len(mesh.faces) == len(other.faces)
    assert trimesh.Trimesh(mesh.vertices_m * 1e3, mesh.faces).volume == pytest.approx(other.volume, rel=1e-9)


def test_the_same_part_has_the_same_size_in_every_format():
    sizes = {}
    for suffix, unit in ((".STL", "in"), (".ply", "in"), (".3MF", None), (".STEP", None)):
        if suffix == ".STEP":
            pytest.importorskip("OCP")
        mesh = io.read_mesh(sample(f"printing/parts/featuretype{suffix}"), unit)
        sizes[suffix] = np.ptp(mesh.vertices_m, axis=0)
    for size in sizes.values():
        np.testing.assert_allclose(size, [0.127, 0.0635, 0.034925], atol=1e-6)


@pytest.mark.parametrize(
    "name", ["room_scan1", "correspondence_grouping/milk", "pairwise/capture0001", "template_alignment/person"]
)
def test_pcd_files_are_as_pypcd4_reads_them(name):
    path = sample(f"objects/pcl/{name}.pcd")
    cloud = io.read_cloud(path, "m")
    other = PointCloud.from_path(path).numpy(("x", "y", "z"))
    np.testing.assert_array_equal(cloud.points_m, other.astype(np.float64))


def test_a_viewpoint_is_read():
    pose = pcd.read_viewpoint(sample("objects/pcl/pairwise/capture0002.pcd"), "m")
    np.testing.assert_allclose(pose.rotation, np.diag([1.0, -1, -1]), atol=1e-12)


@pytest.mark.parametrize("name", ["simple.las", "simple.laz", "simple.copc.laz", "vegetation_1_3.las", "plane.laz"])
def test_surveys_are_as_laspy_reads_them(name):
    cloud = io.read_cloud(sample(f"clouds/las/{name}"))
    with laspy.open(sample(f"clouds/las/{name}")) as reader:
        other = reader.read()
    metres = 1200 / 3937 if "copc" in name else 1.0  # its coordinate system is in survey feet
    np.testing.assert_allclose(cloud.points_m, np.stack([other.x, other.y, other.z], 1) * metres, rtol=1e-15)
    np.testing.assert_array_equal(cloud.fields["classification"], other.classification)
    np.testing.assert_array_equal(cloud.fields["intensity"], other.intensity)


def test_a_survey_in_feet_comes_in_metres():
    cloud = io.read_cloud(sample("clouds/las/autzen_trim.laz"))
    with laspy.open(sample("clouds/las/autzen_trim.laz")) as reader:
        other = reader.read()
    np.testing.assert_allclose(cloud.points_m[:, 0], np.asarray(other.x) * 0.3048, rtol=1e-12)
    assert cloud.colours.max() > 200


def test_a_survey_in_degrees_is_refused():
    with pytest.raises(BadInput, match="degrees"):
        io.read(sample("clouds/las/simple1_4.las"))


def test_e57_scans_are_as_pye57_reads_them():
    path = sample("clouds/e57/pumpAVisualReferenceImage.e57")
    ((cloud, pose),) = io.read_scans(path)
    other = pye57.E57(str(path)).read_scan(0, intensity=True, colors=True, transform=False)
    valid = ~np.isnan(cloud.points_m).any(axis=1)
    np.testing.assert_array_equal(cloud.points_m[valid, 0], other["cartesianX"])
    np.testing.assert_allclose(cloud.fields["intensity"][valid], other["intensity"], rtol=1e-6)
    np.testing.assert_array_equal(cloud.colours[valid, 1], other["colorGreen"])
    np.testing.assert_array_equal(pose.matrix(), np.eye(4))


def test_an_e57_pose_without_a_rotation_moves_only():
    path = sample("clouds/e57/translationWithoutRotation.e57")
    ((cloud, pose),) = io.read_scans(path)
    np.testing.assert_array_equal(pose.translation_m, [4, 5, 6])
    np.testing.assert_array_equal(io.read_cloud(path).points_m, cloud.points_m + pose.translation_m)
    assert io.read_cloud(sample("clouds/e57/testWithNormals.e57")).normals is not None


def test_spherical_points_go_to_their_places():
    from visionvalley.io.e57 import _from_spherical

    places = _from_spherical(np.full(4, 2.0), np.array([0, np.pi / 2, 0, 0]), np.array([0, 0, np.pi / 2, np.pi / 6]))
    wanted = [[2, 0, 0], [0, 2, 0], [0, 0, 2], [np.sqrt(3), 0, 1]]
    np.testing.assert_allclose(np.stack(places, 1), wanted, atol=1e-15)


def test_kitti_scans_have_all_their_points():
    cloud = io.read(sample("driving/kitti_object/velodyne/000000.bin"))
    assert len(cloud) == 115_384
    assert 0 <= cloud.fields["intensity"].min() <= cloud.fields["intensity"].max() <= 1


NOT_VALID = {  # though they should pass: each breaks a rule, for which a file that should fail is refused, too
    "MUSTPASS_Chapter3.4.1c_MustIgnoreUndefinedMetadataName.3mf": "Unknown Model Metadata",
    "MUSTPASS_Chapter3.4.2_MetaData_Resources_Build.3mf": "passed to a MultiPropertyGroup",
    "MUSTPASS_Chapter3.4.3a_MustNotOutputNonReferencedObjects.3mf": "passed to a MultiPropertyGroup",
}


def test_3mf_files_that_must_fail_fail_and_those_that_must_pass_pass():
    folder = sample("printing/3mf/validation tests/_archive/3mf-Verify")
    failing, passing = sorted(folder.glob("MUSTFAIL/*.3mf")), sorted(folder.glob("MUSTPASS/*.3mf"))
    assert (len(failing), len(passing)) == (9, 13)
    for path in failing:
        with pytest.raises(BadInput):
            io.read(path)
    for path in passing:
        if path.name in NOT_VALID:
            with pytest.raises(BadInput, match=NOT_VALID[path.name]):
                io.read(path)
        else:
            assert len(io.read(path).faces) >= 12


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("MUSTFAIL/MUSTFAIL_Chapter3.4.3.1b_BuildItemReferToObjectOfTypeOther", "must not reference object of type"),
        ("MUSTFAIL/MUSTFAIL_Chapter4a_InvalidObjectType", "Invalid Model Object Type"),
        ("MUSTFAIL/MUSTFAIL_Chapter4b_PID_IsNotSpecified", "pid"),
        ("MUSTPASS/MUSTPASS_Chapter3.4.2_MetaData_Resources_Build", None),
        ("MUSTPASS/MUSTPASS_Chapter3.4.3a_MustNotOutputNonReferencedObjects", None),
    ],
)
def test_3mf_files_fail_for_their_own_fault_not_only_for_one_that_they_share(name, message, tmp_path):
    """All five have `multiproperties` of an image, no property group (Materials, 5: `pids` are of property groups)."""
    file, path = sample("printing/3mf/validation tests/_archive/3mf-Verify") / f"{name}.3mf", tmp_path / "a.3mf"
    with zipfile.ZipFile(file) as before, zipfile.ZipFile(path, "w") as after:
        for entry in before.infolist():
            data = before.read(entry)
            if entry.filename.endswith(".model"):
                data = re.sub(rb"<m:multiproperties.*?</m:multiproperties>", b"", data, flags=re.DOTALL)
                data = data.replace(b'pid="6"', b'pid="3"')
            after.writestr(entry.filename, data)
    if message is None:
        assert len(io.read(path).faces) == 12
    else:
        with pytest.raises(BadInput) as raised:
            io.read(path)
        assert message in str(raised.value)


def test_components_and_build_items_are_placed():
    folder = sample("printing/3mf/validation tests/_archive/3mf-Verify/MUSTPASS")
    for name in ("MUSTPASS_Chapter4.2_Components.3mf", "MUSTPASS_Chapter3.2c_MultipleItemsTransform.3mf"):
        mesh = io.read(folder / name)
        np.testing.assert_allclose(mesh.vertices_m, naive_3mf_mm(folder / name) * 1e-3, atol=1e-7)


def naive_3mf_mm(path):
    """All vertices that the build places, by the core specification and nothing else."""
    core = "{http://schemas.microsoft.com/3dmanufacturing/core/2015/02}"
    with zipfile.ZipFile(path) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith(".model"))
        model = ElementTree.fromstring(archive.read(name))
    objects = {one.get("id"): one for one in model.iter(f"{core}object")}

    def placed(user):
        thing = objects[user.get("objectid")]
        matrix = np.array((user.get("transform") or "1 0 0 0 1 0 0 0 1 0 0 0").split(), float).reshape(4, 3)
        parts = [placed(part) for part in thing.iter(f"{core}component")]
        own = [[float(vertex.get(axis)) for axis in "xyz"] for vertex in thing.iter(f"{core}vertex")]
        return np.concatenate([*parts, np.reshape(own, (-1, 3))]) @ matrix[:3] + matrix[3]

    return np.concatenate([placed(item) for item in model.iter(f"{core}item")])


def test_step_is_as_exact_as_asked_and_always_the_same(tmp_path):
    pytest.importorskip("OCP")
    from OCP.BRepPrimAPI import BRepPrimAPI_MakeCylinder, BRepPrimAPI_MakeSphere
    from OCP.STEPControl import STEPControl_StepModelType, STEPControl_Writer

    for name, shape in (("ball", BRepPrimAPI_MakeSphere(10.0)), ("rod", BRepPrimAPI_MakeCylinder(5.0, 20.0))):
        writer = STEPControl_Writer()
        writer.Transfer(shape.Shape(), STEPControl_StepModelType.STEPControl_AsIs)
        writer.Write(str(tmp_path / f"{name}.step"))
    chord_m = 20e-6
    ball = io.read_mesh(tmp_path / "ball.step", chord_m=chord_m)
    middles = ball.vertices_m[ball.faces].mean(axis=1)
    np.testing.assert_allclose(np.linalg.norm(ball.vertices_m, axis=1), 0.01, atol=1e-9)
    assert 0 < (0.01 - np.linalg.norm(middles, axis=1)).max() < chord_m
    solid = trimesh.Trimesh(ball.vertices_m, ball.faces, process=False)
    assert solid.is_watertight
    assert 0.995 < solid.volume / (4 / 3 * np.pi * 0.01**3) < 1
    again = io.read_mesh(tmp_path / "ball.step", chord_m=chord_m)
    assert again.vertices_m.tobytes() == ball.vertices_m.tobytes()
    assert again.faces.tobytes() == ball.faces.tobytes()
    coarse, fine = (len(io.read_mesh(tmp_path / "rod.step", chord_m=c).faces) for c in (1e-4, 1e-6))
    assert fine > 3 * coarse


def test_a_broken_step_file_is_refused_whatever_the_library_does(tmp_path):
    pytest.importorskip("OCP")
    data = sample("printing/parts/featuretype.STEP").read_bytes()
    (tmp_path / "a.step").write_bytes(data[: len(data) // 2])
    with pytest.raises(BadInput):
        io.read_mesh(tmp_path / "a.step")


def test_step_without_its_library_says_how_to_install_it(tmp_path, monkeypatch):
    (tmp_path / "a.step").write_bytes(b"ISO-10303-21;\n")
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    with pytest.raises(BadInput) as raised:
        io.read_mesh(tmp_path / "a.step")
    assert "visionvalley[cad]" in raised.value.fix


@given(
    data=st.binary(max_size=2000)
    | st.builds(lambda b, n: b * n, st.binary(min_size=1, max_size=9), st.integers(1, 900))
)
@settings(deadline=None, max_examples=200)
def test_lzf_packs_and_unpacks_as_the_original_does(data):
    packed = lzf.compress(data)
    assert lzf.decompress(packed, len(data)) == data
    if data:
        assert lzf_peer.decompress(packed, len(data)) == data
        theirs = lzf_peer.compress(data)
        assert theirs is None or lzf.decompress(theirs, len(data)) == data


@given(data=st.binary(max_size=200), size=st.integers(0, 10_000))
@settings(deadline=None, max_examples=300)
def test_lzf_never_makes_more_than_was_asked_for(data, size):
    with suppress(ValueError):
        assert len(lzf.decompress(data, size)) == size


def read_glb(path):
    """The document and its binary part, by the glTF 2.0 specification."""
    data = path.read_bytes()
    magic, version, total = struct.unpack_from("<4sII", data)
    assert (magic, version, total) == (b"glTF", 2, len(data))
    length, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON"
    assert length % 4 == 0
    rest = 20 + length
    size, kind = struct.unpack_from("<I4s", data, rest)
    assert (kind, rest + 8 + size) == (b"BIN\0", len(data))
    return json.loads(data[20 : 20 + length]), data[rest + 8 :]


def test_a_scene_is_written_as_gltf_wants_it(tmp_path):
    solid = Mesh(
        np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 2.0]]), np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    )
    far = Cloud(np.array([[466_000.125, 5_900_000.25, 1], [466_001, 5_900_001, 2], [np.nan] * 3]))
    scene = Scene((Thing("solid", solid, Pose(np.eye(3), np.array([0, 0, 3.0]))), Thing("far", far)))
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [188, 188, 188]], np.uint8)
    io.write_scene_glb(tmp_path / "a.glb", scene, {"solid": colours})
    document, binary = read_glb(tmp_path / "a.glb")
    for view in document["bufferViews"]:
        assert view["byteOffset"] % 4 == 0
        assert view["byteOffset"] + view["byteLength"] <= len(binary)
    primitive = document["meshes"][0]["primitives"][0]
    colour = document["accessors"][primitive["attributes"]["COLOR_0"]]
    assert (colour["normalized"], colour["type"], colour["count"]) == (True, "VEC4", 4)
    assert document["accessors"][document["meshes"][1]["primitives"][0]["attributes"]["POSITION"]]["count"] == 2
    loaded = trimesh.load(tmp_path / "a.glb")
    shapes = {}
    for node in loaded.graph.nodes_geometry:
        matrix, name = loaded.graph[node]
        shapes[name] = loaded.geometry[name].copy().apply_transform(matrix)
    np.testing.assert_allclose(shapes["solid"].bounds, [[0, 3, -1], [1, 5, 0]], atol=1e-6)  # z up is now y up
    np.testing.assert_allclose(shapes["far"].vertices[0], [466_000.125, 1, -5_900_000.25], atol=1e-3)


@pytest.mark.parametrize("up", [(0, 0, 1), (0, 1, 0), (0, -1, 0), (1, 0, 0), (0.6, 0, 0.8)])
def test_up_becomes_y(up, tmp_path):
    thing = Thing("mast", Cloud(np.array([[0.0, 0, 0], up])))
    io.write_scene_glb(tmp_path / "a.glb", Scene((thing,), up))
    loaded = trimesh.load(tmp_path / "a.glb")
    (node,) = loaded.graph.nodes_geometry
    placed = loaded.geometry[loaded.graph[node][1]].copy().apply_transform(loaded.graph[node][0])
    np.testing.assert_allclose(placed.vertices[1] - placed.vertices[0], [0, 1, 0], atol=1e-6)


def test_an_empty_scene_is_a_good_file(tmp_path):
    io.write_scene_glb(tmp_path / "a.glb", Scene())
    data = (tmp_path / "a.glb").read_bytes()
    assert struct.unpack_from("<4sII", data) == (b"glTF", 2, len(data))


TABLES = {
    "a.xyz": "1 2 3\n4 5 6\n",
    "b.csv": "x,y,z\n1,2,3\n4,5,6\n",
    "c.csv": "X;Y;Z\r\n1,0;2,0;3,0\r\n4,0;5,0;6,0\r\n",
    "d.txt": "# made by hand\n# x y z\n1\t2\t3\n4\t5\t6",
    "e.asc": "//X Y Z\n1 2 3\n4 5 6\n\n",
    "f.pts": "2\n1 2 3\n4 5 6\n",
    "g.csv": '\ufeff"x","y","z"\n1,2,3\n4,5,6\n',
    "h.csv": "z,y,x\n3,2,1\n6,5,4\n",
    "i.xyz": "\ufeff1 2 3\n4 5 6\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_text_tables_of_many_kinds_are_understood(name, tmp_path):
    (tmp_path / name).write_text(TABLES[name], encoding="utf-8")
    cloud = io.read_cloud(tmp_path / name, "m")
    np.testing.assert_array_equal(cloud.points_m, [[1, 2, 3], [4, 5, 6]])
    assert io.count_points(tmp_path / name) >= 2


def test_columns_without_names_are_told_apart(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_text("1 2 3 0 0 1 255 0 9 0.5\n4 5 6 0 1 0 0 128 9 0.25\n")
    cloud = io.read_cloud(path, "m")
    np.testing.assert_array_equal(cloud.normals, [[0, 0, 1], [0, 1, 0]])
    np.testing.assert_array_equal(cloud.colours, [[255, 0, 9], [0, 128, 9]])
    np.testing.assert_array_equal(cloud.fields["intensity"], [0.5, 0.25])
    path.write_text("1 2 3 7\n4 5 6 8\n")
    np.testing.assert_array_equal(io.read_cloud(path, "m").fields["intensity"], [7, 8])
    path.write_text("x_mm y_mm z_mm\n1 2 3\n")
    np.testing.assert_allclose(io.read_cloud(path).points_m, [[0.001, 0.002, 0.003]])


def test_obj_indices_may_count_back_and_polygons_are_cut(tmp_path):
    path = tmp_path / "a.obj"
    path.write_text(
        "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvn 0 0 1\nf 1//1 2//1 3//1 4//1\nf -4 -3 -2\nv 9 9 9\nf -1/1 1/1/1 2\n"
    )
    mesh = io.read_mesh(path, "m")
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2], [0, 2, 3], [0, 1, 2], [4, 0, 1]])
    path.write_text("v 0 0 0\nv 1 0 0\nv 1 1 0\nf 1 2 \\\n3\n")
    np.testing.assert_array_equal(io.read_mesh(path, "m").faces, [[0, 1, 2]])
    for bad in ("f 0 1 2", "f 1 2 4", "f 1 2 -9", "f 1 2 x", "f 1.5 2 3"):
        path.write_text("v 0 0 0\nv 1 0 0\nv 1 1 0\n" + bad + "\n")
        with pytest.raises(BadInput):
            io.read_mesh(path, "m")


def test_ply_strips_polygons_and_mixed_rows_are_read(tmp_path):
    path = tmp_path / "a.ply"
    head = "ply\nformat ascii 1.0\nelement vertex 5\nproperty float x\nproperty float y\nproperty float z\n"
    dots = "0 0 0\n1 0 0\n0 1 0\n1 1 0\n2 2 0\n"
    path.write_text(
        head + "element tristrips 1\nproperty list int int vertex_indices\nend_header\n" + dots + "8 0 1 2 3 -1 1 2 4\n"
    )
    np.testing.assert_array_equal(io.read(path, "m").faces, [[0, 1, 2], [3, 2, 1], [1, 2, 4]])
    faces = "element face 2\nproperty uchar red\nproperty list uchar int vertex_index\n"
    faces += "property uchar green\nproperty uchar blue\n"
    path.write_text(head + faces + "end_header\n" + dots + "9 4 0 1 3 2 8 7\n1 3 0 1 4 2 3\n")
    mesh = io.read(path, "m")
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 3], [0, 3, 2], [0, 1, 4]])
    np.testing.assert_array_equal(mesh.face_colours, [[9, 8, 7], [9, 8, 7], [1, 2, 3]])


def test_noise_at_zero_does_not_open_a_surface(tmp_path):
    noisy = b"solid a\n"
    zeros = ["0", "1e-17", "-3e-18", "2.7e-16"]
    for i, corners in enumerate([(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)]):
        places = [(zeros[i],) * 3, ("1", "0", zeros[i]), (zeros[i], "1", "0"), ("0", zeros[i], "1")]
        noisy += b"facet normal 0 0 0\nouter loop\n"
        noisy += b"".join(b"vertex " + " ".join(places[c]).encode() + b"\n" for c in corners) + b"endloop\nendfacet\n"
    (tmp_path / "a.stl").write_bytes(noisy + b"endsolid a\n")
    mesh = io.read_mesh(tmp_path / "a.stl", "mm")
    assert len(mesh.vertices_m) == 4
    assert stl.TRIANGLE.itemsize == 50
