# SPDX-License-Identifier: Apache-2.0
"""The folder of a run's results: the report as a page and printed, and the numbers for people and other software."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from visionvalley.core import Report, Scene
from visionvalley.report.csv import write_csv
from visionvalley.report.dfq import write_dfq
from visionvalley.report.html import write_html
from visionvalley.report.json import write_json
from visionvalley.report.page import page_of, part_of
from visionvalley.report.pdf import can_write_pdf, write_pdf
from visionvalley.report.protocols import Conditions
from visionvalley.report.qif import write_qif
from visionvalley.report.scene import measured_thing, write_deviations, write_glb
from visionvalley.report.thinning import thinned_scene


def write_report(folder: Path, report: Report, conditions: Conditions, language: str = "en") -> None:
    """Write all files of a report into a folder that exists; each appears only when it is whole."""
    shown, measured = thinned_scene(report.scene), measured_thing(report.scene)
    with ThreadPoolExecutor(2) as pool:
        pages = pool.submit(_write_pages, folder, report, conditions, language, shown)
        if shown.things:
            write_glb(folder / "scene.glb", shown)
        if measured is not None:
            write_deviations(folder / "deviation.ply", measured)
        write_json(folder / "result.json", report, conditions)
        if report.features:
            write_csv(folder / "results.csv", [(report, conditions)])
            write_dfq(folder / "results.dfq", part_of(report, conditions), [(report, conditions)])
            write_qif(folder / "results.qif", [(report, conditions)])
        pages.result()


def _write_pages(folder: Path, report: Report, conditions: Conditions, language: str, shown: Scene) -> None:
    page = page_of(report, conditions, language, shown)
    write_html(folder / "report.html", page)
    if can_write_pdf():
        write_pdf(folder / "report.pdf", page)
