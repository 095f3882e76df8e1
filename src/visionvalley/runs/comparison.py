# SPDX-License-Identifier: Apache-2.0
"""A comparison of two scans from files to a folder of results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from visionvalley.applications.manufacturing.comparison import Comparison, run
from visionvalley.applications.manufacturing.seeds import Seeds
from visionvalley.applications.manufacturing.settings import ComparisonSettings
from visionvalley.core import SILENT, Progress, Report, stage
from visionvalley.io.files import read, read_part
from visionvalley.runs.conducting import Asked, Done, Job, Keeping, conduct

APPLICATION = "manufacturing.comparison"
DRAWN = ("scan", "reference")  # the seeds that a comparison draws with


@dataclass(frozen=True, slots=True)
class Request:
    """Which scans to compare, and where the results go.

    reference  nominal surface, on which both are laid first; None: they are registered on each other alone
    unit       of the scans, reference_unit of the reference, where their files carry none
    output     folder; None: beside the later scan, named after it
    """

    before: Path
    after: Path
    reference: Path | None = None
    before_unit: str | None = None
    after_unit: str | None = None
    reference_unit: str | None = None
    output: Path | None = None

    @property
    def folder(self) -> Path:
        """Where the results go."""
        return self.output or self.after.with_name(f"{self.after.stem}-comparison")


def compare_files(
    request: Request, settings: ComparisonSettings, progress: Progress = SILENT, keeping: Keeping = Keeping()
) -> Done:
    """Compare two scans, and keep the record of it."""
    return conduct(job(request, settings), keeping, progress)


def job(request: Request, settings: ComparisonSettings, seeds: Seeds = Seeds()) -> Job:
    """Return a comparison that can be conducted."""
    files = {"before": request.before, "after": request.after}
    units = {name: getattr(request, name) for name in ("before_unit", "after_unit", "reference_unit")}

    def work(progress: Progress) -> Report:
        with stage(progress, "runs.read"):
            reference = None if request.reference is None else read_part(request.reference, request.reference_unit).mesh
            before, after = read(request.before, request.before_unit), read(request.after, request.after_unit)
        return run(Comparison(before, after, reference, seeds=seeds), settings, progress)

    inputs = files | ({} if request.reference is None else {"reference": request.reference})
    kept = {name: seed for name, seed in seeds.kept().items() if name in DRAWN}
    return Job(APPLICATION, units, inputs, settings, work, request.folder, kept)


def again(record: Asked, inputs: Mapping[str, Path], output: Path) -> Job:
    """Return the job of what is asked, over these files."""
    request = Request(inputs["before"], inputs["after"], inputs.get("reference"), output=output, **record.arguments)
    return job(request, ComparisonSettings(**record.settings), Seeds.of(record.seeds))
