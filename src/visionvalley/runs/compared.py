# SPDX-License-Identifier: Apache-2.0
"""The demonstration of a comparison: one part, scanned twice in simulation, the second time with a planted dent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from visionvalley.applications.manufacturing.comparison import Comparison, run
from visionvalley.applications.manufacturing.seeds import Seeds
from visionvalley.applications.manufacturing.settings import ComparisonSettings
from visionvalley.core import SILENT, Progress, Report, stage, text
from visionvalley.runs.comparison import DRAWN
from visionvalley.runs.conducting import Asked, Done, Job, Keeping, conduct
from visionvalley.runs.featured import SIMULATED, with_truth

APPLICATION = "manufacturing.comparison_demonstration"
TOLERANCE_M = 0.1e-3


def demonstrate_comparison(output: Path, progress: Progress = SILENT, keeping: Keeping = Keeping()) -> Done:
    """Compare two simulated scans of a part, a dent planted between them."""
    return conduct(_job(output, Seeds(), 0), keeping, progress)


def again(asked: Asked, _inputs: Mapping[str, Path], output: Path) -> Job:
    """Return the job of what was asked; it reads no files."""
    return _job(output, Seeds.of(asked.seeds), asked.seeds.get(SIMULATED, 0))


def _job(output: Path, seeds: Seeds, seed: int) -> Job:
    settings = ComparisonSettings(tolerance_m=TOLERANCE_M)

    def work(progress: Progress) -> Report:
        from visionvalley.samples.simulated import scanned_twice

        with stage(progress, "runs.simulate"):
            before, after, part = scanned_twice(seed)
        return _beside_truth(run(Comparison(before, after, part, simulated=True, seeds=seeds), settings, progress))

    kept = {name: one for name, one in seeds.kept().items() if name in DRAWN}
    return Job(APPLICATION, {}, {}, settings, work, output, kept | {SIMULATED: seed})


def _beside_truth(report: Report) -> Report:
    """Return a report with the depth of the dent beside the change that is largest."""
    from visionvalley.samples.simulated import DENT_M

    largest = max(report.features, key=lambda one: abs(one.measured.value))
    features = tuple(with_truth(one, DENT_M) if one is largest else one for one in report.features)
    return replace(report, title=text("runs.compared_title"), features=features)
