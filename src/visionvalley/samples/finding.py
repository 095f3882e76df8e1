# SPDX-License-Identifier: Apache-2.0
"""Where samples lie: VALLEY_DATA, then beside the checkout, then the user's cache; else they are downloaded."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from visionvalley.core import SILENT, BadInput, Progress, stage
from visionvalley.samples.download import fetch
from visionvalley.samples.table import Sample, SourceFile, table

CHECKOUT = Path(__file__).parents[3]


def cache() -> Path:
    """Return the folder for downloaded samples."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "visionvalley" / "samples"


def places() -> tuple[Path, ...]:
    """Return the folders in which samples are looked for, in this order."""
    named = os.environ.get("VALLEY_DATA")
    beside = CHECKOUT.parent / "shared" / "data"
    found = ([Path(named)] if named else []) + ([beside] if (CHECKOUT / "pyproject.toml").exists() else [])
    return (*found, cache())


def list_samples() -> tuple[Sample, ...]:
    """Return all samples, each with the folder where it is on this machine, or None."""
    return tuple(replace(one, here=_here(one)) for one in table())


def find(name: str, offline: bool = False, progress: Progress = SILENT) -> Path:
    """Return the folder of a sample, or one file of it, downloaded where it is not on this machine.

    name     'bunny_scans', or 'bunny_scans/bun000.ply' for one file of it
    offline  never ask the network

    Raises BadInput for a name that is not known, and where the data cannot be had: offline, no network, not
    public, or not what they were when the table was made.
    """
    sample, inside = _named(name)
    there = _here(sample, inside)
    if there is not None:
        return there
    wanted = [one for one in sample.files if inside in ("", one.file)]
    if not wanted or not (sample.complete or inside):
        raise BadInput("samples.not_public", name=name, folder=sample.folder)
    if offline:
        raise BadInput("samples.offline", name=name, megabytes=_megabytes(wanted))
    folder = cache() / sample.folder
    with stage(progress, "samples.downloading", sum(one.bytes for one in wanted), name=sample.name):
        for one in wanted:
            fetch(one, folder / one.file, progress)
    return folder / inside


def _named(name: str) -> tuple[Sample, str]:
    """Return the sample and the file inside it that a name means."""
    plain = name.strip("/")
    for one in table():
        for known in (one.name, one.folder):
            if plain == known or plain.startswith(known + "/"):
                return one, plain[len(known) + 1 :]
    raise BadInput("samples.unknown", name=name, known=", ".join(one.name for one in table()))


def _here(sample: Sample, inside: str = "") -> Path | None:
    """Return where a sample, or one file of it, lies whole, or None."""
    for place in places():
        folder = place / sample.folder
        wanted = [one for one in sample.files if inside in ("", one.file)]
        whole = all(_size(folder / one.file) == one.bytes for one in wanted)
        if whole and (folder / inside).exists() and (sample.complete or place != cache()):
            return folder / inside
    return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _megabytes(files: list[SourceFile]) -> str:
    return f"{sum(one.bytes for one in files) / 1e6:.1f}"
