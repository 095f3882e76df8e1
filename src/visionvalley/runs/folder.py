# SPDX-License-Identifier: Apache-2.0
"""A folder of results: whole, or not there."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from visionvalley.core import BadInput, Progress, Report, stage
from visionvalley.runs.conditions import Conditions

MARK = "result.json"


def kept(report: Report, folder: Path, under: Conditions, progress: Progress) -> Path:
    """Write a report's files to `folder` and return it.

    They are written beside it and renamed as a whole. An earlier result there is replaced; a folder
    that holds anything else is refused. What a killed process left beside it is cleared away.
    """
    from visionvalley.report.folder import write_report

    if folder.exists() and not (folder.is_dir() and ((folder / MARK).exists() or not any(folder.iterdir()))):
        raise BadInput("runs.folder_in_use", folder=folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _aside(folder) as partial:
        with stage(progress, "runs.write"):
            write_report(partial, report, under)
        partial.chmod(0o777 & ~_mask())
        _replace(partial, folder)
    return folder


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """Give a new folder beside another, locked as long as we live; whatever goes wrong, it goes."""
    with _alone(folder.parent):
        _clear(folder)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        handle = _locked(partial)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    finally:
        if handle is not None:
            os.close(handle)


def sweep(folder: Path) -> None:
    """Clear away what processes left that were killed while they wrote `folder`; an earlier result is put back."""
    with _alone(folder.parent):
        _clear(folder)


def _clear(folder: Path) -> None:
    ours = re.compile(rf"\.{re.escape(folder.name)}-(old-)?\w{{8}}")
    for left in (path for path in folder.parent.iterdir() if ours.fullmatch(path.name) and path.is_dir()):
        handle = _locked(left)
        if handle is None:
            continue
        if (left / folder.name).exists() and not folder.exists():  # killed between the two renames of `_replace`
            (left / folder.name).rename(folder)
        shutil.rmtree(left, ignore_errors=True)
        os.close(handle)


@contextmanager
def _alone(parent: Path) -> Iterator[None]:
    """Wait until no other process makes, sweeps or renames folders of results in `parent`."""
    handle = os.open(parent, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _locked(folder: Path) -> int | None:
    """Return the handle of a folder that we locked; None where a living process has it, or locks are unknown."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _replace(partial: Path, folder: Path) -> None:
    with _alone(folder.parent):
        if not folder.exists():
            partial.rename(folder)
            return
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
        folder.rename(old / folder.name)
        partial.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
