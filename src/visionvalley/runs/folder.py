# SPDX-License-Identifier: Apache-2.0
"""A folder of results: whole, or not there."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from visionvalley.core import BadInput, Progress, Report, stage
from visionvalley.runs.conditions import Conditions

MARK = "result.json"


def kept(report: Report, folder: Path, under: Conditions, progress: Progress) -> Path:
    """Write a report's files to `folder` and return it.

    They are written beside it and renamed as a whole. An earlier result there is replaced; a folder
    that holds anything else is refused.
    """
    from visionvalley.report.folder import write_report

    if folder.exists() and not (folder.is_dir() and ((folder / MARK).exists() or not any(folder.iterdir()))):
        raise BadInput("runs.folder_in_use", folder=folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        with stage(progress, "runs.write"):
            write_report(partial, report, under)
        partial.chmod(0o777 & ~_mask())
        _replace(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return folder


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _replace(partial: Path, folder: Path) -> None:
    if not folder.exists():
        partial.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
    folder.rename(old / folder.name)
    partial.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
