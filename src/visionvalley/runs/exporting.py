# SPDX-License-Identifier: Apache-2.0
"""A recorded run as a folder, a zip file, or JSON."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zipfile
from dataclasses import asdict
from pathlib import Path

from visionvalley.core import BadInput
from visionvalley.io.atomic import beside, written
from visionvalley.records import Records, RunRecord, artefact_path

RECORD = "record.json"


def export_run(run: RunRecord, output: Path, records: Records | None = None) -> Path:
    """Write a run's files and its record to a new folder or a .zip file, or the record alone to a .json file.

    Whole or not at all. Raises BadInput for a folder that is there already.
    """
    about = json.dumps(asdict(run), indent=1, ensure_ascii=False) + "\n"
    kind = output.suffix.lower()
    if kind == ".json":
        with written(output) as file:
            file.write(about.encode("utf-8"))
        return output
    files = {one.name: artefact_path(one, records) for one in run.artefacts}
    return _zip(output, about, files) if kind == ".zip" else _folder(output, about, files)


def _zip(output: Path, about: str, files: dict[str, Path]) -> Path:
    with beside(output) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(RECORD, about)
        for name, path in files.items():
            archive.write(path, name)
    return output


def _folder(output: Path, about: str, files: dict[str, Path]) -> Path:
    if output.exists():
        raise BadInput("runs.export_there", path=output)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    try:
        for name, path in files.items():
            place = partial / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
        (partial / RECORD).write_text(about, encoding="utf-8")
        mask = os.umask(0)
        os.umask(mask)
        partial.chmod(0o777 & ~mask)
        partial.rename(output)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return output
