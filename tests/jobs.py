# SPDX-License-Identifier: Apache-2.0
"""Applications for workers in tests: one that works, and others that do what nobody should. Named `tests.jobs`."""

import json
import os
import time
from pathlib import Path

import numpy as np

from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import Measurement, Report, Verdict, stage, text
from visionvalley.runs.conducting import Job
from visionvalley.runs.table import Application


def warm():
    """Leave out pictures and pages, which nobody looks at here."""
    from visionvalley.report import folder
    from visionvalley.report.json import write_json

    folder.write_report = lambda to, report, under, language="en": write_json(to / "result.json", report, under)


def work(arguments, progress):
    with stage(progress, "runs.read", steps=4):
        for _ in range(4):
            time.sleep(arguments.get("seconds", 0.0) / 4)
            progress.advance()
    kind = arguments.get("kind")
    with stage(progress, "runs.simulate"):
        if kind == "bomb":
            np.ones(1 << 40, np.uint8)
        if kind == "crash":
            os.abort()
        if kind == "wide":
            Path(arguments["to"]).write_bytes(b"0" * (8 << 20))
        if kind == "many":
            kept = [Path(os.devnull).open() for _ in range(5000)]  # noqa: SIM115
            raise SystemExit(len(kept))
        if kind == "fault":
            raise RuntimeError("something of the inside, /secret/path")
    limits = Measurement("height", 1e-3, 1e-5, "m", (0.98e-3, 1.02e-3))
    return Report("toy", text("runs.demo_title"), Verdict.PASS, (limits,))


def job(asked, inputs, output):
    if asked.arguments.get("note"):
        with Path(asked.arguments["note"]).open("a") as file:
            file.write(json.dumps([asked.arguments.get("who"), os.getpid()]) + "\n")
    return Job(
        "toy.run", dict(asked.arguments), inputs, Settings(), lambda progress: work(asked.arguments, progress), output
    )


APPLICATIONS = {"toy.run": Application(Settings, (), job)}
