# SPDX-License-Identifier: Apache-2.0
"""The folder of a run's results: report.html, result.json, scene.glb, deviation.ply."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from visionvalley.core import Report
from visionvalley.report.html import write_html
from visionvalley.report.json import write_json
from visionvalley.report.protocols import Conditions
from visionvalley.report.scene import measured_thing, write_deviations, write_glb
from visionvalley.report.thinning import thinned_scene


def write_report(folder: Path, report: Report, conditions: Conditions, language: str = "en") -> None:
    """Write all files of a report into a folder that exists; each appears only when it is whole."""
    shown, measured = thinned_scene(report.scene), measured_thing(report.scene)
    with ThreadPoolExecutor(2) as pool:
        page = pool.submit(write_html, folder / "report.html", report, conditions, language, shown)
        if shown.things:
            write_glb(folder / "scene.glb", shown)
        if measured is not None:
            write_deviations(folder / "deviation.ply", measured)
        write_json(folder / "result.json", report, conditions)
        page.result()
