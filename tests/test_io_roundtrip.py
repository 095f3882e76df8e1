# SPDX-License-Identifier: Apache-2.0
"""What is written is read again: values, normals, colours, units, and coordinates far from the origin."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from visionvalley import io
from visionvalley.core import BadInput, Cloud, Mesh, Pose
from visionvalley.io import pcd, ply, stl, units

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
UNITS = st.sampled_from(sorted(units.METRES))
UTM = np.array([466_000.0, 5_900_000.0, 120.0])
NO_UNIT = {".ply", ".pcd", ".stl", ".obj", ".off", ".xyz", ".csv", ".txt"}


@st.composite
def clouds(draw, holes=False, finest_m=1e-9):
    """Points within ten metres of the origin or of a place in UTM, on a grid; with or without all else."""
    n = draw(st.integers(1, 20))
    steps = draw(hnp.arrays(np.int64, (n, 3), elements=st.integers(-(10**10), 10**10)))
    points = np.round(steps * 1e-9, 9) + (UTM if draw(st.booleans()) else 0)
    if holes:
        points[draw(hnp.arrays(bool, n))] = np.nan
    normals = colours = None
    if draw(st.booleans()):
        raw = draw(hnp.arrays(np.float64, (n, 3), elements=st.floats(-1, 1))) + np.array([0, 0, 1.5])
        normals = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    if draw(st.booleans()):
        colours = draw(hnp.arrays(np.uint8, (n, 3)))
    fields = {}
    if draw(st.booleans()):
        fields["intensity"] = draw(hnp.arrays(np.float32, n, elements=st.floats(0, 1000, width=32)))
    return Cloud(points, normals, colours, fields)


@st.composite
def meshes(draw, colours="either"):
    """Triangles on a grid of micrometres."""
    n, m = draw(st.integers(3, 12)), draw(st.integers(1, 20))
    vertices = draw(hnp.arrays(np.int32, (n, 3), elements=st.integers(-(10**6), 10**6))) * 1e-6
    faces = draw(hnp.arrays(np.int32, (m, 3), elements=st.integers(0, n - 1)))
    of_vertex = draw(hnp.arrays(np.uint8, (n, 3))) if colours != "none" and draw(st.booleans()) else None
    return Mesh(vertices, faces, of_vertex)


def error_m(got, want):
    """The largest distance along an axis, at the same holes."""
    assert got.shape == want.shape
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    return np.nanmax(np.abs(got - want), initial=0.0)


def same_extras(got, want, fields=True):
    assert (got.normals is None) == (want.normals is None)
    if want.normals is not None:
        np.testing.assert_allclose(got.normals, want.normals, atol=1e-7)
    assert (got.colours is None) == (want.colours is None)
    if want.colours is not None:
        np.testing.assert_array_equal(got.colours, want.colours)
    if fields and "intensity" in want.fields:
        np.testing.assert_allclose(got.fields["intensity"], want.fields["intensity"], rtol=1e-7, atol=1e-30)


def least_m(cloud):
    """What must survive: 10 nm in a part, and 15 digits in UTM."""
    return max(1e-8, np.nanmax(np.abs(cloud.points_m), initial=0.0) * 5e-15)


@pytest.mark.parametrize("encoding", ["ascii", "binary_little_endian", "binary_big_endian"])
@given(cloud=clouds(holes=True), unit=UNITS)
@QUICK
def test_ply_points_survive(encoding, cloud, unit, tmp_path):
    path = tmp_path / "a.ply"
    ply.write(path, cloud, unit, encoding)
    again = io.read_cloud(path)
    assert error_m(again.points_m, cloud.points_m) <= least_m(cloud)
    same_extras(again, cloud)
    assert io.count_points(path) == len(cloud)


@pytest.mark.parametrize("encoding", ["ascii", "binary", "binary_compressed"])
@given(cloud=clouds(holes=True), unit=UNITS)
@QUICK
def test_pcd_points_survive(encoding, cloud, unit, tmp_path):
    path = tmp_path / "a.pcd"
    pcd.write(path, cloud, unit, encoding)
    again = io.read_cloud(path)
    assert error_m(again.points_m, cloud.points_m) <= least_m(cloud)
    same_extras(again, cloud)
    assert io.count_points(path) == len(cloud)


@pytest.mark.parametrize("suffix", [".xyz", ".csv", ".txt"])
@given(cloud=clouds(), unit=UNITS)
@QUICK
def test_text_points_survive(suffix, cloud, unit, tmp_path):
    path = tmp_path / f"a{suffix}"
    io.write(path, cloud, unit)
    again = io.read(path)
    assert error_m(again.points_m, cloud.points_m) <= least_m(cloud)
    same_extras(again, cloud)
    assert io.count_points(path) == len(cloud)


@pytest.mark.parametrize("suffix", [".las", ".laz"])
@given(cloud=clouds())
@QUICK
def test_surveyed_points_survive(suffix, cloud, tmp_path):
    path = tmp_path / f"a{suffix}"
    io.write(path, cloud)
    again = io.read(path)
    extent = np.ptp(cloud.points_m, axis=0).max()
    assert error_m(again.points_m, cloud.points_m) <= max(least_m(cloud), 1e-7 * extent)
    assert error_m(again.points_m, cloud.points_m) <= 1e-4
    assert (again.colours is None) == (cloud.colours is None)
    if cloud.colours is not None:
        np.testing.assert_array_equal(again.colours, cloud.colours)


@given(cloud=clouds(holes=True))
@QUICK
def test_e57_points_survive(cloud, tmp_path):
    path = tmp_path / "a.e57"
    io.write(path, cloud)
    again = io.read(path)
    assert error_m(again.points_m, cloud.points_m) <= least_m(cloud)
    same_extras(again, cloud)


@given(cloud=clouds(holes=True))
@QUICK
def test_npz_keeps_every_bit(cloud, tmp_path):
    path = tmp_path / "a.npz"
    io.write(path, cloud)
    again = io.read(path)
    np.testing.assert_array_equal(again.points_m, cloud.points_m)
    assert again.points_m.tobytes() == cloud.points_m.tobytes()
    for name, values in cloud.fields.items():
        assert again.fields[name].dtype == values.dtype
        np.testing.assert_array_equal(again.fields[name], values)


@given(cloud=clouds(holes=True))
@QUICK
def test_kitti_points_survive_as_floats(cloud, tmp_path):
    path = tmp_path / "a.bin"
    io.write(path, cloud)
    again = io.read(path)
    np.testing.assert_array_equal(again.points_m, cloud.points_m.astype(np.float32).astype(np.float64))
    np.testing.assert_array_equal(again.fields["intensity"], cloud.fields.get("intensity", np.zeros(len(cloud))))


@pytest.mark.parametrize("encoding", ["ascii", "binary_little_endian", "binary_big_endian"])
@given(mesh=meshes(), unit=UNITS)
@QUICK
def test_ply_surfaces_survive(encoding, mesh, unit, tmp_path):
    path = tmp_path / "a.ply"
    ply.write(path, mesh, unit, encoding)
    same_mesh(io.read(path), mesh)


@pytest.mark.parametrize("suffix", [".obj", ".off"])
@given(mesh=meshes(), unit=UNITS)
@QUICK
def test_text_surfaces_survive(suffix, mesh, unit, tmp_path):
    path = tmp_path / f"a{suffix}"
    io.write(path, mesh, unit)
    again = io.read(path)
    np.testing.assert_array_equal(again.faces, mesh.faces)
    np.testing.assert_allclose(again.vertices_m, mesh.vertices_m, atol=1e-12)
    if mesh.vertex_colours is not None:
        np.testing.assert_array_equal(again.vertex_colours, mesh.vertex_colours)


@given(mesh=meshes())
@QUICK
def test_npz_surfaces_survive(mesh, tmp_path):
    io.write(tmp_path / "a.npz", mesh)
    same_mesh(io.read(tmp_path / "a.npz"), mesh)


@pytest.mark.parametrize("encoding", ["ascii", "binary"])
@given(mesh=meshes(colours="none"), unit=st.sampled_from(["mm", "m", "in"]))
@QUICK
def test_stl_triangles_survive(encoding, mesh, unit, tmp_path):
    path = tmp_path / "a.stl"
    stl.write(path, mesh, unit, encoding)
    again = io.read_mesh(path)
    np.testing.assert_allclose(again.vertices_m[again.faces], mesh.vertices_m[mesh.faces], atol=1e-7)
    assert len(np.unique(again.vertices_m, axis=0)) == len(again.vertices_m)


@given(mesh=meshes(colours="none"), unit=st.sampled_from(["um", "mm", "cm", "in", "ft", "m"]))
@QUICK
def test_3mf_triangles_survive_with_their_unit(mesh, unit, tmp_path):
    whole = Mesh(mesh.vertices_m, np.array([f for f in mesh.faces if len(set(f)) == 3] or [[0, 1, 2]]))
    path = tmp_path / "a.3mf"
    io.write(path, whole, unit)
    again = io.read(path)
    np.testing.assert_array_equal(again.faces, whole.faces)
    np.testing.assert_allclose(again.vertices_m, whole.vertices_m, atol=1e-7)


@pytest.mark.parametrize("per", ["vertex", "face"])
def test_3mf_keeps_colours(per, tmp_path, rng):
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]]) * 0.01
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    colours = rng.integers(0, 256, (4, 3), np.uint8)
    mesh = Mesh(vertices, faces, colours, None) if per == "vertex" else Mesh(vertices, faces, None, colours)
    io.write(tmp_path / "a.3mf", mesh)
    again = io.read(tmp_path / "a.3mf")
    np.testing.assert_array_equal(again.vertex_colours if per == "vertex" else again.face_colours, colours)
    assert (again.face_colours if per == "vertex" else again.vertex_colours) is None


@given(first=clouds(holes=True), second=clouds(), turn=hnp.arrays(np.float64, 3, elements=st.floats(-3, 3)))
@QUICK
def test_e57_scans_keep_their_frames_and_poses(first, second, turn, tmp_path):
    poses = (Pose.identity(), Pose.from_rotation_vector(turn, UTM))
    io.write_scans(tmp_path / "a.e57", list(zip((first, second), poses, strict=True)))
    again = io.read_scans(tmp_path / "a.e57")
    assert len(again) == 2
    for (cloud, pose), wanted, wanted_pose in zip(again, (first, second), poses, strict=True):
        assert error_m(cloud.points_m, wanted.points_m) <= least_m(wanted)
        np.testing.assert_allclose(pose.matrix(), wanted_pose.matrix(), atol=1e-9)
        same_extras(cloud, wanted)
    merged = io.read_cloud(tmp_path / "a.e57")
    there = np.concatenate([first.points_m, poses[1].apply(second.points_m)])
    assert error_m(merged.points_m, there) <= 2e-8 + 5e-15 * np.nanmax(np.abs(there))


@pytest.mark.parametrize("suffix", [".ply", ".pcd", ".xyz", ".csv", ".las", ".laz", ".e57", ".bin"])
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_chunks_are_the_whole_in_pieces(suffix, step, tmp_path, rng):
    cloud = Cloud(rng.normal(size=(50, 3)), None, None, {"intensity": rng.integers(0, 9, 50).astype(np.float32)})
    path = tmp_path / f"a{suffix}"
    io.write(path, cloud, "mm" if suffix in NO_UNIT else None)
    pieces = list(io.read_chunks(path, None, step))
    assert [len(piece) for piece in pieces] == [min(step, 50 - first) for first in range(0, 50, step)]
    whole = io.read_cloud(path)
    np.testing.assert_array_equal(np.concatenate([piece.points_m for piece in pieces]), whole.points_m)
    both = np.concatenate([piece.fields["intensity"] for piece in pieces])
    np.testing.assert_array_equal(both, whole.fields["intensity"])


@pytest.mark.parametrize("encoding", ["ascii", "binary_compressed"])
@pytest.mark.parametrize("kind", ["ply", "pcd"])
def test_other_encodings_come_in_chunks_too(kind, encoding, tmp_path, rng):
    cloud = Cloud(rng.normal(size=(50, 3)))
    path = tmp_path / f"a.{kind}"
    if kind == "ply":
        ply.write(path, cloud, "m", encoding.replace("binary_compressed", "binary_big_endian"))
    else:
        pcd.write(path, cloud, "m", encoding)
    pieces = list(io.read_chunks(path, None, 7))
    assert [len(piece) for piece in pieces] == [7] * 7 + [1]
    assert error_m(np.concatenate([piece.points_m for piece in pieces]), cloud.points_m) < 1e-8


def test_large_text_is_read_over_many_blocks(tmp_path, monkeypatch, rng):
    monkeypatch.setattr("visionvalley.io.text.BLOCK_BYTES", 256)
    points = rng.normal(size=(300, 3))
    for name in ("a.ply", "a.xyz"):
        if name == "a.ply":
            ply.write(tmp_path / name, Cloud(points), "m", "ascii")
        else:
            io.write(tmp_path / name, Cloud(points), "m")
        np.testing.assert_allclose(io.read_cloud(tmp_path / name).points_m, points, rtol=1e-14)


def test_viewpoint_survives_and_points_stay_where_they_are(tmp_path, rng):
    pose = Pose.from_rotation_vector(np.array([0.3, -2.0, 1.0]), np.array([1.0, 2.0, 3.0]))
    cloud = Cloud(rng.normal(size=(5, 3)))
    pcd.write(tmp_path / "a.pcd", cloud, "mm", points_from_sensor=pose)
    np.testing.assert_allclose(pcd.read_viewpoint(tmp_path / "a.pcd").matrix(), pose.matrix(), atol=1e-12)
    assert error_m(io.read_cloud(tmp_path / "a.pcd").points_m, cloud.points_m) < 1e-8


def test_an_empty_cloud_or_surface_is_not_written_as_a_file_that_cannot_be_read(tmp_path):
    for suffix in (".las", ".e57"):
        with pytest.raises(BadInput):
            io.write(tmp_path / f"a{suffix}", Cloud(np.empty((0, 3))))
        assert list(tmp_path.iterdir()) == []


def same_mesh(got, want):
    np.testing.assert_array_equal(got.faces, want.faces)
    np.testing.assert_allclose(got.vertices_m, want.vertices_m, rtol=0, atol=1e-14)
    if want.vertex_colours is not None:
        np.testing.assert_array_equal(got.vertex_colours, want.vertex_colours)
