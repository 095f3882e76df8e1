# SPDX-License-Identifier: Apache-2.0
"""Which applications there are: what each asks, which files it reads, and how a job is made. Light to import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from visionvalley.applications.manufacturing.settings import ComparisonSettings, Settings

if TYPE_CHECKING:
    from visionvalley.runs.conducting import Asked, Job

SCANS = (
    ".ply", ".stl", ".obj", ".off", ".3mf", ".npz", ".pcd", ".las", ".laz", ".e57", ".bin", ".xyz", ".csv", ".txt",
    ".asc", ".pts",
)  # fmt: skip
PARTS = (".step", ".stp", ".stl", ".3mf", ".ply", ".obj", ".off", ".npz")


@dataclass(frozen=True, slots=True)
class FileRole:
    """A file that an application reads.

    endings  of its name, lower case
    needed   whether a guest who brings files must bring it
    unit     name of the argument that tells its unit where its format carries none; empty: no lengths in it
    """

    name: str
    endings: tuple[str, ...]
    needed: bool = True
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Application:
    """What can be run.

    settings  a frozen dataclass of `setting` fields
    roles     the files that a guest may bring; none: it runs on its own samples only
    job       from what is asked, files by role, and the folder for results
    """

    settings: type
    roles: tuple[FileRole, ...]
    job: Callable[[Asked, Mapping[str, Path], Path], Job]


def _inspection(asked: Asked, inputs: Mapping[str, Path], output: Path) -> Job:
    from visionvalley.runs import inspection

    return inspection.again(asked, inputs, output)


def _comparison(asked: Asked, inputs: Mapping[str, Path], output: Path) -> Job:
    from visionvalley.runs import comparison

    return comparison.again(asked, inputs, output)


def _demonstration(asked: Asked, inputs: Mapping[str, Path], output: Path) -> Job:
    from visionvalley.runs import demo

    return demo.again(asked, inputs, output)


def _features(asked: Asked, inputs: Mapping[str, Path], output: Path) -> Job:
    from visionvalley.runs import featured

    return featured.again(asked, inputs, output)


def _compared(asked: Asked, inputs: Mapping[str, Path], output: Path) -> Job:
    from visionvalley.runs import compared

    return compared.again(asked, inputs, output)


APPLICATIONS: dict[str, Application] = {
    "manufacturing.inspection": Application(
        Settings,
        (
            FileRole("scan", SCANS, unit="scan_unit"),
            FileRole("reference", PARTS, unit="reference_unit"),
            FileRole("recipe", (".toml",), needed=False),
        ),
        _inspection,
    ),
    "manufacturing.comparison": Application(
        ComparisonSettings,
        (
            FileRole("before", SCANS, unit="before_unit"),
            FileRole("after", SCANS, unit="after_unit"),
            FileRole("reference", PARTS, needed=False, unit="reference_unit"),
        ),
        _comparison,
    ),
    "manufacturing.demonstration": Application(Settings, (), _demonstration),
    "manufacturing.features_demonstration": Application(Settings, (), _features),
    "manufacturing.comparison_demonstration": Application(ComparisonSettings, (), _compared),
}


def warm() -> None:
    """Load all that a run needs, and call the kernels once, so that no guest waits for it."""
    from visionvalley.applications.manufacturing import comparison
    from visionvalley.applications.manufacturing.inspection import Inspection, run
    from visionvalley.core import Cloud
    from visionvalley.runs import compared, conducting, demo, featured, inspection
    from visionvalley.samples.simulated import bracket
    from visionvalley.vision.shape.topology import sample_surface

    part = bracket()
    scan = Cloud(sample_surface(part, 4000).points_m)
    run(Inspection(scan, part), Settings(tolerance_m=1e-3))
    comparison.run(comparison.Comparison(scan, scan, part), ComparisonSettings(tolerance_m=1e-3))
    _ = compared, conducting, demo, featured, inspection
