# SPDX-License-Identifier: Apache-2.0
"""The house: what each room may import. The table is the design; the test holds everybody to it."""

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "visionvalley"

FLOORS_0_TO_4 = {"core", "kernels", "io", "vision", "applications", "samples", "report", "records", "outlets"}
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "kernels": set(),
    "io": {"core"},
    "vision": {"core", "kernels"},
    "applications": {"core", "vision"},
    "samples": {"core", "io", "vision"},
    "report": {"core", "io", "vision"},
    "records": {"core"},
    "outlets": {"core", "records"},
    "visits": {"core", "records"},
    "runs": FLOORS_0_TO_4,
    "hall": {"core", "runs", "records", "visits", "samples", "report"},
    "cli": FLOORS_0_TO_4 | {"runs", "visits"},
}
WING = ("geometry", "imaging", "calibration", "depth", "shape", "metrology", "motion", "simulation")
EXCEPTIONS = {("cli.hall", "hall")}  # the one verb that starts the hall
MODULE_NAME = re.compile(r"visionvalley(\.[a-z_]\w*)+(:\w+)?")


def imported(file: Path, module: str) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything of ours that a file imports, in functions and by name too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield node.lineno, "." * node.level + (node.module or "")
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and MODULE_NAME.fullmatch(node.value):
            yield node.lineno, node.value.partition(":")[0]


def fault(module: str, target: str, package: Path = PACKAGE) -> str | None:
    """Say why `module` may not import `target`, both named without the package; None where it may."""
    room, wing = (*module.split("."), "")[:2]
    wanted, wanted_wing = (*target.split("."), "")[:2]
    if not (package / wanted).exists() and not (package / f"{wanted}.py").exists():
        return "imports the package root"
    if (module, wanted) in EXCEPTIONS:
        return None
    if wanted != room:
        return None if wanted in MAY_IMPORT[room] else f"{room} may not import {wanted}"
    if room == "vision" and wing in WING and wanted_wing in WING and WING.index(wanted_wing) > WING.index(wing):
        return f"vision.{wing} may not import vision.{wanted_wing}, which comes after it"
    siblings = {p.stem for p in (package / "applications").glob("[!_]*")}
    if room == "applications" and wanted_wing in siblings - {wing}:
        return f"the application {wing} may not import the application {wanted_wing}"
    return None


def faults(package: Path) -> list[str]:
    """Return every import of a package that the table does not allow."""
    found = []
    for file in sorted(package.rglob("*.py")):
        module = ".".join(file.relative_to(package).with_suffix("").parts).removesuffix(".__init__")
        if module in ("__init__", "__main__"):
            continue
        if module.split(".")[0] not in MAY_IMPORT:
            found.append(f"{module}: no such room in the design")
            continue
        for line, name in imported(file, module):
            if name.startswith("."):
                found.append(f"{module}:{line}: a relative import; write it in full")
            elif name == "visionvalley" or name.startswith("visionvalley."):
                why = fault(module, name.removeprefix("visionvalley").lstrip(".") or "?", package)
                found += [f"{module}:{line}: {why}"] if why else []
    return found


def test_every_room_imports_only_what_the_design_allows():
    assert faults(PACKAGE) == []


def test_every_room_of_the_vision_wing_has_its_place_in_the_order():
    rooms = {p.stem for p in (PACKAGE / "vision").glob("[!_]*") if p.is_dir() or p.suffix == ".py"}
    assert rooms <= set(WING)


def test_the_table_has_no_circle():
    done: set[str] = set()
    while len(done) < len(MAY_IMPORT):
        ready = {room for room, below in MAY_IMPORT.items() if below <= done} - done
        assert ready, f"a circle among {sorted(set(MAY_IMPORT) - done)}"
        done |= ready


@pytest.mark.parametrize(
    ("file", "line", "why"),
    [
        ("core/planted.py", "import numba\nfrom visionvalley.kernels import simd", "core may not import kernels"),
        ("core/planted.py", "def f():\n    import visionvalley.io.ply", "core may not import io"),
        ("kernels/planted.py", "from visionvalley.core import Cloud", "kernels may not import core"),
        ("io/planted.py", "from visionvalley.kernels.simd import take", "io may not import kernels"),
        ("io/planted.py", "import visionvalley", "imports the package root"),
        ("io/planted.py", "from visionvalley import __version__", "imports the package root"),
        ("io/planted.py", "from .ply import read", "a relative import; write it in full"),
        ("vision/shape/planted.py", "from visionvalley.vision.motion import odometry", "which comes after it"),
        ("vision/planted.py", "LATER = 'visionvalley.report.page:write'", "vision may not import report"),
        ("applications/driving.py", "from visionvalley.applications.medical import run", "may not import the applic"),
        ("records/planted.py", "from visionvalley.samples import find", "records may not import samples"),
        ("runs/planted.py", "import visionvalley.visits.people", "runs may not import visits"),
        ("cli/planted.py", "import visionvalley.hall.pages", "cli may not import hall"),
        ("helpers/planted.py", "X = 1", "no such room in the design"),
    ],
)
def test_a_planted_import_that_the_design_forbids_is_found(house, file, line, why):
    assert faults(house) == []
    plant(house / file, line)
    assert [why in found for found in faults(house)] == [True]


def test_the_verb_hall_may_start_the_hall(house):
    plant(house / "cli/hall.py", "from visionvalley.hall.pages import start")
    assert faults(house) == []


@pytest.fixture
def house(tmp_path) -> Path:
    """A copy of the package with every room that a planted line names."""
    copy = tmp_path / "visionvalley"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("compiled", "__pycache__"))
    for name in ("io/ply.py", "visits/people.py", "hall/pages.py", "samples/__init__.py", "report/page.py"):
        plant(copy / name, "")
    for name in ("applications/medical.py", "vision/motion/odometry.py"):
        plant(copy / name, "")
    return copy


def plant(file: Path, text: str) -> None:
    """Write a file and the folders it lies in."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
