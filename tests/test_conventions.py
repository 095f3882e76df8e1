# SPDX-License-Identifier: Apache-2.0
"""CONVENTIONS.md, heading by heading."""

import ast
import importlib
import inspect
import math
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import visionvalley
from visionvalley import core, io
from visionvalley.core import BadInput, Camera, Cloud, Measurement, Mesh, Pose, Tolerance, Verdict
from visionvalley.vision.geometry.motion import difference, perturbed
from visionvalley.vision.metrology.decision import judge
from visionvalley.vision.shape import neighbours, normals, raster, registration, topology, voxels

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "visionvalley"
EDGES = ("io", "report", "cli")
FOREIGN_UNIT = re.compile(r"_(mm|um|nm|cm|inch|deg|degrees|ms|us|ns|min|g)$")


def sources() -> Iterator[tuple[Path, ast.Module]]:
    """Yield every file of the package, relative to it, with its syntax tree."""
    for file in sorted(PACKAGE.rglob("*.py")):
        yield file.relative_to(PACKAGE), ast.parse(file.read_text(encoding="utf-8"))


def bumpy(count: int, size_m: float, seed: int = 0) -> np.ndarray:
    """Return points (count, 3) of a wavy surface, metres."""
    xy = np.random.default_rng(seed).uniform(-0.5, 0.5, (count, 2))
    z = 0.15 * np.sin(7 * xy[:, 0]) * np.cos(5 * xy[:, 1]) + 0.1 * np.sin(11 * xy[:, 1] + 2 * xy[:, 0])
    return np.column_stack([xy, z]) * size_m


def test_every_heading_has_its_test_and_every_test_its_heading():
    headings = re.findall(r"^### (.+)$", (ROOT / "CONVENTIONS.md").read_text(encoding="utf-8"), re.MULTILINE)
    wanted = {"test_convention_" + re.sub(r"\W+", "_", heading.lower()).strip("_") for heading in headings}
    there = {name for name in globals() if name.startswith("test_convention_")}
    assert there == wanted
    assert len((ROOT / "CONVENTIONS.md").read_text(encoding="utf-8").splitlines()) <= 66, "one page"


def test_convention_si_inside(tmp_path):
    foreign = []
    for file, tree in sources():
        if file.parts[0] not in EDGES:
            for node in ast.walk(tree):
                named = [node.arg] if isinstance(node, ast.arg) else []
                if isinstance(node, ast.ClassDef):
                    named += [one.target.id for one in node.body if isinstance(one, ast.AnnAssign)]
                foreign += [f"{file}: {name}" for name in named if FOREIGN_UNIT.search(name)]
    assert foreign == []
    corners = "".join(f"vertex {corner}\n" for corner in ("0 0 0", "12 0 0", "0 12 0"))
    file = tmp_path / "triangle.stl"
    file.write_text(f"solid s\nfacet normal 0 0 1\nouter loop\n{corners}endloop\nendfacet\nendsolid s\n")
    with pytest.raises(BadInput) as caught:
        io.read_mesh(file)
    assert caught.value.message.id == "io.unit_missing"
    assert io.read_mesh(file, "mm").vertices_m.max() == pytest.approx(0.012)
    assert io.read_mesh(file, "in").vertices_m.max() == pytest.approx(12 * 0.0254)


def test_convention_frames_read_like_dominoes():
    camera_from_world = Pose(np.eye(3), np.array([0.0, 0.0, -2.0]))  # the camera stands at z = 2 in the world
    part_from_camera = Pose(np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), np.zeros(3))
    part_from_world = part_from_camera @ camera_from_world
    in_world = np.array([[1.0, 0.0, 5.0]])
    assert_array_equal(camera_from_world.apply(in_world), [[1, 0, 3]])
    assert_array_equal(part_from_world.apply(in_world), [[0, 1, 3]])
    world_from_part = part_from_world.inverse()
    assert_array_equal(world_from_part.apply([[0, 1, 3]]), in_world)


def test_convention_coordinates_survive(tmp_path):
    for size_m, middle_m, reach_m, limit_m in (
        (0.1, (0.3, -0.2, 0.5), 2e-3, 10e-9),
        (500.0, (500_000, 5_400_000, 300), 10.0, 1e-3),
    ):
        moved = Pose.from_rotation_vector(np.array([1e-3, -2e-3, 1e-3]), np.array([2e-3, 1e-3, -1e-3]) * size_m)
        about = Pose(np.eye(3), np.array(middle_m, np.float64))
        target_from_source = about @ moved @ about.inverse()
        truth = bumpy(20_000, size_m) + middle_m
        source = target_from_source.inverse().apply(truth)
        for name, points in (("source", source), ("target", truth)):
            io.write(tmp_path / f"{name}.ply", Cloud(points), "m")
        scan, model = (io.read_cloud(tmp_path / f"{name}.ply", "m") for name in ("source", "target"))
        assert_array_equal(scan.points_m, source)
        fit = registration.align(scan, model, settings=registration.Alignment(method="point", reach_m=reach_m))
        io.write(tmp_path / "registered.ply", scan.moved(fit.target_from_source), "m")
        assert fit.converged
        assert np.abs(io.read_cloud(tmp_path / "registered.ply", "m").points_m - truth).max() < limit_m


def test_convention_covariances_are_of_the_left_perturbation():
    b_from_a = Pose.from_rotation_vector(np.array([0.3, -0.5, 0.8]), np.array([1.0, 2.0, -3.0]))
    turn, shift = np.array([0.0, 0.0, math.pi / 2]), np.array([10.0, 0.0, 0.0])
    in_a = np.array([[0.1, 0.2, 0.3]])
    x, y, z = b_from_a.apply(in_a)[0]
    assert_allclose(perturbed(b_from_a, np.r_[turn, shift]).apply(in_a)[0], [10 - y, x, z], atol=1e-14)
    delta = np.array([1e-3, -2e-3, 3e-3, 0.1, 0.2, 0.3])
    assert_allclose(difference(perturbed(b_from_a, delta), b_from_a), delta, atol=1e-14)
    # a scan far from the origin: turning about the origin and shifting are seen together
    points = bumpy(4000, 0.1) + np.array([5.0, 0.0, 0.0])
    rng = np.random.default_rng(1)
    settings = registration.Alignment(reach_m=5e-3)
    target = registration.Target.of_cloud(Cloud(points))
    fit = registration.align(points[::2] + rng.normal(0, 1e-5, points[::2].shape), target, settings=settings)
    turn_y, shift_z = math.sqrt(fit.covariance[1, 1]), math.sqrt(fit.covariance[5, 5])
    assert fit.covariance.shape == (6, 6)
    assert shift_z == pytest.approx(5.0 * turn_y, rel=0.01)  # z at x = 5 m is well known: the lever arm shows in t
    assert fit.covariance[1, 5] == pytest.approx(turn_y * shift_z, rel=0.01)  # z' = z - 5 ω_y + t_z


def test_convention_a_measurement_says_how_well_it_is_known():
    names = [one.name for one in fields(Measurement)]
    assert names[:6] == ["name", "value", "standard_uncertainty", "unit", "interval_95", "degrees_of_freedom"]
    assert {"budget", "simulated"} <= set(names)
    bounded = Measurement("form", 2e-6, 1e-6, "m", (0.0, 4e-6))
    assert bounded.degrees_of_freedom == math.inf
    asked = Tolerance(-1e-4, 1e-4, "m")
    verdicts = []
    for value in (0.0, 0.99e-4, 1.01e-4, 2e-4):
        verdicts.append(judge(Measurement("d", value, 2e-6, "m", (value - 4e-6, value + 4e-6)), asked))
    assert verdicts == [Verdict.PASS, Verdict.CANNOT_SAY, Verdict.CANNOT_SAY, Verdict.FAIL]


def test_convention_nan_is_no_measurement():
    clean = bumpy(600, 0.1)
    holes = clean.copy()
    holes[::7] = np.nan
    told = ~np.isnan(holes[:, 0])
    index = neighbours.build_index(holes)
    found = neighbours.nearest(index, holes, 3)
    assert (index.count, index.size) == (told.sum(), len(holes))
    assert_array_equal(found.index[~told], -1)
    assert np.isnan(found.distance_m[~told]).all()
    assert told[found.index[told]].all()
    directions = normals.normals(holes, 10)
    assert_array_equal(np.isnan(directions).any(axis=1), ~told)
    assert_array_equal(directions[told], normals.normals(holes[told], 10))
    for with_holes, without in zip(voxels.downsample(holes, 0.01), voxels.downsample(holes[told], 0.01), strict=True):
        assert_array_equal(with_holes, without)


def test_convention_chance_has_a_seed():
    for file, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [a.name for a in node.names] + [getattr(node, "module", None)]
                assert "random" not in names, f"{file}:{node.lineno}"
            if isinstance(node, ast.FunctionDef):
                args = [*node.args.args, *node.args.kwonlyargs]
                defaults = [None] * (len(node.args.args) - len(node.args.defaults)) + node.args.defaults
                defaults += node.args.kw_defaults
                for argument, default in zip(args, defaults, strict=True):
                    if argument.arg == "seed" and file.parts[0] != "kernels" and not node.name.startswith("_"):
                        assert default is None or isinstance(default, ast.Constant), f"{file}:{node.lineno}"
            if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("np.random."):
                named = re.findall(r"\w+", ast.unparse(node))[2]
                assert named in {"Generator", "PCG64", "default_rng"}, f"{file}:{node.lineno} uses a global state"
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("default_rng", "PCG64")):
                assert node.args or node.keywords, f"{file}:{node.lineno} draws without a seed"
    corner = Mesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    state = np.random.get_state()[1].copy()
    drawn = [topology.sample_surface(corner, 100, *seed).points_m for seed in ((), (), (0,), (1,))]
    assert_array_equal(drawn[0], drawn[1])
    assert_array_equal(drawn[0], drawn[2])
    assert not np.array_equal(drawn[0], drawn[3])
    assert_array_equal(np.random.get_state()[1], state)


def test_convention_one_error_three_fields():
    builtin = {"ValueError", "TypeError", "RuntimeError", "Exception", "AssertionError", "SystemExit"}
    wrong = []
    for file, tree in sources():
        if file.parts[0] in {"core", "kernels"}:
            continue  # what stands below the one error: reading numbers, and compiling
        for node in ast.walk(tree):
            if isinstance(node, ast.Assert):
                wrong.append(f"{file}:{node.lineno} asserts")
            if isinstance(node, ast.Raise) and node.exc is not None:
                name = ast.unparse(node.exc).partition("(")[0]
                inside = file.parts[0] == "io" and name == "ValueError"  # what a reader of bytes tells its verb
                wrong += [f"{file}:{node.lineno} raises {name}"] if name in builtin and not inside else []
    assert wrong == []
    with pytest.raises(BadInput) as caught:
        Pose(np.eye(3) * 2, np.zeros(3))
    assert all(caught.value.render())


def settings_classes() -> Iterator[type]:
    """Yield every dataclass of the package that has a field made by `setting`."""
    for found in pkgutil.walk_packages(visionvalley.__path__, "visionvalley."):
        if found.name.split(".")[1] in {"vision", "applications", "samples", "runs"}:
            module = importlib.import_module(found.name)
            for _, one in inspect.getmembers(module, inspect.isclass):
                if (
                    one.__module__ == found.name
                    and is_dataclass(one)
                    and any("help" in f.metadata for f in fields(one))
                ):
                    yield one


def test_convention_settings_explain_themselves():
    classes = list(settings_classes())
    assert {"Alignment"} <= {one.__name__ for one in classes}
    for one in classes:
        assert one.__dataclass_params__.frozen, one
        one()  # defaults work
        for field in fields(one):
            about, where = field.metadata, f"{one.__module__}.{one.__name__}.{field.name}"
            assert {"unit", "low", "high", "choices", "label", "help"} <= about.keys(), where
            assert about["label"], where
            assert about["help"], where
            assert field.default is not MISSING, where
            for unit, ending in (("m", "_m"), ("rad", "_rad"), ("s", "_s")):
                assert (about["unit"] == unit) == field.name.endswith(ending), where


def test_convention_values_do_not_change():
    values = [one for _, one in inspect.getmembers(core, inspect.isclass) if is_dataclass(one)]
    assert len(values) >= 15
    for one in values:
        assert one.__dataclass_params__.frozen, one
        assert hasattr(one, "__slots__"), one
        assert len([name for name in vars(one) if not name.startswith("__")]) <= 15 + len(fields(one)), one
    for array in (Cloud(np.zeros((2, 3))).points_m, Pose.identity().rotation):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_convention_names_say_what_is_meant():
    for file, tree in sources():
        text = (PACKAGE / file).read_text(encoding="utf-8")
        assert text.startswith("# SPDX-License-Identifier: Apache-2.0\n"), file
        assert file.stem not in {"utils", "util", "helpers", "misc", "common"}, file
        assert (len(text.splitlines()) <= 400) != (str(file) in TOO_LONG), file
        assert ast.get_docstring(tree), file
    wrappers = {name for file, _ in sources() if file.parts[0] == "vision" for name in (file.stem, file.parent.name)}
    wrapped = {p.stem for p in (PACKAGE / "kernels").glob("[!_]*.py")}
    assert "visionvalley" not in wrappers
    assert wrapped - wrappers <= {"ahead", "compilation", "shortcuts", "simd", "store", "threads"} | SHARED


# Files that are to be split.
TOO_LONG = {"kernels/bvh.py", "kernels/simd.py"}

# Kernel files that several wrappers share, or that hold only inner functions.
SHARED = {"bundles", "bvh", "best_fit", "groups", "ordering", "ray_steps", "symmetric", "tree", "wide"}


def test_convention_the_same_bits_everywhere():
    assert (ROOT / "tests" / "test_bits.py").is_file()


def test_convention_cameras_look_along_z():
    camera = Camera(64, 48, 100.0, 110.0, 30.0, 20.0)
    # a wall 2 m ahead whose edges lie between pixels: from 9.5 to 19.5 to the right, from 4.5 to 7.5 downwards
    left, right = ((u - camera.cx_px) / camera.fx_px * 2 for u in (9.5, 19.5))
    top, bottom = ((v - camera.cy_px) / camera.fy_px * 2 for v in (4.5, 7.5))
    wall = Mesh([[left, top, 2], [right, top, 2], [right, bottom, 2], [left, bottom, 2]], [[0, 1, 2], [0, 2, 3]])
    depth_m = raster.render_depth(wall, camera, Pose.identity()).depth_m
    expected = np.full((48, 64), np.nan, np.float32)
    expected[5:8, 10:20] = 2.0
    assert_array_equal(np.isnan(depth_m), np.isnan(expected))
    assert_allclose(depth_m[5:8, 10:20], 2.0, rtol=1e-6)
    behind = raster.render_depth(wall, camera, Pose(np.eye(3), np.array([0.0, 0.0, -4.0]))).depth_m
    assert np.isnan(behind).all()
