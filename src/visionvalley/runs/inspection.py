# SPDX-License-Identifier: Apache-2.0
"""An inspection from files to a folder of results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from visionvalley.applications.manufacturing.inspection import Inspection, run
from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import SILENT, Mesh, Progress, Report, stage
from visionvalley.io.files import read, read_mesh
from visionvalley.records import RunRecord
from visionvalley.runs.conducting import Done, Job, Keeping, conduct

APPLICATION = "manufacturing.inspection"
SEEDS = {"sampled surface": 0, "share seen": 1}  # of `sample_surface`, where scan and reference are meshes
CHORD_SHARE = 50  # an exact surface is cut into triangles within this part of the tolerance
CHORD_OF_SIZE = 20_000  # or, where there is no tolerance, within this part of its size


@dataclass(frozen=True, slots=True)
class Request:
    """Which files to inspect, and where the results go.

    scan_unit, reference_unit  needed where the file does not carry its own
    output                     folder; None: beside the scan, named after it
    """

    scan: Path
    reference: Path
    scan_unit: str | None = None
    reference_unit: str | None = None
    output: Path | None = None

    @property
    def folder(self) -> Path:
        """Where the results go."""
        return self.output or self.scan.with_name(f"{self.scan.stem}-inspection")


def inspect_files(
    request: Request, settings: Settings, progress: Progress = SILENT, keeping: Keeping = Keeping()
) -> Done:
    """Inspect a scan against its nominal surface, and keep the record of it."""
    return conduct(job(request, settings), keeping, progress)


def job(request: Request, settings: Settings) -> Job:
    """Return an inspection that can be conducted."""

    def work(progress: Progress) -> Report:
        with stage(progress, "runs.read"):
            reference, chord_m = _read_reference(request, settings)
            scan = read(request.scan, request.scan_unit)
        return run(Inspection(scan, reference, chord_m), settings, progress)

    return Job(
        application=APPLICATION,
        arguments={"scan_unit": request.scan_unit, "reference_unit": request.reference_unit},
        inputs={"scan": request.scan, "reference": request.reference},
        settings=settings,
        work=work,
        output=request.folder,
        seeds=SEEDS,
    )


def again(record: RunRecord, inputs: Mapping[str, Path], output: Path) -> Job:
    """Return the job of a record, over these files."""
    request = Request(inputs["scan"], inputs["reference"], output=output, **record.arguments)
    return job(request, Settings(**record.settings))


def _read_reference(request: Request, settings: Settings) -> tuple[Mesh, float]:
    chord_m = None
    if request.reference.suffix.lower() in {".step", ".stp"}:
        coarse = read_mesh(request.reference, request.reference_unit)
        size_m = float((coarse.vertices_m.max(axis=0) - coarse.vertices_m.min(axis=0)).max())
        chord_m = settings.tolerance_m / CHORD_SHARE if settings.tolerance_m else size_m / CHORD_OF_SIZE
    reference = read_mesh(request.reference, request.reference_unit, chord_m)
    return reference, chord_m or 0.0
